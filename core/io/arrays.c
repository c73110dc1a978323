#include "io/arrays.h"

#include "common/error.h"
#include "io/npy_header.h"

#include <inttypes.h>
#include <string.h>

#define MAGIC_SIZE   6U
#define PREFIX_SIZE  8U /* magic and version */
#define HEADER_MAX   65535U
#define VERSION_LAST 3U

/* The length of the literal, which two bytes tell in version 1 and four in versions 2 and 3;
 * *start is where it begins. */
static gp_status measure_header(const char *file, size_t available, size_t *start, size_t *length,
                                gp_error *reason) {
  static const char magic[MAGIC_SIZE] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};
  const size_t compared = available < MAGIC_SIZE ? available : MAGIC_SIZE;
  if (memcmp(file, magic, compared) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "not an npy file: it does not start as one does");
  }
  const unsigned version = available > MAGIC_SIZE ? (unsigned char)file[MAGIC_SIZE] : 1;
  const unsigned minor = available > MAGIC_SIZE + 1 ? (unsigned char)file[MAGIC_SIZE + 1] : 0;
  if (version < 1 || version > VERSION_LAST || minor != 0) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "npy format version %u.%u is not known: 1.0, 2.0 or 3.0 expected", version,
                   minor);
  }
  const size_t width = version == 1 ? 2 : 4;
  *start = PREFIX_SIZE + width;
  if (available < *start) {
    return gp_fail(reason, GP_ERR_FORMAT, "the file ends within the npy header");
  }
  *length = 0;
  for (size_t i = width; i > 0; i--) {
    *length = *length << 8 | (unsigned char)file[PREFIX_SIZE + i - 1];
  }
  if (*length > HEADER_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the npy header claims to have %zu bytes: at most %u are read", *length,
                   HEADER_MAX);
  }
  return GP_OK;
}

static gp_status set_up(gp_arrays *arrays, const gp_npy_header *header, gp_error *reason) {
  *arrays = (gp_arrays){.element = header->element,
                        .bounded = true,
                        .is_row = header->dimensions == 2,
                        .left = header->shape[0],
                        .total = header->shape[0],
                        .columns = 1};
  if (arrays->is_row) {
    if (header->shape[1] > GP_ARRAY_ROW_MAX / header->element.size) {
      return gp_fail(reason, GP_ERR_FORMAT,
                     "the array's rows are longer than %zu MiB: split them into several",
                     GP_ARRAY_ROW_MAX >> 20);
    }
    arrays->columns = (size_t)header->shape[1];
  }
  return GP_OK;
}

gp_status gp_arrays_open_npy(gp_arrays *arrays, gp_window *window, gp_error *reason) {
  size_t start = 0;
  size_t length = 0;
  gp_status status = gp_window_fill(window, PREFIX_SIZE + 4, reason);
  if (status == GP_OK) {
    status = measure_header(gp_window_start(window), gp_window_length(window), &start, &length,
                            reason);
  }
  if (status == GP_OK) {
    status = gp_window_fill(window, start + length, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  if (gp_window_length(window) < start + length) {
    return gp_fail(reason, GP_ERR_FORMAT, "the file ends within the npy header");
  }
  gp_npy_header header;
  status = gp_npy_header_parse(gp_window_start(window) + start, length, &header, reason);
  if (status != GP_OK) {
    return status;
  }
  gp_window_skip(window, start + length);
  return set_up(arrays, &header, reason);
}

void gp_arrays_open_raw(gp_arrays *arrays, uint8_t size) {
  *arrays = (gp_arrays){.element = {.size = size}};
}

static gp_status check_end(const gp_arrays *arrays, size_t available, gp_error *reason) {
  if (available > 0 && arrays->bounded) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "bytes follow the array that the npy header describes: the file is damaged");
  }
  return GP_OK;
}

static gp_status fail_short(const gp_arrays *arrays, uint64_t whole, gp_error *reason) {
  return gp_fail(
      reason, GP_ERR_FORMAT,
      "the file ends before its array does: %" PRIu64 " of %" PRIu64 " %s are there whole",
      arrays->total - arrays->left + whole, arrays->total, arrays->is_row ? "rows" : "entries");
}

/* What the next record should have: a row, a part, or the rest. */
static size_t wanted_bytes(const gp_arrays *arrays) {
  if (arrays->is_row) {
    return arrays->left > 0 ? arrays->columns * arrays->element.size : 0;
  }
  const size_t part = arrays->bounded && arrays->left < GP_ARRAY_PART ? (size_t)arrays->left //
                                                                      : GP_ARRAY_PART;
  return part * arrays->element.size;
}

gp_status gp_arrays_next(gp_arrays *arrays, gp_window *window, gp_record *record,
                         gp_error *reason) {
  const size_t size = arrays->element.size;
  const size_t wanted = wanted_bytes(arrays);
  const gp_status status = gp_window_fill(window, wanted > 0 ? wanted : 1, reason);
  if (status != GP_OK) {
    return status;
  }
  const size_t available = gp_window_length(window);
  size_t length = wanted;
  if (available < wanted) {
    if (arrays->bounded) {
      return fail_short(arrays, arrays->is_row ? 0 : available / size, reason);
    }
    if (available % size != 0) {
      return gp_fail(reason, GP_ERR_FORMAT, "the file ends within an id of %zu bytes", size);
    }
    length = available;
  }
  if (length == 0) {
    record->bytes = NULL;
    return check_end(arrays, available, reason);
  }
  if (arrays->bounded) {
    arrays->left -= arrays->is_row ? 1 : length / size;
  }
  *record = (gp_record){.bytes = gp_window_start(window),
                        .length = length,
                        .element = arrays->element,
                        .is_row = arrays->is_row};
  gp_window_skip(window, length);
  return GP_OK;
}

#include "io/array_ids.h"

#include "common/bytes.h"
#include "common/error.h"
#include "io/arrays.h"

#include <inttypes.h>
#include <stdio.h>

/* An element as it stands there, its sign extended. */
static inline uint64_t load(const uint8_t *bytes, gp_element element) {
  uint64_t value = 0;
  for (size_t i = 0; i < element.size; i++) {
    value = value << 8 | bytes[element.big_endian ? i : element.size - 1U - i];
  }
  const unsigned unused = 64U - 8U * element.size;
  if (element.is_signed && value >> (63U - unused) != 0) {
    value |= unused > 0 ? UINT64_MAX << (64U - unused) : 0;
  }
  return value;
}

static gp_status fail_value(const gp_record *record, size_t index, uint64_t value,
                            gp_error *reason) {
  char place[64];
  char number[24];
  if (record->is_row) {
    (void)snprintf(place, sizeof place, "row %" PRIu64 ", column %zu", record->line, index + 1);
  } else {
    (void)snprintf(place, sizeof place, "entry %" PRIu64,
                   (record->line - 1) * GP_ARRAY_PART + index + 1);
  }
  const bool negative = record->element.is_signed && value > INT64_MAX;
  (void)snprintf(number, sizeof number, "%s%" PRIu64, negative ? "-" : "",
                 negative ? 0 - value : value);
  return gp_fail(reason, GP_ERR_FORMAT, "%s is %s: token ids are integers from 0 to 4294967295",
                 place, number);
}

/* Any kind of element. */
static gp_status convert(const gp_record *record, uint32_t *ids, size_t count, gp_error *reason) {
  const uint8_t *bytes = (const uint8_t *)record->bytes;
  for (size_t i = 0; i < count; i++) {
    const uint64_t value = load(bytes + i * record->element.size, record->element);
    if (value > UINT32_MAX) {
      return fail_value(record, i, value, reason);
    }
    ids[i] = (uint32_t)value;
  }
  return GP_OK;
}

/* The usual kinds, in loops that compilers vectorize. */
static void widen_u16(const uint8_t *bytes, uint32_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    ids[i] = (uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
  }
}

static void copy_u32(const uint8_t *bytes, uint32_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    ids[i] = gp_load_le32(bytes + 4 * i);
  }
}

gp_status gp_array_ids(const gp_record *record, gp_tokens *tokens, gp_error *reason) {
  const gp_element element = record->element;
  const size_t count = record->length / element.size;
  const gp_status status = gp_tokens_reserve(tokens, count, reason);
  if (status != GP_OK) {
    return status;
  }
  tokens->count = count;
  if (!element.is_signed && !element.big_endian && element.size == 2) {
    widen_u16((const uint8_t *)record->bytes, tokens->ids, count);
    return GP_OK;
  }
  if (!element.is_signed && !element.big_endian && element.size == 4) {
    copy_u32((const uint8_t *)record->bytes, tokens->ids, count);
    return GP_OK;
  }
  return convert(record, tokens->ids, count, reason);
}

#include "text/text.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

/* The capacity to grow to for `needed` items: half as much again, so that appending costs a
 * constant on average. */
static size_t grown(size_t capacity, size_t needed) {
  const size_t more = capacity + capacity / 2;
  return needed < 64 ? 64 : needed > more ? needed : more;
}

/* Resizes an array; false, with the array as it was, where memory is lacking. */
static bool resize(void **array, size_t count, size_t size) {
  if (count > SIZE_MAX / 2 / size) {
    return false;
  }
  void *moved = realloc(*array, count * size);
  if (moved == NULL) {
    return false;
  }
  *array = moved;
  return true;
}

gp_status gp_text_buffer_reserve(gp_text_buffer *buffer, size_t extra, gp_error *error) {
  if (extra >= UINT32_MAX - buffer->length) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "the text has 4 GiB or more once it is normalised: pass it in parts");
  }
  const size_t needed = buffer->length + extra;
  if (needed <= buffer->capacity) {
    return GP_OK;
  }
  const size_t capacity = grown(buffer->capacity, needed);
  void *bytes = buffer->bytes;
  void *ends = buffer->ends;
  const bool done = resize(&bytes, capacity, sizeof *buffer->bytes) &&
                    resize(&ends, capacity, sizeof *buffer->ends);
  buffer->bytes = bytes;
  buffer->ends = ends;
  if (!done) {
    return gp_fail_memory(error, "the text to be tokenized is too long");
  }
  buffer->capacity = capacity;
  return GP_OK;
}

void gp_text_buffer_release(gp_text_buffer *buffer) {
  free(buffer->bytes);
  free(buffer->ends);
  memset(buffer, 0, sizeof *buffer);
}

gp_status gp_text_buffer_put(gp_text_buffer *buffer, const char *bytes, size_t length,
                             uint32_t end, gp_error *error) {
  const gp_status status = gp_text_buffer_reserve(buffer, length, error);
  if (status != GP_OK || length == 0) {
    return status;
  }
  memcpy(buffer->bytes + buffer->length, bytes, length);
  for (size_t i = 0; i < length; i++) {
    buffer->ends[buffer->length + i] = end;
  }
  buffer->length += length;
  return GP_OK;
}

gp_status gp_text_buffer_copy(gp_text_buffer *buffer, const gp_text *text, uint32_t from,
                              uint32_t to, gp_error *error) {
  const size_t length = to - from;
  const gp_status status = gp_text_buffer_reserve(buffer, length, error);
  if (status != GP_OK || length == 0) {
    return status;
  }
  memcpy(buffer->bytes + buffer->length, text->bytes + from, length);
  if (text->ends != NULL) {
    memcpy(buffer->ends + buffer->length, text->ends + from, length * sizeof *buffer->ends);
  } else {
    for (uint32_t i = 0; i < length; i++) {
      buffer->ends[buffer->length + i] = text->begin + from + i + 1;
    }
  }
  buffer->length += length;
  return GP_OK;
}

gp_status gp_pieces_push(gp_pieces *pieces, uint32_t begin, uint32_t end, gp_error *error) {
  if (pieces->count == pieces->capacity) {
    const size_t capacity = grown(pieces->capacity, pieces->count + 1);
    void *items = pieces->items;
    if (!resize(&items, capacity, sizeof *pieces->items)) {
      return gp_fail_memory(error, "too many pieces of text");
    }
    pieces->items = items;
    pieces->capacity = capacity;
  }
  pieces->items[pieces->count++] = (gp_piece){.begin = begin, .end = end};
  return GP_OK;
}

void gp_pieces_release(gp_pieces *pieces) {
  free(pieces->items);
  memset(pieces, 0, sizeof *pieces);
}

gp_status gp_ids_reserve(gp_ids *ids, size_t extra, gp_error *error) {
  if (extra <= ids->capacity - ids->count) {
    return GP_OK;
  }
  if (extra > SIZE_MAX / 16 - ids->count) {
    return gp_fail_memory(error, "too many tokens");
  }
  const size_t capacity = grown(ids->capacity, ids->count + extra);
  void *id = ids->ids;
  void *ends = ids->ends;
  const bool done =
      resize(&id, capacity, sizeof *ids->ids) && resize(&ends, capacity, sizeof *ids->ends);
  ids->ids = id;
  ids->ends = ends;
  if (!done) {
    return gp_fail_memory(error, "too many tokens");
  }
  ids->capacity = capacity;
  return GP_OK;
}

void gp_ids_release(gp_ids *ids) {
  free(ids->ids);
  free(ids->ends);
  memset(ids, 0, sizeof *ids);
}

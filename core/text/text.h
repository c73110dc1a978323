/* A stretch of text on its way to the model, with the way back to the caller's bytes. Text in
 * here is always valid UTF-8 and shorter than 4 GiB. */
#ifndef GP_TEXT_TEXT_H
#define GP_TEXT_TEXT_H

#include "greenprint.h"

/* The text bytes[0:length]. ends[i] is the offset, in what the caller passed, of the byte after
 * the one (or the character) that byte i came from; never decreasing. With `ends` NULL the text
 * is the caller's own from `begin` on, and byte i ends at begin + i + 1. Owned by others. */
typedef struct gp_text {
  const char *bytes;
  const uint32_t *ends;
  uint32_t length;
  uint32_t begin; /* where the first byte of the text stood */
} gp_text;

/* The caller's offset after byte i - 1: where a token ends that ends at i. */
static inline uint32_t gp_text_end(const gp_text *text, uint32_t i) {
  if (text->ends == NULL) {
    return text->begin + i;
  }
  return i == 0 ? text->begin : text->ends[i - 1];
}

/* A text that is being rewritten. Memory is kept from use to use. */
typedef struct gp_text_buffer {
  char *bytes;
  uint32_t *ends;
  size_t length;
  size_t capacity;
} gp_text_buffer;

/* Makes room for `extra` bytes more; GP_ERR_ARGUMENT beyond 4 GiB. */
gp_status gp_text_buffer_reserve(gp_text_buffer *buffer, size_t extra, gp_error *error);
void gp_text_buffer_release(gp_text_buffer *buffer);

/* Appends `length` new bytes that all came from what ends at `end`. */
gp_status gp_text_buffer_put(gp_text_buffer *buffer, const char *bytes, size_t length,
                             uint32_t end, gp_error *error);

/* Appends text[from:to] as it is. */
gp_status gp_text_buffer_copy(gp_text_buffer *buffer, const gp_text *text, uint32_t from,
                              uint32_t to, gp_error *error);

/* Pieces of a text, in order; none overlaps another. */
typedef struct gp_piece {
  uint32_t begin;
  uint32_t end;
} gp_piece;

typedef struct gp_pieces {
  gp_piece *items;
  size_t count;
  size_t capacity;
} gp_pieces;

gp_status gp_pieces_push(gp_pieces *pieces, uint32_t begin, uint32_t end, gp_error *error);
void gp_pieces_release(gp_pieces *pieces);

/* Token ids and where they end. What models write: `ends` are offsets into the piece that the
 * model was given. */
typedef struct gp_ids {
  uint32_t *ids;
  uint32_t *ends;
  size_t count;
  size_t capacity;
} gp_ids;

gp_status gp_ids_reserve(gp_ids *ids, size_t extra, gp_error *error);
void gp_ids_release(gp_ids *ids);

/* Appends a token for which room was reserved. */
static inline void gp_ids_push(gp_ids *ids, uint32_t id, uint32_t end) {
  ids->ids[ids->count] = id;
  ids->ends[ids->count++] = end;
}

#endif

#include "text/vocab.h"

#include "common/error.h"
#include "common/quote.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Ids may leave gaps, but an array over all of them has to stay in proportion to the file. */
#define IDS_PER_PIECE 64U
#define IDS_AT_LEAST  65536U
/* Half-empty tables have runs of some hundred slots at the most, unless somebody made the pieces
 * for it: that is refused, since it would take quadratic time. */
#define LONGEST_RUN 2048U

/* Multiply-and-xorshift over words of eight bytes; the constants are odd numbers without
 * structure (the fractional parts of the golden ratio and of the square root of 2). */
uint64_t gp_hash_bytes(const char *bytes, size_t length) {
  uint64_t hash = UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)length;
  while (length >= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    hash = (hash ^ word) * UINT64_C(0x6A09E667F3BCC909);
    hash ^= hash >> 32;
    bytes += 8;
    length -= 8;
  }
  uint64_t rest = 0;
  if (length > 0) {
    memcpy(&rest, bytes, length);
  }
  hash = (hash ^ rest) * UINT64_C(0x6A09E667F3BCC909);
  hash ^= hash >> 29;
  hash *= UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ hash >> 32;
}

static const gp_vocab_piece *lookup(const gp_vocab *vocab, const char *bytes, size_t length,
                                    size_t *slot) {
  *slot = 0;
  if (vocab->n_slots == 0) {
    return NULL;
  }
  size_t i = (size_t)gp_hash_bytes(bytes, length) & (vocab->n_slots - 1);
  for (; vocab->slots[i] != 0; i = (i + 1) & (vocab->n_slots - 1)) {
    const gp_vocab_piece *piece = &vocab->pieces[vocab->slots[i] - 1];
    if (piece->length == length && memcmp(vocab->bytes + piece->offset, bytes, length) == 0) {
      return piece;
    }
  }
  *slot = i;
  return NULL;
}

uint32_t gp_vocab_find(const gp_vocab *vocab, const char *bytes, size_t length) {
  size_t slot = 0;
  const gp_vocab_piece *piece = lookup(vocab, bytes, length, &slot);
  return piece == NULL ? GP_NO_ID : piece->id;
}

/* Doubles the hash table. */
static gp_status rehash(gp_vocab *vocab, gp_error *reason) {
  const size_t n_slots = vocab->n_slots == 0 ? 256 : vocab->n_slots * 2;
  uint32_t *slots = calloc(n_slots, sizeof *slots);
  if (slots == NULL) {
    return gp_fail_memory(reason, "the vocabulary is too large");
  }
  for (size_t p = 0; p < vocab->count; p++) {
    const gp_vocab_piece *piece = &vocab->pieces[p];
    size_t i = (size_t)gp_hash_bytes(vocab->bytes + piece->offset, piece->length) & (n_slots - 1);
    while (slots[i] != 0) {
      i = (i + 1) & (n_slots - 1);
    }
    slots[i] = (uint32_t)p + 1;
  }
  free(vocab->slots);
  vocab->slots = slots;
  vocab->n_slots = n_slots;
  return GP_OK;
}

static gp_status make_room(gp_vocab *vocab, size_t length, gp_error *reason) {
  if (length >= UINT32_MAX - vocab->bytes_used) {
    return gp_fail(reason, GP_ERR_FORMAT, "the vocabulary has 4 GiB or more");
  }
  if (length > vocab->bytes_capacity - vocab->bytes_used) {
    const size_t capacity = vocab->bytes_capacity * 2 + length + 4096;
    char *bytes = realloc(vocab->bytes, capacity);
    if (bytes == NULL) {
      return gp_fail_memory(reason, "the vocabulary is too large");
    }
    vocab->bytes = bytes;
    vocab->bytes_capacity = capacity;
  }
  if (vocab->count == vocab->capacity) {
    const size_t capacity = vocab->capacity * 2 + 256;
    gp_vocab_piece *pieces = realloc(vocab->pieces, capacity * sizeof *pieces);
    if (pieces == NULL) {
      return gp_fail_memory(reason, "the vocabulary is too large");
    }
    vocab->pieces = pieces;
    vocab->capacity = capacity;
  }
  return (vocab->count + 1) * 2 > vocab->n_slots ? rehash(vocab, reason) : GP_OK;
}

gp_status gp_vocab_add(gp_vocab *vocab, const char *bytes, size_t length, uint32_t id,
                       gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  if (length == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the piece of id %" PRIu32 " is empty", id);
  }
  if (id >= GP_ID_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "piece %s has id %" PRIu32 ": ids above %" PRIu32 " are refused",
                   gp_quote(quoted, bytes, length), id, GP_ID_MAX - 1);
  }
  const gp_status status = make_room(vocab, length, reason);
  if (status != GP_OK) {
    return status;
  }
  size_t slot = 0;
  const gp_vocab_piece *present = lookup(vocab, bytes, length, &slot);
  if (present != NULL) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "piece %s occurs twice, with ids %" PRIu32 " and %" PRIu32,
                   gp_quote(quoted, bytes, length), present->id, id);
  }
  if (((slot - (size_t)gp_hash_bytes(bytes, length)) & (vocab->n_slots - 1)) > LONGEST_RUN) {
    return gp_fail(reason, GP_ERR_FORMAT, "too many pieces have the hash of %s",
                   gp_quote(quoted, bytes, length));
  }
  memcpy(vocab->bytes + vocab->bytes_used, bytes, length);
  vocab->pieces[vocab->count] = (gp_vocab_piece){
      .offset = (uint32_t)vocab->bytes_used, .length = (uint32_t)length, .id = id};
  vocab->bytes_used += length;
  vocab->slots[slot] = (uint32_t)++vocab->count;
  vocab->n_ids = id >= vocab->n_ids ? id + 1 : vocab->n_ids;
  return GP_OK;
}

gp_status gp_vocab_finish(gp_vocab *vocab, gp_error *reason) {
  if (vocab->n_ids > IDS_AT_LEAST && vocab->n_ids / IDS_PER_PIECE > vocab->count) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the vocabulary has %zu pieces and an id of %" PRIu32
                   ": an id so far out is refused",
                   vocab->count, vocab->n_ids - 1);
  }
  free(vocab->by_id);
  vocab->by_id = calloc((size_t)vocab->n_ids + 1, sizeof *vocab->by_id);
  if (vocab->by_id == NULL) {
    return gp_fail_memory(reason, "the vocabulary is too large");
  }
  for (size_t p = 0; p < vocab->count; p++) {
    const gp_vocab_piece *piece = &vocab->pieces[p];
    if (vocab->by_id[piece->id] != 0) {
      const gp_vocab_piece *other = &vocab->pieces[vocab->by_id[piece->id] - 1];
      char one[GP_QUOTE_SIZE];
      char two[GP_QUOTE_SIZE];
      return gp_fail(reason, GP_ERR_FORMAT, "pieces %s and %s both have id %" PRIu32,
                     gp_quote(one, vocab->bytes + other->offset, other->length),
                     gp_quote(two, vocab->bytes + piece->offset, piece->length), piece->id);
    }
    vocab->by_id[piece->id] = (uint32_t)p + 1;
  }
  return GP_OK;
}

const char *gp_vocab_bytes(const gp_vocab *vocab, uint32_t id, size_t *length) {
  if (id >= vocab->n_ids || vocab->by_id[id] == 0) {
    *length = 0;
    return NULL;
  }
  const gp_vocab_piece *piece = &vocab->pieces[vocab->by_id[id] - 1];
  *length = piece->length;
  return vocab->bytes + piece->offset;
}

void gp_vocab_release(gp_vocab *vocab) {
  free(vocab->bytes);
  free(vocab->pieces);
  free(vocab->slots);
  free(vocab->by_id);
  memset(vocab, 0, sizeof *vocab);
}

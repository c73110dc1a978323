/* Pieces and their ids: a hash table from bytes to id, and an array from id to bytes. */
#ifndef GP_TEXT_VOCAB_H
#define GP_TEXT_VOCAB_H

#include "greenprint.h"

#define GP_NO_ID  UINT32_MAX
#define GP_ID_MAX (UINT32_C(1) << 24) /* ids of a vocabulary are below this */

typedef struct gp_vocab_piece {
  uint32_t offset; /* in `bytes` */
  uint32_t length;
  uint32_t id;
} gp_vocab_piece;

/* All zero is an empty vocabulary. */
typedef struct gp_vocab {
  char *bytes;
  size_t bytes_used;
  size_t bytes_capacity;
  gp_vocab_piece *pieces;
  size_t count;
  size_t capacity;
  uint32_t *slots; /* index of a piece plus 1; 0 is empty */
  size_t n_slots;  /* 0 or a power of two */
  uint32_t *by_id; /* index of a piece plus 1; made by gp_vocab_finish() */
  uint32_t n_ids;  /* the largest id plus 1; 0 before the first piece */
} gp_vocab;

/* Adds a piece, copied. GP_ERR_FORMAT, a reason without a place, for an id of GP_ID_MAX or
 * more, an empty piece, and a piece that is there already. */
gp_status gp_vocab_add(gp_vocab *vocab, const char *bytes, size_t length, uint32_t id,
                       gp_error *reason);

/* To be called once all pieces are there: makes gp_vocab_bytes() work. GP_ERR_FORMAT for two
 * pieces with one id, and for ids that are far larger than the number of pieces. */
gp_status gp_vocab_finish(gp_vocab *vocab, gp_error *reason);

/* The id of a piece, or GP_NO_ID. */
uint32_t gp_vocab_find(const gp_vocab *vocab, const char *bytes, size_t length);

/* The bytes of an id (not NUL-terminated), or NULL if no piece has it. */
const char *gp_vocab_bytes(const gp_vocab *vocab, uint32_t id, size_t *length);

void gp_vocab_release(gp_vocab *vocab);

/* A hash of bytes for tables in memory; not for anything that an attacker may choose freely to
 * collide: tables that use it bound their probes or their size. */
uint64_t gp_hash_bytes(const char *bytes, size_t length);

#endif

/* A set of 16-byte ids that look random to everybody without the key: nonces, and
 * nonces with a token. Open addressing with linear probing, 16 bytes a slot. */
#ifndef GP_COMMON_IDSET_H
#define GP_COMMON_IDSET_H

#include "common/bytes.h"
#include "greenprint.h"

#define GP_ID_SIZE 16

/* A hash whose upper bits are to be used; why it may be trusted stands in idset.c. */
static inline uint64_t gp_id_hash(const uint8_t id[GP_ID_SIZE]) {
  const uint64_t multiplier = gp_load_le64(id) | 1;
  const uint64_t rest = (uint64_t)gp_load_le32(id + 8) << 32 | gp_load_le32(id + 12);
  return rest * multiplier;
}

/* Compares as two numbers, so that comparing is not a call. */
static inline bool gp_id_equal(const uint8_t a[GP_ID_SIZE], const uint8_t b[GP_ID_SIZE]) {
  const gp_words x = gp_load_words(a);
  const gp_words y = gp_load_words(b);
  return ((x.word[0] ^ y.word[0]) | (x.word[1] ^ y.word[1])) == 0;
}

typedef struct gp_idset {
  uint8_t (*slots)[GP_ID_SIZE]; /* all zero means empty; NULL while capacity is 0 */
  size_t capacity;              /* 0 or a power of two */
  unsigned shift;               /* 64 - log2(capacity) */
  unsigned skip;                /* leading bits of the hash that all ids share; set by whoever
                                   divides ids among sets by those bits */
  size_t used;                  /* slots taken */
  bool has_zero;                /* the one id that cannot stand in a slot */
} gp_idset;

/* The capacity that gp_idset_reserve() would need; 0 where it cannot be had. */
size_t gp_idset_capacity_for(const gp_idset *set, size_t extra);

/* Makes room for `extra` more ids, so that as many gp_idset_insert() cannot fail. */
gp_status gp_idset_reserve(gp_idset *set, size_t extra, gp_error *error);

/* Adds an id, for which room was reserved; true if it was not there before. */
bool gp_idset_insert(gp_idset *set, const uint8_t id[GP_ID_SIZE]);

/* Adds `count` ids, for which room was reserved, in their order; is_new[i] is 1 where
 * gp_idset_insert() says true and 0 elsewhere. Memory is asked well ahead of its use. */
void gp_idset_insert_all(gp_idset *set, const uint8_t (*ids)[GP_ID_SIZE], size_t count,
                         uint8_t *is_new);

/* Whether an id is there. */
bool gp_idset_contains(const gp_idset *set, const uint8_t id[GP_ID_SIZE]);

/* Forgets all ids and keeps the memory, or gives it back where most of it was not needed: so
 * that one large use does not make all later ones slow. */
void gp_idset_clear_or_shrink(gp_idset *set);

/* Forgets all ids, keeps the memory. */
void gp_idset_clear(gp_idset *set);

/* Wipes and releases the memory, or gives it back to the system, which clears it; the set is
 * empty and usable afterwards, skip kept. */
void gp_idset_release(gp_idset *set);

#endif

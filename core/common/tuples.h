/*
 * Numbers for tuples of token ids, in the order in which the tuples first came: windows, and
 * coins, which are pairs of a window's number and a token. Tuples are compared as they are, so
 * different ones never share a number. Open addressing: a tuple takes its ids and 16 to 32 bytes.
 */
#ifndef GP_COMMON_TUPLES_H
#define GP_COMMON_TUPLES_H

#include <sodium.h>

#include "greenprint.h"

#define GP_TUPLES_NONE UINT32_MAX

typedef struct gp_tuple_slot {
  uint32_t hash;
  uint32_t number; /* plus 1; 0: empty */
} gp_tuple_slot;

typedef struct gp_tuples {
  size_t width;  /* ids of a tuple, may be 0 */
  uint32_t *ids; /* tuple i from ids[i * width] on */
  size_t count;
  size_t capacity;      /* 0 or a power of two */
  gp_tuple_slot *table; /* 2 * capacity slots */
  uint8_t secret[crypto_shorthash_KEYBYTES];
} gp_tuples;

/* Empty. Who made the texts may want them to collide, so every table hashes in its own way;
 * nothing that can be seen from outside depends on it. */
gp_status gp_tuples_init(gp_tuples *tuples, size_t width, gp_error *error);

/* The number of a tuple, or GP_TUPLES_NONE. */
uint32_t gp_tuples_find(const gp_tuples *tuples, const uint32_t *ids);

/* The number of a tuple, which gets the next one where it has none. Errors: GP_ERR_MEMORY. */
gp_status gp_tuples_add(gp_tuples *tuples, const uint32_t *ids, uint32_t *number,
                        gp_error *error);

/* Forgets all tuples; keeps the memory unless much less of it was needed. */
void gp_tuples_clear(gp_tuples *tuples);

/* Releases the memory. */
void gp_tuples_release(gp_tuples *tuples);

#endif

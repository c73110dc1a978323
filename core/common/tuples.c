/* Keyed hashing [Aumasson and Bernstein 2012, SipHash] and linear probing. */
#include "common/tuples.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

#define CAPACITY_MIN ((size_t)64)
#define COUNT_MAX    ((size_t)1 << 31) /* hashes, and numbers plus 1, have 32 bits */

gp_status gp_tuples_init(gp_tuples *tuples, size_t width, gp_error *error) {
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  *tuples = (gp_tuples){.width = width};
  randombytes_buf(tuples->secret, sizeof tuples->secret);
  return GP_OK;
}

static uint32_t hash_of(const gp_tuples *tuples, const uint32_t *ids) {
  uint8_t hash[crypto_shorthash_BYTES];
  (void)crypto_shorthash(hash, (const uint8_t *)ids, tuples->width * sizeof *ids, tuples->secret);
  return gp_load_le32(hash);
}

static bool is_tuple(const gp_tuples *tuples, uint32_t number, const uint32_t *ids) {
  const size_t width = tuples->width;
  return width == 0 || memcmp(tuples->ids + number * width, ids, width * sizeof *ids) == 0;
}

/* The slot that holds the tuple, or the empty one where it belongs. */
static gp_tuple_slot *find(const gp_tuples *tuples, const uint32_t *ids, uint32_t hash) {
  const size_t last = 2 * tuples->capacity - 1;
  size_t i = hash & last;
  while (tuples->table[i].number != 0 &&
         (tuples->table[i].hash != hash || !is_tuple(tuples, tuples->table[i].number - 1, ids))) {
    i = (i + 1) & last;
  }
  return &tuples->table[i];
}

/* Puts all slots that are taken into a larger table. */
static void move_slots(const gp_tuples *tuples, gp_tuple_slot *table, size_t slots) {
  for (size_t from = 0; from < 2 * tuples->capacity; from++) {
    if (tuples->table[from].number != 0) {
      size_t i = tuples->table[from].hash & (slots - 1);
      while (table[i].number != 0) {
        i = (i + 1) & (slots - 1);
      }
      table[i] = tuples->table[from];
    }
  }
}

static gp_status grow(gp_tuples *tuples, gp_error *error) {
  const size_t capacity = tuples->capacity == 0 ? CAPACITY_MIN : 2 * tuples->capacity;
  const size_t size = (tuples->width > 0 ? tuples->width : 1) * sizeof *tuples->ids;
  gp_tuple_slot *table = NULL;
  uint32_t *ids = NULL;
  if (capacity <= COUNT_MAX && capacity <= SIZE_MAX / (2 * sizeof *table) &&
      capacity <= SIZE_MAX / size) {
    table = calloc(2 * capacity, sizeof *table);
    ids = table != NULL ? realloc(tuples->ids, capacity * size) : NULL;
  }
  if (ids == NULL) {
    free(table);
    return gp_fail(error, GP_ERR_MEMORY, "out of memory: a table of %zu contexts or coins",
                   capacity);
  }
  move_slots(tuples, table, 2 * capacity);
  free(tuples->table);
  tuples->table = table;
  tuples->ids = ids;
  tuples->capacity = capacity;
  return GP_OK;
}

uint32_t gp_tuples_find(const gp_tuples *tuples, const uint32_t *ids) {
  if (tuples->count == 0) {
    return GP_TUPLES_NONE;
  }
  const uint32_t number = find(tuples, ids, hash_of(tuples, ids))->number;
  return number > 0 ? number - 1 : GP_TUPLES_NONE;
}

gp_status gp_tuples_add(gp_tuples *tuples, const uint32_t *ids, uint32_t *number,
                        gp_error *error) {
  if (tuples->count == tuples->capacity) {
    const gp_status status = grow(tuples, error);
    if (status != GP_OK) {
      return status;
    }
  }
  const uint32_t hash = hash_of(tuples, ids);
  gp_tuple_slot *slot = find(tuples, ids, hash);
  if (slot->number == 0) {
    if (tuples->width > 0) {
      memcpy(tuples->ids + tuples->count * tuples->width, ids, tuples->width * sizeof *ids);
    }
    tuples->count++;
    *slot = (gp_tuple_slot){.hash = hash, .number = (uint32_t)tuples->count};
  }
  *number = slot->number - 1;
  return GP_OK;
}

void gp_tuples_clear(gp_tuples *tuples) {
  if (tuples->count < tuples->capacity / 16) { /* one large use does not make later ones slow */
    gp_tuples_release(tuples);
  } else if (tuples->count > 0) {
    memset(tuples->table, 0, 2 * tuples->capacity * sizeof *tuples->table);
  }
  tuples->count = 0;
}

void gp_tuples_release(gp_tuples *tuples) {
  free(tuples->ids);
  free(tuples->table);
  tuples->ids = NULL;
  tuples->table = NULL;
  tuples->count = 0;
  tuples->capacity = 0;
}

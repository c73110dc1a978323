/* Keyed hashing [Aumasson and Bernstein 2012, SipHash] and linear probing. */
#include "audit/tuples.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

#define CAPACITY_MIN ((size_t)64)
#define COUNT_MAX    ((size_t)1 << 31) /* numbers plus 1 have 32 bits */

gp_status gp_tuples_init(gp_tuples *tuples, size_t width, gp_error *error) {
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  *tuples = (gp_tuples){.width = width};
  randombytes_buf(tuples->secret, sizeof tuples->secret);
  return GP_OK;
}

static const uint32_t *ids_at(const gp_tuples *tuples, size_t number) {
  return tuples->ids + number * tuples->width;
}

/* The slot that holds the tuple, or the empty one where it belongs. */
static uint32_t *find(const gp_tuples *tuples, const uint32_t *ids) {
  const size_t size = tuples->width * sizeof *ids;
  uint8_t hash[crypto_shorthash_BYTES];
  (void)crypto_shorthash(hash, (const uint8_t *)ids, size, tuples->secret);
  const size_t last = 2 * tuples->capacity - 1;
  size_t i = (size_t)gp_load_le64(hash) & last;
  while (tuples->table[i] != 0 &&
         (size > 0 && memcmp(ids_at(tuples, tuples->table[i] - 1), ids, size) != 0)) {
    i = (i + 1) & last;
  }
  return &tuples->table[i];
}

static gp_status grow(gp_tuples *tuples, gp_error *error) {
  gp_tuples bigger = *tuples;
  bigger.capacity = tuples->capacity == 0 ? CAPACITY_MIN : 2 * tuples->capacity;
  bigger.ids = NULL;
  bigger.table = NULL;
  const size_t id_size = (tuples->width + 1) * sizeof *bigger.ids; /* never 0 */
  if (bigger.capacity <= COUNT_MAX && bigger.capacity <= SIZE_MAX / (2 * id_size)) {
    bigger.ids = malloc(bigger.capacity * id_size);
    bigger.table = calloc(2 * bigger.capacity, sizeof *bigger.table);
  }
  if (bigger.ids == NULL || bigger.table == NULL) {
    free(bigger.ids);
    free(bigger.table);
    return gp_fail(error, GP_ERR_MEMORY, "out of memory: a table of %zu contexts or coins",
                   bigger.capacity);
  }
  if (tuples->count > 0) {
    memcpy(bigger.ids, tuples->ids, tuples->count * tuples->width * sizeof *bigger.ids);
  }
  for (size_t i = 0; i < bigger.count; i++) {
    *find(&bigger, ids_at(&bigger, i)) = (uint32_t)(i + 1);
  }
  gp_tuples_release(tuples);
  *tuples = bigger;
  return GP_OK;
}

uint32_t gp_tuples_find(const gp_tuples *tuples, const uint32_t *ids) {
  const uint32_t slot = tuples->count > 0 ? *find(tuples, ids) : 0;
  return slot > 0 ? slot - 1 : GP_TUPLES_NONE;
}

gp_status gp_tuples_add(gp_tuples *tuples, const uint32_t *ids, uint32_t *number,
                        gp_error *error) {
  if (tuples->count == tuples->capacity) {
    const gp_status status = grow(tuples, error);
    if (status != GP_OK) {
      return status;
    }
  }
  uint32_t *slot = find(tuples, ids);
  if (*slot == 0) {
    if (tuples->width > 0) {
      memcpy(tuples->ids + tuples->count * tuples->width, ids, tuples->width * sizeof *ids);
    }
    tuples->count++;
    *slot = (uint32_t)tuples->count;
  }
  *number = *slot - 1;
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

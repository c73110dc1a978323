/* The coins stand in an array; a table of indices beside it finds them by their ids. */
#include "verify/coin_weights.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define CAPACITY_MIN ((size_t)256)
#define COINS_MAX    ((size_t)1 << 31) /* indices plus 1 have 32 bits */

/* The slot that holds the coin, or the empty one where it belongs. */
static uint32_t *find(const gp_coin_weights *weights, const uint8_t id[GP_ID_SIZE]) {
  size_t i = (size_t)(gp_id_hash(id) >> weights->shift);
  while (weights->table[i] != 0 && !gp_id_equal(weights->coins[weights->table[i] - 1].id, id)) {
    i = (i + 1) & (weights->table_capacity - 1);
  }
  return &weights->table[i];
}

/* `capacity` is a power of two; the table has twice as many slots, so it is half empty. */
static gp_status grow(gp_coin_weights *weights, size_t capacity, gp_error *error) {
  gp_coin_weights bigger = {.count = weights->count,
                            .capacity = capacity,
                            .n_occurred = weights->n_occurred,
                            .table_capacity = 2 * capacity,
                            .shift = 64};
  for (size_t size = bigger.table_capacity; size > 1; size /= 2) {
    bigger.shift--;
  }
  if (capacity <= SIZE_MAX / (2 * sizeof *bigger.coins)) {
    bigger.coins = malloc(capacity * sizeof *bigger.coins);
    bigger.occurred = malloc(capacity);
    bigger.table = calloc(bigger.table_capacity, sizeof *bigger.table);
  }
  if (bigger.coins == NULL || bigger.occurred == NULL || bigger.table == NULL) {
    free(bigger.coins);
    free(bigger.occurred);
    free(bigger.table);
    return gp_fail(error, GP_ERR_MEMORY, "out of memory: %zu MiB for the weights of coins",
                   (capacity >> 20) * 33);
  }
  if (weights->count > 0) {
    memcpy(bigger.coins, weights->coins, weights->count * sizeof *bigger.coins);
    memcpy(bigger.occurred, weights->occurred, weights->count);
  }
  for (size_t i = 0; i < bigger.count; i++) {
    *find(&bigger, bigger.coins[i].id) = (uint32_t)(i + 1);
  }
  gp_coin_weights_release(weights);
  *weights = bigger;
  return GP_OK;
}

gp_status gp_coin_weights_reserve(gp_coin_weights *weights, size_t extra, gp_error *error) {
  if (extra <= weights->capacity - weights->count) {
    return GP_OK;
  }
  if (extra > COINS_MAX - weights->count) {
    return gp_fail_memory(error, "more than 2^31 coins to be weighed");
  }
  size_t capacity = weights->capacity < CAPACITY_MIN ? CAPACITY_MIN : weights->capacity;
  while (capacity - weights->count < extra) {
    capacity *= 2;
  }
  return grow(weights, capacity, error);
}

void gp_coin_weights_prefetch(const gp_coin_weights *weights, const uint8_t id[GP_ID_SIZE]) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(&weights->table[gp_id_hash(id) >> weights->shift], 1);
#else
  (void)weights;
  (void)id;
#endif
}

void gp_coin_weights_add(gp_coin_weights *weights, const uint8_t id[GP_ID_SIZE], int64_t weight,
                         bool occurred) {
  uint32_t *slot = find(weights, id);
  if (*slot == 0) {
    memcpy(weights->coins[weights->count].id, id, GP_ID_SIZE);
    weights->coins[weights->count].weight = 0;
    weights->occurred[weights->count] = 0;
    weights->count++;
    *slot = (uint32_t)weights->count;
  }
  const size_t index = *slot - 1;
  weights->coins[index].weight += weight;
  if (occurred && weights->occurred[index] == 0) {
    weights->occurred[index] = 1;
    weights->n_occurred++;
  }
}

void gp_coin_weights_release(gp_coin_weights *weights) {
  if (weights->coins != NULL) {
    sodium_memzero(weights->coins, weights->capacity * sizeof *weights->coins);
  }
  free(weights->coins);
  free(weights->occurred);
  free(weights->table);
  memset(weights, 0, sizeof *weights);
}

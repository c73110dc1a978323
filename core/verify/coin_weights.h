/*
 * A weight for each coin, in the order in which the coins first came.
 *
 * Weights are whole multiples of 2^-30, so that adding is exact: the weight of a coin does not
 * depend on the order of the documents, nor on how they were split.
 */
#ifndef GP_VERIFY_COIN_WEIGHTS_H
#define GP_VERIFY_COIN_WEIGHTS_H

#include "common/idset.h"

#define GP_WEIGHT_UNIT (INT64_C(1) << 30) /* the weight 1 */

typedef struct gp_coin_weight {
  uint8_t id[GP_ID_SIZE]; /* nonce and token */
  int64_t weight;
} gp_coin_weight;

typedef struct gp_coin_weights {
  gp_coin_weight *coins;
  uint8_t *occurred; /* of each coin: whether it occurred rather than was only expected */
  size_t count;
  size_t capacity;
  size_t n_occurred;
  uint32_t *table;       /* open addressing: index of a coin plus 1, or 0 */
  size_t table_capacity; /* 0 or a power of two, more than `capacity` */
  unsigned shift;        /* 64 - log2(table_capacity) */
} gp_coin_weights;

/* Makes room for `extra` more coins, so that as many gp_coin_weights_add() cannot fail. */
gp_status gp_coin_weights_reserve(gp_coin_weights *weights, size_t extra, gp_error *error);

/* Asks the memory for the slot of an id that is about to be added. */
void gp_coin_weights_prefetch(const gp_coin_weights *weights, const uint8_t id[GP_ID_SIZE]);

/* Adds `weight` to that of a coin, which starts from 0. Room was reserved. */
void gp_coin_weights_add(gp_coin_weights *weights, const uint8_t id[GP_ID_SIZE], int64_t weight,
                         bool occurred);

/* Wipes and releases the memory; empty and usable afterwards. */
void gp_coin_weights_release(gp_coin_weights *weights);

#endif

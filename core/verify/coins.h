/* Coins: distinct (context, token) pairs, each tossed once by the key (SPEC.md section 7). */
#ifndef GP_VERIFY_COINS_H
#define GP_VERIFY_COINS_H

#include "common/idset.h"
#include "prf/prf.h"

/* Coins seen so far, over all documents. */
typedef struct gp_coins {
  gp_idset seen; /* nonce and token */
  uint64_t scored;
  uint64_t green;
  uint64_t repeated; /* positions whose coin had been seen */
} gp_coins;

/* Tosses the coins of `count` pairs that were not seen before. `pairs` is overwritten.
 * count <= GP_PRF_BATCH. `to_come` more pairs will follow, which only makes it faster to know. */
gp_status gp_coins_add(gp_coins *coins, const gp_prf *prf, gp_prf_lane *lane,
                       uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, size_t to_come,
                       gp_error *error);

/* Forgets all coins; a table much larger than was needed is given back. */
void gp_coins_clear(gp_coins *coins);

#endif

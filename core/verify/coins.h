/*
 * Coins: distinct (context, token) pairs, each tossed once by the key (SPEC.md section 7).
 *
 * Every test is one weighted sum over distinct coins, T = sum r_j (g_j - gamma), with
 * weights r_j that the key had no say in. gp_tally holds the sums that T, its variance and
 * the counts need; with all weights 1, T + gamma n is the number of green coins.
 */
#ifndef GP_VERIFY_COINS_H
#define GP_VERIFY_COINS_H

#include "common/idset.h"
#include "prf/prf.h"

typedef struct gp_tally {
  uint64_t coins;
  uint64_t green;
  double weight;       /* sum of r_j */
  double weight2;      /* sum of r_j^2 */
  double green_weight; /* sum of r_j g_j */
} gp_tally;

static inline void gp_tally_add(gp_tally *tally, bool green, double weight) {
  tally->coins++;
  tally->green += green;
  tally->weight += weight;
  tally->weight2 += weight * weight;
  tally->green_weight += green ? weight : 0.0;
}

/* T in units of its standard deviation under the null hypothesis; 0 without coins. */
double gp_tally_z(const gp_tally *tally, double gamma);

/* Coins seen so far, over all documents. */
typedef struct gp_coins {
  gp_idset seen; /* nonce and token */
  gp_tally tally;
  uint64_t repeated; /* positions whose coin had been seen */
} gp_coins;

/* Tosses the coins of `count` positions: position i has the context of nonces[i] and the
 * token tokens[i]. A coin not seen before enters the tally with weight 1. The nonces'
 * blocks are overwritten. count <= GP_PRF_BATCH. */
gp_status gp_coins_add(gp_coins *coins, const gp_prf *prf, gp_prf_lane *lane,
                       uint8_t (*nonces)[GP_BLOCK_SIZE], const uint32_t *tokens, size_t count,
                       gp_error *error);

/* Forgets all coins; a table much larger than was needed is given back. */
void gp_coins_clear(gp_coins *coins);

#endif

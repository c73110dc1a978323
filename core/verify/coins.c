#include "verify/coins.h"

#include <math.h>
#include <string.h>

#include "common/bytes.h"

double gp_tally_z(const gp_tally *tally, double gamma) {
  if (!(tally->weight2 > 0.0)) {
    return 0.0;
  }
  return (tally->green_weight - gamma * tally->weight) /
         sqrt(gamma * (1.0 - gamma) * tally->weight2);
}

gp_status gp_coins_add(gp_coins *coins, const gp_prf *prf, gp_prf_lane *lane,
                       uint8_t (*nonces)[GP_BLOCK_SIZE], const uint32_t *tokens, size_t count,
                       gp_error *error) {
  gp_status status = gp_idset_reserve(&coins->seen, count, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t i = 0; i < count; i++) {
    gp_store_le32(nonces[i] + GP_NONCE_SIZE, tokens[i]);
    gp_idset_prefetch(&coins->seen, nonces[i]);
  }
  uint32_t fresh[GP_PRF_BATCH];
  uint8_t green[GP_PRF_BATCH];
  size_t n_fresh = 0;
  for (size_t i = 0; i < count; i++) {
    if (gp_idset_insert(&coins->seen, nonces[i])) {
      fresh[n_fresh] = tokens[i];
      memmove(nonces[n_fresh], nonces[i], GP_BLOCK_SIZE);
      n_fresh++;
    }
  }
  coins->repeated += count - n_fresh;
  if (n_fresh == 0) {
    return GP_OK;
  }
  status = gp_prf_green(prf, lane, (const uint8_t(*)[GP_BLOCK_SIZE])nonces, fresh, n_fresh, green,
                        error);
  for (size_t i = 0; i < n_fresh && status == GP_OK; i++) {
    gp_tally_add(&coins->tally, green[i] != 0, 1.0);
  }
  return status;
}

void gp_coins_clear(gp_coins *coins) {
  gp_idset_clear_or_shrink(&coins->seen);
  coins->repeated = 0;
  memset(&coins->tally, 0, sizeof coins->tally);
}

#include "verify/coins.h"

#include "common/error.h"

/* A table that has to grow grows for the pairs to come, as many of which will be new as were so
 * far: growing by and by costs as much as the look-ups. Up to four times as large, since the
 * share of new pairs falls. */
static size_t room_for(const gp_coins *coins, size_t count, size_t to_come) {
  if (gp_idset_capacity_for(&coins->seen, count) == coins->seen.capacity) {
    return count;
  }
  const double seen = (double)(coins->scored + coins->repeated) + 1.0;
  const double expected = (double)to_come * ((double)coins->scored / seen);
  const double limit = 3.0 * (double)coins->scored;
  return count + (size_t)(expected < limit ? expected : limit);
}

gp_status gp_coins_add(gp_coins *coins, const gp_prf *prf, gp_prf_lane *lane,
                       uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, size_t to_come,
                       gp_error *error) {
  const size_t room = room_for(coins, count, to_come);
  gp_status status = gp_idset_reserve(&coins->seen, room, error);
  if (status != GP_OK && room > count) { /* there may be memory for those that are here */
    status = gp_idset_reserve(&coins->seen, count, error);
  }
  if (status != GP_OK) {
    return status;
  }
  uint8_t is_new[GP_PRF_BATCH];
  gp_idset_insert_all(&coins->seen, (const uint8_t(*)[GP_BLOCK_SIZE])pairs, count, is_new);
  size_t n_new = 0;
  for (size_t i = 0; i < count; i++) { /* no branch: which are new is hard to predict */
    gp_store_words(pairs[n_new], gp_load_words(pairs[i]));
    n_new += is_new[i];
  }
  coins->scored += n_new;
  coins->repeated += count - n_new;
  uint8_t green[GP_PRF_BATCH];
  status = gp_prf_green(prf, lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs, n_new, green, error);
  for (size_t i = 0; i < n_new && status == GP_OK; i++) {
    coins->green += green[i];
  }
  return status;
}

void gp_coins_clear(gp_coins *coins) {
  gp_idset_clear_or_shrink(&coins->seen);
  coins->scored = 0;
  coins->green = 0;
  coins->repeated = 0;
}

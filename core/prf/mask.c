/*
 * Stage 2: nonce -> green bits (SPEC.md section 5).
 *
 * gamma = g / 2^k. Group j of 128 tokens owns k keystream blocks, its bit planes, most
 * significant first. Token v reads one bit from each plane; the k bits are a number u,
 * and the token is green when u < g. For a whole group that comparison is done on all
 * 128 numbers at once, plane by plane from the least significant: where g has a 1, a
 * number with a 0 is smaller and one with a 1 as small as its lower bits say; where g has
 * a 0, a number with a 1 is larger and one with a 0 as small as its lower bits say.
 */
#include <string.h>

#include "common/bytes.h"
#include "prf/pair.h"
#include "prf/prf.h"

gp_status gp_prf_green(const gp_prf *prf, gp_prf_lane *lane,
                       const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint8_t *green,
                       gp_error *error) {
  const uint32_t k = prf->params.gamma_log2_den;
  const uint32_t g = prf->params.gamma_num;
  if (prf->kernels != NULL) {
    prf->kernels->colour(prf->mask, pairs, count, k, g, green);
    return GP_OK;
  }
  const size_t at_once = GP_PRF_BATCH / k;
  _Alignas(64) uint8_t blocks[GP_PRF_BATCH][GP_BLOCK_SIZE];
  const uint8_t(*planes)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])blocks;
  gp_status status = GP_OK;
  for (size_t done = 0; done < count && status == GP_OK; done += at_once) {
    const size_t now = count - done < at_once ? count - done : at_once;
    for (size_t i = 0; i < now; i++) {
      gp_pair_put_counters(pairs[done + i], k, blocks + i, now);
    }
    status = gp_cipher_blocks(lane->mask, planes, blocks, now * k, error);
    for (size_t i = 0; i < now && status == GP_OK; i++) {
      green[done + i] = gp_pair_compare(pairs[done + i], planes + i, now, k, g);
    }
  }
  return status;
}

gp_status gp_prf_mask_start(const gp_prf *prf, gp_prf_lane *lane,
                            const uint8_t nonce[GP_NONCE_SIZE], size_t group, gp_error *error) {
  uint8_t counter[GP_BLOCK_SIZE];
  memcpy(counter, nonce, GP_NONCE_SIZE);
  gp_store_be32(counter + GP_NONCE_SIZE, (uint32_t)group * prf->params.gamma_log2_den);
  return gp_cipher_seek(lane->stream, counter, error);
}

size_t gp_prf_mask_groups_max(const gp_prf *prf) {
  return GP_KEYSTREAM_MAX / GP_BLOCK_SIZE / prf->params.gamma_log2_den;
}

/* The comparison of the 128 numbers of one group with g. */
static void compare_group(const uint8_t *planes, uint32_t g, uint32_t k, uint8_t *mask) {
  uint8_t less[GP_GROUP_BYTES] = {0};
  for (uint32_t place = 0; place < k; place++) {
    const uint8_t *plane = planes + (size_t)(k - 1 - place) * GP_BLOCK_SIZE;
    const uint8_t bit = (uint8_t)(0U - (g >> place & 1U)); /* all ones or all zeros */
    for (size_t i = 0; i < GP_GROUP_BYTES; i++) {
      less[i] = (uint8_t)((~plane[i] & (less[i] | bit)) | (less[i] & bit));
    }
  }
  memcpy(mask, less, GP_GROUP_BYTES);
}

gp_status gp_prf_mask_next(const gp_prf *prf, gp_prf_lane *lane, size_t groups, uint8_t *mask,
                           gp_error *error) {
  const uint32_t k = prf->params.gamma_log2_den;
  uint8_t planes[GP_KEYSTREAM_MAX];
  const gp_status status =
      gp_cipher_keystream(lane->stream, planes, groups * k * GP_BLOCK_SIZE, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t j = 0; j < groups; j++) {
    compare_group(planes + j * k * GP_BLOCK_SIZE, prf->params.gamma_num, k,
                  mask + j * GP_GROUP_BYTES);
  }
  return GP_OK;
}

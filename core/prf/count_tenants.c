/*
 * Tracing: the second stage for many tenants, on pairs that the first made once for all.
 *
 * A tenant's nonces are everybody's, XORed with his tweak (SPEC.md section 4), so what a tenant
 * costs is the k blocks of each pair and little else. That little is counted in instructions
 * where there is a kernel; here it is a pass of gp_prf_green() for each.
 */
#include "common/bytes.h"
#include "prf/prf.h"

static gp_status count_tenant(const gp_prf *prf, gp_prf_lane *lane,
                              const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                              const uint8_t tweak[GP_BLOCK_SIZE], uint64_t *green,
                              gp_error *error) {
  const gp_words his = gp_load_words(tweak);
  gp_status status = GP_OK;
  for (size_t done = 0; done < count && status == GP_OK; done += GP_PRF_BATCH) {
    const size_t now = count - done < GP_PRF_BATCH ? count - done : GP_PRF_BATCH;
    _Alignas(64) uint8_t tweaked[GP_PRF_BATCH][GP_BLOCK_SIZE];
    uint8_t colours[GP_PRF_BATCH];
    for (size_t i = 0; i < now; i++) {
      gp_store_words(tweaked[i], gp_xor_words(gp_load_words(pairs[done + i]), his));
    }
    status =
        gp_prf_green(prf, lane, (const uint8_t(*)[GP_BLOCK_SIZE])tweaked, now, colours, error);
    for (size_t i = 0; i < now && status == GP_OK; i++) {
      *green += colours[i];
    }
  }
  return status;
}

static gp_status count_one_by_one(const gp_prf *prf, gp_prf_lane *lane,
                                  const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                                  const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                                  uint64_t *green, gp_error *error) {
  gp_status status = GP_OK;
  for (size_t i = 0; i < n_tenants && status == GP_OK; i++) {
    status = count_tenant(prf, lane, pairs, count, tweaks[i], &green[i], error);
  }
  return status;
}

gp_status gp_prf_count_tenants(const gp_prf *prf, gp_prf_lane *lane,
                               const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                               const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                               uint64_t *green, gp_error *error) {
  if (prf->kernels != NULL) {
    prf->kernels->count_tenants(prf->mask, pairs, count, prf->params.gamma_log2_den,
                                prf->params.gamma_num, tweaks, n_tenants, green);
    return GP_OK;
  }
  return count_one_by_one(prf, lane, pairs, count, tweaks, n_tenants, green, error);
}

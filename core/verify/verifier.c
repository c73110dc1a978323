/* Documents in, counts and the exact test out (SPEC.md sections 7 and 8). */
#include <stdlib.h>

#include "common/error.h"
#include "verify/coins.h"
#include "verify/result.h"

struct gp_verifier {
  gp_prf prf;
  gp_prf_lane lane;
  gp_coins coins;
  uint64_t documents;
  uint64_t tokens;
};

gp_status gp_verifier_new(const gp_key *key, const gp_verifier_options *options,
                          gp_verifier **verifier, gp_error *error) {
  if (key == NULL || verifier == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "verifier");
  }
  gp_verifier *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "verifier");
  }
  const uint64_t *tenant = options != NULL && options->has_tenant ? &options->tenant : NULL;
  gp_status status = gp_prf_init(&made->prf, key, tenant, error);
  if (status == GP_OK) {
    status = gp_prf_lane_init(&made->lane, &made->prf, error);
  }
  if (status != GP_OK) {
    gp_verifier_free(made);
    return status;
  }
  *verifier = made;
  return GP_OK;
}

void gp_verifier_free(gp_verifier *verifier) {
  if (verifier == NULL) {
    return;
  }
  gp_prf_lane_release(&verifier->lane);
  gp_prf_release(&verifier->prf);
  gp_idset_release(&verifier->coins.seen);
  free(verifier);
}

void gp_verifier_reset(gp_verifier *verifier) {
  if (verifier == NULL) {
    return;
  }
  gp_coins_clear(&verifier->coins);
  verifier->documents = 0;
  verifier->tokens = 0;
}

gp_status gp_verifier_add(gp_verifier *verifier, const uint32_t *tokens, size_t n_tokens,
                          gp_error *error) {
  if (verifier == NULL || (tokens == NULL && n_tokens > 0)) {
    return gp_fail_null(error, __func__, verifier == NULL ? "verifier" : "tokens");
  }
  const size_t width = verifier->prf.params.context_width;
  const size_t positions = n_tokens > width ? n_tokens - width : 0;
  _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
  for (size_t first = 0; first < positions; first += GP_PRF_BATCH) {
    const size_t left = positions - first;
    const size_t count = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    size_t kept = count;
    gp_status status = gp_prf_pairs_kept(&verifier->prf, &verifier->lane, tokens + first, count,
                                         pairs, &kept, error);
    if (status == GP_OK) {
      status = gp_coins_add(&verifier->coins, &verifier->prf, &verifier->lane, pairs, kept,
                            left - count, error);
    }
    if (status != GP_OK) {
      return status;
    }
  }
  verifier->documents++;
  verifier->tokens += n_tokens;
  return GP_OK;
}

void gp_verifier_result(const gp_verifier *verifier, gp_result *result) {
  const gp_coins *coins = &verifier->coins;
  *result = (gp_result){.documents = verifier->documents,
                        .tokens = verifier->tokens,
                        .scored = coins->scored,
                        .repeated = coins->repeated,
                        .green = coins->green};
  gp_result_test(&verifier->prf.params, result);
}

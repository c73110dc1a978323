/*
 * Occurrence minus expectation (SPEC.md section 7).
 *
 * The weight of coin (c, v) is the number of positions with context c at which v occurred,
 * minus the sum of the reference model's probabilities of v over all positions with context c.
 * The key has no say in it: it only names the contexts, by nonces that differ where they do.
 */
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "prf/prf.h"
#include "verify/coin_weights.h"
#include "verify/expectations.h"
#include "verify/tokens_digest.h"

/* Keeps every weight and partial sum below 2^62 units. */
#define POSITIONS_MAX (UINT64_C(1) << 31)

struct gp_weigher {
  gp_prf prf;
  gp_prf_lane lane;
  gp_coin_weights weights;
  uint64_t documents;
  uint64_t tokens;
  uint64_t positions;
  bool failed; /* a document was added in part */
};

gp_status gp_weigher_new(const gp_key *key, const gp_verifier_options *options,
                         gp_weigher **weigher, gp_error *error) {
  if (key == NULL || weigher == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "weigher");
  }
  gp_weigher *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "weigher");
  }
  const uint64_t *tenant = options != NULL && options->has_tenant ? &options->tenant : NULL;
  gp_status status = gp_prf_init(&made->prf, key, tenant, error);
  if (status == GP_OK) {
    status = gp_prf_refuse_sample(&made->prf, error);
  }
  if (status == GP_OK) {
    status = gp_prf_lane_init(&made->lane, &made->prf, error);
  }
  if (status != GP_OK) {
    gp_weigher_free(made);
    return status;
  }
  *weigher = made;
  return GP_OK;
}

void gp_weigher_free(gp_weigher *weigher) {
  if (weigher == NULL) {
    return;
  }
  gp_prf_lane_release(&weigher->lane);
  gp_prf_release(&weigher->prf);
  gp_coin_weights_release(&weigher->weights);
  free(weigher);
}

void gp_weigher_reset(gp_weigher *weigher) {
  if (weigher == NULL) {
    return;
  }
  gp_coin_weights_release(&weigher->weights);
  weigher->documents = 0;
  weigher->tokens = 0;
  weigher->positions = 0;
  weigher->failed = false;
}

/* One position: the token that occurred, and what was expected. `id` holds the nonce. */
static gp_status weigh_position(gp_weigher *weigher, uint8_t id[GP_ID_SIZE], uint32_t token,
                                const gp_position *position, gp_error *error) {
  gp_coin_weights *weights = &weigher->weights;
  const gp_status status = gp_coin_weights_reserve(weights, position->count + 1, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t i = 0; i < position->count; i++) {
    gp_store_le32(id + GP_NONCE_SIZE, position->ids[i]);
    gp_coin_weights_prefetch(weights, id);
  }
  gp_store_le32(id + GP_NONCE_SIZE, token);
  gp_coin_weights_add(weights, id, GP_WEIGHT_UNIT, true);
  for (size_t i = 0; i < position->count; i++) {
    const double units = (double)position->probabilities[i] * (double)GP_WEIGHT_UNIT;
    gp_store_le32(id + GP_NONCE_SIZE, position->ids[i]);
    gp_coin_weights_add(weights, id, -llrint(units), false);
  }
  return GP_OK;
}

/* Positions first + h to first + h + count - 1, whose windows begin at tokens[first]. */
static gp_status weigh_batch(gp_weigher *weigher, const uint32_t *tokens, size_t count,
                             gp_expectations *file, gp_error *error) {
  uint8_t nonces[GP_PRF_BATCH][GP_BLOCK_SIZE];
  gp_position position;
  gp_status status = gp_prf_nonces(&weigher->prf, &weigher->lane, tokens, count, nonces, error);
  const uint32_t *occurred = tokens + weigher->prf.params.context_width;
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    status = gp_expectations_position(file, &position, error);
    if (status == GP_OK) {
      status = weigh_position(weigher, nonces[i], occurred[i], &position, error);
    }
  }
  weigher->positions += count;
  return status;
}

static gp_status add_document(gp_weigher *weigher, const uint32_t *tokens, size_t n_tokens,
                              gp_expectations *file, gp_error *error) {
  const size_t width = weigher->prf.params.context_width;
  const size_t scored = n_tokens > width ? n_tokens - width : 0;
  if (scored > POSITIONS_MAX - weigher->positions) {
    return gp_fail(error, GP_ERR_ARGUMENT, "more than 2^31 positions to be weighed at once");
  }
  uint8_t sha256[GP_DIGEST_SIZE];
  gp_status status = gp_tokens_digest(tokens, n_tokens, sha256, error);
  if (status == GP_OK) {
    status = gp_expectations_begin(file, sha256, n_tokens, error);
  }
  gp_position skipped;
  for (size_t i = 0; i < n_tokens - scored && status == GP_OK; i++) {
    status = gp_expectations_position(file, &skipped, error);
  }
  for (size_t first = 0; first < scored && status == GP_OK; first += GP_PRF_BATCH) {
    const size_t count = scored - first < GP_PRF_BATCH ? scored - first : GP_PRF_BATCH;
    status = weigh_batch(weigher, tokens + first, count, file, error);
  }
  return status == GP_OK ? gp_expectations_end(file, error) : status;
}

gp_status gp_weigher_add(gp_weigher *weigher, const uint32_t *tokens, size_t n_tokens,
                         gp_expectations *file, gp_error *error) {
  if (weigher == NULL || file == NULL || (tokens == NULL && n_tokens > 0)) {
    return gp_fail_null(error, __func__,
                        weigher == NULL ? "weigher"
                        : file == NULL  ? "file"
                                        : "tokens");
  }
  if (weigher->failed) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_weigher_add: an earlier document failed: reset");
  }
  weigher->failed = true;
  const gp_status status = add_document(weigher, tokens, n_tokens, file, error);
  if (status != GP_OK) {
    return status;
  }
  weigher->failed = false;
  weigher->documents++;
  weigher->tokens += n_tokens;
  return GP_OK;
}

void gp_weigher_get_counts(const gp_weigher *weigher, gp_weigher_counts *counts) {
  *counts = (gp_weigher_counts){.documents = weigher->documents,
                                .tokens = weigher->tokens,
                                .positions = weigher->positions,
                                .occurred = weigher->weights.n_occurred,
                                .expected = weigher->weights.count - weigher->weights.n_occurred};
}

/* The weights that are not 0, and the colours of their coins; *used of them. */
static gp_status toss(gp_weigher *weigher, double *weights, uint8_t *green, size_t *used,
                      gp_error *error) {
  _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
  size_t done = 0;
  size_t batch = 0;
  gp_status status = GP_OK;
  for (size_t i = 0; i < weigher->weights.count && status == GP_OK; i++) {
    const gp_coin_weight *coin = &weigher->weights.coins[i];
    if (coin->weight != 0) {
      weights[done + batch] = (double)coin->weight / (double)GP_WEIGHT_UNIT;
      memcpy(pairs[batch++], coin->id, GP_BLOCK_SIZE);
    }
    if (batch == GP_PRF_BATCH || (i + 1 == weigher->weights.count && batch > 0)) {
      status = gp_prf_green(&weigher->prf, &weigher->lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs,
                            batch, green + done, error);
      done += batch;
      batch = 0;
    }
  }
  *used = done;
  return status;
}

gp_status gp_weigher_result(gp_weigher *weigher, gp_weighted_result *result, gp_error *error) {
  if (weigher == NULL || result == NULL) {
    return gp_fail_null(error, __func__, weigher == NULL ? "weigher" : "result");
  }
  if (weigher->failed) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_weigher_result: a document failed: reset");
  }
  const size_t room = weigher->weights.count + 1; /* never 0; bounded by what is stored */
  gp_status status = GP_OK;
  double *weights = malloc(room * sizeof *weights);
  uint8_t *green = malloc(room);
  if (weights == NULL || green == NULL) {
    status = gp_fail_memory(error, "the colours of the weighed coins");
    goto cleanup;
  }
  size_t used = 0;
  status = toss(weigher, weights, green, &used, error);
  if (status == GP_OK) {
    status = gp_weighted_test(weights, green, used, weigher->prf.params.gamma_num,
                              weigher->prf.params.gamma_log2_den, result, error);
  }

cleanup:
  if (green != NULL) {
    sodium_memzero(green, room);
  }
  free(weights);
  free(green);
  return status;
}

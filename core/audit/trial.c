/*
 * One key: what its coins are, which of them are green, and the test.
 *
 * Under seeding `min` windows that choose the same id have the same context, and their coins are
 * the same coins. Then what stands with them is summed first, and the null law is the key's own.
 */
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "audit/test.h"
#include "common/error.h"

/* The coins first to first + count - 1 of a test as nonces with tokens; count is at most
 * GP_PRF_BATCH. */
static gp_status make_pairs(gp_trial *trial, size_t first, size_t count,
                            uint8_t (*pairs)[GP_BLOCK_SIZE], gp_error *error) {
  const gp_audit_test *test = trial->test;
  const gp_tuples *windows = &test->audit->windows;
  const uint32_t base = test->windows[first];
  const size_t n_windows = test->windows[first + count - 1] - base + 1;
  const uint32_t *ids[GP_PRF_BATCH];
  _Alignas(64) uint8_t nonces[GP_PRF_BATCH][GP_BLOCK_SIZE];
  for (size_t i = 0; i < n_windows; i++) {
    ids[i] = windows->ids + (size_t)test->sources[base + i] * windows->width;
  }
  const gp_status status =
      gp_prf_nonces_apart(&trial->prf, &trial->lane, ids, NULL, n_windows, NULL, nonces, error);
  const gp_words tweak = gp_load_words(trial->prf.tweak);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    const gp_words nonce = gp_load_words(nonces[test->windows[first + i] - base]);
    const uint32_t token = gp_order_le32(test->tokens[first + i]);
    gp_store_words(pairs[i], gp_replace_tail(gp_xor_words(nonce, tweak), token));
  }
  sodium_memzero(nonces, sizeof nonces);
  return status;
}

/* ------------------------------------------------------- contexts that coincide */

static gp_status merge_pairs(gp_trial *trial, gp_error *error) {
  const gp_audit_test *test = trial->test;
  _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
  gp_status status = gp_coin_weights_reserve(&trial->merged, test->n + 1, error);
  for (size_t first = 0; first < test->n && status == GP_OK; first += GP_PRF_BATCH) {
    const size_t left = test->n - first;
    const size_t count = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    status = make_pairs(trial, first, count, pairs, error);
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      gp_coin_weights_prefetch(&trial->merged, pairs[i]);
    }
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      gp_coin_weights_add(&trial->merged, pairs[i], test->weights[first + i], true);
    }
  }
  sodium_memzero(pairs, sizeof pairs);
  return status;
}

static gp_status merge(gp_trial *trial, gp_error *error) {
  gp_status status = merge_pairs(trial, error);
  if (status != GP_OK) {
    return status;
  }
  gp_coin_weights *merged = &trial->merged;
  trial->merged_weights = malloc((merged->count + 1) * sizeof *trial->merged_weights);
  if (trial->merged_weights == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  size_t n = 0;
  for (size_t i = 0; i < merged->count; i++) {
    const int64_t weight = gp_audit_weight(trial->test->statistic, merged->coins[i].weight);
    if (weight != 0) {
      memmove(merged->coins[n].id, merged->coins[i].id, GP_ID_SIZE);
      trial->merged_weights[n++] = weight;
    }
  }
  status = gp_null_law_make(&trial->merged_law, trial->merged_weights, n, &trial->prf.params, 0.0,
                            false, error);
  trial->law = &trial->merged_law;
  trial->weights = trial->merged_weights;
  trial->n = n;
  return status;
}

/* -------------------------------------------------------------------- trial */

gp_status gp_trial_begin(gp_trial *trial, const gp_audit_test *test, const gp_key *key,
                         const gp_verifier_options *options, gp_error *error) {
  *trial = (gp_trial){.test = test, .law = &test->law, .weights = test->weights, .n = test->n};
  const uint64_t *tenant = options != NULL && options->has_tenant ? &options->tenant : NULL;
  gp_status status = gp_prf_init(&trial->prf, key, tenant, error);
  if (status != GP_OK) {
    return status;
  }
  status = gp_prf_refuse_sample(&trial->prf, error);
  if (status == GP_OK) {
    status = gp_prf_lane_init(&trial->lane, &trial->prf, error);
  }
  if (status == GP_OK && test->merges) {
    status = merge(trial, error);
  }
  if (status != GP_OK) {
    gp_trial_end(trial);
  }
  return status;
}

void gp_trial_end(gp_trial *trial) {
  gp_null_law_release(&trial->merged_law);
  free(trial->merged_weights);
  gp_coin_weights_release(&trial->merged);
  gp_prf_lane_release(&trial->lane);
  gp_prf_release(&trial->prf);
}

/* The pairs of coins as the trial has them. */
static gp_status take_pairs(gp_trial *trial, size_t first, size_t count,
                            uint8_t (*pairs)[GP_BLOCK_SIZE], gp_error *error) {
  if (!trial->test->merges) {
    return make_pairs(trial, first, count, pairs, error);
  }
  for (size_t i = 0; i < count; i++) {
    memcpy(pairs[i], trial->merged.coins[first + i].id, GP_BLOCK_SIZE);
  }
  return GP_OK;
}

static gp_status evaluate(const gp_trial *trial, int64_t green_sum, gp_audit_result *result,
                          gp_error *error) {
  const gp_audit_test *test = trial->test;
  const gp_params *params = &trial->prf.params;
  const double sigma = trial->law->sigma;
  result->statistic = gp_null_statistic(trial->law, green_sum, params);
  result->z = sigma > 0.0 ? result->statistic / sigma : 0.0;
  result->log10_e = gp_null_log10_e(trial->law, result->statistic);
  if (test->served_only) {
    result->log10_p = result->log10_e > 0.0 ? -result->log10_e : 0.0;
  } else if (test->statistic == GP_AUDIT_DISTINCT) {
    return gp_log10_binomial_tail(result->coins, result->green, params->gamma_num,
                                  params->gamma_log2_den, &result->log10_p, error);
  } else {
    result->log10_p = gp_null_log10_p(trial->law, result->statistic);
  }
  return GP_OK;
}

gp_status gp_trial_run(gp_trial *trial, uint8_t *colours, gp_audit_result *result,
                       gp_error *error) {
  _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
  uint8_t green[GP_PRF_BATCH];
  int64_t green_sum = 0;
  gp_status status = GP_OK;
  *result = (gp_audit_result){.coins = trial->n, .log10_p_saddlepoint = NAN};
  for (size_t first = 0; first < trial->n && status == GP_OK; first += GP_PRF_BATCH) {
    const size_t left = trial->n - first;
    const size_t count = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    status = take_pairs(trial, first, count, pairs, error);
    if (status == GP_OK) {
      status = gp_prf_green(&trial->prf, &trial->lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs,
                            count, green, error);
    }
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      green_sum += trial->weights[first + i] & -(int64_t)green[i]; /* no branch */
      result->green += green[i];
    }
    if (colours != NULL && status == GP_OK) {
      memcpy(colours + first, green, count);
    }
  }
  sodium_memzero(pairs, sizeof pairs);
  sodium_memzero(green, sizeof green);
  return status == GP_OK ? evaluate(trial, green_sum, result, error) : status;
}

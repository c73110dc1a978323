/* One key in full, or many with several threads. */
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

#include "audit/test.h"
#include "common/error.h"
#include "common/thread_pool.h"

static gp_status check_key(const gp_audit_test *test, const gp_key *key, gp_error *error) {
  const gp_params wanted = test->audit->params;
  const gp_params given = gp_key_params(key);
  if (given.seeding != wanted.seeding || given.context_width != wanted.context_width ||
      given.gamma_num != wanted.gamma_num || given.gamma_log2_den != wanted.gamma_log2_den) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "the key has other parameters than the audit was made for");
  }
  return GP_OK;
}

static int by_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a;
  const int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Puts coins into an order that their rows have no say in, nor has what rounding leaves of their
 * sums: by weight, red before green. */
static gp_status sort_coins(const gp_trial *trial, uint8_t *colours, double *weights,
                            gp_error *error) {
  int64_t *both = malloc((trial->n + 1) * sizeof *both);
  if (both == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  for (size_t i = 0; i < trial->n; i++) { /* weights are below 2^61 */
    both[i] = 2 * trial->weights[i] + colours[i];
  }
  qsort(both, trial->n, sizeof *both, by_number);
  for (size_t i = 0; i < trial->n; i++) {
    colours[i] = (uint8_t)(both[i] & 1);
    const int64_t weight = (both[i] - colours[i]) / 2;
    weights[i] = (double)weight / (double)GP_AUDIT_UNIT;
  }
  sodium_memzero(both, trial->n * sizeof *both);
  free(both);
  return GP_OK;
}

/* The best bound there is, and the approximation. Leaves the colours in another order. */
static gp_status refine(const gp_trial *trial, uint8_t *colours, gp_audit_result *result,
                        gp_error *error) {
  const gp_params *params = &trial->prf.params;
  if (trial->test->served_only || trial->n == 0) { /* coins that are selected by luck */
    return GP_OK;
  }
  double *weights = malloc((trial->n + 1) * sizeof *weights);
  if (weights == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  const gp_status sorted = sort_coins(trial, colours, weights, error);
  if (sorted != GP_OK) {
    free(weights);
    return sorted;
  }
  gp_weighted_result best;
  const gp_status status = gp_weighted_test(weights, colours, trial->n, params->gamma_num,
                                            params->gamma_log2_den, &best, error);
  free(weights);
  if (status != GP_OK) {
    return status;
  }
  if (trial->test->statistic != GP_AUDIT_DISTINCT) {
    result->log10_p = best.log10_p;
  }
  result->log10_p_saddlepoint = best.log10_p_saddlepoint;
  return GP_OK;
}

gp_status gp_audit_test_key(const gp_audit_test *test, const gp_key *key,
                            const gp_verifier_options *options, gp_audit_result *result,
                            gp_error *error) {
  if (test == NULL || key == NULL || result == NULL) {
    return gp_fail_null(error, __func__, test == NULL ? "test" : key == NULL ? "key" : "result");
  }
  gp_status status = check_key(test, key, error);
  if (status != GP_OK) {
    return status;
  }
  gp_trial trial;
  status = gp_trial_begin(&trial, test, key, options, error);
  if (status != GP_OK) {
    return status;
  }
  gp_audit_result made;
  const size_t room = trial.n + 1; /* never 0 */
  uint8_t *colours = malloc(room);
  if (colours == NULL) {
    status = gp_fail_memory(error, "the colours of the coins");
    goto cleanup;
  }
  status = gp_trial_run(&trial, colours, &made, error);
  if (status == GP_OK) {
    status = refine(&trial, colours, &made, error);
  }
  if (status == GP_OK) {
    *result = made;
  }
  sodium_memzero(colours, room);

cleanup:
  free(colours);
  gp_trial_end(&trial);
  return status;
}

/* ---------------------------------------------------------------- many keys */

typedef struct job {
  const gp_audit_test *test;
  const gp_audit_candidate *candidates;
  gp_audit_result *results;
} job;

/* Each candidate is one thread's from beginning to end. */
static gp_status work(void *state, gp_work_queue *queue, gp_error *error) {
  const job *self = state;
  gp_status status = GP_OK;
  size_t i = 0;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    gp_trial trial;
    status = gp_trial_begin(&trial, self->test, self->candidates[i].key,
                            &self->candidates[i].options, error);
    if (status == GP_OK) {
      status = gp_trial_run(&trial, NULL, &self->results[i], error);
      gp_trial_end(&trial);
    }
  }
  return status;
}

static gp_status check_candidates(const gp_audit_test *test, const gp_audit_candidate *candidates,
                                  size_t n, unsigned threads, gp_error *error) {
  if (threads < 1 || threads > GP_THREADS_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "threads: must be 1 to %d, not %u", GP_THREADS_MAX,
                   threads);
  }
  for (size_t i = 0; i < n; i++) {
    if (candidates[i].key == NULL) {
      return gp_fail(error, GP_ERR_ARGUMENT, "candidates[%zu]: key must not be NULL", i);
    }
    const gp_status status = check_key(test, candidates[i].key, error);
    if (status != GP_OK) {
      return status;
    }
  }
  return GP_OK;
}

gp_status gp_audit_test_many(const gp_audit_test *test, const gp_audit_candidate *candidates,
                             size_t n, unsigned threads, gp_audit_result *results,
                             gp_error *error) {
  if (test == NULL || (n > 0 && (candidates == NULL || results == NULL))) {
    return gp_fail_null(error, __func__,
                        test == NULL         ? "test"
                        : candidates == NULL ? "candidates"
                                             : "results");
  }
  gp_status status = check_candidates(test, candidates, n, threads, error);
  if (status != GP_OK || n == 0) {
    return status;
  }
  gp_thread_pool *pool = NULL;
  status = gp_thread_pool_new(threads < n ? threads : n, &pool, error);
  if (status != GP_OK) {
    return status;
  }
  job state = {.test = test, .candidates = candidates};
  state.results = n <= SIZE_MAX / sizeof *results ? malloc(n * sizeof *results) : NULL;
  status = state.results != NULL ? gp_thread_pool_run(pool, n, work, &state, error)
                                 : gp_fail_memory(error, "the results of many keys");
  for (size_t i = 0; i < n && status == GP_OK; i++) {
    results[i] = state.results[i];
  }
  free(state.results);
  gp_thread_pool_free(pool);
  return status;
}

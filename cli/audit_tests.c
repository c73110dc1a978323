/* The tests of an audit, each with the key and with control keys. */
#include <math.h>
#include <stdlib.h>

#include "audit_findings.h"

/* Each key has guarded pages of its own, of which a process may have some ten thousands only. */
#define KEYS_AT_ONCE 256

/* The controls' results in one test. */
typedef struct control_results {
  double *statistic;
  double *z;
  double *log10_p;
} control_results;

void audit_findings_free(audit_findings *all) {
  evidence_free(&all->evidence);
  free(all->z);
  free(all->log10_p);
  *all = (audit_findings){0};
}

static void add_tests(audit_findings *all, bool served) {
  const audit_options *options = all->evidence.options;
  const gp_audit_statistic closed[] = {GP_AUDIT_DISTINCT, GP_AUDIT_ROOT, GP_AUDIT_REFERENCE};
  const gp_audit_statistic open[] = {GP_AUDIT_OPEN, GP_AUDIT_OPEN_ROOT};
  const size_t count = options->open || options->reference == NULL ? 2 : 3;
  for (size_t i = 0; i < count; i++) {
    all->tests[all->n_tests++] =
        (audit_test_findings){.statistic = options->open ? open[i] : closed[i], .served = served};
  }
}

/* The last one decides: where there is a reference model the test with it, and over the served
 * contexts where they are known. */
static void choose_tests(audit_findings *all) {
  add_tests(all, false);
  if (all->evidence.options->served != NULL) {
    add_tests(all, true);
  }
  all->verdict = all->n_tests - 1;
}

/* ------------------------------------------------------------------------- controls */

static gp_status make_keys(const audit_evidence *evidence, size_t first, size_t count,
                           gp_key *keys[KEYS_AT_ONCE], gp_error *error) {
  gp_status status = GP_OK;
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    status = gp_audit_control_key(&evidence->params, evidence->commitment, (uint32_t)(first + i),
                                  &keys[i], error);
  }
  return status;
}

static gp_status test_some(const audit_evidence *evidence, const gp_audit_test *test,
                           size_t first, size_t count, const control_results *out,
                           gp_error *error) {
  gp_key *keys[KEYS_AT_ONCE] = {NULL};
  gp_audit_candidate candidates[KEYS_AT_ONCE];
  gp_audit_result results[KEYS_AT_ONCE];
  gp_status status = make_keys(evidence, first, count, keys, error);
  for (size_t i = 0; i < count; i++) {
    candidates[i] = (gp_audit_candidate){.key = keys[i], .options = evidence->options->tenant};
  }
  if (status == GP_OK) {
    status =
        gp_audit_test_many(test, candidates, count, evidence->options->threads, results, error);
  }
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    out->statistic[first + i] = results[i].statistic;
    out->z[first + i] = results[i].z;
    out->log10_p[first + i] = results[i].log10_p;
  }
  for (size_t i = 0; i < count; i++) {
    gp_key_free(keys[i]);
  }
  return status;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Sorts out->statistic away: what is said of it comes first. */
static gp_status summarize(size_t count, const control_results *out, audit_test_findings *test,
                           gp_error *error) {
  audit_controls *controls = &test->controls;
  for (size_t i = 0; i < count; i++) {
    controls->at_or_above += out->statistic[i] >= test->result.statistic;
    controls->small += out->log10_p[i] <= -AUDIT_SMALL_LOG2_DEN * log10(2);
    controls->log10_p_least = fmin(controls->log10_p_least, out->log10_p[i]);
    out->statistic[i] = out->z[i];
  }
  controls->rank_p = (1 + (double)controls->at_or_above) / (1 + (double)count);
  qsort(out->statistic, count, sizeof *out->statistic, compare);
  controls->z_least = out->statistic[0];
  controls->z_greatest = out->statistic[count - 1];
  controls->z_median = (out->statistic[(count - 1) / 2] + out->statistic[count / 2]) / 2;
  return gp_log10_binomial_tail(count, controls->small, 1, AUDIT_SMALL_LOG2_DEN,
                                &controls->log10_p_small, error);
}

static gp_status test_controls(const audit_findings *all, const gp_audit_test *test,
                               const control_results *out, audit_test_findings *findings,
                               gp_error *error) {
  gp_status status = GP_OK;
  for (size_t first = 0; first < all->n_controls && status == GP_OK; first += KEYS_AT_ONCE) {
    const size_t left = all->n_controls - first;
    status = test_some(&all->evidence, test, first, left < KEYS_AT_ONCE ? left : KEYS_AT_ONCE,
                       out, error);
  }
  return status == GP_OK && all->n_controls > 0 ? summarize(all->n_controls, out, findings, error)
                                                : status;
}

/* ---------------------------------------------------------------------------- tests */

static gp_status run_test(const audit_findings *all, const control_results *out,
                          audit_test_findings *findings, gp_error *error) {
  const audit_evidence *evidence = &all->evidence;
  gp_audit_test *test = NULL;
  gp_status status =
      gp_audit_test_new(evidence->audit, findings->statistic, findings->served, &test, error);
  if (status == GP_OK) {
    status = gp_audit_test_key(test, evidence->key, &evidence->options->tenant, &findings->result,
                               error);
  }
  if (status == GP_OK) {
    status = test_controls(all, test, out, findings, error);
  }
  gp_audit_test_free(test);
  return status;
}

/* The first test of answers is `distinct` over all contexts. */
static gp_status set_anytime(audit_findings *all, gp_error *error) {
  const audit_evidence *evidence = &all->evidence;
  const gp_audit_result *distinct = &all->tests[0].result;
  all->has_anytime = !evidence->options->open && evidence->bill.times == 1;
  return all->has_anytime
             ? gp_log10_e_value(distinct->coins, distinct->green, evidence->params.gamma_num,
                                evidence->params.gamma_log2_den, &all->anytime_log10_e, error)
             : GP_OK;
}

/* The verdict's test is the last: its controls stay in all->z and all->log10_p. */
static gp_status run_all(audit_findings *all, const control_results *out, gp_error *error) {
  const double least = log10(AUDIT_CONTROLS_LEAST_P);
  all->controls_fit = true;
  for (size_t i = 0; i < all->n_tests; i++) {
    const gp_status status = run_test(all, out, &all->tests[i], error);
    if (status != GP_OK) {
      return status;
    }
    all->controls_fit = all->controls_fit && all->tests[i].controls.log10_p_small >= least;
  }
  return set_anytime(all, error);
}

int audit_run_tests(audit_findings *all) {
  const audit_options *options = all->evidence.options;
  gp_error error;
  choose_tests(all);
  all->n_controls = (size_t)options->controls;
  all->z = calloc(all->n_controls + 1, sizeof *all->z);
  all->log10_p = calloc(all->n_controls + 1, sizeof *all->log10_p);
  const control_results out = {.statistic = calloc(all->n_controls + 1, sizeof(double)),
                               .z = all->z,
                               .log10_p = all->log10_p};
  int status = CLI_OK;
  if (out.z == NULL || out.log10_p == NULL || out.statistic == NULL) {
    status = cli_fail(options->command, "out of memory: too many controls");
  } else if (run_all(all, &out, &error) != GP_OK) {
    status = cli_fail(options->command, "%s", error.message);
  }
  free(out.statistic);
  all->log10_p_corrected =
      evidence_correct(&all->evidence, all->tests[all->verdict].result.log10_p);
  all->found = all->log10_p_corrected <= log10(options->alpha);
  return status;
}

/* A statistic, prepared for many keys: its coins in order, with their weights. */
#include "audit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int64_t gp_audit_weight(gp_audit_statistic statistic, int64_t what) {
  const double unit = (double)GP_AUDIT_UNIT;
  switch (statistic) {
  case GP_AUDIT_DISTINCT:
    return what > 0 ? GP_AUDIT_UNIT : 0;
  case GP_AUDIT_ROOT:
    return llrint(sqrt((double)what) * unit);
  case GP_AUDIT_OPEN_ROOT:
    return llrint(copysign(sqrt(fabs((double)what) * unit), (double)what));
  default:
    return what;
  }
}

/* What a coin's weight is made of. */
static int64_t what_of(const gp_audit *audit, gp_audit_statistic statistic, size_t coin) {
  switch (statistic) {
  case GP_AUDIT_REFERENCE:
    return (int64_t)audit->occurred[coin] * GP_AUDIT_UNIT + audit->sums[coin];
  case GP_AUDIT_OPEN:
  case GP_AUDIT_OPEN_ROOT:
    return audit->sums[coin];
  default:
    return audit->occurred[coin];
  }
}

static bool is_served(const gp_audit *audit, size_t coin) {
  return audit->served[audit->coins.ids[2 * coin]] != 0;
}

static gp_status check(const gp_audit *audit, gp_audit_statistic statistic, bool served_only,
                       gp_error *error) {
  if (audit->failed) {
    return gp_fail(error, GP_ERR_ARGUMENT, "audit: an earlier document failed; begin anew");
  }
  const bool open = audit->kind == GP_AUDIT_MODEL;
  const char *wants = NULL;
  switch (statistic) {
  case GP_AUDIT_DISTINCT:
  case GP_AUDIT_ROOT:
    wants = open ? "answers" : NULL;
    break;
  case GP_AUDIT_REFERENCE:
    wants = audit->kind == GP_AUDIT_EXPECTED_ANSWERS ? NULL : "answers with expectations";
    break;
  case GP_AUDIT_OPEN:
  case GP_AUDIT_OPEN_ROOT:
    wants = open ? NULL : "model weights";
    break;
  default:
    return gp_fail(error, GP_ERR_ARGUMENT, "statistic: %d is none", (int)statistic);
  }
  if (wants != NULL && audit->kind != GP_AUDIT_EMPTY) {
    return gp_fail(error, GP_ERR_ARGUMENT, "statistic '%s' needs %s",
                   gp_audit_statistic_name(statistic), wants);
  }
  if (served_only && audit->served == NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "served_only: no served contexts were set");
  }
  return GP_OK;
}

static gp_status allocate(gp_audit_test *test, gp_error *error) {
  const size_t coins = test->audit->coins.count + 1;
  const size_t windows = test->audit->windows.count + 1;
  test->tokens = malloc(coins * sizeof *test->tokens);
  test->windows = malloc(coins * sizeof *test->windows);
  test->weights = malloc(coins * sizeof *test->weights);
  test->sources = malloc(windows * sizeof *test->sources);
  if (test->tokens == NULL || test->windows == NULL || test->weights == NULL ||
      test->sources == NULL) {
    return gp_fail_memory(error, "the coins of a test");
  }
  return GP_OK;
}

/* The coins that have weight, sorted by window by counting; starts[w] is where the next coin of
 * window w goes. */
static void sort_coins(gp_audit_test *test, size_t *starts, const uint8_t *taken) {
  const gp_audit *audit = test->audit;
  size_t at = 0;
  for (size_t w = 0; w < audit->windows.count; w++) {
    const size_t count = starts[w];
    starts[w] = at;
    if (count > 0) {
      for (size_t i = at; i < at + count; i++) {
        test->windows[i] = (uint32_t)test->n_windows;
      }
      test->sources[test->n_windows++] = (uint32_t)w;
    }
    at += count;
  }
  test->n = at;
  for (size_t i = 0; i < audit->coins.count; i++) {
    if (taken[i]) {
      const size_t place = starts[audit->coins.ids[2 * i]]++;
      const int64_t what = what_of(audit, test->statistic, i);
      test->tokens[place] = audit->coins.ids[2 * i + 1];
      test->weights[place] = test->merges ? what : gp_audit_weight(test->statistic, what);
    }
  }
}

static gp_status take_coins(gp_audit_test *test, gp_error *error) {
  const gp_audit *audit = test->audit;
  size_t *starts = calloc(audit->windows.count + 1, sizeof *starts);
  uint8_t *taken = calloc(audit->coins.count + 1, 1);
  if (starts == NULL || taken == NULL) {
    free(starts);
    free(taken);
    return gp_fail_memory(error, "the coins of a test");
  }
  for (size_t i = 0; i < audit->coins.count; i++) {
    taken[i] =
        what_of(audit, test->statistic, i) != 0 && (!test->served_only || is_served(audit, i));
    starts[audit->coins.ids[2 * i]] += taken[i];
  }
  sort_coins(test, starts, taken);
  free(starts);
  free(taken);
  return GP_OK;
}

/* The scale of the mixture, which must not depend on which contexts were served. */
static gp_status sigma_of_all(const gp_audit_test *test, double *sigma, gp_error *error) {
  const gp_audit *audit = test->audit;
  int64_t *weights = malloc((audit->coins.count + 1) * sizeof *weights);
  if (weights == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  for (size_t i = 0; i < audit->coins.count; i++) {
    weights[i] = gp_audit_weight(test->statistic, what_of(audit, test->statistic, i));
  }
  *sigma = gp_null_sigma(weights, audit->coins.count, &audit->params);
  free(weights);
  return GP_OK;
}

static gp_status prepare(gp_audit_test *test, gp_error *error) {
  gp_status status = allocate(test, error);
  if (status == GP_OK) {
    status = take_coins(test, error);
  }
  double sigma = 0.0;
  if (status == GP_OK && test->served_only) {
    status = sigma_of_all(test, &sigma, error);
  }
  if (status == GP_OK && !test->merges) {
    status = gp_null_law_make(&test->law, test->weights, test->n, &test->audit->params, sigma,
                              true, error);
  }
  return status;
}

gp_status gp_audit_test_new(const gp_audit *audit, gp_audit_statistic statistic, bool served_only,
                            gp_audit_test **test, gp_error *error) {
  if (audit == NULL || test == NULL) {
    return gp_fail_null(error, __func__, audit == NULL ? "audit" : "test");
  }
  gp_status status = check(audit, statistic, served_only, error);
  if (status != GP_OK) {
    return status;
  }
  gp_audit_test *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "test");
  }
  made->audit = audit;
  made->statistic = statistic;
  made->served_only = served_only;
  made->merges = audit->params.seeding == GP_SEEDING_MIN;
  status = prepare(made, error);
  if (status != GP_OK) {
    gp_audit_test_free(made);
    return status;
  }
  *test = made;
  return GP_OK;
}

void gp_audit_test_free(gp_audit_test *test) {
  if (test == NULL) {
    return;
  }
  gp_null_law_release(&test->law);
  free(test->tokens);
  free(test->windows);
  free(test->weights);
  free(test->sources);
  free(test);
}

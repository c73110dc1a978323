/* Benjamini-Hochberg and Holm against their definitions. */
#include <math.h>
#include <stdlib.h>

#include "support.h"

/* Threshold by threshold: the least n t / #{p_j <= t} over the p-values t that reach p_i. */
static void by_definition(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int round = 0; round < 300; round++) {
    double p[60];
    double q[60];
    const size_t n = 1 + next_random(&random) % 60;
    for (size_t i = 0; i < n; i++) {
      const uint64_t x = next_random(&random);
      p[i] = round % 2 ? -(double)(x % 7) : -(double)(x >> 11) / 0x1p50; /* ties, or none */
    }
    assert_ok(gp_benjamini_hochberg(p, n, q, error));
    for (size_t i = 0; i < n; i++) {
      double least = 0.0;
      for (size_t t = 0; t < n; t++) {
        size_t count = 0;
        for (size_t j = 0; j < n; j++) {
          count += p[j] <= p[t];
        }
        if (p[t] >= p[i]) {
          least = fmin(least, p[t] + log10((double)n / (double)count));
        }
      }
      assert_true(fabs(q[i] - least) < 1e-13);
    }
  }
}

/* Reject the smallest p-values step by step, each against those that are left. */
static void holm_by_definition(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int round = 0; round < 300; round++) {
    double p[60];
    double adjusted[60];
    bool rejected[60] = {false};
    const size_t n = 1 + next_random(&random) % 60;
    for (size_t i = 0; i < n; i++) {
      const uint64_t x = next_random(&random);
      p[i] = round % 2 ? -(double)(x % 7) : -(double)(x >> 11) / 0x1p50; /* ties, or none */
    }
    assert_ok(gp_holm(p, n, adjusted, error));
    double level = -INFINITY; /* the least at which all of the rejected are */
    for (size_t left = n; left > 0; left--) {
      size_t next = n;
      for (size_t i = 0; i < n; i++) {
        next = !rejected[i] && (next == n || p[i] < p[next]) ? i : next;
      }
      rejected[next] = true;
      level = fmax(level, fmin(0.0, p[next] + log10((double)left)));
      assert_true(fabs(adjusted[next] - level) < 1e-13);
    }
  }
  double bad[] = {-1.0, NAN};
  assert_ok(gp_holm(NULL, 0, NULL, error));
  assert_int_equal(gp_holm(bad, 2, bad, NULL), GP_ERR_ARGUMENT);
  assert_fails(gp_holm(bad, 1, NULL, error), GP_ERR_ARGUMENT,
               "gp_holm: log10_adjusted must not be NULL");
}

static void ends(void **state) {
  (void)state;
  double one[] = {-3.0};
  assert_ok(gp_benjamini_hochberg(NULL, 0, NULL, error));
  assert_ok(gp_benjamini_hochberg(one, 1, one, error)); /* in place */
  assert_true(one[0] == -3.0);
  double far[] = {-INFINITY, -0.0, -5000.0};
  assert_ok(gp_benjamini_hochberg(far, 3, far, error));
  assert_true(far[0] == -INFINITY && far[1] == 0.0);
  assert_true(fabs(far[2] - (-5000.0 + log10(1.5))) < 1e-12);
}

static void bad_arguments(void **state) {
  (void)state;
  double p[] = {-1.0, 0.5, -2.0};
  double q[] = {7.0, 7.0, 7.0};
  assert_fails(gp_benjamini_hochberg(p, 3, q, error), GP_ERR_ARGUMENT,
               "log10_p[1]: must be a number that is at most 0, not 0.5");
  p[1] = NAN;
  assert_int_equal(gp_benjamini_hochberg(p, 3, q, NULL), GP_ERR_ARGUMENT);
  assert_fails(gp_benjamini_hochberg(NULL, 3, q, error), GP_ERR_ARGUMENT,
               "gp_benjamini_hochberg: log10_p must not be NULL");
  assert_fails(gp_benjamini_hochberg(p, 3, NULL, error), GP_ERR_ARGUMENT,
               "gp_benjamini_hochberg: log10_q must not be NULL");
  assert_true(q[0] == 7.0 && q[1] == 7.0 && q[2] == 7.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(by_definition),
      cmocka_unit_test(holm_by_definition),
      cmocka_unit_test(ends),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("fdr", tests, NULL, NULL);
}

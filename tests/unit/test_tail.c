/* The binomial tail beyond the vectors: identities that hold for every n. */
#include <math.h>
#include <stdlib.h>

#include "support.h"

static double tail(uint64_t n, uint64_t green, uint32_t num, uint32_t log2_den) {
  double log10_p = NAN;
  assert_ok(gp_log10_binomial_tail(n, green, num, log2_den, &log10_p, error));
  return log10_p;
}

/* P(X >= x) + P(X <= x - 1) = 1, the second being a tail of the other colour. */
static void both_tails_add_up(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int i = 0; i < 20000; i++) {
    const uint32_t k = 1 + (uint32_t)(next_random(&random) % 8);
    const uint32_t g = (uint32_t)(next_random(&random) % (1U << (k - 1))) * 2 + 1;
    const uint64_t n = 1 + (next_random(&random) >> (24 + next_random(&random) % 39));
    const double mean = (double)n * g / (1U << k);
    const double spread = 8.0 * sqrt((double)n) + 2.0;
    double x = mean + spread * ((double)(next_random(&random) >> 11) / 0x1p53 - 0.5);
    x = fmin(fmax(floor(x), 1.0), (double)n);
    const double upper = pow(10.0, tail(n, (uint64_t)x, g, k));
    const double lower = pow(10.0, tail(n, n - (uint64_t)x + 1, (1U << k) - g, k));
    if (!(fabs(upper + lower - 1.0) < 1e-11)) {
      fail_msg("n=%llu x=%.0f g=%u k=%u: %.17g + %.17g", (unsigned long long)n, x, g, k, upper,
               lower);
    }
  }
}

/* P(X >= x) falls with x, by exactly P(X = x): compared with the mass from lgamma(). */
static void steps_are_masses(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 60; n++) {
    for (uint64_t x = 0; x < n; x++) {
      const double step = pow(10.0, tail(n, x, 3, 3)) - pow(10.0, tail(n, x + 1, 3, 3));
      const double mass =
          exp(lgamma((double)n + 1) - lgamma((double)x + 1) - lgamma((double)(n - x) + 1) +
              (double)x * log(0.375) + (double)(n - x) * log(0.625));
      assert_true(fabs(step - mass) < 1e-12);
    }
  }
}

static void ends(void **state) {
  (void)state;
  assert_true(tail(0, 0, 1, 2) == 0.0);
  assert_true(tail(UINT64_C(1) << 44, 0, 1, 2) == 0.0);
  assert_true(fabs(tail(1000000000, 1000000000, 1, 1) / (-1e9 * log10(2.0)) - 1.0) < 1e-15);
  assert_true(tail(1000000000, 1, 1, 1) == 0.0); /* 1 - 2^-1e9 */
  assert_true(tail(1, 1, 1, 2) == log10(0.25));  /* p = alpha compares equal */
}

static void never_rises(void **state) {
  (void)state;
  double before = 0.0;
  for (uint64_t x = 0; x <= 5000; x++) {
    const double now = tail(5000, x, 1, 2);
    assert_true(now <= before);
    before = now;
  }
}

static void bad_arguments(void **state) {
  (void)state;
  double log10_p = 1.0;
  assert_fails(gp_log10_binomial_tail(10, 11, 1, 2, &log10_p, error), GP_ERR_ARGUMENT,
               "green: 11 is more than n = 10");
  assert_fails(gp_log10_binomial_tail((UINT64_C(1) << 44) + 1, 0, 1, 2, &log10_p, error),
               GP_ERR_ARGUMENT, "n: must be at most 2^44, not 17592186044417");
  assert_fails(gp_log10_binomial_tail(10, 1, 2, 2, &log10_p, error), GP_ERR_ARGUMENT,
               "gamma: the numerator must be odd and below the denominator, not 2/4");
  assert_fails(gp_log10_binomial_tail(10, 1, 1, 2, NULL, error), GP_ERR_ARGUMENT,
               "gp_log10_binomial_tail: log10_p must not be NULL");
  assert_true(log10_p == 1.0);
}

static void z_score(void **state) {
  (void)state;
  assert_true(gp_z_score(0, 0, 0.25) == 0.0);
  assert_true(gp_z_score(300, 75, 0.25) == 0.0);
  assert_true(fabs(gp_z_score(300, 90, 0.25) - 2.0) < 1e-15);
  assert_true(fabs(gp_z_score(300, 60, 0.25) + 2.0) < 1e-15);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_tails_add_up),
      cmocka_unit_test(steps_are_masses),
      cmocka_unit_test(ends),
      cmocka_unit_test(never_rises),
      cmocka_unit_test(bad_arguments),
      cmocka_unit_test(z_score),
  };
  return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}

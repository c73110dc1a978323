/* The e-value beyond the vectors: a martingale, and the ends. */
#include <math.h>

#include "support.h"

static double e_value(uint64_t n, uint64_t green, uint32_t num, uint32_t log2_den) {
  double log10_e = NAN;
  assert_ok(gp_log10_e_value(n, green, num, log2_den, &log10_e, error));
  return log10_e;
}

/* One coin more: gamma E(n + 1, x + 1) + (1 - gamma) E(n + 1, x) = E(n, x), at any size. */
static void next_coin_expects_no_gain(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int i = 0; i < 50000; i++) {
    const uint32_t k = 1 + (uint32_t)(next_random(&random) % 8);
    const uint32_t g = (uint32_t)(next_random(&random) % (1U << (k - 1))) * 2 + 1;
    const double gamma = (double)g / (1U << k);
    const uint64_t n = next_random(&random) >> (25 + next_random(&random) % 38);
    const double mean = (double)n * gamma;
    const double spread = 40.0 * sqrt(mean) + 10.0;
    double x = mean + spread * ((double)(next_random(&random) >> 11) / 0x1p53 - 0.5);
    if (i % 3 == 0) {
      x = (double)n * ((double)(next_random(&random) >> 11) / 0x1p53);
    }
    const uint64_t green = (uint64_t)fmin(fmax(floor(x), 0.0), (double)n);
    const double now = e_value(n, green, g, k);
    const double up = e_value(n + 1, green + 1, g, k);
    const double down = e_value(n + 1, green, g, k);
    const double expected = gamma * pow(10.0, up - now) + (1.0 - gamma) * pow(10.0, down - now);
    if (!(fabs(expected - 1.0) < 1e-12 * (1.0 + fabs(now)) * 10.0)) {
      fail_msg("n=%llu x=%llu g=%u k=%u: %.17g", (unsigned long long)n, (unsigned long long)green,
               g, k, expected);
    }
  }
}

/* Its mean over Bin(n, gamma) is 1. */
static void mean_is_1(void **state) {
  (void)state;
  for (uint64_t n = 0; n <= 300; n += 7) {
    double mean = 0.0;
    for (uint64_t x = 0; x <= n; x++) {
      const double mass =
          exp(lgamma((double)n + 1) - lgamma((double)x + 1) - lgamma((double)(n - x) + 1) +
              (double)x * log(0.375) + (double)(n - x) * log(0.625));
      mean += mass * pow(10.0, e_value(n, x, 3, 3));
    }
    assert_true(fabs(mean - 1.0) < 1e-10);
  }
}

static void ends(void **state) {
  (void)state;
  assert_true(e_value(0, 0, 1, 2) == 0.0);
  assert_true(fabs(e_value(9, 0, 1, 2) + 1.0) < 1e-15); /* 1 / (n + 1) */
  assert_true(fabs(e_value(1, 1, 1, 1) - log10(1.5)) < 1e-15);
  const uint64_t most = UINT64_C(1) << 44;
  assert_true(fabs(e_value(most, most, 1, 1) / ((double)most * log10(2.0)) - 1.0) < 1e-11);
  assert_true(fabs(e_value(most, 0, 1, 1) + log10((double)most)) < 1e-11);
}

static void never_falls(void **state) {
  (void)state;
  double before = -INFINITY;
  for (uint64_t x = 0; x <= 5000; x++) {
    const double now = e_value(5000, x, 1, 2);
    assert_true(now > before);
    before = now;
  }
}

static void bad_arguments(void **state) {
  (void)state;
  double log10_e = 1.0;
  assert_fails(gp_log10_e_value(10, 11, 1, 2, &log10_e, error), GP_ERR_ARGUMENT,
               "green: 11 is more than n = 10");
  assert_fails(gp_log10_e_value((UINT64_C(1) << 44) + 1, 0, 1, 2, &log10_e, error),
               GP_ERR_ARGUMENT, "n: must be at most 2^44, not 17592186044417");
  assert_fails(gp_log10_e_value(10, 1, 2, 2, &log10_e, error), GP_ERR_ARGUMENT,
               "gamma: the numerator must be odd and below the denominator, not 2/4");
  assert_fails(gp_log10_e_value(10, 1, 1, 2, NULL, error), GP_ERR_ARGUMENT,
               "gp_log10_e_value: log10_e must not be NULL");
  assert_true(log10_e == 1.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(next_coin_expects_no_gain),
      cmocka_unit_test(mean_is_1),
      cmocka_unit_test(ends),
      cmocka_unit_test(never_falls),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("evalue", tests, NULL, NULL);
}

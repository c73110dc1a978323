/* The weighted test beyond the vectors: it bounds exact tails, whatever the weights. */
#include <math.h>
#include <stdlib.h>

#include "support.h"

#define COINS_MAX 12

static double uniform(uint64_t *random) {
  return (double)(next_random(random) >> 11) / 0x1p53;
}

static gp_weighted_result test_of(const double *weights, const uint8_t *green, size_t n,
                                  uint32_t g, uint32_t k) {
  gp_weighted_result result;
  assert_ok(gp_weighted_test(weights, green, n, g, k, &result, error));
  return result;
}

/* P(T >= observed) by going through all colourings; sums of eighths are exact. */
static double exact_tail(const double *weights, size_t n, double gamma, double observed) {
  double p = 0.0;
  for (uint32_t colours = 0; colours < 1U << n; colours++) {
    double sum = 0.0;
    double mass = 1.0;
    for (size_t i = 0; i < n; i++) {
      const bool green = colours >> i & 1U;
      sum += weights[i] * (green ? 1.0 - gamma : -gamma);
      mass *= green ? gamma : 1.0 - gamma;
    }
    p += sum >= observed ? mass : 0.0;
  }
  return p;
}

static void never_below_the_exact_tail(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int round = 0; round < 600; round++) {
    double weights[COINS_MAX];
    uint8_t green[COINS_MAX];
    const size_t n = 1 + next_random(&random) % COINS_MAX;
    const uint32_t k = 1 + (uint32_t)(next_random(&random) % 4);
    const uint32_t g = (uint32_t)(next_random(&random) % (1U << (k - 1))) * 2 + 1;
    const double gamma = (double)g / (1U << k);
    double observed = 0.0;
    for (size_t i = 0; i < n; i++) {
      weights[i] = (double)(next_random(&random) % 64) / 8.0 - (round % 2 ? 4.0 : 0.0);
      green[i] = (uint8_t)(next_random(&random) % 2);
      observed += weights[i] * (green[i] ? 1.0 - gamma : -gamma);
    }
    const gp_weighted_result result = test_of(weights, green, n, g, k);
    assert_int_equal(result.coins, n);
    assert_true(fabs(result.statistic - observed) < 1e-12 * (1.0 + fabs(observed)));
    const double exact = log10(exact_tail(weights, n, gamma, observed));
    if (!(result.log10_p >= exact - 1e-14)) {
      fail_msg("%zu coins, g=%u k=%u: %.17g below %.17g", n, g, k, result.log10_p, exact);
    }
    assert_true(result.log10_p <= 0.0 && result.log10_p_saddlepoint <= result.log10_p);
  }
}

/* With weights of 1 the bound is e^(-n KL), which the binomial tail stays below by little. */
static void weights_of_1(void **state) {
  (void)state;
  static double weights[5000];
  static uint8_t green[5000];
  for (size_t i = 0; i < 5000; i++) {
    weights[i] = 1.0;
  }
  for (size_t x = 0; x <= 5000; x++) {
    if (x > 0) {
      green[x - 1] = 1;
    }
    if (x % 125 != 0) {
      continue;
    }
    const gp_weighted_result result = test_of(weights, green, 5000, 1, 2);
    const double rate = (double)x / 5000.0;
    double bound = 0.0;
    if (rate > 0.25) {
      bound = -5000.0 * (rate * log10(rate / 0.25) +
                         (rate < 1.0 ? (1.0 - rate) * log10((1.0 - rate) / 0.75) : 0.0));
    }
    assert_true(fabs(result.log10_p - bound) <= 1e-11 * fabs(bound));
    double exact = 0.0;
    assert_ok(gp_log10_binomial_tail(5000, x, 1, 2, &exact, error));
    assert_true(result.log10_p >= exact);
    assert_true(fabs(result.log10_p_saddlepoint - exact) < 1e-3 * (0.1 + fabs(exact)));
    assert_true(fabs(result.z - gp_z_score(5000, x, 0.25)) < 1e-11);
  }
}

/* Neither the unit of the weights nor coins of weight 0 matter. */
static void scale_does_not_matter(void **state) {
  (void)state;
  uint64_t random = test_seed();
  double weights[200];
  double scaled[200];
  uint8_t green[200];
  for (size_t i = 0; i < 200; i++) {
    weights[i] = i % 3 == 0 ? 0.0 : uniform(&random) - 0.2;
    green[i] = uniform(&random) < 0.45;
  }
  const gp_weighted_result plain = test_of(weights, green, 200, 1, 2);
  for (int power = -1000; power <= 1000; power += 250) {
    for (size_t i = 0; i < 200; i++) {
      scaled[i] = ldexp(weights[i], power);
    }
    const gp_weighted_result result = test_of(scaled, green, 200, 1, 2);
    assert_true(result.z == plain.z && result.log10_p == plain.log10_p);
    assert_true(result.log10_p_saddlepoint == plain.log10_p_saddlepoint);
  }
}

static void ends(void **state) {
  (void)state;
  const double weights[] = {2.0, -1.0, 0.0, 5.0};
  const uint8_t best[] = {1, 0, 0, 1};
  const uint8_t worst[] = {0, 1, 1, 0};
  gp_weighted_result result = test_of(weights, best, 4, 1, 2);
  const double exact = log10(0.25 * 0.75 * 0.25);
  assert_true(result.log10_p >= exact && fabs(result.log10_p - exact) < 1e-14);
  assert_true(result.log10_p_saddlepoint == exact);
  result = test_of(weights, worst, 4, 1, 2);
  assert_true(result.log10_p == 0.0 && result.log10_p_saddlepoint == 0.0);
  result = test_of(NULL, NULL, 0, 1, 2);
  assert_true(result.coins == 0 && result.z == 0.0 && result.log10_p == 0.0);
  const double zeros[] = {0.0, -0.0};
  result = test_of(zeros, best, 2, 1, 2);
  assert_true(result.coins == 2 && result.z == 0.0 && result.log10_p == 0.0);
  /* Weights so different that the small ones cannot be told from nothing. */
  const double wide[] = {1e300, 1e-300, 5e-324};
  const uint8_t mixed[] = {1, 0, 0};
  result = test_of(wide, mixed, 3, 1, 2);
  assert_true(result.log10_p >= log10(0.25) - 1e-15 && result.log10_p < log10(0.26));
}

static void bad_arguments(void **state) {
  (void)state;
  double weights[] = {1.0, INFINITY, 1e308};
  uint8_t green[] = {1, 1, 1};
  gp_weighted_result result = {.coins = 77};
  assert_fails(gp_weighted_test(weights, green, 3, 1, 2, &result, error), GP_ERR_ARGUMENT,
               "weights[1]: must be finite, not inf");
  weights[1] = NAN;
  assert_int_equal(gp_weighted_test(weights, green, 3, 1, 2, &result, NULL), GP_ERR_ARGUMENT);
  weights[0] = weights[1] = weights[2] = 1.7e308;
  assert_fails(gp_weighted_test(weights, green, 3, 1, 2, &result, error), GP_ERR_ARGUMENT,
               "weights: their sum overflows; scale them down");
  green[2] = 2;
  assert_fails(gp_weighted_test(weights, green, 3, 1, 2, &result, error), GP_ERR_ARGUMENT,
               "green[2]: must be 0 or 1, not 2");
  assert_fails(gp_weighted_test(weights, green, 3, 3, 1, &result, error), GP_ERR_ARGUMENT,
               "gamma: the numerator must be odd and below the denominator, not 3/2");
  assert_fails(gp_weighted_test(NULL, green, 3, 1, 2, &result, error), GP_ERR_ARGUMENT,
               "gp_weighted_test: weights must not be NULL");
  assert_fails(gp_weighted_test(weights, NULL, 3, 1, 2, &result, error), GP_ERR_ARGUMENT,
               "gp_weighted_test: green must not be NULL");
  assert_fails(gp_weighted_test(weights, green, 3, 1, 2, NULL, error), GP_ERR_ARGUMENT,
               "gp_weighted_test: result must not be NULL");
  assert_int_equal(result.coins, 77);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(never_below_the_exact_tail),
      cmocka_unit_test(weights_of_1),
      cmocka_unit_test(scale_does_not_matter),
      cmocka_unit_test(ends),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("weighted", tests, NULL, NULL);
}

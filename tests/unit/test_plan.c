/* Planning: every number of coins from the answer on is enough, and one fewer is not. */
#include <math.h>
#include <stdlib.h>

#include "support.h"

static double tail(uint64_t n, uint64_t green, uint32_t num, uint32_t log2_den) {
  double log10_p = -INFINITY;
  if (green <= n) {
    assert_ok(gp_log10_binomial_tail(n, green, num, log2_den, &log10_p, error));
  }
  return log10_p;
}

/* The power with n coins where the marked rate is a green fraction too. */
static double power_with(uint64_t n, uint32_t g, uint32_t k, uint32_t rate, double log10_alpha,
                         uint64_t *green) {
  uint64_t low = 0;
  uint64_t high = n + 1;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (tail(n, middle, g, k) <= log10_alpha) {
      high = middle;
    } else {
      low = middle;
    }
  }
  *green = high;
  return pow(10.0, tail(n, high, rate, 8));
}

static gp_params gamma_of(uint32_t g, uint32_t k) {
  gp_params params = gp_params_default();
  params.gamma_num = g;
  params.gamma_log2_den = k;
  return params;
}

static void answers_are_the_least(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int round = 0; round < 40; round++) {
    const uint32_t k = 1 + (uint32_t)(next_random(&random) % 6);
    const uint32_t g = (uint32_t)(next_random(&random) % (1U << (k - 1))) * 2 + 1;
    const uint32_t lowest = g << (8 - k);
    const uint32_t above = (uint32_t)(next_random(&random) % (255 - lowest));
    const uint32_t rate = (lowest + 1 + above) | 1U; /* odd */
    const double log10_alpha = -0.5 - (double)(next_random(&random) % 12);
    const double wanted = 0.02 + (double)(next_random(&random) % 97) / 100.0;
    const gp_params params = gamma_of(g, k);
    gp_plan plan;
    assert_ok(gp_plan_tokens(&params, rate / 256.0, log10_alpha, wanted, 1.0, &plan, error));
    assert_int_equal(plan.tokens, plan.coins);
    uint64_t green = 0;
    const double power = power_with(plan.coins, g, k, rate, log10_alpha, &green);
    assert_int_equal(plan.green, green);
    assert_true(fabs(power - plan.power) < 1e-9 && power >= wanted - 1e-9);
    if (plan.coins > 0) {
      assert_true(power_with(plan.coins - 1, g, k, rate, log10_alpha, &green) < wanted + 1e-9);
    }
    for (uint64_t more = 1; more < 200; more++) {
      const uint64_t n = plan.coins + (more < 150 ? more : more * more * plan.coins / 20000);
      if (power_with(n, g, k, rate, log10_alpha, &green) < wanted - 1e-9) {
        fail_msg("g=%u k=%u rate=%u/256 log10_alpha=%g power=%g: %llu coins, but not %llu", g, k,
                 rate, log10_alpha, wanted, (unsigned long long)plan.coins,
                 (unsigned long long)n);
      }
    }
  }
}

/* Close to gamma the normal approximation is right, and the answer still quick. */
static void close_to_gamma(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  for (double excess = 1e-2; excess > 5e-7; excess /= 10.0) {
    gp_plan plan;
    assert_ok(gp_plan_tokens(&params, 0.25 + excess, -6.0, 0.9, 0.5, &plan, error));
    const double both = (4.753424308822899 + 1.2815515655446004) / excess; /* normal quantiles */
    const double normal = both * both * 0.1875;
    assert_true(fabs((double)plan.coins / normal - 1.0) < 5.0 * excess + 1e-6);
    assert_true(plan.power >= 0.9 && plan.power < 0.9 + excess);
    assert_int_equal(plan.tokens, 2 * plan.coins);
  }
}

/* The green rate of a marked model: known limits, and never falling. */
static void green_rates(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  double rate = 0.0;
  assert_ok(gp_plan_green_rate(&params, 0.0, 5.0, &rate, error));
  assert_true(rate == 0.25);
  assert_ok(gp_plan_green_rate(&params, 2.0, 0.0, &rate, error));
  assert_true(rate == 0.25);
  assert_ok(gp_plan_green_rate(&params, 100.0, 15.0, &rate, error));
  assert_true(rate > 0.99 && rate <= 1.0);
  /* With so much entropy that G is gamma. */
  const double most = 0.25 * exp(2.0) / (0.25 * exp(2.0) + 0.75);
  assert_ok(gp_plan_green_rate(&params, 2.0, 15.0, &rate, error));
  assert_true(rate > most - 0.05 && rate < most);
  double before = 0.25;
  for (double entropy = 0.25; entropy < 12.0; entropy *= 2.0) {
    assert_ok(gp_plan_green_rate(&params, 2.0, entropy, &rate, error));
    assert_true(rate > before && rate < most);
    before = rate;
  }
  before = 0.25;
  for (double delta = 0.01; delta < 100.0; delta *= 4.0) {
    assert_ok(gp_plan_green_rate(&params, delta, 3.0, &rate, error));
    assert_true(rate > before && rate <= 1.0);
    before = rate;
  }
}

static void bad_arguments(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  gp_plan plan = {.coins = 77};
  double rate = 7.0;
  assert_fails(gp_plan_tokens(&params, 0.25, -6.0, 0.9, 1.0, &plan, error), GP_ERR_ARGUMENT,
               "green_rate: must be above gamma = 0.25 and at most 1, not 0.25");
  assert_fails(gp_plan_tokens(&params, 0.5, 0.0, 0.9, 1.0, &plan, error), GP_ERR_ARGUMENT,
               "log10_alpha: must be finite and below 0, not 0");
  assert_fails(gp_plan_tokens(&params, 0.5, -6.0, 1.0, 1.0, &plan, error), GP_ERR_ARGUMENT,
               "power: must be between 0 and 1, not 1");
  assert_fails(gp_plan_tokens(&params, 0.5, -6.0, 0.9, 0.0, &plan, error), GP_ERR_ARGUMENT,
               "distinct_share: must be above 0 and at most 1, not 0");
  assert_fails(gp_plan_tokens(&params, 0.25 + 1e-9, -6.0, 0.9, 1.0, &plan, error),
               GP_ERR_ARGUMENT,
               "green_rate: 0.25 is too close to gamma = 0.25 for a test of at most 2^43 coins");
  assert_int_equal(gp_plan_tokens(&params, NAN, -6.0, 0.9, 1.0, &plan, NULL), GP_ERR_ARGUMENT);
  assert_fails(gp_plan_tokens(NULL, 0.5, -6.0, 0.9, 1.0, &plan, error), GP_ERR_ARGUMENT,
               "gp_plan_tokens: params must not be NULL");
  assert_fails(gp_plan_tokens(&params, 0.5, -6.0, 0.9, 1.0, NULL, error), GP_ERR_ARGUMENT,
               "gp_plan_tokens: plan must not be NULL");
  assert_fails(gp_plan_green_rate(&params, -1.0, 3.0, &rate, error), GP_ERR_ARGUMENT,
               "delta: must be between 0 and 100, not -1");
  assert_fails(gp_plan_green_rate(&params, 2.0, 16.0, &rate, error), GP_ERR_ARGUMENT,
               "entropy: must be between 0 and 15.61 bits, not 16");
  assert_fails(gp_plan_green_rate(&params, 2.0, 3.0, NULL, error), GP_ERR_ARGUMENT,
               "gp_plan_green_rate: green_rate must not be NULL");
  assert_true(plan.coins == 77 && rate == 7.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_are_the_least),
      cmocka_unit_test(close_to_gamma),
      cmocka_unit_test(green_rates),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

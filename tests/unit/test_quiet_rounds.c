/* Which rounds of a benchmark are quiet: the probes say so, and nothing else. */
#include <math.h>

#include "quiet.h"
#include "support.h"

static double ours[] = {1.0, 9.0, 1.2, 8.0, 1.1};
static double against[] = {1.0, 1.0, 1.0, 1.0, 1.0};

static void test_quiet_rounds_alone_make_the_figure(void **state) {
  (void)state;
  double probes[] = {10.0, 20.0, 11.0, INFINITY, 11.5};
  const bench_rounds rounds = {5, ours, against, probes};
  const bench_result quiet = bench_summarise(&rounds, 11.5);
  assert_int_equal(quiet.rounds, 3);
  assert_int_equal(bench_count_quiet(&rounds, 11.4), 2);
  assert_true(fabs(quiet.ratio - 1.1) < 1e-12);
  assert_true(fabs(quiet.ours.least - 1.0) < 1e-12);
  const bench_result all = bench_summarise(&rounds, INFINITY);
  assert_int_equal(all.rounds, 5);
  assert_true(fabs(all.ratio - 1.2) < 1e-12);
  assert_true(fabs(all.ratio_p90 - 8.6) < 1e-12);
}

static void test_what_the_rounds_took_plays_no_part(void **state) {
  (void)state;
  double probes[] = {20.0, 10.0, 20.0, 10.0, 20.0}; /* the slow rounds are the quiet ones */
  const bench_rounds rounds = {5, ours, against, probes};
  const bench_result quiet = bench_summarise(&rounds, 11.5);
  assert_int_equal(quiet.rounds, 2);
  assert_true(fabs(quiet.ratio - 8.5) < 1e-12);
}

static void test_no_quiet_round_gives_no_figure(void **state) {
  (void)state;
  double probes[] = {20.0, 20.0, 20.0, 20.0, INFINITY};
  const bench_rounds rounds = {5, ours, against, probes};
  const bench_result quiet = bench_summarise(&rounds, 11.5);
  assert_int_equal(quiet.rounds, 0);
  assert_true(fabs(quiet.ratio - 0.0) < 1e-12);
}

static void test_without_probes_nothing_is_known_to_be_quiet(void **state) {
  (void)state;
  const bench_rounds rounds = {5, ours, against, NULL};
  assert_int_equal(bench_count_quiet(&rounds, 1e9), 0);
  assert_int_equal(bench_summarise(&rounds, INFINITY).rounds, 5);
}

static void test_the_order_of_rounds_stays(void **state) {
  (void)state;
  const bench_rounds rounds = {5, ours, against, NULL};
  (void)bench_summarise(&rounds, INFINITY);
  assert_true(fabs(ours[1] - 9.0) < 1e-12);
}

static void test_a_probe_has_a_cost_and_the_least_is_kept(void **state) {
  (void)state;
  bench_probe_calibrate(0.01);
  const double least = bench_probe_least();
  assert_true(least > 0.0 && least < INFINITY);
  int undisturbed = 0;
  for (int i = 0; i < 1000; i++) {
    const double cost = bench_probe();
    assert_true(cost >= bench_probe_least());
    undisturbed += cost < 10.0 * least;
  }
  assert_true(undisturbed > 0);
  assert_true(bench_probe_least() <= least);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_quiet_rounds_alone_make_the_figure),
      cmocka_unit_test(test_what_the_rounds_took_plays_no_part),
      cmocka_unit_test(test_no_quiet_round_gives_no_figure),
      cmocka_unit_test(test_without_probes_nothing_is_known_to_be_quiet),
      cmocka_unit_test(test_the_order_of_rounds_stays),
      cmocka_unit_test(test_a_probe_has_a_cost_and_the_least_is_kept),
  };
  return cmocka_run_group_tests_name("quiet_rounds", tests, NULL, NULL);
}

/* Parameters: what is accepted, what is refused and how. */
#include <string.h>

#include "support.h"

static void defaults(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  assert_ok(gp_params_check(&params, error));
  assert_string_equal(gp_seeding_name(params.seeding), "hash");
  assert_int_equal(params.context_width, 2);
  assert_true(gp_params_gamma(&params) == 0.25);
}

static void gamma_texts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint32_t num;
    uint32_t log2_den;
  } good[] = {
      {"1/2", 1, 1},   {"1/4", 1, 2},        {"2/8", 1, 2},     {"3/12", 1, 2},
      {"0.25", 1, 2},  {".5", 1, 1},         {"0.375", 3, 3},   {"255/256", 255, 8},
      {"1/256", 1, 8}, {"0.00390625", 1, 8}, {"128/256", 1, 1}, {"0.500000000", 1, 1},
      {"6/16", 3, 3},  {"077/256", 77, 8},
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    gp_params params = gp_params_default();
    assert_ok(gp_params_set_gamma(&params, good[i].text, error));
    assert_int_equal(params.gamma_num, good[i].num);
    assert_int_equal(params.gamma_log2_den, good[i].log2_den);
    assert_ok(gp_params_check(&params, error));
  }
}

static void profiles(void **state) {
  (void)state;
  const gp_params wanted = gp_params_default();
  gp_params params = {GP_SEEDING_MIN, 7, 3, 3};
  assert_fails(gp_params_set_profile(&params, "Distill", error), GP_ERR_ARGUMENT,
               "profile: 'Distill' is not provenance or distill");
  assert_fails(gp_params_set_profile(&params, NULL, error), GP_ERR_ARGUMENT,
               "gp_params_set_profile: text must not be NULL");
  assert_int_equal(params.context_width, 7); /* untouched */
  assert_ok(gp_params_set_profile(&params, "provenance", error));
  assert_memory_equal(&params, &wanted, sizeof params);
  assert_ok(gp_params_set_profile(&params, "distill", error));
  assert_int_equal(params.seeding, GP_SEEDING_HASH);
  assert_int_equal(params.context_width, 1);
  assert_true(params.gamma_num == 1 && params.gamma_log2_den == 2);
}

static void bad_gamma_texts(void **state) {
  (void)state;
  static const char *const no_fraction[] = {
      "",    "x",   "1/", "/4", "1/4 ", " 1/4", "-1/4", "+1/4", "1//4",  "0.25x",       "1e-2",
      "1/0", "1.5", ".",  "0.", "nan",  "inf",  "0,25", "1.0",  "1/2/4", "1234567890/4"};
  for (size_t i = 0; i < sizeof no_fraction / sizeof *no_fraction; i++) {
    gp_params params = gp_params_default();
    gp_error error = {0};
    assert_int_equal(gp_params_set_gamma(&params, no_fraction[i], &error), GP_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "is not a fraction such as 1/4 or 0.25"));
    assert_int_equal(params.gamma_num, 1); /* untouched */
  }
  gp_params params = gp_params_default();
  assert_fails(gp_params_set_gamma(&params, "4/4", error), GP_ERR_ARGUMENT,
               "gamma: '4/4' is not between 0 and 1");
  assert_fails(gp_params_set_gamma(&params, "1", error), GP_ERR_ARGUMENT,
               "gamma: '1' is not between 0 and 1");
  assert_fails(gp_params_set_gamma(&params, "0/4", error), GP_ERR_ARGUMENT,
               "gamma: '0/4' is not between 0 and 1");
  assert_fails(gp_params_set_gamma(&params, "0.3", error), GP_ERR_ARGUMENT,
               "gamma: '0.3' is not g/2^k with k up to 8; the nearest that is: 77/256");
  assert_fails(gp_params_set_gamma(&params, "1/3", error), GP_ERR_ARGUMENT,
               "gamma: '1/3' is not g/2^k with k up to 8; the nearest that is: 85/256");
  assert_fails(gp_params_set_gamma(&params, "1/512", error), GP_ERR_ARGUMENT,
               "gamma: '1/512' is not g/2^k with k up to 8; the nearest that is: 1/256");
  assert_fails(gp_params_set_gamma(&params, "0.999999", error), GP_ERR_ARGUMENT,
               "gamma: '0.999999' is not g/2^k with k up to 8; the nearest that is: 255/256");
}

static gp_params with(gp_seeding seeding, uint32_t width, uint32_t num, uint32_t log2_den) {
  const gp_params params = {seeding, width, num, log2_den};
  return params;
}

static void ranges(void **state) {
  (void)state;
  for (uint32_t width = 1; width <= 16; width++) {
    const gp_params hash = with(GP_SEEDING_HASH, width, 1, 1);
    const gp_params min = with(GP_SEEDING_MIN, width, 1, 1);
    assert_ok(gp_params_check(&hash, error));
    assert_ok(gp_params_check(&min, error));
  }
  const gp_params fixed = with(GP_SEEDING_FIXED, 0, 255, 8);
  assert_ok(gp_params_check(&fixed, error));

  gp_params bad = with(GP_SEEDING_HASH, 0, 1, 1);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "context width: 0 is one green list for everything, the easiest to steal; if "
               "that is wanted, ask for the seeding scheme 'fixed'");
  bad = with(GP_SEEDING_MIN, 17, 1, 1);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "context width: must be 1 to 16, not 17");
  bad = with(GP_SEEDING_FIXED, 1, 1, 1);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "context width: the seeding scheme 'fixed' has no context, so the width must be "
               "0, not 1");
  bad = with((gp_seeding)4, 1, 1, 1);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT, "seeding: unknown scheme 4");
  bad = with(GP_SEEDING_HASH, 1, 1, 0);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "gamma: the denominator must be 2^k with k from 1 to 8, not k = 0");
  bad = with(GP_SEEDING_HASH, 1, 1, 9);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "gamma: the denominator must be 2^k with k from 1 to 8, not k = 9");
  bad = with(GP_SEEDING_HASH, 1, 2, 3);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "gamma: the numerator must be odd and below the denominator, not 2/8");
  bad = with(GP_SEEDING_HASH, 1, 9, 3);
  assert_fails(gp_params_check(&bad, error), GP_ERR_ARGUMENT,
               "gamma: the numerator must be odd and below the denominator, not 9/8");
  assert_fails(gp_params_check(NULL, error), GP_ERR_ARGUMENT,
               "gp_params_check: params must not be NULL");
}

static void seeding_texts(void **state) {
  (void)state;
  gp_params params = gp_params_default();
  assert_ok(gp_params_set_seeding(&params, "min", error));
  assert_int_equal(params.seeding, GP_SEEDING_MIN);
  assert_fails(gp_params_set_seeding(&params, "minimum", error), GP_ERR_ARGUMENT,
               "seeding: 'minimum' is not hash, min or fixed");
  assert_int_equal(params.seeding, GP_SEEDING_MIN);
  assert_string_equal(gp_seeding_name((gp_seeding)0), "?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults), cmocka_unit_test(gamma_texts),
      cmocka_unit_test(profiles), cmocka_unit_test(bad_gamma_texts),
      cmocka_unit_test(ranges),   cmocka_unit_test(seeding_texts),
  };
  return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}

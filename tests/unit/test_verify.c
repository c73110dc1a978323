/* Counting coins over documents. */
#include <stdlib.h>
#include <string.h>

#include "prf/prf.h"
#include "support.h"

static gp_verifier *make_verifier(const gp_params *params) {
  gp_key *key = test_key(params);
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(key, NULL, &verifier, error));
  gp_key_free(key);
  return verifier;
}

static gp_result result_of(const gp_verifier *verifier) {
  gp_result result;
  gp_verifier_result(verifier, &result);
  return result;
}

static void nothing_scored(void **state) {
  (void)state;
  gp_verifier *verifier = make_verifier(NULL);
  gp_result result = result_of(verifier);
  assert_int_equal(result.documents, 0);
  assert_true(result.z == 0.0 && result.log10_p == 0.0);
  const uint32_t two[] = {5, 6};
  assert_ok(gp_verifier_add(verifier, NULL, 0, error));
  assert_ok(gp_verifier_add(verifier, two, 1, error));
  assert_ok(gp_verifier_add(verifier, two, 2, error));
  result = result_of(verifier);
  assert_int_equal(result.documents, 3);
  assert_int_equal(result.tokens, 3);
  assert_int_equal(result.scored + result.repeated + result.green, 0);
  assert_true(result.z == 0.0 && result.log10_p == 0.0);
  gp_verifier_free(verifier);
}

/* Repeats within, across and at the seams of the internal batches count once. */
static void repeats_count_once(void **state) {
  (void)state;
  gp_verifier *verifier = make_verifier(NULL);
  enum {
    N = 1000
  };
  uint32_t tokens[N];
  for (uint32_t i = 0; i < N; i++) {
    tokens[i] = i % 300;
  }
  assert_ok(gp_verifier_add(verifier, tokens, N, error));
  gp_result once = result_of(verifier);
  assert_int_equal(once.scored, 300);
  assert_int_equal(once.repeated, N - 2 - 300);
  for (int i = 0; i < 5; i++) {
    assert_ok(gp_verifier_add(verifier, tokens, N, error));
  }
  const gp_result often = result_of(verifier);
  assert_int_equal(often.scored, once.scored);
  assert_int_equal(often.green, once.green);
  assert_true(often.z == once.z && often.log10_p == once.log10_p);
  assert_int_equal(often.tokens, 6 * N);
  assert_int_equal(often.repeated, 6 * (N - 2) - 300);

  gp_verifier_reset(verifier);
  assert_int_equal(result_of(verifier).tokens, 0);
  assert_ok(gp_verifier_add(verifier, tokens, N, error));
  const gp_result again = result_of(verifier);
  assert_memory_equal(&again, &once, sizeof again);
  gp_verifier_free(verifier);
}

/* The verifier's coins are the embedder's lists, for every seeding scheme. */
static void agrees_with_the_lists(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static const gp_params all[] = {{GP_SEEDING_HASH, 1, 1, 1},  {GP_SEEDING_HASH, 2, 1, 2},
                                  {GP_SEEDING_HASH, 5, 77, 8}, {GP_SEEDING_HASH, 16, 3, 3},
                                  {GP_SEEDING_MIN, 1, 1, 2},   {GP_SEEDING_MIN, 4, 1, 2},
                                  {GP_SEEDING_MIN, 16, 5, 4},  {GP_SEEDING_FIXED, 0, 1, 2}};
  for (size_t p = 0; p < sizeof all / sizeof *all; p++) {
    enum {
      N = 700,
      VOCABULARY = 1000
    };
    const size_t h = all[p].context_width;
    gp_key *key = test_key(&all[p]);
    gp_watermark *watermark = NULL;
    assert_ok(gp_watermark_new(key, NULL, &watermark, error));
    uint32_t tokens[N];
    for (size_t i = 0; i < N; i++) {
      tokens[i] = (uint32_t)(next_random(&random) >> 32) % VOCABULARY;
    }
    gp_verifier *verifier = make_verifier(&all[p]);
    assert_ok(gp_verifier_add(verifier, tokens, N, error));
    uint64_t green = 0;
    uint64_t scored = 0;
    uint8_t(*seen)[GP_BLOCK_SIZE] = calloc(N, GP_BLOCK_SIZE);
    assert_non_null(seen);
    for (size_t i = h; i < N; i++) {
      uint8_t mask[VOCABULARY / 8];
      uint8_t id[GP_BLOCK_SIZE];
      assert_ok(gp_nonce(watermark, tokens, i, id, error));
      memcpy(id + GP_NONCE_SIZE, &tokens[i], 4);
      bool repeated = false;
      for (size_t j = 0; j < scored; j++) {
        repeated = repeated || memcmp(seen[j], id, sizeof id) == 0;
      }
      if (!repeated) {
        memcpy(seen[scored++], id, sizeof id);
        assert_ok(gp_green_mask(watermark, tokens, i, VOCABULARY, mask, error));
        green += (unsigned)mask[tokens[i] / 8] >> tokens[i] % 8 & 1U;
      }
    }
    const gp_result result = result_of(verifier);
    assert_int_equal(result.scored, scored);
    assert_int_equal(result.repeated, N - h - scored);
    assert_int_equal(result.green, green);
    free(seen);
    gp_verifier_free(verifier);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
}

static void bad_arguments(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_verifier *verifier = NULL;
  assert_fails(gp_verifier_new(NULL, NULL, &verifier, error), GP_ERR_ARGUMENT,
               "gp_verifier_new: key must not be NULL");
  assert_fails(gp_verifier_new(key, NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_verifier_new: verifier must not be NULL");
  assert_ok(gp_verifier_new(key, NULL, &verifier, error));
  assert_fails(gp_verifier_add(verifier, NULL, 1, error), GP_ERR_ARGUMENT,
               "gp_verifier_add: tokens must not be NULL");
  gp_verifier_free(verifier);
  gp_verifier_free(NULL);
  gp_verifier_reset(NULL);
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_scored),
      cmocka_unit_test(repeats_count_once),
      cmocka_unit_test(agrees_with_the_lists),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}

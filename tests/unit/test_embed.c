/* Biasing rows: what changes, what does not, what is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static gp_watermark *make_watermark(const gp_params *params,
                                    const gp_watermark_options *options) {
  gp_key *key = test_key(params);
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, options, &watermark, error));
  gp_key_free(key); /* the watermark does not need it any longer */
  return watermark;
}

static const uint32_t sequence[] = {11, 22, 33, 44, 55};

static bool bit_of(const uint8_t *mask, size_t i) {
  return ((unsigned)mask[i / 8] >> i % 8 & 1U) != 0;
}

/* Each vocabulary size around the seams of groups, stretches and bytes. */
static void agrees_with_the_mask(void **state) {
  (void)state;
  static const size_t sizes[] = {1,    2,    7,     8,     9,     127,   128,  129,
                                 4095, 4096, 16383, 16384, 16385, 40000, 65537};
  gp_params params = gp_params_default();
  for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k++) {
    params.gamma_log2_den = k;
    params.gamma_num = (1U << k) - 1;
    gp_watermark *watermark = make_watermark(&params, NULL);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      const size_t n = sizes[s];
      float *row = malloc((n + 1) * sizeof *row);
      uint8_t *mask = malloc((n + 7) / 8);
      assert_true(row != NULL && mask != NULL);
      for (size_t v = 0; v <= n; v++) {
        row[v] = (float)v;
      }
      const gp_row context = {.tokens = sequence, .n_tokens = 5};
      assert_ok(gp_bias(watermark, GP_FLOAT32, row, n, &context, error));
      assert_ok(gp_green_mask(watermark, sequence, 5, n, mask, error));
      for (size_t v = 0; v < n; v++) {
        assert_true(row[v] == (float)v + (bit_of(mask, v) ? 2.0F : 0.0F));
      }
      assert_true(row[n] == (float)n); /* nothing beyond the row */
      free(row);
      free(mask);
    }
    gp_watermark_free(watermark);
  }
}

static void special_values(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL);
  const gp_row context = {.tokens = sequence, .n_tokens = 5};
  enum {
    N = 512
  };
  uint8_t mask[N / 8];
  assert_ok(gp_green_mask(watermark, sequence, 5, N, mask, error));
  float row[N];
  for (size_t v = 0; v < N; v++) {
    row[v] = -0.0F;
  }
  assert_ok(gp_bias(watermark, GP_FLOAT32, row, N, &context, error));
  for (size_t v = 0; v < N; v++) { /* a red -0.0 keeps its sign */
    assert_true(bit_of(mask, v) ? row[v] == 2.0F : (row[v] == 0.0F && signbit(row[v])));
  }
  static const float specials[] = {INFINITY, -INFINITY};
  for (size_t i = 0; i < 2; i++) {
    for (size_t v = 0; v < N; v++) {
      row[v] = specials[i];
    }
    assert_ok(gp_bias(watermark, GP_FLOAT32, row, N, &context, error));
    for (size_t v = 0; v < N; v++) {
      assert_true(row[v] == specials[i]);
    }
  }
  for (size_t v = 0; v < N; v++) {
    row[v] = NAN;
  }
  assert_ok(gp_bias(watermark, GP_FLOAT32, row, N, &context, error));
  for (size_t v = 0; v < N; v++) {
    assert_true(isnan(row[v]));
  }
  gp_watermark_free(watermark);
}

static void short_sequences_are_left_alone(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL); /* h = 2 */
  float row[64] = {0};
  const float zeros[64] = {0};
  for (size_t n = 0; n < 2; n++) {
    const gp_row context = {.tokens = n == 0 ? NULL : sequence, .n_tokens = n};
    assert_ok(gp_bias(watermark, GP_FLOAT32, row, 64, &context, error));
    assert_memory_equal(row, zeros, sizeof row);
  }
  uint8_t mask[8];
  assert_fails(gp_green_mask(watermark, sequence, 1, 64, mask, error), GP_ERR_ARGUMENT,
               "tokens: 1, but the context width is 2");
  gp_watermark_free(watermark);
}

static void only_the_window_counts(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL);
  float whole[1000] = {0};
  float tail[1000] = {0};
  float other[1000] = {0};
  const gp_row a = {.tokens = sequence, .n_tokens = 5};
  const gp_row b = {.tokens = sequence + 3, .n_tokens = 2};
  const gp_row c = {.tokens = sequence, .n_tokens = 4};
  assert_ok(gp_bias(watermark, GP_FLOAT32, whole, 1000, &a, error));
  assert_ok(gp_bias(watermark, GP_FLOAT32, tail, 1000, &b, error));
  assert_ok(gp_bias(watermark, GP_FLOAT32, other, 1000, &c, error));
  assert_memory_equal(whole, tail, sizeof whole);
  assert_memory_not_equal(whole, other, sizeof whole);
  gp_watermark_free(watermark);
}

static void never_biased(void **state) {
  (void)state;
  static const uint32_t ids[] = {900, 0, 31, 31, 17000, 4294967295U, 16384, 127};
  gp_watermark_options options = gp_watermark_options_default();
  gp_watermark *plain = make_watermark(NULL, &options);
  options.never_biased = ids;
  options.n_never_biased = sizeof ids / sizeof *ids;
  gp_watermark *sparing = make_watermark(NULL, &options);
  enum {
    N = 20000
  };
  uint8_t all[N / 8];
  uint8_t some[N / 8];
  assert_ok(gp_green_mask(plain, sequence, 5, N, all, error));
  assert_ok(gp_green_mask(sparing, sequence, 5, N, some, error));
  size_t spared = 0;
  for (uint32_t v = 0; v < N; v++) {
    bool listed = false;
    for (size_t i = 0; i < options.n_never_biased; i++) {
      listed = listed || ids[i] == v;
    }
    assert_int_equal(bit_of(some, v), bit_of(all, v) && !listed);
    spared += bit_of(all, v) && listed;
  }
  assert_true(spared > 0); /* else the test shows nothing */
  float *row = calloc(N, sizeof *row);
  assert_non_null(row);
  const gp_row context = {.tokens = sequence, .n_tokens = 5};
  assert_ok(gp_bias(sparing, GP_FLOAT32, row, N, &context, error));
  for (size_t v = 0; v < N; v++) {
    assert_true(row[v] == (bit_of(some, v) ? 2.0F : 0.0F));
  }
  free(row);
  gp_watermark_free(plain);
  gp_watermark_free(sparing);
}

static void batch_equals_rows(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL);
  enum {
    ROWS = 4,
    N = 300,
    STRIDE = 317
  };
  float batch[ROWS * STRIDE];
  float single[ROWS * STRIDE];
  for (size_t i = 0; i < ROWS * STRIDE; i++) {
    batch[i] = single[i] = (float)i / 7.0F;
  }
  const gp_row rows[ROWS] = {{.tokens = sequence, .n_tokens = 5},
                             {.tokens = sequence, .n_tokens = 1}, /* left alone */
                             {.tokens = sequence, .n_tokens = 3},
                             {.tokens = sequence + 1, .n_tokens = 4}};
  assert_ok(gp_bias_batch(watermark, GP_FLOAT32, batch, ROWS, N, STRIDE, rows, error));
  for (size_t i = 0; i < ROWS; i++) {
    assert_ok(gp_bias(watermark, GP_FLOAT32, single + i * STRIDE, N, &rows[i], error));
  }
  assert_memory_equal(batch, single, sizeof batch);
  assert_ok(gp_bias_batch(watermark, GP_FLOAT32, NULL, 0, N, STRIDE, NULL, error));
  gp_watermark_free(watermark);
}

static void tenants_differ(void **state) {
  (void)state;
  gp_watermark_options options = gp_watermark_options_default();
  uint8_t masks[3][128];
  for (size_t i = 0; i < 3; i++) {
    options.has_tenant = i > 0;
    options.tenant = i == 2;
    gp_watermark *watermark = make_watermark(NULL, &options);
    assert_ok(gp_green_mask(watermark, sequence, 5, 1024, masks[i], error));
    gp_watermark_free(watermark);
  }
  assert_memory_not_equal(masks[0], masks[1], 128); /* no tenant is not tenant 0 */
  assert_memory_not_equal(masks[1], masks[2], 128);
}

/* A quarter of 2^20 tokens is green, within six standard deviations (two-sided false-alarm
 * rate 2e-9; the key is fixed, so it never changes from run to run). */
static void green_share(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL);
  const size_t n = (size_t)1 << 20;
  uint8_t *mask = malloc(n / 8);
  assert_non_null(mask);
  assert_ok(gp_green_mask(watermark, sequence, 5, n, mask, error));
  size_t green = 0;
  for (size_t v = 0; v < n; v++) {
    green += bit_of(mask, v);
  }
  assert_true(fabs(gp_z_score(n, green, 0.25)) < 6.0);
  free(mask);
  gp_watermark_free(watermark);
}

static void bad_arguments(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = NULL;
  gp_watermark_options options = gp_watermark_options_default();
  options.delta = -1.0F;
  assert_fails(gp_watermark_new(key, &options, &watermark, error), GP_ERR_ARGUMENT,
               "delta: must be 0 to 100, not -1");
  options.delta = NAN;
  assert_int_equal(gp_watermark_new(key, &options, &watermark, NULL), GP_ERR_ARGUMENT);
  options.delta = INFINITY;
  assert_fails(gp_watermark_new(key, &options, &watermark, error), GP_ERR_ARGUMENT,
               "delta: must be 0 to 100, not inf");
  options = gp_watermark_options_default();
  options.n_never_biased = 3;
  assert_fails(gp_watermark_new(key, &options, &watermark, error), GP_ERR_ARGUMENT,
               "never_biased: NULL, but n_never_biased is 3");
  options.never_biased = sequence;
  options.n_never_biased = SIZE_MAX / 2;
  assert_int_equal(gp_watermark_new(key, &options, &watermark, NULL), GP_ERR_MEMORY);
  assert_fails(gp_watermark_new(NULL, NULL, &watermark, error), GP_ERR_ARGUMENT,
               "gp_watermark_new: key must not be NULL");
  assert_null(watermark);

  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  float row[8] = {0};
  const gp_row context = {.tokens = sequence, .n_tokens = 5};
  const gp_row lying = {.tokens = NULL, .n_tokens = 5};
  assert_fails(gp_bias(watermark, GP_FLOAT32, row, 0, &context, error), GP_ERR_ARGUMENT,
               "vocabulary: must be 1 to 2^32, not 0");
  assert_fails(gp_bias(watermark, GP_FLOAT32, row, ((size_t)1 << 32) + 1, &context, error),
               GP_ERR_ARGUMENT, "vocabulary: must be 1 to 2^32, not 4294967297");
  assert_fails(gp_bias(watermark, (gp_dtype)7, row, 8, &context, error), GP_ERR_ARGUMENT,
               "dtype: 7 is not float32, float16 or bfloat16");
  assert_fails(gp_bias_batch(watermark, GP_FLOAT32, row, 1, 8, 7, &context, error),
               GP_ERR_ARGUMENT, "stride: 7 is below the vocabulary of 8");
  assert_fails(gp_bias_batch(watermark, GP_FLOAT32, row, 2, 8, SIZE_MAX / 4, &context, error),
               GP_ERR_ARGUMENT,
               "stride: 2 rows of 4611686018427387903 elements exceed the address space");
  assert_fails(gp_bias(watermark, GP_FLOAT32, (char *)row + 1, 4, &context, error),
               GP_ERR_ARGUMENT, "logits: not aligned to 4 bytes");
  assert_fails(gp_bias(watermark, GP_FLOAT32, NULL, 8, &context, error), GP_ERR_ARGUMENT,
               "gp_bias: logits must not be NULL");
  assert_fails(gp_bias(watermark, GP_FLOAT32, row, 8, NULL, error), GP_ERR_ARGUMENT,
               "gp_bias: row must not be NULL");
  assert_fails(gp_bias(NULL, GP_FLOAT32, row, 8, &context, error), GP_ERR_ARGUMENT,
               "gp_bias: watermark must not be NULL");
  assert_fails(gp_bias(watermark, GP_FLOAT32, row, 8, &lying, error), GP_ERR_ARGUMENT,
               "row 0: tokens: NULL, but n_tokens is 5");
  const gp_row short_and_lying = {.tokens = NULL, .n_tokens = 1};
  assert_fails(gp_bias(watermark, GP_FLOAT32, row, 8, &short_and_lying, error), GP_ERR_ARGUMENT,
               "row 0: tokens: NULL, but n_tokens is 1");
  const float zeros[8] = {0};
  assert_memory_equal(row, zeros, sizeof row);
  gp_watermark_free(watermark);
  gp_watermark_free(NULL);
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_mask),
      cmocka_unit_test(special_values),
      cmocka_unit_test(short_sequences_are_left_alone),
      cmocka_unit_test(only_the_window_counts),
      cmocka_unit_test(never_biased),
      cmocka_unit_test(batch_equals_rows),
      cmocka_unit_test(tenants_differ),
      cmocka_unit_test(green_share),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}

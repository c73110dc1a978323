/* Following a generation loop, against what each row by itself has to become. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum {
  ROWS = 9,
  LENGTH = 80,
  VOCABULARY = 64,
  STRIDE = 70
};

static gp_watermark *make_watermark(gp_seeding seeding, uint32_t width) {
  gp_params params = gp_params_default();
  params.seeding = seeding;
  params.context_width = width;
  gp_key *key = test_key(&params);
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  gp_key_free(key);
  return watermark;
}

/* gp_generation_bias() with the step spelt out. */
static gp_status bias(gp_generation *generation, gp_dtype dtype, float *logits, size_t n_rows,
                      size_t stride, const int64_t *ids, size_t length, size_t ids_stride,
                      gp_error *error) {
  const gp_generation_step step = {.logits = logits,
                                   .n_rows = n_rows,
                                   .vocabulary = VOCABULARY,
                                   .stride = stride,
                                   .ids = ids,
                                   .length = length,
                                   .ids_stride = ids_stride,
                                   .dtype = dtype};
  return gp_generation_bias(generation, &step, error);
}

/* A loop, and all that has to be known to say without state what it has to do. */
typedef struct loop {
  gp_watermark *watermark;
  gp_generation *generation;
  gp_generation_options options;
  size_t width;
  size_t prompt;
  size_t n_rows;
  size_t length;
  int64_t ids[ROWS][LENGTH];
  size_t marked;
  size_t skipped;
  size_t without_window;
} loop;

static loop *begin(gp_seeding seeding, uint32_t width, const gp_generation_options *options) {
  loop *made = calloc(1, sizeof *made);
  assert_non_null(made);
  made->watermark = make_watermark(seeding, width);
  made->options = options == NULL ? gp_generation_options_default() : *options;
  made->width = width;
  assert_ok(gp_generation_new(made->watermark, options, &made->generation, error));
  return made;
}

static void end(loop *l) {
  gp_generation_free(l->generation);
  gp_watermark_free(l->watermark);
  free(l);
}

/* The nonce of the position behind the first `length` ids of a row, if it has a window. */
static bool nonce_at(const loop *l, size_t row, size_t length, uint8_t *nonce) {
  size_t start = 0;
  uint32_t tokens[LENGTH];
  while (l->options.has_pad && start < length && l->ids[row][start] == l->options.pad) {
    start++;
  }
  if (length - start < l->width) {
    return false;
  }
  for (size_t i = start; i < length; i++) {
    tokens[i - start] = (uint32_t)l->ids[row][i];
  }
  assert_ok(gp_nonce(l->watermark, tokens, length - start, nonce, error));
  return true;
}

static void expect_row(loop *l, size_t row, float *logits) {
  uint8_t nonce[GP_NONCE_SIZE];
  uint8_t earlier[GP_NONCE_SIZE];
  if (!nonce_at(l, row, l->length, nonce)) {
    l->without_window++;
    return;
  }
  for (size_t i = l->prompt; i < l->length && !l->options.mark_repeated && l->width > 0; i++) {
    if (nonce_at(l, row, i, earlier) && memcmp(nonce, earlier, sizeof nonce) == 0) {
      l->skipped++;
      return;
    }
  }
  l->marked++;
  uint32_t window[GP_CONTEXT_WIDTH_MAX];
  for (size_t i = 0; i < l->width; i++) {
    window[i] = (uint32_t)l->ids[row][l->length - l->width + i];
  }
  const gp_row context = {.tokens = window, .n_tokens = l->width};
  assert_ok(gp_bias(l->watermark, GP_FLOAT32, logits, VOCABULARY, &context, error));
}

static void step(loop *l) {
  static float got[ROWS * STRIDE];
  static float wanted[ROWS * STRIDE];
  for (size_t i = 0; i < ROWS * STRIDE; i++) {
    got[i] = wanted[i] = (float)i / 3.0F;
  }
  for (size_t row = 0; row < l->n_rows; row++) {
    expect_row(l, row, wanted + row * STRIDE);
  }
  assert_ok(bias(l->generation, GP_FLOAT32, got, l->n_rows, STRIDE, &l->ids[0][0], l->length,
                 LENGTH, error));
  assert_memory_equal(got, wanted, sizeof got);
}

/* Rows 0 .. n-1 become copies of the given ones. */
static void rearrange(loop *l, size_t n, const size_t *from) {
  static int64_t before[ROWS][LENGTH];
  memcpy(before, l->ids, sizeof before);
  for (size_t i = 0; i < n; i++) {
    memcpy(l->ids[i], before[from[i]], sizeof before[0]);
  }
  l->n_rows = n;
}

static void append(loop *l, uint64_t *random, uint64_t n_ids) {
  for (size_t row = 0; row < l->n_rows; row++) {
    l->ids[row][l->length] = (int64_t)(next_random(random) % n_ids);
  }
  l->length++;
}

/* A prompt whose last id says which generation it is. */
static void new_prompt(loop *l, uint64_t *random, int64_t mark) {
  l->n_rows = 1 + (size_t)(next_random(random) % ROWS);
  l->length = l->prompt = 1 + (size_t)(mark % 6);
  for (size_t row = 0; row < l->n_rows; row++) {
    const size_t padding = (size_t)(next_random(random) % l->length);
    for (size_t i = 0; i < l->length; i++) {
      l->ids[row][i] = i < padding ? 0 : (int64_t)(next_random(random) % 3);
    }
    l->ids[row][l->length - 1] = mark;
  }
}

/* Steps, rows that move, drop or multiply, steps back and the same step again. */
static void any_step(loop *l, uint64_t *random) {
  size_t from[ROWS];
  const uint64_t kind = next_random(random) % 10;
  for (size_t i = 0; i < ROWS; i++) {
    from[i] = (size_t)(next_random(random) % l->n_rows);
  }
  if (kind == 0) {
    return;
  }
  if (kind == 1 || kind == 2) {
    rearrange(l, l->n_rows, from);
  } else if (kind == 3) {
    rearrange(l, 1 + (size_t)(next_random(random) % ROWS), from);
  } else if (kind == 4) {
    l->length = l->prompt + (size_t)(next_random(random) % (l->length - l->prompt + 1));
  }
  append(l, random, 2); /* few ids, so that contexts repeat */
}

static void drive(gp_seeding seeding, uint32_t width, const gp_generation_options *options,
                  uint64_t *random) {
  loop *l = begin(seeding, width, options);
  for (int generation = 0; generation < 30; generation++) {
    new_prompt(l, random, 1000 + generation);
    for (int i = 0; i < 40; i++) {
      step(l);
      any_step(l, random);
    }
  }
  assert_true(l->marked > 100);
  assert_int_equal(l->skipped > 0, !l->options.mark_repeated && width > 0);
  assert_int_equal(l->without_window > 0, width > 1);
  end(l);
}

static void any_order_of_calls(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_generation_options options = gp_generation_options_default();
  for (int padded = 0; padded < 2; padded++) {
    options.has_pad = padded == 1;
    for (int repeated = 0; repeated < 2; repeated++) {
      options.mark_repeated = repeated == 1;
      options.expected_tokens = repeated == 1 ? 0 : next_random(&random) % 50;
      drive(GP_SEEDING_HASH, 1, &options, &random);
      drive(GP_SEEDING_HASH, 3, &options, &random);
      drive(GP_SEEDING_HASH, 6, &options, &random);
      drive(GP_SEEDING_MIN, 4, &options, &random);
      drive(GP_SEEDING_FIXED, 0, &options, &random);
    }
  }
  drive(GP_SEEDING_HASH, 2, NULL, &random);
}

/* More ids than are seen in one go, and than there was room for. */
static void many_contexts_are_seen_again(void **state) {
  (void)state;
  enum {
    N = 3000
  };
  static int64_t ids[2][N];
  gp_generation_options options = gp_generation_options_default();
  options.expected_tokens = 7;
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 2);
  gp_generation *generation = NULL;
  assert_ok(gp_generation_new(watermark, &options, &generation, error));
  for (size_t i = 0; i < N; i++) {
    ids[0][i] = ids[1][i] = (int64_t)i % 1400; /* each context but the last two comes twice */
  }
  const gp_row *rows = NULL;
  float logits[2][VOCABULARY];
  const float zeros[VOCABULARY] = {0};
  size_t skipped = 0;
  for (size_t length = 1; length <= N; length++) {
    const bool back = length == 2 * N / 3;
    memset(logits, 0, sizeof logits);
    if (back) { /* both rows are replayed from the start */
      assert_ok(
          bias(generation, GP_FLOAT32, logits[0], 2, VOCABULARY, ids[0], length - 1, N, error));
      memset(logits, 0, sizeof logits);
    }
    assert_ok(bias(generation, GP_FLOAT32, logits[0], 2, VOCABULARY, ids[0], length, N, error));
    const bool seen = length >= 1402; /* the context 0 1 comes at 2 and at 1402 */
    skipped += seen;
    assert_int_equal(memcmp(logits[0], zeros, sizeof zeros) == 0, seen || length < 2);
    assert_int_equal(memcmp(logits[1], zeros, sizeof zeros) == 0, seen || length < 2);
  }
  assert_int_equal(skipped, N - 1401);
  assert_ok(gp_generation_next(generation, ids[0], 1, 1, N, &rows, error)); /* begins anew */
  assert_int_equal(rows[0].n_tokens, 1);
  gp_generation_free(generation);
  gp_watermark_free(watermark);
}

static bool marks(gp_generation *generation, const int64_t *ids, size_t length) {
  float row[VOCABULARY] = {0};
  const float zeros[VOCABULARY] = {0};
  assert_ok(bias(generation, GP_FLOAT32, row, 1, VOCABULARY, ids, length, length, error));
  return memcmp(row, zeros, sizeof row) != 0;
}

static void reset_begins_anew(void **state) {
  (void)state;
  static const int64_t ids[] = {5, 5, 5};
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 1);
  gp_generation *generation = NULL;
  assert_ok(gp_generation_new(watermark, NULL, &generation, error));
  assert_true(marks(generation, ids, 1));
  assert_false(marks(generation, ids, 2));
  gp_generation_reset(generation);
  assert_true(marks(generation, ids, 2));
  assert_false(marks(generation, ids, 3));
  gp_generation_free(generation);
  gp_watermark_free(watermark);
}

static void no_rows_and_no_ids(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 1);
  gp_generation *generation = NULL;
  const gp_row *rows = NULL;
  assert_ok(gp_generation_new(watermark, NULL, &generation, error));
  assert_ok(gp_generation_next(generation, NULL, 0, 5, 5, &rows, error));
  assert_non_null(rows);
  assert_ok(gp_generation_next(generation, NULL, 2, 0, 0, &rows, error)); /* an empty prompt */
  assert_int_equal(rows[1].n_tokens, 0);
  const int64_t ids[] = {7, 8};
  assert_ok(gp_generation_next(generation, ids, 2, 1, 1, &rows, error));
  assert_int_equal(rows[1].n_tokens, 1);
  assert_int_equal(rows[1].tokens[0], 8);
  const int64_t same[] = {7};
  assert_ok(gp_generation_next(generation, same, 2, 1, 0, &rows, error)); /* a row expanded */
  assert_int_equal(rows[1].tokens[0], 7);
  gp_generation_free(generation);
  gp_watermark_free(watermark);
}

/* After a failure the next call begins a new generation. */
static void failures_reset(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 1);
  gp_generation *generation = NULL;
  float row[VOCABULARY] = {0};
  const float zeros[VOCABULARY] = {0};
  assert_ok(gp_generation_new(watermark, NULL, &generation, error));
  const int64_t good[] = {5, 5, 5};
  const int64_t negative[] = {5, -7};
  const int64_t large[] = {INT64_C(4294967296), 5};
  assert_true(marks(generation, good, 1));
  assert_fails(bias(generation, GP_FLOAT32, row, 1, VOCABULARY, negative, 2, 2, error),
               GP_ERR_ARGUMENT,
               "ids: row 0 holds -7, which is negative; token ids are from 0 to 2^32 - 1");
  assert_true(marks(generation, good, 2));
  assert_false(marks(generation, good, 3));
  assert_fails(bias(generation, GP_FLOAT32, row, 1, VOCABULARY, large, 2, 2, error),
               GP_ERR_ARGUMENT,
               "ids: row 0 holds 4294967296, which is above 2^32 - 1; token ids are from 0 to "
               "2^32 - 1");
  assert_true(marks(generation, good, 1));
  assert_fails(bias(generation, (gp_dtype)9, row, 1, VOCABULARY, good, 2, 2, error),
               GP_ERR_ARGUMENT, "dtype: 9 is not float32, float16 or bfloat16");
  assert_true(marks(generation, good, 2));
  assert_memory_equal(row, zeros, sizeof row);
  gp_generation_free(generation);
  /* Where calls do not depend on each other, only what is read is checked. */
  const gp_generation_options options = {.mark_repeated = true};
  assert_ok(gp_generation_new(watermark, &options, &generation, error));
  assert_true(marks(generation, large, 2));
  assert_int_equal(bias(generation, GP_FLOAT32, row, 1, VOCABULARY, negative, 2, 2, NULL),
                   GP_ERR_ARGUMENT);
  gp_generation_free(generation);
  gp_watermark_free(watermark);
}

static void bad_arguments(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 1);
  gp_generation *generation = NULL;
  const gp_row *rows = NULL;
  const int64_t ids[4] = {0};
  assert_fails(gp_generation_new(NULL, NULL, &generation, error), GP_ERR_ARGUMENT,
               "gp_generation_new: watermark must not be NULL");
  assert_fails(gp_generation_new(watermark, NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_generation_new: generation must not be NULL");
  assert_fails(gp_generation_bias(NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_generation_bias: step must not be NULL");
  assert_fails(gp_generation_next(NULL, ids, 1, 1, 1, &rows, error), GP_ERR_ARGUMENT,
               "gp_generation_next: generation must not be NULL");
  assert_ok(gp_generation_new(watermark, NULL, &generation, error));
  assert_fails(gp_generation_next(generation, ids, 1, 1, 1, NULL, error), GP_ERR_ARGUMENT,
               "gp_generation_next: rows must not be NULL");
  assert_fails(gp_generation_next(generation, NULL, 1, 1, 1, &rows, error), GP_ERR_ARGUMENT,
               "gp_generation_next: ids must not be NULL");
  const void *crooked = (const char *)ids + 1;
  assert_fails(gp_generation_next(generation, crooked, 1, 1, 1, &rows, error), GP_ERR_ARGUMENT,
               "ids: not aligned to 8 bytes");
  assert_fails(gp_generation_next(generation, ids, 3, 2, SIZE_MAX / 16, &rows, error),
               GP_ERR_ARGUMENT,
               "ids: 3 rows of 2 that start 1152921504606846975 elements apart exceed the "
               "address space");
  assert_int_equal(gp_generation_next(generation, NULL, SIZE_MAX / 2, 0, 0, &rows, NULL),
                   GP_ERR_MEMORY);
  assert_null(rows);
  gp_generation_free(generation);
  const gp_generation_options options = {.expected_tokens = SIZE_MAX};
  assert_ok(gp_generation_new(watermark, &options, &generation, error));
  assert_int_equal(gp_generation_next(generation, ids, 1, 1, 1, &rows, NULL), GP_ERR_MEMORY);
  gp_generation_free(generation);
  gp_generation_free(NULL);
  gp_generation_reset(NULL);
  gp_watermark_free(watermark);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_order_of_calls), cmocka_unit_test(many_contexts_are_seen_again),
      cmocka_unit_test(reset_begins_anew),  cmocka_unit_test(no_rows_and_no_ids),
      cmocka_unit_test(failures_reset),     cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}

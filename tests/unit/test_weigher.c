/* The weigher, against sums made one by one with the green lists that embedding uses. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "expectations_support.h"
#include "verify/coin_weights.h"

enum {
  DOCUMENTS = 4,
  LENGTH_MAX = 700, /* more than one batch of windows */
  VOCABULARY = 40,
  TOP = 5,
  COINS_MAX = DOCUMENTS * LENGTH_MAX * (TOP + 1)
};

/* Documents and what was expected at their positions. */
typedef struct corpus {
  size_t lengths[DOCUMENTS];
  uint32_t tokens[DOCUMENTS][LENGTH_MAX];
  gp_position positions[DOCUMENTS][LENGTH_MAX];
} corpus;

static void make_corpus(corpus *made, uint64_t *random) {
  static const size_t lengths[DOCUMENTS] = {300, 0, 1, LENGTH_MAX};
  memcpy(made->lengths, lengths, sizeof lengths);
  for (size_t d = 0; d < DOCUMENTS; d++) {
    for (size_t i = 0; i < lengths[d]; i++) {
      /* Few different ids, so that coins repeat. */
      made->tokens[d][i] = (uint32_t)(next_random(random) % VOCABULARY * 1000);
      make_position(&made->positions[d][i], TOP, 7, 1000, random);
    }
  }
}

static void put_corpus(image *file, const corpus *made) {
  put_header(file, "random", 0, TOP);
  for (size_t d = 0; d < DOCUMENTS; d++) {
    put_expected(file, made->tokens[d], made->positions[d], made->lengths[d]);
  }
  put_end(file);
}

/* The sums, made slowly. */
typedef struct naive_coin {
  uint8_t nonce[GP_NONCE_SIZE];
  uint32_t token;
  double weight;
  bool occurred;
} naive_coin;

typedef struct naive {
  gp_watermark *watermark;
  naive_coin *coins;
  size_t count;
  uint64_t positions;
} naive;

static void naive_add(naive *sums, const uint8_t nonce[GP_NONCE_SIZE], uint32_t token,
                      double weight, bool occurred) {
  size_t i = 0;
  while (i < sums->count && (sums->coins[i].token != token ||
                             memcmp(sums->coins[i].nonce, nonce, GP_NONCE_SIZE) != 0)) {
    i++;
  }
  if (i == sums->count) {
    memcpy(sums->coins[i].nonce, nonce, GP_NONCE_SIZE);
    sums->coins[i].token = token;
    sums->count++;
  }
  sums->coins[i].weight += weight;
  sums->coins[i].occurred = sums->coins[i].occurred || occurred;
}

static double *naive_weights(naive *sums, const corpus *made, size_t width) {
  for (size_t d = 0; d < DOCUMENTS; d++) {
    for (size_t i = width; i < made->lengths[d]; i++) {
      uint8_t nonce[GP_NONCE_SIZE];
      assert_ok(gp_nonce(sums->watermark, made->tokens[d], i, nonce, error));
      sums->positions++;
      naive_add(sums, nonce, made->tokens[d][i], 1.0, true);
      const gp_position *position = &made->positions[d][i];
      for (size_t j = 0; j < position->count; j++) {
        naive_add(sums, nonce, position->ids[j], -(double)position->probabilities[j], false);
      }
    }
  }
  double *weights = malloc((sums->count + 1) * sizeof *weights);
  assert_non_null(weights);
  for (size_t i = 0; i < sums->count; i++) {
    weights[i] = sums->coins[i].weight;
  }
  return weights;
}

/* The colours of the coins, out of whole masks: the context of a nonce is looked up again. */
static uint8_t *naive_colours(const naive *sums, const corpus *made, size_t width) {
  uint8_t *green = calloc(sums->count + 1, 1);
  uint8_t mask[(VOCABULARY * 1000 + 7) / 8];
  assert_non_null(green);
  for (size_t d = 0; d < DOCUMENTS; d++) {
    for (size_t i = width; i < made->lengths[d]; i++) {
      uint8_t nonce[GP_NONCE_SIZE];
      assert_ok(gp_nonce(sums->watermark, made->tokens[d], i, nonce, error));
      assert_ok(
          gp_green_mask(sums->watermark, made->tokens[d], i, VOCABULARY * 1000, mask, error));
      for (size_t j = 0; j < sums->count; j++) {
        if (memcmp(sums->coins[j].nonce, nonce, GP_NONCE_SIZE) == 0) {
          const uint32_t token = sums->coins[j].token;
          green[j] = (uint8_t)((uint32_t)mask[token / 8] >> token % 8 & 1U);
        }
      }
    }
  }
  return green;
}

/* Adds all documents of a file to a weigher. */
static gp_status weigh(gp_weigher *weigher, const corpus *made, const image *bytes,
                       gp_error *told) {
  image_source source = {.bytes = bytes->bytes, .size = bytes->size, .step = 5000};
  gp_expectations *file = NULL;
  gp_status status = gp_expectations_open_source(read_image, &source, "x.gpx", &file, told);
  for (size_t d = 0; d < DOCUMENTS && status == GP_OK; d++) {
    status = gp_weigher_add(weigher, made->tokens[d], made->lengths[d], file, told);
  }
  if (status == GP_OK) {
    status = gp_expectations_finish(file, told);
  }
  gp_expectations_free(file);
  return status;
}

static void compare(const gp_params *params, const corpus *made) {
  gp_key *key = test_key(params);
  const gp_watermark_options with_tenant = {.delta = 1, .has_tenant = true, .tenant = 9};
  naive sums = {0};
  assert_ok(gp_watermark_new(key, &with_tenant, &sums.watermark, error));
  sums.coins = calloc((size_t)COINS_MAX, sizeof *sums.coins);
  assert_non_null(sums.coins);
  double *weights = naive_weights(&sums, made, params->context_width);
  uint8_t *green = naive_colours(&sums, made, params->context_width);
  gp_weighted_result wanted;
  assert_ok(gp_weighted_test(weights, green, sums.count, params->gamma_num,
                             params->gamma_log2_den, &wanted, error));
  uint64_t occurred = 0;
  for (size_t i = 0; i < sums.count; i++) {
    occurred += sums.coins[i].occurred;
  }

  image bytes = {0};
  put_corpus(&bytes, made);
  const gp_verifier_options options = {.has_tenant = true, .tenant = 9};
  gp_weigher *weigher = NULL;
  gp_weigher_counts counts;
  gp_weighted_result result;
  gp_weighted_result again;
  assert_ok(gp_weigher_new(key, &options, &weigher, error));
  gp_key_free(key);
  assert_ok(weigh(weigher, made, &bytes, error));
  gp_weigher_get_counts(weigher, &counts);
  assert_int_equal(counts.documents, DOCUMENTS);
  assert_int_equal(counts.tokens, 300 + 0 + 1 + LENGTH_MAX);
  assert_int_equal(counts.positions, sums.positions);
  assert_int_equal(counts.occurred, occurred);
  assert_int_equal(counts.expected, sums.count - occurred);
  assert_ok(gp_weigher_result(weigher, &result, error));
  assert_true(result.coins <= sums.count && result.coins + 10 > sums.count);
  /* Weights are rounded to 2^-30. */
  assert_true(fabs(result.statistic - wanted.statistic) < 1e-6);
  assert_true(fabs(result.z - wanted.z) < 1e-6);
  assert_true(fabs(result.log10_p - wanted.log10_p) < 1e-6);
  assert_true(fabs(result.log10_p_saddlepoint - wanted.log10_p_saddlepoint) < 1e-6);

  /* The same bits again, also after a reset. */
  assert_ok(gp_weigher_result(weigher, &again, error));
  assert_memory_equal(&result, &again, sizeof result);
  gp_weigher_reset(weigher);
  assert_ok(weigh(weigher, made, &bytes, error));
  assert_ok(gp_weigher_result(weigher, &again, error));
  assert_memory_equal(&result, &again, sizeof result);

  gp_weigher_free(weigher);
  gp_watermark_free(sums.watermark);
  free(bytes.bytes);
  free(sums.coins);
  free(weights);
  free(green);
}

static void against_slow_sums(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static corpus made;
  static const gp_params params[] = {{GP_SEEDING_HASH, 2, 1, 2},
                                     {GP_SEEDING_HASH, 1, 3, 3},
                                     {GP_SEEDING_MIN, 3, 1, 1},
                                     {GP_SEEDING_FIXED, 0, 1, 2}};
  for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
    make_corpus(&made, &random);
    compare(&params[i], &made);
  }
}

/* Without expectations the weight of a coin is how often it occurs. */
static void nothing_expected(void **state) {
  (void)state;
  const uint32_t tokens[] = {1, 2, 3, 1, 2, 3, 1, 2, 4};
  image bytes = {0};
  put_header(&bytes, "", 0, 1);
  put_document(&bytes, tokens, 9);
  for (size_t i = 0; i < 9; i++) {
    put_u8(&bytes, 0);
  }
  put_checksum(&bytes);
  put_end(&bytes);
  gp_key *key = test_key(NULL);
  gp_weigher *weigher = NULL;
  gp_weighted_result result;
  gp_weigher_counts counts;
  assert_ok(gp_weigher_new(key, NULL, &weigher, error));
  assert_ok(gp_weigher_result(weigher, &result, error)); /* of nothing */
  assert_int_equal(result.coins, 0);
  assert_true(result.log10_p == 0.0 && result.z == 0.0 && result.statistic == 0.0);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  gp_expectations *file = NULL;
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(gp_weigher_add(weigher, tokens, 9, file, error));
  assert_ok(gp_expectations_finish(file, error));
  gp_weigher_get_counts(weigher, &counts);
  assert_int_equal(counts.positions, 7);
  assert_int_equal(counts.occurred, 4); /* 12 3, 23 1, 31 2, 12 4 */
  assert_int_equal(counts.expected, 0);
  assert_ok(gp_weigher_result(weigher, &result, error));
  double statistic = 0.0;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  for (size_t i = 2; i < 9; i++) {
    uint8_t mask = 0;
    assert_ok(gp_green_mask(watermark, tokens, i, 5, &mask, error));
    statistic += (double)(mask >> tokens[i] & 1) - 0.25;
  }
  assert_true(result.statistic == statistic);
  gp_watermark_free(watermark);
  gp_expectations_free(file);
  gp_weigher_free(weigher);
  gp_weigher_free(NULL);
  gp_weigher_reset(NULL);
  gp_key_free(key);
  free(bytes.bytes);
}

/* What was expected with certainty and occurred says nothing. */
static void certainty(void **state) {
  (void)state;
  const uint32_t tokens[] = {1, 2, 3, 4};
  image bytes = {0};
  put_header(&bytes, "", 0, 1);
  put_document(&bytes, tokens, 4);
  for (uint32_t i = 0; i < 4; i++) {
    put_u8(&bytes, 1);
    put_entry(&bytes, tokens[i], 1.0F);
  }
  put_checksum(&bytes);
  gp_key *key = test_key(NULL);
  gp_weigher *weigher = NULL;
  gp_weighted_result result;
  assert_ok(gp_weigher_new(key, NULL, &weigher, error));
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  gp_expectations *file = NULL;
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(gp_weigher_add(weigher, tokens, 4, file, error));
  assert_ok(gp_weigher_result(weigher, &result, error));
  assert_int_equal(result.coins, 0);
  assert_true(result.log10_p == 0.0);
  gp_expectations_free(file);
  gp_weigher_free(weigher);
  gp_key_free(key);
  free(bytes.bytes);
}

/* After a document that failed there is no result until a reset. */
static void failures(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static corpus made;
  make_corpus(&made, &random);
  image bytes = {0};
  put_corpus(&bytes, &made);
  gp_key *key = test_key(NULL);
  gp_weigher *weigher = NULL;
  gp_weighted_result result;
  assert_ok(gp_weigher_new(key, NULL, &weigher, error));
  assert_fails(gp_weigher_new(NULL, NULL, &weigher, error), GP_ERR_ARGUMENT,
               "gp_weigher_new: key must not be NULL");
  assert_fails(gp_weigher_new(key, NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_weigher_new: weigher must not be NULL");
  assert_fails(gp_weigher_result(NULL, &result, error), GP_ERR_ARGUMENT,
               "gp_weigher_result: weigher must not be NULL");
  assert_fails(gp_weigher_add(weigher, NULL, 0, NULL, error), GP_ERR_ARGUMENT,
               "gp_weigher_add: file must not be NULL");

  bytes.bytes[bytes.size - 49 - 32 - 3] ^= 1; /* in the last position of the last document */
  gp_error error = {0};
  assert_int_equal(weigh(weigher, &made, &bytes, &error), GP_ERR_FORMAT);
  assert_non_null(strstr(error.message, "x.gpx: document 4: "));
  assert_int_equal(gp_weigher_result(weigher, &result, &error), GP_ERR_ARGUMENT);
  assert_string_equal(error.message, "gp_weigher_result: a document failed: reset");
  assert_int_equal(weigh(weigher, &made, &bytes, &error), GP_ERR_ARGUMENT);
  assert_string_equal(error.message, "gp_weigher_add: an earlier document failed: reset");
  bytes.bytes[bytes.size - 49 - 32 - 3] ^= 1;
  gp_weigher_reset(weigher);
  assert_int_equal(weigh(weigher, &made, &bytes, &error), GP_OK);
  assert_int_equal(gp_weigher_result(weigher, &result, &error), GP_OK);

  made.tokens[3][5]++;
  gp_weigher_reset(weigher);
  assert_int_equal(weigh(weigher, &made, &bytes, &error), GP_ERR_FORMAT);
  assert_string_equal(error.message,
                      "x.gpx: document 4: was written for other token ids than those of the "
                      "text: the file belongs to another text, order or tokenizer");
  gp_weigher_free(weigher);
  gp_key_free(key);
  free(bytes.bytes);
}

/* The map of weights, against an array; ids with few different bits, zero among them. */
static void coin_weights(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_coin_weights weights = {0};
  static int64_t wanted[1 << 12];
  static bool there[1 << 12];
  static bool occurred[1 << 12];
  size_t count = 0;
  size_t n_occurred = 0;
  memset(wanted, 0, sizeof wanted);
  for (int round = 0; round < 20000; round++) {
    const uint32_t which = (uint32_t)(next_random(&random) >> 52);
    const int64_t weight = (int64_t)(next_random(&random) >> 20) - (INT64_C(1) << 43);
    const bool occurs = next_random(&random) >> 63 != 0;
    uint8_t id[GP_ID_SIZE] = {0};
    gp_store_le32(id, which >> 6);
    gp_store_le32(id + 12, which & 63);
    assert_ok(gp_coin_weights_reserve(&weights, 1, error));
    gp_coin_weights_prefetch(&weights, id);
    gp_coin_weights_add(&weights, id, weight, occurs);
    count += !there[which];
    n_occurred += occurs && !occurred[which];
    there[which] = true;
    occurred[which] = occurred[which] || occurs;
    wanted[which] += weight;
  }
  assert_int_equal(weights.count, count);
  assert_int_equal(weights.n_occurred, n_occurred);
  for (size_t i = 0; i < weights.count; i++) {
    const gp_coin_weight *coin = &weights.coins[i];
    const uint32_t which = gp_load_le32(coin->id) << 6 | gp_load_le32(coin->id + 12);
    assert_int_equal(coin->weight, wanted[which]);
    assert_int_equal(weights.occurred[i], occurred[which]);
  }
  assert_int_equal(gp_coin_weights_reserve(&weights, SIZE_MAX, NULL), GP_ERR_MEMORY);
  gp_coin_weights_release(&weights);
  assert_int_equal(weights.capacity, 0);
  gp_coin_weights_release(&weights);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(against_slow_sums), cmocka_unit_test(nothing_expected),
      cmocka_unit_test(certainty),         cmocka_unit_test(failures),
      cmocka_unit_test(coin_weights),
  };
  return cmocka_run_group_tests_name("weigher", tests, NULL, NULL);
}

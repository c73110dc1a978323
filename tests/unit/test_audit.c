/* Audits of answers, against sums made one by one with the green lists that embedding uses. */
#include <math.h>
#include <stdio.h>

#include "expectations_support.h"

enum {
  ANSWERS = 5,
  PROMPT_MAX = 40,
  LENGTH_MAX = 700, /* more than one batch of windows */
  TOP = 5,
  STRIDE = 100, /* between ids, so that they are in several groups */
  COINS_MAX = ANSWERS * LENGTH_MAX * (TOP + 1)
};

/* Rows, and what a reference model expected at the answers' positions. */
typedef struct corpus {
  uint32_t vocabulary;
  size_t n_prompt[ANSWERS];
  size_t n_tokens[ANSWERS];
  uint32_t prompts[ANSWERS][PROMPT_MAX];
  uint32_t tokens[ANSWERS][LENGTH_MAX];
  gp_position expected[ANSWERS][LENGTH_MAX];
} corpus;

static uint32_t any_id(const corpus *made, uint64_t *random) {
  return (uint32_t)(next_random(random) % made->vocabulary * STRIDE);
}

static void make_corpus(corpus *made, uint32_t vocabulary, uint64_t *random) {
  static const size_t n_prompt[ANSWERS] = {PROMPT_MAX, 0, 1, 7, PROMPT_MAX};
  static const size_t n_tokens[ANSWERS] = {150, 80, 3, 0, LENGTH_MAX};
  memset(made, 0, sizeof *made);
  made->vocabulary = vocabulary;
  memcpy(made->n_prompt, n_prompt, sizeof n_prompt);
  memcpy(made->n_tokens, n_tokens, sizeof n_tokens);
  for (size_t a = 0; a < ANSWERS; a++) {
    for (size_t i = 0; i < n_prompt[a]; i++) {
      made->prompts[a][i] = any_id(made, random);
    }
    for (size_t i = 0; i < n_tokens[a]; i++) {
      made->tokens[a][i] = any_id(made, random);
      gp_position *position = &made->expected[a][i];
      position->count = next_random(random) % (TOP + 1);
      uint32_t id = 0;
      for (size_t j = 0; j < position->count; j++) {
        id += (uint32_t)(next_random(random) % 4 + 1) * STRIDE;
        position->ids[j] = id;
        position->probabilities[j] = (float)(next_random(random) % 1000 + 1) / (1000.0F * TOP);
      }
    }
  }
}

/* The expectations as a file, and a reader of it. */
static void put_corpus(image *file, const corpus *made) {
  put_header(file, "random", 0, TOP);
  for (size_t a = 0; a < ANSWERS; a++) {
    put_document(file, made->tokens[a], made->n_tokens[a]);
    for (size_t i = 0; i < made->n_tokens[a]; i++) {
      const gp_position *position = &made->expected[a][i];
      put_u8(file, (uint8_t)position->count);
      for (size_t j = 0; j < position->count; j++) {
        put_entry(file, position->ids[j], position->probabilities[j]);
      }
    }
    put_checksum(file);
  }
  put_end(file);
}

/* An audit of the rows, backwards where so wished. */
static gp_audit *collect(const gp_params *params, const corpus *made, bool expectations,
                         bool backwards) {
  gp_audit *audit = NULL;
  assert_ok(gp_audit_new(params, &audit, error));
  image bytes = {0};
  put_corpus(&bytes, made);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 5000};
  gp_expectations *file = NULL;
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  for (size_t i = 0; i < ANSWERS; i++) {
    const size_t a = backwards ? ANSWERS - 1 - i : i;
    assert_ok(gp_audit_add(audit, made->n_prompt[a] > 0 ? made->prompts[a] : NULL,
                           made->n_prompt[a], made->tokens[a], made->n_tokens[a],
                           expectations ? file : NULL, error));
  }
  if (expectations) {
    assert_ok(gp_expectations_finish(file, error));
  }
  gp_expectations_free(file);
  free(bytes.bytes);
  return audit;
}

/* ------------------------------------------------------------------- slowly */

typedef struct naive_coin {
  uint8_t nonce[GP_NONCE_SIZE];
  uint32_t token;
  uint8_t green;
  uint64_t occurred;
  double expected;
  double weight;
} naive_coin;

typedef struct naive {
  gp_watermark *watermark;
  naive_coin *coins;
  size_t count;
  uint64_t positions;
  uint64_t in_prompt;
} naive;

static naive_coin *naive_find(naive *sums, const corpus *made, size_t a, size_t i,
                              uint32_t token) {
  uint8_t nonce[GP_NONCE_SIZE];
  assert_ok(gp_nonce(sums->watermark, made->tokens[a], i, nonce, error));
  size_t at = 0;
  while (at < sums->count && (sums->coins[at].token != token ||
                              memcmp(sums->coins[at].nonce, nonce, sizeof nonce) != 0)) {
    at++;
  }
  if (at == sums->count) {
    uint8_t mask[10000 / 8];
    assert_true(token < 10000);
    assert_ok(gp_green_mask(sums->watermark, made->tokens[a], i, 10000, mask, error));
    sums->count++;
    memcpy(sums->coins[at].nonce, nonce, sizeof nonce);
    sums->coins[at].token = token;
    sums->coins[at].green = (uint8_t)((uint32_t)mask[token / 8] >> token % 8 & 1U);
  }
  return &sums->coins[at];
}

/* Whether the h ids before token i of an answer stand in its prompt; the token, where h is 0. */
static bool naive_in_prompt(const corpus *made, size_t a, size_t i, size_t h) {
  const uint32_t *sought = h > 0 ? &made->tokens[a][i - h] : &made->tokens[a][i];
  const size_t length = h > 0 ? h : 1;
  bool found = false;
  for (size_t at = 0; at + length <= made->n_prompt[a]; at++) {
    found = found || memcmp(&made->prompts[a][at], sought, length * sizeof *sought) == 0;
  }
  return found;
}

static void naive_collect(naive *sums, const corpus *made, const gp_key *key, size_t h) {
  const gp_watermark_options with_tenant = {.delta = 1, .has_tenant = true, .tenant = 9};
  *sums = (naive){.coins = calloc((size_t)COINS_MAX, sizeof *sums->coins)};
  assert_non_null(sums->coins);
  assert_ok(gp_watermark_new(key, &with_tenant, &sums->watermark, error));
  for (size_t a = 0; a < ANSWERS; a++) {
    for (size_t i = h; i < made->n_tokens[a]; i++) {
      sums->positions++;
      if (naive_in_prompt(made, a, i, h)) {
        sums->in_prompt++;
        continue;
      }
      naive_find(sums, made, a, i, made->tokens[a][i])->occurred++;
      const gp_position *expected = &made->expected[a][i];
      for (size_t j = 0; j < expected->count; j++) {
        naive_find(sums, made, a, i, expected->ids[j])->expected +=
            (double)expected->probabilities[j];
      }
    }
  }
}

static void naive_free(naive *sums) {
  gp_watermark_free(sums->watermark);
  free(sums->coins);
}

/* What the test has to come to, with K as it is defined. */
static gp_audit_result naive_result(naive *sums, gp_audit_statistic statistic,
                                    const gp_params *params) {
  const double gamma = gp_params_gamma(params);
  gp_audit_result made = {0};
  double squares = 0.0;
  double *weights = malloc((sums->count + 1) * sizeof *weights);
  uint8_t *green = malloc(sums->count + 1);
  assert_true(weights != NULL && green != NULL);
  for (size_t i = 0; i < sums->count; i++) {
    const naive_coin *coin = &sums->coins[i];
    const double weight = statistic == GP_AUDIT_DISTINCT ? (double)(coin->occurred > 0)
                          : statistic == GP_AUDIT_ROOT   ? sqrt((double)coin->occurred)
                                                       : (double)coin->occurred - coin->expected;
    if (fabs(weight) < 1e-9) {
      continue;
    }
    weights[made.coins] = weight;
    green[made.coins++] = coin->green;
    made.green += coin->green;
    made.statistic += weight * (coin->green - gamma);
    squares += weight * weight;
  }
  const double sigma = sqrt(gamma * (1.0 - gamma) * squares);
  made.z = made.statistic / sigma;
  double e = 0.0;
  for (int j = 0; j <= 20; j++) {
    const double t = exp2(0.5 * j) / sigma;
    double k = 0.0;
    for (size_t i = 0; i < made.coins; i++) {
      k += log(1.0 - gamma + gamma * exp(t * weights[i])) - t * gamma * weights[i];
    }
    e += exp(t * made.statistic - k) / 21.0;
  }
  made.log10_e = log10(e);
  gp_weighted_result weighted;
  assert_ok(gp_weighted_test(weights, green, made.coins, params->gamma_num,
                             params->gamma_log2_den, &weighted, error));
  made.log10_p = weighted.log10_p;
  made.log10_p_saddlepoint = weighted.log10_p_saddlepoint;
  if (statistic == GP_AUDIT_DISTINCT) {
    assert_ok(gp_log10_binomial_tail(made.coins, made.green, params->gamma_num,
                                     params->gamma_log2_den, &made.log10_p, error));
  }
  free(weights);
  free(green);
  return made;
}

static void assert_near(const char *what, double got, double wanted, double tolerance) {
  if (!(fabs(got - wanted) <= tolerance * fmax(1.0, fabs(wanted)))) {
    fail_msg("%s: %.17g instead of %.17g", what, got, wanted);
  }
}

/* One key in full and the same among many. */
static void compare_result(const gp_audit *audit, gp_audit_statistic statistic, const gp_key *key,
                           const gp_audit_result *wanted) {
  const gp_verifier_options options = {.has_tenant = true, .tenant = 9};
  const gp_audit_candidate twice[2] = {{.key = key, .options = options}, {.key = key}};
  gp_audit_test *test = NULL;
  gp_audit_result result;
  gp_audit_result many[2];
  assert_ok(gp_audit_test_new(audit, statistic, false, &test, error));
  assert_ok(gp_audit_test_key(test, key, &options, &result, error));
  assert_ok(gp_audit_test_many(test, twice, 2, 1, many, error));
  gp_audit_test_free(test);
  assert_int_equal(result.coins, wanted->coins);
  assert_int_equal(result.green, wanted->green);
  assert_near("T", result.statistic, wanted->statistic, 1e-7);
  assert_near("z", result.z, wanted->z, 1e-7);
  assert_near("log10_p", result.log10_p, wanted->log10_p, 1e-6);
  assert_near("saddle point", result.log10_p_saddlepoint, wanted->log10_p_saddlepoint, 1e-6);
  assert_near("log10_e", result.log10_e, wanted->log10_e, 1e-6);
  assert_true(many[0].coins == result.coins && many[0].green == result.green);
  assert_true(many[0].statistic == result.statistic && many[0].z == result.z);
  assert_true(many[0].log10_e == result.log10_e && isnan(many[0].log10_p_saddlepoint));
  assert_true(many[0].log10_p >= result.log10_p - 1e-12);
  assert_near("log10_p of many", many[0].log10_p, wanted->log10_p, 4e-3);
  assert_true(many[1].statistic != many[0].statistic); /* another tenant's coins */
}

static void compare_all(const gp_params *params, const corpus *made) {
  gp_key *key = test_key(params);
  naive sums;
  naive_collect(&sums, made, key, params->context_width);
  gp_audit *audit = collect(params, made, true, false);
  gp_audit_counts counts;
  gp_audit_get_counts(audit, &counts);
  assert_int_equal(counts.documents, ANSWERS);
  assert_int_equal(counts.tokens, 150 + 80 + 3 + 0 + LENGTH_MAX);
  assert_int_equal(counts.positions, sums.positions);
  assert_int_equal(counts.in_prompt, sums.in_prompt);
  assert_false(counts.has_served);
  if (params->seeding != GP_SEEDING_MIN) {
    uint64_t occurred = 0;
    for (size_t i = 0; i < sums.count; i++) {
      occurred += sums.coins[i].occurred > 0;
    }
    assert_int_equal(counts.coins, occurred);
    assert_int_equal(counts.expected, sums.count - occurred);
  }
  for (gp_audit_statistic s = GP_AUDIT_DISTINCT; s <= GP_AUDIT_REFERENCE; s++) {
    const gp_audit_result wanted = naive_result(&sums, s, params);
    compare_result(audit, s, key, &wanted);
  }
  gp_audit_free(audit);
  naive_free(&sums);
  gp_key_free(key);
}

static void statistics(void **state) {
  (void)state;
  static const gp_params cases[] = {
      {GP_SEEDING_FIXED, 0, 1, 2}, {GP_SEEDING_HASH, 1, 1, 2}, {GP_SEEDING_HASH, 2, 1, 1},
      {GP_SEEDING_HASH, 3, 3, 4},  {GP_SEEDING_HASH, 4, 1, 2}, {GP_SEEDING_HASH, 16, 1, 2},
      {GP_SEEDING_MIN, 1, 1, 2},   {GP_SEEDING_MIN, 2, 1, 2},  {GP_SEEDING_MIN, 4, 5, 3}};
  uint64_t random = test_seed();
  corpus *made = malloc(sizeof *made);
  assert_non_null(made);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    /* Few different ids where h is large, so that contexts repeat and stand in prompts. */
    make_corpus(made,
                cases[i].context_width == 0  ? 90
                : cases[i].context_width < 2 ? 40
                                             : 5,
                &random);
    compare_all(&cases[i], made);
  }
  free(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statistics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Audits of answers, against sums made one by one with the green lists that embedding uses. */
#include <math.h>
#include <stdio.h>

#include "audit/audit.h"
#include "audit/contexts.h"
#include "audit/null_law.h"
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
      make_position(&made->expected[a][i], TOP, 4, STRIDE, random);
    }
  }
}

/* The expectations as a file, and a reader of it. */
static void put_corpus(image *file, const corpus *made) {
  put_header(file, "random", 0, TOP);
  for (size_t a = 0; a < ANSWERS; a++) {
    put_expected(file, made->tokens[a], made->expected[a], made->n_tokens[a]);
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
  double open;
  bool served;
} naive_coin;

typedef struct naive {
  gp_watermark *watermark;
  naive_coin *coins;
  size_t count;
  uint64_t positions;
  uint64_t in_prompt;
} naive;

/* About half of all windows, for tests. */
static bool is_served(const uint32_t *window, size_t h) {
  return h > 0 && gp_context_fingerprint(window, (uint32_t)h) % 2 == 1;
}

static naive_coin *naive_find(naive *sums, const corpus *made, size_t a, size_t i,
                              uint32_t token) {
  const size_t h = gp_watermark_params(sums->watermark).context_width;
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
    sums->coins[at].served = is_served(&made->tokens[a][i - h], h);
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

/* What the files of model weights say: expectations with signs. */
static float open_weight(const gp_position *position, size_t j) {
  const float p = position->probabilities[j];
  return position->ids[j] / STRIDE % 3 == 0 ? -p : p;
}

static void naive_collect_open(naive *sums, const corpus *made, const gp_key *key, size_t h) {
  naive_collect(sums, made, key, h);
  memset(sums->coins, 0, sums->count * sizeof *sums->coins);
  sums->count = 0;
  for (size_t a = 0; a < ANSWERS; a++) {
    for (size_t i = h; i < made->n_tokens[a]; i++) {
      const gp_position *position = &made->expected[a][i];
      for (size_t j = 0; j < position->count; j++) {
        naive_find(sums, made, a, i, position->ids[j])->open += (double)open_weight(position, j);
      }
    }
  }
}

static void naive_free(naive *sums) {
  gp_watermark_free(sums->watermark);
  free(sums->coins);
}

/* What the test has to come to, with K as it is defined. */
static double naive_weight(const naive_coin *coin, gp_audit_statistic statistic) {
  switch (statistic) {
  case GP_AUDIT_DISTINCT:
    return coin->occurred > 0 ? 1.0 : 0.0;
  case GP_AUDIT_ROOT:
    return sqrt((double)coin->occurred);
  case GP_AUDIT_REFERENCE:
    return (double)coin->occurred - coin->expected;
  case GP_AUDIT_OPEN_ROOT: /* what is less than a unit of 2^-30 is nothing to the library */
    return fabs(coin->open) < 1e-10 ? 0.0 : copysign(sqrt(fabs(coin->open)), coin->open);
  default:
    return coin->open;
  }
}

static gp_audit_result naive_result(naive *sums, gp_audit_statistic statistic,
                                    const gp_params *params, bool served_only) {
  const double gamma = gp_params_gamma(params);
  gp_audit_result made = {0};
  double squares = 0.0;
  double its_squares = 0.0;
  double *weights = malloc((sums->count + 1) * sizeof *weights);
  uint8_t *green = malloc(sums->count + 1);
  assert_true(weights != NULL && green != NULL);
  for (size_t i = 0; i < sums->count; i++) {
    const naive_coin *coin = &sums->coins[i];
    const double weight = naive_weight(coin, statistic);
    squares += weight * weight;
    if (fabs(weight) < 1e-9 || (served_only && !coin->served)) {
      continue;
    }
    weights[made.coins] = weight;
    green[made.coins++] = coin->green;
    made.green += coin->green;
    made.statistic += weight * (coin->green - gamma);
    its_squares += weight * weight;
  }
  const double sigma = sqrt(gamma * (1.0 - gamma) * squares); /* of all coins */
  made.z = made.statistic / sqrt(gamma * (1.0 - gamma) * its_squares);
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
  made.log10_p_saddlepoint =
      served_only || made.coins == 0 ? (double)NAN : weighted.log10_p_saddlepoint;
  if (served_only) {
    made.log10_p = fmin(0.0, -made.log10_e);
  } else if (statistic == GP_AUDIT_DISTINCT) {
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
static void compare_result(const gp_audit *audit, gp_audit_statistic statistic, bool served_only,
                           const gp_key *key, const gp_audit_result *wanted) {
  const gp_verifier_options options = {.has_tenant = true, .tenant = 9};
  const gp_audit_candidate twice[2] = {{.key = key, .options = options},
                                       {.key = key}}; /* no tenant */
  gp_audit_test *test = NULL;
  gp_audit_result result;
  gp_audit_result many[2];
  assert_ok(gp_audit_test_new(audit, statistic, served_only, &test, error));
  assert_ok(gp_audit_test_key(test, key, &options, &result, error));
  assert_ok(gp_audit_test_many(test, twice, 2, 1, many, error));
  gp_audit_test_free(test);
  assert_int_equal(result.coins, wanted->coins);
  assert_int_equal(result.green, wanted->green);
  assert_near("T", result.statistic, wanted->statistic, 1e-7);
  assert_near("z", result.z, wanted->z, 1e-7);
  assert_near("log10_p", result.log10_p, wanted->log10_p, 1e-6);
  if (isnan(wanted->log10_p_saddlepoint)) {
    assert_true(isnan(result.log10_p_saddlepoint));
  } else {
    assert_near("saddle point", result.log10_p_saddlepoint, wanted->log10_p_saddlepoint, 1e-6);
  }
  assert_near("log10_e", result.log10_e, wanted->log10_e, 1e-6);
  assert_true(many[0].coins == result.coins && many[0].green == result.green);
  assert_true(many[0].statistic == result.statistic && many[0].z == result.z);
  assert_true(many[0].log10_e == result.log10_e && isnan(many[0].log10_p_saddlepoint));
  assert_true(many[0].log10_p >= result.log10_p - 1e-12);
  assert_near("log10_p of many", many[0].log10_p, wanted->log10_p, 4e-3);
}

static int ascending(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left;
  const uint64_t b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

/* A set of those windows of the answers that is_served() chooses. */
static gp_contexts *serve(const corpus *made, uint32_t h) {
  gp_contexts *served = calloc(1, sizeof *served);
  assert_non_null(served);
  served->info.context_width = h;
  served->fingerprints = malloc((size_t)ANSWERS * LENGTH_MAX * sizeof *served->fingerprints);
  assert_non_null(served->fingerprints);
  size_t n = 0;
  for (size_t a = 0; a < ANSWERS; a++) {
    for (size_t i = 0; i + h <= made->n_tokens[a]; i++) {
      if (is_served(&made->tokens[a][i], h)) {
        served->fingerprints[n++] = gp_context_fingerprint(&made->tokens[a][i], h);
      }
    }
  }
  qsort(served->fingerprints, n, sizeof *served->fingerprints, ascending);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || served->fingerprints[i] != served->fingerprints[i - 1]) {
      served->fingerprints[served->info.contexts++] = served->fingerprints[i];
    }
  }
  return served;
}

static void compare_served(gp_audit *audit, naive *sums, const gp_params *params,
                           const corpus *made, const gp_key *key) {
  if (params->seeding != GP_SEEDING_HASH) {
    return;
  }
  gp_contexts *served = serve(made, params->context_width);
  assert_ok(gp_audit_set_served(audit, served, error));
  gp_contexts_free(served);
  uint64_t coins = 0;
  for (size_t i = 0; i < sums->count; i++) {
    coins += sums->coins[i].served && sums->coins[i].occurred > 0;
  }
  gp_audit_counts counts;
  gp_audit_get_counts(audit, &counts);
  assert_true(counts.has_served && counts.served_contexts < counts.contexts);
  assert_int_equal(counts.served_coins, coins);
  for (gp_audit_statistic s = GP_AUDIT_DISTINCT; s <= GP_AUDIT_REFERENCE; s++) {
    const gp_audit_result wanted = naive_result(sums, s, params, true);
    compare_result(audit, s, true, key, &wanted);
  }
}

/* A file of which a document was read is not added either; the audit stays as it was. */
static void assert_part_is_refused(const image *bytes, gp_audit *audit) {
  image_source source = {.bytes = bytes->bytes, .size = bytes->size, .step = 5000};
  gp_model_weights *file = NULL;
  const uint32_t *tokens = NULL;
  size_t n_tokens = 0;
  bool more = false;
  assert_ok(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(gp_model_weights_next(file, &tokens, &n_tokens, &more, error));
  assert_true(more);
  assert_fails(gp_audit_add_model(audit, file, error), GP_ERR_ARGUMENT,
               "x.gpx: was read before, in part or to its end: open it again");
  gp_model_weights_free(file);
}

/* The same of a model's weights. */
static void compare_open(const gp_params *params, const corpus *made) {
  image bytes = {0};
  put_header_of(&bytes, 2, "random", 0, TOP);
  for (size_t a = 0; a < ANSWERS; a++) {
    put_model_document(&bytes, made->tokens[a], made->n_tokens[a]);
    for (size_t i = 0; i < made->n_tokens[a]; i++) {
      const gp_position *position = &made->expected[a][i];
      put_u8(&bytes, (uint8_t)position->count);
      for (size_t j = 0; j < position->count; j++) {
        put_entry(&bytes, position->ids[j], open_weight(position, j));
      }
    }
    put_checksum(&bytes);
  }
  put_end(&bytes);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 5000};
  gp_model_weights *file = NULL;
  gp_audit *audit = NULL;
  gp_audit_counts counts;
  assert_ok(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(gp_audit_new(params, &audit, error));
  assert_ok(gp_audit_add_model(audit, file, error));
  /* It would add nothing, and seem to have added something. */
  assert_fails(gp_audit_add_model(audit, file, error), GP_ERR_ARGUMENT,
               "x.gpx: was read before, in part or to its end: open it again");
  gp_model_weights_free(file);
  assert_part_is_refused(&bytes, audit);
  free(bytes.bytes);
  gp_key *key = test_key(params);
  naive sums;
  naive_collect_open(&sums, made, key, params->context_width);
  gp_audit_get_counts(audit, &counts);
  assert_int_equal(counts.documents, ANSWERS);
  assert_int_equal(counts.positions, sums.positions);
  assert_true(counts.in_prompt == 0 && counts.expected == 0);
  if (params->seeding != GP_SEEDING_MIN) {
    assert_int_equal(counts.coins, sums.count);
  }
  for (gp_audit_statistic s = GP_AUDIT_OPEN; s <= GP_AUDIT_OPEN_ROOT; s++) {
    const gp_audit_result wanted = naive_result(&sums, s, params, false);
    compare_result(audit, s, false, key, &wanted);
  }
  if (params->seeding == GP_SEEDING_HASH) {
    gp_contexts *served = serve(made, params->context_width);
    assert_ok(gp_audit_set_served(audit, served, error));
    gp_contexts_free(served);
    for (gp_audit_statistic s = GP_AUDIT_OPEN; s <= GP_AUDIT_OPEN_ROOT; s++) {
      const gp_audit_result wanted = naive_result(&sums, s, params, true);
      compare_result(audit, s, true, key, &wanted);
    }
  }
  assert_fails(gp_audit_add(audit, NULL, 0, made->tokens[0], 5, NULL, error), GP_ERR_ARGUMENT,
               "audit: answers and model weights are not tested together");
  gp_audit_free(audit);
  naive_free(&sums);
  gp_key_free(key);
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
    const gp_audit_result wanted = naive_result(&sums, s, params, false);
    compare_result(audit, s, false, key, &wanted);
  }
  compare_served(audit, &sums, params, made, key);
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
    compare_open(&cases[i], made);
  }
  free(made);
}

/* ------------------------------------------------------- what must not matter */

static void assert_same(const gp_audit_result *a, const gp_audit_result *b) {
  assert_int_equal(a->coins, b->coins);
  assert_int_equal(a->green, b->green);
  assert_true(a->statistic == b->statistic && a->z == b->z);
  assert_true(a->log10_p == b->log10_p && a->log10_e == b->log10_e);
}

/* The same bits whatever the order of the answers and the number of threads. */
static void order_and_threads(void **state) {
  (void)state;
  enum {
    KEYS = 40
  };
  static const gp_params cases[] = {{GP_SEEDING_HASH, 1, 1, 2}, {GP_SEEDING_MIN, 3, 1, 2}};
  static const unsigned threads[] = {1, 2, 7};
  const uint8_t commitment[GP_COMMITMENT_SIZE] = {1};
  uint64_t random = test_seed();
  corpus *made = malloc(sizeof *made);
  assert_non_null(made);
  make_corpus(made, 20, &random);
  for (size_t c = 0; c < 2; c++) {
    gp_audit_candidate candidates[KEYS] = {0};
    gp_key *keys[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
      assert_ok(gp_audit_control_key(&cases[c], commitment, i / 2, &keys[i], error));
      candidates[i].key = keys[i];
      candidates[i].options = (gp_verifier_options){.has_tenant = i % 2 == 1, .tenant = i};
    }
    for (gp_audit_statistic s = GP_AUDIT_DISTINCT; s <= GP_AUDIT_REFERENCE; s++) {
      gp_audit_result first[KEYS];
      for (size_t round = 0; round < 6; round++) {
        /* Expectations have one order, that of their file. */
        const bool backwards = s != GP_AUDIT_REFERENCE && round >= 3;
        gp_audit *audit = collect(&cases[c], made, s == GP_AUDIT_REFERENCE, backwards);
        gp_audit_test *test = NULL;
        gp_audit_result results[KEYS];
        assert_ok(gp_audit_test_new(audit, s, false, &test, error));
        assert_ok(gp_audit_test_many(test, candidates, KEYS, threads[round % 3], results, error));
        for (size_t i = 0; i < KEYS; i++) {
          if (round == 0) {
            first[i] = results[i];
          }
          assert_same(&results[i], &first[i]);
        }
        gp_audit_test_free(test);
        gp_audit_free(audit);
      }
    }
    for (size_t i = 0; i < KEYS; i++) {
      gp_key_free(keys[i]);
    }
  }
  free(made);
}

/* ---------------------------------------------------------------- null law */

/* All colours of a few coins: the bound is never below the tail, and the mean of the e-value is
 * 1 but for what is given away to rounding. */
static void few_coins(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int round = 0; round < 300; round++) {
    const size_t n = 1 + next_random(&random) % 9;
    const gp_params params = {GP_SEEDING_HASH, 1, round % 3 == 0 ? 3U : 1U,
                              round % 3 == 0 ? 3U : 1U + (unsigned)round % 2};
    const double gamma = gp_params_gamma(&params);
    int64_t weights[9];
    for (size_t i = 0; i < n; i++) {
      const int64_t size =
          (int64_t)(next_random(&random) >> (1 + next_random(&random) % 40)) % (INT64_C(1) << 40);
      weights[i] = round % 4 == 0 ? GP_AUDIT_UNIT : (next_random(&random) % 3 ? size : -size);
    }
    weights[0] = weights[0] == 0 ? 1 : weights[0];
    gp_null_law law;
    assert_ok(gp_null_law_make(&law, weights, n, &params, 0.0, round % 2 == 0, error));
    double chances[512];
    double values[512];
    double mean = 0.0;
    for (unsigned colours = 0; colours < 1U << n; colours++) {
      int64_t sum = 0;
      chances[colours] = 1.0;
      for (size_t i = 0; i < n; i++) {
        sum += (colours >> i & 1U) != 0 ? weights[i] : 0;
        chances[colours] *= (colours >> i & 1U) != 0 ? gamma : 1.0 - gamma;
      }
      values[colours] = gp_null_statistic(&law, sum, &params);
      mean += chances[colours] * pow(10.0, gp_null_log10_e(&law, values[colours]));
    }
    if (!(mean <= 1.0 && mean > 1.0 - 1e-5)) {
      fail_msg("the mean of the e-value is 1 - %g", 1.0 - mean);
    }
    for (unsigned colours = 0; colours < 1U << n; colours++) {
      double tail = 0.0;
      for (unsigned other = 0; other < 1U << n; other++) {
        tail += values[other] >= values[colours] ? chances[other] : 0.0;
      }
      const double log10_p = gp_null_log10_p(&law, values[colours]);
      /* The tail is a sum of rounded numbers; at the greatest T the bound comes down to it. */
      if (log10_p < log10(tail) - 1e-14) {
        fail_msg("%.17g is below the tail %.17g", log10_p, log10(tail));
      }
    }
    gp_null_law_release(&law);
  }
}

/* The bound on a grid is hardly larger than the best. */
static void grid_is_fine(void **state) {
  (void)state;
  enum {
    COINS = 2000
  };
  uint64_t random = test_seed();
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  static int64_t units[COINS];
  static double weights[COINS];
  static uint8_t green[COINS];
  for (int round = 0; round < 40; round++) {
    int64_t sum = 0;
    for (size_t i = 0; i < COINS; i++) {
      units[i] = (int64_t)(next_random(&random) >> (34 + next_random(&random) % 15)) *
                 (round % 2 || next_random(&random) % 2 ? 1 : -1);
      weights[i] = (double)units[i] / (double)GP_AUDIT_UNIT;
      /* From hardly to wholly marked. */
      const bool marked = next_random(&random) % 40 < (unsigned)round;
      green[i] = marked ? units[i] > 0 : next_random(&random) % 4 == 0;
      sum += green[i] ? units[i] : 0;
    }
    gp_null_law law;
    gp_weighted_result best;
    assert_ok(gp_null_law_make(&law, units, COINS, &params, 0.0, false, error));
    assert_ok(gp_weighted_test(weights, green, COINS, 1, 2, &best, error));
    const double statistic = gp_null_statistic(&law, sum, &params);
    assert_near("T", statistic, best.statistic, 1e-12);
    const double log10_p = gp_null_log10_p(&law, statistic);
    assert_true(log10_p >= best.log10_p);
    if (!(log10_p <= best.log10_p + 0.001 - best.log10_p * 0.001))
      fail_msg("%d: %.9g %.9g z %g", round, log10_p, best.log10_p, best.z);
    gp_null_law_release(&law);
  }
}

/* ------------------------------------------------------------- calibration */

enum {
  CONTROLS = 2000
};

/* How many of N events of a probability are too many: beyond it with probability below 1e-8. */
static uint64_t too_many(uint64_t n, uint32_t num, uint32_t log2_den) {
  uint64_t c = 0;
  double log10_p = 0.0;
  while (log10_p > -8.0) {
    c++;
    assert_ok(gp_log10_binomial_tail(n, c, num, log2_den, &log10_p, error));
  }
  return c;
}

/* p-values of keys that nobody used are not too small; e-values are not large on average. Under
 * the null hypothesis this fails with a probability below 1e-6 at each call: 8 counts, each below
 * 1e-8; and of the mean of N numbers min(E, 30), with means of at most 1 and variances of at most
 * 30, to be above 1.75, exp(-N 0.75^2 / 2 / (30 + 30 * 0.75 / 3)) = 3e-7 [Bernstein]. */
static void assert_calibrated(const gp_audit_result *results, size_t n) {
  double mean = 0.0;
  for (uint32_t k = 1; k <= 8; k++) {
    uint64_t small = 0;
    for (size_t i = 0; i < n; i++) {
      small += results[i].log10_p <= -(double)k * log10(2.0);
    }
    if (small >= too_many(n, 1, k)) {
      fail_msg("%u of %zu p-values are at most 2^-%u", (unsigned)small, n, k);
    }
  }
  for (size_t i = 0; i < n; i++) {
    mean += fmin(pow(10.0, results[i].log10_e), 30.0) / (double)n;
  }
  if (mean > 1.75) {
    fail_msg("the mean of %zu e-values is %g", n, mean);
  }
}

/* Fixed answers, 2,000 control keys. */
static void controls(void **state) {
  (void)state;
  skip_where_tests_are_short();
  static const gp_params cases[] = {{GP_SEEDING_HASH, 1, 1, 2}, {GP_SEEDING_MIN, 2, 1, 1}};
  uint64_t random = test_seed();
  static gp_audit_result results[CONTROLS];
  static gp_audit_candidate candidates[CONTROLS];
  corpus *made = malloc(sizeof *made);
  assert_non_null(made);
  make_corpus(made, 30, &random);
  for (size_t c = 0; c < 2; c++) {
    uint8_t commitment[GP_COMMITMENT_SIZE];
    for (size_t i = 0; i < sizeof commitment; i++) {
      commitment[i] = (uint8_t)next_random(&random);
    }
    for (uint32_t i = 0; i < CONTROLS; i++) {
      gp_key *key = NULL;
      assert_ok(gp_audit_control_key(&cases[c], commitment, i, &key, error));
      candidates[i] = (gp_audit_candidate){.key = key};
    }
    gp_audit *audit = collect(&cases[c], made, true, false);
    for (gp_audit_statistic s = GP_AUDIT_DISTINCT; s <= GP_AUDIT_REFERENCE; s++) {
      gp_audit_test *test = NULL;
      assert_ok(gp_audit_test_new(audit, s, false, &test, error));
      assert_ok(gp_audit_test_many(test, candidates, CONTROLS, 2, results, error));
      gp_audit_test_free(test);
      assert_calibrated(results, CONTROLS);
      double squares = 0.0;
      for (size_t i = 0; i < CONTROLS; i++) {
        squares += results[i].z * results[i].z / CONTROLS;
      }
      /* Near 1, with a standard deviation of sqrt(2 / 2000) = 0.032: six of them. */
      assert_true(squares > 0.8 && squares < 1.2);
    }
    gp_audit_free(audit);
    for (size_t i = 0; i < CONTROLS; i++) {
      gp_key_free((gp_key *)candidates[i].key);
    }
  }
  free(made);
}

/* What was served depends on the key: contexts were served one after the other, until their coins
 * happened to be green. The plain z then is 1 and more for a third of the keys; the e-value
 * holds. */
static void served_until_green(void **state) {
  (void)state;
  skip_where_tests_are_short();
  enum {
    WORDS = 24
  };
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  uint64_t random = test_seed();
  static gp_audit_result results[CONTROLS];
  uint32_t tokens[200];
  bool occurred[WORDS][WORDS] = {{false}};
  size_t coins = 0;
  for (size_t i = 0; i < 200; i++) {
    tokens[i] = (uint32_t)(next_random(&random) % WORDS);
    if (i > 0 && !occurred[tokens[i - 1]][tokens[i]]) {
      occurred[tokens[i - 1]][tokens[i]] = true;
      coins++;
    }
  }
  gp_audit *audit = NULL;
  assert_ok(gp_audit_new(&params, &audit, error));
  assert_ok(gp_audit_add(audit, NULL, 0, tokens, 200, NULL, error));
  size_t high = 0;
  for (size_t round = 0; round < CONTROLS; round++) {
    gp_key *key = NULL;
    gp_watermark *watermark = NULL;
    gp_audit_test *test = NULL;
    uint64_t fingerprints[WORDS];
    gp_contexts served = {.info = {.context_width = 1}, .fingerprints = fingerprints};
    assert_ok(gp_key_generate(&params, &key, error));
    assert_ok(gp_watermark_new(key, NULL, &watermark, error));
    double sum = 0.0;
    for (uint32_t c = 0; c < WORDS && sum < 1.2 * sqrt((double)coins * 3.0 / 16.0); c++) {
      uint8_t mask[WORDS / 8];
      fingerprints[served.info.contexts++] = gp_context_fingerprint(&c, 1);
      assert_ok(gp_green_mask(watermark, &c, 1, WORDS, mask, error));
      for (size_t v = 0; v < WORDS; v++) {
        sum += occurred[c][v] ? (double)((uint32_t)mask[v / 8] >> v % 8 & 1U) - 0.25 : 0.0;
      }
    }
    qsort(fingerprints, (size_t)served.info.contexts, sizeof *fingerprints, ascending);
    assert_ok(gp_audit_set_served(audit, &served, error));
    assert_ok(gp_audit_test_new(audit, GP_AUDIT_DISTINCT, true, &test, error));
    assert_ok(gp_audit_test_key(test, key, NULL, &results[round], error));
    assert_near("T", results[round].statistic, sum, 1e-12);
    high += results[round].z > 1.0;
    gp_audit_test_free(test);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  gp_audit_free(audit);
  assert_true(high > CONTROLS / 8); /* the selection does what it is there for */
  assert_calibrated(results, CONTROLS);
}

/* An owner whose model ends each answer after one word or goes on with another, which green makes
 * likelier, and who logs no sign of the end. An innocent model says all second words; were only
 * contexts known that a word stood behind, the green ones would have been selected: mean z is 3
 * then. As it is, all are known. Means of 100 z differ from 0 by more than 0.6, six of their
 * standard deviations, with a probability below 1e-8. */
static void served_until_the_end(void **state) {
  (void)state;
  enum {
    WORDS = 200,
    KEYS = 100
  };
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  const char *path = "test_audit.gpc";
  uint64_t random = test_seed();
  gp_audit *audit = NULL;
  assert_ok(gp_audit_new(&params, &audit, error));
  for (uint32_t c = 0; c < WORDS; c++) {
    const uint32_t answer[2] = {c, WORDS + c};
    assert_ok(gp_audit_add(audit, NULL, 0, answer, 2, NULL, error));
  }
  double sum = 0.0;
  for (size_t round = 0; round < KEYS; round++) {
    gp_key *key = NULL;
    gp_watermark *watermark = NULL;
    gp_contexts_builder *builder = NULL;
    gp_contexts *served = NULL;
    gp_audit_test *test = NULL;
    gp_audit_result result;
    assert_ok(gp_key_generate(&params, &key, error));
    assert_ok(gp_watermark_new(key, NULL, &watermark, error));
    assert_ok(gp_contexts_builder_new(1, &builder, error));
    for (uint32_t c = 0; c < WORDS; c++) {
      const uint32_t answer[2] = {c, WORDS + c};
      uint8_t mask[2 * WORDS / 8];
      assert_ok(gp_green_mask(watermark, &c, 1, 2 * WORDS, mask, error));
      const bool green = ((unsigned)mask[answer[1] / 8] >> answer[1] % 8 & 1U) != 0;
      const double goes_on = green ? 7.389 / 8.389 : 0.5; /* delta 2 */
      const bool ends = (double)(next_random(&random) >> 11) * 0x1p-53 >= goes_on;
      assert_ok(gp_contexts_builder_add(builder, answer, ends ? 1 : 2, error));
    }
    assert_ok(gp_contexts_builder_save(builder, path, error));
    assert_ok(gp_contexts_load(path, &served, error));
    assert_int_equal(remove(path), 0);
    assert_ok(gp_audit_set_served(audit, served, error));
    assert_ok(gp_audit_test_new(audit, GP_AUDIT_DISTINCT, true, &test, error));
    assert_ok(gp_audit_test_key(test, key, NULL, &result, error));
    sum += result.z;
    gp_audit_test_free(test);
    gp_contexts_free(served);
    gp_contexts_builder_free(builder);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  gp_audit_free(audit);
  print_message("mean z %.2f\n", sum / KEYS);
  assert_true(fabs(sum / KEYS) < 0.6);
}

/* Answers that choose green tokens half of the time, where they can: found under their key, not
 * under another. */
static void planted(void **state) {
  (void)state;
  enum {
    LENGTH = 2000,
    WORDS = 64
  };
  static const gp_params cases[] = {{GP_SEEDING_FIXED, 0, 1, 2},
                                    {GP_SEEDING_HASH, 1, 1, 2},
                                    {GP_SEEDING_HASH, 2, 1, 2},
                                    {GP_SEEDING_MIN, 2, 1, 2}};
  uint64_t random = test_seed();
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    gp_key *key = NULL;
    gp_key *other = NULL;
    gp_watermark *watermark = NULL;
    assert_ok(gp_key_generate(&cases[c], &key, error));
    assert_ok(gp_key_generate(&cases[c], &other, error));
    assert_ok(gp_watermark_new(key, NULL, &watermark, error));
    static uint32_t tokens[LENGTH];
    const uint32_t words = c == 0 ? WORDS << 7 : WORDS; /* one context needs more of them */
    for (size_t i = 0; i < LENGTH; i++) {
      uint8_t mask[(WORDS << 7) / 8] = {0};
      if (i >= cases[c].context_width) {
        assert_ok(gp_green_mask(watermark, tokens, i, words, mask, error));
      }
      tokens[i] = (uint32_t)(next_random(&random) % words);
      for (int tries = 0; tries < 20 && next_random(&random) % 8 != 0; tries++) {
        if (((uint32_t)mask[tokens[i] / 8] >> tokens[i] % 8 & 1U) == 0) {
          tokens[i] = (uint32_t)(next_random(&random) % words);
        }
      }
    }
    gp_audit *audit = NULL;
    assert_ok(gp_audit_new(&cases[c], &audit, error));
    assert_ok(gp_audit_add(audit, NULL, 0, tokens, LENGTH, NULL, error));
    for (gp_audit_statistic s = GP_AUDIT_DISTINCT; s <= GP_AUDIT_ROOT; s++) {
      const gp_audit_candidate both[2] = {{.key = key}, {.key = other}};
      gp_audit_result results[2];
      gp_audit_test *test = NULL;
      assert_ok(gp_audit_test_new(audit, s, false, &test, error));
      assert_ok(gp_audit_test_many(test, both, 2, 1, results, error));
      gp_audit_test_free(test);
      assert_true(results[0].log10_p < -20.0 && results[0].log10_e > 15.0);
      assert_true(results[1].log10_p > -8.0);
    }
    gp_audit_free(audit);
    gp_watermark_free(watermark);
    gp_key_free(key);
    gp_key_free(other);
  }
}

/* ------------------------------------------------------------------ refusals */

static void refusals(void **state) {
  (void)state;
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  const gp_params wider = {GP_SEEDING_HASH, 2, 1, 2};
  const uint32_t tokens[] = {1, 2, 3};
  gp_audit *audit = NULL;
  gp_audit_test *test = NULL;
  gp_audit_result result = {.coins = 77};
  assert_fails(gp_audit_new(NULL, &audit, error), GP_ERR_ARGUMENT,
               "gp_audit_new: params must not be NULL");
  assert_ok(gp_audit_new(&params, &audit, error));
  assert_fails(gp_audit_add(audit, NULL, 1, tokens, 3, NULL, error), GP_ERR_ARGUMENT,
               "gp_audit_add: prompt must not be NULL");
  assert_fails(gp_audit_add(audit, NULL, 0, NULL, 3, NULL, error), GP_ERR_ARGUMENT,
               "gp_audit_add: tokens must not be NULL");

  /* Without answers every test comes to nothing. */
  gp_key *key = test_key(&params);
  for (gp_audit_statistic s = GP_AUDIT_DISTINCT; s <= GP_AUDIT_OPEN_ROOT; s++) {
    assert_ok(gp_audit_test_new(audit, s, false, &test, error));
    assert_ok(gp_audit_test_key(test, key, NULL, &result, error));
    gp_audit_test_free(test);
    assert_true(result.coins == 0 && result.green == 0 && result.statistic == 0.0);
    assert_true(result.z == 0.0 && result.log10_p == 0.0 && result.log10_e == 0.0);
  }
  result.coins = 77;
  assert_ok(gp_audit_add(audit, NULL, 0, tokens, 3, NULL, error));
  assert_fails(gp_audit_test_new(audit, GP_AUDIT_OPEN, false, &test, error), GP_ERR_ARGUMENT,
               "statistic 'open' needs model weights");
  assert_fails(gp_audit_test_new(audit, GP_AUDIT_REFERENCE, false, &test, error), GP_ERR_ARGUMENT,
               "statistic 'reference' needs answers with expectations");
  assert_fails(gp_audit_test_new(audit, (gp_audit_statistic)9, false, &test, error),
               GP_ERR_ARGUMENT, "statistic: 9 is none");
  assert_fails(gp_audit_test_new(audit, GP_AUDIT_ROOT, true, &test, error), GP_ERR_ARGUMENT,
               "served_only: no served contexts were set");
  assert_ok(gp_audit_test_new(audit, GP_AUDIT_ROOT, false, &test, error));
  gp_contexts served = {.info = {.context_width = 2}};
  assert_fails(gp_audit_set_served(audit, &served, error), GP_ERR_ARGUMENT,
               "served contexts: of 2 tokens, but the key's have 1: build them with that");
  served.info.context_width = 1;
  gp_audit_counts counts;
  assert_ok(gp_audit_set_served(audit, &served, error));
  gp_audit_get_counts(audit, &counts);
  assert_true(counts.has_served && counts.served_contexts == 0 && counts.served_coins == 0);
  gp_audit_test_free(test);
  assert_ok(gp_audit_test_new(audit, GP_AUDIT_ROOT, true, &test, error));
  assert_ok(gp_audit_test_key(test, key, NULL, &result, error));
  assert_true(result.coins == 0 && result.log10_p == 0.0 && result.log10_e == 0.0);
  result.coins = 77;
  gp_audit_test_free(test);
  assert_ok(gp_audit_add(audit, NULL, 0, tokens, 3, NULL, error)); /* undoes it */
  gp_audit_get_counts(audit, &counts);
  assert_false(counts.has_served);
  assert_fails(gp_audit_test_new(audit, GP_AUDIT_ROOT, true, &test, error), GP_ERR_ARGUMENT,
               "served_only: no served contexts were set");
  assert_ok(gp_audit_test_new(audit, GP_AUDIT_ROOT, false, &test, error));
  gp_audit *smallest = NULL;
  const gp_params min = {GP_SEEDING_MIN, 1, 1, 2};
  assert_ok(gp_audit_new(&min, &smallest, error));
  assert_fails(gp_audit_set_served(smallest, &served, error), GP_ERR_ARGUMENT,
               "served contexts: with seeding 'min' a context is no window; they need 'hash'");
  gp_audit_free(smallest);
  gp_key *odd = test_key(&wider);
  assert_fails(gp_audit_test_key(test, odd, NULL, &result, error), GP_ERR_ARGUMENT,
               "the key has other parameters than the audit was made for");
  const gp_audit_candidate candidates[] = {{.key = key}, {.key = NULL}, {.key = odd}};
  assert_fails(gp_audit_test_many(test, candidates, 2, 1, &result, error), GP_ERR_ARGUMENT,
               "candidates[1]: key must not be NULL");
  assert_fails(gp_audit_test_many(test, candidates, 1, 0, &result, error), GP_ERR_ARGUMENT,
               "threads: must be 1 to 1024, not 0");
  assert_int_equal(gp_audit_test_many(test, candidates + 2, 1, 1, &result, NULL),
                   GP_ERR_ARGUMENT);
  assert_int_equal(result.coins, 77);
  assert_ok(gp_audit_test_many(test, NULL, 0, 1, NULL, error));
  gp_audit_test_free(test);

  /* Expectations come with all answers or with none; what failed is not gone on with. */
  image bytes = {0};
  put_header(&bytes, "x", 0, 1);
  put_end(&bytes);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 5000};
  gp_expectations *file = NULL;
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_fails(gp_audit_add(audit, NULL, 0, tokens, 3, file, error), GP_ERR_ARGUMENT,
               "audit: either all answers come with expectations, or none");
  gp_audit_free(audit);
  assert_ok(gp_audit_new(&params, &audit, error));
  assert_int_equal(gp_audit_add(audit, NULL, 0, tokens, 3, file, NULL), GP_ERR_FORMAT);
  assert_fails(gp_audit_add(audit, NULL, 0, tokens, 3, NULL, error), GP_ERR_ARGUMENT,
               "audit: an earlier document failed; begin anew");
  assert_fails(gp_audit_test_new(audit, GP_AUDIT_ROOT, false, &test, error), GP_ERR_ARGUMENT,
               "audit: an earlier document failed; begin anew");
  gp_expectations_free(file);
  free(bytes.bytes);
  gp_audit_free(audit);
  gp_audit_free(NULL);
  gp_audit_test_free(NULL);
  gp_key_free(key);
  gp_key_free(odd);
  assert_string_equal(gp_audit_statistic_name(GP_AUDIT_REFERENCE), "reference");
  assert_string_equal(gp_audit_statistic_name((gp_audit_statistic)0), "?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statistics),         cmocka_unit_test(order_and_threads),
      cmocka_unit_test(few_coins),          cmocka_unit_test(grid_is_fine),
      cmocka_unit_test(controls),           cmocka_unit_test(planted),
      cmocka_unit_test(served_until_green), cmocka_unit_test(served_until_the_end),
      cmocka_unit_test(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

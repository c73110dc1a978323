/*
 * All that takes a key, with a provable one. What is green is asked of gp_green_mask(), which
 * test_provable_vectors.c holds against the reference; everything else has to agree with it,
 * whatever is in the cache, and whoever shares the key.
 */
#include <math.h>
#include <pthread.h>

#include "expectations_support.h"
#include "proof_support.h"

enum {
  VOCABULARY = 300,
  MASK_SIZE = (VOCABULARY + 7) / 8
};

static const struct {
  gp_seeding seeding;
  uint32_t width;
} schemes[] = {{GP_SEEDING_HASH, 1}, {GP_SEEDING_HASH, 2}, {GP_SEEDING_HASH, 16},
               {GP_SEEDING_MIN, 3},  {GP_SEEDING_MIN, 16}, {GP_SEEDING_FIXED, 0}};

static char folder[] = "/tmp/greenprint-provable-XXXXXX";
static char text_path[64];
static char file_path[64];
static char other_path[64];
static uint64_t seed;

/* A key that has computed nothing yet. */
static gp_key *fresh_key(size_t scheme) {
  const gp_params params = {schemes[scheme].seeding, schemes[scheme].width, 1, 2};
  return test_provable_key(&params);
}

static gp_watermark *watermark_for(const gp_key *key, const uint64_t *tenant) {
  gp_watermark_options options = gp_watermark_options_default();
  options.has_tenant = tenant != NULL;
  options.tenant = tenant != NULL ? *tenant : 0;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  return watermark;
}

static bool is_green(const uint8_t *mask, uint32_t token) {
  return (mask[token / 8] >> token % 8 & 1) != 0;
}

static bool token_is_green(const gp_watermark *watermark, const uint32_t *tokens, size_t n) {
  uint8_t mask[MASK_SIZE];
  assert_ok(gp_green_mask(watermark, tokens, n, VOCABULARY, mask, error));
  return is_green(mask, tokens[n]);
}

/* -------------------------------------------------------------------- embedding */

static void assert_row(const gp_watermark *watermark, const uint32_t *tokens, size_t n,
                       const float *row, float delta) {
  uint8_t mask[MASK_SIZE];
  assert_ok(gp_green_mask(watermark, tokens, n, VOCABULARY, mask, error));
  for (uint32_t v = 0; v < VOCABULARY; v++) {
    assert_true(row[v] == (is_green(mask, v) ? delta : 0.0F));
  }
}

static void single_rows(void **state) {
  (void)state;
  uint64_t random = seed;
  for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
    gp_key *key = fresh_key(s);
    const uint64_t tenant = 3;
    gp_watermark *watermark = watermark_for(key, NULL);
    gp_watermark *tenants = watermark_for(key, &tenant);
    documents text = {0};
    add_random(&text, 30, VOCABULARY, &random);
    const uint32_t *tokens = text.tokens[0];
    for (size_t n = 0; n < 30; n++) {
      float row[VOCABULARY] = {0};
      const float zeros[VOCABULARY] = {0};
      gp_row after = {.tokens = tokens, .n_tokens = n};
      assert_ok(gp_bias(watermark, GP_FLOAT32, row, VOCABULARY, &after, error));
      if (n < schemes[s].width) {
        assert_memory_equal(row, zeros, sizeof row);
        continue;
      }
      assert_row(watermark, tokens, n, row, 2.0F);
      memset(row, 0, sizeof row); /* a row's own tenant, and its own strength */
      after.has_tenant = true;
      after.tenant = tenant;
      after.has_delta = true;
      after.delta = 0.5F;
      assert_ok(gp_bias(watermark, GP_FLOAT32, row, VOCABULARY, &after, error));
      assert_row(tenants, tokens, n, row, 0.5F);
    }
    free_documents(&text);
    gp_watermark_free(tenants);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
}

/* Rows of a batch: more than are looked up at a time, of contexts that come again, of several
 * tenants, some without a context. */
enum {
  ROWS = 1100
};

static void make_rows(gp_row rows[ROWS], const documents *text, uint64_t *random) {
  for (size_t i = 0; i < ROWS; i++) {
    const uint64_t draw = next_random(random);
    rows[i] = (gp_row){.tokens = text->tokens[0],
                       .n_tokens = draw % 40,
                       .has_tenant = draw >> 8 & 1,
                       .tenant = draw >> 9 & 1,
                       .off = (draw >> 12 & 15) == 0};
  }
}

static void batches(void **state) {
  (void)state;
  static float logits[ROWS][VOCABULARY];
  static float others[ROWS][VOCABULARY];
  static gp_row rows[ROWS];
  uint64_t random = seed;
  for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
    const uint64_t tenant = 1;
    documents text = {0};
    add_random(&text, 40, VOCABULARY, &random);
    make_rows(rows, &text, &random);
    for (size_t threads = 0; threads < 4; threads++) {
      gp_key *key = fresh_key(s); /* nothing in its cache */
      gp_watermark *watermark = watermark_for(key, threads % 2 == 1 ? &tenant : NULL);
      gp_thread_pool *pool = NULL;
      if (threads > 0) {
        assert_ok(gp_thread_pool_new(threads, &pool, error));
      }
      memset(logits, 0, sizeof logits);
      memset(others, 0, sizeof others);
      assert_ok(gp_bias_batch_parallel(watermark, pool, GP_FLOAT32, logits, ROWS, VOCABULARY,
                                       VOCABULARY, rows, error));
      for (size_t i = 0; i < ROWS; i++) {
        assert_ok(gp_bias(watermark, GP_FLOAT32, others[i], VOCABULARY, &rows[i], error));
      }
      assert_memory_equal(logits, others, sizeof logits);
      static gp_prepared_row prepared[ROWS];
      assert_ok(gp_prepare_rows(watermark, rows, ROWS, prepared, error));
      for (size_t i = 0; i < ROWS; i++) {
        const bool biased = !rows[i].off && rows[i].n_tokens >= schemes[s].width;
        assert_int_equal(prepared[i].biased, biased);
        if (biased && !rows[i].has_tenant) {
          uint8_t nonce[GP_NONCE_SIZE];
          assert_ok(gp_nonce(watermark, rows[i].tokens, rows[i].n_tokens, nonce, error));
          assert_memory_equal(prepared[i].nonce, nonce, sizeof nonce);
        }
      }
      gp_thread_pool_free(pool);
      gp_watermark_free(watermark);
      gp_key_free(key);
    }
    free_documents(&text);
  }
}

static void sessions(void **state) {
  (void)state;
  static const uint32_t tokens[] = {1, 2, 3, 1, 2, 3, 1, 2};
  gp_key *key = test_provable_key(NULL); /* h = 2 */
  gp_watermark *watermark = watermark_for(key, NULL);
  gp_session *session = NULL;
  assert_ok(gp_session_new(10, &session, error));
  for (int again = 0; again < 2; again++) {
    for (size_t n = 0; n <= 8; n++) {
      float row[VOCABULARY] = {0};
      const float zeros[VOCABULARY] = {0};
      const gp_row after = {.tokens = tokens, .n_tokens = n, .session = session};
      assert_ok(gp_bias(watermark, GP_FLOAT32, row, VOCABULARY, &after, error));
      if (n >= 2 && n <= 4) { /* 1 2, 2 3, 3 1; then they come again */
        assert_row(watermark, tokens, n, row, 2.0F);
      } else {
        assert_memory_equal(row, zeros, sizeof row);
      }
    }
    /* Another tenant's contexts are others. */
    float row[VOCABULARY] = {0};
    const gp_row after = {
        .tokens = tokens, .n_tokens = 8, .session = session, .has_tenant = true, .tenant = 1};
    gp_watermark *tenants = watermark_for(key, &after.tenant);
    assert_ok(gp_bias(watermark, GP_FLOAT32, row, VOCABULARY, &after, error));
    assert_row(tenants, tokens, 8, row, 2.0F);
    gp_watermark_free(tenants);
    gp_session_reset(session);
  }
  gp_session_free(session);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void generations(void **state) {
  (void)state;
  enum {
    BEAMS = 6,
    STEPS = 20
  };
  static int64_t ids[BEAMS][STEPS];
  uint64_t random = seed;
  gp_key *key = test_provable_key(NULL);
  gp_watermark *watermark = watermark_for(key, NULL);
  gp_generation_options options = gp_generation_options_default();
  options.mark_repeated = true;
  assert_ok(gp_thread_pool_new(2, &options.threads, error));
  gp_generation *generation = NULL;
  assert_ok(gp_generation_new(watermark, &options, &generation, error));
  for (size_t n = 1; n <= STEPS; n++) {
    static float logits[BEAMS][VOCABULARY];
    memset(logits, 0, sizeof logits);
    for (size_t b = 0; b < BEAMS; b++) {
      ids[b][n - 1] = (int64_t)(next_random(&random) % VOCABULARY);
    }
    const gp_generation_step step = {.logits = logits,
                                     .n_rows = BEAMS,
                                     .vocabulary = VOCABULARY,
                                     .stride = VOCABULARY,
                                     .ids = ids[0],
                                     .length = n,
                                     .ids_stride = STEPS,
                                     .dtype = GP_FLOAT32};
    assert_ok(gp_generation_bias(generation, &step, error));
    for (size_t b = 0; b < BEAMS && n >= 2; b++) {
      const uint32_t context[] = {(uint32_t)ids[b][n - 2], (uint32_t)ids[b][n - 1]};
      assert_row(watermark, context, 2, logits[b], 2.0F);
    }
  }
  gp_generation_free(generation);
  gp_thread_pool_free(options.threads);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void no_device_keys(void **state) {
  (void)state;
  gp_key *key = test_provable_key(NULL);
  gp_watermark *watermark = watermark_for(key, NULL);
  gp_device_keys keys = {.delta = 77.0F};
  assert_fails(gp_watermark_device_keys(watermark, &keys, error), GP_ERR_ARGUMENT,
               "a provable key's nonces are not made of AES: let gp_prepare_rows() make them");
  assert_true(keys.delta == 77.0F);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* What was made of a key has what it needs of it. */
static void without_the_key(void **state) {
  (void)state;
  uint64_t random = seed;
  documents text = {0};
  add_random(&text, 50, VOCABULARY, &random);
  gp_key *key = test_provable_key(NULL);
  gp_result expected;
  verify_documents(key, &text, NULL, &expected);
  gp_watermark *watermark = watermark_for(key, NULL);
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(key, NULL, &verifier, error));
  const gp_key *keys[] = {key};
  const gp_corpus_options options = {.keys = keys, .n_keys = 1};
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(&options, &corpus, error));
  gp_key_free(key);
  gp_result found;
  assert_ok(gp_verifier_add(verifier, text.tokens[0], text.lengths[0], error));
  gp_verifier_result(verifier, &found);
  assert_results_equal(&found, &expected);
  write_documents(text_path, &text);
  const gp_corpus_input input = input_of_documents(text_path);
  assert_ok(gp_corpus_run(corpus, &input, 1, NULL, error));
  gp_corpus_get_result(corpus, 0, &found);
  assert_results_equal(&found, &expected);
  gp_corpus_free(corpus);
  gp_verifier_free(verifier);
  const uint32_t new_context[] = {70000, 70001};
  uint8_t nonce[GP_NONCE_SIZE];
  uint8_t expected_nonce[GP_NONCE_SIZE];
  assert_ok(gp_nonce(watermark, new_context, 2, nonce, error));
  gp_watermark_free(watermark);
  key = test_provable_key(NULL);
  watermark = watermark_for(key, NULL);
  assert_ok(gp_nonce(watermark, new_context, 2, expected_nonce, error));
  assert_memory_equal(nonce, expected_nonce, sizeof nonce);
  gp_watermark_free(watermark);
  gp_key_free(key);
  assert_int_equal(unlink(text_path), 0);
  free_documents(&text);
}

/* --------------------------------------------------------------------- verifying */

/* Distinct pairs, counted slowly. Contexts are told by their nonces. */
static void count_slowly(const gp_key *key, const documents *text, const uint64_t *tenant,
                         gp_result *result, double *sum) {
  static uint8_t pairs[2000][GP_NONCE_SIZE + 4];
  gp_watermark *watermark = watermark_for(key, tenant);
  const size_t width = gp_key_params(key).context_width;
  memset(result, 0, sizeof *result);
  *sum = 0.0;
  for (size_t d = 0; d < text->count; d++) {
    for (size_t i = width; i < text->lengths[d]; i++) {
      uint8_t pair[GP_NONCE_SIZE + 4];
      assert_ok(gp_nonce(watermark, text->tokens[d], i, pair, error));
      gp_store_le32(pair + GP_NONCE_SIZE, text->tokens[d][i]);
      const bool green = token_is_green(watermark, text->tokens[d], i);
      *sum += (green ? 1.0 : 0.0) - 0.25;
      size_t p = 0;
      while (p < result->scored && memcmp(pairs[p], pair, sizeof pair) != 0) {
        p++;
      }
      if (p < result->scored) {
        result->repeated++;
        continue;
      }
      assert_true(p < 2000);
      memcpy(pairs[p], pair, sizeof pair);
      result->scored++;
      result->green += green;
    }
  }
  gp_watermark_free(watermark);
}

/* Nothing was expected: a coin weighs what it occurred. */
static void weigh(const gp_key *key, const documents *text, const uint64_t *tenant, double sum) {
  image bytes = {0};
  put_header(&bytes, "nothing", 0, 1);
  for (size_t d = 0; d < text->count; d++) {
    put_document(&bytes, text->tokens[d], text->lengths[d]);
    for (size_t i = 0; i < text->lengths[d]; i++) {
      put_u8(&bytes, 0);
    }
    put_checksum(&bytes);
  }
  put_end(&bytes);
  bytes_to_file(file_path, bytes.bytes, bytes.size);
  free(bytes.bytes);
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_expectations *file = NULL;
  gp_weigher *weigher = NULL;
  gp_weighted_result result;
  assert_ok(gp_expectations_open(file_path, &file, error));
  assert_ok(gp_weigher_new(key, &options, &weigher, error));
  for (size_t d = 0; d < text->count; d++) {
    assert_ok(gp_weigher_add(weigher, text->tokens[d], text->lengths[d], file, error));
  }
  assert_ok(gp_expectations_finish(file, error));
  assert_ok(gp_weigher_result(weigher, &result, error));
  assert_true(fabs(result.statistic - sum) < 1e-6);
  gp_weigher_free(weigher);
  gp_expectations_free(file);
  assert_int_equal(unlink(file_path), 0);
}

static void audit_one(const gp_audit_test *test, const gp_key *key, const uint64_t *tenant,
                      const gp_result *expected) {
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_audit_result result;
  assert_ok(gp_audit_test_key(test, key, &options, &result, error));
  assert_int_equal(result.coins, expected->scored);
  assert_int_equal(result.green, expected->green);
  const gp_audit_candidate three[] = {{key, options}, {key, {true, 99}}, {key, options}};
  for (unsigned threads = 1; threads < 4; threads += 2) {
    gp_audit_result results[3];
    assert_ok(gp_audit_test_many(test, three, 3, threads, results, error));
    assert_int_equal(results[0].green, expected->green);
    assert_int_equal(results[2].green, expected->green);
    assert_int_not_equal(results[1].green, 0);
  }
}

static void scoring(void **state) {
  (void)state;
  static const uint64_t tenant = UINT64_C(1) << 40;
  uint64_t random = seed;
  for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
    documents text = {0};
    add_random(&text, 60, 20, &random);
    add_random(&text, 0, 20, &random);
    add_random(&text, 2, 20, &random);
    add_random(&text, 40, VOCABULARY, &random);
    gp_audit *audit = NULL;
    gp_audit_test *test = NULL;
    for (int round = 0; round < 2; round++) {
      const uint64_t *whose = round == 0 ? NULL : &tenant;
      gp_key *key = fresh_key(s);
      gp_key *slow = fresh_key(s);
      gp_result expected;
      gp_result found;
      double sum = 0.0;
      count_slowly(slow, &text, whose, &expected, &sum);
      verify_documents(key, &text, whose, &found);
      assert_int_equal(found.scored, expected.scored);
      assert_int_equal(found.repeated, expected.repeated);
      assert_int_equal(found.green, expected.green);
      weigh(key, &text, whose, sum);
      if (round == 0) {
        const gp_params params = gp_key_params(key);
        assert_ok(gp_audit_new(&params, &audit, error));
        for (size_t d = 0; d < text.count; d++) {
          assert_ok(gp_audit_add(audit, NULL, 0, text.tokens[d], text.lengths[d], NULL, error));
        }
        assert_ok(gp_audit_test_new(audit, GP_AUDIT_DISTINCT, false, &test, error));
      }
      audit_one(test, key, whose, &expected);
      gp_key_free(slow);
      gp_key_free(key);
    }
    gp_audit_test_free(test);
    gp_audit_free(audit);
    free_documents(&text);
  }
}

/* The controls of an audit are ordinary keys, whatever is audited. */
static void controls(void **state) {
  (void)state;
  gp_key *key = test_provable_key(NULL);
  gp_key *control = NULL;
  const gp_params params = gp_key_params(key);
  uint8_t commitment[GP_COMMITMENT_SIZE];
  gp_key_commitment(key, commitment);
  assert_ok(gp_audit_control_key(&params, commitment, 0, &control, error));
  assert_string_equal(gp_key_scheme(control), GP_SCHEME_ID);
  gp_key_free(control);
  gp_key_free(key);
}

/* ----------------------------------------------------------------------- corpora */

static void write_text(documents *text, uint64_t *random) {
  for (int i = 0; i < 12; i++) {
    add_random(text, 1 + next_random(random) % 60, 40, random);
  }
  write_documents(text_path, text);
}

/* Keys of both schemes with several tenants: every candidate is what it is alone. */
static void candidates(void **state) {
  (void)state;
  static const uint64_t tenants[] = {0, 5, UINT64_MAX};
  uint64_t random = seed;
  documents text = {0};
  write_text(&text, &random);
  gp_key *keys[] = {fresh_key(1), test_key(NULL), fresh_key(3)};
  for (size_t n_tenants = 0; n_tenants <= 3; n_tenants++) {
    for (unsigned threads = 1; threads < 5; threads += 3) {
      const gp_corpus_options options = {.keys = (const gp_key *const *)keys,
                                         .n_keys = 3,
                                         .tenants = tenants,
                                         .n_tenants = n_tenants,
                                         .threads = threads,
                                         .max_memory = threads > 1 ? GP_CORPUS_MEMORY_MIN : 0,
                                         .scratch = folder};
      const gp_corpus_input input = input_of_documents(text_path);
      gp_corpus *corpus = NULL;
      gp_corpus_info info;
      assert_ok(gp_corpus_new(&options, &corpus, error));
      assert_ok(gp_corpus_run(corpus, &input, 1, NULL, error));
      gp_corpus_get_info(corpus, &info);
      const size_t each = n_tenants > 0 ? n_tenants : 1;
      assert_int_equal(info.n_candidates, 3 * each);
      assert_string_equal(info.scheme, GP_SCHEME_ID_PROVABLE);
      assert_int_equal(info.has_tenant, n_tenants == 1);
      for (size_t i = 0; i < 3 * each; i++) {
        gp_result expected;
        gp_result found;
        verify_documents(keys[i / each], &text, n_tenants > 0 ? &tenants[i % each] : NULL,
                         &expected);
        gp_corpus_get_result(corpus, i, &found);
        assert_results_equal(&found, &expected);
      }
      gp_corpus_free(corpus);
    }
  }
  for (size_t i = 0; i < 3; i++) {
    gp_key_free(keys[i]);
  }
  assert_int_equal(unlink(text_path), 0);
  free_documents(&text);
}

static void write_partial(const gp_key *key, const char *path) {
  const gp_corpus_options options = {.keys = &key, .n_keys = 1, .threads = 2};
  const gp_corpus_input input = input_of_documents(text_path);
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_ok(gp_corpus_run(corpus, &input, 1, path, error));
  gp_corpus_free(corpus);
}

static void partial_files(void **state) {
  (void)state;
  uint64_t random = seed;
  documents text = {0};
  write_text(&text, &random);
  gp_key *key = test_provable_key(NULL);
  gp_key *ordinary = test_key(NULL);
  gp_result expected;
  gp_result found;
  verify_documents(key, &text, NULL, &expected);
  write_partial(key, file_path);
  write_partial(ordinary, other_path);
  const gp_corpus_options merge = {0};
  gp_corpus *corpus = NULL;
  gp_corpus_info info;
  const char *paths[] = {file_path, other_path};
  char merged_path[80];
  (void)snprintf(merged_path, sizeof merged_path, "%s/merged", folder);
  assert_ok(gp_corpus_new(&merge, &corpus, error)); /* a merge, and the merge of that */
  assert_ok(gp_corpus_merge(corpus, paths, 1, merged_path, error));
  gp_corpus_free(corpus);
  const char *again[] = {merged_path};
  assert_ok(gp_corpus_new(&merge, &corpus, error));
  assert_ok(gp_corpus_merge(corpus, again, 1, NULL, error));
  gp_corpus_get_info(corpus, &info);
  gp_corpus_get_result(corpus, 0, &found);
  assert_string_equal(info.scheme, GP_SCHEME_ID_PROVABLE);
  char id[GP_KEY_ID_STRING_SIZE];
  gp_key_id(key, id);
  assert_string_equal(info.key_id, id);
  assert_results_equal(&found, &expected);
  gp_corpus_free(corpus);
  /* Of two schemes. */
  char message[256];
  (void)snprintf(message, sizeof message,
                 "%s cannot be merged with %s: they differ in the scheme", other_path, file_path);
  assert_ok(gp_corpus_new(&merge, &corpus, error));
  assert_fails(gp_corpus_merge(corpus, paths, 2, NULL, error), GP_ERR_ARGUMENT, message);
  gp_corpus_free(corpus);
  assert_int_equal(unlink(merged_path), 0);
  assert_int_equal(unlink(file_path), 0);
  assert_int_equal(unlink(other_path), 0);
  assert_int_equal(unlink(text_path), 0);
  gp_key_free(ordinary);
  gp_key_free(key);
  free_documents(&text);
}

/* ----------------------------------------------------------------------- threads */

enum {
  CROWD = 4,
  ASKED = 400,
  CONTEXTS = 60
};

typedef struct member {
  const gp_key *key;
  const uint8_t (*expected)[GP_NONCE_SIZE];
  uint64_t random;
  size_t wrong;
} member;

/* Each with a watermark of its own, all with the key's one cache. */
static void *take_part(void *state) {
  member *self = state;
  gp_watermark *watermark = NULL;
  self->wrong += gp_watermark_new(self->key, NULL, &watermark, NULL) != GP_OK;
  for (size_t i = 0; i < ASKED && watermark != NULL; i++) {
    const uint32_t number = (uint32_t)(next_random(&self->random) % CONTEXTS);
    const uint32_t tokens[] = {number, number + 1};
    uint8_t nonce[GP_NONCE_SIZE] = {0};
    self->wrong += gp_nonce(watermark, tokens, 2, nonce, NULL) != GP_OK;
    self->wrong += memcmp(nonce, self->expected[number], sizeof nonce) != 0;
  }
  gp_watermark_free(watermark);
  return NULL;
}

static void one_key_for_all(void **state) {
  (void)state;
  static uint8_t expected[CONTEXTS][GP_NONCE_SIZE];
  gp_key *alone = test_provable_key(NULL);
  gp_watermark *watermark = watermark_for(alone, NULL);
  for (uint32_t i = 0; i < CONTEXTS; i++) {
    const uint32_t tokens[] = {i, i + 1};
    assert_ok(gp_nonce(watermark, tokens, 2, expected[i], error));
  }
  gp_watermark_free(watermark);
  gp_key_free(alone);
  gp_key *key = test_provable_key(NULL);
  pthread_t threads[CROWD];
  member members[CROWD];
  for (size_t i = 0; i < CROWD; i++) {
    members[i] = (member){key, (const uint8_t(*)[GP_NONCE_SIZE])expected, seed + i + 1, 0};
    assert_int_equal(pthread_create(&threads[i], NULL, take_part, &members[i]), 0);
  }
  for (size_t i = 0; i < CROWD; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(members[i].wrong, 0);
  }
  gp_key_free(key);
}

/* Two batches at a time, of which one alone has the pool. */
typedef struct batch_member {
  const gp_watermark *watermark;
  gp_thread_pool *pool;
  const gp_row *rows;
  float (*logits)[VOCABULARY];
  gp_status status;
} batch_member;

static void *bias_rows(void *state) {
  batch_member *self = state;
  self->status = gp_bias_batch_parallel(self->watermark, self->pool, GP_FLOAT32, self->logits, 60,
                                        VOCABULARY, VOCABULARY, self->rows, NULL);
  return NULL;
}

static void one_pool_for_all(void **state) {
  (void)state;
  static float logits[2][60][VOCABULARY];
  gp_row rows[60];
  uint64_t random = seed;
  documents text = {0};
  add_random(&text, 70, VOCABULARY, &random);
  for (size_t i = 0; i < 60; i++) {
    rows[i] = (gp_row){.tokens = text.tokens[0], .n_tokens = i + 2};
  }
  gp_key *key = test_provable_key(NULL);
  gp_watermark *watermark = watermark_for(key, NULL);
  gp_thread_pool *pool = NULL;
  assert_ok(gp_thread_pool_new(3, &pool, error));
  for (int round = 0; round < 20; round++) {
    pthread_t threads[2];
    batch_member members[2];
    memset(logits, 0, sizeof logits);
    for (size_t i = 0; i < 2; i++) {
      members[i] = (batch_member){watermark, pool, rows, logits[i], GP_OK};
      assert_int_equal(pthread_create(&threads[i], NULL, bias_rows, &members[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
      assert_int_equal(pthread_join(threads[i], NULL), 0);
      assert_int_equal(members[i].status, GP_OK);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
  }
  assert_row(watermark, text.tokens[0], 61, logits[0][59], 2.0F);
  gp_thread_pool_free(pool);
  gp_watermark_free(watermark);
  gp_key_free(key);
  free_documents(&text);
}

static int set_up(void **state) {
  (void)state;
  seed = test_seed();
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(text_path, sizeof text_path, "%s/text.jsonl", folder);
  (void)snprintf(file_path, sizeof file_path, "%s/file", folder);
  (void)snprintf(other_path, sizeof other_path, "%s/other", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(single_rows),     cmocka_unit_test(batches),
      cmocka_unit_test(sessions),        cmocka_unit_test(generations),
      cmocka_unit_test(no_device_keys),  cmocka_unit_test(without_the_key),
      cmocka_unit_test(scoring),         cmocka_unit_test(controls),
      cmocka_unit_test(candidates),      cmocka_unit_test(partial_files),
      cmocka_unit_test(one_key_for_all), cmocka_unit_test(one_pool_for_all),
  };
  return cmocka_run_group_tests_name("provable", tests, set_up, tear_down);
}

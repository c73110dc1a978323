#ifdef __linux__
#define _GNU_SOURCE /* sched_setaffinity() */
#endif

/* Batches: what rows may ask for each by itself, threads, and every instruction set alike. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/thread_pool.h"
#include "prf/cipher.h"
#include "support.h"

enum {
  VOCABULARY = 1000,
  MANY = 1100 /* more rows than go through the cipher in one call */
};

static gp_watermark *make_watermark(const gp_params *params, const uint64_t *tenant,
                                    float delta) {
  gp_key *key = test_key(params);
  gp_watermark_options options = gp_watermark_options_default();
  options.has_tenant = tenant != NULL;
  options.tenant = tenant != NULL ? *tenant : 0;
  options.delta = delta;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  gp_key_free(key);
  return watermark;
}

static const uint32_t tokens[] = {5, 6, 7, 8, 9, 10, 11, 12};

/* A row, biased by itself from zeros, after tokens[0] to tokens[n - 1]. */
static void one_row(const gp_watermark *watermark, size_t n, float row[VOCABULARY]) {
  const gp_row context = {.tokens = tokens, .n_tokens = n};
  memset(row, 0, VOCABULARY * sizeof *row);
  assert_ok(gp_bias(watermark, GP_FLOAT32, row, VOCABULARY, &context, error));
}

static void rows_of_their_own(void **state) {
  (void)state;
  static const uint64_t own = 77;
  static const uint64_t other = 0;
  gp_watermark *plain = make_watermark(NULL, NULL, 2.0F);
  gp_watermark *strong = make_watermark(NULL, NULL, 3.5F);
  gp_watermark *tenant = make_watermark(NULL, &own, 2.0F);
  gp_watermark *tenant_zero = make_watermark(NULL, &other, 0.5F);
  const gp_row rows[] = {
      {.tokens = tokens, .n_tokens = 3},
      {.tokens = tokens, .n_tokens = 4, .off = true},
      {.tokens = tokens, .n_tokens = 5, .has_delta = true, .delta = 3.5F},
      {.tokens = tokens, .n_tokens = 6, .has_tenant = true, .tenant = 77},
      {.tokens = tokens, .n_tokens = 1},
      {.tokens = tokens, .n_tokens = 7, .has_delta = true, .delta = 0.0F},
      {.tokens = tokens,
       .n_tokens = 8,
       .has_tenant = true,
       .tenant = 0,
       .has_delta = true,
       .delta = 0.5F},
  };
  enum {
    N = sizeof rows / sizeof *rows
  };
  static float logits[N][VOCABULARY];
  static float expected[N][VOCABULARY];
  memset(logits, 0, sizeof logits);
  memset(expected, 0, sizeof expected);
  one_row(plain, 3, expected[0]);
  one_row(strong, 5, expected[2]);
  one_row(tenant, 6, expected[3]);
  one_row(tenant_zero, 8, expected[6]);
  assert_ok(gp_bias_batch(plain, GP_FLOAT32, logits, N, VOCABULARY, VOCABULARY, rows, error));
  assert_memory_equal(logits, expected, sizeof logits);
  assert_memory_not_equal(expected[3], expected[0], sizeof expected[0]);
  /* The row's tenant goes before the watermark's. */
  memset(logits, 0, sizeof logits);
  assert_ok(gp_bias_batch(tenant, GP_FLOAT32, logits, N, VOCABULARY, VOCABULARY, rows, error));
  one_row(tenant, 3, expected[0]);
  assert_memory_equal(logits[0], expected[0], sizeof expected[0]);
  assert_memory_equal(logits[6], expected[6], sizeof expected[6]);
  gp_watermark_free(plain);
  gp_watermark_free(strong);
  gp_watermark_free(tenant);
  gp_watermark_free(tenant_zero);
}

static void refusals_change_nothing(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL, 2.0F);
  gp_session *session = NULL;
  assert_ok(gp_session_new(4, &session, error));
  static float logits[3][VOCABULARY];
  static const float zeros[3][VOCABULARY];
  gp_row rows[] = {
      {.tokens = tokens, .n_tokens = 3, .session = session},
      {.tokens = tokens, .n_tokens = 4},
      {.tokens = tokens, .n_tokens = 5, .has_delta = true, .delta = -1.0F},
  };
  gp_prepared_row prepared[3];
  for (int i = 0; i < 2; i++) {
    assert_fails(
        gp_bias_batch(watermark, GP_FLOAT32, logits, 3, VOCABULARY, VOCABULARY, rows, error),
        GP_ERR_ARGUMENT, "row 2: delta: must be 0 to 100, not -1");
    assert_fails(gp_prepare_rows(watermark, rows, 3, prepared, error), GP_ERR_ARGUMENT,
                 "row 2: delta: must be 0 to 100, not -1");
    assert_memory_equal(logits, zeros, sizeof logits);
  }
  rows[2].delta = NAN;
  assert_int_equal(gp_prepare_rows(watermark, rows, 3, prepared, NULL), GP_ERR_ARGUMENT);
  rows[2].off = true; /* wrong all the same */
  assert_int_equal(gp_prepare_rows(watermark, rows, 3, prepared, NULL), GP_ERR_ARGUMENT);
  rows[2].has_delta = false;
  assert_ok(gp_prepare_rows(watermark, rows, 3, prepared, error));
  assert_int_equal(prepared[0].biased, 1); /* the session had learnt nothing */
  assert_int_equal(prepared[2].biased, 0);
  assert_ok(gp_prepare_rows(watermark, rows, 0, NULL, error));
  assert_fails(gp_prepare_rows(watermark, rows, 1, NULL, error), GP_ERR_ARGUMENT,
               "gp_prepare_rows: prepared must not be NULL");
  gp_session_free(session);
  gp_watermark_free(watermark);
}

static void an_off_row_teaches_nothing(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(NULL, NULL, 2.0F);
  gp_session *session = NULL;
  assert_ok(gp_session_new(4, &session, error));
  const gp_row rows[] = {
      {.tokens = tokens, .n_tokens = 3, .session = session, .off = true},
      {.tokens = tokens, .n_tokens = 3, .session = session},
      {.tokens = tokens, .n_tokens = 3, .session = session},
      {.tokens = tokens, .n_tokens = 3, .session = session, .has_tenant = true, .tenant = 1},
  };
  gp_prepared_row prepared[4];
  assert_ok(gp_prepare_rows(watermark, rows, 4, prepared, error));
  assert_int_equal(prepared[0].biased, 0);
  assert_int_equal(prepared[1].biased, 1);
  assert_int_equal(prepared[2].biased, 0); /* seen */
  assert_int_equal(prepared[3].biased, 1); /* another tenant's list is another list */
  static const uint8_t none[GP_NONCE_SIZE];
  assert_memory_equal(prepared[0].nonce, none, GP_NONCE_SIZE);
  assert_memory_equal(prepared[2].nonce, none, GP_NONCE_SIZE);
  gp_session_free(session);
  gp_watermark_free(watermark);
}

/* For every seeding scheme and width, in one call, the nonces and lists of calls of their own. */
static void prepared_rows(void **state) {
  (void)state;
  static const gp_seeding seedings[] = {GP_SEEDING_HASH, GP_SEEDING_MIN, GP_SEEDING_FIXED};
  for (size_t s = 0; s < 3; s++) {
    for (uint32_t width = 1; width <= 7; width++) {
      gp_params params = gp_params_default();
      params.seeding = seedings[s];
      params.context_width = params.seeding == GP_SEEDING_FIXED ? 0 : width;
      static const uint64_t tenant = 9;
      gp_watermark *watermark = make_watermark(&params, &tenant, 2.0F);
      gp_row rows[9];
      for (size_t i = 0; i < 9; i++) {
        rows[i] = (gp_row){.tokens = i == 0 ? NULL : tokens, .n_tokens = i};
      }
      gp_prepared_row prepared[9];
      assert_ok(gp_prepare_rows(watermark, rows, 9, prepared, error));
      for (size_t i = 0; i < 9; i++) {
        assert_int_equal(prepared[i].biased, i >= params.context_width);
        if (prepared[i].biased != 0) {
          uint8_t nonce[GP_NONCE_SIZE];
          uint8_t mask[GP_NONCE_SIZE];
          uint8_t expected[GP_NONCE_SIZE];
          assert_true(prepared[i].delta == 2.0F);
          assert_ok(gp_nonce(watermark, tokens, i, nonce, error));
          assert_memory_equal(prepared[i].nonce, nonce, GP_NONCE_SIZE);
          assert_ok(gp_green_mask_for(watermark, nonce, 93, mask, error));
          assert_ok(gp_green_mask(watermark, tokens, i, 93, expected, error));
          assert_memory_equal(mask, expected, GP_NONCE_SIZE);
        }
      }
      gp_watermark_free(watermark);
    }
  }
}

/* ----------------------------------------------------------------- threads */

/* Many rows of every kind, over a few contexts, with sessions that stand in several rows. */
static void fill_rows(gp_row *rows, gp_session *const *sessions, uint64_t seed) {
  for (size_t i = 0; i < MANY; i++) {
    rows[i] = (gp_row){.tokens = tokens, .n_tokens = next_random(&seed) % 9};
    rows[i].session = i % 3 == 0 ? sessions[i % 5] : NULL;
    rows[i].off = i % 11 == 0;
    rows[i].has_delta = i % 7 == 0;
    rows[i].delta = (float)(i % 40);
    rows[i].has_tenant = i % 4 == 0;
    rows[i].tenant = i % 13;
  }
}

static float *bias_many(const gp_watermark *watermark, gp_thread_pool *pool, uint64_t seed) {
  gp_session *sessions[5] = {NULL};
  for (size_t i = 0; i < 5; i++) {
    if (gp_session_new(4, &sessions[i], NULL) != GP_OK) {
      return NULL;
    }
  }
  float *logits = calloc((size_t)MANY * VOCABULARY, sizeof *logits);
  gp_row *rows = calloc(MANY, sizeof *rows);
  gp_status status = GP_ERR_MEMORY;
  if (logits != NULL && rows != NULL) {
    fill_rows(rows, sessions, seed);
    status = gp_bias_batch_parallel(watermark, pool, GP_FLOAT32, logits, MANY, VOCABULARY,
                                    VOCABULARY, rows, NULL);
  }
  free(rows);
  for (size_t i = 0; i < 5; i++) {
    gp_session_free(sessions[i]);
  }
  if (status != GP_OK) {
    free(logits);
    return NULL;
  }
  return logits;
}

static void threads_change_nothing(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 2, 7};
  static const uint32_t never[] = {3, 999}; /* so that rows go through masks as well */
  const uint64_t seed = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark_options options = gp_watermark_options_default();
  options.never_biased = never;
  options.n_never_biased = 2;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  gp_key_free(key);
  float *expected = bias_many(watermark, NULL, seed);
  assert_non_null(expected);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    gp_thread_pool *pool = NULL;
    assert_ok(gp_thread_pool_new(sizes[i], &pool, error));
    for (int again = 0; again < 3; again++) {
      float *found = bias_many(watermark, pool, seed);
      assert_non_null(found);
      assert_memory_equal(found, expected, (size_t)MANY * VOCABULARY * sizeof *found);
      free(found);
    }
    gp_thread_pool_free(pool);
  }
  free(expected);
  gp_watermark_free(watermark);
  gp_thread_pool_free(NULL);
}

typedef struct caller {
  const gp_watermark *watermark;
  gp_thread_pool *pool;
  const float *expected;
  uint64_t seed;
  bool right;
} caller;

static void *call_often(void *argument) {
  caller *own = argument;
  own->right = true;
  for (int i = 0; i < 5; i++) {
    float *found = bias_many(own->watermark, own->pool, own->seed);
    own->right = own->right && found != NULL &&
                 memcmp(found, own->expected, (size_t)MANY * VOCABULARY * sizeof *found) == 0;
    free(found);
  }
  return NULL;
}

/* One pool, several callers: those who find it busy do their work themselves. */
static void a_pool_is_shared(void **state) {
  (void)state;
  const uint64_t seed = test_seed();
  gp_watermark *watermark = make_watermark(NULL, NULL, 2.0F);
  gp_thread_pool *pool = NULL;
  assert_ok(gp_thread_pool_new(3, &pool, error));
  float *expected = bias_many(watermark, NULL, seed);
  assert_non_null(expected);
  caller callers[4];
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++) {
    callers[i] = (caller){watermark, pool, expected, seed, false};
    assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
  }
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(callers[i].right);
  }
  gp_thread_pool_free(pool);
  free(expected);
  gp_watermark_free(watermark);
}

/* What the items of a job do, and what became of them. */
typedef struct job {
  size_t failing; /* this item fails */
  atomic_size_t done;
} job;

static gp_status slow_items(void *state, gp_work_queue *queue, gp_error *error) {
  job *own = state;
  size_t item = 0;
  while (gp_work_next(queue, &item)) {
    if (item == own->failing) {
      error->status = GP_ERR_CRYPTO;
      (void)snprintf(error->message, sizeof error->message, "item %zu", item);
      return GP_ERR_CRYPTO;
    }
    const struct timespec a_moment = {.tv_nsec = 100000};
    (void)nanosleep(&a_moment, NULL);
    atomic_fetch_add(&own->done, 1);
  }
  return GP_OK;
}

/* A run returns when all items are done, not before; and with what an item said that failed. */
static void runs_end_when_all_is_done(void **state) {
  (void)state;
  gp_thread_pool *pool = NULL;
  assert_ok(gp_thread_pool_new(4, &pool, error));
  for (size_t count = 1; count < 40; count++) {
    job all = {.failing = count};
    assert_ok(gp_thread_pool_run(pool, count, slow_items, &all, error));
    assert_int_equal(atomic_load(&all.done), count);
    job some = {.failing = count / 2};
    char message[32];
    (void)snprintf(message, sizeof message, "item %zu", count / 2);
    assert_fails(gp_thread_pool_run(pool, count, slow_items, &some, error), GP_ERR_CRYPTO,
                 message);
    const size_t done = atomic_load(&some.done);
    assert_true(done < count);
    assert_int_equal(gp_thread_pool_run(pool, count, slow_items, &some, NULL), GP_ERR_CRYPTO);
  }
  gp_thread_pool_free(pool);
}

static void pool_arguments(void **state) {
  (void)state;
  gp_thread_pool *pool = NULL;
  assert_fails(gp_thread_pool_new(2, NULL, error), GP_ERR_ARGUMENT,
               "gp_thread_pool_new: pool must not be NULL");
  assert_fails(gp_thread_pool_new(GP_THREADS_MAX + 1, &pool, error), GP_ERR_ARGUMENT,
               "n_threads: must be at most 1024, not 1025");
}

#ifdef __linux__

/* The threads that take part in a job. */
typedef struct crowd {
  size_t expected;
  atomic_size_t inside;
} crowd;

/* Each item waits until all that are expected take part, and then for one too many. */
static gp_status gather(void *state, gp_work_queue *queue, gp_error *error) {
  (void)error;
  crowd *own = state;
  (void)atomic_fetch_add(&own->inside, 1);
  size_t item = 0;
  while (gp_work_next(queue, &item)) {
    for (int i = 0; i < 10000 && atomic_load(&own->inside) < own->expected; i++) {
      (void)usleep(1000);
    }
    (void)usleep(20000);
  }
  return GP_OK;
}

static cpu_set_t affinity_before;

static int note_affinity(void **state) {
  (void)state;
  return sched_getaffinity(0, sizeof affinity_before, &affinity_before);
}

static int restore_affinity(void **state) {
  (void)state;
  return sched_setaffinity(0, sizeof affinity_before, &affinity_before);
}

/* A pool of 0 is as large as the caller's affinity allows. */
static void pools_keep_to_their_processors(void **state) {
  (void)state;
  const cpu_set_t before = affinity_before;
  if (CPU_COUNT(&before) < 2) { /* nothing to tell one from all */
    skip();
  }
  for (int allowed = CPU_COUNT(&before); allowed > 0; allowed = allowed == 1 ? 0 : 1) {
    cpu_set_t some = before;
    for (size_t i = 0; CPU_COUNT(&some) > allowed; i++) {
      CPU_CLR(i, &some);
    }
    assert_int_equal(sched_setaffinity(0, sizeof some, &some), 0);
    gp_thread_pool *pool = NULL;
    assert_ok(gp_thread_pool_new(0, &pool, error));
    crowd threads = {.expected = (size_t)allowed};
    assert_ok(gp_thread_pool_run(pool, 8, gather, &threads, error));
    assert_int_equal(atomic_load(&threads.inside), allowed);
    assert_int_equal(gp_usable_processors(), allowed);
    gp_thread_pool_free(pool);
  }
}

#else

static int note_affinity(void **state) {
  (void)state;
  return 0;
}

static int restore_affinity(void **state) {
  (void)state;
  return 0;
}

static void pools_keep_to_their_processors(void **state) {
  (void)state;
  skip();
}

#endif

/* -------------------------------------------------------- instruction sets */

/* Rows of one format, all kinds of numbers, with never-biased tokens here and there. */
static uint8_t *bias_with(const char *cpu, const gp_params *params, gp_dtype dtype,
                          const uint32_t *never, size_t n_never, size_t vocabulary, size_t stride,
                          uint64_t seed) {
  enum {
    ROWS = 3
  };
  assert_int_equal(setenv("GREENPRINT_CPU", cpu, 1), 0);
  gp_key *key = test_key(params);
  gp_watermark_options options = gp_watermark_options_default();
  options.never_biased = never;
  options.n_never_biased = n_never;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  gp_key_free(key);
  const size_t element = dtype == GP_FLOAT32 ? 4 : 2;
  uint8_t *logits = malloc(ROWS * stride * element);
  assert_non_null(logits);
  for (size_t i = 0; i < ROWS * stride; i++) { /* finite: which NaN is not promised */
    const uint32_t bits = (uint32_t)next_random(&seed);
    const uint32_t single = (bits & 0x7F800000U) == 0x7F800000U ? bits & 0x807FFFFFU : bits;
    const uint16_t half = (uint16_t)((bits & 0x7C00U) == 0x7C00U ? bits & 0x83FFU : bits);
    memcpy(logits + i * element, element == 4 ? (const void *)&single : (const void *)&half,
           element);
  }
  const gp_row rows[ROWS] = {{.tokens = tokens, .n_tokens = 4},
                             {.tokens = tokens, .n_tokens = 5, .has_delta = true, .delta = 0.3F},
                             {.tokens = tokens, .n_tokens = 6}};
  assert_ok(gp_bias_batch(watermark, dtype, logits, ROWS, vocabulary, stride, rows, error));
  gp_watermark_free(watermark);
  return logits;
}

static void instruction_sets(void **state) {
  (void)state;
  static const char *const sets[] = {"avx2", "avx512", "vaes", "neon"};
  uint64_t random = test_seed();
  size_t compared = 0;
  for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) {
    const char *name = NULL;
    assert_int_equal(setenv("GREENPRINT_CPU", sets[set], 1), 0);
    if (gp_cpu_name(&name, NULL) != GP_OK) {
      (void)fprintf(stderr, "batch: no %s here\n", sets[set]);
      continue;
    }
    assert_string_equal(name, sets[set]);
    for (int trial = 0; trial < 96; trial++) {
      gp_params params = gp_params_default();
      params.gamma_log2_den = 1 + (uint32_t)trial % GP_GAMMA_LOG2_DEN_MAX;
      params.gamma_num = 1 | (uint32_t)next_random(&random) % (1U << params.gamma_log2_den);
      const gp_dtype dtype = (gp_dtype)(1 + trial / 8 % 3);
      const size_t vocabulary = 1 + next_random(&random) % 20000;
      const size_t stride = vocabulary + next_random(&random) % 5;
      uint32_t never[64];
      const size_t n_never = trial % 3 == 0 ? 0 : next_random(&random) % 64;
      for (size_t i = 0; i < n_never; i++) { /* some close together, some beyond the end */
        never[i] = (uint32_t)(next_random(&random) % (i % 2 == 0 ? 21000 : 300));
      }
      const uint64_t seed = next_random(&random);
      uint8_t *expected =
          bias_with("portable", &params, dtype, never, n_never, vocabulary, stride, seed);
      uint8_t *found =
          bias_with(sets[set], &params, dtype, never, n_never, vocabulary, stride, seed);
      assert_memory_equal(found, expected, 3 * stride * (dtype == GP_FLOAT32 ? 4 : 2));
      free(found);
      free(expected);
      compared++;
    }
  }
  assert_int_equal(unsetenv("GREENPRINT_CPU"), 0);
  if (compared == 0) {
    skip();
  }
}

/* What back ends elsewhere get. */
static void device_keys(void **state) {
  (void)state;
  static const uint32_t never[] = {7, 3, 3, 5};
  gp_key *key = test_key(NULL);
  gp_watermark_options options = gp_watermark_options_default();
  options.never_biased = never;
  options.n_never_biased = 4;
  options.delta = -0.0F;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  const uint32_t *ids = NULL;
  assert_int_equal(gp_watermark_never_biased(watermark, &ids), 4);
  static const uint32_t sorted[] = {3, 3, 5, 7};
  assert_memory_equal(ids, sorted, sizeof sorted);
  gp_device_keys keys;
  assert_ok(gp_watermark_device_keys(watermark, &keys, error));
  assert_true(keys.delta == 0.0F && !signbit(keys.delta));
  /* The mask key makes the list: the first planes of a nonce by a cipher of our own. */
  EVP_CIPHER_CTX *ecb = NULL;
  assert_ok(gp_cipher_new(GP_CIPHER_ECB, keys.mask, &ecb, error));
  uint8_t nonce[GP_NONCE_SIZE];
  uint8_t mask[GP_BLOCK_SIZE];
  assert_ok(gp_nonce(watermark, tokens, 2, nonce, error));
  assert_ok(gp_green_mask_for(watermark, nonce, 128, mask, error));
  uint8_t planes[2][GP_BLOCK_SIZE] = {{0}, {0}};
  memcpy(planes[0], nonce, GP_NONCE_SIZE);
  memcpy(planes[1], nonce, GP_NONCE_SIZE);
  planes[1][GP_BLOCK_SIZE - 1] = 1;
  assert_ok(gp_cipher_blocks(ecb, (const uint8_t(*)[GP_BLOCK_SIZE])planes, planes, 2, error));
  for (size_t i = 1; i < GP_BLOCK_SIZE; i++) { /* gamma 1/4; byte 0 has never-biased tokens */
    assert_int_equal(mask[i], (uint8_t) ~(planes[0][i] | planes[1][i]));
  }
  EVP_CIPHER_CTX_free(ecb);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void unknown_instruction_set(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = NULL;
  const char *name = NULL;
  static const char message[] =
      "GREENPRINT_CPU: must be portable, avx2, avx512, vaes or neon, not \"sse\"";
  assert_int_equal(setenv("GREENPRINT_CPU", "sse", 1), 0);
  assert_fails(gp_cpu_name(&name, error), GP_ERR_ARGUMENT, message);
  assert_fails(gp_watermark_new(key, NULL, &watermark, error), GP_ERR_ARGUMENT, message);
  assert_int_equal(setenv("GREENPRINT_CPU", "portable", 1), 0);
  assert_ok(gp_cpu_name(&name, error));
  assert_string_equal(name, "portable");
  assert_int_equal(setenv("GREENPRINT_CPU", "", 1), 0); /* as if it were not there */
  assert_ok(gp_cpu_name(&name, error));
  assert_int_equal(unsetenv("GREENPRINT_CPU"), 0);
  assert_fails(gp_cpu_name(NULL, error), GP_ERR_ARGUMENT, "gp_cpu_name: name must not be NULL");
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_their_own),
      cmocka_unit_test(refusals_change_nothing),
      cmocka_unit_test(an_off_row_teaches_nothing),
      cmocka_unit_test(prepared_rows),
      cmocka_unit_test(threads_change_nothing),
      cmocka_unit_test(a_pool_is_shared),
      cmocka_unit_test(runs_end_when_all_is_done),
      cmocka_unit_test(pool_arguments),
      cmocka_unit_test_setup_teardown(pools_keep_to_their_processors, note_affinity,
                                      restore_affinity),
      cmocka_unit_test(device_keys),
      cmocka_unit_test(instruction_sets),
      cmocka_unit_test(unknown_instruction_set),
  };
  return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}

/* Many threads on one watermark, more than it keeps scratch for. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum {
  THREADS = 80,
  CALLS = 60,
  VOCABULARY = 5000
};

typedef struct job {
  const gp_watermark *watermark;
  uint32_t id;
  bool right;
  pthread_barrier_t *start;
} job;

static void expected_row(const gp_watermark *watermark, const uint32_t *tokens, float *row) {
  uint8_t mask[(VOCABULARY + 7) / 8];
  assert_ok(gp_green_mask(watermark, tokens, 2, VOCABULARY, mask, error));
  for (size_t v = 0; v < VOCABULARY; v++) {
    row[v] = ((unsigned)mask[v / 8] >> v % 8 & 1U) != 0 ? 2.0F : 0.0F;
  }
}

static void *work(void *argument) {
  job *own = argument;
  float row[VOCABULARY];
  float first[VOCABULARY];
  own->right = true;
  pthread_barrier_wait(own->start);
  for (uint32_t call = 0; call < CALLS; call++) {
    const uint32_t tokens[] = {own->id % 7, 3}; /* threads share and do not share contexts */
    const gp_row context = {.tokens = tokens, .n_tokens = 2};
    memset(row, 0, sizeof row);
    if (gp_bias(own->watermark, GP_FLOAT32, row, VOCABULARY, &context, NULL) != GP_OK) {
      own->right = false;
    }
    if (call == 0) {
      memcpy(first, row, sizeof row);
    }
    own->right = own->right && memcmp(first, row, sizeof row) == 0;
  }
  expected_row(own->watermark, (const uint32_t[]){own->id % 7, 3}, row);
  own->right = own->right && memcmp(first, row, sizeof row) == 0;
  return NULL;
}

static void one_watermark(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  pthread_barrier_t start;
  assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
  pthread_t threads[THREADS];
  job jobs[THREADS];
  for (uint32_t i = 0; i < THREADS; i++) {
    jobs[i] = (job){.watermark = watermark, .id = i, .start = &start};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(jobs[i].right);
  }
  pthread_barrier_destroy(&start);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_watermark)};
  return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}

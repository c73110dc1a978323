/* Counting for many tenants against the colours of one after the other, with every instruction
 * set that this machine has. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "prf/prf.h"
#include "support.h"

#define MAX     2100 /* pairs: more than a chunk of any kernel */
#define TENANTS 23

static void fill(uint64_t *random, void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    ((uint8_t *)bytes)[i] = (uint8_t)next_random(random);
  }
}

/* A copy that ends where its memory does, for the sanitizers. */
static void *copy_of(const void *bytes, size_t size) {
  void *copy = malloc(size + 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  return copy;
}

typedef struct text {
  uint8_t pairs[MAX][GP_BLOCK_SIZE];
  uint8_t tweaks[TENANTS][GP_BLOCK_SIZE];
  uint8_t colours[TENANTS][MAX]; /* by the portable code */
} text;

static void init_prf(const char *cpu, const gp_params *params, gp_prf *prf, gp_prf_lane *lane) {
  assert_int_equal(setenv("GREENPRINT_CPU", cpu, 1), 0); // NOLINT(concurrency-mt-unsafe)
  gp_key *key = test_key(params);
  assert_ok(gp_prf_init(prf, key, NULL, error));
  assert_ok(gp_prf_lane_init(lane, prf, error));
  gp_key_free(key);
}

/* Random pairs, among them the first and the last token, and colours. */
static void make_text(uint64_t *random, const gp_params *params, text *made) {
  fill(random, made->pairs, sizeof made->pairs);
  memset(made->pairs[0] + GP_NONCE_SIZE, 0, 4);
  memset(made->pairs[1] + GP_NONCE_SIZE, 0xFF, 4);
  fill(random, made->tweaks, sizeof made->tweaks);
  gp_prf prf;
  gp_prf_lane lane;
  init_prf("portable", params, &prf, &lane);
  for (size_t i = 0; i < TENANTS; i++) {
    memset(made->tweaks[i] + GP_NONCE_SIZE, 0, GP_BLOCK_SIZE - GP_NONCE_SIZE);
    static uint8_t tweaked[MAX][GP_BLOCK_SIZE];
    const gp_words tweak = gp_load_words(made->tweaks[i]);
    for (size_t j = 0; j < MAX; j++) {
      gp_store_words(tweaked[j], gp_xor_words(gp_load_words(made->pairs[j]), tweak));
    }
    assert_ok(gp_prf_green(&prf, &lane, (const uint8_t(*)[GP_BLOCK_SIZE])tweaked, MAX,
                           made->colours[i], error));
  }
  gp_prf_lane_release(&lane);
  gp_prf_release(&prf);
}

static uint64_t sum(const uint8_t *colours, size_t count) {
  uint64_t green = 0;
  for (size_t i = 0; i < count; i++) {
    green += colours[i];
  }
  return green;
}

/* Counts are added to what stands there, and stands behind is left alone. */
static void try_count(const gp_prf *prf, gp_prf_lane *lane, const text *from, size_t count,
                      size_t n_tenants) {
  uint8_t(*pairs)[GP_BLOCK_SIZE] = copy_of(from->pairs, count * GP_BLOCK_SIZE);
  uint8_t(*tweaks)[GP_BLOCK_SIZE] = copy_of(from->tweaks, n_tenants * GP_BLOCK_SIZE);
  uint64_t green[TENANTS + 1];
  for (size_t i = 0; i <= TENANTS; i++) {
    green[i] = 1000 * i;
  }
  assert_ok(gp_prf_count_tenants(prf, lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs, count,
                                 (const uint8_t(*)[GP_BLOCK_SIZE])tweaks, n_tenants, green,
                                 error));
  for (size_t i = 0; i <= TENANTS; i++) {
    const uint64_t expected = i < n_tenants ? sum(from->colours[i], count) : 0;
    assert_int_equal(green[i], 1000 * i + expected);
  }
  assert_memory_equal(pairs, from->pairs, count * GP_BLOCK_SIZE);
  free(pairs);
  free(tweaks);
}

static void try_params(uint64_t *random, const char *cpu, const gp_params *params, text *made) {
  static const size_t counts[] = {0,   1,   2,   3,   4,   5,   7,   8,   9,    15,  16,
                                  17,  31,  33,  63,  64,  65,  127, 129, 255,  257, 511,
                                  512, 513, 767, 768, 769, 775, 776, 777, 1023, 1025};
  make_text(random, params, made);
  gp_prf prf;
  gp_prf_lane lane;
  init_prf(cpu, params, &prf, &lane);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    try_count(&prf, &lane, made, counts[i], 1 + i % 4); /* few: valgrind is slow */
  }
  for (size_t tenants = 0; tenants < TENANTS; tenants++) {
    try_count(&prf, &lane, made, 1 + next_random(random) % MAX, tenants);
  }
  gp_prf_lane_release(&lane);
  gp_prf_release(&prf);
}

/* Every k, or some; every g of the smaller ones, the outer ones and some between of the others.
 */
static void try_cpu(const char *cpu) {
  uint64_t random = test_seed();
  text *made = malloc(sizeof *made);
  assert_non_null(made);
  const uint32_t step = tests_are_short() ? 3 : 1;
  for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k += step) {
    const uint32_t last = (1U << k) - 1;
    for (uint32_t g = 1; g <= last; g += k <= 3 || g + 2 >= last ? 2 : (last - g) / 4 * 2) {
      gp_params params = gp_params_default();
      params.gamma_num = g;
      params.gamma_log2_den = k;
      try_params(&random, cpu, &params, made);
    }
  }
  free(made);
}

static void portable(void **state) {
  (void)state;
  try_cpu("portable");
}

static void skip_without(gp_cpu cpu, const char *name) {
  if (!gp_cpu_has(cpu)) {
    (void)fprintf(stderr, "count_tenants: this processor has no %s\n", name);
    skip();
  }
}

static void avx2(void **state) {
  (void)state;
  skip_without(GP_CPU_AVX2, "AVX2 and AES-NI");
  try_cpu("avx2");
}

static void avx512(void **state) {
  (void)state;
  skip_without(GP_CPU_AVX512, "AVX-512");
  try_cpu("avx512");
}

static void vaes(void **state) {
  (void)state;
  skip_without(GP_CPU_VAES, "AVX-512 with VAES");
  try_cpu("vaes");
}

static void neon(void **state) {
  (void)state;
  skip_without(GP_CPU_NEON, "NEON");
  try_cpu("neon");
}

/* The text of one tenant stands out among the others. */
static void finds_tenant(void **state) {
  (void)state;
  assert_int_equal(unsetenv("GREENPRINT_CPU"), 0); // NOLINT(concurrency-mt-unsafe)
  uint64_t random = test_seed();
  const gp_params params = gp_params_default();
  gp_key *key = test_key(&params);
  static const uint64_t tenants[] = {0, 7, UINT64_MAX};
  uint8_t tweaks[3][GP_BLOCK_SIZE];
  assert_ok(gp_prf_tweaks(key, tenants, 3, tweaks, error));
  gp_prf his;
  gp_prf_lane lane;
  assert_ok(gp_prf_init(&his, key, &tenants[1], error));
  assert_ok(gp_prf_lane_init(&lane, &his, error));
  /* Tokens, each green after the two before it. */
  static uint32_t tokens[GP_PRF_BATCH + 2] = {1, 2};
  for (size_t i = 0; i < GP_PRF_BATCH; i++) {
    uint8_t colour = 0;
    for (int draws = 0; colour == 0; draws++) {
      assert_in_range(draws, 0, 1000); /* as many reds in a row: not in this world */
      uint8_t pair[1][GP_BLOCK_SIZE];
      tokens[i + 2] = (uint32_t)next_random(&random) % 50000;
      assert_ok(gp_prf_pairs(&his, &lane, tokens + i, 1, pair, error));
      assert_ok(
          gp_prf_green(&his, &lane, (const uint8_t(*)[GP_BLOCK_SIZE])pair, 1, &colour, error));
    }
  }
  gp_prf_lane_release(&lane);
  gp_prf_release(&his);
  gp_prf prf;
  assert_ok(gp_prf_init(&prf, key, NULL, error));
  assert_ok(gp_prf_lane_init(&lane, &prf, error));
  uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
  uint64_t green[3] = {0};
  assert_ok(gp_prf_pairs(&prf, &lane, tokens, GP_PRF_BATCH, pairs, error));
  assert_ok(gp_prf_count_tenants(&prf, &lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs,
                                 GP_PRF_BATCH, (const uint8_t(*)[GP_BLOCK_SIZE])tweaks, 3, green,
                                 error));
  assert_int_equal(green[1], GP_PRF_BATCH);
  assert_in_range(green[0], 60, 200); /* 128 expected, standard deviation below 10 */
  assert_in_range(green[2], 60, 200);
  gp_prf_lane_release(&lane);
  gp_prf_release(&prf);
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(portable), cmocka_unit_test(avx2),
                                     cmocka_unit_test(avx512),   cmocka_unit_test(vaes),
                                     cmocka_unit_test(neon),     cmocka_unit_test(finds_tenant)};
  return cmocka_run_group_tests_name("count_tenants", tests, NULL, NULL);
}

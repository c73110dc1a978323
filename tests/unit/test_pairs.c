/* The kernels of both stages against the portable code, bit for bit, with every instruction set
 * that this machine has; and the portable comparison against its definition. */
#include <stdlib.h>
#include <string.h>

#include "prf/pair.h"
#include "prf/prf.h"
#include "support.h"

#define MAX     70
#define CANARY  0xA5
#define N_OTHER 4

typedef struct prepared {
  gp_prf prf;
  gp_prf_lane lane;
} prepared;

static const struct {
  const char *name;
  gp_cpu cpu;
} others[N_OTHER] = {{"avx2", GP_CPU_AVX2},
                     {"avx512", GP_CPU_AVX512},
                     {"vaes", GP_CPU_VAES},
                     {"neon", GP_CPU_NEON}};

static void fill(uint64_t *random, void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    ((uint8_t *)bytes)[i] = (uint8_t)next_random(random);
  }
}

/* Calls that write `count` of something leave what follows alone. */
static void assert_canary(const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    assert_int_equal(((const uint8_t *)bytes)[i], CANARY);
  }
}

static void prepare(const char *cpu, const gp_params *params, const uint64_t *tenant,
                    prepared *made) {
  assert_int_equal(setenv("GREENPRINT_CPU", cpu, 1), 0); // NOLINT(concurrency-mt-unsafe)
  gp_key *key = test_key(params);
  assert_ok(gp_prf_init(&made->prf, key, tenant, error));
  assert_ok(gp_prf_lane_init(&made->lane, &made->prf, error));
  gp_key_free(key);
}

static void release(prepared *made) {
  gp_prf_lane_release(&made->lane);
  gp_prf_release(&made->prf);
}

static void try_windows(uint64_t *random, prepared *portable, prepared *other) {
  const size_t width = portable->prf.params.context_width;
  for (size_t count = 0; count <= MAX; count++) {
    /* On the heap and no longer than it has to be, for the sanitizers. */
    const size_t size = (count + width) * sizeof(uint32_t);
    uint32_t *tokens = malloc(size + 1);
    assert_non_null(tokens);
    fill(random, tokens, size);
    uint8_t expected[MAX][GP_BLOCK_SIZE];
    uint8_t found[MAX + 4][GP_BLOCK_SIZE];
    memset(found, CANARY, sizeof found);
    assert_ok(gp_prf_pairs(&portable->prf, &portable->lane, tokens, count, expected, error));
    assert_ok(gp_prf_pairs(&other->prf, &other->lane, tokens, count, found, error));
    assert_memory_equal(found, expected, count * GP_BLOCK_SIZE);
    assert_canary(found[count], sizeof found - count * GP_BLOCK_SIZE);
    free(tokens);
  }
}

/* Every width of every seeding scheme, without a tenant and with one. */
static void windows(const char *cpu) {
  uint64_t random = test_seed();
  const uint64_t tenant = next_random(&random);
  for (uint32_t width = 0; width <= GP_CONTEXT_WIDTH_MAX; width++) {
    for (int round = 0; round < 4; round++) {
      gp_params params = gp_params_default();
      params.context_width = width;
      params.seeding = width == 0       ? GP_SEEDING_FIXED
                       : round % 2 == 0 ? GP_SEEDING_HASH
                                        : GP_SEEDING_MIN;
      prepared portable;
      prepared other;
      prepare("portable", &params, round < 2 ? NULL : &tenant, &portable);
      prepare(cpu, &params, round < 2 ? NULL : &tenant, &other);
      try_windows(&random, &portable, &other);
      release(&portable);
      release(&other);
    }
  }
}

static void try_colours(uint64_t *random, const gp_params *params, const char *cpu) {
  prepared portable;
  prepared other;
  prepare("portable", params, NULL, &portable);
  prepare(cpu, params, NULL, &other);
  for (size_t count = 0; count <= MAX; count++) {
    uint8_t(*pairs)[GP_BLOCK_SIZE] = malloc(count * GP_BLOCK_SIZE + 1);
    assert_non_null(pairs);
    fill(random, pairs, count * GP_BLOCK_SIZE);
    const uint8_t(*given)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])pairs;
    uint8_t expected[MAX];
    uint8_t found[MAX + 8];
    memset(found, CANARY, sizeof found);
    assert_ok(gp_prf_green(&portable.prf, &portable.lane, given, count, expected, error));
    assert_ok(gp_prf_green(&other.prf, &other.lane, given, count, found, error));
    assert_memory_equal(found, expected, count);
    assert_canary(found + count, sizeof found - count);
    free(pairs);
  }
  release(&portable);
  release(&other);
}

/* Every k; every g of the smaller ones, and some of the others. */
static void colours(const char *cpu) {
  uint64_t random = test_seed();
  for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k++) {
    for (uint32_t g = 1; g < 1U << k; g += k <= 4 ? 2 : (1U << (k - 3)) - 2) {
      gp_params params = gp_params_default();
      params.gamma_num = g;
      params.gamma_log2_den = k;
      try_colours(&random, &params, cpu);
    }
  }
}

static void kernels(void **state) {
  (void)state;
  size_t tried = 0;
  for (size_t i = 0; i < N_OTHER; i++) {
    if (!gp_cpu_has(others[i].cpu)) {
      (void)fprintf(stderr, "pairs: no %s here\n", others[i].name);
      continue;
    }
    windows(others[i].name);
    colours(others[i].name);
    tried++;
  }
  if (tried == 0) {
    (void)fprintf(stderr, "pairs: this processor has nothing but the portable code\n");
    skip();
  }
}

/* The portable comparison against the definition: the number read bit by bit. */
static void definition(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k++) {
    for (int round = 0; round < 2000; round++) {
      uint8_t pair[GP_BLOCK_SIZE];
      uint8_t blocks[GP_GAMMA_LOG2_DEN_MAX][GP_BLOCK_SIZE];
      fill(&random, pair, sizeof pair);
      fill(&random, blocks, sizeof blocks);
      const uint32_t v = gp_load_le32(pair + GP_NONCE_SIZE) % 128;
      uint32_t u = 0;
      for (uint32_t plane = 0; plane < k; plane++) {
        u = u << 1 | ((unsigned)blocks[plane][v / 8] >> v % 8 & 1U);
      }
      const uint32_t g = 1 + (uint32_t)next_random(&random) % ((1U << k) - 1);
      const uint8_t(*planes)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])blocks;
      assert_int_equal(gp_pair_compare(pair, planes, 1, k, g), u < g);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kernels), cmocka_unit_test(definition)};
  return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}

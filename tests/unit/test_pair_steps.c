/* The fast steps around the cipher against the portable ones, bit for bit. */
#include <stdlib.h>
#include <string.h>

#include "prf/pair_steps.h"
#include "prf/prf.h"
#include "support.h"

#define MAX    70
#define CANARY 0xA5

static const gp_pair_steps *others[2];
static size_t n_others;

static void fill(uint64_t *random, void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    ((uint8_t *)bytes)[i] = (uint8_t)next_random(random);
  }
}

/* Calls that write to `count` blocks leave what follows alone. */
static void assert_canary(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    assert_int_equal(bytes[i], CANARY);
  }
}

static void windows(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (size_t count = 0; count <= MAX; count++) {
    for (size_t width = 1; width <= GP_CONTEXT_WIDTH_MAX; width++) {
      /* On the heap and no longer than it has to be, for the sanitizers. */
      const size_t n = count == 0 ? 0 : count + width - 1;
      uint32_t *tokens = malloc(n * sizeof *tokens + 1);
      assert_non_null(tokens);
      fill(&random, tokens, n * sizeof *tokens);
      uint8_t expected[MAX + 4][GP_BLOCK_SIZE];
      uint8_t found[MAX + 4][GP_BLOCK_SIZE];
      gp_pair_steps_portable.take_windows(tokens, width, count, expected);
      for (size_t i = 0; i < n_others; i++) {
        memset(found, CANARY, sizeof found);
        others[i]->take_windows(tokens, width, count, found);
        assert_memory_equal(found, expected, count * GP_BLOCK_SIZE);
        assert_canary(found[count], sizeof found - count * GP_BLOCK_SIZE);
      }
      free(tokens);
    }
  }
}

static void finish(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (size_t count = 0; count <= MAX; count++) {
    uint8_t blocks[MAX][GP_BLOCK_SIZE];
    uint8_t tweak[GP_BLOCK_SIZE];
    uint32_t *tokens = malloc(count * sizeof *tokens + 1);
    assert_non_null(tokens);
    fill(&random, blocks, sizeof blocks);
    fill(&random, tweak, sizeof tweak);
    fill(&random, tokens, count * sizeof *tokens);
    uint8_t expected[MAX][GP_BLOCK_SIZE];
    memcpy(expected, blocks, sizeof blocks);
    gp_pair_steps_portable.finish(expected, tweak, tokens, count);
    for (size_t i = 0; i < n_others; i++) {
      uint8_t found[MAX][GP_BLOCK_SIZE];
      memcpy(found, blocks, sizeof blocks);
      others[i]->finish(found, tweak, tokens, count);
      assert_memory_equal(found, expected, sizeof found); /* what follows is left alone too */
    }
    free(tokens);
  }
}

/* Counter blocks and, from random planes, colours: every k, every g of the smaller ones. */
static void planes(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static uint8_t expected[MAX * GP_GAMMA_LOG2_DEN_MAX + 4][GP_BLOCK_SIZE];
  static uint8_t found[MAX * GP_GAMMA_LOG2_DEN_MAX + 4][GP_BLOCK_SIZE];
  for (size_t count = 0; count <= MAX; count++) {
    uint8_t pairs[MAX][GP_BLOCK_SIZE];
    fill(&random, pairs, sizeof pairs);
    for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k++) {
      const uint8_t(*given)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])pairs;
      gp_pair_steps_portable.put_counters(given, count, k, expected);
      for (size_t i = 0; i < n_others; i++) {
        memset(found, CANARY, sizeof found);
        others[i]->put_counters(given, count, k, found);
        assert_memory_equal(found, expected, count * k * GP_BLOCK_SIZE);
        assert_canary(found[count * k], sizeof found - count * k * GP_BLOCK_SIZE);
      }
      fill(&random, found, sizeof found);
      for (uint32_t g = 1; g < 1U << k; g += k <= 3 ? 1 : 1U << (k - 3)) {
        uint8_t colours[MAX];
        uint8_t same[MAX];
        const uint8_t(*made)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])found;
        gp_pair_steps_portable.compare(given, made, count, k, g, colours);
        for (size_t i = 0; i < n_others; i++) {
          memset(same, CANARY, sizeof same);
          others[i]->compare(given, made, count, k, g, same);
          assert_memory_equal(same, colours, count);
          assert_canary(same + count, sizeof same - count);
        }
      }
    }
  }
}

/* The portable comparison against the definition: the number read bit by bit. */
static void definition(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k++) {
    for (int round = 0; round < 2000; round++) {
      uint8_t pair[1][GP_BLOCK_SIZE];
      uint8_t blocks[GP_GAMMA_LOG2_DEN_MAX][GP_BLOCK_SIZE];
      fill(&random, pair, sizeof pair);
      fill(&random, blocks, sizeof blocks);
      const uint32_t v = gp_load_le32(pair[0] + GP_NONCE_SIZE) % 128;
      uint32_t u = 0;
      for (uint32_t plane = 0; plane < k; plane++) {
        u = u << 1 | ((unsigned)blocks[plane][v / 8] >> v % 8 & 1U);
      }
      const uint32_t g = 1 + (uint32_t)next_random(&random) % ((1U << k) - 1);
      uint8_t green = 2;
      gp_pair_steps_portable.compare((const uint8_t(*)[GP_BLOCK_SIZE])pair,
                                     (const uint8_t(*)[GP_BLOCK_SIZE])blocks, 1, k, g, &green);
      assert_int_equal(green, u < g);
    }
  }
}

int main(void) {
#if GP_X86
  if (__builtin_cpu_supports("avx2")) {
    others[n_others++] = &gp_pair_steps_avx2;
  }
#endif
  if (n_others == 0) {
    (void)fprintf(stderr, "pair_steps: this processor has nothing but the portable steps\n");
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(windows), cmocka_unit_test(finish),
                                     cmocka_unit_test(planes), cmocka_unit_test(definition)};
  return cmocka_run_group_tests_name("pair_steps", tests, NULL, NULL);
}

#include "prf/pair_steps.h"

static void take_windows(const uint32_t *tokens, size_t width, size_t count,
                         uint8_t (*blocks)[GP_BLOCK_SIZE]) {
  for (size_t i = 0; i < count; i++) {
    gp_pair_take_window(tokens + i, width, blocks[i]);
  }
}

static void finish(uint8_t (*blocks)[GP_BLOCK_SIZE], const uint8_t tweak[GP_BLOCK_SIZE],
                   const uint32_t *tokens, size_t count) {
  for (size_t i = 0; i < count; i++) {
    gp_pair_finish(blocks[i], tweak, tokens[i]);
  }
}

static void put_counters(const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                         uint8_t (*blocks)[GP_BLOCK_SIZE]) {
  for (size_t i = 0; i < count; i++) {
    gp_pair_put_counters(pairs[i], k, blocks + i, count);
  }
}

static void compare(const uint8_t (*pairs)[GP_BLOCK_SIZE], const uint8_t (*blocks)[GP_BLOCK_SIZE],
                    size_t count, uint32_t k, uint32_t g, uint8_t *green) {
  for (size_t i = 0; i < count; i++) {
    green[i] = gp_pair_compare(pairs[i], blocks + i, count, k, g);
  }
}

const gp_pair_steps gp_pair_steps_portable = {take_windows, finish, put_counters, compare};

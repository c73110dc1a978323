/* Tracing: the same pairs for many tenants, against the AES blocks that their planes take. */
#include <stdlib.h>

#include "aes.h"
#include "bench.h"
#include "common/bytes.h"
#include "prf/prf.h"

enum {
  PAIRS = 100000,
  TENANTS = 24
};

typedef struct tracing {
  gp_prf prf;
  gp_prf_lane lane;
  uint8_t (*pairs)[GP_BLOCK_SIZE];
  uint8_t (*tweaks)[GP_BLOCK_SIZE];
  uint64_t green[TENANTS];
} tracing;

static void count_tenants(void *state) {
  tracing *work = state;
  for (size_t first = 0; first < PAIRS; first += GP_PRF_BATCH) {
    const size_t left = PAIRS - first;
    const size_t count = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    gp_error error;
    bench_check(gp_prf_count_tenants(&work->prf, &work->lane,
                                     (const uint8_t(*)[GP_BLOCK_SIZE])work->pairs + first, count,
                                     (const uint8_t(*)[GP_BLOCK_SIZE])work->tweaks, TENANTS,
                                     work->green, &error),
                &error);
  }
  bench_use(work->green[0]);
}

static void bench_gamma(bench_run *run, uint32_t k) {
  gp_error error;
  gp_key *key = bench_key(k);
  tracing work = {.pairs = bench_allocate((size_t)PAIRS * GP_BLOCK_SIZE),
                  .tweaks = bench_allocate((size_t)TENANTS * GP_BLOCK_SIZE)};
  uint64_t tenants[TENANTS];
  uint64_t state = 9;
  for (size_t i = 0; i < TENANTS; i++) {
    tenants[i] = i;
  }
  for (size_t i = 0; i < PAIRS; i++) {
    gp_store_le64(work.pairs[i], bench_random(&state));
    gp_store_le64(work.pairs[i] + 8,
                  bench_random(&state) % ((uint64_t)1 << 49)); /* token < 2^17 */
  }
  bench_check(gp_prf_init(&work.prf, key, NULL, &error), &error);
  bench_check(gp_prf_lane_init(&work.lane, &work.prf, &error), &error);
  bench_check(gp_prf_tweaks(key, tenants, TENANTS, work.tweaks, &error), &error);
  bench_aes aes = bench_aes_new();
  aes.blocks = (size_t)PAIRS * TENANTS * k;
  const bench_label label = {
      .group = "trace",
      .name = "tenants over 100,000 pairs",
      .against = "bare AES",
      .unit = "pair and tenant",
      .units = (double)PAIRS * TENANTS,
      .gamma_log2_den = k,
      .tenants = TENANTS,
  };
  const bench_side ours = {.run = count_tenants, .work = &work};
  const bench_side blocks = {.run = bench_aes_run, .work = &aes};
  bench_case(run, &label, &ours, &blocks);
  bench_aes_free(&aes);
  gp_prf_lane_release(&work.lane);
  gp_prf_release(&work.prf);
  gp_key_free(key);
  free(work.pairs);
  free(work.tweaks);
}

void bench_tracing(bench_run *run) {
  bench_gamma(run, 1);
  bench_gamma(run, 2);
}

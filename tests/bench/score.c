/* Scoring, against the AES blocks that it takes; and the p-value at its end. */
#include <stdio.h>
#include <stdlib.h>

#include "aes.h"
#include "bench.h"
#include "prf/prf.h"

enum {
  VOCABULARY = 128256,
  TOKENS = 1 << 20,       /* for the verifier, whose table grows with them */
  STAGE_TOKENS = 1 << 16, /* for the stages by themselves */
  TAILS = 1000
};

typedef struct scoring {
  gp_prf prf;
  gp_prf_lane lane;
  gp_verifier *verifier;
  uint32_t *tokens;
  size_t count;
} scoring;

/* Both stages alone, without the table of pairs: the library's inside. */
static void run_stages(void *state) {
  scoring *work = state;
  uint64_t green = 0;
  for (size_t i = 0; i < STAGE_TOKENS; i += GP_PRF_BATCH) {
    gp_error error;
    _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
    uint8_t colours[GP_PRF_BATCH];
    bench_check(
        gp_prf_pairs(&work->prf, &work->lane, work->tokens + i, GP_PRF_BATCH, pairs, &error),
        &error);
    bench_check(gp_prf_green(&work->prf, &work->lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs,
                             GP_PRF_BATCH, colours, &error),
                &error);
    green += colours[0];
  }
  bench_use(green);
}

static void run_verifier(void *state) {
  scoring *work = state;
  gp_error error;
  bench_check(gp_verifier_add(work->verifier, work->tokens, work->count, &error), &error);
}

static void reset_verifier(void *state) {
  gp_verifier_reset(((scoring *)state)->verifier);
}

static void draw_tokens(scoring *work) {
  uint64_t state = 3;
  for (size_t i = 0; i < TOKENS; i++) {
    work->tokens[i] = (uint32_t)(bench_random(&state) >> 40) % VOCABULARY;
  }
}

static void compare_with_aes(bench_run *run, const char *name, uint32_t k, size_t tokens,
                             const bench_side *ours) {
  bench_aes aes = bench_aes_new();
  aes.blocks = (1 + k) * tokens; /* one for the context, k for the planes */
  const bench_label label = {
      .group = "score",
      .name = name,
      .against = "bare AES",
      .unit = "token",
      .units = (double)tokens,
      .gamma_log2_den = k,
  };
  const bench_side blocks = {.run = bench_aes_run, .work = &aes};
  bench_case(run, &label, ours, &blocks);
  bench_aes_free(&aes);
}

static void bench_gamma(bench_run *run, uint32_t k) {
  gp_error error;
  gp_key *key = bench_key(k);
  scoring work = {.tokens = bench_allocate(TOKENS * sizeof *work.tokens)};
  bench_check(gp_prf_init(&work.prf, key, NULL, &error), &error);
  bench_check(gp_prf_lane_init(&work.lane, &work.prf, &error), &error);
  bench_check(gp_verifier_new(key, NULL, &work.verifier, &error), &error);
  draw_tokens(&work);
  const bench_side stages = {.run = run_stages, .work = &work};
  const bench_side verifier = {.run = run_verifier, .before = reset_verifier, .work = &work};
  compare_with_aes(run, "both stages, no table", k, STAGE_TOKENS, &stages);
  work.count = run->options.quick ? TOKENS / 16 : TOKENS;
  compare_with_aes(run, "gp_verifier_add, pairs all new", k, work.count, &verifier);
  for (size_t i = 0; i < TOKENS; i++) {
    work.tokens[i] = work.tokens[i % (TOKENS / 16)];
  }
  compare_with_aes(run, "gp_verifier_add, pairs 16 times", k, work.count, &verifier);
  gp_verifier_free(work.verifier);
  gp_prf_lane_release(&work.lane);
  gp_prf_release(&work.prf);
  gp_key_free(key);
  free(work.tokens);
}

void bench_scoring(bench_run *run) {
  for (uint32_t k = 1; k <= 3; k++) {
    bench_gamma(run, k);
  }
}

void bench_p_values(bench_run *run) {
  double sum = 0.0;
  gp_error error;
  const double start = bench_now();
  for (uint64_t i = 0; i < TAILS; i++) {
    double log10_p = 0.0;
    bench_check(gp_log10_binomial_tail(1000000000, 250000000 + 50 * i, 1, 2, &log10_p, &error),
                &error);
    sum += log10_p;
  }
  const double each = (bench_now() - start) / TAILS;
  bench_use((uint64_t)-sum);
  const bench_label label = {.group = "tail", .name = "gp_log10_binomial_tail of 10^9 tokens"};
  bench_number(run, &label, each * 1e6, "us");
}

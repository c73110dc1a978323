/*
 * The two hot paths, each run once in a function that callgrind counts: instructions.py runs this
 * program under valgrind. The first line printed is a JSON object about the machine; then comes
 * one for each count, in order: what it was, and how many logits or tokens it was for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "prf/prf.h"

enum {
  VOCABULARY = 128256,
  TOKENS = 1 << 14
};

typedef struct counted {
  gp_watermark *watermark;
  gp_dtype dtype;
  void *row;
  gp_prf prf;
  gp_prf_lane lane;
  gp_verifier *verifier;
  uint32_t *tokens;
} counted;

typedef void counted_path(counted *work);

/* callgrind counts between entering and leaving this one, by its name. What it calls must not be
 * known to the compiler, which would make a copy of it with another name for each; and it must
 * have something left to do afterwards, or it is left by a jump. */
void bench_counted(counted_path *path, counted *work);

__attribute__((noinline)) void bench_counted(counted_path *path, counted *work) {
  path(work);
  bench_use(1);
}

static counted_path *volatile unknown;

static void bias(counted *work) {
  gp_error error;
  const gp_row row = {.tokens = work->tokens, .n_tokens = 2};
  bench_check(gp_bias(work->watermark, work->dtype, work->row, VOCABULARY, &row, &error), &error);
}

static void score_stages(counted *work) {
  uint64_t green = 0;
  for (size_t i = 0; i < TOKENS; i += GP_PRF_BATCH) {
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

static void verify(counted *work) {
  gp_error error;
  bench_check(gp_verifier_add(work->verifier, work->tokens, TOKENS, &error), &error);
}

/* Once outside, so that memory is there and the dynamic linker has done its part. */
static void count(const char *name, uint32_t k, int units, counted_path *path, counted *work) {
  path(work);
  gp_verifier_reset(work->verifier);
  unknown = path;
  bench_counted(unknown, work);
  printf("%s, gamma 1/%u\t%d\n", name, 1U << k, units);
}

static void count_all(uint32_t k) {
  static const char *const names[] = {[GP_FLOAT32] = "bias float32",
                                      [GP_FLOAT16] = "bias float16",
                                      [GP_BFLOAT16] = "bias bfloat16"};
  gp_error error;
  gp_key *key = NULL;
  const uint8_t master[GP_MASTER_KEY_SIZE] = {7}; /* counts must not depend on chance */
  gp_params params = gp_params_default();
  params.gamma_num = 1;
  params.gamma_log2_den = k;
  bench_check(gp_key_from_bytes(&params, master, &key, &error), &error);
  counted work = {.row = bench_allocate(VOCABULARY * sizeof(float)),
                  .tokens = bench_allocate((TOKENS + 16) * sizeof(uint32_t))};
  uint64_t state = 3;
  for (size_t i = 0; i < TOKENS + 16; i++) {
    work.tokens[i] = (uint32_t)(bench_random(&state) >> 40) % VOCABULARY;
  }
  bench_check(gp_watermark_new(key, NULL, &work.watermark, &error), &error);
  bench_check(gp_verifier_new(key, NULL, &work.verifier, &error), &error);
  bench_check(gp_prf_init(&work.prf, key, NULL, &error), &error);
  bench_check(gp_prf_lane_init(&work.lane, &work.prf, &error), &error);
  for (int dtype = GP_FLOAT32; dtype <= GP_BFLOAT16; dtype++) {
    work.dtype = (gp_dtype)dtype;
    count(names[dtype], k, VOCABULARY, bias, &work);
  }
  count("score, both stages", k, TOKENS, score_stages, &work);
  count("score, gp_verifier_add", k, TOKENS, verify, &work);
  gp_prf_lane_release(&work.lane);
  gp_prf_release(&work.prf);
  gp_verifier_free(work.verifier);
  gp_watermark_free(work.watermark);
  gp_key_free(key);
  free(work.row);
  free(work.tokens);
}

static void print_machine(void) {
  json_t *machine =
      json_pack("{s:s, s:o}", "cpu", bench_library_set(), "machine", bench_machine(-1));
  if (machine == NULL || json_dumpf(machine, stdout, JSON_COMPACT) != 0) {
    bench_fail("results", "out of memory");
  }
  printf("\n");
  json_decref(machine);
}

int main(void) {
  print_machine();
  for (uint32_t k = 1; k <= 3; k++) {
    count_all(k);
  }
  return 0;
}

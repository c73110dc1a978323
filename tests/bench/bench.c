/*
 * The cost of marking and of scoring, as ratios within one run.
 *
 * Marking a row is compared with adding a constant to the same row, compiled in this file
 * with the same flags; scoring with the bare AES blocks that it cannot do without. The two
 * sides alternate, so that a slow moment hits both. Medians are printed.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "greenprint.h"
#include "prf/prf.h"

enum {
  VOCABULARY = 128256,
  ROUNDS = 301,
  TOKENS = 1 << 20,
  SCORE_ROUNDS = 15
};

static double now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(gp_status status, const gp_error *error) {
  if (status != GP_OK) {
    (void)fprintf(stderr, "bench: %s\n", error->message);
    exit(2);
  }
}

static void *allocate(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) {
    (void)fprintf(stderr, "bench: out of memory\n");
    exit(2);
  }
  return memory;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *times, size_t n) {
  qsort(times, n, sizeof *times, compare);
  return times[n / 2];
}

/* Not inlined, so that the loop is the whole of what is timed. */
__attribute__((noinline)) static void add_constant(float *row, size_t n, float delta) {
  for (size_t i = 0; i < n; i++) {
    row[i] += delta;
  }
}

/* ----------------------------------------------------------------- marking */

static void bench_bias(const gp_key *key, gp_dtype dtype, const char *name, double constant) {
  gp_error error;
  gp_watermark *watermark = NULL;
  check(gp_watermark_new(key, NULL, &watermark, &error), &error);
  void *row = allocate(VOCABULARY * sizeof(float));
  double times[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    memset(row, 0, VOCABULARY * sizeof(float));
    const uint32_t tokens[] = {(uint32_t)i, 7};
    const gp_row context = {.tokens = tokens, .n_tokens = 2};
    const double start = now();
    check(gp_bias(watermark, dtype, row, VOCABULARY, &context, &error), &error);
    times[i] = now() - start;
  }
  const double time = median(times, ROUNDS);
  printf("  %-42s %8.2f us   %5.2f times a constant\n", name, time * 1e6, time / constant);
  free(row);
  gp_watermark_free(watermark);
}

static void bench_marking(const gp_key *key) {
  gp_error error;
  gp_watermark *watermark = NULL;
  check(gp_watermark_new(key, NULL, &watermark, &error), &error);
  float *row = allocate(VOCABULARY * sizeof *row);
  double constant[ROUNDS];
  double bias[ROUNDS];
  double ratio[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    const uint32_t tokens[] = {(uint32_t)i, 7};
    const gp_row context = {.tokens = tokens, .n_tokens = 2};
    const double start = now();
    add_constant(row, VOCABULARY, -0.5F);
    const double middle = now();
    check(gp_bias(watermark, GP_FLOAT32, row, VOCABULARY, &context, &error), &error);
    constant[i] = middle - start;
    bias[i] = now() - middle;
    ratio[i] = bias[i] / constant[i];
  }
  const double baseline = median(constant, ROUNDS);
  printf("Marking one row of %d logits, gamma 1/4, h = 2, one thread\n", VOCABULARY);
  printf("  %-42s %8.2f us\n", "adding a constant, float32", baseline * 1e6);
  printf("  %-42s %8.2f us   %5.2f times a constant\n", "gp_bias, float32",
         median(bias, ROUNDS) * 1e6, median(ratio, ROUNDS));
  bench_bias(key, GP_FLOAT16, "gp_bias, float16", baseline);
  bench_bias(key, GP_BFLOAT16, "gp_bias, bfloat16", baseline);
  free(row);
  gp_watermark_free(watermark);
}

/* ----------------------------------------------------------------- scoring */

/* What scoring is measured with. */
typedef struct scoring {
  EVP_CIPHER_CTX *aes;
  gp_prf prf;
  gp_prf_lane lane;
  gp_verifier *verifier;
  uint32_t *tokens;
} scoring;

/* One context block and two mask blocks a token, in calls of as many blocks as the library's. */
static double time_aes(scoring *work) {
  static uint8_t buffer[GP_PRF_BATCH * GP_BLOCK_SIZE];
  const double start = now();
  for (size_t done = 0; done < 3 * (size_t)TOKENS; done += GP_PRF_BATCH) {
    int size = 0;
    (void)EVP_EncryptUpdate(work->aes, buffer, &size, buffer, sizeof buffer);
  }
  return now() - start;
}

/* Both stages alone, without the table of pairs: the library's inside. */
static double time_stages(scoring *work) {
  gp_error error;
  uint64_t green = 0;
  const double start = now();
  for (size_t i = 0; i + GP_PRF_BATCH + 2 <= TOKENS; i += GP_PRF_BATCH) {
    _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
    uint8_t colours[GP_PRF_BATCH];
    check(gp_prf_pairs(&work->prf, &work->lane, work->tokens + i, GP_PRF_BATCH, pairs, &error),
          &error);
    check(gp_prf_green(&work->prf, &work->lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs,
                       GP_PRF_BATCH, colours, &error),
          &error);
    green += colours[0];
  }
  const double time = now() - start;
  if (green == 0) { /* so that nothing is optimised away */
    (void)fprintf(stderr, "bench: no token is green\n");
    exit(2);
  }
  return time;
}

static double time_verifier(scoring *work) {
  gp_error error;
  gp_verifier_reset(work->verifier);
  const double start = now();
  check(gp_verifier_add(work->verifier, work->tokens, TOKENS, &error), &error);
  return now() - start;
}

/* Alternates with bare AES and prints the medians. */
static void compare_with_aes(const char *name, scoring *work, double (*time)(scoring *)) {
  double times[SCORE_ROUNDS];
  double ratios[SCORE_ROUNDS];
  (void)time(work); /* warms up */
  for (size_t i = 0; i < SCORE_ROUNDS; i++) {
    const double before = time_aes(work);
    times[i] = time(work);
    ratios[i] = 2.0 * times[i] / (before + time_aes(work));
  }
  const double middle = median(times, SCORE_ROUNDS);
  printf("  %-42s %8.2f ns a token   %6.2f million a second   %5.2f times bare AES\n", name,
         middle / TOKENS * 1e9, TOKENS / middle / 1e6, median(ratios, SCORE_ROUNDS));
}

static void bench_scoring(const gp_key *key) {
  gp_error error;
  scoring work = {.aes = EVP_CIPHER_CTX_new(), .tokens = allocate(TOKENS * sizeof *work.tokens)};
  const uint8_t aes_key[16] = {1};
  if (work.aes == NULL ||
      EVP_EncryptInit_ex(work.aes, EVP_aes_128_ecb(), NULL, aes_key, NULL) != 1 ||
      EVP_CIPHER_CTX_set_padding(work.aes, 0) != 1) {
    (void)fprintf(stderr, "bench: no AES\n");
    exit(2);
  }
  check(gp_prf_init(&work.prf, key, NULL, &error), &error);
  check(gp_prf_lane_init(&work.lane, &work.prf, &error), &error);
  check(gp_verifier_new(key, NULL, &work.verifier, &error), &error);
  uint64_t state = 88172645463325252U;
  for (size_t i = 0; i < TOKENS; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    work.tokens[i] = (uint32_t)(state >> 40) % VOCABULARY;
  }
  printf("\nScoring %d tokens, each pair once, gamma 1/4, h = 2, one thread\n", TOKENS);
  compare_with_aes("the three AES blocks of each token alone", &work, time_aes);
  compare_with_aes("both stages, no table of pairs", &work, time_stages);
  compare_with_aes("gp_verifier_add, all pairs different", &work, time_verifier);
  for (size_t i = 0; i < TOKENS; i++) {
    work.tokens[i] = work.tokens[i % 65536];
  }
  compare_with_aes("gp_verifier_add, each pair 16 times", &work, time_verifier);
  EVP_CIPHER_CTX_free(work.aes);
  gp_prf_lane_release(&work.lane);
  gp_prf_release(&work.prf);
  gp_verifier_free(work.verifier);
  free(work.tokens);
}

static void bench_tail(void) {
  double sum = 0.0;
  gp_error error;
  const double start = now();
  for (uint64_t i = 0; i < 10000; i++) {
    double log10_p = 0.0;
    check(gp_log10_binomial_tail(1000000000, 250000000 + 5 * i, 1, 2, &log10_p, &error), &error);
    sum += log10_p;
  }
  printf("\nExact p-value of 10^9 tokens: %.2f us (mean log10 p %.3f)\n", (now() - start) * 1e2,
         sum / 10000);
}

int main(void) {
  gp_error error;
  gp_key *key = NULL;
  const gp_params params = gp_params_default();
  check(gp_key_generate(&params, &key, &error), &error);
  printf("libgreenprint %s\n\n", gp_version());
  bench_marking(key);
  bench_scoring(key);
  bench_tail();
  gp_key_free(key);
  return 0;
}

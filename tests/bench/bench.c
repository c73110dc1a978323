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
  SCORE_ROUNDS = 11
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

static double time_verifier(const gp_key *key, const uint32_t *tokens, size_t n) {
  gp_error error;
  gp_verifier *verifier = NULL;
  check(gp_verifier_new(key, NULL, &verifier, &error), &error);
  double times[SCORE_ROUNDS];
  for (size_t i = 0; i < SCORE_ROUNDS; i++) {
    gp_verifier_reset(verifier);
    const double start = now();
    check(gp_verifier_add(verifier, tokens, n, &error), &error);
    times[i] = now() - start;
  }
  gp_verifier_free(verifier);
  return median(times, SCORE_ROUNDS);
}

/* Both stages alone, without the table of pairs: the library's inside. */
static double time_stages(const gp_key *key, const uint32_t *tokens, size_t n) {
  gp_error error;
  gp_prf prf;
  gp_prf_lane lane;
  check(gp_prf_init(&prf, key, NULL, &error), &error);
  check(gp_prf_lane_init(&lane, &prf, &error), &error);
  double times[SCORE_ROUNDS];
  uint64_t green = 0;
  for (size_t round = 0; round < SCORE_ROUNDS; round++) {
    const double start = now();
    for (size_t i = 0; i + GP_PRF_BATCH + 2 <= n; i += GP_PRF_BATCH) {
      uint8_t nonces[GP_PRF_BATCH][GP_BLOCK_SIZE];
      uint8_t colours[GP_PRF_BATCH];
      check(gp_prf_nonces(&prf, &lane, tokens + i, GP_PRF_BATCH, nonces, &error), &error);
      check(gp_prf_green(&prf, &lane, (const uint8_t(*)[GP_BLOCK_SIZE])nonces, tokens + i + 2,
                         GP_PRF_BATCH, colours, &error),
            &error);
      green += colours[0];
    }
    times[round] = now() - start;
  }
  if (green == 0) { /* so that nothing is optimised away */
    (void)fprintf(stderr, "bench: no token is green\n");
    exit(2);
  }
  gp_prf_lane_release(&lane);
  gp_prf_release(&prf);
  return median(times, SCORE_ROUNDS);
}

/* One context block and two mask blocks a token, in calls of 1024 blocks. */
static double time_aes(size_t blocks) {
  static uint8_t buffer[16 * 1024];
  const uint8_t key[16] = {1};
  EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
  double times[SCORE_ROUNDS];
  if (aes == NULL || EVP_EncryptInit_ex(aes, EVP_aes_128_ecb(), NULL, key, NULL) != 1) {
    (void)fprintf(stderr, "bench: no AES\n");
    exit(2);
  }
  for (size_t i = 0; i < SCORE_ROUNDS; i++) {
    const double start = now();
    for (size_t done = 0; done < blocks; done += 1024) {
      int size = 0;
      (void)EVP_EncryptUpdate(aes, buffer, &size, buffer, sizeof buffer);
    }
    times[i] = now() - start;
  }
  EVP_CIPHER_CTX_free(aes);
  return median(times, SCORE_ROUNDS);
}

static void print_rate(const char *name, double time, double aes) {
  printf("  %-42s %8.2f ns a token   %6.2f million a second   %5.2f times bare AES\n", name,
         time / TOKENS * 1e9, TOKENS / time / 1e6, time / aes);
}

static void bench_scoring(const gp_key *key) {
  uint32_t *tokens = allocate(TOKENS * sizeof *tokens);
  uint64_t state = 88172645463325252U;
  for (size_t i = 0; i < TOKENS; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    tokens[i] = (uint32_t)(state >> 40) % VOCABULARY;
  }
  const double aes = time_aes(3 * (size_t)TOKENS);
  printf("\nScoring %d tokens, each pair once, gamma 1/4, h = 2, one thread\n", TOKENS);
  print_rate("the three AES blocks of each token alone", aes, aes);
  print_rate("both stages, no table of pairs", time_stages(key, tokens, TOKENS), aes);
  print_rate("gp_verifier_add, all pairs different", time_verifier(key, tokens, TOKENS), aes);
  for (size_t i = 0; i < TOKENS; i++) {
    tokens[i] = tokens[i % 65536];
  }
  print_rate("gp_verifier_add, each pair 16 times", time_verifier(key, tokens, TOKENS), aes);
  free(tokens);
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

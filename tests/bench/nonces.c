/*
 * What nonces of a provable key cost as a model writes: bench_nonces [--json] TOKENS, a token
 * file of marked text. For h = 1, 2 and 4, and as a vendor starts: how many contexts the cache
 * has, and the time of a token with a context, over all of the text in order. Then the same once
 * more, warm.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "key/key.h"
#include "measure.h"

typedef struct text {
  gp_reader *reader;
  uint64_t positions;
  uint64_t documents;
} text;

static double now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The nonce before every token, one by one as in generation; returns the seconds. */
static double go_through(const char *path, gp_nonces *nonces, uint32_t width, text *all) {
  const gp_reader_options options = {.format = GP_INPUT_TOKENS};
  gp_error error;
  gp_document document;
  bool more = true;
  double seconds = 0;
  *all = (text){0};
  bench_check(gp_reader_open(path, &options, &all->reader, &error), &error);
  for (;;) {
    bench_check(gp_reader_next(all->reader, &document, &more, &error), &error);
    if (!more) {
      break;
    }
    const double start = now();
    for (size_t i = width; i < document.n_tokens; i++) {
      const gp_nonce_request request = {document.tokens + i - width, NULL};
      uint8_t block[1][GP_NONCE_BLOCK];
      bench_check(gp_nonces_find(nonces, &request, width, 1, NULL, block, NULL, &error), &error);
      all->positions++;
    }
    seconds += now() - start;
    all->documents++;
  }
  gp_reader_free(all->reader);
  return seconds;
}

static void measure(const char *path, uint32_t width, bool json) {
  gp_error error;
  gp_key *key = NULL;
  text all;
  gp_params params = gp_params_default();
  params.context_width = width;
  bench_check(gp_key_generate_provable(&params, &key, &error), &error);
  double seconds[2];
  gp_nonce_cache_counts counts[2];
  for (size_t i = 0; i < 2; i++) {
    seconds[i] = go_through(path, key->nonces, width, &all);
    counts[i] = gp_nonces_counts(key->nonces);
  }
  const double positions = (double)all.positions;
  const uint64_t again = counts[1].found - counts[0].found;
  (void)printf(json ? "{\"context_width\": %" PRIu32 ", \"documents\": %" PRIu64
                      ", \"positions\": %" PRIu64 ", \"hits\": %.2f, \"us\": %.4f"
                      ", \"hits_again\": %.2f, \"us_again\": %.4f}"
                    : "%2" PRIu32 " %10" PRIu64 " %10" PRIu64
                      " %9.1f %% %9.2f us %9.1f %% %9.3f us\n",
               width, all.documents, all.positions, 100 * (double)counts[0].found / positions,
               1e6 * seconds[0] / positions, 100 * (double)again / positions,
               1e6 * seconds[1] / positions);
  gp_key_free(key);
}

int main(int argc, char **argv) {
  static const uint32_t widths[] = {1, 2, 4};
  const bool json = argc == 3 && strcmp(argv[1], "--json") == 0;
  if (argc != 2 && !json) {
    (void)fputs("usage: bench_nonces [--json] TOKENS\n", stderr);
    return EXIT_FAILURE;
  }
  (void)puts(json ? "["
                  : " h  documents  positions  hits, first     a token  hits, again     a token");
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    (void)fputs(json && i > 0 ? ",\n" : "", stdout);
    measure(argv[argc - 1], widths[i], json);
  }
  (void)fputs(json ? "\n]\n" : "", stdout);
  return EXIT_SUCCESS;
}

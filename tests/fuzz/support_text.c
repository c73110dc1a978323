/* What the fuzzers of tokenizers share. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

gp_tokenizer *gp_fuzz_seed_tokenizer(const char *name) {
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/%s", GP_FUZZ_SEEDS, name);
  gp_error error = {0};
  gp_tokenizer *tokenizer = NULL;
  if (gp_tokenizer_open(path, &tokenizer, &error) != GP_OK) {
    (void)fprintf(stderr, "%s\n", error.message);
    gp_fuzz_require(false, "a tokenizer of the seeds can be opened");
  }
  return tokenizer;
}

static void check_tokens(const gp_tokenizer *tokenizer, const uint32_t *tokens,
                         const size_t *ends, size_t n_tokens, size_t size) {
  gp_tokenizer_info info;
  gp_tokenizer_get_info(tokenizer, &info);
  size_t end = 0;
  for (size_t i = 0; i < n_tokens; i++) {
    gp_fuzz_require(tokens[i] < info.vocabulary, "ids below the vocabulary's size");
    gp_fuzz_require(ends[i] >= end, "ends that never decrease");
    end = ends[i];
  }
  gp_fuzz_require(end <= size, "ends within the text");
}

void gp_fuzz_encode(gp_encoder *encoder, const gp_tokenizer *tokenizer, const char *text,
                    size_t size) {
  gp_error error;
  const uint32_t *tokens = NULL;
  const size_t *ends = NULL;
  size_t n_tokens = 0;
  const gp_status status =
      gp_encoder_encode(encoder, text, size, &tokens, &ends, &n_tokens, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  check_tokens(tokenizer, tokens, ends, n_tokens, size);

  const size_t bytes = n_tokens * sizeof *tokens;
  uint32_t *first = malloc(bytes + 1);
  gp_fuzz_require(first != NULL, "memory for a copy");
  if (bytes > 0) {
    memcpy(first, tokens, bytes);
  }
  size_t again = 0;
  gp_fuzz_require(gp_encoder_encode(encoder, text, size, &tokens, NULL, &again, &error) == GP_OK,
                  "the same text can be encoded again");
  gp_fuzz_require(again == n_tokens && (bytes == 0 || memcmp(first, tokens, bytes) == 0),
                  "the same text gives the same ids");
  free(first);
}

void gp_fuzz_encode_same(gp_encoder *one, gp_encoder *other, const char *text, size_t size) {
  gp_encoder *const encoders[2] = {one, other};
  const uint32_t *tokens[2] = {NULL, NULL};
  const size_t *ends[2] = {NULL, NULL};
  size_t counts[2] = {0, 0};
  gp_status status[2];
  gp_error error;
  for (size_t i = 0; i < 2; i++) {
    status[i] =
        gp_encoder_encode(encoders[i], text, size, &tokens[i], &ends[i], &counts[i], &error);
  }
  gp_fuzz_require(status[0] == status[1], "every encoder of a tokenizer accepts the same");
  if (status[0] == GP_OK) {
    gp_fuzz_require(counts[0] == counts[1], "every encoder of a tokenizer gives as many ids");
    for (size_t i = 0; i < counts[0]; i++) {
      gp_fuzz_require(tokens[0][i] == tokens[1][i] && ends[0][i] == ends[1][i],
                      "every encoder of a tokenizer gives the same ids and ends");
    }
  }
}

static const char sample[] = "Hello, world!  1234 don't\r\n\tna\xC3\xAFve Stra\xC3\x9F"
                             "e \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x98\x80 e\xCC\x81 \xFF\x80 <s>"
                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!    \xE2\x96\x81x";

void gp_fuzz_tokenizer_file(const uint8_t *data, size_t size) {
  gp_error error;
  gp_tokenizer *tokenizer = NULL;
  gp_status status = gp_tokenizer_open(gp_fuzz_file(data, size), &tokenizer, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  gp_tokenizer_info info;
  gp_tokenizer_get_info(tokenizer, &info);
  gp_fuzz_require(memchr(info.model, '\0', sizeof info.model) != NULL, "a model name that ends");
  gp_fuzz_require(info.vocabulary > 0, "a vocabulary");

  gp_encoder *encoder = NULL;
  gp_fuzz_require(gp_encoder_new(tokenizer, &encoder, &error) == GP_OK, "an encoder");
  gp_fuzz_encode(encoder, tokenizer, sample, sizeof sample - 1);
  gp_fuzz_encode(encoder, tokenizer, (const char *)data, size < 512 ? size : 512);
  gp_encoder_free(encoder);
  gp_tokenizer_free(tokenizer);
}

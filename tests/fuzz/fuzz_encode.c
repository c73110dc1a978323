/* Any bytes as text, with the tokenizers of the seeds. The first byte chooses which. */
#include "support.h"

#define N_TOKENIZERS 6

static gp_tokenizer *tokenizers[N_TOKENIZERS];
static gp_encoder *encoders[N_TOKENIZERS]; /* kept, so that their caches fill up */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  static const char *const names[N_TOKENIZERS] = {"tokenizer_json/bytes.json",
                                                  "tokenizer_json/fallback.json",
                                                  "tokenizer_json/unigram.json",
                                                  "gguf/bytes.gguf",
                                                  "gguf/llama.gguf",
                                                  "tokenizer_json/isolated.json"};
  for (size_t i = 0; i < N_TOKENIZERS; i++) {
    gp_error error;
    tokenizers[i] = gp_fuzz_seed_tokenizer(names[i]);
    gp_fuzz_require(gp_encoder_new(tokenizers[i], &encoders[i], &error) == GP_OK, "an encoder");
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const size_t choice = data[0] % N_TOKENIZERS;
  const char *text = (const char *)data + 1;
  gp_fuzz_encode(encoders[choice], tokenizers[choice], text, size - 1);
  if (size % 8 == 0) { /* a new encoder takes time */
    gp_error error;
    gp_encoder *fresh = NULL;
    gp_fuzz_require(gp_encoder_new(tokenizers[choice], &fresh, &error) == GP_OK, "an encoder");
    gp_fuzz_encode_same(encoders[choice], fresh, text, size - 1);
    gp_encoder_free(fresh);
  }
  return 0;
}

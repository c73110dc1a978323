/* Any bytes as text, with the tokenizers of the seeds. The first byte chooses which. */
#include "support.h"

#define N_TOKENIZERS 4

static gp_tokenizer *tokenizers[N_TOKENIZERS];
static gp_encoder *encoders[N_TOKENIZERS]; /* kept, so that their caches fill up */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  static const char *const names[N_TOKENIZERS] = {
      "tokenizer_json/bytes.json", "tokenizer_json/fallback.json", "tokenizer_json/unigram.json",
      "gguf/bytes.gguf"};
  for (size_t i = 0; i < N_TOKENIZERS; i++) {
    gp_error error;
    tokenizers[i] = gp_fuzz_seed_tokenizer(names[i]);
    gp_fuzz_require(gp_encoder_new(tokenizers[i], &encoders[i], &error) == GP_OK, "an encoder");
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 0) {
    const size_t choice = data[0] % N_TOKENIZERS;
    gp_fuzz_encode(encoders[choice], tokenizers[choice], (const char *)data + 1, size - 1);
  }
  return 0;
}

/* GGUF files. */
#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gp_fuzz_tokenizer_file(data, size);
  return 0;
}

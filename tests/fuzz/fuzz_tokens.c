/* Token files. */
#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const gp_reader_options options = {.format = GP_INPUT_TOKENS};
  (void)gp_fuzz_read(gp_fuzz_file(data, size), size, &options);
  return 0;
}

/* Raw 16- and 32-bit ids. The first byte chooses. */
#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const gp_reader_options options = {.format = data[0] % 2 == 0 ? GP_INPUT_U16 : GP_INPUT_U32};
  (void)gp_fuzz_read(gp_fuzz_file(data + 1, size - 1), size - 1, &options);
  return 0;
}

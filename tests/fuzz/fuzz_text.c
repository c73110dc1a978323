/* Plain text and its normalization. The first byte holds the GP_NORMALIZE_ flags. */
#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const gp_reader_options options = {.format = GP_INPUT_TEXT,
                                     .normalize = data[0] & GP_NORMALIZE_ALL};
  (void)gp_fuzz_read(gp_fuzz_file(data + 1, size - 1), size - 1, &options);
  return 0;
}

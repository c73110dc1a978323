/* JSON Lines. The first byte chooses the field and the role. */
#include "support.h"

static const gp_reader_options choices[] = {
    {.format = GP_INPUT_JSONL, .field = "tokens"},
    {.format = GP_INPUT_JSONL, .field = "text"},
    {.format = GP_INPUT_JSONL, .field = "text", .normalize = GP_NORMALIZE_ALL},
    {.format = GP_INPUT_JSONL, .field = "a.0.b"},
    {.format = GP_INPUT_JSONL, .field = "messages", .role = "assistant"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const gp_reader_options *options = &choices[data[0] % (sizeof choices / sizeof *choices)];
  (void)gp_fuzz_read(gp_fuzz_file(data + 1, size - 1), size - 1, options);
  return 0;
}

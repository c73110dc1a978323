/* Files of model weights, read to the end: as they come, and with the checksums put right,
 * which no mutation would hit. */
#include "weights_support.h"

#include "common/bytes.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  return 0;
}

static gp_status read_document(gp_model_weights *file, const uint32_t *tokens, size_t n_tokens,
                               gp_error *error) {
  gp_fuzz_touch(tokens, n_tokens * sizeof *tokens);
  for (size_t i = 0; i < n_tokens; i++) {
    gp_model_weights_position position;
    const gp_status status = gp_model_weights_position_next(file, &position, error);
    if (status != GP_OK) {
      return status;
    }
    for (size_t j = 0; j < position.count; j++) {
      const float weight = position.weights[j];
      gp_fuzz_require(weight >= -1.0F && weight <= 1.0F && weight != 0.0F, "a weight");
      gp_fuzz_require(j == 0 || position.ids[j] > position.ids[j - 1], "ids ascend");
    }
  }
  return GP_OK;
}

static void read_file(const uint8_t *data, size_t size) {
  gp_error error;
  gp_model_weights *file = NULL;
  gp_status status = gp_model_weights_open(gp_fuzz_file(data, size), &file, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  bool more = true;
  while (status == GP_OK && more) {
    const uint32_t *tokens = NULL;
    size_t n_tokens = 0;
    status = gp_model_weights_next(file, &tokens, &n_tokens, &more, &error);
    if (status == GP_OK && more) {
      status = read_document(file, tokens, n_tokens, &error);
    }
  }
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
  }
  gp_expectations_info info;
  gp_model_weights_get_info(file, &info);
  gp_fuzz_require(info.complete == (status == GP_OK), "complete is what was read to its end");
  gp_fuzz_require(memchr(info.label, '\0', sizeof info.label) != NULL, "a label that ends");
  gp_model_weights_free(file);
}

static bool repair_head(uint8_t *file, size_t size, size_t *at, size_t number, uint64_t *n) {
  (void)number;
  const size_t head = *at;
  if (!weights_step(size, at, 8)) {
    return false;
  }
  *n = gp_load_le64(file + head);
  return *n <= size && weights_step(size, at, 4 * *n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  weights_read_both(data, size, repair_head, read_file);
  return 0;
}

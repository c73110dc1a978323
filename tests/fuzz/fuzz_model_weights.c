/* Files of model weights, read to the end: as they come, and with the checksums put right,
 * which no mutation would hit. */
#include "support.h"

#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define DIGEST_SIZE     crypto_hash_sha256_BYTES
#define HEADER_SIZE     16U
#define AT_LABEL_LENGTH 11U
#define ENTRY_SIZE      8U
#define END_SIZE        16U

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

/* Steps over `length` bytes; false where there are not so many. */
static bool step(size_t size, size_t *at, uint64_t length) {
  if (size - *at < length) {
    return false;
  }
  *at += (size_t)length;
  return true;
}

static bool put_checksum(uint8_t *file, size_t size, size_t *at) {
  const size_t covered = *at;
  return step(size, at, DIGEST_SIZE) && crypto_hash_sha256(file + covered, file, covered) == 0;
}

static bool repair_document(uint8_t *file, size_t size, size_t *at) {
  const size_t head = *at + 1;
  if (!step(size, at, 1 + 8)) {
    return false;
  }
  const uint64_t n = gp_load_le64(file + head);
  if (n > size || !step(size, at, 4 * n)) {
    return false;
  }
  for (uint64_t i = 0; i < n; i++) {
    if (*at == size || !step(size, at, 1 + ENTRY_SIZE * (uint64_t)file[*at])) {
      return false;
    }
  }
  return put_checksum(file, size, at);
}

static void repair(uint8_t *file, size_t size) {
  size_t at = 0;
  if (size < HEADER_SIZE || !step(size, &at, HEADER_SIZE + (uint64_t)file[AT_LABEL_LENGTH]) ||
      !put_checksum(file, size, &at)) {
    return;
  }
  while (at < size && file[at] == 'D') {
    if (!repair_document(file, size, &at)) {
      return;
    }
  }
  if (at < size && file[at] == 'E' && step(size, &at, 1 + END_SIZE)) {
    (void)put_checksum(file, size, &at);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_file(data, size);
  uint8_t *file = malloc(size + 1);
  gp_fuzz_require(file != NULL, "memory for a copy");
  memcpy(file, data, size);
  repair(file, size);
  read_file(file, size);
  free(file);
  return 0;
}

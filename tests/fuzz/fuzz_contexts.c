/* Contexts files, loaded and merged with themselves: as they come, and with the count and the
 * checksum put right, which no mutation would hit. */
#include "support.h"

#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define HEADER_SIZE   40U
#define AT_COUNT      16U
#define CHECKSUM_SIZE crypto_hash_sha256_BYTES

static const uint32_t window[GP_CONTEXT_WIDTH_MAX] = {1, 2};

static void merge(const char *path, const gp_contexts_info *info) {
  gp_error error;
  gp_contexts_builder *builder = NULL;
  gp_fuzz_require(gp_contexts_builder_new(info->context_width, &builder, &error) == GP_OK,
                  "a width that was read can be built with");
  gp_fuzz_require(gp_contexts_builder_merge(builder, path, &error) == GP_OK,
                  "a file that was read can be merged");
  const gp_status status = gp_contexts_builder_merge(builder, path, &error);
  if (status != GP_OK) { /* the counts add up to too much */
    gp_fuzz_check_failure(status, &error);
  }
  gp_contexts_builder_free(builder);
}

static void load(const uint8_t *data, size_t size) {
  gp_error error;
  gp_contexts *contexts = NULL;
  const char *path = gp_fuzz_file(data, size);
  const gp_status status = gp_contexts_load(path, &contexts, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    gp_fuzz_require(contexts == NULL, "nothing comes of a bad file");
    return;
  }
  gp_contexts_info info;
  gp_contexts_get_info(contexts, &info);
  gp_fuzz_require(info.file.bytes == size && 8 * info.contexts < size, "counts that fit");
  (void)gp_contexts_have(contexts, window);
  gp_contexts_free(contexts);
  merge(path, &info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  load(data, size);
  if (size < HEADER_SIZE + CHECKSUM_SIZE) {
    return 0;
  }
  uint8_t *file = malloc(size);
  gp_fuzz_require(file != NULL, "memory for a copy");
  memcpy(file, data, size);
  const size_t covered = size - CHECKSUM_SIZE;
  gp_store_le64(file + AT_COUNT, (covered - HEADER_SIZE) / 8);
  (void)crypto_hash_sha256(file + covered, file, covered);
  load(file, size);
  free(file);
  return 0;
}

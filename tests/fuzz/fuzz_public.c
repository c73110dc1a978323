/* Public files: as they come, and with the checksum put right, which no mutation would hit. */
#include "support.h"

#include <string.h>

#include <sodium.h>

#include "key/public_file.h"

#define AT_CHECKSUM 96U

static void load(const uint8_t *data, size_t size) {
  gp_error error;
  gp_public_key key;
  const gp_status status = gp_public_key_load(gp_fuzz_file(data, size), &key, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  /* What is read is what would be written: no byte of a file may be another. */
  uint8_t again[GP_PUBLIC_FILE_SIZE];
  gp_public_key_encode(&key, again);
  gp_fuzz_require(size == sizeof again && memcmp(again, data, size) == 0, "one form only");
  gp_proof_text *text = NULL;
  gp_fuzz_require(gp_proof_text_new(&key, &text, &error) == GP_OK, "a key that can be used");
  gp_proof_text_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  load(data, size);
  if (size == GP_PUBLIC_FILE_SIZE) {
    uint8_t file[GP_PUBLIC_FILE_SIZE];
    memcpy(file, data, sizeof file);
    (void)crypto_hash_sha256(file + AT_CHECKSUM, file, AT_CHECKSUM);
    load(file, sizeof file);
  }
  return 0;
}

/* Tables of nonces: as they come, and with the checksum put right, which no mutation would hit.
 * The seeds are of the key below; what mutates them does not open its seal. */
#include "support.h"

#include <string.h>

#include <sodium.h>

#define HEADER_SIZE   104U
#define CHECKSUM_SIZE 32U
#define SIZE_MAX_HERE 4096U

static gp_key *make_key(void) {
  gp_params params = gp_params_default();
  gp_error error;
  uint8_t master[GP_MASTER_KEY_SIZE];
  gp_key *key = NULL;
  params.context_width = 1;
  for (size_t i = 0; i < sizeof master; i++) {
    master[i] = (uint8_t)i;
  }
  gp_fuzz_require(gp_key_from_bytes_provable(&params, master, &key, &error) == GP_OK, "a key");
  return key;
}

/* What a table that opened holds has to be what the key makes of the ids. */
static void check_nonce(const gp_key *with, uint32_t id) {
  gp_error error;
  gp_key *without = make_key();
  const gp_key *keys[2] = {with, without};
  uint8_t nonces[2][GP_NONCE_SIZE];
  for (size_t i = 0; i < 2; i++) {
    gp_watermark *watermark = NULL;
    gp_fuzz_require(gp_watermark_new(keys[i], NULL, &watermark, &error) == GP_OK, "a watermark");
    gp_fuzz_require(gp_nonce(watermark, &id, 1, nonces[i], &error) == GP_OK, "a nonce");
    gp_watermark_free(watermark);
  }
  gp_fuzz_require(memcmp(nonces[0], nonces[1], GP_NONCE_SIZE) == 0, "the nonce of a table");
  gp_key_free(without);
}

static void use(const uint8_t *data, size_t size) {
  const char *path = gp_fuzz_file(data, size);
  gp_error error;
  gp_nonce_table_info info;
  gp_status status = gp_nonce_table_inspect(path, &info, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
  } else {
    gp_fuzz_require(gp_params_check(&info.params, &error) == GP_OK, "inspected parameters");
    gp_fuzz_require(info.file_size == size && info.count <= size / GP_NONCE_SIZE,
                    "as many nonces as there are bytes for");
  }
  gp_key *key = make_key();
  const gp_status used = gp_key_use_table(key, path, &error);
  gp_fuzz_require(status == GP_OK || used != GP_OK, "what is inspected first");
  if (used != GP_OK) {
    gp_fuzz_check_failure(used, &error);
  } else {
    check_nonce(key, (uint32_t)info.count - 1);
  }
  gp_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  use(data, size);
  if (size > HEADER_SIZE + CHECKSUM_SIZE && size <= SIZE_MAX_HERE) {
    uint8_t file[SIZE_MAX_HERE];
    memcpy(file, data, size);
    (void)crypto_hash_sha256(file + size - CHECKSUM_SIZE, file, size - CHECKSUM_SIZE);
    use(file, size);
  }
  return 0;
}

/* Key files: as they come, and with the checksum put right, which no mutation would hit. */
#include "support.h"

#include "common/bytes.h"

#include <string.h>

#include <sodium.h>

#define FILE_SIZE     200U
#define AT_PROTECTION 9U
#define AT_PASSES     64U
#define AT_MEMORY     72U
#define AT_CHECKSUM   168U
#define MEMORY_MAX    ((uint64_t)1 << 20) /* bytes of Argon2id; more would only take time */

static bool is_cheap(const uint8_t *file) {
  return file[AT_PROTECTION] == 0 ||
         (gp_load_le64(file + AT_PASSES) <= 2 && gp_load_le64(file + AT_MEMORY) <= MEMORY_MAX);
}

static void load(const char *path, const char *passphrase) {
  gp_error error;
  gp_key *key = NULL;
  const size_t length = passphrase == NULL ? 0 : strlen(passphrase);
  const gp_status status = gp_key_load(path, passphrase, length, &key, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  const gp_params params = gp_key_params(key);
  gp_fuzz_require(gp_params_check(&params, &error) == GP_OK, "a loaded key has valid parameters");
  gp_key_free(key);
}

static void inspect_and_load(const uint8_t *data, size_t size) {
  const char *path = gp_fuzz_file(data, size);
  gp_error error;
  gp_key_info info;
  const gp_status status = gp_key_inspect(path, &info, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
  } else {
    gp_fuzz_require(gp_params_check(&info.params, &error) == GP_OK, "inspected parameters");
    gp_fuzz_require(memchr(info.scheme, '\0', sizeof info.scheme) != NULL, "a scheme that ends");
  }
  load(path, NULL);
  if (size == FILE_SIZE && is_cheap(data)) {
    load(path, "passphrase");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  inspect_and_load(data, size);
  if (size == FILE_SIZE) {
    uint8_t file[FILE_SIZE];
    memcpy(file, data, FILE_SIZE);
    (void)crypto_hash_sha256(file + AT_CHECKSUM, file, AT_CHECKSUM);
    inspect_and_load(file, FILE_SIZE);
  }
  return 0;
}

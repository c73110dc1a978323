/* Stamps, responses of authorities, requests and certificates: as they come, and a response with
 * a header and a checksum around it, which no mutation would hit. The seeds hold. */
#include "support.h"

#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define HEADER_SIZE   80U
#define CHECKSUM_SIZE crypto_hash_sha256_BYTES

#define ROOT GP_FUZZ_SEEDS "/timestamp/root.pem"

static void verify(const char *stamp, const char *authorities, const char *revoked) {
  gp_error error;
  gp_timestamp_facts facts;
  const gp_timestamp_options options = {.authorities = authorities, .revoked = revoked};
  const gp_status status = gp_timestamp_verify("/dev/null", stamp, &options, &facts, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  gp_fuzz_require(strlen(facts.time) == 20 && strlen(facts.serial) > 0 &&
                      strlen(facts.authority) > 0 && strlen(facts.policy) > 0,
                  "what a stamp that holds has to say");
}

static void attach(const char *response) {
  gp_error error;
  const gp_status status =
      gp_timestamp_attach("/dev/null", response, response, "/nonexistent/stamp", &error);
  gp_fuzz_require(status != GP_OK, "no folder, no stamp");
  gp_fuzz_check_failure(status, &error);
}

/* The input as certificates to trust, and as revocation lists, for a stamp that is good. */
static void trust(const char *path) {
  static const char stamp[] = GP_FUZZ_SEEDS "/timestamp/stamp.gpt";
  verify(stamp, path, NULL);
  verify(stamp, ROOT, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = gp_fuzz_file(data, size);
  verify(path, ROOT, NULL);
  attach(path);
  trust(path);
  uint8_t *file = calloc(1, HEADER_SIZE + size + CHECKSUM_SIZE);
  gp_fuzz_require(file != NULL, "memory for a copy");
  memcpy(file, "\x89GPTIM\r\n\1\1", 10);
  gp_store_le32(file + 12, (uint32_t)size);
  (void)crypto_hash_sha256(file + 16, NULL, 0); /* of /dev/null */
  if (size > 0) {
    memcpy(file + HEADER_SIZE, data, size);
  }
  (void)crypto_hash_sha256(file + HEADER_SIZE + size, file, HEADER_SIZE + size);
  verify(gp_fuzz_file(file, HEADER_SIZE + size + CHECKSUM_SIZE), ROOT, NULL);
  free(file);
  return 0;
}

/* Signatures and keys in minisign's format; whatever is read as a signature of the input, it
 * cannot hold. */
#include "support.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gp_error error;
  gp_signer signer = {0};
  gp_signature_facts facts;
  gp_signing_key *key = NULL;
  const char *path = gp_fuzz_file(data, size);
  gp_status status = gp_signer_load(path, &signer, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
  } else {
    gp_fuzz_require(strlen(signer.id) == GP_SIGNER_ID_SIZE - 1, "a signer's id");
  }
  /* The number that the seeds have, so that more than it is looked at. */
  memcpy(signer.number, "\1\2\3\4\5\6\7\10", sizeof signer.number);
  status = gp_signature_verify(path, path, &signer, &facts, &error);
  gp_fuzz_require(status != GP_OK, "nothing is its own signature");
  gp_fuzz_check_failure(status, &error);
  status = gp_signing_key_load(path, NULL, 0, &key, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    gp_fuzz_require(key == NULL, "nothing comes of a bad file");
  }
  gp_signing_key_free(key);
  return 0;
}

/* Proofs, checked for a small text: as they come, and with the checksum put right, which no
 * mutation would hit. One that holds says what the key's owner says, whoever wrote it. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define CHECKSUM_SIZE crypto_hash_sha256_BYTES
#define SIZE_MAX_HERE 4096U

static const uint32_t first[] = {1, 2, 3, 1, 2, 4};
static const uint32_t second[] = {7, 1, 2, 7, 9};

static gp_key *key;
static gp_public_key public_key;
static gp_proof_text *text;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  uint8_t master[GP_MASTER_KEY_SIZE];
  for (uint8_t i = 0; i < sizeof master; i++) {
    master[i] = i;
  }
  gp_fuzz_require(gp_key_from_bytes_provable(&params, master, &key, NULL) == GP_OK &&
                      gp_key_public(key, &public_key, NULL) == GP_OK &&
                      gp_proof_text_new(&public_key, &text, NULL) == GP_OK &&
                      gp_proof_text_add(text, first, 6, NULL) == GP_OK &&
                      gp_proof_text_add(text, NULL, 0, NULL) == GP_OK &&
                      gp_proof_text_add(text, second, 5, NULL) == GP_OK,
                  "a text to be checked for");
  return 0;
}

static gp_result score(const gp_key *with, const gp_proof_info *info) {
  const gp_verifier_options options = {info->has_tenant, info->tenant};
  gp_verifier *verifier = NULL;
  gp_result result;
  gp_fuzz_require(gp_verifier_new(with, &options, &verifier, NULL) == GP_OK &&
                      gp_verifier_add(verifier, first, 6, NULL) == GP_OK &&
                      gp_verifier_add(verifier, second, 5, NULL) == GP_OK,
                  "a key that scores the text");
  gp_verifier_result(verifier, &result);
  gp_verifier_free(verifier);
  return result;
}

static void check(const uint8_t *data, size_t size) {
  const char *path = gp_fuzz_file(data, size);
  gp_error error;
  gp_proof_info info;
  gp_status status = gp_proof_inspect(path, &info, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  gp_fuzz_require(info.file_size == size && info.proved <= info.contexts &&
                      info.proved * GP_ELEMENT_SIZE < size,
                  "counts that fit");
  gp_key *scoring = NULL;
  status = gp_proof_check(path, &public_key, text, NULL, &info, &scoring, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    gp_fuzz_require(scoring == NULL, "nothing comes of a bad proof");
    return;
  }
  const gp_result proved = score(scoring, &info);
  const gp_result real = score(key, &info);
  gp_fuzz_require(proved.scored == real.scored && proved.green == real.green,
                  "a proof that holds says the truth");
  gp_key_free(scoring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(data, size);
  if (size <= CHECKSUM_SIZE || size > SIZE_MAX_HERE) {
    return 0;
  }
  uint8_t file[SIZE_MAX_HERE];
  memcpy(file, data, size);
  (void)crypto_hash_sha256(file + (size - CHECKSUM_SIZE), file, size - CHECKSUM_SIZE);
  check(file, size);
  return 0;
}

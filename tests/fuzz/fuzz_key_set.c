/* Sets of keys and proofs of inclusion: as they come, and with the checksum put right, which no
 * mutation would hit. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define CHECKSUM_SIZE crypto_hash_sha256_BYTES

static bool load_set(const char *path) {
  gp_error error;
  gp_key_set *set = NULL;
  const gp_status status = gp_key_set_load(path, &set, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    gp_fuzz_require(set == NULL, "nothing comes of a bad file");
    return false;
  }
  const size_t last = gp_key_set_size(set) - 1;
  gp_inclusion proof;
  gp_fuzz_require(gp_key_set_prove(set, last, &proof, &error) == GP_OK &&
                      gp_inclusion_check(&proof, &error) == GP_OK,
                  "the last key of a set can be shown to be in it");
  gp_fuzz_require(gp_key_set_add_file(set, path, &error) == GP_OK &&
                      gp_key_set_size(set) == last + 1,
                  "a set united with itself is itself");
  gp_key_set_free(set);
  return true;
}

static bool load_proof(const char *path) {
  gp_error error;
  gp_inclusion proof;
  const gp_status status = gp_inclusion_load(path, &proof, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return false;
  }
  gp_fuzz_require(gp_inclusion_check(&proof, &error) == GP_OK, "a proof that was read holds");
  gp_fuzz_require(gp_params_check(&proof.key.params, &error) == GP_OK, "valid parameters");
  gp_fuzz_require(proof.index < proof.tree_size, "an index in the tree");
  return true;
}

/* As either, which has to come to the same. */
static void load_either(const char *path, bool is_set, bool is_proof) {
  gp_error error;
  gp_key_set *set = NULL;
  gp_inclusion proof;
  const gp_status status = gp_committed_load(path, &set, &proof, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
  }
  gp_fuzz_require((status == GP_OK) == (is_set || is_proof), "one of the two");
  gp_fuzz_require((set != NULL) == is_set, "a set where it is one");
  gp_key_set_free(set);
}

static void load(const uint8_t *data, size_t size) {
  const char *path = gp_fuzz_file(data, size);
  const bool is_set = load_set(path);
  load_either(path, is_set, load_proof(path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  load(data, size);
  if (size < CHECKSUM_SIZE) {
    return 0;
  }
  uint8_t *file = malloc(size);
  gp_fuzz_require(file != NULL, "memory for a copy");
  memcpy(file, data, size);
  (void)crypto_hash_sha256(file + size - CHECKSUM_SIZE, file, size - CHECKSUM_SIZE);
  load(file, size);
  free(file);
  return 0;
}

#include "committed.h"

#include <string.h>

static int take_proof(const char *command, const char *file, const gp_inclusion *proof,
                      gp_key *const *keys, const char *const *paths, size_t n_keys,
                      committed_findings *found) {
  for (size_t i = 0; i < n_keys; i++) {
    uint8_t commitment[GP_COMMITMENT_SIZE];
    gp_key_commitment(keys[i], commitment);
    if (memcmp(commitment, proof->key.commitment, sizeof commitment) != 0) {
      return cli_fail(command, "--committed %s is for key %s, not for that of %s%s", file,
                      proof->key.id, paths[i],
                      n_keys > 1 ? ": several keys need the set itself" : "");
    }
  }
  found->tree_size = proof->tree_size;
  memcpy(found->root, proof->root, sizeof found->root);
  return CLI_OK;
}

static int take_set(const char *command, const char *file, const gp_key_set *set,
                    gp_key *const *keys, const char *const *paths, size_t n_keys,
                    committed_findings *found) {
  gp_error error;
  for (size_t i = 0; i < n_keys; i++) {
    uint8_t commitment[GP_COMMITMENT_SIZE];
    size_t at = 0;
    gp_key_commitment(keys[i], commitment);
    if (gp_key_set_find(set, commitment, sizeof commitment, &at, &error) != GP_OK) {
      return cli_fail(command, "--committed %s: %s: %s", file, paths[i], error.message);
    }
  }
  found->tree_size = gp_key_set_size(set);
  return gp_key_set_root(set, found->root, &error) == GP_OK
             ? CLI_OK
             : cli_fail(command, "%s", error.message);
}

static int read_file(const char *command, const char *file, gp_key *const *keys,
                     const char *const *paths, size_t n_keys, committed_findings *found) {
  gp_error error;
  gp_inclusion proof;
  gp_key_set *set = NULL;
  if (gp_committed_load(file, &set, &proof, &error) != GP_OK) {
    return cli_fail(command, "--committed %s", error.message);
  }
  const int status = set != NULL ? take_set(command, file, set, keys, paths, n_keys, found)
                                 : take_proof(command, file, &proof, keys, paths, n_keys, found);
  gp_key_set_free(set);
  return status;
}

int committed_read(const char *command, const char *file, gp_key *const *keys,
                   const char *const *paths, size_t n_keys, bool by_document,
                   committed_findings *found) {
  const int status = file != NULL ? read_file(command, file, keys, paths, n_keys, found) : CLI_OK;
  if (status == CLI_OK && found->tree_size > 1 && by_document) {
    return cli_fail(command, "--per-document and --json-lines do not go with --committed of more "
                             "than one key");
  }
  return status;
}

#include "committed.h"

#include <string.h>

#include <sodium.h>

static gp_status load(committed *read, gp_error *error) {
  gp_status status = gp_committed_load(read->file, &read->set, &read->inclusion, error);
  if (status != GP_OK) {
    return status;
  }
  if (read->set != NULL) {
    read->keys = gp_key_set_size(read->set);
    return gp_key_set_root(read->set, read->root, error);
  }
  read->keys = read->inclusion.tree_size;
  memcpy(read->root, read->inclusion.root, sizeof read->root);
  return GP_OK;
}

int committed_open(const char *command, const char *file, committed *read) {
  gp_error error;
  *read = (committed){.file = file};
  return load(read, &error) == GP_OK ? CLI_OK
                                     : cli_fail(command, "--committed %s", error.message);
}

void committed_close(committed *read) {
  gp_key_set_free(read->set);
  *read = (committed){0};
}

int committed_covers(const char *command, const committed *read,
                     const uint8_t commitment[GP_COMMITMENT_SIZE], const char *name,
                     bool several) {
  gp_error error;
  size_t at = 0;
  if (read->file == NULL) {
    return CLI_OK;
  }
  if (read->set != NULL) {
    return gp_key_set_find(read->set, commitment, GP_COMMITMENT_SIZE, &at, &error) == GP_OK
               ? CLI_OK
               : cli_fail(command, "--committed %s: %s: %s", read->file, name, error.message);
  }
  return memcmp(commitment, read->inclusion.key.commitment, GP_COMMITMENT_SIZE) == 0
             ? CLI_OK
             : cli_fail(command, "--committed %s is for key %s, not for that of %s%s", read->file,
                        read->inclusion.key.id, name,
                        several ? ": several keys need the set itself" : "");
}

int committed_check_root(const char *command, const char *file, const char *given,
                         const uint8_t root[GP_ROOT_SIZE]) {
  uint8_t wanted[GP_ROOT_SIZE];
  char found[2 * GP_ROOT_SIZE + 1];
  const char *end = NULL;
  size_t size = 0;
  if (sodium_hex2bin(wanted, sizeof wanted, given, strlen(given), NULL, &size, &end) != 0 ||
      size != sizeof wanted || *end != '\0') {
    return cli_fail(command, "--root %s is not a root, which has 64 hexadecimal digits", given);
  }
  return memcmp(wanted, root, sizeof wanted) == 0
             ? CLI_OK
             : cli_fail(command,
                        "%s: its root is %s, not the one given: the key is not shown to be in "
                        "that set",
                        file, sodium_bin2hex(found, sizeof found, root, GP_ROOT_SIZE));
}

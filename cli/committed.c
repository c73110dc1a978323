#include "committed.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

bool committed_is_set(const char *file) {
  static const uint8_t magic[8] = {0x89, 'G', 'P', 'S', 'E', 'T', '\r', '\n'};
  uint8_t start[sizeof magic];
  const int fd = cli_can_be_read_again(file) ? open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
  if (fd < 0) {
    return false;
  }
  const ssize_t got = read(fd, start, sizeof start);
  (void)close(fd);
  return got == (ssize_t)sizeof start && memcmp(start, magic, sizeof magic) == 0;
}

static gp_status open_proof(committed *read, gp_error *error) {
  const gp_status status = gp_inclusion_load(read->file, &read->inclusion, error);
  if (status == GP_OK) {
    read->keys = read->inclusion.tree_size;
    memcpy(read->root, read->inclusion.root, sizeof read->root);
  }
  return status;
}

static gp_status open_set(committed *read, gp_error *error) {
  const gp_status status = gp_key_set_load(read->file, &read->set, error);
  if (status != GP_OK) {
    return status;
  }
  read->keys = gp_key_set_size(read->set);
  return gp_key_set_root(read->set, read->root, error);
}

int committed_open(const char *command, const char *file, committed *read) {
  gp_error error;
  *read = (committed){.file = file};
  const gp_status status =
      committed_is_set(file) ? open_set(read, &error) : open_proof(read, &error);
  return status == GP_OK ? CLI_OK : cli_fail(command, "--committed %s", error.message);
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

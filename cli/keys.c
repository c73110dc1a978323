#include "keys.h"

#include "cli.h"
#include "passphrase.h"

#include <string.h>

static int load_with_file(const char *command, const char *path, const char *passphrase_file,
                          gp_key **key) {
  gp_error error;
  gp_key_info info;
  passphrase secret = {0};
  int status = passphrase_from_file(command, passphrase_file, &secret);
  if (status != CLI_OK) {
    return status;
  }
  if (gp_key_load(path, secret.bytes, secret.length, key, &error) != GP_OK) {
    status = cli_fail(command, "%s", error.message);
  } else if (cli_can_be_read_again(path) && gp_key_inspect(path, &info, NULL) == GP_OK &&
             !info.sealed) {
    cli_warn_if_readable(command, path);
  }
  passphrase_free(&secret);
  return status;
}

/* The passphrase was given for the key that the prompt named, not for another that has
 * taken its place meanwhile. */
static int check_id(const char *command, const char *path, const gp_key *key,
                    const char *asked_for) {
  char id[GP_KEY_ID_STRING_SIZE];
  gp_key_id(key, id);
  if (strcmp(id, asked_for) != 0) {
    return cli_fail(command, "%s: the key file changed while its passphrase was asked for", path);
  }
  return CLI_OK;
}

static int load_by_asking(const char *command, const char *path, gp_key **key) {
  gp_error error;
  gp_key_info info;
  if (!cli_can_be_read_again(path)) {
    return cli_fail(command,
                    "%s: the key is sealed and does not come from a regular file: "
                    "name a file that holds its passphrase with --passphrase-file",
                    path);
  }
  if (gp_key_inspect(path, &info, &error) != GP_OK) {
    return cli_fail(command, "%s", error.message);
  }
  char prompt[64];
  (void)snprintf(prompt, sizeof prompt, "Passphrase of key %s: ", info.id);
  passphrase secret = {0};
  int status = passphrase_from_terminal(command, prompt, &secret);
  if (status != CLI_OK) {
    return status;
  }
  if (gp_key_load(path, secret.bytes, secret.length, key, &error) != GP_OK) {
    status = cli_fail(command, "%s", error.message);
  } else {
    status = check_id(command, path, *key, info.id);
  }
  passphrase_free(&secret);
  return status;
}

/* Reads the key file once where that is enough, so that it may be a pipe. */
int key_open(const char *command, const char *path, const char *passphrase_file, gp_key **key) {
  if (passphrase_file != NULL) {
    return load_with_file(command, path, passphrase_file, key);
  }
  gp_error error;
  const gp_status loaded = gp_key_load(path, NULL, 0, key, &error);
  if (loaded == GP_ERR_PASSPHRASE) {
    return load_by_asking(command, path, key);
  }
  if (loaded != GP_OK) {
    return cli_fail(command, "%s", error.message);
  }
  cli_warn_if_readable(command, path);
  return CLI_OK;
}

int key_use_table(const char *command, const char *table, gp_key *key) {
  gp_error error;
  return table == NULL || gp_key_use_table(key, table, &error) == GP_OK
             ? CLI_OK
             : cli_fail(command, "%s", error.message);
}

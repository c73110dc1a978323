/* Keys for commands that read them. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "greenprint.h"

/* Loads a key file, asking on the terminal for the passphrase of a sealed one unless
 * `passphrase_file` (may be NULL) names a file that holds it. Returns an exit status, and has
 * said on standard error what went wrong. */
int key_open(const char *command, const char *path, const char *passphrase_file, gp_key **key);

/* Has a key look up nonces in a table; does nothing where `table` is NULL. Likewise. */
int key_use_table(const char *command, const char *table, gp_key *key);

#endif

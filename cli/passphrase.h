/* Passphrases, from a file or from the terminal and from nowhere else: a command line or
 * an environment is open to other eyes. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include <stddef.h>

typedef struct passphrase {
  char *bytes; /* in locked memory that is wiped when freed; NULL for none */
  size_t length;
} passphrase;

/* Reads a file; one LF or CR LF at its end is not part of the passphrase. */
int passphrase_from_file(const char *command, const char *path, passphrase *result);

/* Asks on the terminal. These return an exit status, and have said what went wrong. */
int passphrase_from_terminal(const char *command, const char *prompt, passphrase *result);

/* Asks twice; both entries have to be the same. */
int passphrase_from_terminal_twice(const char *command, passphrase *result);

/* Wipes and releases. */
void passphrase_free(passphrase *secret);

#endif

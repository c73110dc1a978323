/* Files of keys that were committed to beforehand: sets, and proofs that a key is in one. */
#ifndef CLI_COMMITTED_H
#define CLI_COMMITTED_H

#include "cli.h"

typedef struct committed {
  const char *file;       /* NULL: nothing is known of any, and all else is 0 */
  gp_key_set *set;        /* NULL if the file is a proof */
  gp_inclusion inclusion; /* otherwise */
  uint64_t keys;
  uint8_t root[GP_ROOT_SIZE];
  bool as_given; /* the root is the one of --root */
} committed;

/* Reads a set, or a proof. These return an exit status, and have said what is wrong;
 * committed_close() in any case. */
int committed_open(const char *command, const char *file, committed *read);
void committed_close(committed *read);

/* Sees that a key, which `name` names for people, is in the set; in any, if there is no file.
 * `several`: it is one of several. */
int committed_covers(const char *command, const committed *read,
                     const uint8_t commitment[GP_COMMITMENT_SIZE], const char *name,
                     bool several);

/* Sees that the root of a file is the one that was given with --root. */
int committed_check_root(const char *command, const char *file, const char *given,
                         const uint8_t root[GP_ROOT_SIZE]);

#endif

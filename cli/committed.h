/* Keys that were committed to beforehand, and those that are tested. */
#ifndef CLI_COMMITTED_H
#define CLI_COMMITTED_H

#include "findings.h"

/* Reads a proof that a key is in a set of committed ones, or the set itself, which several keys
 * need: all have to be in it. `file` may be NULL: then there is nothing to be done. `paths` name
 * the keys. `by_document`: documents are judged one by one, which more than one key cannot be
 * paid for in. Returns an exit status, and has said what is wrong. */
int committed_read(const char *command, const char *file, gp_key *const *keys,
                   const char *const *paths, size_t n_keys, bool by_document,
                   committed_findings *found);

#endif

/* A key that somebody else holds, for the files at hand: by blind evaluation. */
#ifndef CLI_BLIND_KEY_H
#define CLI_BLIND_KEY_H

#include "blind_options.h"
#include "documents.h"

/* Reads the files, has the nonces of their contexts evaluated, and makes the key that scores
 * these files and no others. They are read again for that, and have to be regular ones. Returns
 * an exit status, and has said what went wrong. */
int blind_key_open(const char *command, const blind_options *options,
                   const reading_options *reading, char **files, size_t n_files,
                   const gp_verifier_options *tenant, bool quiet, gp_key **key);

#endif

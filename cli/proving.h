/* What proving and checking share. */
#ifndef CLI_PROVING_H
#define CLI_PROVING_H

#include "documents.h"

typedef struct proving {
  gp_verifier_options tenant;
  uint64_t sample;
  gp_proof_options options; /* for gp_prove() and gp_proof_check() */
  uint8_t tokenizer_sha256[32];
} proving;

/* Sets up the options: threads, the tokenizer's digest, progress. Returns an exit status, and has
 * said what is wrong; proving_close() in any case. The proving must not be moved. */
int proving_open(proving *run, const documents *read, unsigned threads);
void proving_close(proving *run);

/* The text of all documents, to be freed in any case. Likewise. */
int proving_read(const gp_public_key *public_key, documents *read, bool quiet,
                 gp_proof_text **text);

#endif

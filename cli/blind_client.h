/* The HTTP client of blind evaluation (SPEC.md section 20), over libcurl. */
#ifndef CLI_BLIND_CLIENT_H
#define CLI_BLIND_CLIENT_H

#include "greenprint.h"

/* A server, and how to ask it. */
typedef struct blind_server {
  const char *url;        /* such as https://audit.example.org or http://127.0.0.1:8787 */
  const char *token_file; /* NULL: none is needed */
  const char *ca_file;    /* certificates to trust; NULL: the system's */
  unsigned timeout;       /* seconds for a request; 0: 120 */
  unsigned threads;       /* for blinding and checking; 0: as many as there are processors */
  bool quiet;             /* no progress line */
} blind_server;

/* Has the nonces of `count` inputs of `input_size` bytes each evaluated, one after the other in
 * `inputs` (SPEC.md section 18 says what they are), in as many requests as the server's limit
 * asks for, each answer's proof checked against the public key. What is the same has to be sent
 * once only: every input spends the token's budget. Asks the server first whether it has this
 * key and the token enough left. Returns an exit status, and has said what went wrong; then all
 * of `nonces` is zero. One thread at a time. */
int blind_fetch(const char *command, const blind_server *server, const gp_public_key *key,
                const uint8_t *inputs, size_t input_size, size_t count,
                uint8_t (*nonces)[GP_NONCE_SIZE]);

/* Has a proof of a text made (SPEC.md section 19), as gp_prove_blind() makes it, from as many
 * requests. `options` say what is proved; threads and progress are the server's matter. Likewise:
 * the file is written whole or not at all. */
int blind_prove(const char *command, const blind_server *server, const gp_public_key *key,
                const gp_proof_text *text, const gp_proof_options *options, const char *path,
                gp_proof_info *info);

#endif

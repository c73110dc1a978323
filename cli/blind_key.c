#include "blind_key.h"

#include <stdlib.h>

#include "proving.h"

/* Has the nonces of a text evaluated. */
static int fetch(const char *command, const blind_options *options,
                 const gp_public_key *public_key, const gp_proof_text *text,
                 const gp_verifier_options *tenant, gp_key **key) {
  gp_error error;
  const size_t count = gp_proof_text_contexts(text);
  const size_t size = gp_proof_text_inputs(text, tenant, NULL);
  uint8_t *inputs = malloc((count + 1) * size);
  uint8_t(*nonces)[GP_NONCE_SIZE] = malloc((count + 1) * GP_NONCE_SIZE);
  int status = CLI_OK;
  if (inputs == NULL || nonces == NULL) {
    status = cli_fail(command, "out of memory: the contexts of the files");
  }
  if (status == CLI_OK && count > 0) {
    (void)gp_proof_text_inputs(text, tenant, inputs);
    status = blind_fetch(command, &options->server, public_key, inputs, size, count, nonces);
  }
  if (status == CLI_OK && gp_proof_text_key(text, tenant, (const uint8_t(*)[GP_NONCE_SIZE])nonces,
                                            key, &error) != GP_OK) {
    status = cli_fail(command, "%s", error.message);
  }
  free(inputs);
  free(nonces);
  return status;
}

int blind_key_open(const char *command, const blind_options *options,
                   const reading_options *reading, char **files, size_t n_files,
                   const gp_verifier_options *tenant, bool quiet, gp_key **key) {
  gp_error error;
  gp_public_key public_key;
  gp_proof_text *text = NULL;
  documents read = {0};
  if (gp_public_key_load(options->public_file, &public_key, &error) != GP_OK) {
    return cli_fail(command, "%s", error.message);
  }
  int status = documents_open(&read, command, reading, files, n_files);
  if (status == CLI_OK) {
    status = documents_check_again(&read, " with --server");
  }
  if (status == CLI_OK) {
    status = proving_read(&public_key, &read, quiet, &text);
  }
  if (status == CLI_OK) {
    status = fetch(command, options, &public_key, text, tenant, key);
  }
  gp_proof_text_free(text);
  documents_close(&read);
  return status;
}

#include "proving.h"

#include <string.h>

#include "progress.h"

/* The line counts tokens where it reads, and contexts where it proves. */
static void on_progress(void *user, uint64_t done, uint64_t total) {
  (void)user;
  (void)total;
  progress_update(0, done);
}

int proving_open(proving *run, const documents *read, unsigned threads) {
  gp_error error;
  run->options = (gp_proof_options){.has_tenant = run->tenant.has_tenant,
                                    .tenant = run->tenant.tenant,
                                    .sample = run->sample,
                                    .on_progress = on_progress};
  if (read->tokenizer != NULL) {
    gp_tokenizer_info info;
    gp_tokenizer_get_info(read->tokenizer, &info);
    memcpy(run->tokenizer_sha256, info.sha256, sizeof run->tokenizer_sha256);
    run->options.tokenizer_sha256 = run->tokenizer_sha256;
  }
  return gp_thread_pool_new(threads, &run->options.threads, &error) == GP_OK
             ? CLI_OK
             : cli_fail(read->command, "%s", error.message);
}

void proving_close(proving *run) {
  gp_thread_pool_free(run->options.threads);
}

static gp_status add(void *user, const uint32_t *tokens, size_t n_tokens, gp_error *error) {
  return gp_proof_text_add(user, tokens, n_tokens, error);
}

int proving_read(const gp_public_key *public_key, documents *read, bool quiet,
                 gp_proof_text **text) {
  gp_error error;
  if (gp_proof_text_new(public_key, text, &error) != GP_OK) {
    return cli_fail(read->command, "%s", error.message);
  }
  return documents_each(read, quiet, add, *text);
}

/* Partial files, merged alone and with themselves: as they come, and with the checksum put
 * right, which no mutation would hit. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

static gp_status on_document(void *user, const gp_corpus_document *document, gp_error *error) {
  (void)error;
  uint64_t *documents = user;
  gp_fuzz_require(document->alone.green <= document->alone.scored, "counts that fit together");
  ++*documents;
  return GP_OK;
}

static void check_result(const gp_corpus *corpus, uint64_t documents) {
  gp_corpus_info info;
  gp_corpus_get_info(corpus, &info);
  gp_error error;
  gp_fuzz_require(gp_params_check(&info.params, &error) == GP_OK, "parameters");
  gp_fuzz_touch(info.settings, strlen(info.settings));
  gp_result result;
  gp_corpus_get_result(corpus, 0, &result);
  gp_fuzz_require(result.green <= result.scored, "no more green coins than coins");
  gp_fuzz_require(result.log10_p <= 0.0, "a p-value");
  gp_fuzz_require(!info.documents || documents == result.documents, "every document is reported");
  for (size_t i = 0; i < info.n_inputs; i++) {
    gp_corpus_input_facts facts;
    gp_corpus_get_input(corpus, i, &facts);
    gp_fuzz_touch(facts.name, strlen(facts.name));
  }
}

static void merge(const uint8_t *data, size_t size, size_t times) {
  const char *path = gp_fuzz_file(data, size);
  const char *const paths[] = {path, path};
  uint64_t documents = 0;
  const gp_corpus_options options = {.on_document = on_document, .user = &documents};
  gp_error error;
  gp_corpus *corpus = NULL;
  gp_fuzz_require(gp_corpus_new(&options, &corpus, &error) == GP_OK, "a corpus");
  const gp_status status = gp_corpus_merge(corpus, paths, times, NULL, &error);
  if (status == GP_OK) {
    check_result(corpus, documents);
  } else {
    gp_fuzz_check_failure(status, &error);
  }
  gp_corpus_free(corpus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  merge(data, size, 1);
  if (size < crypto_hash_sha256_BYTES) {
    return 0;
  }
  uint8_t *file = malloc(size);
  gp_fuzz_require(file != NULL, "memory for a copy");
  const size_t covered = size - crypto_hash_sha256_BYTES;
  memcpy(file, data, size);
  (void)crypto_hash_sha256(file + covered, file, covered);
  merge(file, size, 2);
  free(file);
  return 0;
}

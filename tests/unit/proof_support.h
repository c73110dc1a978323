/* Texts, and proofs of them, for tests. */
#ifndef GP_TEST_PROOF_SUPPORT_H
#define GP_TEST_PROOF_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#define DOCUMENTS_MAX 64

/* Documents of token ids. */
typedef struct documents {
  size_t count;
  size_t lengths[DOCUMENTS_MAX];
  uint32_t *tokens[DOCUMENTS_MAX];
} documents;

static inline uint32_t *add_document(documents *text, size_t length) {
  assert_true(text->count < DOCUMENTS_MAX);
  uint32_t *tokens = calloc(length + 1, sizeof *tokens);
  assert_non_null(tokens);
  text->lengths[text->count] = length;
  text->tokens[text->count++] = tokens;
  return tokens;
}

/* A document of ids below `vocabulary`, of which a part repeats. */
static inline void add_random(documents *text, size_t length, uint32_t vocabulary,
                              uint64_t *random) {
  uint32_t *tokens = add_document(text, length);
  for (size_t i = 0; i < length; i++) {
    const bool again = i > 4 && next_random(random) % 3 == 0;
    tokens[i] = again ? tokens[i - 4] : (uint32_t)(next_random(random) % vocabulary);
  }
}

static inline void free_documents(documents *text) {
  for (size_t i = 0; i < text->count; i++) {
    free(text->tokens[i]);
  }
  text->count = 0;
}

static inline gp_public_key public_of(const gp_key *key) {
  gp_public_key public_key = {0};
  assert_ok(gp_key_public(key, &public_key, error));
  return public_key;
}

static inline gp_proof_text *text_for(const gp_public_key *public_key, const documents *text) {
  gp_proof_text *made = NULL;
  assert_ok(gp_proof_text_new(public_key, &made, error));
  for (size_t i = 0; i < text->count; i++) {
    assert_ok(gp_proof_text_add(made, text->tokens[i], text->lengths[i], error));
  }
  return made;
}

static inline void verify_documents(const gp_key *key, const documents *text,
                                    const uint64_t *tenant, gp_result *result) {
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(key, &options, &verifier, error));
  for (size_t i = 0; i < text->count; i++) {
    assert_ok(gp_verifier_add(verifier, text->tokens[i], text->lengths[i], error));
  }
  gp_verifier_result(verifier, result);
  gp_verifier_free(verifier);
}

static inline void write_documents(const char *path, const documents *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (size_t d = 0; d < text->count; d++) {
    (void)fputs("{\"ids\":[", file);
    for (size_t i = 0; i < text->lengths[d]; i++) {
      (void)fprintf(file, "%s%u", i > 0 ? "," : "", (unsigned)text->tokens[d][i]);
    }
    (void)fputs("]}\n", file);
  }
  assert_int_equal(fclose(file), 0);
}

static inline gp_corpus_input input_of_documents(const char *path) {
  return (gp_corpus_input){path, {.format = GP_INPUT_JSONL, .field = "ids"}};
}

/* By a gp_corpus, out of a file that is made for it and removed. */
static inline void run_documents(const char *path, const gp_key *key, const documents *text,
                                 const uint64_t *tenant, unsigned threads, gp_result *result) {
  write_documents(path, text);
  const gp_corpus_options options = {.keys = &key,
                                     .n_keys = 1,
                                     .tenants = tenant,
                                     .n_tenants = tenant != NULL,
                                     .threads = threads};
  const gp_corpus_input input = input_of_documents(path);
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_ok(gp_corpus_run(corpus, &input, 1, NULL, error));
  gp_corpus_get_result(corpus, 0, result);
  gp_corpus_free(corpus);
  assert_int_equal(unlink(path), 0);
}

static inline void assert_results_equal(const gp_result *a, const gp_result *b) {
  assert_int_equal(a->documents, b->documents);
  assert_int_equal(a->tokens, b->tokens);
  assert_int_equal(a->scored, b->scored);
  assert_int_equal(a->repeated, b->repeated);
  assert_int_equal(a->green, b->green);
  assert_true(a->z == b->z && a->log10_p == b->log10_p);
}

/* A whole file, to be freed. */
static inline uint8_t *bytes_of_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  const long end = ftell(file);
  assert_true(end >= 0);
  rewind(file);
  uint8_t *bytes = malloc((size_t)end + 1);
  assert_non_null(bytes);
  *size = fread(bytes, 1, (size_t)end, file);
  assert_int_equal(*size, end);
  assert_int_equal(fclose(file), 0);
  return bytes;
}

static inline void bytes_to_file(const char *path, const uint8_t *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

#endif

/* Runs over inputs, and what is made of their documents. */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "findings.h"
#include "inputs.h"

typedef struct scan_plan {
  const char *command;
  gp_key *const *keys; /* none in a merge */
  size_t n_keys;
  const uint64_t *tenants;
  size_t n_tenants;
  const price *price;
  const gp_tokenizer *tokenizer; /* may be NULL */
  const char *settings;          /* see settings_describe() */
  const gp_corpus_input *inputs; /* in a merge only their paths count */
  size_t n_inputs;
  const gp_proof_info *proof; /* that the key is from; NULL: the key is its owner's */
  const char *partial;        /* to be written; may be NULL */
  const char *weights;        /* expectations file; may be NULL */
  unsigned threads;
  uint64_t max_memory;
  bool skip_bad;
  bool per_document;
  bool locate;
  bool show; /* keep documents for the page */
  bool no_progress;
  double alpha;
} scan_plan;

/* Does all of it and fills `all`. Returns an exit status, and has said what went wrong. */
int scan(const scan_plan *plan, findings *all);

#endif

/* Everything that a report of `verify` says. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include "greenprint.h"

typedef struct input_findings {
  const char *name; /* as it was given */
  gp_input_format format;
  gp_input_facts facts;
  uint64_t documents;
  uint64_t tokens;
} input_findings;

typedef struct document_findings {
  size_t input; /* index into `inputs` */
  uint64_t line;
  gp_result result; /* as if it stood alone */
} document_findings;

typedef struct findings {
  gp_params params;
  char key_id[GP_KEY_ID_STRING_SIZE];
  uint8_t commitment[GP_COMMITMENT_SIZE];
  gp_verifier_options tenant;
  double alpha;
  bool found;
  gp_result result;
  input_findings *inputs;
  size_t n_inputs;
  bool per_document;
  document_findings *documents; /* where per_document */
  size_t n_documents;
  size_t documents_capacity;
} findings;

void findings_free(findings *all);

#endif

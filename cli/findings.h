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

/* A document as if it stood alone. There may be many millions, so what follows from the
 * rest, z, is not kept. */
typedef struct document_findings {
  size_t input; /* index into `inputs` */
  uint64_t line;
  uint64_t tokens;
  uint64_t scored;
  uint64_t repeated;
  uint64_t green;
  double log10_p;
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

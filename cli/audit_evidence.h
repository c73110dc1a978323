/* What an audit of a model rests on: the key, and everything that was read. */
#ifndef CLI_AUDIT_EVIDENCE_H
#define CLI_AUDIT_EVIDENCE_H

#include "audit_options.h"
#include "greenprint.h"

/* A file that was read. */
typedef struct audit_input {
  const char *role;   /* "answers", "weights", "reference" or "served" */
  char *name;         /* owned */
  const char *format; /* of answers as in gp_input_format_name(); else NULL */
  gp_input_facts file;
  uint64_t documents;
  uint64_t tokens;
  uint64_t contexts; /* of a served set; else 0 */
} audit_input;

typedef struct audit_evidence {
  const audit_options *options;
  gp_key *key;
  gp_params params;
  char key_id[GP_KEY_ID_STRING_SIZE];
  uint8_t commitment[GP_COMMITMENT_SIZE];
  price price;
  cli_bill bill; /* of one tenant */
  gp_tokenizer *tokenizer;
  char *settings;      /* settings_describe() */
  gp_contexts *served; /* of --served, until it is noted */
  gp_audit *audit;
  gp_audit_counts counts;
  bool has_label;
  char label[GP_EXPECTATIONS_LABEL_SIZE]; /* of the reference model; of the suspect if open */
  audit_input *inputs;
  size_t n_inputs;
  size_t capacity;
} audit_evidence;

/* Refuses what would only fail after the work, opens key and tokenizer, and reads all that the
 * options name but the sets of --served-by. Returns an exit status, and has said what went
 * wrong. */
int evidence_collect(const audit_options *options, audit_evidence *evidence);

/* Loads a served set and has it noted in the audit, instead of any before. */
int evidence_set_served(audit_evidence *evidence, const char *path);

/* A p-value, multiplied with what it pays for. */
double evidence_correct(const audit_evidence *evidence, double log10_p);

void evidence_free(audit_evidence *evidence);

#endif

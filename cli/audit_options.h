/* What `audit` or `trace` was asked to do. */
#ifndef CLI_AUDIT_OPTIONS_H
#define CLI_AUDIT_OPTIONS_H

#include "greenprint.h"
#include "price.h"
#include "reading.h"

#define AUDIT_CONTROLS_MAX 100000

typedef struct audit_options {
  const char *command; /* "audit" or "trace" */
  const char *key;
  const char *passphrase_file;
  double alpha;
  price_options price;
  gp_verifier_options tenant;
  const char *table;       /* may be NULL */
  const char *tenants;     /* trace */
  const char *served_by;   /* trace */
  reading_options reading; /* of the answers */
  const char *prompts;
  const char *served;
  const char *reference;
  uint64_t controls;
  unsigned threads;
  const char *html;
  char **files;
  size_t n_files;
  bool open;
  bool json;
  bool quiet;
  bool help;
} audit_options;

extern const char audit_help[];
extern const char trace_help[];

/* Read and check the command line. Return an exit status, and have said what is wrong. */
int audit_parse_options(int argc, char **argv, audit_options *options);
int trace_parse_options(int argc, char **argv, audit_options *options);

#endif

/* What `verify` was asked to do. */
#ifndef CLI_VERIFY_OPTIONS_H
#define CLI_VERIFY_OPTIONS_H

#include "greenprint.h"
#include "report.h"

#define VERIFY_KEYS_MAX 1000

typedef struct verify_options {
  bool help;
  const char *keys[VERIFY_KEYS_MAX];
  size_t n_keys;
  const char *passphrase_file;
  double alpha;
  bool has_tenant;
  uint64_t tenant;
  const char *tenants;
  const char *tokenizer;
  unsigned normalize;
  bool has_format;
  gp_input_format format;
  const char *field; /* NULL: as the format wants it */
  const char *role;
  bool recursive;
  bool skip_bad;
  const char *weights;
  bool per_document;
  bool locate;
  uint64_t max_memory;
  unsigned threads;
  const char *partial;
  report_form form;
  const char *html;
  bool quiet;
  char **files;
  size_t n_files;
} verify_options;

extern const char verify_help[];

/* Reads and checks the command line. Returns an exit status, and has said what is wrong. */
int verify_parse_options(int argc, char **argv, verify_options *options);

#endif

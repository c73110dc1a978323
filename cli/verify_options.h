/* What `verify` was asked to do. */
#ifndef CLI_VERIFY_OPTIONS_H
#define CLI_VERIFY_OPTIONS_H

#include "greenprint.h"
#include "reading.h"
#include "report.h"

#define VERIFY_KEYS_MAX 1000

typedef struct verify_options {
  const char *keys[VERIFY_KEYS_MAX];
  size_t n_keys;
  const char *passphrase_file;
  double alpha;
  gp_verifier_options tenant;
  const char *tenants;
  const char *tokenizer;
  unsigned normalize;
  gp_input_format format;
  const char *field; /* NULL: as the format wants it */
  const char *role;
  const char *weights;
  uint64_t max_memory;
  unsigned threads;
  const char *partial;
  report_form form;
  const char *html;
  char **files;
  size_t n_files;
  bool help;
  bool has_format;
  bool recursive;
  bool skip_bad;
  bool per_document;
  bool locate;
  bool quiet;
} verify_options;

/* Of these, how to read. */
static inline reading_options verify_reading(const verify_options *options) {
  return (reading_options){.tokenizer = options->tokenizer,
                           .normalize = options->normalize,
                           .format = options->format,
                           .field = options->field,
                           .role = options->role,
                           .has_format = options->has_format,
                           .recursive = options->recursive,
                           .skip_bad = options->skip_bad};
}

extern const char verify_help[];

/* Reads and checks the command line. Returns an exit status, and has said what is wrong. */
int verify_parse_options(int argc, char **argv, verify_options *options);

#endif

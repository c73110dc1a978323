/* What `verify` was asked to do. */
#ifndef CLI_VERIFY_OPTIONS_H
#define CLI_VERIFY_OPTIONS_H

#include "blind_key.h"
#include "cli.h"
#include "greenprint.h"
#include "price.h"
#include "reading.h"
#include "report.h"

#define VERIFY_KEYS_MAX CLI_KEYS_MAX

typedef struct verify_options {
  const char *keys[VERIFY_KEYS_MAX];
  size_t n_keys;
  price_options price;
  const char *passphrase_file;
  blind_options blind;
  double alpha;
  gp_verifier_options tenant;
  const char *tenants;
  const char *table; /* of the one key; may be NULL */
  reading_options reading;
  const char *weights;
  uint64_t max_memory;
  unsigned threads;
  const char *partial;
  report_form form;
  const char *html;
  char **files;
  size_t n_files;
  bool help;
  bool per_document;
  bool locate;
  bool quiet;
} verify_options;

extern const char verify_help[];

/* Reads and checks the command line. Returns an exit status, and has said what is wrong. */
int verify_parse_options(int argc, char **argv, verify_options *options);

#endif

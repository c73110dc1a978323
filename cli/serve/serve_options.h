/* The options of greenprint serve. */
#ifndef CLI_SERVE_SERVE_OPTIONS_H
#define CLI_SERVE_SERVE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define SERVE_COMMAND "serve"

typedef struct serve_options {
  const char *key;
  const char *passphrase_file;
  const char *listen;
  const char *tokens;
  const char *state;
  const char *log;
  const char *tls_cert;
  const char *tls_key;
  bool plain_http;
  size_t max_elements;
  unsigned threads; /* 0: as many as there are processors */
  unsigned timeout;
  bool help;
} serve_options;

/* Reads them and checks that they go together. Returns an exit status, and has said what is
 * wrong. */
int serve_read_options(int argc, char **argv, serve_options *options);

/* greenprint serve new-token. */
int serve_new_token(int argc, char **argv);

#endif

/* What `contexts` was asked to do, and the part of it that reads logs. */
#ifndef CLI_CONTEXTS_H
#define CLI_CONTEXTS_H

#include "reading.h"

typedef enum contexts_action {
  ACTION_NONE,
  ACTION_BUILD,
  ACTION_MERGE,
  ACTION_INFO
} contexts_action;

typedef struct contexts_options {
  contexts_action action;
  const char *output;
  const char *key;
  uint64_t width; /* 0: not given */
  reading_options reading;
  char **files;
  size_t n_files;
  bool help;
  bool json;
  bool quiet;
} contexts_options;

/* Writes the contexts file; *bad is the number of lines left out. Returns an exit status, and
 * has said what went wrong. */
int contexts_build(const contexts_options *options, uint64_t *bad);

#endif

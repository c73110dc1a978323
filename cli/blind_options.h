/* What the commands are told that have a server's key evaluate contexts. */
#ifndef CLI_BLIND_OPTIONS_H
#define CLI_BLIND_OPTIONS_H

#include "blind_client.h"

typedef struct blind_options {
  blind_server server; /* its URL is NULL unless somebody else holds the key */
  const char *public_file;
} blind_options;

/* That all of it is there, or nothing. Returns an exit status, and has said what is wrong. */
int blind_options_check(const char *command, const blind_options *options);

#endif

/* What the commands are told that have a server's key evaluate contexts. */
#ifndef CLI_BLIND_OPTIONS_H
#define CLI_BLIND_OPTIONS_H

#include "blind_client.h"
#include "cli.h"

typedef struct blind_options {
  blind_server server; /* its URL is NULL unless somebody else holds the key */
  const char *public_file;
} blind_options;

/* What getopt_long() returns for them. */
enum {
  BLIND_SERVER = CLI_OPTIONS_MAX - 24,
  BLIND_PUBLIC_FILE,
  BLIND_TOKEN_FILE,
  BLIND_CA_FILE
};

#define BLIND_OPTIONS                                                                            \
  {"server", required_argument, NULL, BLIND_SERVER},                                             \
      {"pub", required_argument, NULL, BLIND_PUBLIC_FILE},                                       \
      {"token-file", required_argument, NULL, BLIND_TOKEN_FILE}, {                               \
    "ca", required_argument, NULL, BLIND_CA_FILE                                                 \
  }

/* Takes note of one of these options, whose value is in optarg; false if it is another one. */
bool blind_set_option(int option, blind_options *options);

/* That all of it is there, or nothing. Returns an exit status, and has said what is wrong. */
int blind_options_check(const char *command, const blind_options *options);

#endif

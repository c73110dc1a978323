#include "blind_options.h"

#include <getopt.h>

bool blind_set_option(int option, blind_options *options) {
  switch (option) {
  case BLIND_SERVER:
    options->server.url = optarg;
    return true;
  case BLIND_PUBLIC_FILE:
    options->public_file = optarg;
    return true;
  case BLIND_TOKEN_FILE:
    options->server.token_file = optarg;
    return true;
  case BLIND_CA_FILE:
    options->server.ca_file = optarg;
    return true;
  default:
    return false;
  }
}

int blind_options_check(const char *command, const blind_options *options) {
  const blind_server *server = &options->server;
  if (server->url == NULL) {
    return options->public_file == NULL && server->token_file == NULL && server->ca_file == NULL
               ? CLI_OK
               : cli_fail(command, "--pub, --token-file and --ca go with --server URL");
  }
  return options->public_file != NULL
             ? CLI_OK
             : cli_fail(command,
                        "name the public file of the server's key with --pub PUBLICFILE");
}

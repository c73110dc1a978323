#include "blind_options.h"

#include "cli.h"

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

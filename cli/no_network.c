/* What stands for the commands of the network where they are not built (GREENPRINT_NETWORK). */
#include "blind_key.h"

static int fail(const char *command) {
  return cli_fail(command,
                  "--server: this greenprint was built without what goes over the network");
}

int blind_key_open(const char *command, const blind_options *options,
                   const reading_options *reading, char **files, size_t n_files,
                   const gp_verifier_options *tenant, bool quiet, gp_key **key) {
  (void)options;
  (void)reading;
  (void)files;
  (void)n_files;
  (void)tenant;
  (void)quiet;
  (void)key;
  return fail(command);
}

int blind_prove(const char *command, const blind_server *server, const gp_public_key *key,
                const gp_proof_text *text, const gp_proof_options *options, const char *path,
                gp_proof_info *info) {
  (void)server;
  (void)key;
  (void)text;
  (void)options;
  (void)path;
  (void)info;
  return fail(command);
}

int cli_serve(int argc, char **argv) {
  (void)argc;
  return cli_fail(argv[0], "this greenprint was built without what goes over the network");
}

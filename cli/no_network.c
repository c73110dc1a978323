/* What stands for the commands of the network where they are not built (GREENPRINT_NETWORK). */
#include "blind_key.h"

int blind_key_open(const char *command, const blind_key_options *options,
                   const reading_options *reading, char **files, size_t n_files,
                   const gp_verifier_options *tenant, bool quiet, gp_key **key) {
  (void)options;
  (void)reading;
  (void)files;
  (void)n_files;
  (void)tenant;
  (void)quiet;
  (void)key;
  return cli_fail(command,
                  "--server: this greenprint was built without what goes over the network");
}

int cli_serve(int argc, char **argv) {
  (void)argc;
  return cli_fail(argv[0], "this greenprint was built without what goes over the network");
}

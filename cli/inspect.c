/* greenprint inspect: what a key file says in the clear. */
#include "cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

static const char name[] = "inspect";

static const char help[] =
    "Usage: greenprint inspect [--json] KEYFILE\n"
    "\n"
    "Shows what a key file says without its passphrase: key id, commitment, parameters\n"
    "and protection. The file's form and checksum are checked. What is sealed is not:\n"
    "until it is opened, a sealed file only claims to hold that key.\n"
    "\n"
    "      --json  write one JSON object\n"
    "  -h, --help  show this help\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

typedef struct inspect_options {
  bool help;
  bool json;
  const char *path;
} inspect_options;

static int parse_options(int argc, char **argv, inspect_options *options) {
  enum {
    JSON = CLI_LONG_OPTION
  };
  static const struct option known[] = {
      {"json", no_argument, NULL, JSON},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  opterr = 0;
  int option = 0;
  while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
    switch (option) {
    case JSON:
      options->json = true;
      break;
    case 'h':
      options->help = true;
      return CLI_OK;
    default:
      return cli_bad_option(name, option, argv);
    }
  }
  if (argc - optind != 1) {
    return cli_fail(name, "name one key file; see greenprint inspect --help");
  }
  options->path = argv[optind];
  return CLI_OK;
}

static int print_json(const gp_key_info *info, const char *commitment) {
  json_t *argon2id = NULL;
  if (info->sealed) {
    argon2id = json_pack("{s:I, s:I}", "passes", (json_int_t)info->sealed_passes, "memory",
                         (json_int_t)info->sealed_memory);
  }
  json_t *object = json_pack("{s:s, s:s, s:i, s:f, s:s, s:s, s:b, s:o?}", "scheme", info->scheme,
                             "seeding", gp_seeding_name(info->params.seeding), "context_width",
                             (int)info->params.context_width, "gamma",
                             gp_params_gamma(&info->params), "key_id", info->id, "key_commitment",
                             commitment, "sealed", info->sealed ? 1 : 0, "argon2id", argon2id);
  char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(object);
  if (text == NULL) {
    return cli_fail(name, "out of memory: the JSON object");
  }
  (void)printf("%s\n", text);
  free(text);
  return cli_flush(name);
}

static int print_text(const gp_key_info *info, const char *path, const char *commitment) {
  char params[CLI_PARAMS_SIZE];
  (void)fputs("file        ", stdout);
  cli_put_safe(stdout, path);
  (void)printf("\nkey         %s\ncommitment  %s\nscheme      %s\nparameters  %s\n", info->id,
               commitment, info->scheme, cli_describe_params(params, &info->params));
  if (info->sealed) {
    (void)printf("protection  sealed (Argon2id, passes %" PRIu64 ", memory %" PRIu64 " KiB)\n"
                 "\nThe sealed contents were not verified: that takes the passphrase.\n",
                 info->sealed_passes, info->sealed_memory / 1024);
  } else {
    (void)puts("protection  none: whoever can read the file has the key");
  }
  return cli_flush(name);
}

int cli_inspect(int argc, char **argv) {
  inspect_options options = {.path = ""};
  const int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  gp_error error;
  gp_key_info info;
  if (gp_key_inspect(options.path, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  cli_warn_if_readable(name, options.path);
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  (void)sodium_bin2hex(commitment, sizeof commitment, info.commitment, sizeof info.commitment);
  return options.json ? print_json(&info, commitment)
                      : print_text(&info, options.path, commitment);
}

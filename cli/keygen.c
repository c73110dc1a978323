/* greenprint keygen: makes a key file. */
#include "cli.h"
#include "passphrase.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

static const char name[] = "keygen";

static const char help[] =
    "Usage: greenprint keygen -o FILE [OPTION...]\n"
    "\n"
    "Makes a new key and writes it to FILE, with mode 0600. An existing file is never\n"
    "replaced. The key is sealed with a passphrase, which is asked for twice on the\n"
    "terminal, unless an option says otherwise.\n"
    "\n"
    "  -o, --output FILE           the key file to write\n"
    "      --profile PROFILE       what the mark is for, which sets the next three:\n"
    "                              provenance (where a text came from; the default) or\n"
    "                              distill (h = 1: best inherited by models that learn\n"
    "                              from the text)\n"
    "      --gamma FRACTION        share of green tokens, g/2^k with k up to 8: 1/4\n"
    "      --context-width N       tokens that choose a green list, 1 to 16: 2\n"
    "      --seeding SCHEME        hash, min, or fixed (one list for everything): hash\n"
    "      --provable              a key whose owner can prove what it finds without\n"
    "                              giving it away; writes the public file too, FILE.pub\n"
    "                              or NAME.pub for a FILE NAME.key\n"
    "      --passphrase-file FILE  take the passphrase from FILE\n"
    "      --cost COST             what a guess at the passphrase costs: interactive\n"
    "                              (64 MiB), moderate (256 MiB), sensitive (1 GiB):\n"
    "                              moderate\n"
    "      --unsealed              no passphrase: whoever reads the file has the key\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Shows the key id and the commitment, which reveals nothing about the key. Publish\n"
    "it, so that nobody can say the key was chosen afterwards.\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

typedef struct keygen_options {
  bool help;
  const char *output;
  const char *profile;
  const char *gamma;
  const char *context_width;
  const char *seeding;
  const char *passphrase_file;
  const char *cost;
  bool unsealed;
  bool provable;
  char *public_file; /* of a provable key; malloc's */
} keygen_options;

static int parse_options(int argc, char **argv, keygen_options *options) {
  enum {
    PROFILE = CLI_LONG_OPTION,
    GAMMA,
    CONTEXT_WIDTH,
    SEEDING,
    PASSPHRASE_FILE,
    COST,
    UNSEALED,
    PROVABLE
  };
  static const struct option known[] = {
      {"output", required_argument, NULL, 'o'},
      {"profile", required_argument, NULL, PROFILE},
      {"gamma", required_argument, NULL, GAMMA},
      {"context-width", required_argument, NULL, CONTEXT_WIDTH},
      {"seeding", required_argument, NULL, SEEDING},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"cost", required_argument, NULL, COST},
      {"unsealed", no_argument, NULL, UNSEALED},
      {"provable", no_argument, NULL, PROVABLE},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  opterr = 0;
  int option = 0;
  while ((option = getopt_long(argc, argv, ":o:h", known, NULL)) != -1) {
    switch (option) {
    case 'o':
      options->output = optarg;
      break;
    case PROFILE:
      options->profile = optarg;
      break;
    case GAMMA:
      options->gamma = optarg;
      break;
    case CONTEXT_WIDTH:
      options->context_width = optarg;
      break;
    case SEEDING:
      options->seeding = optarg;
      break;
    case PASSPHRASE_FILE:
      options->passphrase_file = optarg;
      break;
    case COST:
      options->cost = optarg;
      break;
    case UNSEALED:
      options->unsealed = true;
      break;
    case PROVABLE:
      options->provable = true;
      break;
    case 'h':
      options->help = true;
      return CLI_OK;
    default:
      return cli_bad_option(name, option, argv);
    }
  }
  if (optind < argc) {
    return cli_fail(name, "unexpected operand %s: the key file is named with -o", argv[optind]);
  }
  if (options->output[0] == '\0') {
    return cli_fail(name, "name the key file to write with -o FILE");
  }
  if (strcmp(options->output, "-") == 0) {
    return cli_fail(name, "a key is never written to standard output; name a file");
  }
  if (options->unsealed && options->passphrase_file != NULL) {
    return cli_fail(name, "--unsealed and --passphrase-file exclude each other");
  }
  if (options->unsealed && options->cost != NULL) {
    return cli_fail(name, "--unsealed and --cost exclude each other");
  }
  return CLI_OK;
}

static int set_context_width(const keygen_options *options, gp_params *params) {
  uint64_t width = params->seeding == GP_SEEDING_FIXED ? 0 : params->context_width;
  if (options->context_width != NULL &&
      !cli_parse_number(options->context_width, UINT32_MAX, &width)) {
    return cli_fail(name, "--context-width %s is not a whole number from 0 to %d",
                    options->context_width, GP_CONTEXT_WIDTH_MAX);
  }
  params->context_width = (uint32_t)width;
  return CLI_OK;
}

static int set_params(const keygen_options *options, gp_params *params) {
  gp_error error;
  *params = gp_params_default();
  if (options->profile != NULL &&
      gp_params_set_profile(params, options->profile, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (options->gamma != NULL && gp_params_set_gamma(params, options->gamma, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (options->seeding != NULL &&
      gp_params_set_seeding(params, options->seeding, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const int status = set_context_width(options, params);
  if (status != CLI_OK) {
    return status;
  }
  if (gp_params_check(params, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  return CLI_OK;
}

static int set_cost(const keygen_options *options, gp_seal_cost *cost) {
  static const struct {
    const char *name;
    gp_seal_cost cost;
  } costs[] = {{"interactive", GP_SEAL_INTERACTIVE},
               {"moderate", GP_SEAL_MODERATE},
               {"sensitive", GP_SEAL_SENSITIVE}};
  *cost = GP_SEAL_MODERATE;
  if (options->cost == NULL) {
    return CLI_OK;
  }
  for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
    if (strcmp(options->cost, costs[i].name) == 0) {
      *cost = costs[i].cost;
      return CLI_OK;
    }
  }
  return cli_fail(name, "--cost %s is none of interactive, moderate, sensitive", options->cost);
}

static bool can_ask(void) {
  FILE *terminal = fopen("/dev/tty", "r+");
  if (terminal == NULL) {
    return false;
  }
  (void)fclose(terminal);
  return true;
}

static int get_passphrase(const keygen_options *options, passphrase *secret) {
  if (options->unsealed) {
    return CLI_OK;
  }
  if (options->passphrase_file != NULL) {
    return passphrase_from_file(name, options->passphrase_file, secret);
  }
  if (!can_ask()) {
    return cli_fail(name, "there is no terminal to ask for a passphrase; "
                          "use --passphrase-file FILE or --unsealed");
  }
  return passphrase_from_terminal_twice(name, secret);
}

static int print_key(const gp_key *key, const keygen_options *options) {
  uint8_t commitment[GP_COMMITMENT_SIZE];
  char hex[2 * GP_COMMITMENT_SIZE + 1];
  char id[GP_KEY_ID_STRING_SIZE];
  char params_text[CLI_PARAMS_SIZE];
  const gp_params params = gp_key_params(key);
  gp_key_commitment(key, commitment);
  gp_key_id(key, id);
  (void)fputs("file        ", stdout);
  cli_put_safe(stdout, options->output);
  if (options->provable) {
    (void)fputs("\npublic file ", stdout);
    cli_put_safe(stdout, options->public_file);
  }
  (void)printf("\nkey         %s\ncommitment  %s\nscheme      %s\nparameters  %s\nprotection  "
               "%s\n",
               id, sodium_bin2hex(hex, sizeof hex, commitment, sizeof commitment),
               gp_key_scheme(key), cli_describe_params(params_text, &params),
               options->unsealed ? "none: whoever can read the file has the key"
                                 : "sealed with the passphrase");
  return cli_flush(name);
}

/* What everybody may have. */
static gp_status save_public(const gp_key *key, const char *path, gp_error *error) {
  gp_public_key public_key;
  const gp_status status = gp_key_public(key, &public_key, error);
  return status == GP_OK ? gp_public_key_save(&public_key, path, error) : status;
}

static gp_status save_files(const gp_key *key, const keygen_options *options, gp_seal_cost cost,
                            const passphrase *secret, gp_error *error) {
  const gp_status status =
      options->unsealed
          ? gp_key_save_unsealed(key, options->output, error)
          : gp_key_save_sealed(key, options->output, secret->bytes, secret->length, cost, error);
  return status == GP_OK && options->provable ? save_public(key, options->public_file, error)
                                              : status;
}

/* A signal waits until the files are whole, lest it leave a temporary file behind. */
static gp_status save_key(const gp_key *key, const keygen_options *options, gp_seal_cost cost,
                          const passphrase *secret, gp_error *error) {
  static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  sigset_t blocked;
  sigset_t before;
  (void)sigemptyset(&blocked);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
    (void)sigaddset(&blocked, signals[i]);
  }
  (void)sigprocmask(SIG_BLOCK, &blocked, &before);
  const gp_status status = save_files(key, options, cost, secret, error);
  (void)sigprocmask(SIG_SETMASK, &before, NULL);
  return status;
}

static int make_key(const keygen_options *options, const gp_params *params, gp_seal_cost cost,
                    const passphrase *secret) {
  gp_error error;
  gp_key *key = NULL;
  const gp_status made = options->provable ? gp_key_generate_provable(params, &key, &error)
                                           : gp_key_generate(params, &key, &error);
  if (made != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const gp_status saved = save_key(key, options, cost, secret, &error);
  const int status =
      saved == GP_OK ? print_key(key, options) : cli_fail(name, "%s", error.message);
  gp_key_free(key);
  return status;
}

/* NAME.key has NAME.pub, and any other name NAME its NAME.pub. */
static int name_public_file(keygen_options *options) {
  static const char key[] = ".key";
  static const char suffix[] = ".pub";
  size_t length = strlen(options->output);
  if (length > strlen(key) && strcmp(options->output + length - strlen(key), key) == 0) {
    length -= strlen(key);
  }
  options->public_file = malloc(length + sizeof suffix);
  if (options->public_file == NULL) {
    return cli_fail(name, "out of memory: a file name");
  }
  memcpy(options->public_file, options->output, length);
  memcpy(options->public_file + length, suffix, sizeof suffix);
  return CLI_OK;
}

/* gp_key_save_*() is what guarantees this; here it saves typing a passphrase in vain. */
static int check_absent(const char *path, const char *what) {
  struct stat existing;
  return lstat(path, &existing) == 0
             ? cli_fail(name,
                        "%s: exists already; a %s file is never overwritten: choose another name",
                        path, what)
             : CLI_OK;
}

int cli_keygen(int argc, char **argv) {
  keygen_options options = {.output = ""};
  gp_params params;
  gp_seal_cost cost;
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  status = set_params(&options, &params);
  if (status != CLI_OK) {
    return status;
  }
  status = set_cost(&options, &cost);
  if (status != CLI_OK) {
    return status;
  }
  status = check_absent(options.output, "key");
  if (status == CLI_OK && options.provable) {
    status = name_public_file(&options);
  }
  if (status == CLI_OK && options.provable) {
    status = check_absent(options.public_file, "public");
  }
  passphrase secret = {0};
  if (status == CLI_OK) {
    status = get_passphrase(&options, &secret);
  }
  if (status == CLI_OK) {
    status = make_key(&options, &params, cost, &secret);
  }
  passphrase_free(&secret);
  free(options.public_file);
  return status;
}

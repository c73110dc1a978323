/* greenprint sign: signatures of reports and other files, in the formats of minisign. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli.h"
#include "passphrase.h"
#include "rows.h"

static const char name[] = "sign";

static const char help[] =
    "Usage: greenprint sign FILE -s SECRET [OPTION...]\n"
    "  or:  greenprint sign verify FILE --pub PUBLIC [OPTION...]\n"
    "  or:  greenprint sign --new NAME [OPTION...]\n"
    "\n"
    "Signs a file with Ed25519, or checks such a signature. Keys and signatures are those of\n"
    "minisign, which can check and make them as well. --new makes a key pair: NAME.key, to be\n"
    "kept secret, and NAME.pub, to be published. It is no key that marks text.\n"
    "\n"
    "  -s, --secret SECRET         the secret key to sign with\n"
    "  -o, --output FILE           the signature to write; without it FILE.minisig. An\n"
    "                              existing one is never replaced\n"
    "      --comment TEXT          what is signed with the file; without it the time and the\n"
    "                              file's name\n"
    "      --pub PUBLIC            the public key to check with\n"
    "      --signature SIGNATURE   the signature to check; without it FILE.minisig\n"
    "      --new NAME              make a key pair\n"
    "      --passphrase-file FILE  take the passphrase of the secret key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --cost COST             what a guess at it costs: interactive (16 MiB), moderate\n"
    "                              (128 MiB), sensitive (1 GiB; as minisign): sensitive\n"
    "  -W, --unsealed              no passphrase: whoever reads the file can sign\n"
    "  -q, --quiet                 say nothing\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Exit status: 0 done, or the signature holds; 2 an error, or it does not.\n";

typedef struct sign_options {
  bool verify;
  bool help;
  bool quiet;
  bool unsealed;
  const char *secret;
  const char *output;
  const char *comment;
  const char *public_key;
  const char *signature;
  const char *new_name;
  const char *passphrase_file;
  const char *cost;
  const char *file;
} sign_options;

enum {
  COMMENT = CLI_LONG_OPTION,
  PUB,
  SIGNATURE,
  NEW,
  PASSPHRASE_FILE,
  COST
};

/* --------------------------------------------------------------------- options */

static int set_option(int option, char **argv, void *data) {
  sign_options *options = data;
  switch (option) {
  case 's':
    options->secret = optarg;
    return CLI_OK;
  case 'o':
    options->output = optarg;
    return CLI_OK;
  case COMMENT:
    options->comment = optarg;
    return CLI_OK;
  case PUB:
    options->public_key = optarg;
    return CLI_OK;
  case SIGNATURE:
    options->signature = optarg;
    return CLI_OK;
  case NEW:
    options->new_name = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case COST:
    options->cost = optarg;
    return CLI_OK;
  case 'W':
    options->unsealed = true;
    return CLI_OK;
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return cli_bad_option(name, option, argv);
  }
}

static int refuse(const char *what, bool given) {
  return given ? cli_fail(name,
                          "%s does not go with what is to be done; see greenprint sign --help",
                          what)
               : CLI_OK;
}

static int check_new(const sign_options *options, int n_files) {
  int status = refuse("a file", n_files > 0);
  status = status == CLI_OK ? refuse("--secret", options->secret != NULL) : status;
  status = status == CLI_OK ? refuse("--output", options->output != NULL) : status;
  status = status == CLI_OK ? refuse("--comment", options->comment != NULL) : status;
  status = status == CLI_OK ? refuse("--pub", options->public_key != NULL) : status;
  status = status == CLI_OK ? refuse("--signature", options->signature != NULL) : status;
  if (status == CLI_OK && options->unsealed &&
      (options->passphrase_file != NULL || options->cost != NULL)) {
    return cli_fail(name, "--unsealed and %s exclude each other",
                    options->cost != NULL ? "--cost" : "--passphrase-file");
  }
  if (status == CLI_OK && *options->new_name == '\0') {
    return cli_fail(name, "--new: the name is empty");
  }
  return status;
}

static int check_signing(const sign_options *options) {
  int status = refuse("--pub", options->public_key != NULL);
  status = status == CLI_OK ? refuse("--signature", options->signature != NULL) : status;
  status = status == CLI_OK ? refuse("--cost", options->cost != NULL) : status;
  status = status == CLI_OK ? refuse("--unsealed", options->unsealed) : status;
  if (status == CLI_OK && options->secret == NULL) {
    return cli_fail(name, "name the secret key with -s SECRET");
  }
  return status;
}

static int check_verifying(const sign_options *options) {
  int status = refuse("--secret", options->secret != NULL);
  status = status == CLI_OK ? refuse("--output", options->output != NULL) : status;
  status = status == CLI_OK ? refuse("--comment", options->comment != NULL) : status;
  status =
      status == CLI_OK ? refuse("--passphrase-file", options->passphrase_file != NULL) : status;
  status = status == CLI_OK ? refuse("--cost", options->cost != NULL) : status;
  status = status == CLI_OK ? refuse("--unsealed", options->unsealed) : status;
  status = status == CLI_OK ? refuse("--new", options->new_name != NULL) : status;
  if (status == CLI_OK && options->public_key == NULL) {
    return cli_fail(name, "name the public key with --pub PUBLIC");
  }
  return status;
}

static int parse_options(int argc, char **argv, sign_options *options) {
  static const struct option known[] = {
      {"secret", required_argument, NULL, 's'},
      {"output", required_argument, NULL, 'o'},
      {"comment", required_argument, NULL, COMMENT},
      {"pub", required_argument, NULL, PUB},
      {"signature", required_argument, NULL, SIGNATURE},
      {"new", required_argument, NULL, NEW},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"cost", required_argument, NULL, COST},
      {"unsealed", no_argument, NULL, 'W'},
      {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  if (argc > 1 && strcmp(argv[1], "verify") == 0) {
    options->verify = true;
    argc--;
    argv++;
  }
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":s:o:Wqh", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  if (!options->verify && options->new_name != NULL) {
    return check_new(options, argc - optind);
  }
  if (argc - optind != 1) {
    return cli_fail(name, "name one file; see greenprint sign --help");
  }
  options->file = argv[optind];
  return options->verify ? check_verifying(options) : check_signing(options);
}

static int parse_cost(const char *text, gp_seal_cost *cost) {
  static const char *const names[] = {[GP_SEAL_INTERACTIVE] = "interactive",
                                      [GP_SEAL_MODERATE] = "moderate",
                                      [GP_SEAL_SENSITIVE] = "sensitive"};
  *cost = GP_SEAL_SENSITIVE;
  for (int i = GP_SEAL_INTERACTIVE; text != NULL && i <= GP_SEAL_SENSITIVE; i++) {
    if (strcmp(text, names[i]) == 0) {
      *cost = (gp_seal_cost)i;
      return CLI_OK;
    }
  }
  return text == NULL
             ? CLI_OK
             : cli_fail(name, "--cost %s is none of interactive, moderate, sensitive", text);
}

/* NAME and what goes behind it, to be freed. NULL without memory, which was said. */
static char *with_ending(const char *stem, const char *ending) {
  const size_t size = strlen(stem) + strlen(ending) + 1;
  char *joined = malloc(size);
  if (joined == NULL) {
    (void)cli_fail(name, "out of memory: a file name");
    return NULL;
  }
  (void)snprintf(joined, size, "%s%s", stem, ending);
  return joined;
}

/* A comment on one line of a terminal. */
static void put_comment(const char *comment) {
  char *shown = strdup(comment);
  for (char *c = shown; c != NULL && *c != '\0'; c++) {
    *c = *c == '\t' ? ' ' : *c;
  }
  put_safe_row("comment", shown);
  free(shown);
}

/* ------------------------------------------------------------------- key pairs */

static int check_absent(const char *path) {
  struct stat facts;
  return lstat(path, &facts) != 0
             ? CLI_OK
             : cli_fail(name,
                        "%s: exists already; a key is never overwritten: choose another name",
                        path);
}

static int new_passphrase(const sign_options *options, passphrase *secret) {
  if (options->unsealed) {
    return CLI_OK;
  }
  return options->passphrase_file != NULL
             ? passphrase_from_file(name, options->passphrase_file, secret)
             : passphrase_from_terminal_twice(name, secret);
}

static int save_pair(const sign_options *options, const gp_signing_key *key, gp_seal_cost cost,
                     const passphrase *secret, const char *secret_path, const char *public_path) {
  gp_error error;
  gp_signer signer;
  gp_signing_key_signer(key, &signer);
  gp_status status = options->unsealed
                         ? gp_signing_key_save_unsealed(key, secret_path, &error)
                         : gp_signing_key_save_sealed(key, secret_path, secret->bytes,
                                                      secret->length, cost, &error);
  if (status == GP_OK) {
    status = gp_signer_save(&signer, public_path, &error);
  }
  if (status != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (options->quiet) {
    return CLI_OK;
  }
  put_row("signer", "%s", signer.id);
  put_safe_row("secret", secret_path);
  put_safe_row("public", public_path);
  return cli_flush(name);
}

static int make_pair_at(const sign_options *options, const char *secret_path,
                        const char *public_path) {
  gp_error error;
  gp_seal_cost cost;
  gp_signing_key *key = NULL;
  passphrase secret = {0};
  int status = parse_cost(options->cost, &cost);
  status = status == CLI_OK ? check_absent(secret_path) : status;
  status = status == CLI_OK ? check_absent(public_path) : status;
  status = status == CLI_OK ? new_passphrase(options, &secret) : status;
  if (status == CLI_OK && gp_signing_key_generate(&key, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  }
  if (status == CLI_OK) {
    status = save_pair(options, key, cost, &secret, secret_path, public_path);
  }
  gp_signing_key_free(key);
  passphrase_free(&secret);
  return status;
}

static int make_pair(const sign_options *options) {
  char *secret_path = with_ending(options->new_name, ".key");
  char *public_path = with_ending(options->new_name, ".pub");
  const int status = secret_path != NULL && public_path != NULL
                         ? make_pair_at(options, secret_path, public_path)
                         : CLI_TROUBLE;
  free(secret_path);
  free(public_path);
  return status;
}

/* --------------------------------------------------------------------- signing */

static int load_secret(const sign_options *options, gp_signing_key **key) {
  gp_error error;
  passphrase secret = {0};
  gp_status loaded = GP_ERR_PASSPHRASE;
  if (options->passphrase_file == NULL) {
    loaded = gp_signing_key_load(options->secret, NULL, 0, key, &error);
    if (loaded == GP_OK) {
      cli_warn_if_readable(name, options->secret);
    }
  }
  if (loaded == GP_ERR_PASSPHRASE) {
    const int status =
        options->passphrase_file != NULL
            ? passphrase_from_file(name, options->passphrase_file, &secret)
            : passphrase_from_terminal(name, "Passphrase of the signing key: ", &secret);
    if (status != CLI_OK) {
      return status;
    }
    loaded = gp_signing_key_load(options->secret, secret.bytes, secret.length, key, &error);
    passphrase_free(&secret);
  }
  if (loaded != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  return CLI_OK;
}

/* What minisign says where nothing else is said. To be freed. */
static char *default_comment(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *base = slash != NULL ? slash + 1 : path;
  const size_t size = strlen(base) + 64;
  char *comment = malloc(size);
  if (comment != NULL) {
    (void)snprintf(comment, size, "timestamp:%lld\tfile:%s\thashed", (long long)time(NULL), base);
  }
  return comment;
}

static int sign_with(const sign_options *options, const gp_signing_key *key, const char *comment,
                     const char *output) {
  gp_error error;
  gp_signer signer;
  if (gp_sign_file(key, options->file, comment, output, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (options->quiet) {
    return CLI_OK;
  }
  gp_signing_key_signer(key, &signer);
  put_row("signer", "%s", signer.id);
  put_comment(comment);
  put_safe_row("signature", output);
  return cli_flush(name);
}

static int sign(const sign_options *options) {
  gp_signing_key *key = NULL;
  char *output = with_ending(options->file, ".minisig");
  char *comment = default_comment(options->file);
  int status = output != NULL && comment != NULL ? load_secret(options, &key) : CLI_TROUBLE;
  if (status == CLI_OK) {
    status = sign_with(options, key, options->comment != NULL ? options->comment : comment,
                       options->output != NULL ? options->output : output);
  }
  gp_signing_key_free(key);
  free(comment);
  free(output);
  return status;
}

static int verify(const sign_options *options) {
  gp_error error;
  gp_signer signer;
  gp_signature_facts facts;
  char *signature = with_ending(options->file, ".minisig");
  if (signature == NULL) {
    return CLI_TROUBLE;
  }
  gp_status status = gp_signer_load(options->public_key, &signer, &error);
  if (status == GP_OK) {
    status = gp_signature_verify(options->file,
                                 options->signature != NULL ? options->signature : signature,
                                 &signer, &facts, &error);
  }
  free(signature);
  if (status != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (options->quiet) {
    return CLI_OK;
  }
  (void)puts("The signature holds.\n");
  put_row("signer", "%s", signer.id);
  put_comment(facts.trusted_comment);
  if (!facts.hashed) {
    put_row("algorithm", "minisign's of old, without hashing");
  }
  return cli_flush(name);
}

int cli_sign(int argc, char **argv) {
  sign_options options = {0};
  const int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  if (options.verify) {
    return verify(&options);
  }
  return options.new_name != NULL ? make_pair(&options) : sign(&options);
}

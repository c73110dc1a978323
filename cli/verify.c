/* greenprint verify: looks for the mark of a key in token ids. */
#include "cli.h"
#include "passphrase.h"
#include "report.h"
#include "scan.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "verify";

static const char help[] =
    "Usage: greenprint verify -k KEYFILE [OPTION...] [FILE...]\n"
    "\n"
    "Counts green tokens in FILEs of token ids, each (context, token) pair once over all\n"
    "of them, and says how probable so many are in text written without the key. Reads\n"
    "standard input without FILE, or where FILE is -. Files may be gzipped.\n"
    "\n"
    "  -k, --key KEYFILE           the key\n"
    "      --passphrase-file FILE  take the passphrase of a sealed key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --alpha A               find the mark when p <= A, chosen before looking: 1e-6\n"
    "      --tenant ID             look for the mark of this tenant, 0 to 2^64 - 1\n"
    "      --format FORMAT         tokens (a document a line, ids separated by blanks) or\n"
    "                              jsonl (an object a line); without it, jsonl for names\n"
    "                              that end in .jsonl or .ndjson, with or without .gz\n"
    "      --field NAME            the field of JSON Lines that holds the ids: tokens;\n"
    "                              implies --format jsonl\n"
    "      --per-document          also count every document as if it stood alone\n"
    "      --json                  write the report as JSON\n"
    "  -h, --help                  show this help\n"
    "\n"
    "If several keys, tenants or selections of the text are tried, p has to be\n"
    "multiplied by their number.\n"
    "\n"
    "Exit status: 0 found, 1 not found, 2 an error, and then nothing is written on\n"
    "standard output.\n";

typedef struct verify_options {
  bool help;
  const char *key;
  const char *passphrase_file;
  const char *alpha;
  const char *tenant;
  const char *format;
  const char *field;
  bool per_document;
  bool json;
  char **files;
  size_t n_files;
} verify_options;

static int parse_options(int argc, char **argv, verify_options *options) {
  enum {
    PASSPHRASE_FILE = CLI_LONG_OPTION,
    ALPHA,
    TENANT,
    FORMAT,
    FIELD,
    PER_DOCUMENT,
    JSON
  };
  static const struct option known[] = {
      {"key", required_argument, NULL, 'k'},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"alpha", required_argument, NULL, ALPHA},
      {"tenant", required_argument, NULL, TENANT},
      {"format", required_argument, NULL, FORMAT},
      {"field", required_argument, NULL, FIELD},
      {"per-document", no_argument, NULL, PER_DOCUMENT},
      {"json", no_argument, NULL, JSON},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  opterr = 0;
  int option = 0;
  while ((option = getopt_long(argc, argv, ":k:h", known, NULL)) != -1) {
    switch (option) {
    case 'k':
      options->key = optarg;
      break;
    case PASSPHRASE_FILE:
      options->passphrase_file = optarg;
      break;
    case ALPHA:
      options->alpha = optarg;
      break;
    case TENANT:
      options->tenant = optarg;
      break;
    case FORMAT:
      options->format = optarg;
      break;
    case FIELD:
      options->field = optarg;
      break;
    case PER_DOCUMENT:
      options->per_document = true;
      break;
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
  if (options->key[0] == '\0') {
    return cli_fail(name, "name the key file with -k KEYFILE");
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  return CLI_OK;
}

/* strtod() takes more than decimal numbers: blanks, "inf", "nan", hexadecimal. ERANGE is no
 * reason to refuse: numbers below 2^-1022 set it, though they are read. */
static int set_alpha(const char *text, double *alpha) {
  char *end = "";
  errno = 0;
  const bool decimal = *text != '\0' && strspn(text, "0123456789.eE+-") == strlen(text);
  *alpha = decimal ? strtod(text, &end) : 0;
  if (*end == '\0' && errno == ERANGE && *alpha == 0) {
    return cli_fail(name, "--alpha %s is too small to be told from 0", text);
  }
  if (*end != '\0' || !(*alpha > 0 && *alpha < 1)) {
    return cli_fail(name, "--alpha %s is not a number between 0 and 1, such as 1e-6", text);
  }
  return CLI_OK;
}

static bool ends_with(const char *text, const char *suffix) {
  const size_t length = strlen(text);
  const size_t suffix_length = strlen(suffix);
  return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

static gp_input_format format_of_name(const char *path) {
  static const char *const suffixes[] = {".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
    if (ends_with(path, suffixes[i])) {
      return GP_INPUT_JSONL;
    }
  }
  return GP_INPUT_TOKENS;
}

static gp_input_format format_of(const verify_options *options, const char *path) {
  if (options->format != NULL) {
    return strcmp(options->format, "jsonl") == 0 ? GP_INPUT_JSONL : GP_INPUT_TOKENS;
  }
  return options->field != NULL ? GP_INPUT_JSONL : format_of_name(path);
}

static int check_format(const verify_options *options) {
  if (options->format != NULL && strcmp(options->format, "tokens") != 0 &&
      strcmp(options->format, "jsonl") != 0) {
    return cli_fail(name, "--format %s is neither tokens nor jsonl", options->format);
  }
  if (options->format != NULL && options->field != NULL &&
      strcmp(options->format, "tokens") == 0) {
    return cli_fail(name, "--field is for JSON Lines; it does not go with --format tokens");
  }
  return CLI_OK;
}

static int set_inputs(const verify_options *options, findings *all) {
  static char *standard_input[] = {"-"};
  char **names = options->n_files > 0 ? options->files : standard_input;
  const size_t n_names = options->n_files > 0 ? options->n_files : 1;
  all->inputs = calloc(n_names, sizeof *all->inputs);
  if (all->inputs == NULL) {
    return cli_fail(name, "out of memory: too many files");
  }
  bool standard_input_seen = false;
  for (size_t i = 0; i < n_names; i++) {
    if (strcmp(names[i], "-") == 0) {
      if (standard_input_seen) {
        return cli_fail(name, "standard input can be read only once: - is named twice");
      }
      standard_input_seen = true;
    }
    all->inputs[i].name = names[i];
    all->inputs[i].format = format_of(options, names[i]);
  }
  all->n_inputs = n_names;
  return CLI_OK;
}

static int set_up(const verify_options *options, findings *all) {
  all->per_document = options->per_document;
  all->alpha = 1e-6;
  int status = options->alpha != NULL ? set_alpha(options->alpha, &all->alpha) : CLI_OK;
  if (status != CLI_OK) {
    return status;
  }
  if (options->tenant != NULL) {
    all->tenant.has_tenant = true;
    if (!cli_parse_number(options->tenant, UINT64_MAX, &all->tenant.tenant)) {
      return cli_fail(name, "--tenant %s is not a whole number from 0 to 18446744073709551615",
                      options->tenant);
    }
  }
  status = check_format(options);
  return status != CLI_OK ? status : set_inputs(options, all);
}

static int load_with_file(const verify_options *options, gp_key **key) {
  gp_error error;
  gp_key_info info;
  passphrase secret = {0};
  int status = passphrase_from_file(name, options->passphrase_file, &secret);
  if (status != CLI_OK) {
    return status;
  }
  if (gp_key_load(options->key, secret.bytes, secret.length, key, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  } else if (cli_can_be_read_again(options->key) &&
             gp_key_inspect(options->key, &info, NULL) == GP_OK && !info.sealed) {
    cli_warn_if_readable(name, options->key);
  }
  passphrase_free(&secret);
  return status;
}

/* The passphrase was given for the key that the prompt named, not for another that has
 * taken its place meanwhile. */
static int check_id(const char *path, const gp_key *key, const char *asked_for) {
  char id[GP_KEY_ID_STRING_SIZE];
  gp_key_id(key, id);
  if (strcmp(id, asked_for) != 0) {
    return cli_fail(name, "%s: the key file changed while its passphrase was asked for", path);
  }
  return CLI_OK;
}

static int load_by_asking(const char *path, gp_key **key) {
  gp_error error;
  gp_key_info info;
  if (!cli_can_be_read_again(path)) {
    return cli_fail(name,
                    "%s: the key is sealed and does not come from a regular file: "
                    "name a file that holds its passphrase with --passphrase-file",
                    path);
  }
  if (gp_key_inspect(path, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  char prompt[64];
  (void)snprintf(prompt, sizeof prompt, "Passphrase of key %s: ", info.id);
  passphrase secret = {0};
  int status = passphrase_from_terminal(name, prompt, &secret);
  if (status != CLI_OK) {
    return status;
  }
  if (gp_key_load(path, secret.bytes, secret.length, key, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  } else {
    status = check_id(path, *key, info.id);
  }
  passphrase_free(&secret);
  return status;
}

/* Reads the key file once where that is enough, so that it may be a pipe. */
static int load_key(const verify_options *options, gp_key **key) {
  if (options->passphrase_file != NULL) {
    return load_with_file(options, key);
  }
  gp_error error;
  const gp_status loaded = gp_key_load(options->key, NULL, 0, key, &error);
  if (loaded == GP_ERR_PASSPHRASE) {
    return load_by_asking(options->key, key);
  }
  if (loaded != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  cli_warn_if_readable(name, options->key);
  return CLI_OK;
}

static int write_report(const verify_options *options, const findings *all) {
  if (!options->json) {
    report_print(all);
  } else if (!report_print_json(all)) {
    return cli_fail(name, "out of memory: the report");
  }
  return cli_flush(name);
}

static int verify(const verify_options *options, const gp_key *key, findings *all) {
  gp_error error;
  all->params = gp_key_params(key);
  gp_key_id(key, all->key_id);
  gp_key_commitment(key, all->commitment);
  if (scan_inputs(key, options->field != NULL ? options->field : "tokens", all, &error) !=
      GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  all->found = all->result.log10_p <= log10(all->alpha);
  const int status = write_report(options, all);
  if (status != CLI_OK) {
    return status;
  }
  return all->found ? CLI_OK : CLI_NOT_FOUND;
}

int cli_verify(int argc, char **argv) {
  verify_options options = {.key = ""};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  findings all = {0};
  gp_key *key = NULL;
  status = set_up(&options, &all);
  if (status == CLI_OK) {
    status = load_key(&options, &key);
  }
  if (status == CLI_OK) {
    status = verify(&options, key, &all);
  }
  gp_key_free(key);
  findings_free(&all);
  return status;
}

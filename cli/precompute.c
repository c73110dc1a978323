/* greenprint precompute: writes the table of nonces that makes a provable key fast. */
#include <getopt.h>
#include <inttypes.h>

#include "cli.h"
#include "keys.h"
#include "progress.h"
#include "rows.h"

static const char name[] = "precompute";

static const char help[] =
    "Usage: greenprint precompute -k KEYFILE --vocabulary N [OPTION...] -o TABLE\n"
    "\n"
    "Writes the nonces that a provable key (keygen --provable) has for all contexts of one\n"
    "token id below N, with which it is as fast as an ordinary key. Keys with a context\n"
    "width of 1 have such contexts, and those with the seeding scheme min. The table is\n"
    "sealed under the key: who has the key can use it, with --table, and nobody else.\n"
    "Takes some 100 microseconds an id on one processor.\n"
    "\n"
    "  -k, --key KEYFILE           the key\n"
    "      --passphrase-file FILE  take the passphrase of a sealed key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --vocabulary N          ids below N, at most 16777216: the rows of the model's\n"
    "                              embedding matrix\n"
    "      --tenant ID             for the marks of this tenant, 0 to 2^64 - 1\n"
    "  -o, --output TABLE          the table to write, 12 bytes an id; an existing file is\n"
    "                              never replaced\n"
    "  -j, --jobs N                threads: one on each processor it may use\n"
    "  -q, --quiet                 no progress, no summary\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

typedef struct precompute_options {
  const char *key;
  const char *passphrase_file;
  const char *output;
  uint64_t vocabulary;
  gp_verifier_options tenant;
  unsigned threads;
  bool help;
  bool quiet;
} precompute_options;

enum {
  PASSPHRASE_FILE = CLI_LONG_OPTION,
  VOCABULARY,
  TENANT
};

static int set_vocabulary(const char *text, uint64_t *vocabulary) {
  return cli_parse_number(text, GP_NONCE_TABLE_MAX, vocabulary) && *vocabulary > 0
             ? CLI_OK
             : cli_fail(name, "--vocabulary %s is not a whole number from 1 to %d", text,
                        GP_NONCE_TABLE_MAX);
}

static int set_option(int option, char **argv, void *data) {
  precompute_options *options = data;
  switch (option) {
  case 'k':
    options->key = optarg;
    return CLI_OK;
  case 'o':
    options->output = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case VOCABULARY:
    return set_vocabulary(optarg, &options->vocabulary);
  case TENANT:
    return cli_parse_tenant(name, optarg, &options->tenant);
  case 'j':
    return cli_parse_jobs(name, optarg, &options->threads);
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

static int parse_options(int argc, char **argv, precompute_options *options) {
  static const struct option known[] = {
      {"key", required_argument, NULL, 'k'},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"vocabulary", required_argument, NULL, VOCABULARY},
      {"tenant", required_argument, NULL, TENANT},
      {"output", required_argument, NULL, 'o'},
      {"jobs", required_argument, NULL, 'j'},
      {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  options->threads = gp_usable_processors();
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":k:o:j:qh", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  if (optind < argc) {
    return cli_fail(name, "unexpected operand %s: the table is named with -o", argv[optind]);
  }
  if (options->key == NULL) {
    return cli_fail(name, "name the key file with -k KEYFILE");
  }
  if (options->vocabulary == 0) {
    return cli_fail(name, "say how many token ids there are with --vocabulary N");
  }
  if (options->output == NULL || *options->output == '\0') {
    return cli_fail(name, "name the table to write with -o TABLE");
  }
  return CLI_OK;
}

/* The line counts nonces. */
static void on_progress(void *user, uint64_t done, uint64_t total) {
  (void)user;
  (void)total;
  progress_update(0, done);
}

static int print_summary(const precompute_options *options, const gp_nonce_table_info *info) {
  if (options->quiet) {
    return CLI_OK;
  }
  put_safe_row("table", options->output);
  put_row("key", "%s", info->id);
  if (info->has_tenant) {
    put_row("tenant", "%" PRIu64, info->tenant);
  }
  put_row("nonces", "%" PRIu64, info->count);
  put_row("bytes", "%" PRIu64, info->file_size);
  return cli_flush(name);
}

static int precompute(const precompute_options *options, const gp_key *key) {
  gp_error error;
  gp_nonce_table_info info;
  gp_nonce_table_options how = {.has_tenant = options->tenant.has_tenant,
                                .tenant = options->tenant.tenant,
                                .on_progress = on_progress};
  if (gp_thread_pool_new(options->threads, &how.threads, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  progress_start(0, options->quiet);
  const gp_status made =
      gp_nonce_table_make(key, options->vocabulary, &how, options->output, &info, &error);
  progress_end();
  gp_thread_pool_free(how.threads);
  return made == GP_OK ? print_summary(options, &info) : cli_fail(name, "%s", error.message);
}

int cli_precompute(int argc, char **argv) {
  precompute_options options = {0};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  gp_key *key = NULL;
  status = key_open(name, options.key, options.passphrase_file, &key);
  if (status == CLI_OK) {
    status = precompute(&options, key);
  }
  gp_key_free(key);
  return status;
}

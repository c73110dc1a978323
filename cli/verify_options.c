#include "verify_options.h"

#include <getopt.h>

#include "cli.h"

static const char name[] = "verify";

#define KEYS_ON_DISK 32 /* each has 16 files open */

const char verify_help[] =
    "Usage: greenprint verify -k KEYFILE [OPTION...] [FILE...]\n"
    "  or:  greenprint verify --server URL --pub PUBLICFILE [OPTION...] FILE...\n"
    "\n"
    "Counts green tokens in FILEs of text or token ids, each (context, token) pair once\n"
    "over all of them, and says how probable so many are in text written without the\n"
    "key. Reads standard input without FILE, or where FILE is -. Files may be gzipped.\n"
    "\n"
    "What to look for:\n"
    "  -k, --key KEYFILE           the key; several may be tried, at a price in p\n"
    "      --passphrase-file FILE  take the passphrase of a sealed key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --tenant ID             the mark of this tenant, 0 to 2^64 - 1\n"
    "      --tenants RANGE|FILE    of any of these: 0-23999, or a file with an id a line\n"
    "      --table TABLE           take nonces of a provable key from this table of\n"
    "                              greenprint precompute\n"
    "      --committed FILE        a proof that the key is in a set of committed keys, or the\n"
    "                              set (greenprint commit): p pays for all of its keys\n"
    "      --root HEX              the root of that set, as it was published\n"
    "      --tests N               p pays for N tests like this one: tenants there were to\n"
    "                              choose from, selections of the text, ways to read it\n"
    "      --alpha A               found when p <= A, chosen before looking: 1e-6\n"
    "\n"
    "Where somebody else has the key, and is not to see the text (greenprint serve):\n"
    "      --server URL            what evaluates contexts blindly; each answer is proved\n"
    "      --pub PUBLICFILE        the public file of the key\n"
    "      --token-file FILE       what the server knows you by\n"
    "      --ca FILE               certificates to trust instead of the system's\n"
    "\n"
    "How to read:\n"
    "  -t, --tokenizer FILE        turn text into ids: a tokenizer.json or .gguf file\n"
    "      --normalize[=STEPS]     take harmless changes out of text first: nfc, newlines,\n"
    "                              trailing, separated by commas; all without STEPS\n"
    "      --format FORMAT         text, tokens (a document a line), jsonl (an object a\n"
    "                              line), npy, u16 or u32 (little-endian); without it by\n"
    "                              the name, .tokens .jsonl .ndjson .npy .u16 .u32, with\n"
    "                              or without .gz, else text with -t and tokens without\n"
    "      --field PATH            where in the object the text or ids are: text.body,\n"
    "                              choices.0.text; without it messages with --role, text\n"
    "                              with -t, and else tokens\n"
    "      --role ROLE             the field is a chat; score the messages of this role\n"
    "  -r, --recursive             read all files in folders\n"
    "      --skip-bad              leave out lines that cannot be read, and count them\n"
    "\n"
    "What to test besides:\n"
    "      --per-document          count every document as if it stood alone\n"
    "      --locate                find marked segments in the documents\n"
    "      --weights FILE          weigh by what a reference model expected\n"
    "\n"
    "What to write:\n"
    "      --json                  the report as one JSON object\n"
    "      --json-lines            an object for each document, and the report last\n"
    "      --html FILE             a page with the text and its green tokens as well\n"
    "      --partial FILE          what greenprint merge needs as well\n"
    "  -q, --quiet                 the verdict alone, and no progress\n"
    "\n"
    "Resources:\n"
    "  -j, --jobs N                threads: one on each processor it may use\n"
    "      --max-memory SIZE       go to disk ($TMPDIR or /var/tmp) beyond: 500M, 8G\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Keys and tenants that the command tries are paid for without --tests.\n"
    "\n"
    "Exit status: 0 found, 1 not found, 2 an error, and then nothing is written on\n"
    "standard output.\n";

enum {
  PASSPHRASE_FILE = CLI_LONG_OPTION,
  ALPHA,
  TENANT,
  TENANTS,
  TABLE,
  PER_DOCUMENT,
  LOCATE,
  WEIGHTS,
  JSON,
  JSON_LINES,
  HTML,
  PARTIAL,
  MAX_MEMORY
};

static int set_option(int option, char **argv, void *data) {
  verify_options *options = data;
  switch (option) {
  case 'k':
    if (options->n_keys == VERIFY_KEYS_MAX) {
      return cli_fail(name, "more than %d keys", VERIFY_KEYS_MAX);
    }
    options->keys[options->n_keys++] = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case ALPHA:
    return cli_parse_probability(name, "--alpha", optarg, &options->alpha);
  case TENANTS:
    options->tenants = optarg;
    return CLI_OK;
  case TABLE:
    options->table = optarg;
    return CLI_OK;
  case PER_DOCUMENT:
    options->per_document = true;
    return CLI_OK;
  case LOCATE:
    options->locate = true;
    return CLI_OK;
  case WEIGHTS:
    options->weights = optarg;
    return CLI_OK;
  case JSON:
    return report_set_form(name, REPORT_JSON, &options->form);
  case JSON_LINES:
    return report_set_form(name, REPORT_JSON_LINES, &options->form);
  case HTML:
    options->html = optarg;
    return CLI_OK;
  case PARTIAL:
    options->partial = optarg;
    return cli_check_partial(name, optarg);
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  case TENANT:
    return cli_parse_tenant(name, optarg, &options->tenant);
  case MAX_MEMORY:
    return cli_parse_memory(name, optarg, &options->max_memory);
  case 'j':
    return cli_parse_jobs(name, optarg, &options->threads);
  default:
    if (blind_set_option(option, &options->blind)) {
      return CLI_OK;
    }
    return price_is_option(option) ? price_set_option(name, option, &options->price)
                                   : reading_set_option(name, option, argv, &options->reading);
  }
}

/* Either the key is here, or a server has it. */
static int check_blind(const verify_options *options) {
  const int status = blind_options_check(name, &options->blind);
  if (status != CLI_OK || options->blind.server.url == NULL) {
    return status;
  }
  if (options->n_keys > 0 || options->tenants != NULL || options->partial != NULL) {
    return cli_fail(name, "--server does not go with --key, --tenants and --partial");
  }
  return CLI_OK;
}

/* What goes with what. */
static int check_options(const verify_options *options) {
  const bool several = options->n_keys > 1 || options->tenants != NULL;
  const int status = check_blind(options);
  if (status != CLI_OK) {
    return status;
  }
  if (options->n_keys == 0 && options->blind.server.url == NULL) {
    return cli_fail(name, "name the key file with -k KEYFILE");
  }
  if (options->tenant.has_tenant && options->tenants != NULL) {
    return cli_fail(name, "--tenant and --tenants exclude each other");
  }
  if (several &&
      (options->per_document || options->locate || options->weights != NULL ||
       options->partial != NULL || options->html != NULL || options->form == REPORT_JSON_LINES)) {
    return cli_fail(name, "--per-document, --locate, --weights, --partial, --html and "
                          "--json-lines are for one key and one tenant");
  }
  if (options->table != NULL && options->n_keys > 1) {
    return cli_fail(name, "--table is of one key, and several are named");
  }
  if (options->partial != NULL && (options->weights != NULL || options->locate)) {
    return cli_fail(name, "--partial cannot hold what %s finds: leave one of them out",
                    options->weights != NULL ? "--weights" : "--locate");
  }
  if (options->partial != NULL &&
      (options->price.committed != NULL || options->price.tests > 0)) {
    return cli_fail(name, "--partial cannot hold what --committed and --tests say: give them to "
                          "greenprint merge");
  }
  if (options->max_memory > 0 && options->n_keys > KEYS_ON_DISK) {
    return cli_fail(name, "--max-memory goes with at most %d keys", KEYS_ON_DISK);
  }
  return reading_check(name, &options->reading);
}

int verify_parse_options(int argc, char **argv, verify_options *options) {
  static const struct option known[] = {
      {"key", required_argument, NULL, 'k'},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"alpha", required_argument, NULL, ALPHA},
      PRICE_OPTIONS,
      {"tenant", required_argument, NULL, TENANT},
      {"tenants", required_argument, NULL, TENANTS},
      {"table", required_argument, NULL, TABLE},
      READING_OPTIONS,
      READING_MORE_OPTIONS,
      {"per-document", no_argument, NULL, PER_DOCUMENT},
      {"locate", no_argument, NULL, LOCATE},
      {"weights", required_argument, NULL, WEIGHTS},
      {"json", no_argument, NULL, JSON},
      {"json-lines", no_argument, NULL, JSON_LINES},
      {"html", required_argument, NULL, HTML},
      {"partial", required_argument, NULL, PARTIAL},
      {"quiet", no_argument, NULL, 'q'},
      {"jobs", required_argument, NULL, 'j'},
      {"max-memory", required_argument, NULL, MAX_MEMORY},
      BLIND_OPTIONS,
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  options->alpha = 1e-6;
  options->threads = gp_usable_processors();
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":k:t:rqj:h", known, 'k', seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  return check_options(options);
}

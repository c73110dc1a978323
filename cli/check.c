/* greenprint check: verifies a text by a proof and a public file, with no secret. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "documents.h"
#include "price.h"
#include "progress.h"
#include "proving.h"
#include "report.h"
#include "scan.h"
#include "settings.h"

static const char name[] = "check";

static const char help[] =
    "Usage: greenprint check PROOF --pub PUBLICFILE [OPTION...] FILE...\n"
    "\n"
    "Checks that PROOF (greenprint prove) is of FILEs and of the key of PUBLICFILE, and\n"
    "prints the report that greenprint verify gives to whoever has the key. Needs no\n"
    "secret. A proof of another text, tokenizer or key, or one that does not hold, is\n"
    "refused, and the message says why.\n"
    "\n"
    "      --pub PUBLICFILE     the public file of the key, from its owner\n"
    "      --committed FILE     a proof that the key is in a set of committed keys, or the\n"
    "                           set (greenprint commit): p pays for all of its keys\n"
    "      --root HEX           the root of that set, as it was published\n"
    "      --tests N            p pays for N tests like this one: tenants there were to\n"
    "                           choose from, selections of the text, ways to read it\n"
    "      --alpha A            found when p <= A, chosen before looking: 1e-6\n"
    "\n"
    "How to read, as greenprint prove was told:\n"
    "  -t, --tokenizer FILE     turn text into ids: a tokenizer.json or .gguf file\n"
    "      --normalize[=STEPS]  take harmless changes out of text first\n"
    "      --format FORMAT      text, tokens, jsonl, npy, u16 or u32\n"
    "      --field PATH         where in an object of JSON Lines the text or ids are\n"
    "      --role ROLE          the field is a chat; take the messages of this role\n"
    "  -r, --recursive          read all files in folders\n"
    "      --skip-bad           leave out lines that cannot be read, and count them\n"
    "\n"
    "What to test besides, of a proof of all contexts:\n"
    "      --per-document       count every document as if it stood alone\n"
    "      --locate             find marked segments in the documents\n"
    "\n"
    "What to write:\n"
    "      --json               the report as one JSON object\n"
    "      --json-lines         an object for each document, and the report last\n"
    "      --html FILE          a page with the text, its green tokens and the proof\n"
    "  -q, --quiet              the verdict alone, and no progress\n"
    "\n"
    "Resources:\n"
    "  -j, --jobs N             threads: one on each processor it may use\n"
    "      --max-memory SIZE    pairs go to disk ($TMPDIR or /var/tmp) beyond: 500M, 8G\n"
    "  -h, --help               show this help\n"
    "\n"
    "Exit status: 0 found, 1 not found, 2 an error, and then nothing is written on\n"
    "standard output: the proof does not hold, say.\n";

typedef struct check_options {
  const char *proof;
  const char *public_file;
  price_options price;
  double alpha;
  reading_options reading;
  uint64_t max_memory;
  unsigned threads;
  report_form form;
  const char *html;
  char **files;
  size_t n_files;
  bool help;
  bool per_document;
  bool locate;
  bool quiet;
} check_options;

enum {
  PUBLIC_FILE = CLI_LONG_OPTION,
  ALPHA,
  PER_DOCUMENT,
  LOCATE,
  JSON,
  JSON_LINES,
  HTML,
  MAX_MEMORY
};

static int set_option(int option, char **argv, void *data) {
  check_options *options = data;
  switch (option) {
  case PUBLIC_FILE:
    options->public_file = optarg;
    return CLI_OK;
  case ALPHA:
    return cli_parse_probability(name, "--alpha", optarg, &options->alpha);
  case PER_DOCUMENT:
    options->per_document = true;
    return CLI_OK;
  case LOCATE:
    options->locate = true;
    return CLI_OK;
  case JSON:
    return report_set_form(name, REPORT_JSON, &options->form);
  case JSON_LINES:
    return report_set_form(name, REPORT_JSON_LINES, &options->form);
  case HTML:
    options->html = optarg;
    return CLI_OK;
  case MAX_MEMORY:
    return cli_parse_memory(name, optarg, &options->max_memory);
  case 'j':
    return cli_parse_jobs(name, optarg, &options->threads);
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return price_is_option(option) ? price_set_option(name, option, &options->price)
                                   : reading_set_option(name, option, argv, &options->reading);
  }
}

static int parse_options(int argc, char **argv, check_options *options) {
  static const struct option known[] = {
      {"pub", required_argument, NULL, PUBLIC_FILE},
      PRICE_OPTIONS,
      {"alpha", required_argument, NULL, ALPHA},
      READING_OPTIONS,
      READING_MORE_OPTIONS,
      {"per-document", no_argument, NULL, PER_DOCUMENT},
      {"locate", no_argument, NULL, LOCATE},
      {"json", no_argument, NULL, JSON},
      {"json-lines", no_argument, NULL, JSON_LINES},
      {"html", required_argument, NULL, HTML},
      {"max-memory", required_argument, NULL, MAX_MEMORY},
      {"jobs", required_argument, NULL, 'j'},
      {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  options->alpha = 1e-6;
  options->threads = gp_usable_processors();
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":t:rj:qh", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  if (optind == argc) {
    return cli_fail(name, "name the proof, and then the files that it is of");
  }
  options->proof = argv[optind];
  options->files = argv + optind + 1;
  options->n_files = (size_t)(argc - optind - 1);
  if (options->public_file == NULL) {
    return cli_fail(name, "name the public file of the key with --pub PUBLICFILE");
  }
  if (options->n_files == 0) {
    return cli_fail(name, "name the files that the proof is of");
  }
  return reading_check(name, &options->reading);
}

/* The files are read once for the proof and once more to be scored. */
static int check_inputs(const check_options *options, const documents *read) {
  const char *const known[] = {options->reading.tokenizer, options->proof, options->public_file,
                               options->price.committed};
  int status = documents_check_again(read, "");
  if (status == CLI_OK) {
    status = report_check_page(name, options->html);
  }
  if (status == CLI_OK) {
    status = report_check_spared(name, options->html, known, sizeof known / sizeof known[0]);
  }
  if (status == CLI_OK) {
    status = report_check_spared(name, options->html, (const char *const *)read->names.names,
                                 read->names.count);
  }
  return status;
}

/* That what was scored is what was proved, and was not exchanged meanwhile. */
static int check_same(const documents *read, const findings *all) {
  bool same = all->best.result.documents == read->documents &&
              all->best.result.tokens == read->tokens && all->info.n_inputs == read->names.count;
  for (size_t i = 0; i < all->info.n_inputs && same; i++) {
    gp_corpus_input_facts input;
    gp_corpus_get_input(all->corpus, i, &input);
    same = memcmp(input.file.sha256, read->facts[i].sha256, sizeof input.file.sha256) == 0;
  }
  return same ? CLI_OK
              : cli_fail(name, "the files changed while they were being read: check them again");
}

static int score(const check_options *options, const documents *read, gp_key *key,
                 const gp_proof_info *info, const price *paid) {
  char *settings = settings_describe(read->tokenizer, options->reading.normalize);
  if (settings == NULL) {
    return cli_fail(name, "out of memory: the report");
  }
  const scan_plan plan = {
      .command = name,
      .keys = &key,
      .n_keys = 1,
      .tenants = &info->tenant,
      .n_tenants = info->has_tenant ? 1 : 0,
      .tokenizer = read->tokenizer,
      .settings = settings,
      .inputs = read->inputs,
      .n_inputs = read->names.count,
      .proof = info,
      .price = paid,
      .threads = options->threads,
      .max_memory = options->max_memory,
      .skip_bad = options->reading.skip_bad,
      .per_document = options->per_document || options->form == REPORT_JSON_LINES,
      .locate = options->locate,
      .show = options->html != NULL,
      .no_progress = options->quiet,
      .alpha = options->alpha,
  };
  findings all = {0};
  int status = scan(&plan, &all);
  if (status == CLI_OK) {
    status = check_same(read, &all);
  }
  if (status == CLI_OK && options->html != NULL) {
    status = report_write_page(name, options->html, &all, read->tokenizer,
                               options->reading.tokenizer, options->reading.normalize);
  }
  status = report_end(name, status, options->form, options->quiet, &all);
  free(settings);
  return status;
}

/* Which of a sample's contexts a document has is chance, so nothing is said of documents. */
static int check_sample(const check_options *options, const gp_proof_info *info) {
  const char *option = options->html != NULL                ? "--html"
                       : options->form == REPORT_JSON_LINES ? "--json-lines"
                       : options->locate                    ? "--locate"
                       : options->per_document              ? "--per-document"
                                                            : NULL;
  return option == NULL || info->proved == info->contexts
             ? CLI_OK
             : cli_fail(name, "%s takes a proof of all contexts, and %s is of a sample", option,
                        options->proof);
}

static int check(const check_options *options, documents *read, const price *paid) {
  gp_error error;
  gp_public_key public_key;
  gp_proof_text *text = NULL;
  gp_proof_info info;
  gp_key *key = NULL;
  proving run = {0};
  if (gp_public_key_load(options->public_file, &public_key, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  read->mute = true; /* whoever scores warns of lines left out */
  int status = proving_open(&run, read, options->threads);
  if (status == CLI_OK) {
    status = proving_read(&public_key, read, options->quiet, &text);
  }
  if (status == CLI_OK) {
    progress_start(0, options->quiet);
    const gp_status checked =
        gp_proof_check(options->proof, &public_key, text, &run.options, &info, &key, &error);
    progress_end();
    status = checked == GP_OK ? CLI_OK : cli_fail(name, "%s", error.message);
  }
  gp_proof_text_free(text);
  proving_close(&run);
  if (status == CLI_OK) {
    status = check_sample(options, &info);
  }
  if (status == CLI_OK && public_key.params.seeding == GP_SEEDING_FIXED) {
    cli_warn(name,
             "%s: the key has one green list for all contexts (fixed), which its owner could "
             "have chosen so that everybody's text fits: do not rely on it",
             options->public_file);
  }
  if (status == CLI_OK) {
    status = committed_covers(name, &paid->committed, public_key.commitment, options->public_file,
                              false);
  }
  if (status == CLI_OK) {
    status = score(options, read, key, &info, paid);
  }
  gp_key_free(key);
  return status;
}

int cli_check(int argc, char **argv) {
  check_options options = {0};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  documents read = {0};
  price paid = {0};
  const bool by_document = options.per_document || options.form == REPORT_JSON_LINES;
  status = price_open(name, &options.price, by_document, &paid);
  if (status == CLI_OK) {
    status = documents_open(&read, name, &options.reading, options.files, options.n_files);
  }
  if (status == CLI_OK) {
    status = check_inputs(&options, &read);
  }
  if (status == CLI_OK) {
    status = check(&options, &read, &paid);
  }
  documents_close(&read);
  price_close(&paid);
  return status;
}

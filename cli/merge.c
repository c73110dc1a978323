/* greenprint merge: partial results of `verify` put together. */
#include <getopt.h>
#include <stdlib.h>

#include "cli.h"
#include "report.h"
#include "scan.h"

static const char name[] = "merge";

static const char help[] =
    "Usage: greenprint merge [OPTION...] PARTIAL...\n"
    "\n"
    "Puts together what greenprint verify --partial wrote for parts of the text, in the\n"
    "order in which they are named, and reports as one run over everything would: pairs\n"
    "that occur in several parts count once. Needs no key. The anytime p holds for an order\n"
    "that was chosen before anybody saw a result.\n"
    "\n"
    "      --committed FILE   a proof that the key is in a set of committed keys, or the set\n"
    "                         (greenprint commit): p pays for all of its keys\n"
    "      --root HEX         the root of that set, as it was published\n"
    "      --tests N          p pays for N tests like this one: tenants there were to choose\n"
    "                         from, selections of the text, ways to read it\n"
    "      --alpha A          found when p <= A, chosen before looking: 1e-6\n"
    "      --per-document     list the documents; --per-document was given to verify, too\n"
    "      --json             the report as one JSON object\n"
    "      --json-lines       an object for each document, and the report last\n"
    "      --partial FILE     write what a further merge needs as well\n"
    "  -q, --quiet            the verdict alone, and no progress\n"
    "  -j, --jobs N           threads: 1\n"
    "      --max-memory SIZE  go to disk ($TMPDIR or /var/tmp) beyond: 500M, 8G\n"
    "  -h, --help             show this help\n"
    "\n"
    "Partial files hold the colours of their pairs: as secret as the green lists are.\n"
    "\n"
    "Exit status: 0 found, 1 not found, 2 an error, and then nothing is written on\n"
    "standard output.\n";

typedef struct merge_options {
  bool help;
  bool quiet;
  report_form form;
  price_options price;
  scan_plan plan;
} merge_options;

enum {
  ALPHA = CLI_LONG_OPTION,
  PER_DOCUMENT,
  JSON,
  JSON_LINES,
  PARTIAL,
  MAX_MEMORY
};

static int set_option(int option, char **argv, void *data) {
  merge_options *options = data;
  scan_plan *plan = &options->plan;
  switch (option) {
  case ALPHA:
    return cli_parse_probability(name, "--alpha", optarg, &plan->alpha);
  case PER_DOCUMENT:
    plan->per_document = true;
    return CLI_OK;
  case JSON:
    return report_set_form(name, REPORT_JSON, &options->form);
  case JSON_LINES:
    plan->per_document = true;
    return report_set_form(name, REPORT_JSON_LINES, &options->form);
  case PARTIAL:
    plan->partial = optarg;
    return cli_check_partial(name, optarg);
  case MAX_MEMORY:
    return cli_parse_memory(name, optarg, &plan->max_memory);
  case 'j':
    return cli_parse_jobs(name, optarg, &plan->threads);
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return price_is_option(option) ? price_set_option(name, option, &options->price)
                                   : cli_bad_option(name, option, argv);
  }
}

static int parse_options(int argc, char **argv, merge_options *options) {
  static const struct option known[] = {
      PRICE_OPTIONS,
      {"alpha", required_argument, NULL, ALPHA},
      {"per-document", no_argument, NULL, PER_DOCUMENT},
      {"json", no_argument, NULL, JSON},
      {"json-lines", no_argument, NULL, JSON_LINES},
      {"partial", required_argument, NULL, PARTIAL},
      {"quiet", no_argument, NULL, 'q'},
      {"jobs", required_argument, NULL, 'j'},
      {"max-memory", required_argument, NULL, MAX_MEMORY},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":qj:h", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  return optind < argc ? CLI_OK : cli_fail(name, "name the partial files to be merged");
}

static int merge_and_report(const merge_options *options) {
  findings all = {0};
  int status = scan(&options->plan, &all);
  if (status == CLI_OK) {
    status = committed_covers(name, &options->plan.price->committed, all.info.commitment,
                              "the partial files", false);
  }
  if (status == CLI_OK && options->plan.per_document && !all.info.documents) {
    status = cli_fail(name, "the partial files do not count documents one by one: they were made "
                            "without --per-document");
  }
  return report_end(name, status, options->form, options->quiet, &all);
}

int cli_merge(int argc, char **argv) {
  merge_options options = {.plan = {.command = name, .threads = 1, .alpha = 1e-6}};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  price paid = {0};
  status = price_open(name, &options.price, options.plan.per_document, &paid);
  if (status != CLI_OK) {
    price_close(&paid);
    return status;
  }
  options.plan.price = &paid;
  const size_t n_files = (size_t)(argc - optind);
  gp_corpus_input *inputs = calloc(n_files, sizeof *inputs);
  if (inputs == NULL) {
    price_close(&paid);
    return cli_fail(name, "out of memory: too many files");
  }
  for (size_t i = 0; i < n_files; i++) {
    inputs[i].path = argv[optind + (int)i];
  }
  options.plan.inputs = inputs;
  options.plan.n_inputs = n_files;
  options.plan.no_progress = options.quiet;
  status = merge_and_report(&options);
  free(inputs);
  price_close(&paid);
  return status;
}

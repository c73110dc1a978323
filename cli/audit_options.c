#include "audit_options.h"

#include <getopt.h>
#include <string.h>

#include "cli.h"

const char audit_help[] =
    "Usage: greenprint audit -k KEYFILE [OPTION...] [ANSWERS...]\n"
    "       greenprint audit -k KEYFILE --open [OPTION...] WEIGHTS...\n"
    "\n"
    "Says whether a model was trained on text marked under a key: from its ANSWERS, text or\n"
    "token ids in files, or from WEIGHTS, what greenprint.audit of the Python package\n"
    "collected from an open model. Each (context, token) pair counts once over everything,\n"
    "and the same tests are made with control keys that nobody ever used. Reads standard\n"
    "input without ANSWERS, or where ANSWERS is -. Files may be gzipped.\n"
    "\n"
    "What to look for:\n"
    "  -k, --key KEYFILE           the key\n"
    "      --passphrase-file FILE  take the passphrase of a sealed key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --tenant ID             the mark of this tenant, 0 to 2^64 - 1\n"
    "      --table TABLE           take nonces of a provable key from this table of\n"
    "                              greenprint precompute\n"
    "      --committed FILE        a proof that the key is in a set of committed keys, or the\n"
    "                              set (greenprint commit): p pays for all of its keys\n"
    "      --root HEX              the root of that set, as it was published\n"
    "      --tests N               p pays for N tests like this one: tenants there were to\n"
    "                              choose from, selections of the answers, ways to read them\n"
    "      --alpha A               found when p <= A, chosen before looking: 1e-6\n"
    "\n"
    "What to test; the verdict's test is fixed by these options, the others are listed for\n"
    "information:\n"
    "      --open                  the files are WEIGHTS; the verdict goes by\n"
    "                              `open-root`\n"
    "      --reference FILE        what a reference model expected of these ANSWERS (.gpx):\n"
    "                              the verdict goes by `reference`; without, by `root`\n"
    "      --served FILE           only contexts that the owner served, a set that greenprint\n"
    "                              contexts wrote (.gpc), decide; p is then from an e-value\n"
    "      --prompts PATH          where in the object the prompt is: contexts that occur in\n"
    "                              an answer's own prompt are left out\n"
    "      --controls N            the number of control keys, 0 to 100000: 1000\n"
    "\n"
    "How to read ANSWERS:\n"
    "  -t, --tokenizer FILE        turn text into ids: a tokenizer.json or .gguf file\n"
    "      --normalize[=STEPS]     take harmless changes out of text first: nfc, newlines,\n"
    "                              trailing, separated by commas; all without STEPS\n"
    "      --format FORMAT         text, tokens, jsonl, npy, u16 or u32; by the name without\n"
    "      --field PATH            where in the object the answer is: text.body; without it\n"
    "                              messages with --role, text with -t, and else tokens\n"
    "      --role ROLE             the field is a chat; its messages of this role, assistant\n"
    "                              say, are answers\n"
    "\n"
    "What to write:\n"
    "      --json                  the report as one JSON object\n"
    "      --html FILE             a page with the controls drawn as well\n"
    "  -q, --quiet                 the verdict alone, or with a warning where controls are\n"
    "                              not as they should be; no progress\n"
    "\n"
    "  -j, --jobs N                threads: one on each processor it may use\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Exit status: 0 found, 1 not found, 2 an error, and then nothing is written on\n"
    "standard output.\n";

const char trace_help[] =
    "Usage: greenprint trace -k KEYFILE --tenants RANGE|FILE [OPTION...] [ANSWERS...]\n"
    "\n"
    "Says on the marked text of which of a key's tenants a model was trained, from its\n"
    "ANSWERS: text or token ids in files. Each tenant is a hypothesis, tested by the root of\n"
    "how often each (context, token) pair occurred; p is corrected for all of them (Holm).\n"
    "Reads standard input without ANSWERS, or where ANSWERS is -. Files may be gzipped.\n"
    "\n"
    "What to look for:\n"
    "  -k, --key KEYFILE           the key\n"
    "      --passphrase-file FILE  take the passphrase of a sealed key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --tenants RANGE|FILE    these tenants: 0-23999, or a file with an id a line\n"
    "      --table TABLE           take nonces of a provable key from this table of\n"
    "                              greenprint precompute\n"
    "      --committed FILE        a proof that the key is in a set of committed keys, or the\n"
    "                              set (greenprint commit): p pays for all of its keys\n"
    "      --root HEX              the root of that set, as it was published\n"
    "      --tests N               p pays for N tests like this one: selections of the\n"
    "                              answers, ways to read them; tenants are paid for anyway\n"
    "      --alpha A               found when the corrected p <= A, chosen before looking:\n"
    "                              1e-6\n"
    "\n"
    "What to test:\n"
    "      --served-by DIR         of each tenant only the contexts that it was served, the\n"
    "                              set DIR/ID.gpc of greenprint contexts; all tenants need\n"
    "                              theirs. p is then from an e-value\n"
    "      --prompts PATH          where in the object the prompt is: contexts that occur in\n"
    "                              an answer's own prompt are left out\n"
    "\n"
    "How to read ANSWERS:\n"
    "  -t, --tokenizer FILE        turn text into ids: a tokenizer.json or .gguf file\n"
    "      --normalize[=STEPS]     take harmless changes out of text first: nfc, newlines,\n"
    "                              trailing, separated by commas; all without STEPS\n"
    "      --format FORMAT         text, tokens, jsonl, npy, u16 or u32; by the name without\n"
    "      --field PATH            where in the object the answer is: text.body; without it\n"
    "                              messages with --role, text with -t, and else tokens\n"
    "      --role ROLE             the field is a chat; its messages of this role, assistant\n"
    "                              say, are answers\n"
    "\n"
    "What to write:\n"
    "      --json                  the report as one JSON object\n"
    "      --html FILE             a page as well\n"
    "  -q, --quiet                 the verdict alone, or with a warning where controls are\n"
    "                              not as they should be; no progress\n"
    "\n"
    "  -j, --jobs N                threads: one on each processor it may use\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Exit status: 0 some tenant found, 1 none found, 2 an error, and then nothing is written\n"
    "on standard output.\n";

enum {
  PASSPHRASE_FILE = CLI_LONG_OPTION,
  ALPHA,
  TENANT,
  TENANTS,
  TABLE,
  OPEN,
  REFERENCE,
  SERVED,
  SERVED_BY,
  PROMPTS,
  CONTROLS,
  JSON,
  HTML
};

static int set_controls(const char *text, audit_options *options) {
  return cli_parse_number(text, AUDIT_CONTROLS_MAX, &options->controls)
             ? CLI_OK
             : cli_fail(options->command, "--controls %s is not a number from 0 to %d", text,
                        AUDIT_CONTROLS_MAX);
}

/* Which test an option chooses, and of what. */
static void set_choice(int option, audit_options *options) {
  const char **place = option == TENANTS     ? &options->tenants
                       : option == TABLE     ? &options->table
                       : option == REFERENCE ? &options->reference
                       : option == SERVED    ? &options->served
                       : option == SERVED_BY ? &options->served_by
                                             : &options->prompts;
  *place = optarg;
}

static int set_option(int option, char **argv, void *data) {
  audit_options *options = data;
  const char *command = options->command;
  switch (option) {
  case 'k':
    options->key = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case ALPHA:
    return cli_parse_probability(command, "--alpha", optarg, &options->alpha);
  case TENANT:
    return cli_parse_tenant(command, optarg, &options->tenant);
  case TENANTS:
  case TABLE:
  case REFERENCE:
  case SERVED:
  case SERVED_BY:
  case PROMPTS:
    set_choice(option, options);
    return CLI_OK;
  case OPEN:
    options->open = true;
    return CLI_OK;
  case CONTROLS:
    return set_controls(optarg, options);
  case JSON:
    options->json = true;
    return CLI_OK;
  case HTML:
    options->html = optarg;
    return CLI_OK;
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'j':
    return cli_parse_jobs(command, optarg, &options->threads);
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return price_is_option(option) ? price_set_option(command, option, &options->price)
                                   : reading_set_option(command, option, argv, &options->reading);
  }
}

/* Files of model weights hold ids, and what was left out of them is for those to say who wrote
 * them. */
static int check_open(const audit_options *options) {
  if (options->reading.tokenizer != NULL || options->reading.normalize != 0 ||
      options->reading.has_format || options->reading.field != NULL ||
      options->reading.role != NULL || options->prompts != NULL || options->reference != NULL) {
    return cli_fail(options->command, "--open reads files of model weights: --tokenizer, "
                                      "--normalize, --format, --field, --role, --prompts and "
                                      "--reference are for answers");
  }
  return options->n_files > 0
             ? CLI_OK
             : cli_fail(options->command, "--open: name the files of model weights");
}

/* The prompts are in other fields of the same lines. */
static int check_prompts(audit_options *options) {
  reading_options *reading = &options->reading;
  if (reading->role != NULL) {
    return cli_fail(options->command, "--prompts is for rows of one prompt and one answer, not "
                                      "for --role; of a chat of two messages they are --prompts "
                                      "messages.0.content and --field messages.1.content");
  }
  bool standard_input = options->n_files == 0;
  for (size_t i = 0; i < options->n_files; i++) {
    standard_input = standard_input || strcmp(options->files[i], "-") == 0;
  }
  if (standard_input) {
    return cli_fail(options->command, "--prompts reads each file twice: name files, standard "
                                      "input can be read only once");
  }
  if (reading->has_format && reading->format != GP_INPUT_JSONL) {
    return cli_fail(options->command,
                    "--prompts is for JSON Lines; it does not go with --format %s",
                    gp_input_format_name(reading->format));
  }
  reading->has_format = true;
  reading->format = GP_INPUT_JSONL;
  return CLI_OK;
}

static int check_answers(audit_options *options) {
  const int status = reading_check(options->command, &options->reading);
  return status == CLI_OK && options->prompts != NULL ? check_prompts(options) : status;
}

static int parse(int argc, char **argv, const struct option *known, audit_options *options) {
  options->alpha = 1e-6;
  options->controls = 1000;
  options->threads = gp_usable_processors();
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(options->command, argc, argv, ":k:t:qj:h", known, 0, seen,
                                     set_option, options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  if (options->key == NULL) {
    return cli_fail(options->command, "name the key file with -k KEYFILE");
  }
  return options->open ? check_open(options) : check_answers(options);
}

/* What both commands know. */
#define COMMON_OPTIONS                                                                           \
  {"key", required_argument, NULL, 'k'},                                                         \
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},                             \
      {"table", required_argument, NULL, TABLE}, PRICE_OPTIONS,                                  \
      {"alpha", required_argument, NULL, ALPHA}, {"prompts", required_argument, NULL, PROMPTS},  \
      READING_OPTIONS, {"json", no_argument, NULL, JSON},                                        \
      {"html", required_argument, NULL, HTML}, {"quiet", no_argument, NULL, 'q'},                \
      {"jobs", required_argument, NULL, 'j'}, {                                                  \
    "help", no_argument, NULL, 'h'                                                               \
  }

int audit_parse_options(int argc, char **argv, audit_options *options) {
  static const struct option known[] = {
      COMMON_OPTIONS,
      {"tenant", required_argument, NULL, TENANT},
      {"open", no_argument, NULL, OPEN},
      {"reference", required_argument, NULL, REFERENCE},
      {"served", required_argument, NULL, SERVED},
      {"controls", required_argument, NULL, CONTROLS},
      {0},
  };
  options->command = "audit";
  return parse(argc, argv, known, options);
}

int trace_parse_options(int argc, char **argv, audit_options *options) {
  static const struct option known[] = {
      COMMON_OPTIONS,
      {"tenants", required_argument, NULL, TENANTS},
      {"served-by", required_argument, NULL, SERVED_BY},
      {0},
  };
  options->command = "trace";
  const int status = parse(argc, argv, known, options);
  if (status != CLI_OK || options->help) {
    return status;
  }
  return options->tenants != NULL
             ? CLI_OK
             : cli_fail("trace", "name the tenants with --tenants RANGE or --tenants FILE");
}

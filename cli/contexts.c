/* greenprint contexts: the contexts of what an owner served, as a set of fingerprints. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <sodium.h>

#include "contexts.h"
#include "html/whole_file.h"
#include "style.h"

static const char name[] = "contexts";

static const char help[] =
    "Usage: greenprint contexts build [OPTION...] [FILE...] -o SERVED\n"
    "  or:  greenprint contexts merge [OPTION...] CONTEXTS... -o SERVED\n"
    "  or:  greenprint contexts info [--json] CONTEXTS\n"
    "\n"
    "Collects the contexts of all that was served, for an audit that looks at nothing else:\n"
    "every sequence of as many tokens as the key's context width, as 8 bytes that anybody\n"
    "can compute. Needs no key and no passphrase. build reads logs, standard input without\n"
    "FILE or where FILE is -; merge puts files of build together; all three say what is in\n"
    "the file.\n"
    "\n"
    "What to write:\n"
    "  -o, --output SERVED      the contexts file; an existing one is never replaced\n"
    "      --json               say what is in it as one JSON object\n"
    "  -q, --quiet              say nothing, and show no progress\n"
    "\n"
    "What to collect, for build:\n"
    "  -k, --key KEYFILE        contexts of the width of this key\n"
    "      --context-width N    contexts of N tokens, 1 to 16; without it and -k 2\n"
    "\n"
    "How to read, for build:\n"
    "  -t, --tokenizer FILE     turn text into ids: a tokenizer.json or .gguf file\n"
    "      --normalize[=STEPS]  take harmless changes out of text first: nfc, newlines,\n"
    "                           trailing, separated by commas; all without STEPS\n"
    "      --format FORMAT      text, tokens, jsonl, npy, u16 or u32; without it by the\n"
    "                           name, as for verify\n"
    "      --field PATH         where in an object of JSON Lines the text or ids are\n"
    "      --role ROLE          the field is a chat; take the messages of this role\n"
    "  -r, --recursive          read all files in folders\n"
    "      --skip-bad           leave out lines that cannot be read, and count them\n"
    "  -h, --help               show this help\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

enum {
  CONTEXT_WIDTH = CLI_LONG_OPTION,
  JSON
};

/* --------------------------------------------------------------------- options */

static int set_option(int option, char **argv, void *data) {
  contexts_options *options = data;
  switch (option) {
  case 'o':
    options->output = optarg;
    return CLI_OK;
  case 'k':
    options->key = optarg;
    return CLI_OK;
  case CONTEXT_WIDTH:
    return cli_parse_number(optarg, GP_CONTEXT_WIDTH_MAX, &options->width) && options->width > 0
               ? CLI_OK
               : cli_fail(name, "--context-width %s is not a whole number from 1 to %d", optarg,
                          GP_CONTEXT_WIDTH_MAX);
  case JSON:
    options->json = true;
    return CLI_OK;
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return reading_set_option(name, option, argv, &options->reading);
  }
}

/* Whether there are options that only `build` has. */
static bool has_build_options(const contexts_options *options) {
  const reading_options *reading = &options->reading;
  return options->key != NULL || options->width > 0 || reading->tokenizer != NULL ||
         reading->normalize != 0 || reading->has_format || reading->field != NULL ||
         reading->role != NULL || reading->recursive || reading->skip_bad;
}

static int check_options(const contexts_options *options) {
  if (options->action == ACTION_NONE) {
    return cli_fail(name, "say what to do: build, merge or info; see greenprint contexts --help");
  }
  if (options->action != ACTION_BUILD && has_build_options(options)) {
    return cli_fail(name, "options of what to collect and how to read are for contexts build; "
                          "see greenprint contexts --help");
  }
  if (options->action == ACTION_INFO) {
    if (options->output != NULL || options->quiet) {
      return cli_fail(name, "contexts info writes no file: leave out %s",
                      options->output != NULL ? "--output" : "--quiet");
    }
    return options->n_files == 1 ? CLI_OK : cli_fail(name, "name one contexts file");
  }
  if (options->output == NULL) {
    return cli_fail(name, "name the contexts file to be written with -o FILE");
  }
  if (options->json && options->quiet) {
    return cli_fail(name, "--json and --quiet exclude each other");
  }
  if (options->action == ACTION_MERGE) {
    return options->n_files > 0 ? CLI_OK : cli_fail(name, "name the contexts files to be merged");
  }
  if (options->key != NULL && options->width > 0) {
    return cli_fail(name, "the context width is that of the key: leave out --context-width");
  }
  return reading_check(name, &options->reading);
}

static int parse_action(const char *word, contexts_action *chosen) {
  static const char *const words[] = {
      [ACTION_BUILD] = "build", [ACTION_MERGE] = "merge", [ACTION_INFO] = "info"};
  for (int i = ACTION_BUILD; i <= ACTION_INFO; i++) {
    if (strcmp(word, words[i]) == 0) {
      *chosen = (contexts_action)i;
      return CLI_OK;
    }
  }
  return cli_fail(name, "unknown action %s: build, merge or info; see greenprint contexts --help",
                  word);
}

/* The action comes first: not every getopt_long() finds options behind it. */
static int parse_options(int argc, char **argv, contexts_options *options) {
  static const struct option known[] = {
      {"output", required_argument, NULL, 'o'},
      {"key", required_argument, NULL, 'k'},
      {"context-width", required_argument, NULL, CONTEXT_WIDTH},
      READING_OPTIONS,
      READING_MORE_OPTIONS,
      {"json", no_argument, NULL, JSON},
      {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  int status = CLI_OK;
  if (argc > 1 && argv[1][0] != '-') {
    status = parse_action(argv[1], &options->action);
    argc--;
    argv++;
  }
  bool seen[CLI_OPTIONS_MAX] = {false};
  if (status == CLI_OK) {
    status = cli_each_option(name, argc, argv, ":o:k:t:rqh", known, 0, seen, set_option, options,
                             &options->help);
  }
  if (status != CLI_OK || options->help) {
    return status;
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  return check_options(options);
}

/* ------------------------------------------------------------------- telling */

static void put_label(const char *label) {
  (void)printf("%s%-15s%s ", style(stdout, STYLE_LABEL), label, style(stdout, STYLE_END));
}

static double bytes_a_context(const gp_contexts_info *info) {
  return info->contexts > 0 ? (double)info->file.bytes / (double)info->contexts : 0;
}

static double false_positive_rate(const gp_contexts_info *info) {
  return ldexp((double)info->contexts, -64);
}

static void print_text(const gp_contexts_info *info, uint64_t bad, const char *digest) {
  put_label("contexts");
  (void)printf("%" PRIu64 " of %" PRIu32 " token%s\n", info->contexts, info->context_width,
               cli_plural(info->context_width));
  put_label("documents");
  (void)printf("%" PRIu64 "\n", info->documents);
  if (bad > 0) {
    put_label("bad lines");
    (void)printf("%" PRIu64 " left out\n", bad);
  }
  put_label("tokens");
  (void)printf("%" PRIu64 "\n", info->tokens);
  put_label("bytes");
  (void)printf("%" PRIu64 " (%.2f a context)\n", info->file.bytes, bytes_a_context(info));
  put_label("false positives");
  (void)printf("%.2g of the contexts that are not among them\n", false_positive_rate(info));
  put_label("sha256");
  (void)printf("%s\n", digest);
}

static int print_json(const gp_contexts_info *info, uint64_t bad, const char *digest) {
  json_t *object = json_pack(
      "{s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:s}", "context_width", (int)info->context_width,
      "contexts", (json_int_t)info->contexts, "documents", (json_int_t)info->documents, "tokens",
      (json_int_t)info->tokens, "bad_lines", (json_int_t)bad, "bytes",
      (json_int_t)info->file.bytes, "bytes_per_context", bytes_a_context(info),
      "false_positive_rate", false_positive_rate(info), "sha256", digest);
  char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(object);
  if (text == NULL) {
    return cli_fail(name, "out of memory: the JSON object");
  }
  (void)printf("%s\n", text);
  free(text);
  return CLI_OK;
}

/* What is in a file, read from it. */
static int tell(const contexts_options *options, const char *path, uint64_t bad) {
  gp_error error;
  gp_contexts *contexts = NULL;
  if (gp_contexts_load(path, &contexts, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  gp_contexts_info info;
  gp_contexts_get_info(contexts, &info);
  gp_contexts_free(contexts);
  char digest[2 * sizeof info.file.sha256 + 1];
  (void)sodium_bin2hex(digest, sizeof digest, info.file.sha256, sizeof info.file.sha256);
  if (options->json) {
    const int status = print_json(&info, bad, digest);
    return status == CLI_OK ? cli_flush(name) : status;
  }
  print_text(&info, bad, digest);
  return cli_flush(name);
}

/* -------------------------------------------------------------------- writing */

/* Tried before hours of work. */
static int check_output(const char *path) {
  struct stat facts;
  whole_file file;
  if (strcmp(path, "-") == 0) {
    return cli_fail(name, "--output -: it goes to a file, not to standard output");
  }
  if (lstat(path, &facts) == 0) {
    return cli_fail(name,
                    "%s: exists already; a contexts file is never overwritten: choose another "
                    "name",
                    path);
  }
  if (!whole_file_open(&file, path)) {
    return cli_fail(name, "%s: cannot create the contexts file: %s", path, strerror(errno));
  }
  whole_file_abandon(&file);
  return CLI_OK;
}

/* The first file says how wide the contexts are. */
static gp_status width_of(const char *path, uint32_t *width, gp_error *error) {
  gp_contexts *contexts = NULL;
  const gp_status status = gp_contexts_load(path, &contexts, error);
  if (status == GP_OK) {
    gp_contexts_info info;
    gp_contexts_get_info(contexts, &info);
    *width = info.context_width;
  }
  gp_contexts_free(contexts);
  return status;
}

static int merge(const contexts_options *options) {
  gp_error error;
  gp_contexts_builder *builder = NULL;
  uint32_t width = 0;
  gp_status status = width_of(options->files[0], &width, &error);
  if (status == GP_OK) {
    status = gp_contexts_builder_new(width, &builder, &error);
  }
  for (size_t i = 0; i < options->n_files && status == GP_OK; i++) {
    status = gp_contexts_builder_merge(builder, options->files[i], &error);
  }
  if (status == GP_OK) {
    status = gp_contexts_builder_save(builder, options->output, &error);
  }
  gp_contexts_builder_free(builder);
  if (status != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  return CLI_OK;
}

int cli_contexts(int argc, char **argv) {
  contexts_options options = {.action = ACTION_NONE};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  if (options.action == ACTION_INFO) {
    return tell(&options, options.files[0], 0);
  }
  status = check_output(options.output);
  uint64_t bad = 0;
  if (status == CLI_OK) {
    status = options.action == ACTION_BUILD ? contexts_build(&options, &bad) : merge(&options);
  }
  return status == CLI_OK && !options.quiet ? tell(&options, options.output, bad) : status;
}

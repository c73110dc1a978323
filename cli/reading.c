#include "reading.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BAD_LINES_SHOWN 10

int reading_set_option(const char *command, int option, char **argv, reading_options *options) {
  switch (option) {
  case 't':
    options->tokenizer = optarg;
    return CLI_OK;
  case READING_NORMALIZE:
    return cli_parse_normalize(command, optarg, &options->normalize);
  case READING_FORMAT:
    options->has_format = true;
    return cli_parse_format(command, optarg, &options->format);
  case READING_FIELD:
    options->field = optarg;
    return CLI_OK;
  case READING_ROLE:
    options->role = optarg;
    return CLI_OK;
  case 'r':
    options->recursive = true;
    return CLI_OK;
  case READING_SKIP_BAD:
    options->skip_bad = true;
    return CLI_OK;
  default:
    return cli_bad_option(command, option, argv);
  }
}

int reading_check(const char *command, const reading_options *options) {
  const bool is_jsonl = !options->has_format || options->format == GP_INPUT_JSONL;
  if ((options->field != NULL || options->role != NULL) && !is_jsonl) {
    return cli_fail(command, "--%s is for JSON Lines; it does not go with --format %s",
                    options->field != NULL ? "field" : "role",
                    gp_input_format_name(options->format));
  }
  if (options->normalize != 0 && options->tokenizer == NULL) {
    return cli_fail(command, "--normalize is for text: name its tokenizer with --tokenizer");
  }
  if (options->format == GP_INPUT_TEXT && options->tokenizer == NULL) {
    return cli_fail(command, "--format text: name the text's tokenizer with --tokenizer");
  }
  return CLI_OK;
}

/* ------------------------------------------------------------------- inputs */

static int find_names(const char *command, const reading_options *options, char **files,
                      size_t n_files, named_inputs *names) {
  if (n_files == 0) {
    return inputs_add(command, "-", false, names);
  }
  bool standard_input_seen = false;
  for (size_t i = 0; i < n_files; i++) {
    if (strcmp(files[i], "-") == 0) {
      if (standard_input_seen) {
        return cli_fail(command, "standard input can be read only once: - is named twice");
      }
      standard_input_seen = true;
    }
    const int status = inputs_add(command, files[i], options->recursive, names);
    if (status != CLI_OK) {
      return status;
    }
  }
  return CLI_OK;
}

static gp_input_format format_of(const reading_options *options, const char *input) {
  if (options->has_format) {
    return options->format;
  }
  return options->field != NULL || options->role != NULL
             ? GP_INPUT_JSONL
             : input_format_of_name(input, options->tokenizer != NULL);
}

int reading_find(const char *command, const reading_options *options, char **files,
                 size_t n_files, named_inputs *names, gp_corpus_input **inputs) {
  const int status = find_names(command, options, files, n_files, names);
  if (status != CLI_OK) {
    return status;
  }
  *inputs = calloc(names->count, sizeof **inputs);
  if (*inputs == NULL) {
    return cli_fail(command, "out of memory: too many files");
  }
  const char *usual_field = options->role != NULL        ? "messages"
                            : options->tokenizer != NULL ? "text"
                                                         : "tokens";
  for (size_t i = 0; i < names->count; i++) {
    const gp_input_format format = format_of(options, names->names[i]);
    const bool is_jsonl = format == GP_INPUT_JSONL;
    const char *field = options->field != NULL ? options->field : usual_field;
    (*inputs)[i] = (gp_corpus_input){
        .path = names->names[i],
        .options = {.format = format,
                    .field = is_jsonl ? field : NULL,
                    .role = is_jsonl ? options->role : NULL,
                    .normalize = is_jsonl || format == GP_INPUT_TEXT ? options->normalize : 0}};
  }
  return CLI_OK;
}

uint64_t reading_total_bytes(const gp_corpus_input *inputs, size_t n_inputs) {
  uint64_t total = 0;
  for (size_t i = 0; i < n_inputs; i++) {
    struct stat facts;
    if (stat(inputs[i].path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return 0;
    }
    total += (uint64_t)facts.st_size;
  }
  return total;
}

void reading_left_out(const char *command, const char *message, uint64_t *bad) {
  const uint64_t number = ++*bad;
  if (number <= BAD_LINES_SHOWN) {
    cli_warn(command, "%s: left out", message);
  } else if (number == BAD_LINES_SHOWN + 1) {
    cli_warn(command, "further bad lines are counted, not shown");
  }
}

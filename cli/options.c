/* What can be wrong with options, said in one way by all commands. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int cli_bad_option(const char *command, int returned, char **argv) {
  const char *written = argv[optind - 1];
  const bool is_long = strncmp(written, "--", 2) == 0;
  if (returned == ':') {
    return cli_fail(command, "option %s needs a value; see greenprint %s --help", written,
                    command);
  }
  if (is_long && optopt != 0) {
    return cli_fail(command, "option %s takes no value; see greenprint %s --help", written,
                    command);
  }
  if (is_long) {
    return cli_fail(command, "unknown or ambiguous option %s; see greenprint %s --help", written,
                    command);
  }
  return cli_fail(command, "unknown option -%c; see greenprint %s --help", optopt, command);
}

/* Notes that an option with a value was given; refuses it where it was given before. */
static int once(const char *command, int option, char **argv, bool seen[CLI_OPTIONS_MAX]) {
  if (optarg == NULL || option < 0 || option >= CLI_OPTIONS_MAX) {
    return CLI_OK;
  }
  if (!seen[option]) {
    seen[option] = true;
    return CLI_OK;
  }
  /* The value is the last word, or behind the option in the same one. */
  const char *word = argv[optind - 1] == optarg ? argv[optind - 2] : argv[optind - 1];
  return cli_fail(command, "option %.*s is given twice", (int)strcspn(word, "="), word);
}

bool cli_parse_number(const char *text, uint64_t largest, uint64_t *value) {
  uint64_t parsed = 0;
  if (*text == '\0') {
    return false;
  }
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') {
      return false;
    }
    const uint64_t digit = (uint64_t)(*text - '0');
    if (digit > largest || parsed > (largest - digit) / 10) {
      return false;
    }
    parsed = 10 * parsed + digit;
  }
  *value = parsed;
  return true;
}

/* strtod() takes more than decimal numbers: blanks, "inf", "nan", hexadecimal. ERANGE is no
 * reason to refuse: numbers below 2^-1022 set it, though they are read. */
int cli_parse_probability(const char *command, const char *option, const char *text,
                          double *value) {
  char *end = "";
  errno = 0;
  const bool decimal = *text != '\0' && strspn(text, "0123456789.eE+-") == strlen(text);
  *value = decimal ? strtod(text, &end) : 0;
  if (*end == '\0' && errno == ERANGE && *value == 0) {
    return cli_fail(command, "%s %s is too small to be told from 0", option, text);
  }
  if (*end != '\0' || !(*value > 0 && *value < 1)) {
    return cli_fail(command, "%s %s is not a number between 0 and 1, such as %s", option, text,
                    strcmp(option, "--alpha") == 0 ? "1e-6" : "0.9");
  }
  return CLI_OK;
}

bool cli_parse_size(const char *text, uint64_t *value) {
  static const char units[] = "KMGT";
  char digits[24];
  const size_t length = strlen(text);
  if (length == 0 || length >= sizeof digits) {
    return false;
  }
  memcpy(digits, text, length + 1);
  const char *unit = strchr(units, digits[length - 1]);
  unsigned shift = 0;
  if (unit != NULL && *unit != '\0') {
    shift = 10 * ((unsigned)(unit - units) + 1);
    digits[length - 1] = '\0';
  }
  if (!cli_parse_number(digits, UINT64_MAX >> shift, value)) {
    return false;
  }
  *value <<= shift;
  return true;
}

int cli_parse_tenant(const char *command, const char *text, gp_verifier_options *tenant) {
  tenant->has_tenant = true;
  return cli_parse_number(text, UINT64_MAX, &tenant->tenant)
             ? CLI_OK
             : cli_fail(command, "--tenant %s is not a whole number from 0 to %" PRIu64, text,
                        UINT64_MAX);
}

int cli_parse_jobs(const char *command, const char *text, unsigned *threads) {
  uint64_t number = 0;
  if (!cli_parse_number(text, GP_THREADS_MAX, &number) || number == 0) {
    return cli_fail(command, "--jobs %s is not a whole number from 1 to %d", text,
                    GP_THREADS_MAX);
  }
  *threads = (unsigned)number;
  return CLI_OK;
}

int cli_parse_memory(const char *command, const char *text, uint64_t *bytes) {
  return cli_parse_size(text, bytes) && *bytes >= GP_CORPUS_MEMORY_MIN
             ? CLI_OK
             : cli_fail(command,
                        "--max-memory %s is not a size from 1M on, such as 8G (units K, M, G, T)",
                        text);
}

int cli_parse_normalize(const char *command, const char *text, unsigned *normalize) {
  static const struct {
    const char *name;
    unsigned flag;
  } known[] = {{"newlines", GP_NORMALIZE_NEWLINES},
               {"trailing", GP_NORMALIZE_TRAILING},
               {"nfc", GP_NORMALIZE_NFC},
               {"all", GP_NORMALIZE_ALL}};
  if (text == NULL) {
    *normalize = GP_NORMALIZE_ALL;
    return CLI_OK;
  }
  const char *step = text;
  for (;;) {
    const size_t length = strcspn(step, ",");
    unsigned flag = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
      if (strlen(known[i].name) == length && strncmp(step, known[i].name, length) == 0) {
        flag = known[i].flag;
      }
    }
    if (flag == 0) {
      return cli_fail(command, "--normalize=%s: the steps are newlines, trailing, nfc and all",
                      text);
    }
    *normalize |= flag;
    if (step[length] == '\0') {
      return CLI_OK;
    }
    step += length + 1;
  }
}

int cli_parse_format(const char *command, const char *text, gp_input_format *format) {
  for (int known = GP_INPUT_TOKENS; known <= GP_INPUT_U32; known++) {
    if (strcmp(text, gp_input_format_name((gp_input_format)known)) == 0) {
      *format = (gp_input_format)known;
      return CLI_OK;
    }
  }
  return cli_fail(command, "--format %s is none of text, tokens, jsonl, npy, u16 and u32", text);
}

int cli_check_partial(const char *command, const char *path) {
  return strcmp(path, "-") != 0
             ? CLI_OK
             : cli_fail(command, "--partial -: it goes to a file, not to standard output");
}

int cli_each_option(const char *command, int argc, char **argv, const char *letters,
                    const struct option *known, int many, bool seen[CLI_OPTIONS_MAX],
                    int (*set)(int option, char **argv, void *options), void *options,
                    const bool *help) {
  opterr = 0;
  int option = 0;
  while ((option = getopt_long(argc, argv, letters, known, NULL)) != -1) {
    int status = option == many ? CLI_OK : once(command, option, argv, seen);
    if (status == CLI_OK) {
      status = set(option, argv, options);
    }
    if (status != CLI_OK || *help) {
      return status;
    }
  }
  return CLI_OK;
}

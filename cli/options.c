/* What can be wrong with options, said in one way by all commands. */
#include "cli.h"

#include <getopt.h>
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

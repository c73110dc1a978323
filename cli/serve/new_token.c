/* greenprint serve new-token: a token, and the line that makes a server know it. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "cli.h"
#include "serve/serve_options.h"
#include "serve/tokens.h"

static const char name[] = "serve new-token";

static const char help[] =
    "Usage: greenprint serve new-token NAME --budget N [--rate N]\n"
    "\n"
    "Makes a token for somebody who may ask for evaluations. Prints two lines: the token, which\n"
    "is for them alone, and the line for the file of --tokens, which holds no secret. Budgets\n"
    "are of names: a new token for an old name goes on where the old one was.\n"
    "\n"
    "      --budget N  elements that may be evaluated altogether\n"
    "      --rate N    elements a second; 2000 unless given\n"
    "  -h, --help      show this help\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

enum {
  BUDGET = CLI_LONG_OPTION,
  RATE,
  DEFAULT_RATE = 2000
};

typedef struct token_options {
  uint64_t rate;
  uint64_t budget;
  bool has_budget;
  bool help;
} token_options;

static int set(int option, char **argv, void *state) {
  token_options *options = state;
  switch (option) {
  case BUDGET:
    options->has_budget = true;
    return cli_parse_number(optarg, TOKEN_LIMIT, &options->budget)
               ? CLI_OK
               : cli_fail(name, "--budget %s is not a whole number from 0 to 10^15", optarg);
  case RATE:
    return cli_parse_number(optarg, TOKEN_LIMIT, &options->rate) && options->rate > 0
               ? CLI_OK
               : cli_fail(name, "--rate %s is not a whole number from 1 to 10^15", optarg);
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return cli_bad_option(name, option, argv);
  }
}

static int make_token(const char *whose, const token_options *options) {
  static const char prefix[] = "gpt_";
  uint8_t random[32];
  char text[TOKEN_SIZE + 1];
  uint8_t hash[TOKEN_HASH_SIZE];
  char hex[2 * TOKEN_HASH_SIZE + 1];
  memcpy(text, prefix, sizeof prefix);
  randombytes_buf(random, sizeof random);
  (void)sodium_bin2base64(text + sizeof prefix - 1, sizeof text - sizeof prefix + 1, random,
                          sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  token_hash(text, hash);
  (void)printf("%s\n%s %s %" PRIu64 " %" PRIu64 "\n", text, whose,
               sodium_bin2hex(hex, sizeof hex, hash, sizeof hash), options->rate,
               options->budget);
  sodium_memzero(random, sizeof random);
  sodium_memzero(text, sizeof text);
  return cli_flush(name);
}

int serve_new_token(int argc, char **argv) {
  static const struct option known[] = {
      {"budget", required_argument, NULL, BUDGET},
      {"rate", required_argument, NULL, RATE},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  token_options options = {.rate = DEFAULT_RATE};
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status =
      cli_each_option(name, argc, argv, ":h", known, 0, seen, set, &options, &options.help);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  if (argc - optind != 1) {
    return cli_fail(name, "say for whom the token is: one NAME");
  }
  if (!token_is_name(argv[optind], strlen(argv[optind]))) {
    return cli_fail(name, "%s: a name is 1 to 64 of A-Z a-z 0-9 . _ -", argv[optind]);
  }
  if (!options.has_budget) {
    return cli_fail(name, "say with --budget N how many elements may be evaluated; every one "
                          "gives a green list away");
  }
  return make_token(argv[optind], &options);
}

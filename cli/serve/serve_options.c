#include "serve/serve_options.h"

#include <getopt.h>
#include <string.h>

#include "cli.h"
#include "serve/listen.h"

static const char name[] = SERVE_COMMAND;

enum {
  LISTEN = CLI_LONG_OPTION,
  TOKENS,
  STATE,
  LOG,
  TLS_CERT,
  TLS_KEY,
  PLAIN_HTTP,
  MAX_ELEMENTS,
  TIMEOUT,
  PASSPHRASE_FILE
};

enum {
  DEFAULT_ELEMENTS = 4096,
  DEFAULT_TIMEOUT = 30,
  TIMEOUT_MAX = 3600
};

static int set_number(const char *option, const char *text, uint64_t most, uint64_t *value) {
  return cli_parse_number(text, most, value) && *value > 0
             ? CLI_OK
             : cli_fail(name, "%s %s is not a whole number from 1 to %llu", option, text,
                        (unsigned long long)most);
}

static int set_elements(serve_options *options) {
  uint64_t value = 0;
  const int status = set_number("--max-elements", optarg, GP_BLIND_COUNT_MAX, &value);
  options->max_elements = (size_t)value;
  return status;
}

static int set_timeout(serve_options *options) {
  uint64_t value = 0;
  const int status = set_number("--timeout", optarg, TIMEOUT_MAX, &value);
  options->timeout = (unsigned)value;
  return status;
}

static int set_threads(serve_options *options) {
  uint64_t value = 0;
  const int status = set_number("--threads", optarg, GP_THREADS_MAX, &value);
  options->threads = (unsigned)value;
  return status;
}

static int set(int option, char **argv, void *state) {
  serve_options *options = state;
  switch (option) {
  case 'k':
    options->key = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case LISTEN:
    options->listen = optarg;
    return CLI_OK;
  case TOKENS:
    options->tokens = optarg;
    return CLI_OK;
  case STATE:
    options->state = optarg;
    return CLI_OK;
  case LOG:
    options->log = optarg;
    return CLI_OK;
  case TLS_CERT:
    options->tls_cert = optarg;
    return CLI_OK;
  case TLS_KEY:
    options->tls_key = optarg;
    return CLI_OK;
  case PLAIN_HTTP:
    options->plain_http = true;
    return CLI_OK;
  case MAX_ELEMENTS:
    return set_elements(options);
  case TIMEOUT:
    return set_timeout(options);
  case 'j':
    return set_threads(options);
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return cli_bad_option(name, option, argv);
  }
}

static int check(const serve_options *options) {
  if (options->key == NULL) {
    return cli_fail(name, "name the key file with -k KEYFILE");
  }
  if (options->listen == NULL) {
    return cli_fail(name, "say where to listen with --listen ADDR:PORT, such as 127.0.0.1:8787");
  }
  if ((options->tokens == NULL) != (options->state == NULL)) {
    return cli_fail(name, options->tokens == NULL
                              ? "--state is what tokens have spent: it needs --tokens"
                              : "--tokens needs --state FILE, where it is kept what they have "
                                "spent");
  }
  if ((options->tls_cert == NULL) != (options->tls_key == NULL)) {
    return cli_fail(name, "--tls-cert and --tls-key need each other");
  }
  if (options->plain_http && options->tls_cert != NULL) {
    return cli_fail(name, "--plain-http and --tls-cert exclude each other");
  }
  return CLI_OK;
}

/* Who is not on this machine has to show a token, and where nobody else can read it. */
static int check_reach(const serve_options *options) {
  const listen_reach reach = listen_look(options->listen);
  if (reach == REACH_NONE) {
    return cli_fail(name,
                    "--listen %s is no numeric address and port, such as 127.0.0.1:8787 or "
                    "[::1]:8787",
                    options->listen);
  }
  if (reach == REACH_LOOPBACK) {
    return CLI_OK;
  }
  if (options->tokens == NULL) {
    return cli_fail(
        name,
        "--listen %s: without --tokens the server is for this machine alone: listen on "
        "127.0.0.1 or [::1]",
        options->listen);
  }
  if (options->tls_cert == NULL && !options->plain_http) {
    return cli_fail(
        name,
        "--listen %s: tokens would travel in the clear: use --tls-cert and --tls-key, "
        "or --plain-http where something in front of this server encrypts",
        options->listen);
  }
  return CLI_OK;
}

int serve_read_options(int argc, char **argv, serve_options *options) {
  static const struct option known[] = {
      {"key", required_argument, NULL, 'k'},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"listen", required_argument, NULL, LISTEN},
      {"tokens", required_argument, NULL, TOKENS},
      {"state", required_argument, NULL, STATE},
      {"log", required_argument, NULL, LOG},
      {"tls-cert", required_argument, NULL, TLS_CERT},
      {"tls-key", required_argument, NULL, TLS_KEY},
      {"plain-http", no_argument, NULL, PLAIN_HTTP},
      {"max-elements", required_argument, NULL, MAX_ELEMENTS},
      {"timeout", required_argument, NULL, TIMEOUT},
      {"threads", required_argument, NULL, 'j'},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  bool seen[CLI_OPTIONS_MAX] = {false};
  *options =
      (serve_options){.log = "-", .max_elements = DEFAULT_ELEMENTS, .timeout = DEFAULT_TIMEOUT};
  int status =
      cli_each_option(name, argc, argv, ":k:j:h", known, 0, seen, set, options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  if (optind < argc) {
    return cli_fail(name, "unexpected operand %s; see greenprint serve --help", argv[optind]);
  }
  status = check(options);
  return status == CLI_OK ? check_reach(options) : status;
}

/* greenprint timestamp: that a file was there at some time, by the word of an authority. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli.h"
#include "rows.h"

static const char name[] = "timestamp";

static const char help[] =
    "Usage: greenprint timestamp request FILE -o REQUEST [--sha512]\n"
    "  or:  greenprint timestamp attach FILE RESPONSE -o STAMP [--request REQUEST]\n"
    "  or:  greenprint timestamp verify FILE STAMP --ca CERTIFICATES [OPTION...]\n"
    "\n"
    "Has a timestamping authority (RFC 3161) say that a file, such as a set of committed\n"
    "keys, was there at some time. request writes what goes to the authority, by curl for\n"
    "example; attach keeps its response, as FILE.gpt; verify checks it, and says the time.\n"
    "The authority learns nothing but a hash.\n"
    "\n"
    "  -o, --output FILE      the file to write; never replaces one\n"
    "      --sha512           ask for a stamp over SHA-512, not SHA-256\n"
    "      --request REQUEST  the response has to answer this request\n"
    "      --ca FILE          the certificates that are trusted, in PEM\n"
    "      --untrusted FILE   certificates between those and the authority's, in PEM\n"
    "      --crl FILE         revocation lists of all issuers in the chain, in PEM\n"
    "      --policy OID       the policy that the stamp has to be of\n"
    "      --at-stamp-time    judge certificates as of the time stamped, not as of now: for\n"
    "                         stamps of an authority whose certificate has expired\n"
    "      --json             say it as one JSON object\n"
    "  -q, --quiet            say nothing\n"
    "  -h, --help             show this help\n"
    "\n"
    "Exit status: 0 done, or the timestamp holds; 2 an error, or it does not.\n";

typedef enum timestamp_action {
  ACTION_NONE,
  ACTION_REQUEST,
  ACTION_ATTACH,
  ACTION_VERIFY
} timestamp_action;

typedef struct timestamp_options {
  timestamp_action action;
  const char *output;
  const char *request;
  gp_timestamp_options rules;
  bool sha512;
  bool json;
  bool quiet;
  bool help;
  char **files;
  size_t n_files;
} timestamp_options;

enum {
  SHA512 = CLI_LONG_OPTION,
  REQUEST,
  CA,
  UNTRUSTED,
  CRL,
  POLICY,
  AT_STAMP_TIME,
  JSON
};

/* --------------------------------------------------------------------- options */

static int set_option(int option, char **argv, void *data) {
  timestamp_options *options = data;
  switch (option) {
  case 'o':
    options->output = optarg;
    return strcmp(optarg, "-") != 0
               ? CLI_OK
               : cli_fail(name, "--output -: it goes to a file, not to standard output");
  case SHA512:
    options->sha512 = true;
    return CLI_OK;
  case REQUEST:
    options->request = optarg;
    return CLI_OK;
  case CA:
    options->rules.authorities = optarg;
    return CLI_OK;
  case UNTRUSTED:
    options->rules.untrusted = optarg;
    return CLI_OK;
  case CRL:
    options->rules.revoked = optarg;
    return CLI_OK;
  case POLICY:
    options->rules.policy = optarg;
    return CLI_OK;
  case AT_STAMP_TIME:
    options->rules.at_stamp_time = true;
    return CLI_OK;
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
    return cli_bad_option(name, option, argv);
  }
}

/* Options of one action that were given for another. */
static int check_action(const timestamp_options *options) {
  const gp_timestamp_options *rules = &options->rules;
  const bool verifying = rules->authorities != NULL || rules->untrusted != NULL ||
                         rules->revoked != NULL || rules->policy != NULL ||
                         rules->at_stamp_time || options->json;
  if (options->action == ACTION_NONE) {
    return cli_fail(name, "say what to do: request, attach or verify; see greenprint timestamp "
                          "--help");
  }
  if (options->action != ACTION_VERIFY && verifying) {
    return cli_fail(name,
                    "--ca, --untrusted, --crl, --policy, --at-stamp-time and --json are for "
                    "timestamp verify");
  }
  if (options->action == ACTION_VERIFY && options->output != NULL) {
    return cli_fail(name, "timestamp verify writes no file: leave out --output");
  }
  if (options->action != ACTION_REQUEST && options->sha512) {
    return cli_fail(name, "--sha512 is for timestamp request");
  }
  if (options->action != ACTION_ATTACH && options->request != NULL) {
    return cli_fail(name, "--request is for timestamp attach");
  }
  return CLI_OK;
}

static int check_options(const timestamp_options *options) {
  const int status = check_action(options);
  if (status != CLI_OK) {
    return status;
  }
  if (options->action != ACTION_VERIFY && options->output == NULL) {
    return cli_fail(name, "name the file to be written with -o FILE");
  }
  if (options->action == ACTION_REQUEST && options->n_files != 1) {
    return cli_fail(name, "name one file; see greenprint timestamp --help");
  }
  if (options->action != ACTION_REQUEST && options->n_files != 2) {
    return cli_fail(name, "name the file and %s; see greenprint timestamp --help",
                    options->action == ACTION_ATTACH ? "the authority's response" : "its stamp");
  }
  if (options->action == ACTION_VERIFY && options->rules.authorities == NULL) {
    return cli_fail(name, "name the certificates that are trusted with --ca FILE");
  }
  if (options->json && options->quiet) {
    return cli_fail(name, "--json and --quiet exclude each other");
  }
  if (options->rules.at_stamp_time && options->rules.revoked != NULL) {
    return cli_fail(name, "--at-stamp-time and --crl exclude each other: lists say nothing of "
                          "certificates that have expired");
  }
  return CLI_OK;
}

static int parse_action(const char *word, timestamp_action *chosen) {
  static const char *const words[] = {
      [ACTION_REQUEST] = "request", [ACTION_ATTACH] = "attach", [ACTION_VERIFY] = "verify"};
  for (int i = ACTION_REQUEST; i <= ACTION_VERIFY; i++) {
    if (strcmp(word, words[i]) == 0) {
      *chosen = (timestamp_action)i;
      return CLI_OK;
    }
  }
  return cli_fail(name,
                  "unknown action %s: request, attach or verify; see greenprint timestamp --help",
                  word);
}

static int parse_options(int argc, char **argv, timestamp_options *options) {
  static const struct option known[] = {
      {"output", required_argument, NULL, 'o'},
      {"sha512", no_argument, NULL, SHA512},
      {"request", required_argument, NULL, REQUEST},
      {"ca", required_argument, NULL, CA},
      {"untrusted", required_argument, NULL, UNTRUSTED},
      {"crl", required_argument, NULL, CRL},
      {"policy", required_argument, NULL, POLICY},
      {"at-stamp-time", no_argument, NULL, AT_STAMP_TIME},
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
    status = cli_each_option(name, argc, argv, ":o:qh", known, 0, seen, set_option, options,
                             &options->help);
  }
  if (status != CLI_OK || options->help) {
    return status;
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  return check_options(options);
}

/* --------------------------------------------------------------------- actions */

static int report_written(const timestamp_options *options, const char *what) {
  if (options->quiet) {
    return CLI_OK;
  }
  put_safe_row(what, options->output);
  return cli_flush(name);
}

static int request(const timestamp_options *options) {
  gp_error error;
  const gp_timestamp_hash hash = options->sha512 ? GP_TIMESTAMP_SHA512 : GP_TIMESTAMP_SHA256;
  return gp_timestamp_request(options->files[0], hash, options->output, &error) == GP_OK
             ? report_written(options, "request")
             : cli_fail(name, "%s", error.message);
}

static int attach(const timestamp_options *options) {
  gp_error error;
  return gp_timestamp_attach(options->files[0], options->files[1], options->request,
                             options->output, &error) == GP_OK
             ? report_written(options, "stamp")
             : cli_fail(name, "%s", error.message);
}

static int print_json(const gp_timestamp_facts *facts, bool at_stamp_time) {
  json_t *accuracy =
      facts->has_accuracy ? json_integer((json_int_t)facts->accuracy) : json_null();
  json_t *object =
      json_pack("{s:s, s:I, s:o, s:s, s:s, s:s, s:s, s:s}", "time", facts->time, "seconds",
                (json_int_t)facts->seconds, "accuracy_us", accuracy, "serial", facts->serial,
                "policy", facts->policy, "authority", facts->authority, "hash",
                facts->hash == GP_TIMESTAMP_SHA256 ? "sha256" : "sha512", "judged_as_of",
                at_stamp_time ? "stamp" : "now");
  char *text = json_dumps(object, JSON_INDENT(2));
  json_decref(object);
  if (text == NULL) {
    return cli_fail(name, "out of memory: the JSON object");
  }
  (void)printf("%s\n", text);
  free(text);
  return cli_flush(name);
}

static int print_text(const gp_timestamp_facts *facts, bool at_stamp_time) {
  (void)printf("The timestamp holds: the file was there at %s.\n\n", facts->time);
  put_row("time", "%s", facts->time);
  if (facts->has_accuracy) {
    put_row("accuracy", "%g s", (double)facts->accuracy / 1e6);
  }
  put_row("serial", "%s", facts->serial);
  put_safe_row("authority", facts->authority);
  put_row("policy", "%s", facts->policy);
  put_row("hash", "%s", facts->hash == GP_TIMESTAMP_SHA256 ? "SHA-256" : "SHA-512");
  put_row("judged", "%s",
          at_stamp_time
              ? "as of the time stamped: whoever has got hold of the authority's old key "
                "since could have made it"
              : "as of now");
  return cli_flush(name);
}

static int verify(const timestamp_options *options) {
  gp_error error;
  gp_timestamp_facts facts;
  if (gp_timestamp_verify(options->files[0], options->files[1], &options->rules, &facts,
                          &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const bool at_stamp_time = options->rules.at_stamp_time;
  if (options->quiet) {
    return CLI_OK;
  }
  return options->json ? print_json(&facts, at_stamp_time) : print_text(&facts, at_stamp_time);
}

int cli_timestamp(int argc, char **argv) {
  timestamp_options options = {.action = ACTION_NONE};
  const int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  switch (options.action) {
  case ACTION_REQUEST:
    return request(&options);
  case ACTION_ATTACH:
    return attach(&options);
  default:
    return verify(&options);
  }
}

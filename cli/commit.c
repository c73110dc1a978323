/* greenprint commit: all keys of an owner in one tree, so that their number is fixed. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "cli.h"
#include "committed.h"
#include "json_parts.h"
#include "rows.h"

static const char name[] = "commit";

static const char help[] =
    "Usage: greenprint commit [OPTION...] KEY... -o SET\n"
    "  or:  greenprint commit prove [OPTION...] SET KEY|ID -o PROOF\n"
    "  or:  greenprint commit check [OPTION...] PROOF\n"
    "  or:  greenprint commit show [--json] SET|PROOF\n"
    "\n"
    "Puts the commitments of all keys that an owner has into one Merkle tree, so that it is\n"
    "known how many keys could have been tried. KEY is a key file, of which no passphrase is\n"
    "needed, a public file, or another SET, all of whose keys are taken. Publish and\n"
    "timestamp the root that it shows.\n"
    "\n"
    "prove writes that one key, named by a file or by its id, is in the set; that can be\n"
    "checked without the others, and verify --committed takes it. check says what such a\n"
    "proof shows; show lists a set or a proof.\n"
    "\n"
    "  -o, --output FILE  the set (.gpm) or the proof (.gpi); never replaces a file\n"
    "      --root HEX     for check: the root that was published, which has to be this one\n"
    "      --json         say it as one JSON object\n"
    "  -q, --quiet        say nothing\n"
    "  -h, --help         show this help\n"
    "\n"
    "Exit status: 0 done, or the proof holds; 2 an error, or it does not.\n";

typedef enum commit_action {
  ACTION_MAKE,
  ACTION_PROVE,
  ACTION_CHECK,
  ACTION_SHOW
} commit_action;

typedef struct commit_options {
  commit_action action;
  const char *output;
  const char *root;
  bool json;
  bool quiet;
  bool help;
  char **files;
  size_t n_files;
} commit_options;

enum {
  ROOT = CLI_LONG_OPTION,
  JSON
};

/* --------------------------------------------------------------------- options */

static int set_option(int option, char **argv, void *data) {
  commit_options *options = data;
  switch (option) {
  case 'o':
    options->output = optarg;
    return strcmp(optarg, "-") != 0
               ? CLI_OK
               : cli_fail(name, "--output -: it goes to a file, not to standard output");
  case ROOT:
    options->root = optarg;
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

static int check_options(const commit_options *options) {
  const bool writes = options->action == ACTION_MAKE || options->action == ACTION_PROVE;
  if (writes && options->output == NULL) {
    return cli_fail(name, "name the file to be written with -o FILE");
  }
  if (!writes && options->output != NULL) {
    return cli_fail(name, "check and show write no file: leave out --output");
  }
  if (options->root != NULL && options->action != ACTION_CHECK) {
    return cli_fail(name, "--root is for commit check");
  }
  if (options->json && options->quiet) {
    return cli_fail(name, "--json and --quiet exclude each other");
  }
  if (options->action == ACTION_MAKE && options->n_files == 0) {
    return cli_fail(name, "name the keys to commit to; see greenprint commit --help");
  }
  if (options->action == ACTION_PROVE && options->n_files != 2) {
    return cli_fail(name, "name a set and one key; see greenprint commit --help");
  }
  if (!writes && options->n_files != 1) {
    return cli_fail(name, "name one %s",
                    options->action == ACTION_CHECK ? "proof" : "set or proof");
  }
  return CLI_OK;
}

static int parse_options(int argc, char **argv, commit_options *options) {
  static const char *const words[] = {
      [ACTION_PROVE] = "prove", [ACTION_CHECK] = "check", [ACTION_SHOW] = "show"};
  static const struct option known[] = {
      {"output", required_argument, NULL, 'o'}, {"root", required_argument, NULL, ROOT},
      {"json", no_argument, NULL, JSON},        {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},         {0},
  };
  for (int i = ACTION_PROVE; i <= ACTION_SHOW && argc > 1; i++) {
    if (strcmp(argv[1], words[i]) == 0) {
      options->action = (commit_action)i;
      argc--;
      argv++;
      break;
    }
  }
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":o:qh", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  return check_options(options);
}

/* ------------------------------------------------------------------- telling */

static const char *hex_of(char out[2 * GP_ROOT_SIZE + 1], const uint8_t bytes[GP_ROOT_SIZE]) {
  return sodium_bin2hex(out, 2 * GP_ROOT_SIZE + 1, bytes, GP_ROOT_SIZE);
}

static json_t *key_object(const gp_committed_key *key) {
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  return json_pack("{s:s, s:s, s:i, s:f, s:s, s:s}", "scheme", key->scheme, "seeding",
                   gp_seeding_name(key->params.seeding), "context_width",
                   (int)key->params.context_width, "gamma", gp_params_gamma(&key->params),
                   "key_id", key->id, "key_commitment", hex_of(commitment, key->commitment));
}

/* Takes `object` over. */
static int print_json(json_t *object) {
  char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(object);
  if (text == NULL) {
    return cli_fail(name, "out of memory: the JSON object");
  }
  (void)printf("%s\n", text);
  free(text);
  return cli_flush(name);
}

static void print_key(const gp_committed_key *key) {
  char params[CLI_PARAMS_SIZE];
  (void)printf("  %s  %s, %s\n", key->id, key->scheme, cli_describe_params(params, &key->params));
}

static int tell_set(const commit_options *options, const gp_key_set *set) {
  gp_error error;
  gp_committed_key key;
  uint8_t root[GP_ROOT_SIZE];
  char hex[2 * GP_ROOT_SIZE + 1];
  const size_t n = gp_key_set_size(set);
  if (gp_key_set_root(set, root, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  json_t *keys = options->json ? json_array() : NULL;
  if (!options->json) {
    put_row("keys", "%zu", n);
    put_row("root", "%s", hex_of(hex, root));
    (void)fputc('\n', stdout);
  }
  for (size_t i = 0; i < n && gp_key_set_get(set, i, &key, NULL) == GP_OK; i++) {
    if (!options->json) {
      print_key(&key);
    } else if (!json_append(keys, key_object(&key))) {
      json_decref(keys);
      return cli_fail(name, "out of memory: the JSON object");
    }
  }
  return options->json ? print_json(json_pack("{s:I, s:s, s:o}", "tree_size", (json_int_t)n,
                                              "root", hex_of(hex, root), "keys", keys))
                       : cli_flush(name);
}

static int tell_proof(const commit_options *options, const gp_inclusion *proof) {
  const gp_committed_key *key = &proof->key;
  char hex[2 * GP_ROOT_SIZE + 1];
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  char params[CLI_PARAMS_SIZE];
  if (options->json) {
    return print_json(json_pack("{s:o, s:I, s:I, s:s}", "key", key_object(key), "index",
                                (json_int_t)proof->index, "tree_size",
                                (json_int_t)proof->tree_size, "root", hex_of(hex, proof->root)));
  }
  put_row("key", "%s", key->id);
  put_row("commitment", "%s", hex_of(commitment, key->commitment));
  put_row("scheme", "%s, %s", key->scheme, cli_describe_params(params, &key->params));
  put_row("number", "%" PRIu64 " of %" PRIu64, proof->index + 1, proof->tree_size);
  put_row("root", "%s%s", hex_of(hex, proof->root),
          options->root != NULL ? ", as given"
                                : ", as the file says: compare it with the published one");
  return cli_flush(name);
}

/* --------------------------------------------------------------------- actions */

static int make_set(const commit_options *options) {
  gp_error error;
  gp_key_set *set = NULL;
  gp_status status = gp_key_set_new(&set, &error);
  for (size_t i = 0; i < options->n_files && status == GP_OK; i++) {
    status = gp_key_set_add_file(set, options->files[i], &error);
  }
  if (status == GP_OK) {
    status = gp_key_set_save(set, options->output, &error);
  }
  int result = status == GP_OK ? CLI_OK : cli_fail(name, "%s", error.message);
  if (result == CLI_OK && !options->quiet) {
    result = tell_set(options, set);
  }
  gp_key_set_free(set);
  return result;
}

/* A key id, or more digits of the commitment. */
static bool parse_id(const char *text, uint8_t commitment[GP_COMMITMENT_SIZE], size_t *size) {
  const char *end = NULL;
  const size_t digits = strlen(text);
  return (digits == GP_KEY_ID_STRING_SIZE - 1 || digits == (size_t)2 * GP_COMMITMENT_SIZE) &&
         sodium_hex2bin(commitment, GP_COMMITMENT_SIZE, text, digits, NULL, size, &end) == 0 &&
         *end == '\0';
}

static int find_key(const char *set_name, const gp_key_set *set, const char *text, size_t *i) {
  gp_error error;
  gp_committed_key key;
  uint8_t commitment[GP_COMMITMENT_SIZE];
  size_t size = GP_COMMITMENT_SIZE;
  if (!parse_id(text, commitment, &size)) {
    if (gp_committed_key_load(text, &key, &error) != GP_OK) {
      return cli_fail(name, "%s", error.message);
    }
    memcpy(commitment, key.commitment, sizeof commitment);
    size = GP_COMMITMENT_SIZE;
  }
  return gp_key_set_find(set, commitment, size, i, &error) == GP_OK
             ? CLI_OK
             : cli_fail(name, "%s: %s: %s", set_name, text, error.message);
}

static int prove(const commit_options *options) {
  gp_error error;
  gp_key_set *set = NULL;
  gp_inclusion proof;
  size_t i = 0;
  if (gp_key_set_load(options->files[0], &set, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  int status = find_key(options->files[0], set, options->files[1], &i);
  if (status == CLI_OK && (gp_key_set_prove(set, i, &proof, &error) != GP_OK ||
                           gp_inclusion_save(&proof, options->output, &error) != GP_OK)) {
    status = cli_fail(name, "%s", error.message);
  }
  gp_key_set_free(set);
  return status == CLI_OK && !options->quiet ? tell_proof(options, &proof) : status;
}

static int check(const commit_options *options) {
  gp_error error;
  gp_inclusion proof;
  if (gp_inclusion_load(options->files[0], &proof, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const int status = options->root != NULL ? committed_check_root(name, options->files[0],
                                                                  options->root, proof.root)
                                           : CLI_OK;
  return status == CLI_OK && !options->quiet ? tell_proof(options, &proof) : status;
}

static int show(const commit_options *options) {
  gp_error error;
  gp_inclusion proof;
  gp_key_set *set = NULL;
  if (gp_committed_load(options->files[0], &set, &proof, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const int status = set != NULL ? tell_set(options, set) : tell_proof(options, &proof);
  gp_key_set_free(set);
  return status;
}

int cli_commit(int argc, char **argv) {
  commit_options options = {.action = ACTION_MAKE};
  const int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  switch (options.action) {
  case ACTION_PROVE:
    return prove(&options);
  case ACTION_CHECK:
    return check(&options);
  case ACTION_SHOW:
    return show(&options);
  default:
    return make_set(&options);
  }
}

/* greenprint inspect: what a key file, public file, proof or table says in the clear. */
#include "cli.h"
#include "json_parts.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

static const char name[] = "inspect";

static const char help[] =
    "Usage: greenprint inspect [--json] FILE\n"
    "\n"
    "Shows what FILE says, which is a key file, the public file of a provable key, a\n"
    "proof, or a table of nonces. Of a key file, that takes no passphrase: key id,\n"
    "commitment, parameters and protection. Form and checksum are checked. What is sealed\n"
    "is not: until it is opened, a sealed file only claims to hold that key. Nor is what a\n"
    "proof proves: that takes the text, and greenprint check.\n"
    "\n"
    "      --json  write one JSON object\n"
    "  -h, --help  show this help\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

typedef struct inspect_options {
  bool help;
  bool json;
  const char *path;
} inspect_options;

static int parse_options(int argc, char **argv, inspect_options *options) {
  enum {
    JSON = CLI_LONG_OPTION
  };
  static const struct option known[] = {
      {"json", no_argument, NULL, JSON},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  opterr = 0;
  int option = 0;
  while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
    switch (option) {
    case JSON:
      options->json = true;
      break;
    case 'h':
      options->help = true;
      return CLI_OK;
    default:
      return cli_bad_option(name, option, argv);
    }
  }
  if (argc - optind != 1) {
    return cli_fail(name, "name one file; see greenprint inspect --help");
  }
  options->path = argv[optind];
  return CLI_OK;
}

/* Prints an object, which it takes over; NULL for want of memory. */
static int print_object(json_t *object) {
  char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(object);
  if (text == NULL) {
    return cli_fail(name, "out of memory: the JSON object");
  }
  (void)printf("%s\n", text);
  free(text);
  return cli_flush(name);
}

/* Prints a row: what it is, and its value. */
static void put(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(const char *label, const char *format, ...) {
  (void)printf("%-12s", label);
  va_list arguments;
  va_start(arguments, format);
  (void)vprintf(format, arguments);
  va_end(arguments);
  (void)fputc('\n', stdout);
}

/* What all these files have in common. */
typedef struct subject {
  const char *file; /* the kind of file, in JSON */
  const char *scheme;
  gp_params params;
  const char *id;
  const uint8_t *commitment;
} subject;

static json_t *subject_object(const subject *of) {
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  json_hex(commitment, sizeof commitment, of->commitment, GP_COMMITMENT_SIZE);
  return json_pack("{s:s, s:s, s:s, s:i, s:f, s:s, s:s}", "file", of->file, "scheme", of->scheme,
                   "seeding", gp_seeding_name(of->params.seeding), "context_width",
                   (int)of->params.context_width, "gamma", gp_params_gamma(&of->params), "key_id",
                   of->id, "key_commitment", commitment);
}

static void put_subject(const subject *of, const char *path) {
  char params[CLI_PARAMS_SIZE];
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  json_hex(commitment, sizeof commitment, of->commitment, GP_COMMITMENT_SIZE);
  (void)fputs("file        ", stdout);
  cli_put_safe(stdout, path);
  (void)fputc('\n', stdout);
  put("key", "%s", of->id);
  put("commitment", "%s", commitment);
  put("scheme", "%s", of->scheme);
  put("parameters", "%s", cli_describe_params(params, &of->params));
}

/* ---------------------------------------------------------------- key files */

static int print_key_json(const gp_key_info *info, const subject *of) {
  json_t *argon2id = NULL;
  if (info->sealed) {
    argon2id = json_pack("{s:I, s:I}", "passes", (json_int_t)info->sealed_passes, "memory",
                         (json_int_t)info->sealed_memory);
  }
  json_t *object = subject_object(of);
  if (!json_extend(object, json_pack("{s:b, s:o?}", "sealed", info->sealed ? 1 : 0, "argon2id",
                                     argon2id))) {
    json_decref(object);
    object = NULL;
  }
  return print_object(object);
}

static int inspect_key(const inspect_options *options) {
  gp_error error;
  gp_key_info info;
  if (gp_key_inspect(options->path, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  cli_warn_if_readable(name, options->path);
  const subject of = {"key", info.scheme, info.params, info.id, info.commitment};
  if (options->json) {
    return print_key_json(&info, &of);
  }
  put_subject(&of, options->path);
  if (info.sealed) {
    put("protection", "sealed (Argon2id, passes %" PRIu64 ", memory %" PRIu64 " KiB)",
        info.sealed_passes, info.sealed_memory / 1024);
    (void)puts("\nThe sealed contents were not verified: that takes the passphrase.");
  } else {
    put("protection", "none: whoever can read the file has the key");
  }
  return cli_flush(name);
}

/* ------------------------------------------------- public files and proofs */

static subject of_public(const char *file, const gp_public_key *key) {
  return (subject){file, GP_SCHEME_ID_PROVABLE, key->params, key->id, key->commitment};
}

static int inspect_public(const inspect_options *options) {
  gp_error error;
  gp_public_key key;
  if (gp_public_key_load(options->path, &key, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  char element[2 * sizeof key.element + 1];
  json_hex(element, sizeof element, key.element, sizeof key.element);
  const subject of = of_public("public", &key);
  if (!options->json) {
    put_subject(&of, options->path);
    put("public key", "%s", element);
    return cli_flush(name);
  }
  json_t *object = subject_object(&of);
  if (!json_extend(object, json_pack("{s:s}", "public_key", element))) {
    json_decref(object);
    object = NULL;
  }
  return print_object(object);
}

static bool has_tokenizer(const gp_proof_info *info) {
  return sodium_is_zero(info->tokenizer_sha256, sizeof info->tokenizer_sha256) == 0;
}

static json_t *proof_object(const gp_proof_info *info, const subject *of) {
  char element[2 * sizeof info->public_key.element + 1];
  char text[2 * sizeof info->text_sha256 + 1];
  char tokenizer[2 * sizeof info->tokenizer_sha256 + 1];
  char sha256[2 * sizeof info->file_sha256 + 1];
  const gp_verifier_options tenant = {info->has_tenant, info->tenant};
  json_hex(element, sizeof element, info->public_key.element, sizeof info->public_key.element);
  json_hex(text, sizeof text, info->text_sha256, sizeof info->text_sha256);
  json_hex(tokenizer, sizeof tokenizer, info->tokenizer_sha256, sizeof info->tokenizer_sha256);
  json_hex(sha256, sizeof sha256, info->file_sha256, sizeof info->file_sha256);
  json_t *object = subject_object(of);
  json_t *more =
      json_pack("{s:s, s:o, s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:s}", "public_key",
                element, "tenant", json_tenant(&tenant), "text_sha256", text, "tokenizer_sha256",
                has_tokenizer(info) ? tokenizer : NULL, "documents", (json_int_t)info->documents,
                "tokens", (json_int_t)info->tokens, "contexts", (json_int_t)info->contexts,
                "proved", (json_int_t)info->proved, "sizes", (json_int_t)info->sizes, "blind",
                info->blind ? 1 : 0, "bytes", (json_int_t)info->file_size, "sha256", sha256);
  if (!json_extend(object, more)) {
    json_decref(object);
    return NULL;
  }
  return object;
}

static int inspect_proof(const inspect_options *options) {
  gp_error error;
  gp_proof_info info;
  if (gp_proof_inspect(options->path, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const subject of = of_public("proof", &info.public_key);
  if (options->json) {
    return print_object(proof_object(&info, &of));
  }
  char digest[2 * sizeof info.text_sha256 + 1];
  char proved[CLI_PROVED_SIZE];
  put_subject(&of, options->path);
  json_hex(digest, sizeof digest, info.public_key.element, sizeof info.public_key.element);
  put("public key", "%s", digest);
  if (info.has_tenant) {
    put("tenant", "%" PRIu64, info.tenant);
  }
  put("claims", "%s", cli_describe_proof(proved, &info));
  json_hex(digest, sizeof digest, info.text_sha256, sizeof info.text_sha256);
  put("text", "%s", digest);
  if (has_tokenizer(&info)) {
    json_hex(digest, sizeof digest, info.tokenizer_sha256, sizeof info.tokenizer_sha256);
    put("tokenizer", "%s", digest);
  }
  put("documents", "%" PRIu64, info.documents);
  put("tokens", "%" PRIu64, info.tokens);
  put("bytes", "%" PRIu64, info.file_size);
  (void)puts("\nWhat it claims was not checked: that takes the text, and greenprint check.");
  return cli_flush(name);
}

/* ---------------------------------------------------------- tables of nonces */

static int inspect_table(const inspect_options *options) {
  gp_error error;
  gp_nonce_table_info info;
  if (gp_nonce_table_inspect(options->path, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  const subject of = {"table", GP_SCHEME_ID_PROVABLE, info.params, info.id, info.commitment};
  const gp_verifier_options tenant = {info.has_tenant, info.tenant};
  if (options->json) {
    json_t *object = subject_object(&of);
    if (!json_extend(object,
                     json_pack("{s:o, s:I, s:I}", "tenant", json_tenant(&tenant), "nonces",
                               (json_int_t)info.count, "bytes", (json_int_t)info.file_size))) {
      json_decref(object);
      object = NULL;
    }
    return print_object(object);
  }
  put_subject(&of, options->path);
  if (info.has_tenant) {
    put("tenant", "%" PRIu64, info.tenant);
  }
  put("nonces", "%" PRIu64, info.count);
  put("bytes", "%" PRIu64, info.file_size);
  (void)puts("\nThe sealed contents were not verified: that takes the key.");
  return cli_flush(name);
}

/* ------------------------------------------------------------------ kinds */

#define MAGIC_SIZE 8

typedef struct kind {
  const char *magic; /* behind the first byte, 0x89; as SPEC.md has it */
  int (*inspect)(const inspect_options *options);
} kind;

static int refer_to_commit(const inspect_options *options) {
  return cli_fail(name, "%s: this is about committed keys: see greenprint commit show",
                  options->path);
}

static int refer_to_timestamp(const inspect_options *options) {
  return cli_fail(name, "%s: this is a timestamp: see greenprint timestamp verify",
                  options->path);
}

static const kind kinds[] = {
    {"GPPUB\r\n", inspect_public},  {"GPPRF\r\n", inspect_proof},
    {"GPTBL\r\n", inspect_table},   {"GPSET\r\n", refer_to_commit},
    {"GPINC\r\n", refer_to_commit}, {"GPTIM\r\n", refer_to_timestamp},
};

/* What kind of file it is, by its first bytes. A pipe, which gives them only once, and a file of
 * no known kind are taken for a key file. */
static int inspect_any(const inspect_options *options) {
  char start[MAGIC_SIZE] = {0};
  const int fd = cli_can_be_read_again(options->path)
                     ? open(options->path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
                     : -1;
  if (fd >= 0) {
    const ssize_t got = read(fd, start, sizeof start);
    (void)close(fd);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && got == MAGIC_SIZE; i++) {
      if (start[0] == '\x89' && memcmp(start + 1, kinds[i].magic, MAGIC_SIZE - 1) == 0) {
        return kinds[i].inspect(options);
      }
    }
  }
  return inspect_key(options);
}

int cli_inspect(int argc, char **argv) {
  inspect_options options = {.path = ""};
  const int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  return inspect_any(&options);
}

/* greenprint prove: writes a proof of what a key makes of a text, with the key or, by a server of
 * its owner, without it. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "blind_options.h"
#include "cli.h"
#include "documents.h"
#include "keys.h"
#include "progress.h"
#include "proving.h"
#include "rows.h"

static const char name[] = "prove";

static const char help[] =
    "Usage: greenprint prove -k KEYFILE [OPTION...] FILE... -o PROOF\n"
    "  or:  greenprint prove --server URL --pub PUBLICFILE [OPTION...] FILE... -o PROOF\n"
    "\n"
    "Writes a proof of what a provable key (keygen --provable) makes of FILEs of text or\n"
    "token ids, with which greenprint check comes to the report of greenprint verify and\n"
    "needs no secret. It tells the green lists of the contexts in these files, and nothing\n"
    "else about the key.\n"
    "\n"
    "  -k, --key KEYFILE           the key\n"
    "      --passphrase-file FILE  take the passphrase of a sealed key from FILE; without\n"
    "                              it, it is asked for on the terminal\n"
    "      --tenant ID             the mark of this tenant, 0 to 2^64 - 1\n"
    "  -o, --output PROOF          the proof to write, 32 bytes a context; an existing file\n"
    "                              is never replaced\n"
    "      --sample N              prove N contexts, which a hash of the text chooses; a\n"
    "                              power of two from 1024 on, chosen before looking\n"
    "  -j, --jobs N                threads: one on each processor it may use\n"
    "  -q, --quiet                 no progress, no summary\n"
    "  -h, --help                  show this help\n"
    "\n"
    "Where somebody else has the key, and is not to see the text (greenprint serve), who\n"
    "learns how many contexts are proved; the proof says that it was evaluated blindly:\n"
    "      --server URL            what evaluates contexts blindly; each answer is proved\n"
    "      --pub PUBLICFILE        the public file of the key\n"
    "      --token-file FILE       what the server knows you by\n"
    "      --ca FILE               certificates to trust instead of the system's\n"
    "\n"
    "How to read, as for greenprint verify; check has to be told the same:\n"
    "  -t, --tokenizer FILE        turn text into ids: a tokenizer.json or .gguf file\n"
    "      --normalize[=STEPS]     take harmless changes out of text first\n"
    "      --format FORMAT         text, tokens, jsonl, npy, u16 or u32\n"
    "      --field PATH            where in an object of JSON Lines the text or ids are\n"
    "      --role ROLE             the field is a chat; take the messages of this role\n"
    "  -r, --recursive             read all files in folders\n"
    "      --skip-bad              leave out lines that cannot be read, and count them\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

typedef struct prove_options {
  const char *key;
  const char *passphrase_file;
  blind_options blind;
  gp_verifier_options tenant;
  const char *output;
  uint64_t sample;
  reading_options reading;
  unsigned threads;
  char **files;
  size_t n_files;
  bool help;
  bool quiet;
} prove_options;

enum {
  PASSPHRASE_FILE = CLI_LONG_OPTION,
  TENANT,
  SAMPLE
};

static int set_sample(const char *text, uint64_t *sample) {
  if (!cli_parse_number(text, UINT32_MAX, sample) || *sample < GP_PROOF_SAMPLE_MIN ||
      (*sample & (*sample - 1)) != 0) {
    return cli_fail(name, "--sample %s is not a power of two from %d on", text,
                    GP_PROOF_SAMPLE_MIN);
  }
  return CLI_OK;
}

static int set_option(int option, char **argv, void *data) {
  prove_options *options = data;
  switch (option) {
  case 'k':
    options->key = optarg;
    return CLI_OK;
  case 'o':
    options->output = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case TENANT:
    return cli_parse_tenant(name, optarg, &options->tenant);
  case SAMPLE:
    return set_sample(optarg, &options->sample);
  case 'j':
    return cli_parse_jobs(name, optarg, &options->threads);
  case 'q':
    options->quiet = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return blind_set_option(option, &options->blind)
               ? CLI_OK
               : reading_set_option(name, option, argv, &options->reading);
  }
}

/* Either the key is here, or a server has it. */
static int check_key(const prove_options *options) {
  const int status = blind_options_check(name, &options->blind);
  if (status != CLI_OK) {
    return status;
  }
  if (options->blind.server.url == NULL) {
    return options->key != NULL ? CLI_OK : cli_fail(name, "name the key file with -k KEYFILE");
  }
  return options->key == NULL && options->passphrase_file == NULL
             ? CLI_OK
             : cli_fail(name, "--server does not go with --key and --passphrase-file");
}

static int parse_options(int argc, char **argv, prove_options *options) {
  static const struct option known[] = {
      {"key", required_argument, NULL, 'k'},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"tenant", required_argument, NULL, TENANT},
      {"output", required_argument, NULL, 'o'},
      {"sample", required_argument, NULL, SAMPLE},
      BLIND_OPTIONS,
      READING_OPTIONS,
      READING_MORE_OPTIONS,
      {"jobs", required_argument, NULL, 'j'},
      {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  options->threads = gp_usable_processors();
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":k:o:t:rj:qh", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  options->files = argv + optind;
  options->n_files = (size_t)(argc - optind);
  const int key = check_key(options);
  if (key != CLI_OK) {
    return key;
  }
  if (options->output == NULL || *options->output == '\0') {
    return cli_fail(name, "name the proof to write with -o PROOF");
  }
  return reading_check(name, &options->reading);
}

static int print_summary(const prove_options *options, const gp_proof_info *info) {
  char proved[CLI_PROVED_SIZE];
  if (options->quiet) {
    return CLI_OK;
  }
  put_safe_row("proof", options->output);
  put_row("proved", "%s", cli_describe_proof(proved, info));
  put_row("documents", "%" PRIu64, info->documents);
  put_row("tokens", "%" PRIu64, info->tokens);
  put_row("bytes", "%" PRIu64, info->file_size);
  return cli_flush(name);
}

/* With the key. */
static int prove_here(const prove_options *options, const gp_key *key, const gp_proof_text *text,
                      const gp_proof_options *what, gp_proof_info *info) {
  gp_error error;
  progress_start(0, options->quiet);
  const gp_status proved = gp_prove(key, text, what, options->output, info, &error);
  progress_end();
  return proved == GP_OK ? CLI_OK : cli_fail(name, "%s", error.message);
}

/* With the server's. */
static int prove_there(const prove_options *options, const gp_public_key *public_key,
                       const gp_proof_text *text, const gp_proof_options *what,
                       gp_proof_info *info) {
  blind_server server = options->blind.server;
  server.threads = options->threads;
  server.quiet = options->quiet;
  return blind_prove(name, &server, public_key, text, what, options->output, info);
}

/* `key` is NULL where a server has it. */
static int prove(const prove_options *options, const gp_key *key, const gp_public_key *public_key,
                 documents *read) {
  gp_proof_text *text = NULL;
  gp_proof_info info;
  proving run = {.tenant = options->tenant, .sample = options->sample};
  int status = proving_open(&run, read, options->threads);
  if (status == CLI_OK) {
    status = proving_read(public_key, read, options->quiet, &text);
  }
  if (status == CLI_OK) {
    status = key != NULL ? prove_here(options, key, text, &run.options, &info)
                         : prove_there(options, public_key, text, &run.options, &info);
  }
  gp_proof_text_free(text);
  proving_close(&run);
  return status == CLI_OK ? print_summary(options, &info) : status;
}

/* The key, unless a server has it, and what is public of it. */
static int open_key(const prove_options *options, gp_key **key, gp_public_key *public_key) {
  gp_error error;
  if (options->blind.server.url != NULL) {
    return gp_public_key_load(options->blind.public_file, public_key, &error) == GP_OK
               ? CLI_OK
               : cli_fail(name, "%s", error.message);
  }
  const int status = key_open(name, options->key, options->passphrase_file, key);
  if (status == CLI_OK && gp_key_public(*key, public_key, &error) != GP_OK) {
    return cli_fail(name, "%s: %s", options->key, error.message);
  }
  return status;
}

int cli_prove(int argc, char **argv) {
  prove_options options = {0};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  gp_key *key = NULL;
  gp_public_key public_key;
  documents read = {0};
  status = open_key(&options, &key, &public_key);
  if (status == CLI_OK) {
    status = documents_open(&read, name, &options.reading, options.files, options.n_files);
  }
  if (status == CLI_OK) {
    status = prove(&options, key, &public_key, &read);
  }
  documents_close(&read);
  gp_key_free(key);
  return status;
}

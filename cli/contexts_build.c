/* Reads logs and collects their contexts. */
#include "contexts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

static const char name[] = "contexts";

#define WIDTH_USUAL 2U

typedef struct building {
  const contexts_options *options;
  gp_contexts_builder *builder;
  gp_tokenizer *tokenizer;
  gp_encoder *encoder; /* NULL: ids only */
  named_inputs names;
  gp_corpus_input *inputs;
  uint32_t width;
  uint64_t documents;
  uint64_t tokens;
  uint64_t longest; /* of the documents, in tokens */
  uint64_t bytes;   /* of the inputs that are read */
  uint64_t bad;
} building;

static int set_width(building *run) {
  const contexts_options *options = run->options;
  run->width = options->width > 0 ? (uint32_t)options->width : WIDTH_USUAL;
  if (options->key == NULL) {
    return CLI_OK;
  }
  gp_error error;
  gp_key_info info;
  if (gp_key_inspect(options->key, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  run->width = info.params.context_width;
  if (info.params.seeding == GP_SEEDING_FIXED) {
    return cli_fail(name,
                    "%s: the key's seeding is fixed: one green list for everything, and no "
                    "contexts to tell apart",
                    options->key);
  }
  if (info.params.seeding == GP_SEEDING_MIN) {
    return cli_fail(
        name,
        "%s: the key's seeding is min: no audit could use the set, since windows that "
        "differ may be one context",
        options->key);
  }
  return CLI_OK;
}

/* Puts the place of a text before the reason, as gp_reader_next() has it; cuts what is too long.
 */
static void place(const gp_corpus_input *input, uint64_t line, gp_error *error) {
  const char *shown = strcmp(input->path, "-") == 0 ? "standard input" : input->path;
  const gp_error reason = *error;
  char number[24] = "";
  if (input->options.format == GP_INPUT_JSONL) {
    (void)snprintf(number, sizeof number, ":%" PRIu64, line);
  }
  const int length =
      snprintf(error->message, sizeof error->message, "%s%s: %s", shown, number, reason.message);
  if (length < 0) {
    *error = reason;
  }
}

/* The ids of a document: its own, or those of its text. */
static gp_status tokenize(building *run, const gp_corpus_input *input, gp_document *document,
                          gp_error *error) {
  gp_status status = GP_OK;
  if (document->text == NULL) {
    return GP_OK;
  }
  if (run->encoder == NULL) {
    status = GP_ERR_ARGUMENT;
    (void)snprintf(error->message, sizeof error->message,
                   "holds text, which takes a tokenizer to read (--tokenizer)");
  } else {
    status = gp_encoder_encode(run->encoder, document->text, document->n_bytes, &document->tokens,
                               NULL, &document->n_tokens, error);
  }
  if (status != GP_OK) {
    place(input, document->line, error);
  }
  return status;
}

/* Adds the next document, if there is one. */
static gp_status add_next(building *run, const gp_corpus_input *input, gp_reader *reader,
                          bool *more, gp_error *error) {
  const bool skip_bad = run->options->reading.skip_bad;
  gp_document document;
  gp_status status = gp_reader_next(reader, &document, more, error);
  bool one_line = status == GP_ERR_FORMAT && gp_reader_can_go_on(reader);
  if (status == GP_OK && *more) {
    status = tokenize(run, input, &document, error);
    one_line = status == GP_ERR_FORMAT;
  }
  if (one_line && skip_bad) {
    reading_left_out(name, error->message, &run->bad);
    return GP_OK;
  }
  if (status != GP_OK || !*more) {
    return status;
  }
  run->documents++;
  run->tokens += document.n_tokens;
  run->longest = document.n_tokens > run->longest ? document.n_tokens : run->longest;
  return gp_contexts_builder_add(run->builder, document.tokens, document.n_tokens, error);
}

static gp_status add_input(building *run, const gp_corpus_input *input, gp_error *error) {
  gp_reader *reader = NULL;
  gp_status status = gp_reader_open(input->path, &input->options, &reader, error);
  bool more = true;
  while (status == GP_OK && more) {
    status = add_next(run, input, reader, &more, error);
    progress_update(run->bytes + gp_reader_position(reader), run->tokens);
  }
  if (status == GP_OK) {
    run->bytes += gp_reader_position(reader);
  }
  gp_reader_free(reader);
  return status;
}

static int add_inputs(building *run) {
  gp_error error;
  const size_t n_inputs = run->names.count;
  gp_status status = GP_OK;
  progress_start(reading_total_bytes(run->inputs, n_inputs), run->options->quiet);
  for (size_t i = 0; i < n_inputs && status == GP_OK; i++) {
    status = add_input(run, &run->inputs[i], &error);
  }
  progress_end();
  if (status != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (run->documents == 0) {
    return run->bad > 0
               ? cli_fail(name, "no document was read; lines left out: %" PRIu64, run->bad)
               : cli_fail(name,
                          "no document was read: the inputs hold none, or no message of that "
                          "role");
  }
  return run->longest >= run->width
             ? CLI_OK
             : cli_fail(name, "no document has %" PRIu32 " tokens: there is no context in them",
                        run->width);
}

static int prepare(building *run) {
  const contexts_options *options = run->options;
  gp_error error;
  int status = set_width(run);
  if (status == CLI_OK) {
    status = reading_find(name, &options->reading, options->files, options->n_files, &run->names,
                          &run->inputs);
  }
  if (status == CLI_OK && options->reading.tokenizer != NULL &&
      (gp_tokenizer_open(options->reading.tokenizer, &run->tokenizer, &error) != GP_OK ||
       gp_encoder_new(run->tokenizer, &run->encoder, &error) != GP_OK)) {
    status = cli_fail(name, "%s", error.message);
  }
  if (status == CLI_OK && gp_contexts_builder_new(run->width, &run->builder, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  }
  return status;
}

int contexts_build(const contexts_options *options, uint64_t *bad) {
  building run = {.options = options};
  gp_error error;
  int status = prepare(&run);
  if (status == CLI_OK) {
    status = add_inputs(&run);
  }
  if (status == CLI_OK &&
      gp_contexts_builder_save(run.builder, options->output, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  }
  gp_contexts_builder_free(run.builder);
  gp_encoder_free(run.encoder);
  gp_tokenizer_free(run.tokenizer);
  free(run.inputs);
  inputs_free(&run.names);
  *bad = run.bad;
  return status;
}

#include "documents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

int documents_open(documents *all, const char *command, const reading_options *reading,
                   char **files, size_t n_files) {
  gp_error error;
  *all = (documents){.command = command, .reading = reading};
  const int status = reading_find(command, reading, files, n_files, &all->names, &all->inputs);
  if (status != CLI_OK) {
    return status;
  }
  all->facts = calloc(all->names.count + 1, sizeof *all->facts);
  if (all->facts == NULL) {
    return cli_fail(command, "out of memory: too many files");
  }
  if (reading->tokenizer != NULL &&
      (gp_tokenizer_open(reading->tokenizer, &all->tokenizer, &error) != GP_OK ||
       gp_encoder_new(all->tokenizer, &all->encoder, &error) != GP_OK)) {
    return cli_fail(command, "%s", error.message);
  }
  return CLI_OK;
}

int documents_check_again(const documents *all, const char *why) {
  for (size_t i = 0; i < all->names.count; i++) {
    const char *input = all->names.names[i];
    if (!cli_can_be_read_again(input)) {
      return cli_fail(all->command, "%s: is read twice%s, and has to be a regular file",
                      strcmp(input, "-") == 0 ? "standard input" : input, why);
    }
  }
  return CLI_OK;
}

void documents_close(documents *all) {
  gp_encoder_free(all->encoder);
  gp_tokenizer_free(all->tokenizer);
  free(all->facts);
  free(all->inputs);
  inputs_free(&all->names);
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
static gp_status tokenize(documents *all, const gp_corpus_input *input, gp_document *document,
                          gp_error *error) {
  gp_status status = GP_OK;
  if (document->text == NULL) {
    return GP_OK;
  }
  if (all->encoder == NULL) {
    status = GP_ERR_ARGUMENT;
    (void)snprintf(error->message, sizeof error->message,
                   "holds text, which takes a tokenizer to read (--tokenizer)");
  } else {
    status = gp_encoder_encode(all->encoder, document->text, document->n_bytes, &document->tokens,
                               NULL, &document->n_tokens, error);
  }
  if (status != GP_OK) {
    place(input, document->line, error);
  }
  return status;
}

/* Hands on the next document, if there is one. */
static gp_status take_next(documents *all, const gp_corpus_input *input, gp_reader *reader,
                           take_document *take, void *user, bool *more, gp_error *error) {
  const bool skip_bad = all->reading->skip_bad;
  gp_document document;
  gp_status status = gp_reader_next(reader, &document, more, error);
  bool one_line = status == GP_ERR_FORMAT && gp_reader_can_go_on(reader);
  if (status == GP_OK && *more) {
    status = tokenize(all, input, &document, error);
    one_line = status == GP_ERR_FORMAT;
  }
  if (one_line && skip_bad) {
    if (all->mute) {
      all->bad++;
    } else {
      reading_left_out(all->command, error->message, &all->bad);
    }
    return GP_OK;
  }
  if (status != GP_OK || !*more) {
    return status;
  }
  all->documents++;
  all->tokens += document.n_tokens;
  all->longest = document.n_tokens > all->longest ? document.n_tokens : all->longest;
  return take(user, document.tokens, document.n_tokens, error);
}

static gp_status take_input(documents *all, size_t i, take_document *take, void *user,
                            gp_error *error) {
  const gp_corpus_input *input = &all->inputs[i];
  gp_reader *reader = NULL;
  gp_status status = gp_reader_open(input->path, &input->options, &reader, error);
  bool more = true;
  while (status == GP_OK && more) {
    status = take_next(all, input, reader, take, user, &more, error);
    progress_update(all->bytes + gp_reader_position(reader), all->tokens);
  }
  if (status == GP_OK) {
    all->bytes += gp_reader_position(reader);
    status = gp_reader_facts(reader, &all->facts[i], error);
  }
  gp_reader_free(reader);
  return status;
}

int documents_each(documents *all, bool quiet, take_document *take, void *user) {
  gp_error error;
  const size_t n_inputs = all->names.count;
  gp_status status = GP_OK;
  progress_start(reading_total_bytes(all->inputs, n_inputs), quiet);
  for (size_t i = 0; i < n_inputs && status == GP_OK; i++) {
    status = take_input(all, i, take, user, &error);
  }
  progress_end();
  if (status != GP_OK) {
    return cli_fail(all->command, "%s", error.message);
  }
  if (all->documents > 0) {
    return CLI_OK;
  }
  return all->bad > 0
             ? cli_fail(all->command, "no document was read; lines left out: %" PRIu64, all->bad)
             : cli_fail(all->command,
                        "no document was read: the inputs hold none, or no message of that "
                        "role");
}

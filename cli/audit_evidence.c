/* Answers are read one by one in the order in which they are named: what costs time is testing
 * them, not reading. */
#include "audit_evidence.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"
#include "keys.h"
#include "progress.h"
#include "report.h"
#include "settings.h"

/* What reading the answers takes. */
typedef struct answers_run {
  audit_evidence *evidence;
  gp_encoder *encoder;        /* NULL without a tokenizer */
  gp_encoder *prompt_encoder; /* likewise; what an encoder gave holds until its next call */
  gp_expectations *reference; /* may be NULL */
  uint64_t bytes;             /* of the files that are read */
  uint64_t tokens;
} answers_run;

double evidence_correct(const audit_evidence *evidence, double log10_p) {
  return fmin(0, log10_p + log10((double)evidence->bill.times));
}

void evidence_free(audit_evidence *evidence) {
  price_close(&evidence->price);
  for (size_t i = 0; i < evidence->n_inputs; i++) {
    free(evidence->inputs[i].name);
  }
  free(evidence->inputs);
  gp_contexts_free(evidence->served);
  gp_audit_free(evidence->audit);
  gp_tokenizer_free(evidence->tokenizer);
  free(evidence->settings);
  gp_key_free(evidence->key);
  *evidence = (audit_evidence){0};
}

/* Adds a row about a file; the name is copied. */
static int add_input(audit_evidence *evidence, const char *name, audit_input input) {
  const char *command = evidence->options->command;
  if (evidence->n_inputs == evidence->capacity) {
    const size_t capacity = evidence->capacity > 0 ? 2 * evidence->capacity : 16;
    audit_input *grown = realloc(evidence->inputs, capacity * sizeof *grown);
    if (grown == NULL) {
      return cli_fail(command, "out of memory: too many files");
    }
    evidence->inputs = grown;
    evidence->capacity = capacity;
  }
  input.name = strdup(name);
  if (input.name == NULL) {
    return cli_fail(command, "out of memory: too many files");
  }
  evidence->inputs[evidence->n_inputs++] = input;
  return CLI_OK;
}

/* ------------------------------------------------------------------- before reading */

static int check_page(const audit_options *options) {
  const char *command = options->command;
  const char *page = options->html;
  const char *const known[] = {options->key,
                               options->passphrase_file,
                               options->table,
                               options->reading.tokenizer,
                               options->reference,
                               options->served,
                               options->tenants,
                               options->price.committed,
                               options->n_files == 0 ? "-" : NULL};
  int status = report_check_page(command, page);
  if (status == CLI_OK) {
    status = report_check_spared(command, page, known, sizeof known / sizeof known[0]);
  }
  return status == CLI_OK
             ? report_check_spared(command, page, (const char *const *)options->files,
                                   options->n_files)
             : status;
}

static int open_key(audit_evidence *evidence) {
  const audit_options *options = evidence->options;
  int status = key_open(options->command, options->key, options->passphrase_file, &evidence->key);
  if (status == CLI_OK) {
    status = key_use_table(options->command, options->table, evidence->key);
  }
  if (status != CLI_OK) {
    return status;
  }
  evidence->params = gp_key_params(evidence->key);
  gp_key_id(evidence->key, evidence->key_id);
  gp_key_commitment(evidence->key, evidence->commitment);
  if (evidence->params.seeding != GP_SEEDING_HASH &&
      (options->served != NULL || options->served_by != NULL)) {
    return cli_fail(options->command,
                    "--%s: key %s has seeding '%s', with which served contexts select nothing",
                    options->served != NULL ? "served" : "served-by", evidence->key_id,
                    gp_seeding_name(evidence->params.seeding));
  }
  return CLI_OK;
}

/* What p pays for besides the tenants that are tried, which Holm's method pays for. */
static int set_price(audit_evidence *evidence) {
  const audit_options *options = evidence->options;
  int status = price_open(options->command, &options->price, false, &evidence->price);
  if (status == CLI_OK) {
    status = committed_covers(options->command, &evidence->price.committed, evidence->commitment,
                              options->key, false);
  }
  if (status == CLI_OK &&
      !price_sum(&evidence->price, 1, 1, options->tenant.has_tenant, 1, &evidence->bill)) {
    return cli_fail(options->command,
                    "p would have to pay for more than 2^63 - 1 tests: choose a "
                    "smaller --tests");
  }
  return status;
}

static int open_tokenizer(audit_evidence *evidence) {
  const audit_options *options = evidence->options;
  gp_error error;
  if (options->reading.tokenizer != NULL &&
      gp_tokenizer_open(options->reading.tokenizer, &evidence->tokenizer, &error) != GP_OK) {
    return cli_fail(options->command, "%s", error.message);
  }
  evidence->settings = settings_describe(evidence->tokenizer, options->reading.normalize);
  return evidence->settings != NULL ? CLI_OK
                                    : cli_fail(options->command, "out of memory: the report");
}

/* -------------------------------------------------------------------------- answers */

static const char *shown(const char *name) {
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

/* The ids of a document, which hold until the next call with this encoder. */
static int ids_of(const answers_run *run, const char *name, gp_encoder *encoder,
                  const gp_document *document, const uint32_t **ids, size_t *n_ids) {
  const char *command = run->evidence->options->command;
  gp_error error;
  if (document->tokens != NULL) {
    *ids = document->tokens;
    *n_ids = document->n_tokens;
    return CLI_OK;
  }
  if (encoder == NULL) {
    return cli_fail(command,
                    "%s:%" PRIu64 ": holds text, which takes a tokenizer to read "
                    "(--tokenizer)",
                    shown(name), document->line);
  }
  if (gp_encoder_encode(encoder, document->text, document->n_bytes, ids, NULL, n_ids, &error) !=
      GP_OK) {
    return cli_fail(command, "%s:%" PRIu64 ": %s", shown(name), document->line, error.message);
  }
  return CLI_OK;
}

/* The prompt of the answer on this line. */
static int next_prompt(answers_run *run, const char *name, gp_reader *prompts,
                       const gp_document *answer, const uint32_t **ids, size_t *n_ids) {
  const char *command = run->evidence->options->command;
  gp_document prompt = {0};
  gp_error error;
  bool more = false;
  if (gp_reader_next(prompts, &prompt, &more, &error) != GP_OK) {
    return cli_fail(command, "--prompts: %s", error.message);
  }
  if (!more || prompt.line != answer->line) {
    return cli_fail(command, "%s:%" PRIu64 ": holds another number of prompts than of answers",
                    name, more && prompt.line < answer->line ? prompt.line : answer->line);
  }
  return ids_of(run, name, run->prompt_encoder, &prompt, ids, n_ids);
}

static int add_answer(answers_run *run, const char *name, gp_reader *prompts,
                      const gp_document *answer, audit_input *input) {
  audit_evidence *evidence = run->evidence;
  const uint32_t *ids = NULL;
  const uint32_t *prompt = NULL;
  size_t n_ids = 0;
  size_t n_prompt = 0;
  int status = ids_of(run, name, run->encoder, answer, &ids, &n_ids);
  if (status == CLI_OK && prompts != NULL) {
    status = next_prompt(run, name, prompts, answer, &prompt, &n_prompt);
  }
  if (status != CLI_OK) {
    return status;
  }
  gp_error error;
  if (gp_audit_add(evidence->audit, prompt, n_prompt, ids, n_ids, run->reference, &error) !=
      GP_OK) {
    return cli_fail(evidence->options->command, "%s:%" PRIu64 ": %s", shown(name), answer->line,
                    error.message);
  }
  input->documents++;
  input->tokens += n_ids;
  run->tokens += n_ids;
  return CLI_OK;
}

/* The end of the prompts, where the answers have theirs, and of the very same bytes. */
static int end_prompts(const answers_run *run, const char *name, gp_reader *prompts,
                       const audit_input *input) {
  const char *command = run->evidence->options->command;
  gp_document prompt;
  gp_input_facts facts;
  gp_error error;
  bool more = false;
  if (gp_reader_next(prompts, &prompt, &more, &error) != GP_OK) {
    return cli_fail(command, "--prompts: %s", error.message);
  }
  if (more) {
    return cli_fail(command, "%s:%" PRIu64 ": holds another number of prompts than of answers",
                    name, prompt.line);
  }
  if (gp_reader_facts(prompts, &facts, &error) != GP_OK) {
    return cli_fail(command, "%s", error.message);
  }
  return memcmp(facts.sha256, input->file.sha256, sizeof facts.sha256) == 0
             ? CLI_OK
             : cli_fail(command, "%s: the file changed while it was read", name);
}

static int read_documents(answers_run *run, const char *name, gp_reader *answers,
                          gp_reader *prompts, audit_input *input) {
  const char *command = run->evidence->options->command;
  gp_document answer;
  gp_error error;
  for (;;) {
    bool more = false;
    if (gp_reader_next(answers, &answer, &more, &error) != GP_OK) {
      return cli_fail(command, "%s", error.message);
    }
    if (!more) {
      break;
    }
    const int status = add_answer(run, name, prompts, &answer, input);
    if (status != CLI_OK) {
      return status;
    }
    progress_update(run->bytes + gp_reader_position(answers), run->tokens);
  }
  if (gp_reader_facts(answers, &input->file, &error) != GP_OK) {
    return cli_fail(command, "%s", error.message);
  }
  run->bytes += input->file.bytes;
  return prompts != NULL ? end_prompts(run, name, prompts, input) : CLI_OK;
}

static int read_file(answers_run *run, const gp_corpus_input *file) {
  const audit_options *options = run->evidence->options;
  gp_reader_options of_prompts = file->options;
  gp_reader *answers = NULL;
  gp_reader *prompts = NULL;
  gp_error error;
  gp_status opened = gp_reader_open(file->path, &file->options, &answers, &error);
  if (opened == GP_OK && options->prompts != NULL) {
    of_prompts.field = options->prompts;
    opened = gp_reader_open(file->path, &of_prompts, &prompts, &error);
  }
  audit_input input = {.role = "answers", .format = gp_input_format_name(file->options.format)};
  int status = opened == GP_OK ? read_documents(run, file->path, answers, prompts, &input)
                               : cli_fail(options->command, "%s", error.message);
  if (status == CLI_OK) {
    status = add_input(run->evidence, file->path, input);
  }
  gp_reader_free(prompts);
  gp_reader_free(answers);
  return status;
}

static int open_reading(answers_run *run) {
  const audit_evidence *evidence = run->evidence;
  const audit_options *options = evidence->options;
  gp_error error;
  gp_status status = GP_OK;
  if (evidence->tokenizer != NULL) {
    status = gp_encoder_new(evidence->tokenizer, &run->encoder, &error);
  }
  if (status == GP_OK && evidence->tokenizer != NULL && options->prompts != NULL) {
    status = gp_encoder_new(evidence->tokenizer, &run->prompt_encoder, &error);
  }
  if (status == GP_OK && options->reference != NULL) {
    status = gp_expectations_open(options->reference, &run->reference, &error);
  }
  return status == GP_OK ? CLI_OK : cli_fail(options->command, "%s", error.message);
}

static int finish_reference(answers_run *run) {
  audit_evidence *evidence = run->evidence;
  gp_expectations_info info;
  gp_error error;
  if (gp_expectations_finish(run->reference, &error) != GP_OK) {
    return cli_fail(evidence->options->command, "%s", error.message);
  }
  gp_expectations_get_info(run->reference, &info);
  evidence->has_label = true;
  memcpy(evidence->label, info.label, sizeof evidence->label);
  return add_input(evidence, evidence->options->reference,
                   (audit_input){.role = "reference",
                                 .file = info.file,
                                 .documents = info.documents,
                                 .tokens = info.tokens});
}

/* Files that are for another option would be read as damaged answers. */
static int check_no_weights(const audit_options *options, const char *name) {
  const bool audits = strcmp(options->command, "audit") == 0;
  gp_model_weights *weights = NULL;
  gp_expectations *expectations = NULL;
  if (strcmp(name, "-") == 0 || !cli_can_be_read_again(name)) {
    return CLI_OK;
  }
  if (gp_model_weights_open(name, &weights, NULL) == GP_OK) {
    gp_model_weights_free(weights);
    return cli_fail(options->command, "%s: a file of model weights, not of answers: %s", name,
                    audits ? "--open takes it" : "it is for greenprint audit --open");
  }
  if (gp_expectations_open(name, &expectations, NULL) == GP_OK) {
    gp_expectations_free(expectations);
    return cli_fail(options->command,
                    "%s: what a reference model expected, not answers: %s takes it", name,
                    audits ? "--reference" : "greenprint audit --reference");
  }
  return CLI_OK;
}

static int read_files(answers_run *run) {
  const audit_options *options = run->evidence->options;
  named_inputs names = {0};
  gp_corpus_input *files = NULL;
  int status = reading_find(options->command, &options->reading, options->files, options->n_files,
                            &names, &files);
  for (size_t i = 0; i < names.count && status == CLI_OK; i++) {
    status = check_no_weights(options, names.names[i]);
  }
  if (status == CLI_OK) {
    progress_start(reading_total_bytes(files, names.count), options->quiet);
    for (size_t i = 0; i < names.count && status == CLI_OK; i++) {
      status = read_file(run, &files[i]);
    }
    progress_end();
  }
  free(files);
  inputs_free(&names);
  return status;
}

static int read_answers(audit_evidence *evidence) {
  answers_run run = {.evidence = evidence};
  int status = open_reading(&run);
  if (status == CLI_OK) {
    status = read_files(&run);
  }
  if (status == CLI_OK && run.reference != NULL) {
    status = finish_reference(&run);
  }
  gp_encoder_free(run.encoder);
  gp_encoder_free(run.prompt_encoder);
  gp_expectations_free(run.reference);
  return status;
}

/* -------------------------------------------------------------------- model weights */

/* Files of several models put together would be about none of them. */
static int set_label(audit_evidence *evidence, const char *name, const char *label) {
  if (evidence->has_label && strcmp(evidence->label, label) != 0) {
    return cli_fail(evidence->options->command,
                    "%s: is of another model, '%s', than the files before it, '%s'", name, label,
                    evidence->label);
  }
  evidence->has_label = true;
  memcpy(evidence->label, label, sizeof evidence->label);
  return CLI_OK;
}

static int read_weights(audit_evidence *evidence, const char *name) {
  gp_model_weights *file = NULL;
  gp_expectations_info info;
  gp_error error;
  gp_status status = gp_model_weights_open(name, &file, &error);
  if (status == GP_OK) {
    status = gp_audit_add_model(evidence->audit, file, &error);
  }
  if (status != GP_OK) {
    gp_model_weights_free(file);
    return cli_fail(evidence->options->command, "%s", error.message);
  }
  gp_model_weights_get_info(file, &info);
  gp_model_weights_free(file);
  const int same = set_label(evidence, name, info.label);
  return same != CLI_OK ? same
                        : add_input(evidence, name,
                                    (audit_input){.role = "weights",
                                                  .file = info.file,
                                                  .documents = info.documents,
                                                  .tokens = info.tokens});
}

static int read_model(audit_evidence *evidence) {
  const audit_options *options = evidence->options;
  int status = CLI_OK;
  for (size_t i = 0; i < options->n_files && status == CLI_OK; i++) {
    status = read_weights(evidence, options->files[i]);
  }
  return status;
}

/* ----------------------------------------------------------------------- everything */

static int load_served(audit_evidence *evidence, const char *path) {
  gp_error error;
  return gp_contexts_load(path, &evidence->served, &error) == GP_OK
             ? CLI_OK
             : cli_fail(evidence->options->command, "%s", error.message);
}

/* Sees that the set is one for this audit. */
static int check_served(const audit_evidence *evidence, const char *path) {
  gp_error error;
  return gp_audit_set_served(evidence->audit, evidence->served, &error) == GP_OK
             ? CLI_OK
             : cli_fail(evidence->options->command, "%s: %s", path, error.message);
}

/* Notes which of all the contexts are in the set that was loaded, and lets go of it. */
static int note_served(audit_evidence *evidence, const char *path) {
  gp_contexts_info info;
  gp_error error;
  if (gp_audit_set_served(evidence->audit, evidence->served, &error) != GP_OK) {
    return cli_fail(evidence->options->command, "%s: %s", path, error.message);
  }
  gp_contexts_get_info(evidence->served, &info);
  gp_contexts_free(evidence->served);
  evidence->served = NULL;
  gp_audit_get_counts(evidence->audit, &evidence->counts);
  return add_input(evidence, path,
                   (audit_input){.role = "served",
                                 .file = info.file,
                                 .documents = info.documents,
                                 .tokens = info.tokens,
                                 .contexts = info.contexts});
}

int evidence_set_served(audit_evidence *evidence, const char *path) {
  const int status = load_served(evidence, path);
  return status == CLI_OK ? note_served(evidence, path) : status;
}

/* A verdict about nothing would be taken for one about the model. */
static int check_documents(audit_evidence *evidence) {
  gp_audit_get_counts(evidence->audit, &evidence->counts);
  return evidence->counts.documents > 0
             ? CLI_OK
             : cli_fail(
                   evidence->options->command, "no document was read: the inputs hold none%s",
                   evidence->options->reading.role != NULL ? ", or no message of that role" : "");
}

int evidence_collect(const audit_options *options, audit_evidence *evidence) {
  gp_error error;
  evidence->options = options;
  int status = check_page(options);
  if (status == CLI_OK) {
    status = open_tokenizer(evidence);
  }
  if (status == CLI_OK) {
    status = open_key(evidence);
  }
  if (status == CLI_OK) {
    status = set_price(evidence);
  }
  if (status == CLI_OK && gp_audit_new(&evidence->params, &evidence->audit, &error) != GP_OK) {
    status = cli_fail(options->command, "%s", error.message);
  }
  if (status == CLI_OK && options->served != NULL) {
    status = load_served(evidence, options->served);
  }
  if (status == CLI_OK && options->served != NULL) { /* before there is much work to lose */
    status = check_served(evidence, options->served);
  }
  if (status == CLI_OK) {
    status = options->open ? read_model(evidence) : read_answers(evidence);
  }
  if (status == CLI_OK) {
    status = check_documents(evidence);
  }
  return status == CLI_OK && options->served != NULL ? note_served(evidence, options->served)
                                                     : status;
}

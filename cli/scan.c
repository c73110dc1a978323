#include "scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct scan {
  gp_verifier *together;
  gp_verifier *alone; /* NULL unless documents are wanted one by one */
  findings *all;
  gp_error *error;
} scan;

void findings_free(findings *all) {
  free(all->inputs);
  free(all->documents);
  *all = (findings){0};
}

static gp_status out_of_memory(gp_error *error) {
  *error = (gp_error){GP_ERR_MEMORY, "out of memory: too many documents for --per-document"};
  return GP_ERR_MEMORY;
}

static gp_status grow_documents(findings *all, gp_error *error) {
  const size_t capacity = all->documents_capacity > 0 ? all->documents_capacity : 64;
  if (capacity > SIZE_MAX / 2 / sizeof *all->documents) {
    return out_of_memory(error);
  }
  document_findings *grown = realloc(all->documents, 2 * capacity * sizeof *grown);
  if (grown == NULL) {
    return out_of_memory(error);
  }
  all->documents = grown;
  all->documents_capacity = 2 * capacity;
  return GP_OK;
}

static gp_status add_alone(scan *state, size_t input, uint64_t line, const uint32_t *tokens,
                           size_t n_tokens) {
  findings *all = state->all;
  if (all->n_documents == all->documents_capacity) {
    const gp_status status = grow_documents(all, state->error);
    if (status != GP_OK) {
      return status;
    }
  }
  gp_verifier_reset(state->alone);
  const gp_status status = gp_verifier_add(state->alone, tokens, n_tokens, state->error);
  if (status != GP_OK) {
    return status;
  }
  gp_result result;
  gp_verifier_result(state->alone, &result);
  all->documents[all->n_documents++] = (document_findings){.input = input,
                                                           .line = line,
                                                           .tokens = result.tokens,
                                                           .scored = result.scored,
                                                           .repeated = result.repeated,
                                                           .green = result.green,
                                                           .log10_p = result.log10_p};
  return GP_OK;
}

static gp_status fail_text(gp_error *error, const char *name, uint64_t line, const char *field) {
  (void)snprintf(error->message, sizeof error->message,
                 "%.200s:%" PRIu64
                 ": field \"%.100s\" is a string: an array of token ids expected",
                 strcmp(name, "-") == 0 ? "standard input" : name, line, field);
  error->status = GP_ERR_FORMAT;
  return GP_ERR_FORMAT;
}

static gp_status scan_documents(scan *state, gp_reader *reader, const char *field, size_t index) {
  input_findings *input = &state->all->inputs[index];
  for (;;) {
    gp_document document;
    bool more = false;
    gp_status status = gp_reader_next(reader, &document, &more, state->error);
    if (status == GP_OK && !more) {
      return gp_reader_facts(reader, &input->facts, state->error);
    }
    if (status == GP_OK && document.tokens == NULL) {
      status = fail_text(state->error, input->name, document.line, field);
    }
    if (status == GP_OK) {
      input->documents++;
      input->tokens += document.n_tokens;
      status = gp_verifier_add(state->together, document.tokens, document.n_tokens, state->error);
    }
    if (status == GP_OK && state->alone != NULL) {
      status = add_alone(state, index, document.line, document.tokens, document.n_tokens);
    }
    if (status != GP_OK) {
      return status;
    }
  }
}

static gp_status scan_input(scan *state, const char *field, size_t index) {
  const input_findings *input = &state->all->inputs[index];
  const gp_reader_options options = {.format = input->format,
                                     .field = input->format == GP_INPUT_JSONL ? field : NULL};
  gp_reader *reader = NULL;
  gp_status status = gp_reader_open(input->name, &options, &reader, state->error);
  if (status == GP_OK) {
    status = scan_documents(state, reader, field, index);
  }
  gp_reader_free(reader);
  return status;
}

gp_status scan_inputs(const gp_key *key, const char *field, findings *all, gp_error *error) {
  scan state = {.all = all, .error = error};
  gp_status status = gp_verifier_new(key, &all->tenant, &state.together, error);
  if (status == GP_OK && all->per_document) {
    status = gp_verifier_new(key, &all->tenant, &state.alone, error);
  }
  for (size_t i = 0; i < all->n_inputs && status == GP_OK; i++) {
    status = scan_input(&state, field, i);
  }
  if (status == GP_OK) {
    gp_verifier_result(state.together, &all->result);
  }
  gp_verifier_free(state.together);
  gp_verifier_free(state.alone);
  return status;
}

#include "io/documents.h"

#include "common/error.h"

#include <stdlib.h>

gp_status gp_documents_new(gp_documents *documents, gp_error *reason) {
  *documents = (gp_documents){0};
  return gp_tokens_new(&documents->tokens, reason);
}

void gp_documents_release(gp_documents *documents) {
  gp_tokens_release(&documents->tokens);
  gp_text_release(&documents->text);
  gp_text_release(&documents->joined);
  gp_normalizer_release(&documents->normalizer);
  free(documents->spans);
  *documents = (gp_documents){0};
}

void gp_documents_clear(gp_documents *documents) {
  documents->is_text = false;
  documents->tokens.count = 0;
  documents->text.count = 0;
  documents->n_spans = 0;
}

static gp_status grow_spans(gp_documents *documents, gp_error *reason) {
  const size_t capacity = documents->spans_capacity > 0 ? 2 * documents->spans_capacity : 16;
  gp_span *grown = capacity <= SIZE_MAX / sizeof *grown
                       ? realloc(documents->spans, capacity * sizeof *grown)
                       : NULL;
  if (grown == NULL) {
    return gp_fail_memory(reason, "the line has too many messages");
  }
  documents->spans = grown;
  documents->spans_capacity = capacity;
  return GP_OK;
}

gp_status gp_documents_add_text(gp_documents *documents, const char *bytes, size_t length,
                                unsigned normalize, gp_error *reason) {
  documents->is_text = true;
  if (documents->n_spans == documents->spans_capacity) {
    const gp_status status = grow_spans(documents, reason);
    if (status != GP_OK) {
      return status;
    }
  }
  const size_t begin = documents->text.count;
  gp_status status = gp_text_reserve(&documents->text, 1, reason); /* never NULL */
  if (status == GP_OK) {
    status = gp_normalize_text(&documents->normalizer, normalize, bytes, length, &documents->text,
                               reason);
  }
  if (status != GP_OK) {
    return status;
  }
  documents->spans[documents->n_spans++] =
      (gp_span){.begin = begin, .length = documents->text.count - begin};
  return GP_OK;
}

#include "io/parser.h"

#include "common/error.h"
#include "io/array_ids.h"
#include "io/json_lines.h"
#include "io/token_lines.h"

#include <stdlib.h>

struct gp_parser {
  gp_documents documents;
  const char *whole; /* the record itself is the one document, a text; else NULL */
  size_t whole_length;
  uint64_t line;
  size_t count; /* of the documents */
  size_t next;
};

gp_status gp_parser_new(gp_parser **parser, gp_error *reason) {
  gp_parser *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(reason, "a parser");
  }
  const gp_status status = gp_documents_new(&made->documents, reason);
  if (status != GP_OK) {
    gp_parser_free(made);
    return status;
  }
  *parser = made;
  return GP_OK;
}

void gp_parser_free(gp_parser *parser) {
  if (parser == NULL) {
    return;
  }
  gp_documents_release(&parser->documents);
  free(parser);
}

static gp_status parse(gp_parser *parser, const gp_reader_options *options,
                       const gp_record *record, gp_error *reason) {
  gp_documents *documents = &parser->documents;
  switch (options->format) {
  case GP_INPUT_TOKENS:
    return gp_token_line_parse(record->bytes, record->length, &documents->tokens, reason);
  case GP_INPUT_JSONL:
    return gp_json_line_parse(record->bytes, record->length, options, documents, reason);
  case GP_INPUT_TEXT:
    if (options->normalize != 0) {
      return gp_documents_add_text(documents, record->bytes, record->length, options->normalize,
                                   reason);
    }
    parser->whole = record->bytes;
    parser->whole_length = record->length;
    return GP_OK;
  default:
    return gp_array_ids(record, &documents->tokens, reason);
  }
}

gp_status gp_parser_start(gp_parser *parser, const gp_reader_options *options,
                          const gp_record *record, gp_error *reason) {
  parser->whole = NULL;
  parser->line = record->line;
  parser->count = 0;
  parser->next = 0;
  gp_documents_clear(&parser->documents);
  const gp_status status = parse(parser, options, record, reason);
  if (status == GP_OK) {
    parser->count = parser->documents.is_text ? parser->documents.n_spans : 1;
  }
  return status;
}

gp_status gp_parser_next(gp_parser *parser, gp_document *document, bool *more, gp_error *reason) {
  (void)reason; /* nothing can fail that did not fail when the record was started */
  *more = parser->next < parser->count;
  if (!*more) {
    return GP_OK;
  }
  const gp_documents *documents = &parser->documents;
  *document = (gp_document){.line = parser->line};
  if (parser->whole != NULL) {
    document->text = parser->whole;
    document->n_bytes = parser->whole_length;
  } else if (documents->is_text) {
    document->text = documents->text.data + documents->spans[parser->next].begin;
    document->n_bytes = documents->spans[parser->next].length;
  } else {
    document->tokens = documents->tokens.ids;
    document->n_tokens = documents->tokens.count;
  }
  parser->next++;
  return GP_OK;
}

/* gp_reader: documents out of lines, and every error with its place. */
#include "common/error.h"
#include "common/quote.h"
#include "io/json_lines.h"
#include "io/lines.h"
#include "io/token_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A token of a token line takes 2 bytes or more and becomes 4; one of a JSON line takes as
 * much and becomes about 40 while jansson holds the line. */
#define TOKEN_LINE_MAX ((size_t)1 << 26)
#define JSON_LINE_MAX  ((size_t)1 << 24)

typedef enum reader_state {
  READER_OPEN,
  READER_ENDED,
  READER_FAILED
} reader_state;

struct gp_reader {
  gp_input_format format;
  char *field; /* NULL for token files */
  reader_state state;
  gp_lines lines;
  gp_tokens tokens;
  char name[GP_DISPLAY_NAME_SIZE];
};

static gp_status open_lines(gp_reader *reader, const char *path, gp_error *reason) {
  gp_input *input = NULL;
  gp_status status = gp_input_open(path, &input, reason);
  if (status != GP_OK) {
    return status;
  }
  const size_t limit = reader->format == GP_INPUT_TOKENS ? TOKEN_LINE_MAX : JSON_LINE_MAX;
  status = gp_lines_open(&reader->lines, input, limit, reason);
  if (status != GP_OK) {
    gp_input_free(input);
    return status;
  }
  return gp_tokens_new(&reader->tokens, reason);
}

static gp_status check_arguments(const char *path, gp_input_format format, const char *field,
                                 gp_reader **reader, gp_error *error) {
  if (path == NULL) {
    return gp_fail_null(error, "gp_reader_open", "path");
  }
  if (reader == NULL) {
    return gp_fail_null(error, "gp_reader_open", "reader");
  }
  if (format != GP_INPUT_TOKENS && format != GP_INPUT_JSONL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_reader_open: %d is no gp_input_format",
                   (int)format);
  }
  if (format == GP_INPUT_JSONL && field == NULL) {
    return gp_fail_null(error, "gp_reader_open", "field");
  }
  if (format == GP_INPUT_TOKENS && field != NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_reader_open: token files have no fields");
  }
  return GP_OK;
}

gp_status gp_reader_open(const char *path, gp_input_format format, const char *field,
                         gp_reader **reader, gp_error *error) {
  gp_status status = check_arguments(path, format, field, reader, error);
  if (status != GP_OK) {
    return status;
  }
  gp_reader *opened = calloc(1, sizeof *opened);
  if (opened == NULL) {
    return gp_fail_memory(error, "a reader");
  }
  opened->format = format;
  gp_display_name(opened->name, strcmp(path, "-") == 0 ? "standard input" : path);
  if (field != NULL) {
    opened->field = strdup(field);
    if (opened->field == NULL) {
      status = gp_fail_memory(error, "a field name");
      goto cleanup;
    }
  }
  gp_error reason;
  status = open_lines(opened, path, &reason);
  if (status != GP_OK) {
    status = gp_fail(error, status, "%s: %s", opened->name, reason.message);
    goto cleanup;
  }
  *reader = opened;
  return GP_OK;

cleanup:
  gp_reader_free(opened);
  return status;
}

void gp_reader_free(gp_reader *reader) {
  if (reader == NULL) {
    return;
  }
  gp_lines_close(&reader->lines);
  gp_tokens_release(&reader->tokens);
  free(reader->field);
  free(reader);
}

static bool starts_with(const char *line, size_t length, const char *prefix) {
  return length >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0;
}

/* The byte order marks of UTF-8 and of UTF-16, which editors add unasked. */
static bool has_byte_order_mark(const char *line, size_t length) {
  return starts_with(line, length, "\xEF\xBB\xBF") || starts_with(line, length, "\xFF\xFE") ||
         starts_with(line, length, "\xFE\xFF");
}

/* The next document into `tokens`; *ended where there is none. */
static gp_status read_document(gp_reader *reader, bool *ended, gp_error *reason) {
  const char *line = NULL;
  size_t length = 0;
  const gp_status status = gp_lines_next(&reader->lines, &line, &length, reason);
  if (status != GP_OK) {
    return status;
  }
  if (line == NULL) {
    *ended = true;
    return GP_OK;
  }
  if (reader->lines.number == 1 && has_byte_order_mark(line, length)) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the file starts with a byte order mark: save it as UTF-8 without one");
  }
  return reader->format == GP_INPUT_TOKENS
             ? gp_token_line_parse(line, length, &reader->tokens, reason)
             : gp_json_line_parse(line, length, reader->field, &reader->tokens, reason);
}

gp_status gp_reader_next(gp_reader *reader, const uint32_t **tokens, size_t *n_tokens,
                         uint64_t *line, gp_error *error) {
  if (reader == NULL || tokens == NULL || n_tokens == NULL || line == NULL) {
    return gp_fail_null(error, "gp_reader_next",
                        reader == NULL   ? "reader"
                        : tokens == NULL ? "tokens"
                        : line == NULL   ? "line"
                                         : "n_tokens");
  }
  if (reader->state != READER_OPEN) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_reader_next: %s: nothing is left to read",
                   reader->name);
  }
  gp_error reason;
  bool ended = false;
  const gp_status status = read_document(reader, &ended, &reason);
  if (status != GP_OK) {
    reader->state = READER_FAILED;
    return gp_fail(error, status, "%s:%" PRIu64 ": %s", reader->name, reader->lines.number,
                   reason.message);
  }
  if (ended && reader->lines.number == 1) {
    reader->state = READER_FAILED;
    return gp_fail(error, GP_ERR_FORMAT, "%s: the file is empty: it holds no document",
                   reader->name);
  }
  if (ended) {
    reader->state = READER_ENDED;
  }
  *tokens = ended ? NULL : reader->tokens.ids;
  *n_tokens = ended ? 0 : reader->tokens.count;
  *line = reader->lines.number;
  return GP_OK;
}

gp_status gp_reader_facts(const gp_reader *reader, gp_input_facts *facts, gp_error *error) {
  if (reader == NULL || facts == NULL) {
    return gp_fail_null(error, "gp_reader_facts", reader == NULL ? "reader" : "facts");
  }
  if (reader->state != READER_ENDED) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_reader_facts: %s: the end has not been reached",
                   reader->name);
  }
  *facts = gp_input_get_facts(reader->lines.input);
  return GP_OK;
}

/* gp_reader: a source and a parser, and every error with its place. */
#include "common/error.h"
#include "common/quote.h"
#include "io/parser.h"

#include <stdlib.h>
#include <string.h>

typedef enum reader_state {
  READER_OPEN,
  READER_ENDED,
  READER_FAILED
} reader_state;

struct gp_reader {
  gp_reader_options options; /* its strings are the reader's own */
  char *field;
  char *role;
  reader_state state;
  bool can_go_on;
  gp_source *source;
  gp_parser *parser; /* of the last record; without documents before the first */
  bool started;
  char name[GP_DISPLAY_NAME_SIZE];
};

static gp_status check_arguments(const char *path, const gp_reader_options *options,
                                 gp_reader **reader, gp_error *error) {
  if (path == NULL || options == NULL || reader == NULL) {
    return gp_fail_null(error, "gp_reader_open",
                        path == NULL      ? "path"
                        : options == NULL ? "options"
                                          : "reader");
  }
  gp_error reason;
  const gp_status status = gp_reader_options_check(options, &reason);
  return status == GP_OK ? GP_OK : gp_fail(error, status, "gp_reader_open: %s", reason.message);
}

static gp_status copy_options(gp_reader *reader, const gp_reader_options *options,
                              gp_error *reason) {
  reader->options = *options;
  if (options->field != NULL) {
    reader->field = strdup(options->field);
    reader->options.field = reader->field;
  }
  if (options->role != NULL) {
    reader->role = strdup(options->role);
    reader->options.role = reader->role;
  }
  if ((options->field != NULL && reader->field == NULL) ||
      (options->role != NULL && reader->role == NULL)) {
    return gp_fail_memory(reason, "a field name");
  }
  return GP_OK;
}

gp_status gp_reader_open(const char *path, const gp_reader_options *options, gp_reader **reader,
                         gp_error *error) {
  gp_status status = check_arguments(path, options, reader, error);
  if (status != GP_OK) {
    return status;
  }
  gp_reader *opened = calloc(1, sizeof *opened);
  if (opened == NULL) {
    return gp_fail_memory(error, "a reader");
  }
  gp_display_input(opened->name, path);
  gp_error reason;
  status = copy_options(opened, options, &reason);
  if (status == GP_OK) {
    status = gp_parser_new(&opened->parser, &reason);
  }
  if (status == GP_OK) {
    status = gp_source_open(path, &opened->options, &opened->source, &reason);
  }
  if (status != GP_OK) {
    gp_error_set(error, status, "%s: %s", opened->name, reason.message);
    gp_reader_free(opened);
    return status;
  }
  *reader = opened;
  return GP_OK;
}

void gp_reader_free(gp_reader *reader) {
  if (reader == NULL) {
    return;
  }
  gp_source_free(reader->source);
  gp_parser_free(reader->parser);
  free(reader->field);
  free(reader->role);
  free(reader);
}

/* An error of the source ends the reading unless the source can go on; one of the parser
 * concerns its record alone. */
static gp_status read_document(gp_reader *reader, gp_document *document, bool *more,
                               gp_error *reason) {
  for (;;) {
    gp_status status = GP_OK;
    if (reader->started) {
      status = gp_parser_next(reader->parser, document, more, reason);
      if (status != GP_OK || *more) {
        return status;
      }
      reader->started = false;
    }
    gp_record record;
    status = gp_source_next(reader->source, &record, more, reason);
    if (status != GP_OK) {
      reader->can_go_on = gp_source_can_go_on(reader->source);
      return status;
    }
    if (!*more) {
      return GP_OK;
    }
    status = gp_parser_start(reader->parser, &reader->options, &record, reason);
    if (status != GP_OK) {
      reader->can_go_on = status == GP_ERR_FORMAT;
      return status;
    }
    reader->started = true;
  }
}

gp_status gp_reader_next(gp_reader *reader, gp_document *document, bool *more, gp_error *error) {
  if (reader == NULL || document == NULL || more == NULL) {
    return gp_fail_null(error, "gp_reader_next",
                        reader == NULL     ? "reader"
                        : document == NULL ? "document"
                                           : "more");
  }
  if (reader->state != READER_OPEN) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_reader_next: %s: nothing is left to read",
                   reader->name);
  }
  gp_error reason;
  gp_document next = {0};
  bool is_there = false;
  reader->can_go_on = false;
  const gp_status status = read_document(reader, &next, &is_there, &reason);
  if (status != GP_OK) {
    reader->state = reader->can_go_on ? READER_OPEN : READER_FAILED;
    return gp_source_fail(error, status, reader->name, reader->options.format,
                          gp_source_line(reader->source), &reason);
  }
  if (!is_there) {
    reader->state = READER_ENDED;
  }
  *document = next;
  *more = is_there;
  return GP_OK;
}

bool gp_reader_can_go_on(const gp_reader *reader) {
  return reader != NULL && reader->can_go_on;
}

uint64_t gp_reader_position(const gp_reader *reader) {
  return gp_source_position(reader->source);
}

gp_status gp_reader_facts(const gp_reader *reader, gp_input_facts *facts, gp_error *error) {
  if (reader == NULL || facts == NULL) {
    return gp_fail_null(error, "gp_reader_facts", reader == NULL ? "reader" : "facts");
  }
  if (reader->state != READER_ENDED) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_reader_facts: %s: the end has not been reached",
                   reader->name);
  }
  *facts = gp_source_facts(reader->source);
  return GP_OK;
}

#include "io/source.h"

#include "common/error.h"
#include "io/arrays.h"
#include "io/field.h"
#include "io/lines.h"
#include "io/text_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A token of a token line takes 2 bytes or more and becomes 4; one of a JSON line takes as
 * much and becomes about 40 while jansson holds the line. */
#define TOKEN_LINE_MAX ((size_t)1 << 26)
#define JSON_LINE_MAX  ((size_t)1 << 24)

#define TEXT_LOOKED_AT ((size_t)8192)

struct gp_source {
  gp_input_format format;
  bool begun;
  bool can_go_on;
  uint64_t line;
  gp_window window;
  gp_lines lines;
  gp_arrays arrays;
};

const char *gp_input_format_name(gp_input_format format) {
  switch (format) {
  case GP_INPUT_TOKENS:
    return "tokens";
  case GP_INPUT_JSONL:
    return "jsonl";
  case GP_INPUT_TEXT:
    return "text";
  case GP_INPUT_NPY:
    return "npy";
  case GP_INPUT_U16:
    return "u16";
  case GP_INPUT_U32:
    return "u32";
  }
  return "?";
}

gp_status gp_reader_options_check(const gp_reader_options *options, gp_error *reason) {
  if (gp_input_format_name(options->format)[0] == '?') {
    return gp_fail(reason, GP_ERR_ARGUMENT, "%d is no gp_input_format", (int)options->format);
  }
  if ((options->normalize & ~(unsigned)GP_NORMALIZE_ALL) != 0) {
    return gp_fail(reason, GP_ERR_ARGUMENT, "normalize has bits that are no GP_NORMALIZE flag");
  }
  if (options->format != GP_INPUT_JSONL) {
    if (options->field != NULL || options->role != NULL) {
      return gp_fail(reason, GP_ERR_ARGUMENT,
                     "field and role are for JSON Lines; the format is %s",
                     gp_input_format_name(options->format));
    }
    return GP_OK;
  }
  if (options->field == NULL) {
    return gp_fail(reason, GP_ERR_ARGUMENT, "field must not be NULL");
  }
  return gp_field_check(options->field, reason);
}

static bool has_lines(gp_input_format format) {
  return format == GP_INPUT_TOKENS || format == GP_INPUT_JSONL;
}

gp_status gp_source_open(const char *path, const gp_reader_options *options, gp_source **source,
                         gp_error *reason) {
  gp_source *opened = calloc(1, sizeof *opened);
  if (opened == NULL) {
    return gp_fail_memory(reason, "an input");
  }
  opened->format = options->format;
  opened->lines.limit = options->format == GP_INPUT_TOKENS ? TOKEN_LINE_MAX : JSON_LINE_MAX;
  gp_input *input = NULL;
  gp_status status = gp_input_open(path, &input, reason);
  if (status == GP_OK) {
    status = gp_window_open(&opened->window, input, reason);
    if (status != GP_OK) {
      gp_input_free(input);
    }
  }
  if (status != GP_OK) {
    free(opened);
    return status;
  }
  *source = opened;
  return GP_OK;
}

void gp_source_free(gp_source *source) {
  if (source == NULL) {
    return;
  }
  gp_window_close(&source->window);
  free(source);
}

static bool starts_with(const gp_window *window, const char *prefix) {
  const size_t length = strlen(prefix);
  return gp_window_length(window) >= length &&
         memcmp(gp_window_start(window), prefix, length) == 0;
}

/* The byte order marks of UTF-8 and of UTF-16, which editors add unasked. Before plain text
 * that of UTF-8 is a signature of the file and no part of the text. */
static gp_status check_byte_order_mark(gp_source *source, gp_error *reason) {
  gp_window *window = &source->window;
  const bool utf8 = starts_with(window, "\xEF\xBB\xBF");
  const bool utf16 = starts_with(window, "\xFF\xFE") || starts_with(window, "\xFE\xFF");
  if (has_lines(source->format) && (utf8 || utf16)) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the file starts with a byte order mark: save it as UTF-8 without one");
  }
  if (source->format == GP_INPUT_TEXT && utf16) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the file starts with the byte order mark of UTF-16: convert it to UTF-8");
  }
  if (source->format == GP_INPUT_TEXT && utf8) {
    gp_window_skip(window, 3);
    return gp_window_fill(window, 1, reason);
  }
  return GP_OK;
}

/* An archive, an image or UTF-16 named by mistake would be tokenized as if it were text, and a
 * verdict about it taken for one about what is in it. */
static gp_status check_text(gp_source *source, gp_error *reason) {
  const gp_status status = gp_window_fill(&source->window, TEXT_LOOKED_AT, reason);
  const size_t there = gp_window_length(&source->window);
  if (status == GP_OK && memchr(gp_window_start(&source->window), '\0',
                                there < TEXT_LOOKED_AT ? there : TEXT_LOOKED_AT) != NULL) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "is not text: it has NUL bytes near its start; UTF-16 has to be converted to "
                   "UTF-8, an archive to be unpacked");
  }
  return status;
}

/* What is done once, before the first record. */
static gp_status begin(gp_source *source, gp_error *reason) {
  gp_status status = gp_window_fill(&source->window, 3, reason);
  if (status == GP_OK) {
    status = check_byte_order_mark(source, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  if (gp_window_length(&source->window) == 0) {
    source->line = 0;
    return gp_fail(reason, GP_ERR_FORMAT, "the file is empty: it holds no document");
  }
  if (source->format == GP_INPUT_TEXT) {
    return check_text(source, reason);
  }
  if (source->format == GP_INPUT_NPY) {
    return gp_arrays_open_npy(&source->arrays, &source->window, reason);
  }
  gp_arrays_open_raw(&source->arrays, source->format == GP_INPUT_U16 ? 2 : 4);
  return GP_OK;
}

static gp_status cut(gp_source *source, gp_record *record, gp_error *reason) {
  switch (source->format) {
  case GP_INPUT_TOKENS:
  case GP_INPUT_JSONL: {
    const gp_status status =
        gp_lines_next(&source->lines, &source->window, &record->bytes, &record->length, reason);
    source->can_go_on = source->lines.too_long;
    return status;
  }
  case GP_INPUT_TEXT:
    return gp_text_parts_next(&source->window, &record->bytes, &record->length, reason);
  default:
    return gp_arrays_next(&source->arrays, &source->window, record, reason);
  }
}

gp_status gp_source_next(gp_source *source, gp_record *record, bool *more, gp_error *reason) {
  gp_record next = {0};
  source->can_go_on = false;
  source->line++;
  if (!source->begun) {
    const gp_status status = begin(source, reason);
    if (status != GP_OK) {
      return status;
    }
    source->begun = true;
  }
  const gp_status status = cut(source, &next, reason);
  if (status != GP_OK) {
    return status;
  }
  *more = next.bytes != NULL;
  next.line = source->line;
  *record = next;
  return GP_OK;
}

bool gp_source_can_go_on(const gp_source *source) {
  return source->can_go_on;
}

uint64_t gp_source_line(const gp_source *source) {
  return source->line;
}

uint64_t gp_source_position(const gp_source *source) {
  return gp_input_get_facts(source->window.input).bytes;
}

gp_input_facts gp_source_facts(const gp_source *source) {
  return gp_input_get_facts(source->window.input);
}

gp_status gp_source_fail(gp_error *error, gp_status status, const char *name,
                         gp_input_format format, uint64_t line, const gp_error *reason) {
  if (has_lines(format) && line > 0) {
    gp_error_set(error, status, "%s:%" PRIu64 ": %s", name, line, reason->message);
  } else {
    gp_error_set(error, status, "%s: %s", name, reason->message);
  }
  return status;
}

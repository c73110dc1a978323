/* A parser for the one dict literal that NumPy writes (numpy.lib.format), of the Python
 * grammar no more than that: three known keys, a string, a truth value and a tuple. */
#include "io/npy_header.h"

#include "common/error.h"
#include "common/quote.h"

#include <inttypes.h>
#include <string.h>

typedef struct cursor {
  const char *at;
  const char *end;
} cursor;

static void skip_blanks(cursor *text) {
  while (text->at < text->end &&
         (*text->at == ' ' || *text->at == '\t' || *text->at == '\n' || *text->at == '\r')) {
    text->at++;
  }
}

/* Takes `c`, and blanks before it, if it comes next. */
static bool take(cursor *text, char c) {
  skip_blanks(text);
  if (text->at == text->end || *text->at != c) {
    return false;
  }
  text->at++;
  return true;
}

static bool take_word(cursor *text, const char *word) {
  const size_t length = strlen(word);
  skip_blanks(text);
  if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0) {
    return false;
  }
  text->at += length;
  return true;
}

static gp_status fail_literal(const cursor *text, gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT, "the npy header is not as NumPy writes it, at %s",
                 gp_quote(quoted, text->at, (size_t)(text->end - text->at)));
}

/* A string without escapes, in either kind of quotation marks. */
static gp_status parse_string(cursor *text, const char **string, size_t *length,
                              gp_error *reason) {
  skip_blanks(text);
  const cursor before = *text;
  const char mark = text->at < text->end ? *text->at : '\0';
  if (mark != '\'' && mark != '"') {
    return fail_literal(&before, reason);
  }
  const char *start = text->at + 1;
  const char *close = memchr(start, mark, (size_t)(text->end - start));
  if (close == NULL || memchr(start, '\\', (size_t)(close - start)) != NULL) {
    return fail_literal(&before, reason);
  }
  *string = start;
  *length = (size_t)(close - start);
  text->at = close + 1;
  return GP_OK;
}

static gp_status fail_type(const char *descr, size_t length, gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT,
                 "the array's type is %s: integers of 1, 2, 4 or 8 bytes expected",
                 gp_quote(quoted, descr, length));
}

/* "<u4": byte order, signedness, size. */
static gp_status parse_descr(cursor *text, gp_npy_header *header, gp_error *reason) {
  skip_blanks(text);
  if (text->at < text->end && *text->at == '[') {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the array holds records of several fields: integers expected");
  }
  const char *descr = NULL;
  size_t length = 0;
  const gp_status status = parse_string(text, &descr, &length, reason);
  if (status != GP_OK) {
    return status;
  }
  if (length != 3 || (descr[1] != 'u' && descr[1] != 'i') || descr[2] == '\0' ||
      strchr("1248", descr[2]) == NULL ||
      (descr[0] != '<' && descr[0] != '>' && (descr[0] != '|' || descr[2] != '1'))) {
    return fail_type(descr, length, reason);
  }
  header->element = (gp_element){.size = (uint8_t)(descr[2] - '0'),
                                 .is_signed = descr[1] == 'i',
                                 .big_endian = descr[0] == '>'};
  return GP_OK;
}

static gp_status parse_order(cursor *text, gp_npy_header *header, gp_error *reason) {
  header->fortran_order = take_word(text, "True");
  return header->fortran_order || take_word(text, "False") ? GP_OK : fail_literal(text, reason);
}

static gp_status parse_number(cursor *text, uint64_t *number, gp_error *reason) {
  skip_blanks(text);
  const cursor before = *text;
  uint64_t value = 0;
  while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
    if (value > (uint64_t)INT64_MAX / 10 - 1) {
      return gp_fail(reason, GP_ERR_FORMAT, "the array's shape is too large to be true");
    }
    value = 10 * value + (uint64_t)(*text->at - '0');
    text->at++;
  }
  *number = value;
  return text->at > before.at ? GP_OK : fail_literal(&before, reason);
}

/* "()", "(3,)", "(3, 4)", "(3, 4, 5)": a comma is needed only behind a lone number. */
static gp_status parse_shape(cursor *text, gp_npy_header *header, gp_error *reason) {
  size_t dimensions = 0;
  bool comma = true;
  header->shape[1] = 1;
  if (!take(text, '(')) {
    return fail_literal(text, reason);
  }
  while (!take(text, ')')) {
    uint64_t number = 0;
    const gp_status status = comma ? parse_number(text, &number, reason) //
                                   : fail_literal(text, reason);
    if (status != GP_OK) {
      return status;
    }
    if (dimensions < 2) {
      header->shape[dimensions] = number;
    }
    dimensions++;
    comma = take(text, ',');
  }
  if (dimensions == 1 && !comma) {
    return fail_literal(text, reason);
  }
  if (dimensions < 1 || dimensions > 2) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the array has %zu dimensions: one, or two for a document a row, expected",
                   dimensions);
  }
  header->dimensions = dimensions;
  return GP_OK;
}

typedef gp_status value_parser(cursor *text, gp_npy_header *header, gp_error *reason);

/* One of the three entries; `seen` has a bit for each. */
static gp_status parse_entry(cursor *text, gp_npy_header *header, unsigned *seen,
                             gp_error *reason) {
  static const struct {
    const char *key;
    value_parser *parse;
  } entries[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
  skip_blanks(text);
  const cursor before = *text;
  const char *key = NULL;
  size_t length = 0;
  const gp_status status = parse_string(text, &key, &length, reason);
  if (status != GP_OK) {
    return status;
  }
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    if (strlen(entries[i].key) == length && memcmp(entries[i].key, key, length) == 0 &&
        (*seen & 1U << i) == 0) {
      *seen |= 1U << i;
      return take(text, ':') ? entries[i].parse(text, header, reason)
                             : fail_literal(text, reason);
    }
  }
  return fail_literal(&before, reason);
}

static gp_status parse_literal(cursor *text, gp_npy_header *header, gp_error *reason) {
  unsigned seen = 0;
  bool comma = true;
  if (!take(text, '{')) {
    return fail_literal(text, reason);
  }
  while (!take(text, '}')) {
    const gp_status status = comma ? parse_entry(text, header, &seen, reason) //
                                   : fail_literal(text, reason);
    if (status != GP_OK) {
      return status;
    }
    comma = take(text, ',');
  }
  skip_blanks(text);
  if (text->at < text->end) {
    return fail_literal(text, reason);
  }
  if (seen != 7) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the npy header lacks one of 'descr', 'fortran_order' and 'shape'");
  }
  return GP_OK;
}

gp_status gp_npy_header_parse(const char *text, size_t length, gp_npy_header *header,
                              gp_error *reason) {
  cursor at = {.at = text, .end = text + length};
  const gp_status status = parse_literal(&at, header, reason);
  if (status != GP_OK) {
    return status;
  }
  if (header->shape[0] == 0 || header->shape[1] == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the array is empty: it holds no document");
  }
  /* With one row or one column both orders are the same. */
  if (header->fortran_order && header->shape[0] > 1 && header->shape[1] > 1) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the array is stored by columns: save numpy.ascontiguousarray() of it");
  }
  return GP_OK;
}

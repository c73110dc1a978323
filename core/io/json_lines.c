/* One JSON object, of which one field is an array of token ids. */
#include "io/json_lines.h"

#include "common/error.h"
#include "common/quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* How much of a line is shown before the place of an error. */
#define EXCERPT_BEFORE 12U

/* What was wrong, for somebody who looks at one line of a file: jansson speaks of the end
 * of the file, and quotes the line's bytes as they are after " near ". */
static int syntax_problem(const json_error_t *json_error, const char **text) {
  switch (json_error_code(json_error)) {
  case json_error_premature_end_of_input:
    *text = "the line ends before the object does";
    break;
  case json_error_end_of_input_expected:
    *text = "something follows the object";
    break;
  case json_error_duplicate_key:
    *text = "a key occurs twice";
    break;
  case json_error_numeric_overflow:
    *text = "a number does not fit in 64 bits";
    break;
  case json_error_stack_overflow:
    *text = "nested too deeply";
    break;
  case json_error_null_byte_in_key:
    *text = "a key holds a NUL character";
    break;
  case json_error_invalid_utf8:
    *text = "not UTF-8";
    break;
  default: {
    *text = json_error->text;
    const char *near = strstr(json_error->text, " near ");
    return (int)(near != NULL ? (size_t)(near - json_error->text) : strlen(json_error->text));
  }
  }
  return (int)strlen(*text);
}

static gp_status fail_syntax(const char *line, size_t length, const json_error_t *json_error,
                             gp_error *reason) {
  /* jansson says nothing at all when its own buffers cannot be had. */
  if (json_error->text[0] == '\0' || json_error_code(json_error) == json_error_out_of_memory) {
    return gp_fail_memory(reason, "the JSON object is too large");
  }
  /* `position` is the number of bytes that were read when the problem showed. */
  size_t position = json_error->position > 0 ? (size_t)json_error->position : 0;
  if (position > length) {
    position = length;
  }
  const size_t start = position > EXCERPT_BEFORE ? position - EXCERPT_BEFORE : 0;
  const char *text = NULL;
  const int text_length = syntax_problem(json_error, &text);
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT, "not JSON at byte %zu: %.*s: %s", position, text_length,
                 text, gp_quote(quoted, line + start, length - start));
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static const char *type_name(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return "an object";
  case JSON_ARRAY:
    return "an array";
  case JSON_STRING:
    return "a string";
  case JSON_INTEGER:
    return "a number";
  case JSON_REAL:
    return "a number with a fraction or exponent";
  case JSON_NULL:
    return "null";
  default:
    return "true or false";
  }
}

static gp_status fail_id(size_t index, const char *field, const json_t *value, gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  char number[24];
  const char *found = type_name(value);
  if (json_is_integer(value)) {
    (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    found = number;
  }
  return gp_fail(reason, GP_ERR_FORMAT,
                 "entry %zu of %s is %s: token ids are integers from 0 to 4294967295", index + 1,
                 gp_quote(quoted, field, strlen(field)), found);
}

static gp_status collect_ids(const json_t *object, const char *field, gp_tokens *tokens,
                             gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  const json_t *array = json_object_get(object, field);
  if (array == NULL) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the object has no field %s: choose the field that holds the token ids",
                   gp_quote(quoted, field, strlen(field)));
  }
  if (!json_is_array(array)) {
    return gp_fail(reason, GP_ERR_FORMAT, "field %s is %s: an array of token ids expected",
                   gp_quote(quoted, field, strlen(field)), type_name(array));
  }
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *value = json_array_get(array, i);
    const json_int_t id = json_integer_value(value); /* 0 when it is none */
    if (!json_is_integer(value) || id < 0 || id > (json_int_t)UINT32_MAX) {
      return fail_id(i, field, value, reason);
    }
    const gp_status status = gp_tokens_push(tokens, (uint32_t)id, reason);
    if (status != GP_OK) {
      return status;
    }
  }
  return GP_OK;
}

gp_status gp_json_line_parse(const char *line, size_t length, const char *field,
                             gp_tokens *tokens, gp_error *reason) {
  tokens->count = 0;
  size_t start = 0;
  while (start < length && is_blank(line[start])) {
    start++;
  }
  if (start == length) {
    return gp_fail(reason, GP_ERR_FORMAT, "the line is empty: each line holds one JSON object");
  }
  if (line[start] != '{') {
    char quoted[GP_QUOTE_SIZE];
    return gp_fail(reason, GP_ERR_FORMAT, "not a JSON object: %s",
                   gp_quote(quoted, line + start, length - start));
  }
  /* NUL characters are allowed in strings: other fields are none of our business. */
  json_error_t json_error;
  json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &json_error);
  if (object == NULL) {
    return fail_syntax(line, length, &json_error, reason);
  }
  const gp_status status = collect_ids(object, field, tokens, reason);
  json_decref(object);
  return status;
}

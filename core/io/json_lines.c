/* One JSON object, of which one field is an array of token ids, a text or a chat. */
#include "io/json_lines.h"

#include "common/error.h"
#include "common/quote.h"
#include "io/field.h"
#include "io/json_scan.h"

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

static gp_status collect_ids(const json_t *array, const char *field, gp_tokens *tokens,
                             gp_error *reason) {
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

static gp_status fail_message(size_t index, gp_error *reason, const char *what) {
  return gp_fail(reason, GP_ERR_FORMAT, "message %zu %s", index + 1, what);
}

/* Whether a string is `text`; U+0000 does not end it. */
static bool is_string(const json_t *value, const char *text) {
  return json_string_length(value) == strlen(text) &&
         memcmp(json_string_value(value), text, strlen(text)) == 0;
}

/* The text of one part of a message's content; parts of other kinds have none. */
static gp_status join_part(const json_t *part, size_t index, bool *found, gp_text *joined,
                           gp_error *reason) {
  const json_t *type = json_object_get(part, "type");
  if (!json_is_string(type)) {
    return fail_message(index, reason,
                        "has a part of content that is no object with a string \"type\"");
  }
  if (!is_string(type, "text")) {
    return GP_OK;
  }
  const json_t *text = json_object_get(part, "text");
  if (!json_is_string(text)) {
    return fail_message(index, reason, "has a part of type \"text\" without a string \"text\"");
  }
  *found = true;
  return gp_text_append(joined, json_string_value(text), json_string_length(text), reason);
}

static gp_status add_parts(const json_t *parts, size_t index, unsigned normalize,
                           gp_documents *documents, gp_error *reason) {
  bool found = false;
  documents->joined.count = 0;
  for (size_t i = 0; i < json_array_size(parts); i++) {
    const gp_status status =
        join_part(json_array_get(parts, i), index, &found, &documents->joined, reason);
    if (status != GP_OK) {
      return status;
    }
  }
  return found ? gp_documents_add_text(documents, documents->joined.data, documents->joined.count,
                                       normalize, reason)
               : GP_OK;
}

/* What a message says. Null stands beside a call of a tool, which is no text; a message that
 * calls one may lack its content altogether. */
static gp_status add_content(const json_t *message, size_t index, unsigned normalize,
                             gp_documents *documents, gp_error *reason) {
  const json_t *content = json_object_get(message, "content");
  if (content == NULL) {
    return json_object_get(message, "tool_calls") != NULL
               ? GP_OK
               : fail_message(index, reason, "has neither \"content\" nor \"tool_calls\"");
  }
  if (json_is_null(content)) {
    return GP_OK;
  }
  if (json_is_string(content)) {
    return gp_documents_add_text(documents, json_string_value(content),
                                 json_string_length(content), normalize, reason);
  }
  if (json_is_array(content)) {
    return add_parts(content, index, normalize, documents, reason);
  }
  return gp_fail(reason, GP_ERR_FORMAT,
                 "\"content\" of message %zu is %s: a string, an array of parts or null expected",
                 index + 1, type_name(content));
}

static gp_status collect_messages(const json_t *messages, const gp_reader_options *options,
                                  gp_documents *documents, gp_error *reason) {
  documents->is_text = true;
  for (size_t i = 0; i < json_array_size(messages); i++) {
    const json_t *message = json_array_get(messages, i);
    const json_t *role = json_object_get(message, "role");
    if (!json_is_string(role)) {
      return fail_message(i, reason, "is no object with a string \"role\"");
    }
    if (is_string(role, options->role)) {
      const gp_status status = add_content(message, i, options->normalize, documents, reason);
      if (status != GP_OK) {
        return status;
      }
    }
  }
  return GP_OK;
}

static gp_status collect(const json_t *object, const gp_reader_options *options,
                         gp_documents *documents, gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  const char *field = gp_quote(quoted, options->field, strlen(options->field));
  const json_t *value = gp_field_find(object, options->field);
  if (value == NULL) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the object has no field %s: choose the field that holds the %s", field,
                   options->role != NULL ? "messages" : "token ids or the text");
  }
  if (json_is_array(value)) {
    return options->role != NULL ? collect_messages(value, options, documents, reason)
                                 : collect_ids(value, options->field, &documents->tokens, reason);
  }
  if (json_is_string(value) && options->role == NULL) {
    return gp_documents_add_text(documents, json_string_value(value), json_string_length(value),
                                 options->normalize, reason);
  }
  return gp_fail(reason, GP_ERR_FORMAT, "field %s is %s: %s expected", field, type_name(value),
                 options->role != NULL ? "an array of messages"
                                       : "an array of token ids or a text");
}

gp_status gp_json_line_load(const char *line, size_t length, const gp_reader_options *options,
                            gp_documents *documents, gp_error *reason) {
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
  const gp_status status = collect(object, options, documents, reason);
  json_decref(object);
  return status;
}

gp_status gp_json_line_parse(const char *line, size_t length, const gp_reader_options *options,
                             gp_documents *documents, gp_error *reason) {
  bool done = false;
  const gp_status status = gp_json_scan(line, length, options, documents, &done, reason);
  if (status != GP_OK || done) {
    return status;
  }
  gp_documents_clear(documents);
  return gp_json_line_load(line, length, options, documents, reason);
}

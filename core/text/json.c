#include "text/json.h"

#include "common/error.h"
#include "common/quote.h"

#include <stdio.h>
#include <string.h>

gp_status gp_json_parse(const char *bytes, size_t size, json_t **root, gp_error *reason) {
  json_error_t problem;
  *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
  if (*root != NULL) {
    return GP_OK;
  }
  if (problem.text[0] == '\0' || json_error_code(&problem) == json_error_out_of_memory) {
    return gp_fail_memory(reason, "the JSON file is too large");
  }
  char quoted[GP_QUOTE_SIZE];
  const size_t at =
      problem.position > 0 && (size_t)problem.position < size ? (size_t)problem.position : size;
  const char *near = strstr(problem.text, " near ");
  const size_t length = near != NULL ? (size_t)(near - problem.text) : strlen(problem.text);
  return gp_fail(reason, GP_ERR_FORMAT, "not JSON at byte %zu: %.*s, before %s", at, (int)length,
                 problem.text, gp_quote(quoted, bytes + at, size - at));
}

/* Appends to a path, cutting what does not fit. Names are printable here or quoted. */
static gp_json child(const gp_json *parent, json_t *value, const char *name) {
  gp_json made = {.value = value};
  const char *dot = parent->path[0] == '\0' || name[0] == '[' ? "" : ".";
  (void)snprintf(made.path, sizeof made.path, "%.60s%s%.60s", parent->path, dot, name);
  return made;
}

gp_json gp_json_field(const gp_json *object, const char *name) {
  return child(object, json_object_get(object->value, name), name);
}

gp_json gp_json_item(const gp_json *array, size_t index) {
  char name[32];
  (void)snprintf(name, sizeof name, "[%zu]", index);
  return child(array, json_array_get(array->value, index), name);
}

bool gp_json_is_nothing(const gp_json *at) {
  return at->value == NULL || json_is_null(at->value);
}

gp_status gp_json_fail(const gp_json *at, gp_error *reason, const char *what) {
  return gp_fail(reason, GP_ERR_FORMAT, "%s: %s", at->path[0] == '\0' ? "top level" : at->path,
                 what);
}

static bool says_nothing(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_NULL:
  case JSON_FALSE:
    return true;
  case JSON_STRING:
    return json_string_length(value) == 0;
  case JSON_INTEGER:
    return json_integer_value(value) == 0;
  case JSON_REAL:
    return json_real_value(value) == 0.0;
  case JSON_ARRAY:
    return json_array_size(value) == 0;
  case JSON_OBJECT:
    return json_object_size(value) == 0;
  default:
    return false;
  }
}

static bool is_listed(const char *name, const char *const *names) {
  while (*names != NULL && strcmp(*names, name) != 0) {
    names++;
  }
  return *names != NULL;
}

gp_status gp_json_only(const gp_json *object, const char *const *names, gp_error *reason) {
  void *at = json_object_iter(object->value);
  while (at != NULL) {
    const char *name = json_object_iter_key(at);
    if (!is_listed(name, names) && !says_nothing(json_object_iter_value(at))) {
      char quoted[GP_QUOTE_SIZE];
      const gp_json unknown =
          child(object, json_object_iter_value(at), gp_quote(quoted, name, strlen(name)));
      return gp_json_fail(&unknown, reason, "this option is not known");
    }
    at = json_object_iter_next(object->value, at);
  }
  return GP_OK;
}

gp_status gp_json_unsupported(const gp_json *object, const char *name, gp_error *reason) {
  const gp_json at = gp_json_field(object, name);
  return at.value == NULL || says_nothing(at.value)
             ? GP_OK
             : gp_json_fail(&at, reason, "this option is not supported");
}

gp_status gp_json_bool(const gp_json *object, const char *name, bool missing, bool *value,
                       gp_error *reason) {
  const gp_json at = gp_json_field(object, name);
  if (gp_json_is_nothing(&at)) {
    *value = missing;
    return GP_OK;
  }
  if (!json_is_boolean(at.value)) {
    return gp_json_fail(&at, reason, "true or false expected");
  }
  *value = json_is_true(at.value);
  return GP_OK;
}

gp_status gp_json_string(const gp_json *object, const char *name, const char **value,
                         size_t *length, gp_error *reason) {
  const gp_json at = gp_json_field(object, name);
  if (!json_is_string(at.value)) {
    return gp_json_fail(&at, reason, at.value == NULL ? "missing" : "a string expected");
  }
  *value = json_string_value(at.value);
  *length = json_string_length(at.value);
  return GP_OK;
}

gp_status gp_json_array(const gp_json *object, const char *name, gp_json *value,
                        gp_error *reason) {
  *value = gp_json_field(object, name);
  return json_is_array(value->value)
             ? GP_OK
             : gp_json_fail(value, reason,
                            value->value == NULL ? "missing" : "an array expected");
}

gp_status gp_json_type(const gp_json *object, const char **type, gp_error *reason) {
  size_t length = 0;
  if (!json_is_object(object->value)) {
    return gp_json_fail(object, reason, "an object expected");
  }
  return gp_json_string(object, "type", type, &length, reason);
}

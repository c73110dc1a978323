#include "io/field.h"

#include "common/error.h"

#include <string.h>

gp_status gp_field_check(const char *field, gp_error *reason) {
  if (strlen(field) >= GP_FIELD_MAX) {
    return gp_fail(reason, GP_ERR_ARGUMENT, "the field is longer than %u bytes",
                   GP_FIELD_MAX - 1);
  }
  for (const char *at = strchr(field, '\\'); at != NULL; at = strchr(at + 2, '\\')) {
    if (at[1] != '.' && at[1] != '\\') {
      return gp_fail(reason, GP_ERR_ARGUMENT,
                     "the field has a \\ that precedes neither a dot nor another \\");
    }
  }
  return GP_OK;
}

/* Copies the step at `field` without its escapes; returns what follows its dot, or NULL. */
static const char *next_step(const char *field, char step[GP_FIELD_MAX]) {
  size_t length = 0;
  while (*field != '\0' && *field != '.') {
    field += *field == '\\';
    step[length++] = *field++;
  }
  step[length] = '\0';
  return *field == '.' ? field + 1 : NULL;
}

/* An entry of an array by its index from 0: decimal digits without leading zeros. */
static const json_t *find_entry(const json_t *array, const char *step) {
  size_t index = 0;
  if (step[0] == '\0' || (step[0] == '0' && step[1] != '\0')) {
    return NULL;
  }
  for (; *step != '\0'; step++) {
    if (*step < '0' || *step > '9' || index > json_array_size(array)) {
      return NULL;
    }
    index = 10 * index + (size_t)(*step - '0');
  }
  return json_array_get(array, index);
}

const json_t *gp_field_find(const json_t *object, const char *field) {
  char step[GP_FIELD_MAX];
  const json_t *value = object;
  while (field != NULL && value != NULL) {
    field = next_step(field, step);
    value = json_is_array(value) ? find_entry(value, step) : json_object_get(value, step);
  }
  return value;
}

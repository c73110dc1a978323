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

const char *gp_field_step(const char *field, char step[GP_FIELD_MAX]) {
  size_t length = 0;
  while (*field != '\0' && *field != '.') {
    field += *field == '\\';
    step[length++] = *field++;
  }
  step[length] = '\0';
  return *field == '.' ? field + 1 : NULL;
}

bool gp_field_index(const char *step, size_t *index) {
  size_t value = 0;
  if (step[0] == '\0' || (step[0] == '0' && step[1] != '\0')) {
    return false;
  }
  for (; *step != '\0'; step++) {
    if (*step < '0' || *step > '9' || value > SIZE_MAX / 10 - 1) {
      return false;
    }
    value = 10 * value + (size_t)(*step - '0');
  }
  *index = value;
  return true;
}

const json_t *gp_field_find(const json_t *object, const char *field) {
  char step[GP_FIELD_MAX];
  size_t index = 0;
  const json_t *value = object;
  while (field != NULL && value != NULL) {
    field = gp_field_step(field, step);
    if (!json_is_array(value)) {
      value = json_object_get(value, step);
    } else {
      value = gp_field_index(step, &index) ? json_array_get(value, index) : NULL;
    }
  }
  return value;
}

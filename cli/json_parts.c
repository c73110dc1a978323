#include "json_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

json_t *json_name(const char *name) {
  json_t *string = json_string(name);
  if (string != NULL) {
    return string;
  }
  char *escaped = malloc(4 * strlen(name) + 1);
  if (escaped == NULL) {
    return NULL;
  }
  char *end = escaped;
  for (; *name != '\0'; name++) {
    end += sprintf(end, (unsigned char)*name < 0x80 ? "%c" : "\\x%02x", (unsigned char)*name);
  }
  string = json_string(escaped);
  free(escaped);
  return string;
}

bool json_append(json_t *array, json_t *item) {
  return json_array_append_new(array, item) == 0;
}

void json_hex(char *out, size_t size, const uint8_t *bytes, size_t n_bytes) {
  (void)sodium_bin2hex(out, size, bytes, n_bytes);
}

json_t *json_tenant(const gp_verifier_options *tenant) {
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRIu64, tenant->tenant);
  return tenant->has_tenant ? json_string(text) : json_null();
}

bool json_extend(json_t *object, json_t *more) {
  const bool done = more != NULL && json_object_update(object, more) == 0;
  json_decref(more);
  return done;
}

json_t *json_figure(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

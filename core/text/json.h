/* A JSON document that is read with care: every value knows its path, for messages. */
#ifndef GP_TEXT_JSON_H
#define GP_TEXT_JSON_H

#include "greenprint.h"

#include <jansson.h>

#define GP_JSON_PATH_SIZE 128

typedef struct gp_json {
  json_t *value; /* NULL where the field is missing */
  char path[GP_JSON_PATH_SIZE];
} gp_json;

/* Parses a file's bytes. Errors are reasons without the file's name. */
gp_status gp_json_parse(const char *bytes, size_t size, json_t **root, gp_error *reason);

/* A field of an object, or an item of an array. */
gp_json gp_json_field(const gp_json *object, const char *name);
gp_json gp_json_item(const gp_json *array, size_t index);

/* Missing or null. */
bool gp_json_is_nothing(const gp_json *at);

/* "PATH: ..." as GP_ERR_FORMAT. */
gp_status gp_json_fail(const gp_json *at, gp_error *reason, const char *what);

/* GP_ERR_FORMAT for a field that is in none of `names` (which end with NULL) and says
 * something: one that is not null, false, 0 or empty. */
gp_status gp_json_only(const gp_json *object, const char *const *names, gp_error *reason);

/* GP_ERR_FORMAT for a field that says something. */
gp_status gp_json_unsupported(const gp_json *object, const char *name, gp_error *reason);

/* Reads a field of an object. A missing one is `missing`, or GP_ERR_FORMAT where there is no
 * such argument. */
gp_status gp_json_bool(const gp_json *object, const char *name, bool missing, bool *value,
                       gp_error *reason);
gp_status gp_json_string(const gp_json *object, const char *name, const char **value,
                         size_t *length, gp_error *reason);
gp_status gp_json_array(const gp_json *object, const char *name, gp_json *value,
                        gp_error *reason);

/* "type" of an object. */
gp_status gp_json_type(const gp_json *object, const char **type, gp_error *reason);

#endif

/* Where a value lies in a JSON object: names and array indices separated by dots. */
#ifndef GP_IO_FIELD_H
#define GP_IO_FIELD_H

#include "greenprint.h"

#include <jansson.h>

#define GP_FIELD_MAX 1024U /* bytes, with the final NUL */

/* GP_OK, or GP_ERR_ARGUMENT and the reason. */
gp_status gp_field_check(const char *field, gp_error *reason);

/* Copies the step at `field` without its escapes; returns what follows its dot, or NULL. */
const char *gp_field_step(const char *field, char step[GP_FIELD_MAX]);

/* Whether a step is the index of an entry of an array: decimal digits without leading zeros,
 * and not out of all reason. */
bool gp_field_index(const char *step, size_t *index);

/* The value at `field`, which is valid; NULL where there is none. Borrowed from `object`. */
const json_t *gp_field_find(const json_t *object, const char *field);

#endif

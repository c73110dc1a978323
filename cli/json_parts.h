/* Pieces of JSON that several reports are made of. */
#ifndef CLI_JSON_PARTS_H
#define CLI_JSON_PARTS_H

#include <jansson.h>

#include "greenprint.h"

/* A file name is any bytes, a JSON string is not: in a name that is not UTF-8 every byte
 * beyond ASCII is written as \xNN. NULL without memory. */
json_t *json_name(const char *name);

/* A number, or null for NaN and infinities, which JSON lacks. */
json_t *json_figure(double value);

/* A tenant id or null. It is a string, because it may exceed 2^53. */
json_t *json_tenant(const gp_verifier_options *tenant);

/* Appends, taking over `item`; false when either is NULL or memory is short. */
bool json_append(json_t *array, json_t *item);

/* Adds fields; takes over `more`, which may be NULL for want of memory. */
bool json_extend(json_t *object, json_t *more);

/* Bytes in hexadecimal; `size` is at least 2 * n_bytes + 1. */
void json_hex(char *out, size_t size, const uint8_t *bytes, size_t n_bytes);

#endif

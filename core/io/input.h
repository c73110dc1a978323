/* A file as a stream of bytes, decompressed where it is gzip. */
#ifndef GP_IO_INPUT_H
#define GP_IO_INPUT_H

#include "greenprint.h"

typedef struct gp_input gp_input;

/* Opens `path`; "-" is standard input, which is left open afterwards. Messages here are
 * reasons without a place, such as "is a directory": the caller knows the name. */
gp_status gp_input_open(const char *path, gp_input **input, gp_error *reason);
void gp_input_free(gp_input *input);

/* Reads up to `capacity` bytes; *count is 0 only at the end. What precedes damage is
 * delivered before the damage is reported. */
gp_status gp_input_read(gp_input *input, char *out, size_t capacity, size_t *count,
                        gp_error *reason);

/* Size, digest and compression of the file; valid once the end was reached. */
gp_input_facts gp_input_get_facts(const gp_input *input);

#endif

/* A line of JSON Lines (SPEC.md section 10). */
#ifndef GP_IO_JSON_LINES_H
#define GP_IO_JSON_LINES_H

#include "io/tokens.h"

/* Replaces the contents of `tokens` by the ids in `field` of the object on the line. */
gp_status gp_json_line_parse(const char *line, size_t length, const char *field,
                             gp_tokens *tokens, gp_error *reason);

#endif

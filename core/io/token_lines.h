/* A line of a token file (SPEC.md section 10). */
#ifndef GP_IO_TOKEN_LINES_H
#define GP_IO_TOKEN_LINES_H

#include "io/tokens.h"

/* Replaces the contents of `tokens` by the ids on the line. */
gp_status gp_token_line_parse(const char *line, size_t length, gp_tokens *tokens,
                              gp_error *reason);

#endif

/* A text cut into parts. */
#ifndef GP_IO_TEXT_PARTS_H
#define GP_IO_TEXT_PARTS_H

#include "io/window.h"

#define GP_TEXT_PART_MAX ((size_t)1 << 20) /* bytes */

/* How many of the first GP_TEXT_PART_MAX bytes of a longer text are its first part: up to the
 * last LF, or else all that do not cut a UTF-8 character. */
size_t gp_text_part_length(const char *text);

/* The next part; NULL at the end. */
gp_status gp_text_parts_next(gp_window *window, const char **part, size_t *length,
                             gp_error *reason);

#endif

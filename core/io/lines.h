/* An input cut into lines. */
#ifndef GP_IO_LINES_H
#define GP_IO_LINES_H

#include "io/window.h"

typedef struct gp_lines {
  size_t limit;  /* a line that does not fit in so many bytes, its LF included, is an error */
  bool skipping; /* the rest of a line that was too long is still to be passed over */
  bool too_long; /* that is what the last call failed with */
} gp_lines;

/* The next line without its LF or CR LF; it may hold any byte, NUL included. *line is NULL at
 * the end, and otherwise valid until the window moves. The last line may lack its LF; then a
 * CR at its end stays. After lines->too_long the next call returns the line behind that one. */
gp_status gp_lines_next(gp_lines *lines, gp_window *window, const char **line, size_t *length,
                        gp_error *reason);

#endif

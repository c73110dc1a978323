/* Lines are handed out in place. Their length has a limit, since a small gzip file can hold a
 * very long one. */
#include "io/lines.h"

#include "common/error.h"

#include <string.h>

/* Passes over the rest of a line without keeping it. */
static gp_status skip_rest(gp_lines *lines, gp_window *window, gp_error *reason) {
  while (lines->skipping) {
    const gp_status status = gp_window_fill(window, 1, reason);
    if (status != GP_OK) {
      return status;
    }
    const char *start = gp_window_start(window);
    const size_t available = gp_window_length(window);
    const char *newline = memchr(start, '\n', available);
    gp_window_skip(window, newline != NULL ? (size_t)(newline - start) + 1 : available);
    lines->skipping = newline == NULL && available > 0;
  }
  return GP_OK;
}

static gp_status fail_too_long(gp_lines *lines, gp_error *reason) {
  lines->skipping = true;
  lines->too_long = true;
  return gp_fail(reason, GP_ERR_FORMAT,
                 "the line is longer than %zu MiB: split it into several documents",
                 lines->limit >> 20);
}

gp_status gp_lines_next(gp_lines *lines, gp_window *window, const char **line, size_t *length,
                        gp_error *reason) {
  lines->too_long = false;
  gp_status status = skip_rest(lines, window, reason);
  size_t searched = 0; /* of the line; what was searched once is not searched again */
  while (status == GP_OK) {
    const char *start = gp_window_start(window);
    const size_t there = gp_window_length(window);
    const size_t available = there < lines->limit ? there : lines->limit;
    const char *newline = memchr(start + searched, '\n', available - searched);
    if (newline != NULL) {
      *line = start;
      *length = (size_t)(newline - start);
      gp_window_skip(window, *length + 1);
      if (*length > 0 && start[*length - 1] == '\r') {
        (*length)--;
      }
      return GP_OK;
    }
    if (available == lines->limit) {
      return fail_too_long(lines, reason);
    }
    if (window->ended) {
      *line = available > 0 ? start : NULL;
      *length = available;
      gp_window_skip(window, available);
      return GP_OK;
    }
    searched = available;
    status = gp_window_fill(window, available + 1, reason);
  }
  return status;
}

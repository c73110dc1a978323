/* An input cut into lines. */
#ifndef GP_IO_LINES_H
#define GP_IO_LINES_H

#include "io/input.h"

typedef struct gp_lines {
  gp_input *input;
  uint64_t number; /* of the line that was returned, or is being read, from 1 */
  char *data;      /* data[begin:end] is read and not returned yet */
  size_t capacity;
  size_t limit; /* of the capacity: both are powers of two */
  size_t begin;
  size_t end;
  bool ended; /* nothing comes after data[end] */
} gp_lines;

/* Takes over `input` on success. A line that does not fit in `limit` bytes, its LF included,
 * is an error; `limit` is a power of two of at least 64 KiB. */
gp_status gp_lines_open(gp_lines *lines, gp_input *input, size_t limit, gp_error *reason);
void gp_lines_close(gp_lines *lines);

/* The next line without its LF or CR LF; it may hold any byte, NUL included. *line is
 * NULL at the end, and otherwise valid until the next call. The last line may lack its
 * LF; then a CR at its end stays. Memory is that of the longest line, at most doubled. */
gp_status gp_lines_next(gp_lines *lines, const char **line, size_t *length, gp_error *reason);

#endif

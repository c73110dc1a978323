/* Lines lie in one buffer and are handed out in place. It grows, by doubling, only when it
 * is full of one line, so what a file claims cannot make it grow, only what it holds; and
 * it has a limit, since a small gzip file can hold a very long line. */
#include "io/lines.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define INITIAL_CAPACITY 65536U

gp_status gp_lines_open(gp_lines *lines, gp_input *input, size_t limit, gp_error *reason) {
  char *data = malloc(INITIAL_CAPACITY);
  if (data == NULL) {
    return gp_fail_memory(reason, "a line buffer");
  }
  *lines = (gp_lines){.input = input, .data = data, .capacity = INITIAL_CAPACITY, .limit = limit};
  return GP_OK;
}

void gp_lines_close(gp_lines *lines) {
  gp_input_free(lines->input);
  free(lines->data);
  *lines = (gp_lines){0};
}

/* Makes room behind data[end], by moving what is left to the front or by growing. */
static gp_status make_room(gp_lines *lines, gp_error *reason) {
  if (lines->begin > 0) {
    memmove(lines->data, lines->data + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
  }
  if (lines->end < lines->capacity) {
    return GP_OK;
  }
  if (lines->capacity >= lines->limit) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the line is longer than %zu MiB: split it into several documents",
                   lines->limit >> 20);
  }
  char *grown = realloc(lines->data, 2 * lines->capacity);
  if (grown == NULL) {
    return gp_fail_memory(reason, "a long line");
  }
  lines->data = grown;
  lines->capacity *= 2;
  return GP_OK;
}

static gp_status read_more(gp_lines *lines, gp_error *reason) {
  gp_status status = make_room(lines, reason);
  if (status != GP_OK) {
    return status;
  }
  size_t count = 0;
  status = gp_input_read(lines->input, lines->data + lines->end, lines->capacity - lines->end,
                         &count, reason);
  if (status != GP_OK) {
    return status;
  }
  lines->end += count;
  lines->ended = count == 0;
  return GP_OK;
}

gp_status gp_lines_next(gp_lines *lines, const char **line, size_t *length, gp_error *reason) {
  size_t searched = 0; /* of the line; what was searched once is not searched again */
  lines->number++;
  for (;;) {
    const char *start = lines->data + lines->begin;
    const size_t available = lines->end - lines->begin;
    const char *newline = memchr(start + searched, '\n', available - searched);
    if (newline != NULL) {
      *line = start;
      *length = (size_t)(newline - start);
      lines->begin += *length + 1;
      if (*length > 0 && start[*length - 1] == '\r') {
        (*length)--;
      }
      return GP_OK;
    }
    if (lines->ended) {
      *line = available > 0 ? start : NULL;
      *length = available;
      lines->begin = lines->end;
      return GP_OK;
    }
    searched = available;
    const gp_status status = read_more(lines, reason);
    if (status != GP_OK) {
      return status;
    }
  }
}

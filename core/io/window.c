/* The buffer grows, by doubling, only when it is full of bytes that are wanted together, so
 * what a file claims cannot make it grow, only what it holds. */
#include "io/window.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define INITIAL_CAPACITY ((size_t)1 << 18)

gp_status gp_window_open(gp_window *window, gp_input *input, gp_error *reason) {
  char *data = malloc(INITIAL_CAPACITY);
  if (data == NULL) {
    return gp_fail_memory(reason, "an input buffer");
  }
  *window = (gp_window){.input = input, .data = data, .capacity = INITIAL_CAPACITY};
  return GP_OK;
}

void gp_window_close(gp_window *window) {
  gp_input_free(window->input);
  free(window->data);
  *window = (gp_window){0};
}

/* Makes room behind data[end]: by moving what is left to the front, where that frees as much
 * as it moves or nothing else helps, or by growing. */
static gp_status make_room(gp_window *window, gp_error *reason) {
  const size_t length = gp_window_length(window);
  if (window->begin > 0 &&
      (window->end == window->capacity || window->begin >= window->capacity / 2)) {
    memmove(window->data, window->data + window->begin, length);
    window->begin = 0;
    window->end = length;
  }
  if (window->end < window->capacity) {
    return GP_OK;
  }
  char *grown =
      window->capacity <= SIZE_MAX / 2 ? realloc(window->data, 2 * window->capacity) : NULL;
  if (grown == NULL) {
    return gp_fail_memory(reason, "a long line or part");
  }
  window->data = grown;
  window->capacity *= 2;
  return GP_OK;
}

gp_status gp_window_fill(gp_window *window, size_t wanted, gp_error *reason) {
  while (gp_window_length(window) < wanted && !window->ended) {
    gp_status status = make_room(window, reason);
    if (status != GP_OK) {
      return status;
    }
    size_t count = 0;
    status = gp_input_read(window->input, window->data + window->end,
                           window->capacity - window->end, &count, reason);
    if (status != GP_OK) {
      return status;
    }
    window->end += count;
    window->ended = count == 0;
  }
  return GP_OK;
}

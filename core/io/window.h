/* A buffer that slides over an input, so that whoever cuts it up can look at it in place. */
#ifndef GP_IO_WINDOW_H
#define GP_IO_WINDOW_H

#include "io/input.h"

typedef struct gp_window {
  gp_input *input;
  char *data; /* data[begin:end] is read and not used yet */
  size_t capacity;
  size_t begin;
  size_t end;
  bool ended; /* nothing comes after data[end] */
} gp_window;

/* Takes over `input` on success. */
gp_status gp_window_open(gp_window *window, gp_input *input, gp_error *reason);
void gp_window_close(gp_window *window);

/* Reads until `wanted` bytes are there or the input ends. What was at hand may move. Memory is
 * that of the most ever wanted and there, at most doubled. */
gp_status gp_window_fill(gp_window *window, size_t wanted, gp_error *reason);

static inline const char *gp_window_start(const gp_window *window) {
  return window->data + window->begin;
}

static inline size_t gp_window_length(const gp_window *window) {
  return window->end - window->begin;
}

static inline void gp_window_skip(gp_window *window, size_t count) {
  window->begin += count;
}

#endif

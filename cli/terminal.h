/* A line typed without echo. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stddef.h>

typedef enum terminal_status {
  TERMINAL_OK,
  TERMINAL_NONE,     /* the process has no terminal */
  TERMINAL_TOO_LONG, /* more than `capacity` bytes */
  TERMINAL_FAILED
} terminal_status;

/* Prompts on the controlling terminal and reads one line from it into `out`, without its
 * newline and without a NUL. Echo is off meanwhile, and comes back whatever happens: a
 * signal that would end or stop the process takes effect after that. */
terminal_status terminal_read_secret(const char *prompt, char *out, size_t capacity,
                                     size_t *length);

#endif

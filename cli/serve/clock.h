/* Seconds since some moment, for durations. */
#ifndef CLI_SERVE_CLOCK_H
#define CLI_SERVE_CLOCK_H

#include <time.h>

static inline double clock_now(void) {
  struct timespec time;
  return clock_gettime(CLOCK_MONOTONIC, &time) == 0
             ? (double)time.tv_sec + (double)time.tv_nsec * 1e-9
             : 0;
}

#endif

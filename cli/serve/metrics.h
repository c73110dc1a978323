/* Counters in Prometheus' text format, of all tokens together. Thread-safe. */
#ifndef CLI_SERVE_METRICS_H
#define CLI_SERVE_METRICS_H

#include <stddef.h>

typedef struct metrics metrics;

metrics *metrics_new(void); /* NULL when out of memory */
void metrics_free(metrics *all);

/* Notes a request that was answered (or not: status 0). `reason` is NULL, or static. */
void metrics_count(metrics *all, const char *endpoint, unsigned status, const char *reason,
                   size_t elements, double seconds);

/* What there is now rather than altogether. */
typedef struct metrics_state {
  size_t connections;
  size_t waiting; /* requests for a thread */
  size_t running;
} metrics_state;

/* The whole text, to be freed; NULL when out of memory. */
char *metrics_text(metrics *all, const metrics_state *state, size_t *size);

#endif

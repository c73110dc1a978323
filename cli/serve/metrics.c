#include "serve/metrics.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  ROWS_MAX = 64 /* endpoints times statuses, and reasons: both few and known */
};

static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,  0.5,    1,     2.5,  5,     10,   30};
enum {
  N_BOUNDS = sizeof bounds / sizeof bounds[0]
};

typedef struct row {
  const char *name; /* endpoint or reason */
  unsigned status;
  uint64_t count;
} row;

struct metrics {
  row requests[ROWS_MAX];
  row refusals[ROWS_MAX];
  uint64_t elements;
  uint64_t evaluations;
  uint64_t within[N_BOUNDS]; /* evaluations that took no longer */
  double seconds;
  pthread_mutex_t mutex;
};

metrics *metrics_new(void) {
  metrics *all = calloc(1, sizeof *all);
  if (all != NULL) {
    (void)pthread_mutex_init(&all->mutex, NULL);
  }
  return all;
}

void metrics_free(metrics *all) {
  if (all != NULL) {
    (void)pthread_mutex_destroy(&all->mutex);
    free(all);
  }
}

static void count_row(row rows[ROWS_MAX], const char *name, unsigned status) {
  for (size_t i = 0; i < ROWS_MAX; i++) {
    if (rows[i].name == NULL) {
      rows[i] = (row){.name = name, .status = status};
    }
    if (rows[i].status == status && strcmp(rows[i].name, name) == 0) {
      rows[i].count++;
      return;
    }
  }
}

void metrics_count(metrics *all, const char *endpoint, unsigned status, const char *reason,
                   size_t elements, double seconds) {
  (void)pthread_mutex_lock(&all->mutex);
  count_row(all->requests, endpoint, status);
  if (reason != NULL) {
    count_row(all->refusals, reason, 0);
  }
  if (elements > 0) {
    all->elements += elements;
    all->evaluations++;
    all->seconds += seconds;
    for (size_t i = 0; i < N_BOUNDS; i++) {
      all->within[i] += seconds <= bounds[i];
    }
  }
  (void)pthread_mutex_unlock(&all->mutex);
}

static void head(FILE *out, const char *name, const char *type, const char *help) {
  (void)fprintf(out, "# HELP greenprint_%s %s\n# TYPE greenprint_%s %s\n", name, help, name,
                type);
}

static void put_counters(FILE *out, const metrics *all) {
  head(out, "requests_total", "counter", "Requests by endpoint and status; 0: not answered.");
  for (size_t i = 0; i < ROWS_MAX && all->requests[i].name != NULL; i++) {
    const row *one = &all->requests[i];
    (void)fprintf(out, "greenprint_requests_total{endpoint=\"%s\",status=\"%u\"} %llu\n",
                  one->name, one->status, (unsigned long long)one->count);
  }
  head(out, "refused_total", "counter", "Requests that were refused, by reason.");
  for (size_t i = 0; i < ROWS_MAX && all->refusals[i].name != NULL; i++) {
    (void)fprintf(out, "greenprint_refused_total{reason=\"%s\"} %llu\n", all->refusals[i].name,
                  (unsigned long long)all->refusals[i].count);
  }
  head(out, "elements_total", "counter", "Elements that were evaluated.");
  (void)fprintf(out, "greenprint_elements_total %llu\n", (unsigned long long)all->elements);
}

static void put_histogram(FILE *out, const metrics *all) {
  static const char name[] = "greenprint_evaluate_seconds";
  head(out, "evaluate_seconds", "histogram", "From a request's head to the end of its answer.");
  for (size_t i = 0; i < N_BOUNDS; i++) {
    (void)fprintf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds[i],
                  (unsigned long long)all->within[i]);
  }
  (void)fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name,
                (unsigned long long)all->evaluations, name, all->seconds, name,
                (unsigned long long)all->evaluations);
}

/* Resident memory, where the system says it as Linux does; 0 elsewhere. */
static unsigned long long resident_bytes(void) {
  char line[128] = "";
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL) {
    return 0;
  }
  const bool read = fgets(line, sizeof line, file) != NULL;
  (void)fclose(file);
  char *second = read ? strchr(line, ' ') : NULL;
  return second != NULL ? strtoull(second, NULL, 10) * (unsigned long long)sysconf(_SC_PAGESIZE)
                        : 0;
}

static void put_gauges(FILE *out, const metrics_state *state) {
  head(out, "connections", "gauge", "Open connections.");
  (void)fprintf(out, "greenprint_connections %zu\n", state->connections);
  head(out, "evaluations_waiting", "gauge", "Requests that wait for a thread.");
  (void)fprintf(out, "greenprint_evaluations_waiting %zu\n", state->waiting);
  head(out, "evaluations_running", "gauge", "Requests that are being evaluated.");
  (void)fprintf(out, "greenprint_evaluations_running %zu\n", state->running);
  const unsigned long long resident = resident_bytes();
  if (resident > 0) {
    (void)fprintf(out,
                  "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
                  "# TYPE process_resident_memory_bytes gauge\n"
                  "process_resident_memory_bytes %llu\n",
                  resident);
  }
}

char *metrics_text(metrics *all, const metrics_state *state, size_t *size) {
  char *text = NULL;
  FILE *out = open_memstream(&text, size);
  if (out == NULL) {
    return NULL;
  }
  (void)pthread_mutex_lock(&all->mutex);
  const metrics copy = *all;
  (void)pthread_mutex_unlock(&all->mutex);
  put_counters(out, &copy);
  put_histogram(out, &copy);
  put_gauges(out, state);
  const bool failed = ferror(out) != 0;
  if (fclose(out) != 0 || failed) {
    free(text);
    return NULL;
  }
  return text;
}

/* Threads that evaluate requests, and the requests that wait for them. */
#ifndef CLI_SERVE_WORKERS_H
#define CLI_SERVE_WORKERS_H

#include "greenprint.h"

/* One request. Its maker owns it; between workers_add() and `done` it belongs to the workers. */
typedef struct evaluation {
  const uint8_t *request;
  size_t request_size;
  uint8_t *answer; /* GP_BLIND_ANSWER_SIZE(count) bytes */
  gp_status status;
  gp_error error;
  void (*done)(struct evaluation *evaluation); /* called in a worker's thread, as its last act */
  struct evaluation *next;
} evaluation;

typedef struct workers workers;

/* `threads` that evaluate at the same time; as many as `room` requests wait, beside those that
 * are evaluated. */
gp_status workers_new(const gp_key *key, unsigned threads, size_t room, workers **made,
                      gp_error *error);

/* false where there is no room. */
bool workers_add(workers *all, evaluation *request);

/* How many wait and how many are evaluated. */
void workers_look(workers *all, size_t *waiting, size_t *running);

/* Evaluates what waits, and ends. NULL is ignored. */
void workers_free(workers *all);

#endif

/*
 * A request alone is shared out among all threads, so that a single client is answered as fast
 * as the machine can; where there are several at once each has a thread of its own, which wastes
 * nothing on sharing.
 */
#include "serve/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
  const gp_key *key;
  gp_thread_pool *pool;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  evaluation *first; /* of those that wait */
  evaluation **end;
  size_t waiting;
  size_t running;
  size_t room;
  bool ending;
  unsigned started;
  pthread_t threads[];
};

/* The next request; NULL at the end. */
static evaluation *take(workers *all, bool *alone) {
  (void)pthread_mutex_lock(&all->mutex);
  while (all->first == NULL && !all->ending) {
    (void)pthread_cond_wait(&all->wake, &all->mutex);
  }
  evaluation *request = all->first;
  if (request != NULL) {
    all->first = request->next;
    if (all->first == NULL) {
      all->end = &all->first;
    }
    all->waiting--;
    all->running++;
    *alone = all->running == 1 && all->waiting == 0;
  }
  (void)pthread_mutex_unlock(&all->mutex);
  return request;
}

static void *work(void *argument) {
  workers *all = argument;
  bool alone = false;
  for (evaluation *request = take(all, &alone); request != NULL; request = take(all, &alone)) {
    request->status = gp_blind_answer(all->key, request->request, request->request_size,
                                      alone ? all->pool : NULL, request->answer, &request->error);
    (void)pthread_mutex_lock(&all->mutex);
    all->running--;
    (void)pthread_mutex_unlock(&all->mutex);
    request->done(request);
  }
  return NULL;
}

gp_status workers_new(const gp_key *key, unsigned threads, size_t room, workers **made,
                      gp_error *error) {
  workers *all = calloc(1, sizeof *all + threads * sizeof(pthread_t));
  if (all == NULL) {
    *error = (gp_error){GP_ERR_MEMORY, "out of memory: threads"};
    return GP_ERR_MEMORY;
  }
  gp_status status = gp_thread_pool_new(threads, &all->pool, error);
  if (status != GP_OK) {
    free(all);
    return status;
  }
  all->key = key;
  all->room = room;
  all->end = &all->first;
  (void)pthread_mutex_init(&all->mutex, NULL);
  (void)pthread_cond_init(&all->wake, NULL);
  while (all->started < threads) {
    if (pthread_create(&all->threads[all->started], NULL, work, all) != 0) {
      workers_free(all);
      *error = (gp_error){GP_ERR_MEMORY, "out of memory: the system starts no more threads"};
      return GP_ERR_MEMORY;
    }
    all->started++;
  }
  *made = all;
  return GP_OK;
}

bool workers_add(workers *all, evaluation *request) {
  (void)pthread_mutex_lock(&all->mutex);
  const bool has_room = all->waiting < all->room;
  if (has_room) {
    request->next = NULL;
    *all->end = request;
    all->end = &request->next;
    all->waiting++;
    (void)pthread_cond_signal(&all->wake);
  }
  (void)pthread_mutex_unlock(&all->mutex);
  return has_room;
}

void workers_look(workers *all, size_t *waiting, size_t *running) {
  (void)pthread_mutex_lock(&all->mutex);
  *waiting = all->waiting;
  *running = all->running;
  (void)pthread_mutex_unlock(&all->mutex);
}

void workers_free(workers *all) {
  if (all == NULL) {
    return;
  }
  (void)pthread_mutex_lock(&all->mutex);
  all->ending = true;
  (void)pthread_cond_broadcast(&all->wake);
  (void)pthread_mutex_unlock(&all->mutex);
  for (unsigned i = 0; i < all->started; i++) {
    (void)pthread_join(all->threads[i], NULL);
  }
  gp_thread_pool_free(all->pool);
  (void)pthread_cond_destroy(&all->wake);
  (void)pthread_mutex_destroy(&all->mutex);
  free(all);
}

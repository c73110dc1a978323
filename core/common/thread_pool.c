/*
 * Threads that sleep until there is a batch.
 *
 * A batch is opened, as many threads as are of use are woken, and all, the caller included,
 * take item after item from one counter. The caller then closes the batch and waits for the
 * threads that are inside; those that wake up too late find it closed and go back to sleep, so
 * that a short batch need not wait for them. Nothing is locked: waking up is a semaphore, the
 * rest are atomic counters.
 */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity() */
#endif

#include "common/thread_pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/error.h"

struct gp_work_queue {
  atomic_size_t next;
  size_t count;
};

/* In `inside`, beside the number of threads: whether the batch is closed. */
#define CLOSED 0x10000U

struct gp_thread_pool {
  _Alignas(64) atomic_flag busy;
  _Alignas(64) atomic_uint inside;
  _Alignas(64) gp_work_queue queue;
  gp_work *work; /* NULL: the end */
  void *state;
  atomic_flag failed; /* set by the first thread that fails; it writes what follows */
  gp_status status;
  gp_error error;
  sem_t wake;
  size_t n_threads; /* started */
  pthread_t threads[];
};

bool gp_work_next(gp_work_queue *queue, size_t *item) {
  *item = atomic_fetch_add_explicit(&queue->next, 1, memory_order_relaxed);
  return *item < queue->count;
}

/* One thread's part of the batch. */
static void take_part(gp_thread_pool *pool) {
  gp_error error;
  const gp_status status = pool->work(pool->state, &pool->queue, &error);
  if (status != GP_OK) {
    atomic_store_explicit(&pool->queue.next, pool->queue.count, memory_order_relaxed);
    if (!atomic_flag_test_and_set(&pool->failed)) {
      pool->status = status;
      pool->error = error;
    }
  }
}

/* Steps into the batch, unless it is closed. */
static bool enter(gp_thread_pool *pool) {
  unsigned inside = atomic_load(&pool->inside);
  while ((inside & CLOSED) == 0) {
    if (atomic_compare_exchange_weak(&pool->inside, &inside, inside + 1)) {
      return true;
    }
  }
  return false;
}

static void *wait_and_work(void *argument) {
  gp_thread_pool *pool = argument;
  for (;;) {
    while (sem_wait(&pool->wake) != 0 && errno == EINTR) {
    }
    if (!enter(pool)) {
      continue;
    }
    const bool end = pool->work == NULL;
    if (!end) {
      take_part(pool);
    }
    atomic_fetch_sub(&pool->inside, 1);
    if (end) {
      return NULL;
    }
  }
}

/* Opens a batch for as many threads. */
static void open_batch(gp_thread_pool *pool, gp_work *work, void *state, size_t count,
                       size_t threads) {
  pool->work = work;
  pool->state = state;
  pool->queue.count = count;
  pool->status = GP_OK;
  atomic_store_explicit(&pool->queue.next, 0, memory_order_relaxed);
  atomic_flag_clear(&pool->failed);
  atomic_fetch_and(&pool->inside, ~CLOSED);
  for (size_t i = 0; i < threads; i++) {
    (void)sem_post(&pool->wake);
  }
}

static void close_batch(gp_thread_pool *pool) {
  atomic_fetch_or(&pool->inside, CLOSED);
  while (sem_trywait(&pool->wake) == 0) { /* nobody need wake up any more */
  }
  while (atomic_load(&pool->inside) != CLOSED) { /* they are at their last item */
    (void)sched_yield();
  }
}

gp_status gp_thread_pool_run(gp_thread_pool *pool, size_t count, gp_work *work, void *state,
                             gp_error *error) {
  if (pool == NULL || atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    gp_work_queue own = {.count = count};
    return work(state, &own, error);
  }
  const size_t useful = count - 1 < pool->n_threads ? count - 1 : pool->n_threads;
  open_batch(pool, work, state, count, useful);
  take_part(pool);
  close_batch(pool);
  const gp_status status = pool->status;
  if (status != GP_OK && error != NULL) {
    *error = pool->error;
  }
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
  return status;
}

/* Starts a thread that takes no signals: they are for the host's own threads. */
static bool start_thread(gp_thread_pool *pool) {
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&pool->threads[pool->n_threads], NULL, wait_and_work, pool);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  pool->n_threads += failed == 0;
  return failed == 0;
}

unsigned gp_usable_processors(void) {
  long count = 0;
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    count = CPU_COUNT(&allowed);
  }
#endif
  if (count < 1) { /* or more than cpu_set_t has room for */
    count = sysconf(_SC_NPROCESSORS_ONLN);
  }
  return count < 1 ? 1 : (count > GP_THREADS_MAX ? GP_THREADS_MAX : (unsigned)count);
}

gp_status gp_thread_pool_new(size_t n_threads, gp_thread_pool **pool, gp_error *error) {
  if (pool == NULL) {
    return gp_fail_null(error, __func__, "pool");
  }
  if (n_threads > GP_THREADS_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "n_threads: must be at most %d, not %zu",
                   GP_THREADS_MAX, n_threads);
  }
  if (n_threads == 0) {
    n_threads = gp_usable_processors();
  }
  const size_t alignment = _Alignof(gp_thread_pool);
  const size_t size = sizeof(gp_thread_pool) + (n_threads - 1) * sizeof(pthread_t);
  gp_thread_pool *made = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (made == NULL) {
    return gp_fail_memory(error, "thread pool");
  }
  atomic_flag_clear(&made->busy);
  atomic_flag_clear(&made->failed);
  atomic_init(&made->inside, CLOSED);
  atomic_init(&made->queue.next, 0);
  made->n_threads = 0;
  if (sem_init(&made->wake, 0, 0) != 0) {
    free(made);
    return gp_fail_memory(error, "thread pool");
  }
  while (made->n_threads < n_threads - 1) {
    if (!start_thread(made)) {
      gp_thread_pool_free(made);
      return gp_fail_memory(error, "thread pool: the system starts no more threads");
    }
  }
  *pool = made;
  return GP_OK;
}

void gp_thread_pool_free(gp_thread_pool *pool) {
  if (pool == NULL) {
    return;
  }
  open_batch(pool, NULL, NULL, 0, pool->n_threads);
  for (size_t i = 0; i < pool->n_threads; i++) {
    (void)pthread_join(pool->threads[i], NULL);
  }
  (void)sem_destroy(&pool->wake);
  free(pool);
}

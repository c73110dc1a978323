/* Sharing out the items of a job among threads that wait for it. */
#ifndef GP_COMMON_THREAD_POOL_H
#define GP_COMMON_THREAD_POOL_H

#include "greenprint.h"

/* Hands out the numbers of items, each once. */
typedef struct gp_work_queue gp_work_queue;

/* The next item for whoever asks; false when there is none left. */
bool gp_work_next(gp_work_queue *queue, size_t *item);

/* What each thread does: asks for items and works on them until there are none. */
typedef gp_status gp_work(void *state, gp_work_queue *queue, gp_error *error);

/* Has `count` items worked on, and returns when all are done or one has failed: then what it
 * said. The caller's thread works too; alone without a pool (NULL), and where it is
 * busy. */
gp_status gp_thread_pool_run(gp_thread_pool *pool, size_t count, gp_work *work, void *state,
                             gp_error *error);

#endif

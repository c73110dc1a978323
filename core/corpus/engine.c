/*
 * The threads of a run. Batches have numbers; batch i lives in slot i mod n. Four kinds of
 * work move a batch on, and any thread does whatever is next:
 *
 *   read    one thread at a time, while there is a free slot
 *   score   records into documents and coins; any number of batches at the same time
 *   mark    the new coins of one shard of a batch; each shard takes the batches in order, so
 *           that a coin is new in the first document that has it
 *   close   the documents of a batch in order, one thread at a time
 *
 * All of that is decided under one lock, taken a few dozen times for a batch of tens of
 * thousands of coins. With one thread there is one slot and nothing runs ahead.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "corpus/corpus.h"

#define THREADS_MAX 1024U

typedef struct engine {
  gp_corpus *corpus;
  gp_feed *feed;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  gp_batch *batches;
  size_t n_batches;
  uint64_t read;     /* batches read, or being read */
  uint64_t scored;   /* batches given to a worker */
  uint64_t numbered; /* batches whose first document has its number */
  uint64_t closed;
  uint64_t n_documents;       /* in the numbered ones */
  uint64_t marked[GP_SHARDS]; /* batches that a shard is through with */
  bool shard_busy[GP_SHARDS];
  bool reading;
  bool read_all;
  bool closing;
  bool stopped;
  gp_status status;
  gp_error error;
  uint32_t (*counts)[2]; /* new and green coins of the documents that are being closed */
  size_t counts_capacity;
  uint8_t (*sorted_ids)[GP_ID_SIZE]; /* the same documents' coins, for a partial file */
  uint8_t *sorted_flags;
  size_t sorted_capacity;
} engine;

typedef enum task_kind {
  TASK_NONE,
  TASK_READ,
  TASK_SCORE,
  TASK_MARK,
  TASK_CLOSE
} task_kind;

typedef struct task {
  task_kind kind;
  gp_batch *batch;
  unsigned shard;
} task;

static gp_batch *batch_at(engine *run, uint64_t number) {
  return &run->batches[number % run->n_batches];
}

static void stop(engine *run, gp_status status, const gp_error *error) {
  if (!run->stopped) {
    run->stopped = true;
    run->status = status;
    run->error = *error;
  }
}

/* ------------------------------------------------------------ what is next */

static bool can_close(engine *run) {
  if (run->closing || run->closed == run->numbered) {
    return false;
  }
  const gp_batch *batch = batch_at(run, run->closed);
  return batch->status != GP_OK || batch->shards_done == GP_SHARDS;
}

static bool can_mark(engine *run, unsigned shard) {
  const uint64_t number = run->marked[shard];
  return !run->shard_busy[shard] && number < run->numbered &&
         batch_at(run, number)->status == GP_OK;
}

static task next_task(engine *run, unsigned *shard) {
  if (can_close(run)) {
    run->closing = true;
    return (task){TASK_CLOSE, batch_at(run, run->closed), 0};
  }
  if (!run->reading && !run->read_all && run->read < run->closed + run->n_batches) {
    run->reading = true;
    gp_batch *batch = batch_at(run, run->read);
    batch->state = GP_BATCH_READING;
    return (task){TASK_READ, batch, 0};
  }
  for (unsigned i = 0; i < GP_SHARDS; i++) {
    *shard = (*shard + 1) % GP_SHARDS;
    if (can_mark(run, *shard)) {
      run->shard_busy[*shard] = true;
      return (task){TASK_MARK, batch_at(run, run->marked[*shard]), *shard};
    }
  }
  if (run->scored < run->read) {
    gp_batch *batch = batch_at(run, run->scored++);
    batch->state = GP_BATCH_SCORING;
    return (task){TASK_SCORE, batch, 0};
  }
  return (task){TASK_NONE, NULL, 0};
}

static bool is_finished(const engine *run) {
  return run->stopped || (run->read_all && run->closed == run->read);
}

/* Numbers the documents of batches that were scored, in order. */
static void number_documents(engine *run) {
  while (run->numbered < run->scored && batch_at(run, run->numbered)->state == GP_BATCH_SCORED) {
    gp_batch *batch = batch_at(run, run->numbered++);
    batch->first_document = run->n_documents;
    run->n_documents += batch->n_documents;
  }
}

/* -------------------------------------------------------------------- mark */

/* Marks the new coins of one shard under one key and, where they are in memory, counts them. */
static gp_status mark_coins(gp_corpus *corpus, gp_worker *worker, gp_batch *batch, size_t key,
                            unsigned shard, bool *deferred, gp_error *error) {
  gp_shard_coins *coins = &batch->coins[key].shards[shard];
  gp_status status = GP_OK;
  for (size_t i = 0; i < coins->count && status == GP_OK; i += GP_COIN_CHUNK) {
    const size_t left = coins->count - i;
    const size_t count = left < GP_COIN_CHUNK ? left : GP_COIN_CHUNK;
    const uint8_t(*ids)[GP_ID_SIZE] = (const uint8_t(*)[GP_ID_SIZE])(coins->ids + i);
    bool late = false;
    worker->positions[key] += count;
    status = gp_coin_table_add(&corpus->tables[key], shard, ids, coins->documents + i,
                               batch->first_document, coins->flags + i, count, &late, error);
    if (status == GP_OK && late && corpus->writer != NULL) {
      status = gp_worker_colour(worker, &corpus->work, ids, coins->flags + i, count, error);
    } else if (status == GP_OK && !late) {
      status = gp_worker_count(worker, &corpus->work, key, ids, coins->flags + i, count, error);
    }
    *deferred = *deferred || late; /* by any of the keys */
  }
  return status;
}

static gp_status mark_shard(gp_corpus *corpus, gp_worker *worker, gp_batch *batch, unsigned shard,
                            bool *deferred, gp_error *error) {
  gp_status status = GP_OK;
  for (size_t key = 0; key < corpus->work.n_keys && status == GP_OK; key++) {
    status = mark_coins(corpus, worker, batch, key, shard, deferred, error);
  }
  return status;
}

/* ------------------------------------------------------------------- close */

static gp_status count_documents(engine *run, const gp_batch *batch, gp_error *error) {
  void *counts = gp_array_reserve(run->counts, &run->counts_capacity, batch->n_documents + 1,
                                  sizeof *run->counts);
  if (counts == NULL) {
    return gp_fail_memory(error, "the counts of documents");
  }
  run->counts = counts;
  memset(counts, 0, batch->n_documents * sizeof *run->counts);
  for (unsigned shard = 0; shard < GP_SHARDS; shard++) {
    const gp_shard_coins *coins = &batch->coins[0].shards[shard];
    for (size_t i = 0; i < coins->count; i++) {
      uint32_t *count = run->counts[coins->documents[i]];
      const unsigned fresh = coins->flags[i] & GP_COIN_FRESH;
      count[0] += fresh;
      count[1] += fresh & (coins->flags[i] / GP_COIN_GREEN);
    }
  }
  return GP_OK;
}

/* The coins of a batch by document, which keeps the order of the shards in each. */
static gp_status sort_coins(engine *run, const gp_batch *batch, size_t *begin, gp_error *error) {
  const gp_batch_coins *coins = &batch->coins[0];
  size_t capacity = run->sorted_capacity;
  void *ids = gp_array_reserve(run->sorted_ids, &capacity, coins->count + 1, GP_ID_SIZE);
  if (ids == NULL) {
    return gp_fail_memory(error, "the coins of documents");
  }
  run->sorted_ids = ids;
  uint8_t *flags = realloc(run->sorted_flags, capacity);
  if (flags == NULL) {
    return gp_fail_memory(error, "the coins of documents");
  }
  run->sorted_flags = flags;
  run->sorted_capacity = capacity;
  memset(begin, 0, (batch->n_documents + 2) * sizeof *begin);
  for (unsigned shard = 0; shard < GP_SHARDS; shard++) {
    for (size_t i = 0; i < coins->shards[shard].count; i++) {
      begin[coins->shards[shard].documents[i] + 2]++;
    }
  }
  for (size_t d = 2; d < batch->n_documents + 2; d++) {
    begin[d] += begin[d - 1];
  }
  for (unsigned shard = 0; shard < GP_SHARDS; shard++) {
    const gp_shard_coins *from = &coins->shards[shard];
    for (size_t i = 0; i < from->count; i++) {
      const size_t at = begin[from->documents[i] + 1]++;
      memcpy(run->sorted_ids[at], from->ids[i], GP_ID_SIZE);
      flags[at] = from->flags[i];
    }
  }
  return GP_OK;
}

/* Documents of the batch into the partial file. */
static gp_status write_documents(engine *run, const gp_batch *batch, gp_error *error) {
  gp_corpus *corpus = run->corpus;
  size_t *begin = calloc(batch->n_documents + 2, sizeof *begin);
  if (begin == NULL) {
    return gp_fail_memory(error, "the coins of documents");
  }
  gp_status status = sort_coins(run, batch, begin, error);
  for (size_t i = 0; i < batch->n_documents && status == GP_OK; i++) {
    const gp_batch_document *document = &batch->documents[i];
    status = gp_corpus_write_inputs(corpus, document->input, error);
    if (status == GP_OK) {
      status = gp_partial_put_document(
          corpus->writer, document, (const uint8_t(*)[GP_ID_SIZE])(run->sorted_ids + begin[i]),
          run->sorted_flags + begin[i], begin[i + 1] - begin[i], error);
    }
  }
  free(begin);
  return status;
}

static gp_status show_document(const gp_corpus *corpus, const gp_batch *batch,
                               const gp_batch_document *document, gp_error *error) {
  const gp_batch_shown *shown = &document->shown;
  const bool has_tokens = corpus->work.prfs != NULL;
  const gp_corpus_document seen = {
      .input = document->input,
      .line = document->line,
      .alone = document->alone,
      .n_tokens = (size_t)document->tokens,
      .tokens = has_tokens ? batch->tokens + shown->tokens : NULL,
      .colours = has_tokens ? batch->colours + shown->tokens : NULL,
      .text = shown->has_text ? batch->text + shown->text : NULL,
      .n_bytes = shown->n_bytes,
      .ends = shown->has_text ? batch->ends + shown->ends : NULL,
  };
  return corpus->options.on_document(corpus->options.user, &seen, error);
}

static void count_bad(gp_corpus *corpus, const gp_batch *batch) {
  for (size_t i = 0; i < batch->n_bad; i++) {
    (void)pthread_mutex_lock(&corpus->inputs_lock);
    corpus->inputs[batch->bad[i].input].bad++;
    (void)pthread_mutex_unlock(&corpus->inputs_lock);
    if (corpus->options.on_bad != NULL) {
      corpus->options.on_bad(corpus->options.user, batch->bad[i].message);
    }
  }
}

static gp_status close_document(gp_corpus *corpus, const gp_batch *batch, size_t i,
                                const uint32_t counts[2], gp_error *error) {
  const gp_batch_document *document = &batch->documents[i];
  corpus->documents++;
  corpus->tokens += document->tokens;
  corpus->windows += document->windows;
  (void)pthread_mutex_lock(&corpus->inputs_lock);
  corpus->inputs[document->input].documents++;
  corpus->inputs[document->input].tokens += document->tokens;
  (void)pthread_mutex_unlock(&corpus->inputs_lock);
  gp_status status = GP_OK;
  if (corpus->one_candidate) {
    status = gp_ledger_add(&corpus->ledger, counts[0], counts[1], error);
  }
  if (status == GP_OK && corpus->options.on_document != NULL && corpus->work.documents) {
    status = show_document(corpus, batch, document, error);
  }
  return status;
}

static gp_status close_batch(engine *run, const gp_batch *batch, gp_error *error) {
  gp_corpus *corpus = run->corpus;
  if (batch->status != GP_OK) {
    *error = batch->error;
    return batch->status;
  }
  count_bad(corpus, batch);
  gp_status status = count_documents(run, batch, error);
  if (status == GP_OK && batch->deferred && corpus->one_candidate) {
    status = gp_ledger_wait(&corpus->ledger, corpus->scratch, error);
  }
  if (status == GP_OK && corpus->writer != NULL) {
    status = write_documents(run, batch, error);
  }
  for (size_t i = 0; i < batch->n_documents && status == GP_OK; i++) {
    status = close_document(corpus, batch, i, run->counts[i], error);
  }
  if (status == GP_OK && corpus->options.on_progress != NULL) {
    corpus->options.on_progress(corpus->options.user, batch->position, corpus->tokens);
  }
  return status;
}

/* ----------------------------------------------------------------- threads */

/* Does a task without the lock, and then takes note of it with the lock. */
static void do_task(engine *run, gp_worker *worker, const task *todo) {
  gp_error error;
  gp_status status = GP_OK;
  bool flag = false;
  (void)pthread_mutex_unlock(&run->lock);
  switch (todo->kind) {
  case TASK_READ:
    gp_batch_clear(todo->batch);
    flag = run->feed->fill(run->feed, todo->batch);
    break;
  case TASK_SCORE:
    gp_worker_score(worker, &run->corpus->work, todo->batch);
    break;
  case TASK_MARK:
    status = mark_shard(run->corpus, worker, todo->batch, todo->shard, &flag, &error);
    break;
  default:
    status = close_batch(run, todo->batch, &error);
    break;
  }
  (void)pthread_mutex_lock(&run->lock);
  if (status != GP_OK) {
    stop(run, status, &error);
  }
  switch (todo->kind) {
  case TASK_READ:
    run->reading = false;
    run->read_all = !flag;
    run->read++;
    todo->batch->state = GP_BATCH_READ;
    break;
  case TASK_SCORE:
    todo->batch->state = GP_BATCH_SCORED;
    number_documents(run);
    break;
  case TASK_MARK:
    todo->batch->deferred = todo->batch->deferred || flag;
    todo->batch->shards_done++;
    run->marked[todo->shard]++;
    run->shard_busy[todo->shard] = false;
    break;
  default:
    todo->batch->state = GP_BATCH_EMPTY;
    run->closing = false;
    run->closed++;
    break;
  }
  (void)pthread_cond_broadcast(&run->changed);
}

static void work_until_finished(engine *run, gp_worker *worker, unsigned first_shard) {
  unsigned shard = first_shard % GP_SHARDS;
  (void)pthread_mutex_lock(&run->lock);
  while (!is_finished(run)) {
    const task todo = next_task(run, &shard);
    if (todo.kind == TASK_NONE) {
      (void)pthread_cond_wait(&run->changed, &run->lock);
    } else {
      do_task(run, worker, &todo);
    }
  }
  (void)pthread_mutex_unlock(&run->lock);
}

typedef struct helper {
  engine *run;
  gp_worker worker;
  unsigned number;
  pthread_t thread;
} helper;

static void *help(void *argument) {
  helper *self = argument;
  work_until_finished(self->run, &self->worker, self->number * 5);
  return NULL;
}

/* Works with helpers[0] in this thread and the others in theirs; with fewer where the system
 * gives no more threads. */
static void work_together(helper *helpers, unsigned count) {
  unsigned started = 1;
  while (started < count &&
         pthread_create(&helpers[started].thread, NULL, help, &helpers[started]) == 0) {
    started++;
  }
  (void)help(&helpers[0]);
  for (unsigned i = 1; i < started; i++) {
    (void)pthread_join(helpers[i].thread, NULL);
  }
}

/* ---------------------------------------------------------- what was late */

typedef struct late_user {
  gp_corpus *corpus;
  gp_worker *worker;
  size_t key;
  gp_ledger_late *late; /* NULL for several candidates */
} late_user;

static gp_status count_late(void *user, const uint8_t (*ids)[GP_ID_SIZE],
                            const uint64_t *documents, const uint8_t *flags, size_t count,
                            gp_error *error) {
  const late_user *self = user;
  uint8_t coloured[GP_COIN_CHUNK];
  memcpy(coloured, flags, count);
  const gp_status status =
      gp_worker_count(self->worker, &self->corpus->work, self->key, ids, coloured, count, error);
  for (size_t i = 0; i < count && status == GP_OK && self->late != NULL; i++) {
    const uint64_t waiting = documents[i] - self->corpus->ledger.first_waiting;
    if (waiting < self->late->count) {
      self->late->counts[waiting][0]++;
      self->late->counts[waiting][1] += (coloured[i] & GP_COIN_GREEN) != 0;
    }
  }
  return status;
}

static gp_status finish(gp_corpus *corpus, gp_worker *worker, gp_error *error) {
  gp_ledger_late late = {0};
  gp_status status = GP_OK;
  if (corpus->ledger.waiting != NULL) {
    status = gp_ledger_map(&corpus->ledger, &late, error);
  }
  for (size_t key = 0; key < corpus->work.n_keys && status == GP_OK; key++) {
    late_user user = {corpus, worker, key, corpus->one_candidate ? &late : NULL};
    status = gp_coin_table_finish(&corpus->tables[key], count_late, &user, error);
  }
  if (status != GP_OK) {
    gp_ledger_unmap(&late);
    return status;
  }
  return corpus->one_candidate ? gp_ledger_finish(&corpus->ledger, &late, error) : GP_OK;
}

static void add_up(gp_corpus *corpus, const gp_worker *worker) {
  for (size_t i = 0; i < corpus->work.n_keys; i++) {
    corpus->positions[i] += worker->positions[i];
    corpus->scored[i] += worker->scored[i];
  }
  for (size_t i = 0; i < corpus->work.n_keys * corpus->work.n_tenants; i++) {
    corpus->green[i] += worker->green[i];
  }
}

/* ------------------------------------------------------------- the whole */

static gp_status make_batches(engine *run, unsigned threads, gp_error *error) {
  run->n_batches = threads == 1 ? 1 : threads + 2U;
  run->batches = calloc(run->n_batches, sizeof *run->batches);
  if (run->batches == NULL) {
    return gp_fail_memory(error, "the batches of a run");
  }
  gp_status status = GP_OK;
  for (size_t i = 0; i < run->n_batches && status == GP_OK; i++) {
    status = gp_batch_init(&run->batches[i], run->corpus->work.n_keys, error);
  }
  return status;
}

static void release(engine *run, helper *helpers, unsigned threads) {
  for (unsigned i = 0; i < threads && helpers != NULL; i++) {
    gp_worker_release(&helpers[i].worker, &run->corpus->work);
  }
  free(helpers);
  for (size_t i = 0; i < run->n_batches && run->batches != NULL; i++) {
    gp_batch_release(&run->batches[i]);
  }
  free(run->batches);
  free(run->counts);
  free(run->sorted_ids);
  free(run->sorted_flags);
  (void)pthread_cond_destroy(&run->changed);
  (void)pthread_mutex_destroy(&run->lock);
}

gp_status gp_engine_run(gp_corpus *corpus, gp_feed *feed, gp_error *error) {
  engine run = {.corpus = corpus, .feed = feed};
  if (pthread_mutex_init(&run.lock, NULL) != 0) {
    return gp_fail_memory(error, "a lock");
  }
  if (pthread_cond_init(&run.changed, NULL) != 0) {
    (void)pthread_mutex_destroy(&run.lock);
    return gp_fail_memory(error, "a lock");
  }
  const unsigned wanted = corpus->options.threads > 0 ? corpus->options.threads : 1;
  const unsigned threads = wanted < THREADS_MAX ? wanted : THREADS_MAX;
  gp_status status = make_batches(&run, threads, error);
  helper *helpers = calloc(threads, sizeof *helpers);
  if (helpers == NULL) {
    status = gp_fail_memory(error, "the threads of a run");
  }
  for (unsigned i = 0; i < threads && status == GP_OK; i++) {
    helpers[i].run = &run;
    helpers[i].number = i;
    status = gp_worker_init(&helpers[i].worker, &corpus->work, error);
  }
  if (status == GP_OK) {
    work_together(helpers, threads);
    status = run.status;
    if (status != GP_OK && error != NULL) {
      *error = run.error;
    }
  }
  if (status == GP_OK) {
    status = finish(corpus, &helpers[0].worker, error);
  }
  for (unsigned i = 0; i < threads && status == GP_OK; i++) {
    add_up(corpus, &helpers[i].worker);
  }
  release(&run, helpers, threads);
  return status;
}

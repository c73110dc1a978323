#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/quote.h"
#include "corpus/feed.h"

#define BATCH_BYTES ((size_t)1 << 16) /* some ten thousand tokens, whose coins fit the cache */

typedef struct files {
  gp_feed feed;
  gp_corpus *corpus;
  gp_source *source; /* NULL between inputs */
  size_t input;      /* that is read, or comes next */
  uint64_t before;   /* bytes of the inputs before it */
  uint64_t total;    /* bytes of all inputs; 0 when that is not known */
} files;

/* What all inputs have together, if all are files. */
static uint64_t add_sizes(const gp_corpus *corpus) {
  uint64_t total = 0;
  for (size_t i = 0; i < corpus->n_inputs; i++) {
    struct stat facts;
    const char *path = corpus->work.inputs[i].path;
    if (strcmp(path, "-") == 0 || stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return 0;
    }
    total += (uint64_t)facts.st_size;
  }
  return total;
}

static void tell_what_is_to_come(files *feed, uint64_t position) {
  unsigned times = 0;
  if (position > 0 && position < feed->total) {
    const uint64_t left = (feed->total - position) / position;
    times = left < GP_TO_COME_MAX ? (unsigned)left : GP_TO_COME_MAX;
  }
  atomic_store(&feed->corpus->budget.to_come, times);
}

/* Says what is wrong with the input that is being read. */
static gp_status fail_input(const files *feed, gp_status status, uint64_t line,
                            const gp_error *reason, gp_error *error) {
  const gp_corpus_input *input = &feed->corpus->work.inputs[feed->input];
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_input(name, input->path);
  return gp_source_fail(error, status, name, input->options.format, line, reason);
}

static gp_status open_input(files *feed, gp_error *error) {
  const gp_corpus_input *input = &feed->corpus->work.inputs[feed->input];
  gp_error reason;
  const gp_status status = gp_source_open(input->path, &input->options, &feed->source, &reason);
  return status == GP_OK ? GP_OK : fail_input(feed, status, 0, &reason, error);
}

static void close_input(files *feed) {
  gp_corpus *corpus = feed->corpus;
  const gp_input_facts facts = gp_source_facts(feed->source);
  (void)pthread_mutex_lock(&corpus->inputs_lock);
  corpus->inputs[feed->input].file = facts;
  (void)pthread_mutex_unlock(&corpus->inputs_lock);
  feed->before += facts.bytes;
  gp_source_free(feed->source);
  feed->source = NULL;
  feed->input++;
}

/* A record that cannot be read: left out, or the end. */
static gp_status refuse(files *feed, gp_batch *batch, gp_status status, const gp_error *reason) {
  gp_error error;
  (void)fail_input(feed, status, gp_source_line(feed->source), reason, &error);
  if (feed->corpus->options.skip_bad && status == GP_ERR_FORMAT &&
      gp_source_can_go_on(feed->source)) {
    return gp_batch_add_bad(batch, feed->input, error.message, &batch->error);
  }
  batch->error = error;
  return status;
}

static gp_status read_record(files *feed, gp_batch *batch) {
  gp_error reason;
  gp_record record;
  bool more = false;
  const gp_status status = gp_source_next(feed->source, &record, &more, &reason);
  if (status != GP_OK) {
    return refuse(feed, batch, status, &reason);
  }
  if (!more) {
    close_input(feed);
    return GP_OK;
  }
  return gp_batch_add_record(batch, feed->input, &record, &batch->error);
}

static bool fill(gp_feed *base, gp_batch *batch) {
  files *feed = (files *)(void *)base;
  const size_t n_inputs = feed->corpus->n_inputs;
  gp_status status = GP_OK;
  while (status == GP_OK && feed->input < n_inputs && batch->n_bytes < BATCH_BYTES) {
    status = feed->source == NULL ? open_input(feed, &batch->error) : read_record(feed, batch);
  }
  batch->status = status;
  batch->position = feed->before + (feed->source != NULL ? gp_source_position(feed->source) : 0);
  tell_what_is_to_come(feed, batch->position);
  return status == GP_OK && feed->input < n_inputs;
}

gp_status gp_feed_files_new(gp_corpus *corpus, gp_feed **feed, gp_error *error) {
  files *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "an input");
  }
  made->feed.fill = fill;
  made->corpus = corpus;
  made->total = add_sizes(corpus);
  *feed = &made->feed;
  return GP_OK;
}

void gp_feed_files_free(gp_feed *feed) {
  files *own = (files *)(void *)feed;
  if (own != NULL) {
    gp_source_free(own->source);
    free(own);
  }
}

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"
#include "corpus/feed.h"
#include "verify/result.h"

#define BATCH_COINS ((size_t)1 << 16)

typedef struct partials {
  gp_feed feed;
  gp_corpus *corpus;
  const char *const *paths;
  size_t n_paths;
  size_t path;               /* that is read, or comes next */
  gp_partial_reader *reader; /* NULL between files */
  uint64_t before;           /* bytes of the files before it */
} partials;

/* The first file decides what all have to agree in. */
static gp_status adopt_header(partials *feed, gp_partial_header *header, gp_error *error) {
  gp_corpus *corpus = feed->corpus;
  if (!corpus->has_header) {
    corpus->header = *header;
    corpus->has_header = true;
    return GP_OK;
  }
  const char *difference = gp_partial_difference(&corpus->header, header);
  free(header->settings);
  if (difference == NULL) {
    return GP_OK;
  }
  char first[GP_DISPLAY_NAME_SIZE];
  char other[GP_DISPLAY_NAME_SIZE];
  gp_display_input(first, feed->paths[0]);
  gp_display_input(other, feed->paths[feed->path]);
  return gp_fail(error, GP_ERR_ARGUMENT, "%s cannot be merged with %s: they differ in the %s",
                 other, first, difference);
}

static gp_status open_file(partials *feed, gp_error *error) {
  gp_partial_header header;
  const gp_status status =
      gp_partial_open(feed->paths[feed->path], feed->corpus->mask, &feed->reader, &header, error);
  return status == GP_OK ? adopt_header(feed, &header, error) : status;
}

static void set_facts(gp_corpus *corpus, const gp_corpus_input_facts *facts) {
  (void)pthread_mutex_lock(&corpus->inputs_lock);
  gp_corpus_input_facts *input = &corpus->inputs[corpus->n_inputs - 1];
  input->file = facts->file;
  input->bad = facts->bad;
  (void)pthread_mutex_unlock(&corpus->inputs_lock);
}

static gp_status take_input(partials *feed, gp_batch *batch, gp_partial_item *item) {
  const gp_status status =
      gp_corpus_add_input(feed->corpus, item->name, item->facts.format, &batch->error);
  free(item->name);
  return status;
}

static gp_status take_document(partials *feed, gp_batch *batch, const gp_partial_item *item) {
  gp_corpus *corpus = feed->corpus;
  gp_batch_document *document = NULL;
  const gp_status status = gp_batch_add_document(batch, corpus->n_inputs - 1, item->document.line,
                                                 &document, &batch->error);
  if (status != GP_OK) {
    return status;
  }
  const size_t input = document->input;
  *document = item->document;
  document->input = input;
  if (corpus->work.documents) {
    document->alone.documents = 1;
    document->alone.tokens = document->tokens;
    document->alone.repeated = document->windows - document->alone.scored;
    gp_result_test(&corpus->header.params, &document->alone);
  }
  return GP_OK;
}

static gp_status take_item(partials *feed, gp_batch *batch) {
  gp_partial_item item;
  const gp_status status = gp_partial_next(feed->reader, &item, &batch->coins[0],
                                           (uint32_t)batch->n_documents, &batch->error);
  if (status != GP_OK) {
    return status;
  }
  switch (item.event) {
  case GP_PARTIAL_INPUT:
    return take_input(feed, batch, &item);
  case GP_PARTIAL_DOCUMENT:
    return take_document(feed, batch, &item);
  case GP_PARTIAL_FACTS:
    set_facts(feed->corpus, &item.facts);
    return GP_OK;
  default:
    feed->before += gp_partial_position(feed->reader);
    gp_partial_reader_free(feed->reader);
    feed->reader = NULL;
    feed->path++;
    return GP_OK;
  }
}

static bool fill(gp_feed *base, gp_batch *batch) {
  partials *feed = (partials *)(void *)base;
  gp_status status = GP_OK;
  while (status == GP_OK && feed->path < feed->n_paths && batch->coins[0].count < BATCH_COINS &&
         batch->n_documents < BATCH_COINS) {
    status = feed->reader == NULL ? open_file(feed, &batch->error) : take_item(feed, batch);
  }
  batch->status = status;
  batch->position = feed->before + (feed->reader != NULL ? gp_partial_position(feed->reader) : 0);
  return status == GP_OK && feed->path < feed->n_paths;
}

gp_status gp_feed_partials_new(gp_corpus *corpus, const char *const *paths, size_t n_paths,
                               gp_feed **feed, gp_error *error) {
  partials *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "an input");
  }
  made->feed.fill = fill;
  made->corpus = corpus;
  made->paths = paths;
  made->n_paths = n_paths;
  const gp_status status = open_file(made, error);
  if (status != GP_OK) {
    gp_feed_partials_free(&made->feed);
    return status;
  }
  *feed = &made->feed;
  return GP_OK;
}

void gp_feed_partials_free(gp_feed *feed) {
  partials *own = (partials *)(void *)feed;
  if (own != NULL) {
    gp_partial_reader_free(own->reader);
    free(own);
  }
}

#include "corpus/worker.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/quote.h"
#include "verify/result.h"

gp_status gp_worker_init(gp_worker *worker, const gp_work *work, gp_error *error) {
  memset(worker, 0, sizeof *worker);
  const size_t keys = work->n_keys;
  worker->lanes = calloc(keys, sizeof *worker->lanes);
  worker->positions = calloc(keys, sizeof *worker->positions);
  worker->scored = calloc(keys, sizeof *worker->scored);
  worker->green = calloc(keys * work->n_tenants, sizeof *worker->green);
  if (worker->lanes == NULL || worker->positions == NULL || worker->scored == NULL ||
      worker->green == NULL) {
    return gp_fail_memory(error, "a worker");
  }
  gp_status status = GP_OK;
  for (size_t i = 0; i < keys && work->prfs != NULL && status == GP_OK; i++) {
    status = gp_prf_lane_init(&worker->lanes[i], &work->prfs[i], error);
  }
  if (status == GP_OK) {
    status = gp_parser_new(&worker->parser, error);
  }
  if (status == GP_OK && work->options->tokenizer != NULL) {
    status = gp_encoder_new(work->options->tokenizer, &worker->encoder, error);
  }
  return status;
}

void gp_worker_release(gp_worker *worker, const gp_work *work) {
  for (size_t i = 0; i < work->n_keys && worker->lanes != NULL; i++) {
    gp_prf_lane_release(&worker->lanes[i]);
  }
  free(worker->lanes);
  gp_parser_free(worker->parser);
  gp_encoder_free(worker->encoder);
  gp_idset_release(&worker->alone);
  free(worker->colours);
  free(worker->positions);
  free(worker->scored);
  free(worker->green);
}

/* ------------------------------------------------------------------- coins */

/* Moves the new ones to `fresh`; place[i] is where the i-th stood. Returns how many. No branch:
 * which are new is hard to predict. */
static size_t take_fresh(const uint8_t (*ids)[GP_ID_SIZE], const uint8_t *flags, size_t count,
                         uint8_t (*fresh)[GP_ID_SIZE], uint16_t *place) {
  size_t n_fresh = 0;
  for (size_t i = 0; i < count; i++) {
    gp_store_words(fresh[n_fresh], gp_load_words(ids[i]));
    place[n_fresh] = (uint16_t)i;
    n_fresh += flags[i] & GP_COIN_FRESH;
  }
  return n_fresh;
}

static uint64_t sum_of(const uint8_t *green, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += green[i];
  }
  return sum;
}

/* Counts the new coins: for each tenant how many are green, or their colours too. */
static gp_status count_fresh(gp_worker *worker, const gp_work *work, size_t key,
                             const uint8_t (*fresh)[GP_ID_SIZE], size_t count, uint8_t *green,
                             gp_error *error) {
  const gp_prf *prf = &work->prfs[key];
  gp_prf_lane *lane = &worker->lanes[key];
  uint64_t *sums = worker->green + key * work->n_tenants;
  if (work->tweaks != NULL) {
    const uint8_t(*tweaks)[GP_BLOCK_SIZE] =
        (const uint8_t(*)[GP_BLOCK_SIZE])(work->tweaks + key * work->n_tenants);
    return gp_prf_count_tenants(prf, lane, fresh, count, tweaks, work->n_tenants, sums, error);
  }
  const gp_status status = gp_prf_green(prf, lane, fresh, count, green, error);
  sums[0] += status == GP_OK ? sum_of(green, count) : 0;
  return status;
}

/* Whether coins come with their colours: in a merge, and where documents are judged. */
static bool colours_known(const gp_work *work) {
  return work->prfs == NULL || work->documents;
}

gp_status gp_worker_count(gp_worker *worker, const gp_work *work, size_t key,
                          const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags, size_t count,
                          gp_error *error) {
  if (colours_known(work)) {
    for (size_t i = 0; i < count; i++) {
      const unsigned fresh = flags[i] & GP_COIN_FRESH;
      worker->scored[key] += fresh;
      worker->green[key] += fresh & (flags[i] / GP_COIN_GREEN);
    }
    return GP_OK;
  }
  _Alignas(64) uint8_t fresh[GP_COIN_CHUNK][GP_ID_SIZE];
  uint16_t place[GP_COIN_CHUNK];
  uint8_t green[GP_COIN_CHUNK] = {0};
  const size_t n_fresh = take_fresh(ids, flags, count, fresh, place);
  worker->scored[key] += n_fresh;
  const gp_status status =
      count_fresh(worker, work, key, (const uint8_t(*)[GP_ID_SIZE])fresh, n_fresh, green, error);
  for (size_t i = 0; i < n_fresh && status == GP_OK; i++) {
    flags[place[i]] |= (uint8_t)(green[i] * GP_COIN_GREEN);
  }
  return status;
}

gp_status gp_worker_colour(gp_worker *worker, const gp_work *work,
                           const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags, size_t count,
                           gp_error *error) {
  if (colours_known(work)) {
    return GP_OK;
  }
  uint8_t green[GP_COIN_CHUNK];
  const gp_status status =
      gp_prf_green(&work->prfs[0], &worker->lanes[0], ids, count, green, error);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    flags[i] |= (uint8_t)(green[i] * GP_COIN_GREEN);
  }
  return status;
}

/* --------------------------------------------------------------- documents */

/* Positions without a window have no colour; the others get theirs from judge_alone(). */
static gp_status start_alone(gp_worker *worker, size_t n_tokens, size_t windows,
                             gp_error *error) {
  uint8_t *colours = gp_array_reserve(worker->colours, &worker->colours_capacity, n_tokens, 1);
  if (colours == NULL) {
    return gp_fail_memory(error, "the colours of a document");
  }
  worker->colours = colours;
  memset(colours, GP_COLOUR_NONE, n_tokens - windows);
  gp_idset_clear_or_shrink(&worker->alone);
  return GP_OK;
}

/* Counts coins as if their document stood alone: their flags, and the colours of positions. */
static gp_status judge_alone(gp_worker *worker, const gp_work *work,
                             const uint8_t (*ids)[GP_ID_SIZE], size_t count, gp_result *alone,
                             uint8_t *flags, uint8_t *colours, gp_error *error) {
  uint8_t is_new[GP_PRF_BATCH];
  uint8_t green[GP_PRF_BATCH];
  gp_status status = gp_idset_reserve(&worker->alone, count, error);
  if (status == GP_OK) {
    status = gp_prf_green(&work->prfs[0], &worker->lanes[0], ids, count, green, error);
  }
  if (status != GP_OK) {
    return status;
  }
  static const uint8_t shown[2][2] = {{GP_COLOUR_AGAIN_RED, GP_COLOUR_AGAIN_GREEN},
                                      {GP_COLOUR_RED, GP_COLOUR_GREEN}};
  gp_idset_insert_all(&worker->alone, ids, count, is_new);
  for (size_t i = 0; i < count; i++) {
    alone->scored += is_new[i];
    alone->green += is_new[i] & green[i];
    colours[i] = shown[is_new[i]][green[i]];
    flags[i] = (uint8_t)(green[i] * GP_COIN_GREEN);
  }
  return GP_OK;
}

/* Adds the coins of a document under one key. */
static gp_status add_coins(gp_worker *worker, const gp_work *work, size_t key, gp_batch *batch,
                           const uint32_t *tokens, size_t n_tokens, gp_result *alone,
                           gp_error *error) {
  const gp_prf *prf = &work->prfs[key];
  const size_t width = prf->params.context_width;
  const size_t windows = n_tokens > width ? n_tokens - width : 0;
  const uint32_t number = (uint32_t)(batch->n_documents - 1);
  gp_status status = work->documents ? start_alone(worker, n_tokens, windows, error) : GP_OK;
  for (size_t first = 0; first < windows && status == GP_OK; first += GP_PRF_BATCH) {
    const size_t left = windows - first;
    const size_t count = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    size_t kept = count;
    _Alignas(64) uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
    uint8_t flags[GP_PRF_BATCH] = {0};
    const uint8_t(*ids)[GP_ID_SIZE] = (const uint8_t(*)[GP_ID_SIZE])pairs;
    status =
        gp_prf_pairs_kept(prf, &worker->lanes[key], tokens + first, count, pairs, &kept, error);
    if (status == GP_OK && work->documents) {
      status = judge_alone(worker, work, ids, count, alone, flags,
                           worker->colours + width + first, error);
    }
    if (status == GP_OK) {
      status = gp_batch_add_coins(&batch->coins[key], ids, flags, kept, number, error);
    }
  }
  return status;
}

/* The ids of a document: its own, or those of its text. */
static gp_status tokenize(gp_worker *worker, const gp_document *from, const uint32_t **tokens,
                          size_t *n_tokens, const size_t **ends, gp_error *reason) {
  *tokens = from->tokens;
  *n_tokens = from->n_tokens;
  *ends = NULL;
  if (from->text == NULL) {
    return GP_OK;
  }
  if (worker->encoder == NULL) {
    return gp_fail(reason, GP_ERR_ARGUMENT,
                   "holds text, which takes a tokenizer to read (--tokenizer)");
  }
  return gp_encoder_encode(worker->encoder, from->text, from->n_bytes, tokens, ends, n_tokens,
                           reason);
}

static gp_status score_document(gp_worker *worker, const gp_work *work, gp_batch *batch,
                                size_t input, const gp_document *from, gp_error *reason) {
  const uint32_t *tokens = NULL;
  const size_t *ends = NULL;
  size_t n_tokens = 0;
  gp_batch_document *document = NULL;
  gp_status status = tokenize(worker, from, &tokens, &n_tokens, &ends, reason);
  if (status == GP_OK) {
    status = gp_batch_add_document(batch, input, from->line, &document, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  const size_t width = work->prfs[0].params.context_width;
  document->tokens = n_tokens;
  document->windows = n_tokens > width ? n_tokens - width : 0;
  for (size_t key = 0; key < work->n_keys && status == GP_OK; key++) {
    status = add_coins(worker, work, key, batch, tokens, n_tokens, &document->alone, reason);
  }
  if (status != GP_OK || !work->documents) {
    return status;
  }
  document->alone.documents = 1;
  document->alone.tokens = n_tokens;
  document->alone.repeated = document->windows - document->alone.scored;
  gp_result_test(&work->prfs[0].params, &document->alone);
  return gp_batch_show(batch, document, tokens, worker->colours, n_tokens, from->text,
                       from->n_bytes, ends, reason);
}

static gp_status score_record(gp_worker *worker, const gp_work *work, gp_batch *batch,
                              const gp_batch_record *item, gp_error *reason) {
  gp_record record = item->record;
  record.bytes = batch->bytes + item->offset;
  const gp_reader_options *options = &work->inputs[item->input].options;
  gp_status status = gp_parser_start(worker->parser, options, &record, reason);
  while (status == GP_OK) {
    gp_document document;
    bool more = false;
    status = gp_parser_next(worker->parser, &document, &more, reason);
    if (status != GP_OK || !more) {
      break;
    }
    status = score_document(worker, work, batch, item->input, &document, reason);
  }
  return status;
}

/* The counts of a batch before a record, to return to if that is bad. */
typedef struct mark {
  size_t documents;
  size_t tokens;
  size_t ends;
  size_t text;
} mark;

static mark set_mark(const gp_batch *batch) {
  return (mark){batch->n_documents, batch->n_tokens, batch->n_ends, batch->n_text};
}

static void return_to(gp_batch *batch, const mark *before) {
  batch->n_documents = before->documents;
  batch->n_tokens = before->tokens;
  batch->n_colours = before->tokens;
  batch->n_ends = before->ends;
  batch->n_text = before->text;
  for (size_t key = 0; key < batch->n_keys; key++) {
    gp_batch_drop_coins(&batch->coins[key], before->documents);
  }
}

/* A record that cannot be used: left out, or the end of the run. */
static gp_status refuse(const gp_work *work, gp_batch *batch, const gp_batch_record *item,
                        gp_status status, const gp_error *reason, gp_error *error) {
  const gp_corpus_input *input = &work->inputs[item->input];
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_input(name, input->path);
  (void)gp_source_fail(error, status, name, input->options.format, item->record.line, reason);
  if (!work->options->skip_bad || status != GP_ERR_FORMAT) {
    return status;
  }
  char message[GP_ERROR_MESSAGE_SIZE];
  memcpy(message, error->message, sizeof message);
  return gp_batch_add_bad(batch, item->input, message, error);
}

void gp_worker_score(gp_worker *worker, const gp_work *work, gp_batch *batch) {
  gp_error *error = &batch->error;
  gp_status status = GP_OK;
  if (work->prfs == NULL) { /* a merge reads documents and coins */
    return;
  }
  for (size_t i = 0; i < batch->n_records && status == GP_OK; i++) {
    const mark before = set_mark(batch);
    gp_error reason;
    status = score_record(worker, work, batch, &batch->records[i], &reason);
    if (status != GP_OK) {
      return_to(batch, &before);
      status = refuse(work, batch, &batch->records[i], status, &reason, error);
    }
  }
  if (status != GP_OK) { /* comes before what the reader may have met behind these records */
    batch->status = status;
  }
}

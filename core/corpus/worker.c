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
  worker->loose = calloc(keys, sizeof *worker->loose);
  worker->positions = calloc(keys, sizeof *worker->positions);
  worker->scored = calloc(keys, sizeof *worker->scored);
  worker->green = calloc(keys * work->n_tenants, sizeof *worker->green);
  if (worker->lanes == NULL || worker->loose == NULL || worker->positions == NULL ||
      worker->scored == NULL || worker->green == NULL) {
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
  for (size_t i = 0; i < work->n_keys; i++) {
    if (worker->lanes != NULL) {
      gp_prf_lane_release(&worker->lanes[i]);
    }
    if (worker->loose != NULL) {
      gp_loose_coins_release(&worker->loose[i]);
    }
  }
  free(worker->lanes);
  free(worker->loose);
  gp_parser_free(worker->parser);
  gp_encoder_free(worker->encoder);
  gp_idset_release(&worker->alone);
  free(worker->colours);
  free(worker->positions);
  free(worker->scored);
  free(worker->green);
}

/* ------------------------------------------------------------------- coins */

/* Adds the coins of a document under one key. */
static gp_status add_coins(gp_worker *worker, const gp_work *work, size_t key,
                           const uint32_t *tokens, size_t windows, uint32_t document,
                           gp_error *error) {
  const gp_prf *prf = &work->prfs[key];
  gp_loose_coins *loose = &worker->loose[key];
  gp_status status = gp_loose_coins_reserve(loose, windows, error);
  for (size_t first = 0; first < windows && status == GP_OK; first += GP_PRF_BATCH) {
    const size_t left = windows - first;
    const size_t count = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    uint8_t(*ids)[GP_ID_SIZE] = loose->ids + loose->count;
    status = gp_prf_nonces(prf, &worker->lanes[key], tokens + first, count, ids, error);
    for (size_t i = 0; i < count; i++) {
      gp_store_le32(ids[i] + GP_NONCE_SIZE, tokens[first + prf->params.context_width + i]);
      loose->documents[loose->count + i] = document;
      loose->flags[loose->count + i] = 0;
    }
    loose->count += count;
  }
  return status;
}

/* The colours of `count` coins, for one tenant whose tweak may be NULL. */
static gp_status toss(const gp_prf *prf, gp_prf_lane *lane, const uint8_t (*ids)[GP_ID_SIZE],
                      const uint8_t *tweak, size_t count, uint8_t *green, gp_error *error) {
  uint8_t nonces[GP_COIN_CHUNK][GP_BLOCK_SIZE];
  uint32_t tokens[GP_COIN_CHUNK];
  for (size_t i = 0; i < count; i++) {
    gp_words words = gp_load_words(ids[i]);
    if (tweak != NULL) {
      const gp_words tweaked = gp_load_words(tweak);
      words.word[0] ^= tweaked.word[0];
      words.word[1] ^= tweaked.word[1];
    }
    gp_store_words(nonces[i], words);
    tokens[i] = gp_load_le32(ids[i] + GP_NONCE_SIZE);
  }
  return gp_prf_green(prf, lane, (const uint8_t(*)[GP_BLOCK_SIZE])nonces, tokens, count, green,
                      error);
}

static gp_status count_new(gp_worker *worker, const gp_work *work, size_t key,
                           const uint8_t (*ids)[GP_ID_SIZE], size_t count, uint8_t *green,
                           gp_error *error) {
  gp_status status = GP_OK;
  for (size_t tenant = 0; tenant < work->n_tenants && status == GP_OK; tenant++) {
    const uint8_t *tweak =
        work->tweaks != NULL ? work->tweaks[key * work->n_tenants + tenant] : NULL;
    status = toss(&work->prfs[key], &worker->lanes[key], ids, tweak, count, green, error);
    uint64_t sum = 0;
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      sum += green[i];
    }
    worker->green[key * work->n_tenants + tenant] += sum;
  }
  return status;
}

gp_status gp_worker_count(gp_worker *worker, const gp_work *work, size_t key,
                          const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags, size_t count,
                          gp_error *error) {
  uint8_t fresh[GP_COIN_CHUNK][GP_ID_SIZE];
  size_t place[GP_COIN_CHUNK];
  size_t n_fresh = 0;
  for (size_t i = 0; i < count; i++) {
    if ((flags[i] & GP_COIN_FRESH) != 0) {
      memcpy(fresh[n_fresh], ids[i], GP_ID_SIZE);
      place[n_fresh++] = i;
    }
  }
  worker->scored[key] += n_fresh;
  if (work->prfs == NULL) { /* a merge */
    for (size_t i = 0; i < n_fresh; i++) {
      worker->green[key] += (flags[place[i]] & GP_COIN_GREEN) != 0;
    }
    return GP_OK;
  }
  uint8_t green[GP_COIN_CHUNK] = {0};
  const gp_status status = n_fresh == 0
                               ? GP_OK
                               : count_new(worker, work, key, (const uint8_t(*)[GP_ID_SIZE])fresh,
                                           n_fresh, green, error);
  for (size_t i = 0; i < n_fresh && status == GP_OK; i++) {
    flags[place[i]] |= green[i] != 0 ? GP_COIN_GREEN : 0;
  }
  return status;
}

gp_status gp_worker_colour(gp_worker *worker, const gp_work *work,
                           const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags, size_t count,
                           gp_error *error) {
  if (work->prfs == NULL) { /* a merge knows them */
    return GP_OK;
  }
  uint8_t green[GP_COIN_CHUNK];
  const gp_status status =
      toss(&work->prfs[0], &worker->lanes[0], ids, NULL, count, green, error);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    flags[i] |= green[i] != 0 ? GP_COIN_GREEN : 0;
  }
  return status;
}

/* --------------------------------------------------------------- documents */

/* Counts a document as if it stood alone, from its coins under the only key. */
static gp_status count_alone(gp_worker *worker, const gp_work *work,
                             const uint8_t (*ids)[GP_ID_SIZE], size_t n_tokens, size_t windows,
                             gp_batch_document *document, gp_error *error) {
  uint8_t *colours = gp_array_reserve(worker->colours, &worker->colours_capacity, n_tokens, 1);
  if (colours == NULL) {
    return gp_fail_memory(error, "the colours of a document");
  }
  worker->colours = colours;
  memset(colours, GP_COLOUR_NONE, n_tokens - windows);
  colours += n_tokens - windows;
  gp_idset_clear_or_shrink(&worker->alone);
  gp_result *alone = &document->alone;
  gp_status status = GP_OK;
  for (size_t first = 0; first < windows && status == GP_OK; first += GP_COIN_CHUNK) {
    const size_t left = windows - first;
    const size_t count = left < GP_COIN_CHUNK ? left : GP_COIN_CHUNK;
    uint8_t green[GP_COIN_CHUNK];
    status = gp_idset_reserve(&worker->alone, count, error);
    if (status == GP_OK) {
      status = toss(&work->prfs[0], &worker->lanes[0], ids + first, NULL, count, green, error);
    }
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      const bool is_new = gp_idset_insert(&worker->alone, ids[first + i]);
      const bool is_green = green[i] != 0;
      alone->scored += is_new;
      alone->green += is_new && is_green;
      colours[first + i] =
          (uint8_t)(is_new ? (is_green ? GP_COLOUR_GREEN : GP_COLOUR_RED)
                           : (is_green ? GP_COLOUR_AGAIN_GREEN : GP_COLOUR_AGAIN_RED));
    }
  }
  alone->documents = 1;
  alone->tokens = n_tokens;
  alone->repeated = windows - alone->scored;
  gp_result_test(&work->prfs[0].params, alone);
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
  const uint32_t number = (uint32_t)(batch->n_documents - 1);
  document->tokens = n_tokens;
  for (size_t key = 0; key < work->n_keys && status == GP_OK; key++) {
    const size_t width = work->prfs[key].params.context_width;
    const size_t windows = n_tokens > width ? n_tokens - width : 0;
    if (key == 0) {
      document->windows = windows;
    }
    status = add_coins(worker, work, key, tokens, windows, number, reason);
  }
  if (status != GP_OK || !work->documents) {
    return status;
  }
  const gp_loose_coins *loose = &worker->loose[0];
  const size_t windows = (size_t)document->windows;
  status = count_alone(worker, work,
                       (const uint8_t(*)[GP_ID_SIZE])(loose->ids + (loose->count - windows)),
                       n_tokens, windows, document, reason);
  return status != GP_OK ? status
                         : gp_batch_show(batch, document, tokens, worker->colours, n_tokens,
                                         from->text, from->n_bytes, ends, reason);
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

static void return_to(gp_batch *batch, gp_worker *worker, size_t n_keys, const mark *before) {
  batch->n_documents = before->documents;
  batch->n_tokens = before->tokens;
  batch->n_colours = before->tokens;
  batch->n_ends = before->ends;
  batch->n_text = before->text;
  for (size_t key = 0; key < n_keys; key++) {
    gp_loose_coins *loose = &worker->loose[key];
    while (loose->count > 0 && loose->documents[loose->count - 1] >= before->documents) {
      loose->count--;
    }
  }
}

/* A record that cannot be used: left out, or the end of the run. */
static gp_status refuse(const gp_work *work, gp_batch *batch, const gp_batch_record *item,
                        gp_status status, const gp_error *reason, gp_error *error) {
  const gp_corpus_input *input = &work->inputs[item->input];
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, strcmp(input->path, "-") == 0 ? "standard input" : input->path);
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
  for (size_t key = 0; key < work->n_keys; key++) {
    worker->loose[key].count = 0;
  }
  for (size_t i = 0; i < batch->n_records && status == GP_OK; i++) {
    const mark before = set_mark(batch);
    gp_error reason;
    status = score_record(worker, work, batch, &batch->records[i], &reason);
    if (status != GP_OK) {
      return_to(batch, worker, work->n_keys, &before);
      status = refuse(work, batch, &batch->records[i], status, &reason, error);
    }
  }
  for (size_t key = 0; key < work->n_keys && status == GP_OK; key++) {
    status = gp_batch_set_coins(&batch->coins[key], &worker->loose[key], error);
  }
  if (status != GP_OK) { /* comes before what the reader may have met behind these records */
    batch->status = status;
  }
}

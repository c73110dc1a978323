#include "corpus/batch.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/bytes.h"
#include "common/error.h"

gp_status gp_batch_init(gp_batch *batch, size_t n_keys, gp_error *error) {
  memset(batch, 0, sizeof *batch);
  batch->coins = calloc(n_keys, sizeof *batch->coins);
  if (batch->coins == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->n_keys = n_keys;
  return GP_OK;
}

static void release_coins(gp_shard_coins *coins) {
  if (coins->ids != NULL) {
    sodium_memzero(coins->ids, coins->capacity * GP_ID_SIZE);
  }
  free(coins->ids);
  free(coins->documents);
  free(coins->flags);
}

void gp_batch_release(gp_batch *batch) {
  free(batch->bytes);
  free(batch->records);
  free(batch->documents);
  free(batch->bad);
  for (size_t i = 0; i < batch->n_keys; i++) {
    for (unsigned shard = 0; shard < GP_SHARDS; shard++) {
      release_coins(&batch->coins[i].shards[shard]);
    }
  }
  free(batch->coins);
  free(batch->tokens);
  free(batch->colours);
  free(batch->ends);
  free(batch->text);
  memset(batch, 0, sizeof *batch);
}

void gp_batch_clear(gp_batch *batch) {
  batch->shards_done = 0;
  batch->n_bytes = 0;
  batch->n_records = 0;
  batch->n_documents = 0;
  batch->n_bad = 0;
  batch->n_tokens = 0;
  batch->n_colours = 0;
  batch->n_ends = 0;
  batch->n_text = 0;
  batch->deferred = false;
  batch->status = GP_OK;
  for (size_t i = 0; i < batch->n_keys; i++) {
    gp_batch_drop_coins(&batch->coins[i], 0);
  }
}

/* Room for `extra` more behind `count` of them; `items` points at the array's pointer. */
#define RESERVE(items, count, capacity, extra)                                                   \
  reserve_copy(&(capacity), (count), (extra), sizeof *(items), (items))

static void *reserve_copy(size_t *capacity, size_t count, size_t extra, size_t size,
                          void *items) {
  return extra > SIZE_MAX - count ? NULL : gp_array_reserve(items, capacity, count + extra, size);
}

gp_status gp_batch_add_record(gp_batch *batch, size_t input, const gp_record *record,
                              gp_error *error) {
  char *bytes = RESERVE(batch->bytes, batch->n_bytes, batch->bytes_capacity, record->length);
  if (bytes == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->bytes = bytes;
  gp_batch_record *records =
      RESERVE(batch->records, batch->n_records, batch->records_capacity, 1);
  if (records == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->records = records;
  memcpy(bytes + batch->n_bytes, record->bytes, record->length);
  records[batch->n_records++] =
      (gp_batch_record){.input = input, .offset = batch->n_bytes, .record = *record};
  batch->n_bytes += record->length;
  return GP_OK;
}

gp_status gp_batch_add_document(gp_batch *batch, size_t input, uint64_t line,
                                gp_batch_document **document, gp_error *error) {
  gp_batch_document *documents =
      RESERVE(batch->documents, batch->n_documents, batch->documents_capacity, 1);
  if (documents == NULL || batch->n_documents >= UINT32_MAX) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->documents = documents;
  *document = &documents[batch->n_documents++];
  **document = (gp_batch_document){.input = input, .line = line};
  return GP_OK;
}

gp_status gp_batch_add_bad(gp_batch *batch, size_t input, const char *message, gp_error *error) {
  gp_batch_bad *bad = RESERVE(batch->bad, batch->n_bad, batch->bad_capacity, 1);
  if (bad == NULL) {
    return gp_fail_memory(error, "the list of bad lines");
  }
  batch->bad = bad;
  bad[batch->n_bad].input = input;
  (void)strncpy(bad[batch->n_bad].message, message, GP_ERROR_MESSAGE_SIZE - 1);
  bad[batch->n_bad].message[GP_ERROR_MESSAGE_SIZE - 1] = '\0';
  batch->n_bad++;
  return GP_OK;
}

static gp_status show_text(gp_batch *batch, gp_batch_document *document, const char *text,
                           size_t n_bytes, const size_t *ends, size_t n_tokens, gp_error *error) {
  char *copied = RESERVE(batch->text, batch->n_text, batch->text_capacity, n_bytes);
  if (copied == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->text = copied;
  size_t *offsets = RESERVE(batch->ends, batch->n_ends, batch->ends_capacity, n_tokens);
  if (offsets == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->ends = offsets;
  document->shown.has_text = true;
  document->shown.text = batch->n_text;
  document->shown.n_bytes = n_bytes;
  document->shown.ends = batch->n_ends;
  if (n_bytes > 0) {
    memcpy(copied + batch->n_text, text, n_bytes);
  }
  if (n_tokens > 0) {
    memcpy(offsets + batch->n_ends, ends, n_tokens * sizeof *ends);
  }
  batch->n_text += n_bytes;
  batch->n_ends += n_tokens;
  return GP_OK;
}

gp_status gp_batch_show(gp_batch *batch, gp_batch_document *document, const uint32_t *tokens,
                        const uint8_t *colours, size_t n_tokens, const char *text, size_t n_bytes,
                        const size_t *ends, gp_error *error) {
  uint32_t *ids = RESERVE(batch->tokens, batch->n_tokens, batch->tokens_capacity, n_tokens);
  if (ids == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->tokens = ids;
  uint8_t *seen = RESERVE(batch->colours, batch->n_colours, batch->colours_capacity, n_tokens);
  if (seen == NULL) {
    return gp_fail_memory(error, "a batch of documents");
  }
  batch->colours = seen;
  document->shown.tokens = batch->n_tokens;
  if (n_tokens > 0) {
    memcpy(ids + batch->n_tokens, tokens, n_tokens * sizeof *tokens);
    memcpy(seen + batch->n_colours, colours, n_tokens);
  }
  batch->n_tokens += n_tokens;
  batch->n_colours += n_tokens;
  return text == NULL ? GP_OK : show_text(batch, document, text, n_bytes, ends, n_tokens, error);
}

/* ------------------------------------------------------------------- coins */

/* Room for `extra` more in the three parallel arrays. */
static gp_status reserve_coins(gp_shard_coins *coins, size_t extra, gp_error *error) {
  if (extra <= coins->capacity - coins->count) {
    return GP_OK;
  }
  size_t wanted = coins->capacity;
  void *grown = RESERVE(coins->ids, coins->count, wanted, extra);
  if (grown != NULL) {
    coins->ids = grown;
    grown = realloc(coins->documents, wanted * sizeof *coins->documents);
  }
  if (grown != NULL) {
    coins->documents = grown;
    grown = realloc(coins->flags, wanted);
  }
  if (grown == NULL) {
    return gp_fail_memory(error, "a batch of coins");
  }
  coins->flags = grown;
  coins->capacity = wanted;
  return GP_OK;
}

gp_status gp_batch_add_coins(gp_batch_coins *coins, const uint8_t (*ids)[GP_ID_SIZE],
                             const uint8_t *flags, size_t count, uint32_t document,
                             gp_error *error) {
  uint8_t shard_of[GP_COIN_CHUNK];
  size_t counts[GP_SHARDS] = {0};
  for (size_t i = 0; i < count; i++) {
    shard_of[i] = (uint8_t)gp_coin_shard_of(ids[i]);
    counts[shard_of[i]]++;
  }
  for (unsigned shard = 0; shard < GP_SHARDS; shard++) {
    const gp_status status = reserve_coins(&coins->shards[shard], counts[shard], error);
    if (status != GP_OK) {
      return status;
    }
  }
  for (size_t i = 0; i < count; i++) {
    gp_shard_coins *shard = &coins->shards[shard_of[i]];
    const size_t at = shard->count++;
    gp_store_words(shard->ids[at], gp_load_words(ids[i]));
    shard->documents[at] = document;
    shard->flags[at] = flags[i];
  }
  coins->count += count;
  return GP_OK;
}

void gp_batch_drop_coins(gp_batch_coins *coins, size_t first_document) {
  coins->count = 0;
  for (unsigned i = 0; i < GP_SHARDS; i++) {
    gp_shard_coins *shard = &coins->shards[i];
    if (first_document == 0) {
      shard->count = 0;
    }
    while (shard->count > 0 && shard->documents[shard->count - 1] >= first_document) {
      shard->count--;
    }
    coins->count += shard->count;
  }
}

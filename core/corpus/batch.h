/*
 * A batch: what travels through a run together. The reader fills in records (or, in a merge,
 * documents and coins), a worker makes documents and coins of them, the shards mark the new
 * coins, and the documents are closed in order.
 */
#ifndef GP_CORPUS_BATCH_H
#define GP_CORPUS_BATCH_H

#include "corpus/coin_table.h"
#include "io/source.h"

typedef struct gp_batch_record {
  size_t input;
  size_t offset; /* into the batch's bytes */
  gp_record record;
} gp_batch_record;

/* A line that was left out. */
typedef struct gp_batch_bad {
  size_t input;
  char message[GP_ERROR_MESSAGE_SIZE];
} gp_batch_bad;

/* Where the parts of a document that on_document() wants to see begin. */
typedef struct gp_batch_shown {
  size_t tokens; /* index into `tokens` and `colours` */
  size_t ends;   /* index into `ends`, where there is text */
  size_t text;   /* index into `text` */
  size_t n_bytes;
  bool has_text;
} gp_batch_shown;

typedef struct gp_batch_document {
  size_t input;
  uint64_t line;
  uint64_t tokens;
  uint64_t windows; /* positions that have one */
  gp_result alone;  /* where documents are wanted */
  gp_batch_shown shown;
} gp_batch_document;

/* Coins of one shard, in the order of their documents. */
typedef struct gp_shard_coins {
  uint8_t (*ids)[GP_ID_SIZE];
  uint32_t *documents; /* index into the batch's documents */
  uint8_t *flags;
  size_t count;
  size_t capacity;
} gp_shard_coins;

/* Coins under one key, divided among the shards. */
typedef struct gp_batch_coins {
  gp_shard_coins shards[GP_SHARDS];
  size_t count; /* in all shards */
} gp_batch_coins;

typedef enum gp_batch_state {
  GP_BATCH_EMPTY,
  GP_BATCH_READING,
  GP_BATCH_READ,
  GP_BATCH_SCORING,
  GP_BATCH_SCORED,
} gp_batch_state;

typedef struct gp_batch {
  gp_batch_state state;
  unsigned shards_done;
  char *bytes;
  size_t n_bytes;
  size_t bytes_capacity;
  gp_batch_record *records;
  size_t n_records;
  size_t records_capacity;
  gp_batch_document *documents;
  size_t n_documents;
  size_t documents_capacity;
  gp_batch_bad *bad;
  size_t n_bad;
  size_t bad_capacity;
  gp_batch_coins *coins; /* one for each key */
  size_t n_keys;
  uint32_t *tokens;
  size_t n_tokens;
  size_t tokens_capacity; /* shown documents */
  uint8_t *colours;
  size_t n_colours;
  size_t colours_capacity;
  size_t *ends;
  size_t n_ends;
  size_t ends_capacity;
  char *text;
  size_t n_text;
  size_t text_capacity;
  uint64_t first_document; /* number of its first document in the run */
  uint64_t position;       /* bytes read so far, over all inputs */
  bool deferred;           /* some coins are counted late */
  gp_status status;        /* what went wrong; the batches before it are good */
  gp_error error;
} gp_batch;

gp_status gp_batch_init(gp_batch *batch, size_t n_keys, gp_error *error);
void gp_batch_release(gp_batch *batch);

/* Empties it, keeping the memory. */
void gp_batch_clear(gp_batch *batch);

/* Adds a record, copying its bytes. */
gp_status gp_batch_add_record(gp_batch *batch, size_t input, const gp_record *record,
                              gp_error *error);

/* A new last document, zeroed but for its input and line. */
gp_status gp_batch_add_document(gp_batch *batch, size_t input, uint64_t line,
                                gp_batch_document **document, gp_error *error);

gp_status gp_batch_add_bad(gp_batch *batch, size_t input, const char *message, gp_error *error);

/* Copies what on_document() shows. */
gp_status gp_batch_show(gp_batch *batch, gp_batch_document *document, const uint32_t *tokens,
                        const uint8_t *colours, size_t n_tokens, const char *text, size_t n_bytes,
                        const size_t *ends, gp_error *error);

/* Adds `count` <= GP_COIN_CHUNK coins of a document, with their flags. */
gp_status gp_batch_add_coins(gp_batch_coins *coins, const uint8_t (*ids)[GP_ID_SIZE],
                             const uint8_t *flags, size_t count, uint32_t document,
                             gp_error *error);

/* Takes back the coins of all documents from this one on. */
void gp_batch_drop_coins(gp_batch_coins *coins, size_t first_document);

#endif

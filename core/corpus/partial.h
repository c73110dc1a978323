/*
 * Partial files (SPEC.md section 12): what one run over a part of the inputs found, in the
 * order of the documents, so that a merge can count on as if it had read them itself.
 */
#ifndef GP_CORPUS_PARTIAL_H
#define GP_CORPUS_PARTIAL_H

#include "corpus/batch.h"
#include "key/scheme.h"

#define GP_SETTINGS_MAX 65535 /* bytes */

/* What has to agree in all that are merged. */
typedef struct gp_partial_header {
  gp_scheme scheme;
  gp_params params;
  uint8_t commitment[GP_COMMITMENT_SIZE];
  bool has_tenant;
  uint64_t tenant;
  bool documents; /* whether documents have counts of their own */
  char *settings; /* owned by whoever holds the header; NUL-terminated */
} gp_partial_header;

static inline void gp_partial_mask(uint8_t id[GP_ID_SIZE], const uint8_t mask[GP_ID_SIZE]) {
  for (size_t i = 0; i < GP_ID_SIZE; i++) {
    id[i] ^= mask[i];
  }
}

/* The name of the field in which two headers differ; NULL when they agree. */
const char *gp_partial_difference(const gp_partial_header *a, const gp_partial_header *b);

typedef struct gp_partial_writer gp_partial_writer;

/* `mask`, which has to outlive the writer, is XORed into all ids, to undo what a reader did. */
gp_status gp_partial_create(const char *path, const gp_partial_header *header,
                            const uint8_t mask[GP_ID_SIZE], gp_partial_writer **writer,
                            gp_error *error);
void gp_partial_writer_free(gp_partial_writer *writer);

/* An input begins; the documents that follow are from it. */
gp_status gp_partial_begin_input(gp_partial_writer *writer, const char *name,
                                 gp_input_format format, gp_error *error);

/* It ended. */
gp_status gp_partial_end_input(gp_partial_writer *writer, const gp_corpus_input_facts *facts,
                               gp_error *error);

/* A document, and its new coins: those of `count` that have GP_COIN_FRESH or GP_COIN_LATE. */
gp_status gp_partial_put_document(gp_partial_writer *writer, const gp_batch_document *document,
                                  const uint8_t (*ids)[GP_ID_SIZE], const uint8_t *flags,
                                  size_t count, gp_error *error);

/* Completes the file and gives it its name. */
gp_status gp_partial_publish(gp_partial_writer *writer, gp_error *error);

typedef struct gp_partial_reader gp_partial_reader;

/* Opens a file and reads its header, whose settings the caller frees. `mask`, which has to
 * outlive the reader, is XORed into all ids: who wrote the file cannot choose, then, where
 * they come to stand in a table. Messages name the file. */
gp_status gp_partial_open(const char *path, const uint8_t mask[GP_ID_SIZE],
                          gp_partial_reader **reader, gp_partial_header *header, gp_error *error);
void gp_partial_reader_free(gp_partial_reader *reader);

/* What comes next in the file. */
typedef enum gp_partial_event {
  GP_PARTIAL_END,
  GP_PARTIAL_INPUT,    /* `facts` has name (owned by the caller from now on) and format */
  GP_PARTIAL_DOCUMENT, /* `document`; its coins were added */
  GP_PARTIAL_FACTS     /* `facts` has file and bad of the input that ended */
} gp_partial_event;

typedef struct gp_partial_item {
  gp_partial_event event;
  char *name;
  gp_corpus_input_facts facts;
  gp_batch_document document; /* without its input */
} gp_partial_item;

/* Reads on. The coins of a document are added to `coins` as those of document `number`. After an
 * error the reader can only be freed. */
gp_status gp_partial_next(gp_partial_reader *reader, gp_partial_item *item, gp_batch_coins *coins,
                          uint32_t number, gp_error *error);

/* Bytes read so far. */
uint64_t gp_partial_position(const gp_partial_reader *reader);

#endif

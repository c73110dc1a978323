/* Documents and coins out of the records of a batch, and colours of new coins. */
#ifndef GP_CORPUS_WORKER_H
#define GP_CORPUS_WORKER_H

#include "corpus/batch.h"
#include "io/parser.h"
#include "prf/prf.h"

/* What all workers of a run share, unchanged while it lasts. */
typedef struct gp_work {
  const gp_corpus_options *options;
  const gp_corpus_input *inputs;
  size_t n_keys;
  gp_prf *prfs;                     /* one for each key, with the tenant if it is alone */
  uint8_t (*tweaks)[GP_BLOCK_SIZE]; /* for each key, n_tenants of them; NULL unless several */
  size_t n_tenants;                 /* several, or 1 */
  bool documents;
} gp_work;

/* What a thread has of its own. */
typedef struct gp_worker {
  gp_prf_lane *lanes; /* one for each key */
  gp_parser *parser;
  gp_encoder *encoder; /* NULL without a tokenizer */
  gp_idset alone;      /* coins of the document */
  uint8_t *colours;    /* of its positions */
  size_t colours_capacity;
  uint64_t *positions; /* for each key: coins marked, new or not */
  uint64_t *scored;    /* for each key: new coins */
  uint64_t *green;     /* for each key, for each tenant: green ones among them */
} gp_worker;

gp_status gp_worker_init(gp_worker *worker, const gp_work *work, gp_error *error);
void gp_worker_release(gp_worker *worker, const gp_work *work);

/* Turns the records of a batch into documents and coins. What goes wrong is left in the
 * batch. */
void gp_worker_score(gp_worker *worker, const gp_work *work, gp_batch *batch);

/* Counts the new ones (GP_COIN_FRESH) among `count` <= GP_COIN_CHUNK coins of a key. In a merge,
 * and where documents are judged one by one, GP_COIN_GREEN says their colour already; otherwise
 * it is found here, for every tenant, and set unless there are several. */
gp_status gp_worker_count(gp_worker *worker, const gp_work *work, size_t key,
                          const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags, size_t count,
                          gp_error *error);

/* Finds the colours of coins under the only key, new or not, where they are not known. */
gp_status gp_worker_colour(gp_worker *worker, const gp_work *work,
                           const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags, size_t count,
                           gp_error *error);

#endif

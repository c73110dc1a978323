/* A run over many inputs: what its parts share. */
#ifndef GP_CORPUS_CORPUS_H
#define GP_CORPUS_CORPUS_H

#include <pthread.h>

#include "corpus/ledger.h"
#include "corpus/partial.h"
#include "corpus/worker.h"

struct gp_corpus {
  gp_corpus_options options;
  gp_partial_header header; /* of the first key and tenant */
  bool has_header;          /* a merge has none until it has opened a file */
  char *scratch;
  gp_work work;
  gp_memory_budget budget;
  gp_coin_table *tables; /* one for each key */
  gp_ledger ledger;      /* for one candidate */
  bool one_candidate;
  uint8_t mask[GP_ID_SIZE];    /* of the ids in a merge; else zero */
  bool used;                   /* a run was made, or tried */
  pthread_mutex_t inputs_lock; /* feeds add inputs while documents are closed */
  gp_corpus_input_facts *inputs;
  char **names; /* of the inputs, which point here */
  size_t n_inputs;
  size_t inputs_capacity;
  gp_partial_writer *writer; /* NULL unless a partial file is written */
  size_t written_inputs;     /* inputs that the writer has seen end */
  bool writing_input;
  uint64_t documents;
  uint64_t tokens;
  uint64_t windows;    /* in a merge; otherwise `positions` has them */
  uint64_t *positions; /* for each key: how many were scored or repeated */
  uint64_t *scored;    /* for each key */
  uint64_t *green;     /* for each key, for each tenant */
};

/* Adds an input; `name` is copied. */
gp_status gp_corpus_add_input(gp_corpus *corpus, const char *name, gp_input_format format,
                              gp_error *error);

/* Writes the ends and beginnings of inputs that come before a document of input `index`. */
gp_status gp_corpus_write_inputs(gp_corpus *corpus, size_t index, gp_error *error);

/* Where the batches of a run come from. */
typedef struct gp_feed gp_feed;
struct gp_feed {
  /* Fills an empty batch; what goes wrong is left in it. false: nothing comes after it. */
  bool (*fill)(gp_feed *feed, gp_batch *batch);
};

/* Runs all batches of a feed through the threads of a run, and adds everything up. */
gp_status gp_engine_run(gp_corpus *corpus, gp_feed *feed, gp_error *error);

#endif

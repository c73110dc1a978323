/*
 * The evidence in the order of the documents: counts, e-value, and a curve of them.
 *
 * Coins whose shard is on disk are counted late. From the first document that has such coins,
 * documents wait, with what is known of them, in a scratch file, until all is known.
 */
#ifndef GP_CORPUS_LEDGER_H
#define GP_CORPUS_LEDGER_H

#include <stdio.h>

#include "greenprint.h"

typedef struct gp_ledger {
  uint32_t gamma_num;
  uint32_t gamma_log2_den;
  uint64_t documents;
  uint64_t scored;
  uint64_t green;
  gp_corpus_evidence evidence;
  bool e_current;  /* evidence.log10_e is that of the counts */
  uint64_t stride; /* documents between points of the curve */
  size_t n_points;
  gp_corpus_point points[GP_CORPUS_CURVE_MAX];
  FILE *waiting; /* NULL while no document has to wait */
  uint64_t first_waiting;
} gp_ledger;

void gp_ledger_init(gp_ledger *ledger, const gp_params *params);
void gp_ledger_release(gp_ledger *ledger);

/* Adds a document with its new coins. */
gp_status gp_ledger_add(gp_ledger *ledger, uint32_t fresh, uint32_t green, gp_error *error);

/* Lets the documents from now on wait; `scratch` is a folder. */
gp_status gp_ledger_wait(gp_ledger *ledger, const char *scratch, gp_error *error);

/* Ends the waiting: maps what is known so far, to be completed, and then adds the documents
 * and unmaps. Without documents that wait there is nothing to complete. */
typedef struct gp_ledger_late {
  uint32_t (*counts)[2]; /* new and green coins of each waiting document */
  uint64_t count;
} gp_ledger_late;
gp_status gp_ledger_map(gp_ledger *ledger, gp_ledger_late *late, gp_error *error);
void gp_ledger_unmap(gp_ledger_late *late);
gp_status gp_ledger_finish(gp_ledger *ledger, gp_ledger_late *late, gp_error *error);

#endif

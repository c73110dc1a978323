/* What the groups of measurements share: options, and where results go. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>

#include "measure.h"

typedef struct bench_options {
  bool quick;       /* a moment for each, no figures worth keeping: tests that it runs */
  double seconds;   /* for each comparison */
  double patience;  /* times as long, while rounds are not quiet */
  int core;         /* to stay on; -1: the last one */
  const char *only; /* one group; NULL for all */
  const char *json; /* file to write; NULL for none */
} bench_options;

/* A comparison whose figures are still to be put into its result. */
typedef struct bench_kept {
  const char *group;
  json_t *result;
  bench_rounds rounds;
} bench_kept;

typedef struct bench_run {
  bench_options options;
  const char *set;  /* the library's instruction set */
  json_t *results;  /* array */
  size_t passes;    /* over comparisons that had too few quiet rounds before */
  bench_kept *kept; /* group by group, in the order of the comparisons */
  size_t n_kept;
  size_t next; /* of the kept: the comparison that comes next */
} bench_run;

/* What was compared. Numbers that do not apply are 0, names NULL. */
typedef struct bench_label {
  const char *group;   /* such as "row" */
  const char *name;    /* of our side */
  const char *against; /* of the other */
  const char *unit;    /* what one run does many of: "logit", "token" ... */
  double units;        /* how many */
  const char *dtype;
  uint32_t gamma_log2_den; /* gamma = 1 / 2^this */
  size_t vocabulary;
  size_t rows;
  size_t threads;
  size_t tenants;
  size_t bytes; /* of memory that is walked through at random */
} bench_label;

enum {
  BENCH_PASSES = 3 /* where patience is enough for each to take the whole time */
};

/* Compares, prints a line and keeps the rounds. In a later pass that is done only where the
 * rounds of the passes before were not quiet. */
void bench_case(bench_run *run, const bench_label *label, const bench_side *ours,
                const bench_side *against);

/* Whether a comparison of a group has too few quiet rounds. Sets run->next to its first. */
bool bench_start_again(bench_run *run, const char *group);

/* Puts the figures of all comparisons into the results, once the fastest probe of the whole run
 * is known, and gives their rounds back. */
void bench_finish_cases(bench_run *run);

/* Prints and keeps a number by itself. */
void bench_number(bench_run *run, const bench_label *label, double value, const char *unit);

/* The instruction set that the library uses in this process. */
const char *bench_library_set(void);

/* The machine, the compiler and the libraries. */
json_t *bench_machine(int core);

/* A key with gamma = 1 / 2^k, the other parameters being the default ones. */
gp_key *bench_key(uint32_t gamma_log2_den);

/* The groups. */
void bench_rows(bench_run *run);     /* one row, in cache */
void bench_batches(bench_run *run);  /* 64 rows, from memory */
void bench_threads(bench_run *run);  /* 64 rows on two threads */
void bench_scoring(bench_run *run);  /* both stages, and the verifier */
void bench_table(bench_run *run);    /* the table of pairs against memory */
void bench_tracing(bench_run *run);  /* many tenants */
void bench_nonces(bench_run *run);   /* of provable keys, against their group operations */
void bench_proofs(bench_run *run);   /* of many nonces, and checking them */
void bench_p_values(bench_run *run); /* exact tails */

#endif

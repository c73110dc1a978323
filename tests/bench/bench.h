/* What the groups of measurements share: options, and where results go. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>

#include "measure.h"

typedef struct bench_options {
  bool quick;       /* a moment for each, no figures worth keeping: tests that it runs */
  double seconds;   /* for each comparison */
  int core;         /* to stay on; -1: the last one */
  const char *only; /* one group; NULL for all */
  const char *json; /* file to write; NULL for none */
} bench_options;

typedef struct bench_run {
  bench_options options;
  const char *set; /* the library's instruction set */
  json_t *results; /* array */
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

/* Compares, prints a line and keeps the result. Returns it too, for what is worked out of it. */
bench_result bench_case(bench_run *run, const bench_label *label, const bench_side *ours,
                        const bench_side *against);

/* Prints and keeps a number by itself. */
void bench_number(bench_run *run, const bench_label *label, double value, const char *unit);

/* Effort for one comparison whose rounds should be at least so many. */
bench_effort bench_effort_of(const bench_run *run, size_t rounds_min);

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
void bench_p_values(bench_run *run); /* exact tails */

#endif

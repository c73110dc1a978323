/*
 * Which rounds were quiet: no probe saw anybody else use the core.
 *
 * The two threads of a core share its units. Where the other one belongs to another machine, the
 * system knows nothing of it, and code that waits for AES takes up to twice as long while code
 * that waits for memory does not: the ratio of the two says then how busy the neighbour was. So
 * there is a probe before and after each run, some microseconds of work in registers, whose cost
 * depends on nothing but the core. A round is quiet where none of its probes cost more than
 * BENCH_QUIET times the cheapest probe of this process. What the round itself took plays no part
 * in that.
 */
#ifndef BENCH_QUIET_H
#define BENCH_QUIET_H

#include <stddef.h>

#define BENCH_QUIET 1.15

enum {
  BENCH_ENOUGH = 15 /* quiet rounds, for a figure of them alone */
};

/* Seconds of each round. */
typedef struct bench_rounds {
  size_t n;
  double *ours;
  double *against;
  double *probes; /* the dearest around it; NULL where none were run */
} bench_rounds;

/* Times of one side's run, in seconds. */
typedef struct bench_times {
  double median;
  double least;
} bench_times;

/* A ratio is ours / against. The spread is that of the ratios of single rounds, whose two runs
 * follow one another. */
typedef struct bench_result {
  size_t rounds; /* 0: all the rest is 0 too */
  bench_times ours;
  bench_times against;
  double ratio;     /* median */
  double ratio_p10; /* 10th percentile */
  double ratio_p90;
  double ratio_of_least;
} bench_result;

/* Runs the probe; returns its cost, INFINITY where something interrupted it. The unit is a step
 * of a chain of multiplications, timed just before and after: the frequency of the core cancels.
 */
double bench_probe(void);

/* Runs it for so many seconds, for the least cost to be known. */
void bench_probe_calibrate(double seconds);

/* The least so far. */
double bench_probe_least(void);

/* How many rounds have probes of at most such a cost. */
size_t bench_count_quiet(const bench_rounds *rounds, double limit);

/* The figures of the rounds whose probes cost at most `limit`; with INFINITY, of all. */
bench_result bench_summarise(const bench_rounds *rounds, double limit);

#endif

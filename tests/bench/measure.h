/* Timing two sides against each other, and what a run needs besides. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "greenprint.h"
#include "quiet.h"

/* One of the two things compared. `run` is timed. `before` (may be NULL) is not: it puts back
 * what run changes. */
typedef struct bench_side {
  void (*run)(void *work);
  void (*before)(void *work);
  void *work;
} bench_side;

/* How long to go on. Rounds are many and short, so that what else the machine does hits few of
 * them, and those on both sides. As many are wanted as `seconds` give, and as many quiet ones;
 * for the latter the comparison goes on up to `patience` times as long. Times are those that the
 * system gave to this thread, unless `wall` is set: while another program has the core, they
 * stand still. */
typedef struct bench_effort {
  double seconds; /* for one comparison */
  double patience;
  size_t rounds_min;
  size_t rounds_max; /* wanted, at most */
  bool wall;         /* time by the clock on the wall, for what several threads do; no probes */
} bench_effort;

/* Seconds of a clock that only goes forward. */
double bench_now(void);

/* Seconds that the system gave to this thread. */
double bench_thread_now(void);

/* Warms both sides up, then runs them by turns, A B B A A B ..., and adds the times to `rounds`,
 * which starts as zeros and is given back with bench_rounds_free(). */
void bench_compare(const bench_effort *effort, const bench_side *ours, const bench_side *against,
                   bench_rounds *rounds);

void bench_rounds_free(bench_rounds *rounds);

/* Keeps this thread on one core: the given one, or with -1 the last of those it may run on.
 * Returns that core, or -1 where the system has no such call. */
int bench_pin(int core);

/* Lets this thread, and those it starts from now on, run everywhere again. */
void bench_unpin(void);

/* Ends the program with a message. */
_Noreturn void bench_fail(const char *what, const char *why);

void bench_check(gp_status status, const gp_error *error);

/* Zeroed memory that starts on a page of its own; large pieces ask for huge pages, as the tables
 * of pairs do. Ends the program where there is none. Given back with free(). */
void *bench_allocate(size_t size);

/* 64 bits that look random, by SplitMix64 [Steele, Lea and Flood 2014]. */
uint64_t bench_random(uint64_t *state);

/* Keeps the compiler from dropping what computed the value. */
void bench_use(uint64_t value);

#endif

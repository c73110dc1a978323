#define _GNU_SOURCE /* sched_setaffinity() */

#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mman.h>
#endif

/* ------------------------------------------------------------------- timing */

static double read_clock(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_now(void) {
  return read_clock(CLOCK_MONOTONIC);
}

double bench_thread_now(void) {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static double time_run(const bench_side *side, clockid_t clock) {
  if (side->before != NULL) {
    side->before(side->work);
  }
  const double start = read_clock(clock);
  side->run(side->work);
  return read_clock(clock) - start;
}

/* Runs both for a moment: caches, branch predictors and the clock of the processor settle.
 * Returns the seconds of the shortest round, preparations included. */
static double warm_up(const bench_side *ours, const bench_side *against, double seconds) {
  const double start = bench_now();
  double shortest = INFINITY;
  double now = start;
  for (size_t rounds = 0; rounds < 2 || now - start < seconds; rounds++) {
    const double last = now;
    (void)time_run(ours, CLOCK_MONOTONIC);
    (void)time_run(against, CLOCK_MONOTONIC);
    now = bench_now();
    shortest = fmin(shortest, now - last);
  }
  return fmax(shortest, 1e-9);
}

static double *grow(double *times, size_t n) {
  times = realloc(times, n * sizeof *times);
  if (times == NULL) {
    bench_fail("memory", "there is not enough");
  }
  return times;
}

/* Both sides once, each between two probes. A round whose time the system gives as none, as some
 * do that run on others' processors, is forgotten. */
static void run_round(const bench_side *ours, const bench_side *against, clockid_t clock,
                      bench_rounds *rounds, double *last_probe) {
  const size_t i = rounds->n++;
  double probe = *last_probe;
  for (size_t turn = 0; turn < 2; turn++) {
    if (turn == i % 2) {
      rounds->ours[i] = time_run(ours, clock);
    } else {
      rounds->against[i] = time_run(against, clock);
    }
    if (rounds->probes != NULL) {
      *last_probe = bench_probe();
      probe = fmax(probe, *last_probe);
    }
  }
  if (!(rounds->ours[i] > 0.0 && rounds->against[i] > 0.0)) {
    rounds->n--;
  } else if (rounds->probes != NULL) {
    rounds->probes[i] = probe;
  }
}

/* As many as there is time for. */
static size_t rounds_wanted(const bench_effort *effort, double round) {
  const double wanted = effort->seconds / round;
  const size_t most = effort->rounds_max;
  const size_t n = wanted < (double)most ? (size_t)wanted : most;
  return n < effort->rounds_min ? effort->rounds_min : n;
}

void bench_compare(const bench_effort *effort, const bench_side *ours, const bench_side *against,
                   bench_rounds *rounds) {
  const size_t n = rounds_wanted(effort, warm_up(ours, against, effort->seconds / 10));
  const double patience = effort->wall ? 1.0 : effort->patience;
  const size_t first = rounds->n;
  const size_t end = first + (size_t)(patience * (double)n);
  rounds->ours = grow(rounds->ours, end);
  rounds->against = grow(rounds->against, end);
  rounds->probes = effort->wall ? NULL : grow(rounds->probes, end);
  const clockid_t clock = effort->wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
  double probe = effort->wall ? 0.0 : bench_probe();
  const double start = bench_now();
  const double patient_until = start + fmax(1.0, 10.0 * patience * effort->seconds);
  size_t quiet = 0; /* by the cheapest probe so far: right enough to know when to stop */
  while (rounds->n < end && (rounds->n < first + n || quiet < n)) {
    if (rounds->n >= first + n && bench_now() - start > patience * effort->seconds) {
      break;
    }
    if (rounds->n == first && bench_now() > patient_until) {
      bench_fail("clock", "too coarse for such short work");
    }
    const size_t before = rounds->n;
    run_round(ours, against, clock, rounds, &probe);
    quiet += rounds->n > before && rounds->probes != NULL &&
             rounds->probes[rounds->n - 1] <= BENCH_QUIET * bench_probe_least();
  }
}

void bench_rounds_free(bench_rounds *rounds) {
  free(rounds->ours);
  free(rounds->against);
  free(rounds->probes);
  *rounds = (bench_rounds){0};
}

/* ------------------------------------------------------------------ pinning */

#ifdef __linux__

/* Where the program may run, as it was before the first pinning. */
static const cpu_set_t *allowed(void) {
  static cpu_set_t set;
  static int known;
  if (!known) {
    known = 1;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
      CPU_SET(0, &set);
    }
  }
  return &set;
}

int bench_pin(int core) {
  const cpu_set_t *set = allowed();
  for (size_t i = CPU_SETSIZE; core < 0 && i > 0; i--) {
    core = CPU_ISSET(i - 1, set) ? (int)(i - 1) : core;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  if (core < 0 || core >= CPU_SETSIZE || !CPU_ISSET((size_t)core, set)) {
    bench_fail("--core", "this program may not run on that one");
  }
  CPU_SET((size_t)core, &one);
  return sched_setaffinity(0, sizeof one, &one) == 0 ? core : -1;
}

void bench_unpin(void) {
  (void)sched_setaffinity(0, sizeof(cpu_set_t), allowed());
}

#else

int bench_pin(int core) {
  (void)core;
  return -1;
}

void bench_unpin(void) {
}

#endif

/* -------------------------------------------------------------------- rest */

_Noreturn void bench_fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench: %s: %s\n", what, why);
  exit(2);
}

void bench_check(gp_status status, const gp_error *error) {
  if (status != GP_OK) {
    bench_fail("the library", error->message);
  }
}

#define PAGE      ((size_t)4096)
#define HUGE_PAGE ((size_t)1 << 21)

void *bench_allocate(size_t size) {
  const size_t alignment = size >= 2 * HUGE_PAGE ? HUGE_PAGE : PAGE;
  const size_t whole = (size + alignment - 1) / alignment * alignment;
  void *memory = aligned_alloc(alignment, whole);
  if (memory == NULL) {
    bench_fail("memory", "there is not enough");
  }
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (alignment == HUGE_PAGE) {
    (void)madvise(memory, whole, MADV_HUGEPAGE);
  }
#endif
  memset(memory, 0, whole);
  return memory;
}

uint64_t bench_random(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15U;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27) * 0x94D049BB133111EBU;
  return z ^ z >> 31;
}

static volatile uint64_t sink;

void bench_use(uint64_t value) {
  sink = value;
}

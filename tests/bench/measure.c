#define _GNU_SOURCE /* sched_setaffinity() */

#include "measure.h"

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

static double time_run(const bench_side *side, clockid_t clock) {
  if (side->before != NULL) {
    side->before(side->work);
  }
  const double start = read_clock(clock);
  side->run(side->work);
  return read_clock(clock) - start;
}

/* Runs both for a moment: caches, branch predictors and the clock of the processor settle.
 * Returns the seconds of a round, preparations included. */
static double warm_up(const bench_side *ours, const bench_side *against, double seconds) {
  const double start = bench_now();
  size_t rounds = 0;
  double now = start;
  double last;
  do {
    last = now;
    (void)time_run(ours, CLOCK_MONOTONIC);
    (void)time_run(against, CLOCK_MONOTONIC);
    now = bench_now();
    rounds++;
  } while (rounds < 2 || now - start < seconds);
  return now - last;
}

/* --------------------------------------------------------------- statistics */

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of sorted values, interpolated. */
static double quantile(const double *sorted, size_t n, double q) {
  const double place = q * (double)(n - 1);
  const size_t low = (size_t)place;
  const size_t high = low + 1 < n ? low + 1 : low;
  return sorted[low] + (place - (double)low) * (sorted[high] - sorted[low]);
}

static bench_times summarise(double *times, size_t n) {
  qsort(times, n, sizeof *times, compare_doubles);
  return (bench_times){.median = quantile(times, n, 0.5), .least = times[0]};
}

void bench_compare(const bench_effort *effort, const bench_side *ours, const bench_side *against,
                   bench_result *result) {
  const double round = warm_up(ours, against, effort->seconds / 10);
  const double wanted = effort->seconds / (round > 1e-9 ? round : 1e-9);
  size_t n = wanted < (double)effort->rounds_max ? (size_t)wanted : effort->rounds_max;
  n = n < effort->rounds_min ? effort->rounds_min : n;
  const clockid_t clock = effort->wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
  double *a = bench_allocate(n * sizeof *a);
  double *b = bench_allocate(n * sizeof *b);
  double *ratios = bench_allocate(n * sizeof *ratios);
  for (size_t i = 0; i < n; i++) {
    if (i % 2 == 0) {
      a[i] = time_run(ours, clock);
      b[i] = time_run(against, clock);
    } else {
      b[i] = time_run(against, clock);
      a[i] = time_run(ours, clock);
    }
    ratios[i] = a[i] / b[i];
  }
  qsort(ratios, n, sizeof *ratios, compare_doubles);
  *result = (bench_result){
      .rounds = n,
      .ours = summarise(a, n),
      .against = summarise(b, n),
      .ratio = quantile(ratios, n, 0.5),
      .ratio_p10 = quantile(ratios, n, 0.1),
      .ratio_p90 = quantile(ratios, n, 0.9),
  };
  result->ratio_of_least = result->ours.least / result->against.least;
  free(a);
  free(b);
  free(ratios);
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

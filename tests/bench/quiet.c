#include "quiet.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "measure.h"

/* -------------------------------------------------------------------- probe */

enum {
  LANES = 12, /* more than it takes to keep all vector units busy */
  STEPS = 500,
  LINKS = 1000
};

#define CLOCK_DRIFT 1.03 /* between the two chains of a probe */
#define SLOWEST     2.0 /* chain, as a multiple of the fastest: no processor slows down as much */

typedef uint32_t vector __attribute__((vector_size(16)));

/* Additions and exclusive ors, as many at once as the core can do: a neighbour takes some of its
 * units away, whatever it does. Touches no memory. */
static void work_at_once(size_t steps) {
  const vector add = {7, 11, 13, 17};
  const vector flip = {1, 2, 4, 8};
  vector x[LANES];
  for (uint32_t i = 0; i < LANES; i++) {
    x[i] = (vector){i, i + 1, i + 2, i + 3};
  }
  for (size_t step = 0; step < steps; step++) {
    for (size_t i = 0; i < LANES; i++) {
      x[i] = (x[i] + add) ^ flip;
    }
  }
  for (size_t i = 1; i < LANES; i++) {
    x[0] ^= x[i];
  }
  bench_use(x[0][0]);
}

/* One after the other; returns the seconds. A neighbour hardly slows this down: it tells the
 * frequency of the core, which wide vectors lower for a while. */
static double time_chain(void) {
  static uint64_t x;
  const double start = bench_now();
  for (size_t i = 0; i < LINKS; i++) {
    x = x * 6364136223846793005U + 1442695040888963407U;
  }
  bench_use(x);
  return bench_now() - start;
}

static double least_chain = INFINITY;
static double least_cost = INFINITY;

double bench_probe(void) {
  work_at_once(1); /* what ran before may have pushed this code out of the caches */
  (void)time_chain();
  const double before = time_chain();
  const double start = bench_now();
  work_at_once(STEPS);
  const double seconds = bench_now() - start;
  const double after = time_chain();
  least_chain = fmin(least_chain, fmin(before, after));
  const double slower = fmax(before, after);
  if (slower > CLOCK_DRIFT * fmin(before, after) || slower > SLOWEST * least_chain) {
    return INFINITY;
  }
  const double cost = LINKS * seconds / (0.5 * (before + after));
  least_cost = fmin(least_cost, cost);
  return cost;
}

void bench_probe_calibrate(double seconds) {
  const double start = bench_now();
  do {
    (void)bench_probe();
  } while (bench_now() - start < seconds);
}

double bench_probe_least(void) {
  return least_cost;
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

static bool is_quiet(const bench_rounds *rounds, size_t i, double limit) {
  if (isinf(limit)) { /* all rounds */
    return true;
  }
  return rounds->probes != NULL && rounds->probes[i] <= limit;
}

size_t bench_count_quiet(const bench_rounds *rounds, double limit) {
  size_t n = 0;
  for (size_t i = 0; i < rounds->n; i++) {
    n += is_quiet(rounds, i, limit);
  }
  return n;
}

static bench_times summarise(double *times, size_t n) {
  qsort(times, n, sizeof *times, compare_doubles);
  return (bench_times){.median = quantile(times, n, 0.5), .least = times[0]};
}

bench_result bench_summarise(const bench_rounds *rounds, double limit) {
  bench_result result = {.rounds = bench_count_quiet(rounds, limit)};
  const size_t n = result.rounds;
  if (n == 0) {
    return result;
  }
  double *ours = bench_allocate(3 * n * sizeof *ours);
  double *against = ours + n;
  double *ratios = against + n;
  for (size_t i = 0, taken = 0; i < rounds->n; i++) {
    if (is_quiet(rounds, i, limit)) {
      ours[taken] = rounds->ours[i];
      against[taken] = rounds->against[i];
      ratios[taken++] = rounds->ours[i] / rounds->against[i];
    }
  }
  qsort(ratios, n, sizeof *ratios, compare_doubles);
  result.ours = summarise(ours, n);
  result.against = summarise(against, n);
  result.ratio = quantile(ratios, n, 0.5);
  result.ratio_p10 = quantile(ratios, n, 0.1);
  result.ratio_p90 = quantile(ratios, n, 0.9);
  result.ratio_of_least = result.ours.least / result.against.least;
  free(ours);
  return result;
}

/*
 * The null distribution of T = sum r_j (g_j - gamma) does not depend on the key, so that what is
 * needed of its cumulant function
 *
 *     K(t) = sum k(t r_j),    k(u) = log(1 - gamma + gamma e^u) - gamma u,
 *
 * is computed once for all keys: at places on a grid, where exp(K(t) - t T) is a bound of the
 * tail for every t >= 0 [Chernoff 1952], and at those of the e-value's mixture.
 *
 * Millions of different weights come down to some ten thousand. k is convex; so where a weight
 * between two nodes a <= r <= b is replaced by a share (b - r) / (b - a) of a and the rest of b,
 * K never becomes smaller (Jensen), and the bound stays one. Nodes are the numbers with at most
 * BITS + 1 binary digits: that adds at most 2^(-2 BITS - 2) of K, and nothing to weights that are
 * nodes. Shares are counted in whole numbers, so that the order of the weights does not matter.
 *
 * All that rounding may have taken off is added to K: see SLACK.
 */
#include "audit/null_law.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "common/error.h"
#include "verify/binomial.h"
#include "verify/cumulant.h"

#define BITS 10
#define STEP ((size_t)1 << BITS) /* nodes to an octave */

/* Of the sum of |log-moments| and |t r|: twice what weighted.c adds, since the shares of nodes
 * are rounded too. */
#define SLACK (32.0 * 0x1p-53)

/* The grid: eighths of 1 / sigma up to 16, and on in steps of 2^(1/16) until the largest coin is
 * tilted by e^4096, and those of a thousandth of its weight by e^4. What is lost between two
 * places is less than 1/500, or 1/1000 of the exponent. */
#define GRID_EVEN  128
#define GRID_TILT  4096.0
#define GRID_RATIO 1.0442737824274138403 /* 2^(1/16) */

/* ------------------------------------------------------------------- nodes */

/* The number of the last node that is at most `units`, which is at least 0. */
static size_t node_below(uint64_t units) {
  unsigned shift = 0;
  while (units >> shift >= 2 * STEP) {
    shift++;
  }
  return shift * STEP + (size_t)(units >> shift);
}

/* Its place, and how far it is to the next. */
static uint64_t node_units(size_t node, uint64_t *spacing) {
  const size_t octave = node < 2 * STEP ? 0 : node / STEP - 1;
  *spacing = UINT64_C(1) << octave;
  return (uint64_t)(node - octave * STEP) << octave;
}

/* Weights of one sign from a node up to the next: their number, and their distances from the
 * node, added up. */
typedef struct bin {
  uint64_t count;
  uint64_t distances;
} bin;

static uint64_t magnitude(int64_t units) {
  return units < 0 ? (uint64_t)-units : (uint64_t)units;
}

/* Turns bins into nodes that carry any coins. */
static void spread(const bin *bins, size_t n_bins, double sign, gp_null_law *law) {
  double from_below = 0.0;
  for (size_t i = 0; i < n_bins; i++) {
    uint64_t spacing = 1;
    const double units = (double)node_units(i, &spacing);
    const double above = (double)bins[i].distances / (double)spacing;
    const double coins = ((double)bins[i].count - above) + from_below;
    if (coins > 0.0 && units > 0.0) {
      law->nodes[law->n_nodes++] =
          (gp_null_node){.weight = sign * units / (double)GP_AUDIT_UNIT, .coins = coins};
    }
    from_below = above;
  }
}

static gp_status make_nodes(gp_null_law *law, const int64_t *weights, size_t n, gp_error *error) {
  uint64_t largest = 0;
  for (size_t i = 0; i < n; i++) {
    const uint64_t size = magnitude(weights[i]);
    largest = size > largest ? size : largest;
  }
  const size_t n_bins = node_below(largest) + 2; /* one more for what is spread upwards */
  bin *bins = calloc(2 * n_bins, sizeof *bins);
  if (bins == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  for (size_t i = 0; i < n; i++) {
    const uint64_t size = magnitude(weights[i]);
    const size_t node = node_below(size);
    uint64_t spacing = 1;
    bin *its = &bins[(weights[i] < 0 ? n_bins : 0) + node];
    its->count++;
    its->distances += size - node_units(node, &spacing);
    law->total += weights[i];
  }
  size_t used = 0;
  for (size_t i = 0; i < 2 * n_bins; i++) {
    used += bins[i].count > 0;
  }
  law->nodes = malloc((2 * used + 1) * sizeof *law->nodes);
  if (law->nodes == NULL) {
    free(bins);
    return gp_fail_memory(error, "the weights of coins");
  }
  spread(bins, n_bins, 1.0, law);
  spread(bins + n_bins, n_bins, -1.0, law);
  free(bins);
  return GP_OK;
}

/* ----------------------------------------------------------------- moments */

/* Adds x^2 to a number of 128 bits. */
static void add_square(uint64_t sum[2], uint64_t x) {
  const uint64_t low = x & UINT32_MAX;
  const uint64_t high = x >> 32;
  const uint64_t middle = low * high; /* counts twice, from bit 32 on */
  const uint64_t parts[2] = {low * low, middle << 33};
  sum[1] += high * high + (middle >> 31);
  for (size_t i = 0; i < 2; i++) {
    sum[0] += parts[i];
    sum[1] += sum[0] < parts[i];
  }
}

double gp_null_sigma(const int64_t *weights, size_t n, const gp_params *params) {
  uint64_t squares[2] = {0, 0};
  for (size_t i = 0; i < n; i++) {
    add_square(squares, magnitude(weights[i]));
  }
  const double gamma = gp_params_gamma(params);
  const double sum = (double)squares[1] * 0x1p64 + (double)squares[0];
  return sqrt(gamma * (1.0 - gamma) * sum) / (double)GP_AUDIT_UNIT;
}

/* At least K(t). */
static double bound_k(const gp_null_law *law, double t) {
  gp_accurate_sum sum = {0};
  gp_accurate_sum size = {0};
  for (size_t i = 0; i < law->n_nodes; i++) {
    const double u = t * law->nodes[i].weight;
    const double moment = gp_log_moment(u, law->p, law->q);
    gp_sum_add(&sum, law->nodes[i].coins * (moment - law->p * u));
    gp_sum_add(&size, law->nodes[i].coins * (fabs(moment) + fabs(u)));
  }
  return gp_sum_total(&sum) + SLACK * gp_sum_total(&size);
}

static void make_grid(gp_null_law *law) {
  double largest = 0.0;
  for (size_t i = 0; i < law->n_nodes; i++) {
    largest = fmax(largest, fabs(law->nodes[i].weight));
  }
  double t = 0.0;
  while (law->n_grid < GP_NULL_GRID_MAX && (law->n_grid < GRID_EVEN || t * largest < GRID_TILT)) {
    t = law->n_grid < GRID_EVEN ? (double)(law->n_grid + 1) / (8.0 * law->sigma) : t * GRID_RATIO;
    law->grid[law->n_grid++] = t;
  }
}

gp_status gp_null_law_make(gp_null_law *law, const int64_t *weights, size_t n,
                           const gp_params *params, double sigma_all, bool tabulate,
                           gp_error *error) {
  *law = (gp_null_law){.p = gp_params_gamma(params), .tabulated = tabulate};
  law->q = 1.0 - law->p;
  law->sigma = gp_null_sigma(weights, n, params);
  if (law->sigma == 0.0) { /* no coins */
    return GP_OK;
  }
  const gp_status status = make_nodes(law, weights, n, error);
  if (status != GP_OK) {
    return status;
  }
  make_grid(law);
  for (size_t i = 0; i < law->n_grid && tabulate; i++) {
    law->bounds[i] = bound_k(law, law->grid[i]);
  }
  const double scale = sigma_all > 0.0 ? sigma_all : law->sigma;
  for (size_t i = 0; i < GP_NULL_MIXTURE; i++) {
    law->places[i] = exp2(0.5 * (double)i) / scale;
    law->mixture[i] = bound_k(law, law->places[i]);
  }
  return GP_OK;
}

void gp_null_law_release(gp_null_law *law) {
  free(law->nodes);
  *law = (gp_null_law){0};
}

/* ------------------------------------------------------------------- tests */

double gp_null_statistic(const gp_null_law *law, int64_t green_sum, const gp_params *params) {
  const int64_t den = INT64_C(1) << params->gamma_log2_den;
  const int64_t num = (int64_t)params->gamma_num;
  /* green_sum - total num / den, in whole numbers as far as they go. */
  const int64_t whole = green_sum - law->total / den * num;
  const int64_t rest = law->total % den * num;
  return ((double)whole - (double)rest / (double)den) / (double)GP_AUDIT_UNIT;
}

/* At least K(t) - t T, at a place of the grid. */
static double exponent(const gp_null_law *law, size_t place, double statistic) {
  const double t = law->grid[place];
  const double k = law->tabulated ? law->bounds[place] : bound_k(law, t);
  return k - t * statistic + SLACK * (k + t * fabs(statistic));
}

double gp_null_log10_p(const gp_null_law *law, double statistic) {
  if (law->n_grid == 0 || statistic <= 0.0) {
    return 0.0;
  }
  size_t low = 0;
  size_t high = law->n_grid - 1;
  while (low < high) { /* the exponent is convex in t; another place would only be worse */
    const size_t middle = low + (high - low) / 2;
    if (exponent(law, middle, statistic) > exponent(law, middle + 1, statistic)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const double bound = exponent(law, low, statistic) / GP_LN10;
  return fmin(bound + fabs(bound) * 0x1p-51, 0.0);
}

double gp_null_log10_e(const gp_null_law *law, double statistic) {
  if (law->n_nodes == 0) {
    return 0.0;
  }
  double logs[GP_NULL_MIXTURE];
  double largest = -INFINITY;
  for (size_t i = 0; i < GP_NULL_MIXTURE; i++) {
    const double tilt = law->places[i] * statistic;
    logs[i] = tilt - law->mixture[i] - SLACK * (fabs(tilt) + law->mixture[i]);
    largest = fmax(largest, logs[i]);
  }
  double sum = 0.0;
  for (size_t i = 0; i < GP_NULL_MIXTURE; i++) {
    sum += exp(logs[i] - largest);
  }
  return (largest + log(sum / GP_NULL_MIXTURE)) / GP_LN10 - 0x1p-40;
}

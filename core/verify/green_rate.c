/*
 * The green rate to expect of a marked language model (SPEC.md section 8, planning).
 *
 * With next-token probabilities p_v and green mass G = sum p_v g_v, a bias of delta makes the
 * next token green with probability e^delta G / (1 + c G), c = e^delta - 1. G is a sum of
 * independent terms, so with 1 / (1 + c G) = integral of e^(-s (1 + c G)) ds over s > 0
 *
 *     E[rate] = e^delta / c * integral of e^-s (1 - prod (1 - gamma + gamma e^(-s c p_v))) ds,
 *
 * exactly. With s = e^v the integrand is analytic in a strip and the trapezoidal rule
 * converges geometrically [Trefethen and Weideman 2014].
 *
 * The model: p_v is Zipf's law v^-a over 50,000 tokens, with the a that gives the position its
 * entropy; and the entropy of positions has a gamma distribution of shape 2 with the given
 * mean, what exceeds log2(50000) taken as that.
 */
#include <math.h>

#include "common/error.h"
#include "greenprint.h"

#define VOCABULARY  50000.0
#define SINGLE      32   /* tokens that have a block of their own; */
#define GROWTH      1.06 /* others are taken together, this many times farther each time */
#define BLOCKS_MAX  256
#define POSITIONS   80   /* entropies that the mean is taken over, */
#define SPREAD      12.0 /* up to so many times the mean */
#define LOWEST      (-34.0)
#define STEP        0.3
#define NODES       127
#define STEEPEST    64.0 /* Zipf exponent */
#define HALVINGS    60
#define MAX_ENTROPY log2(VOCABULARY)

/* Zipf's law with the tail in blocks of tokens that are as likely as their mean. */
typedef struct zipf {
  size_t blocks;
  double from[BLOCKS_MAX];
  double count[BLOCKS_MAX]; /* tokens in the block */
  double p[BLOCKS_MAX];     /* of each of them */
} zipf;

static void lay_out(zipf *z) {
  double from = 1.0;
  while (from <= VOCABULARY) {
    const double step = from <= SINGLE ? 1.0 : ceil(from * (GROWTH - 1.0));
    z->from[z->blocks] = from;
    z->count[z->blocks++] = fmin(step, VOCABULARY + 1.0 - from);
    from += step;
  }
}

/* Sets the exponent and returns the entropy in bits. */
static double set_exponent(zipf *z, double exponent) {
  double sum = 0.0;
  for (size_t i = 0; i < z->blocks; i++) {
    const double a = z->from[i];
    double mean = exp(-exponent * log(a));
    if (z->count[i] > 1.0) { /* the integral from a - 1/2 to b - 1/2 */
      const double start = a - 0.5;
      const double width = log((start + z->count[i]) / start);
      const double x = (1.0 - exponent) * width;
      mean = exp((1.0 - exponent) * log(start)) * width * (x == 0.0 ? 1.0 : expm1(x) / x) /
             z->count[i];
    }
    z->p[i] = mean;
    sum += mean * z->count[i];
  }
  double entropy = 0.0;
  for (size_t i = 0; i < z->blocks; i++) {
    z->p[i] /= sum;
    entropy -= z->p[i] > 0.0 ? z->count[i] * z->p[i] * log2(z->p[i]) : 0.0;
  }
  return entropy;
}

static void set_entropy(zipf *z, double entropy) {
  double low = 0.0; /* the exponent whose entropy is too large */
  double high = STEEPEST;
  for (int i = 0; i < HALVINGS; i++) {
    const double middle = 0.5 * (low + high);
    if (set_exponent(z, middle) > entropy) {
      low = middle;
    } else {
      high = middle;
    }
  }
}

/* The expected green rate of one distribution; delta > 0. */
static double rate_of(const zipf *z, double gamma, double delta) {
  const double c = expm1(delta);
  double integral = 0.0;
  for (int node = 0; node < NODES; node++) {
    const double v = LOWEST + STEP * node;
    const double s = exp(v);
    double log_product = 0.0;
    for (size_t i = 0; i < z->blocks && log_product > -800.0; i++) {
      log_product += z->count[i] * log1p(gamma * expm1(-s * c * z->p[i]));
    }
    integral -= exp(v - s) * expm1(log_product);
  }
  return fmin(STEP * integral / -expm1(-delta), 1.0);
}

static double mean_rate(double gamma, double delta, double entropy_bits) {
  zipf z = {0};
  lay_out(&z);
  double rate = 0.0;
  double weights = 0.0;
  double uniform = NAN; /* the rate at the greatest entropy */
  for (int i = 0; i < POSITIONS; i++) {
    const double x = (i + 0.5) * SPREAD / POSITIONS;
    const double weight = x * exp(-2.0 * x);
    const double entropy = x * entropy_bits;
    double here = uniform;
    if (entropy < MAX_ENTROPY || isnan(uniform)) {
      set_entropy(&z, fmin(entropy, MAX_ENTROPY));
      here = rate_of(&z, gamma, delta);
      uniform = entropy < MAX_ENTROPY ? uniform : here;
    }
    rate += weight * here;
    weights += weight;
  }
  return rate / weights;
}

gp_status gp_plan_green_rate(const gp_params *params, double delta, double entropy_bits,
                             double *green_rate, gp_error *error) {
  if (params == NULL || green_rate == NULL) {
    return gp_fail_null(error, __func__, params == NULL ? "params" : "green_rate");
  }
  const gp_status status = gp_params_check(params, error);
  if (status != GP_OK) {
    return status;
  }
  if (!(delta >= 0.0 && delta <= (double)GP_DELTA_MAX)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "delta: must be between 0 and %g, not %g",
                   (double)GP_DELTA_MAX, delta);
  }
  if (!(entropy_bits >= 0.0 && entropy_bits <= MAX_ENTROPY)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "entropy: must be between 0 and %.4g bits, not %g",
                   MAX_ENTROPY, entropy_bits);
  }
  const double gamma = gp_params_gamma(params);
  *green_rate =
      delta == 0.0 || entropy_bits == 0.0 ? gamma : mean_rate(gamma, delta, entropy_bits);
  return GP_OK;
}

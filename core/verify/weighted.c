/*
 * The test of a weighted sum of coins, T = sum r_j (g_j - gamma) (SPEC.md section 8).
 *
 * Under the null hypothesis T has the cumulant function
 *
 *     K(t) = sum log(1 - gamma + gamma e^(t r_j)) - t gamma sum r_j,
 *
 * and P(T >= T_observed) <= exp(K(t) - t T_observed) for every t >= 0 [Chernoff 1952]. Coin by
 * coin the exponent is a sum of
 *
 *     L(t r_j; gamma) where g_j = 0,   L(-t r_j; 1 - gamma) where g_j = 1,
 *     L(u; a) = log(1 - a + a e^u),
 *
 * in which nothing cancels however large |t r_j| is. It is convex in t; Newton's method inside
 * a bracket finds the least value. The bound holds for any t, so an inexact minimum costs
 * power and nothing else; what rounding may have taken off the final sum is added to it.
 *
 * The saddle-point value is that of Lugannani and Rice [1980] at the same t. It is an
 * approximation.
 *
 * Weights are divided by the largest of them, so t never over- or underflows.
 */
#include <math.h>

#include "common/error.h"
#include "key/params.h"
#include "verify/binomial.h"
#include "verify/cumulant.h"

#define STEPS    100
#define LARGEST  0x1p40 /* of |t| */
#define ROUNDING (16.0 * 0x1p-53)
#define NEAR_0   0.02 /* of w, below which Lugannani and Rice's formula loses its digits */

static const double half_log_2pi = 0.91893853320467274178;
static const double sqrt_half = 0.70710678118654752440;

typedef struct coins {
  const double *weights;
  const uint8_t *green;
  size_t n;
  double p;     /* gamma */
  double q;     /* 1 - gamma */
  double scale; /* the largest |r_j| */
} coins;

/* What T and its distribution look like, weights divided by the scale. */
typedef struct facts {
  double statistic;
  double squares; /* sum of r_j^2 */
  double cubes;
  uint64_t positive;
  uint64_t negative;
  bool greatest; /* no other colours make T greater */
  bool least;
  bool lattice; /* all r_j are as large, except those that are 0 */
} facts;

/* K(t) - t T, and a bound of what rounding may have changed in it. */
static double exponent(const coins *c, double t, double *rounding) {
  gp_accurate_sum sum = {0};
  gp_accurate_sum size = {0};
  for (size_t i = 0; i < c->n; i++) {
    const double u = t * (c->weights[i] / c->scale);
    const double term =
        c->green[i] ? gp_log_moment(-u, c->q, c->p) : gp_log_moment(u, c->p, c->q);
    gp_sum_add(&sum, term);
    gp_sum_add(&size, fabs(term) + fabs(u));
  }
  *rounding = ROUNDING * gp_sum_total(&size);
  return gp_sum_total(&sum);
}

/* The first derivative of the exponent; *curvature is the second. */
static double slope(const coins *c, double t, double *curvature) {
  gp_accurate_sum first = {0};
  gp_accurate_sum second = {0};
  const double odds = c->q / c->p;
  for (size_t i = 0; i < c->n; i++) {
    const double r = c->weights[i] / c->scale;
    /* The tilted probability of the colour that the coin does not show. */
    const double other =
        c->green[i] ? 1.0 / (1.0 + exp(t * r) / odds) : 1.0 / (1.0 + exp(-t * r) * odds);
    gp_sum_add(&first, c->green[i] ? -r * other : r * other);
    gp_sum_add(&second, r * r * other * (1.0 - other));
  }
  *curvature = gp_sum_total(&second);
  return gp_sum_total(&first);
}

/* The t at which the exponent is least, near enough; of T's sign. T is neither 0 nor at an end
 * of its range. */
static double find_least(const coins *c, const facts *f, double *curvature) {
  const double sign = f->statistic > 0.0 ? 1.0 : -1.0;
  double low = 0.0;
  double high = INFINITY;
  double t = fmin(fabs(f->statistic) / (c->p * c->q * f->squares), LARGEST);
  for (int step = 0; step < STEPS; step++) {
    const double first = sign * slope(c, sign * t, curvature);
    if (t >= LARGEST && first < 0.0) {
      break;
    }
    if (first * first <= 1e-24 * t * fabs(f->statistic) * *curvature) {
      break;
    }
    if (first < 0.0) {
      low = t;
    } else {
      high = t;
    }
    double next = *curvature > 0.0 ? t - first / *curvature : INFINITY;
    if (high == INFINITY) {
      next = fmin(fmin(next, 8.0 * t), LARGEST);
    } else if (!(next > low && next < high)) {
      next = low > 0.0 && high > 4.0 * low ? sqrt(low) * sqrt(high) : 0.5 * (low + high);
    }
    if (next == t) {
      break;
    }
    t = next;
  }
  return sign * t;
}

/* P(Z > w) / density(w) for a standard normal Z. */
static double mills_ratio(double w) {
  if (w < 20.0) {
    return 0.5 * erfc(w * sqrt_half) * exp(0.5 * w * w + half_log_2pi);
  }
  double fraction = w; /* Laplace's continued fraction [DLMF 7.9.3] */
  for (int i = 20; i >= 1; i--) {
    fraction = w + (double)i / fraction;
  }
  return 1.0 / fraction;
}

/* log10 by the formula of Lugannani and Rice, where the exponent's least value is at t; 0 where
 * the formula gives no probability. */
static double lugannani_rice(const coins *c, const facts *f, double t, double exponent_at_t,
                             double curvature) {
  const double w = copysign(sqrt(2.0 * fmax(-exponent_at_t, 0.0)), t);
  const double step = f->lattice ? -expm1(-t) : t;
  double term = 0.0;
  if (fabs(w) >= NEAR_0) {
    term = 1.0 / (step * sqrt(curvature)) - 1.0 / w;
  } else { /* its limit */
    const double variance = c->p * c->q * f->squares;
    const double skewness = (c->q - c->p) * f->cubes / (f->squares * sqrt(variance));
    term = -skewness / 6.0 + (f->lattice ? 0.5 / sqrt(variance) : 0.0);
  }
  if (w >= 0.0) {
    const double ratio = mills_ratio(w) + term;
    return ratio > 0.0 ? (log(ratio) - 0.5 * w * w - half_log_2pi) / GP_LN10 : 0.0;
  }
  const double below = 0.5 * erfc(-w * sqrt_half) - exp(-0.5 * w * w - half_log_2pi) * term;
  return below < 1.0 ? log1p(-below) / GP_LN10 : 0.0;
}

static gp_status check_coins(coins *c, gp_error *error) {
  for (size_t i = 0; i < c->n; i++) {
    if (!isfinite(c->weights[i])) {
      return gp_fail(error, GP_ERR_ARGUMENT, "weights[%zu]: must be finite, not %g", i,
                     c->weights[i]);
    }
    if (c->green[i] > 1) {
      return gp_fail(error, GP_ERR_ARGUMENT, "green[%zu]: must be 0 or 1, not %u", i,
                     c->green[i]);
    }
    c->scale = fmax(c->scale, fabs(c->weights[i]));
  }
  return GP_OK;
}

static facts look_at(const coins *c) {
  facts f = {.greatest = true, .least = true, .lattice = true};
  gp_accurate_sum statistic = {0};
  gp_accurate_sum squares = {0};
  gp_accurate_sum cubes = {0};
  for (size_t i = 0; i < c->n; i++) {
    const double r = c->weights[i] / c->scale;
    if (c->weights[i] == 0.0) {
      continue;
    }
    const bool upward = (c->weights[i] > 0.0) == (c->green[i] == 1);
    f.greatest = f.greatest && upward;
    f.least = f.least && !upward;
    f.lattice = f.lattice && fabs(c->weights[i]) == c->scale;
    f.positive += c->weights[i] > 0.0;
    f.negative += c->weights[i] < 0.0;
    gp_sum_add(&statistic, c->green[i] ? r * c->q : -r * c->p);
    gp_sum_add(&squares, r * r);
    gp_sum_add(&cubes, r * r * r);
  }
  f.statistic = gp_sum_total(&statistic);
  f.squares = gp_sum_total(&squares);
  f.cubes = gp_sum_total(&cubes);
  return f;
}

/* Both p-values of a T inside its range. */
static void test_inside(const coins *c, const facts *f, gp_weighted_result *result) {
  double t = 0.0;
  double curvature = c->p * c->q * f->squares;
  double least = 0.0;
  double rounding = 0.0;
  if (f->statistic != 0.0) {
    t = find_least(c, f, &curvature);
    least = exponent(c, t, &rounding);
  }
  const double bound = (least + rounding) / GP_LN10;
  if (f->statistic > 0.0) {
    result->log10_p = fmin(bound + fabs(bound) * 0x1p-51, 0.0);
  }
  result->log10_p_saddlepoint = fmin(lugannani_rice(c, f, t, least, curvature), result->log10_p);
}

static gp_weighted_result test(const coins *c) {
  gp_weighted_result result = {.coins = c->n};
  if (c->scale == 0.0) {
    return result;
  }
  const facts f = look_at(c);
  result.statistic = f.statistic * c->scale;
  result.z = f.statistic / sqrt(c->p * c->q * f.squares);
  if (f.greatest) { /* P(T >= T_observed) is the probability of these very colours */
    const double exact = (double)f.positive * log10(c->p) + (double)f.negative * log10(c->q);
    result.log10_p = exact * (1.0 - 0x1p-50);
    result.log10_p_saddlepoint = exact;
  } else if (!f.least) {
    test_inside(c, &f, &result);
  }
  return result;
}

gp_status gp_weighted_test(const double *weights, const uint8_t *green, size_t n,
                           uint32_t gamma_num, uint32_t gamma_log2_den,
                           gp_weighted_result *result, gp_error *error) {
  if ((n > 0 && (weights == NULL || green == NULL)) || result == NULL) {
    return gp_fail_null(error, __func__,
                        result == NULL    ? "result"
                        : weights == NULL ? "weights"
                                          : "green");
  }
  gp_status status = gp_gamma_check(gamma_num, gamma_log2_den, error);
  if (status != GP_OK) {
    return status;
  }
  const uint32_t den = UINT32_C(1) << gamma_log2_den;
  coins c = {.weights = weights,
             .green = green,
             .n = n,
             .p = (double)gamma_num / den,
             .q = (double)(den - gamma_num) / den};
  status = check_coins(&c, error);
  if (status != GP_OK) {
    return status;
  }
  const gp_weighted_result tested = test(&c);
  if (!isfinite(tested.statistic)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "weights: their sum overflows; scale them down");
  }
  *result = tested;
  return GP_OK;
}

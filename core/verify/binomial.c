/*
 * Pieces of the binomial distribution, accurate far in the tail, in constant time.
 *
 * For x at or above the mean, P(X >= x) = P(X = x) * S with
 *
 *     S = x * integral over w from 0 to 1 of exp(f(w)),
 *     f(w) = (x - 1) log(1 - w) + (n - x) log(1 + w gamma / (1 - gamma)).
 *
 * That is the incomplete beta function I_gamma(x, n - x + 1) [DLMF 8.17.5] after
 * substituting t = gamma (1 - w), divided by P(X = x). f is concave with f(0) = 0 and
 * f'(0) <= 0, so exp(f) falls from 1 without a bump, and exp(f) is a polynomial in w, so it
 * has no singularity for Gauss-Legendre quadrature to suffer from. The part beyond the
 * point where f = -42 weighs less than e^-42 of the whole and is left out.
 *
 * P(X = x) comes from Loader's saddle-point expansion [Loader 2000], which loses no digits
 * to cancellation.
 *
 * gamma is g / 2^k, so n gamma is exact in a double up to n = 2^44.
 */
#include "verify/binomial.h"

#include <math.h>

#include "common/error.h"
#include "key/params.h"

#define NEGLIGIBLE (-42.0) /* of f */

static const double pi = 3.14159265358979323846;

/* log(n!) minus Stirling's formula for it. */
static double stirling_error(double n) {
  static const double small[16] = {0.0,
                                   0.081061466795327258220,
                                   0.041340695955409294094,
                                   0.027677925684998339149,
                                   0.020790672103765093112,
                                   0.016644691189821192163,
                                   0.013876128823070747999,
                                   0.011896709945891770095,
                                   0.010411265261972096497,
                                   0.0092554621827127329177,
                                   0.0083305634333628712565,
                                   0.0075736754879518407950,
                                   0.0069428401072095298657,
                                   0.0064089941880042070684,
                                   0.0059513701127588477356,
                                   0.0055547335519628013710};
  if (n < 15.5) {
    return small[(int)n];
  }
  const double nn = n * n;
  return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / nn) / nn) / nn) / nn) /
         n;
}

/* The deviance x log(x / mean) + mean - x, without cancellation near the mean. */
static double deviance(double x, double mean) {
  const double difference = x - mean;
  if (fabs(difference) >= 0.1 * (x + mean)) {
    return x * log(x / mean) + mean - x;
  }
  const double v = difference / (x + mean);
  const double vv = v * v;
  double sum = difference * v;
  double term = 2.0 * x * v;
  for (int j = 3; j < 200; j += 2) {
    term *= vv;
    const double next = sum + term / j;
    if (next == sum) {
      break;
    }
    sum = next;
  }
  return sum;
}

double gp_binomial_log_mass(const gp_binomial *b, double x) {
  const double rest = b->n - x;
  return stirling_error(b->n) - stirling_error(x) - stirling_error(rest) - deviance(x, b->mean) -
         deviance(rest, b->n_minus_mean) + 0.5 * log(b->n / (2.0 * pi * x * rest));
}

/* log(1 + t) - t, without cancellation near 0. */
static double log1p_minus(double t) {
  if (fabs(t) > 0.015625) {
    return log1p(t) - t;
  }
  double sum = 0.0; /* of t^j (-1)^j / (j + 2), of which 9 terms suffice */
  for (int j = 10; j >= 2; j--) {
    sum = 1.0 / j - t * sum;
  }
  return -t * t * sum;
}

/* Minus f'(0): (x - 1) - (n - x) gamma / (1 - gamma), rounded once. */
static double slope_at_0(const gp_binomial *b, double x) {
  return ((x - 1.0) * b->q - (b->n - x) * b->p) / b->q;
}

/* f of the page's head, its linear part apart: that nearly cancels near the mean. */
static double log_integrand(const gp_binomial *b, double x, double w) {
  return -w * slope_at_0(b, x) + (x - 1.0) * log1p_minus(-w) +
         (b->n - x) * log1p_minus(w * b->p / b->q);
}

/* A point where f is -42 or a little less; 1 if f stays above. */
static double cut_off(const gp_binomial *b, double x) {
  const double odds = b->p / b->q;
  const double slope = slope_at_0(b, x);
  const double curvature = (x - 1.0) + (b->n - x) * odds * odds;
  double w = 1.0;
  if (slope > 0.0) {
    w = fmin(w, -NEGLIGIBLE / slope);
  }
  if (curvature > 0.0) {
    w = fmin(w, sqrt(-2.0 * NEGLIGIBLE / curvature));
  }
  while (w < 1.0 && log_integrand(b, x, w) > NEGLIGIBLE) {
    w = fmin(1.25 * w, 1.0);
  }
  return w;
}

/* Gauss-Legendre with 64 nodes, of which the positive ones stand here. */
double gp_binomial_integral(const gp_binomial *b, double x) {
  static const struct {
    double node;
    double weight;
  } rule[32] = {{0.024350292663424432509, 0.048690957009139720383},
                {0.072993121787799039450, 0.048575467441503426935},
                {0.12146281929612055447, 0.048344762234802957170},
                {0.16964442042399281804, 0.047999388596458307728},
                {0.21742364374000708415, 0.047540165714830308662},
                {0.26468716220876741637, 0.046968182816210017325},
                {0.31132287199021095616, 0.046284796581314417296},
                {0.35722015833766811595, 0.045491627927418144480},
                {0.40227015796399160370, 0.044590558163756563060},
                {0.44636601725346408798, 0.043583724529323453377},
                {0.48940314570705295748, 0.042473515123653589007},
                {0.53127946401989454566, 0.041262563242623528610},
                {0.57189564620263403428, 0.039953741132720341387},
                {0.61115535517239325025, 0.038550153178615629129},
                {0.64896547125465733986, 0.037055128540240046040},
                {0.68523631305423324256, 0.035472213256882383811},
                {0.71988185017161082685, 0.033805161837141609392},
                {0.75281990726053189661, 0.032057928354851553585},
                {0.78397235894334140761, 0.030234657072402478868},
                {0.81326531512279755974, 0.028339672614259483228},
                {0.84062929625258036275, 0.026377469715054658672},
                {0.86599939815409281976, 0.024352702568710873338},
                {0.88931544599511410585, 0.022270173808383254159},
                {0.91052213707850280576, 0.020134823153530209372},
                {0.92956917213193957582, 0.017951715775697343085},
                {0.94641137485840281606, 0.015726030476024719322},
                {0.96100879965205371892, 0.013463047896718642598},
                {0.97332682778991096374, 0.011168139460131128819},
                {0.98333625388462595693, 0.0088467598263639477230},
                {0.99101337147674432074, 0.0065044579689783628561},
                {0.99634011677195527935, 0.0041470332605624676353},
                {0.99930504173577213946, 0.0017832807216964329473}};
  const double half = 0.5 * cut_off(b, x);
  double sum = 0.0;
  for (int i = 31; i >= 0; i--) {
    const double offset = half * rule[i].node;
    sum += rule[i].weight *
           (exp(log_integrand(b, x, half - offset)) + exp(log_integrand(b, x, half + offset)));
  }
  return half * sum;
}

double gp_binomial_log_upper_tail(const gp_binomial *b, double x) {
  if (x == b->n) {
    return b->n * log(b->p);
  }
  return gp_binomial_log_mass(b, x) + log(x * gp_binomial_integral(b, x));
}

gp_binomial gp_binomial_make(uint64_t n, uint32_t num, uint32_t den) {
  const gp_binomial b = {.n = (double)n,
                         .p = (double)num / den,
                         .q = (double)(den - num) / den,
                         .mean = (double)(n * num) / den,
                         .n_minus_mean = (double)(n * (den - num)) / den};
  return b;
}

gp_status gp_binomial_check(uint64_t n, uint64_t green, uint32_t gamma_num,
                            uint32_t gamma_log2_den, gp_error *error) {
  if (n > GP_BINOMIAL_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "n: must be at most 2^44, not %llu",
                   (unsigned long long)n);
  }
  if (green > n) {
    return gp_fail(error, GP_ERR_ARGUMENT, "green: %llu is more than n = %llu",
                   (unsigned long long)green, (unsigned long long)n);
  }
  return gp_gamma_check(gamma_num, gamma_log2_den, error);
}

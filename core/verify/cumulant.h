/* What sums over coins have in common: log-moments of one coin, added up accurately. */
#ifndef GP_VERIFY_CUMULANT_H
#define GP_VERIFY_CUMULANT_H

#include <math.h>

/* A sum with a running compensation for what rounding lost [Neumaier 1974]. */
typedef struct gp_accurate_sum {
  double sum;
  double lost;
} gp_accurate_sum;

static inline void gp_sum_add(gp_accurate_sum *s, double x) {
  const double sum = s->sum + x;
  s->lost += fabs(s->sum) >= fabs(x) ? (s->sum - sum) + x : (x - sum) + s->sum;
  s->sum = sum;
}

static inline double gp_sum_total(const gp_accurate_sum *s) {
  return s->sum + s->lost;
}

/* log(1 - a + a e^u), b being 1 - a. */
static inline double gp_log_moment(double u, double a, double b) {
  if (u > 1.0) {
    return u + log(a + b * exp(-u));
  }
  return u < -1.0 ? log(b + a * exp(u)) : log1p(a * expm1(u));
}

#endif

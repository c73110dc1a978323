/* The binomial distribution of green coins: mass, tail and the integral that joins them. */
#ifndef GP_VERIFY_BINOMIAL_H
#define GP_VERIFY_BINOMIAL_H

#include "greenprint.h"

#define GP_BINOMIAL_MAX (UINT64_C(1) << 44) /* coins */
#define GP_LN10         2.30258509299404568402

/* The colours can be exchanged: p is the probability of the one that is counted. */
typedef struct gp_binomial {
  double n;
  double p;
  double q;    /* 1 - p, exact */
  double mean; /* n p, exact */
  double n_minus_mean;
} gp_binomial;

/* n coins with p = num / den; n is at most GP_BINOMIAL_MAX + 1. */
gp_binomial gp_binomial_make(uint64_t n, uint32_t num, uint32_t den);

/* log P(X = x) for 0 < x < n. */
double gp_binomial_log_mass(const gp_binomial *b, double x);

/* The integral over w from 0 to 1 of exp(f(w)), which is P(X >= x) / (x P(X = x)), for
 * 0 < x < n and x >= mean + q. */
double gp_binomial_integral(const gp_binomial *b, double x);

/* log P(X >= x) for 0 < x <= n and x >= mean + q. */
double gp_binomial_log_upper_tail(const gp_binomial *b, double x);

/* The checks that all functions of (n, green, gamma) share. */
gp_status gp_binomial_check(uint64_t n, uint64_t green, uint32_t gamma_num,
                            uint32_t gamma_log2_den, gp_error *error);

#endif

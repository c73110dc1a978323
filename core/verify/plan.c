/*
 * How many coins a test needs (SPEC.md section 8, planning), from exact tails.
 *
 * With n coins the test finds the mark from c(n) green ones on, the least count whose p-value
 * is at most alpha. As n grows, c(n) climbs in steps of 1. Between two steps the power
 * P(Bin(n, rate) >= c(n)) grows; at a step it drops: it is a sawtooth, and the first n that
 * reaches the power wanted is no good if the next tooth misses it again. Asked for is the least
 * n from which on every n reaches it, that is, 1 more than the last n that does not.
 *
 * The bottom of each tooth lies on or above a smooth rising envelope: the power that is left
 * if c(n) is a whole count above the (interpolated) point where the p-value equals alpha.
 * Where that envelope passes the power wanted is found by bisection; from some teeth above
 * there the bottoms are checked one by one, downwards, until one misses.
 */
#include <math.h>

#include "common/error.h"
#include "key/params.h"
#include "verify/binomial.h"

#define MARGIN 64.0 /* teeth, at least, above the envelope's crossing */

typedef struct plan {
  uint32_t num;
  uint32_t log2_den;
  double gamma;
  double rate;
  double log10_alpha;
  double power;
} plan;

/* log10 P(X >= c) under the null hypothesis; c may be n + 1. */
static double log10_null(const plan *p, uint64_t n, uint64_t c) {
  double log10_p = -INFINITY;
  if (c <= n) {
    (void)!gp_log10_binomial_tail(n, c, p->num, p->log2_den, &log10_p, NULL);
  }
  return log10_p;
}

/* P(X >= c) for X ~ Bin(n, rate); c is at least 1. */
static double power_of(const plan *p, uint64_t n, uint64_t c) {
  if (c > n || p->rate == 1.0) {
    return c > n ? 0.0 : 1.0;
  }
  const double size = (double)n;
  gp_binomial b = {.n = size,
                   .p = p->rate,
                   .q = 1.0 - p->rate,
                   .mean = size * p->rate,
                   .n_minus_mean = size * (1.0 - p->rate)};
  if ((double)c >= b.mean + b.q) {
    return exp(gp_binomial_log_upper_tail(&b, (double)c));
  }
  const gp_binomial red = {
      .n = size, .p = b.q, .q = b.p, .mean = b.n_minus_mean, .n_minus_mean = b.mean};
  return -expm1(gp_binomial_log_upper_tail(&red, size - (double)c + 1.0));
}

/* c(n): the least c whose p-value is at most alpha; n + 1 where none is. */
static uint64_t critical(const plan *p, uint64_t n) {
  uint64_t low = 0; /* its p-value, 1, is too large */
  uint64_t high = n + 1;
  const double deviations = sqrt(-2.0 * p->log10_alpha * GP_LN10); /* Hoeffding: c(n) is below */
  const double bound = (double)n * p->gamma + deviations * 0.5 * sqrt((double)n) + 2.0;
  if (bound < (double)high) {
    high = (uint64_t)bound;
  }
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (log10_null(p, n, middle) <= p->log10_alpha) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high;
}

/* The largest n with c(n) <= c, near `guess`. It is at least c - 1. */
static uint64_t last_with(const plan *p, uint64_t c, uint64_t guess) {
  uint64_t low = c - 1;
  uint64_t high = guess > c ? guess : c;
  for (uint64_t step = 1; log10_null(p, high, c) <= p->log10_alpha; step *= 2) {
    low = high;
    high += step;
  }
  for (uint64_t step = 1; high - low > step; step *= 2) {
    const uint64_t below = high - step;
    if (log10_null(p, below, c) <= p->log10_alpha) {
      low = below;
      break;
    }
    high = below;
  }
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (log10_null(p, middle, c) <= p->log10_alpha) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The smooth lower bound of the power near n. */
static double envelope(const plan *p, uint64_t n) {
  const uint64_t c = critical(p, n);
  if (c >= n) {
    return 0.0;
  }
  const double above = log10_null(p, n, c - 1);
  const double below = log10_null(p, n, c);
  const double slack = (p->log10_alpha - below) / (above - below); /* 0 to 1 of a count */
  const double with = log(power_of(p, n, c));
  const double without = log(power_of(p, n, c + 1));
  return exp(slack * with + (1.0 - slack) * without);
}

/* The least n with envelope(n) >= power; 0 if there is none up to GP_BINOMIAL_MAX. */
static uint64_t cross_envelope(const plan *p) {
  uint64_t low = 0;
  uint64_t high = 1;
  while (envelope(p, high) < p->power) {
    low = high;
    high *= 2;
    if (high > GP_BINOMIAL_MAX / 2) {
      return 0;
    }
  }
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (envelope(p, middle) < p->power) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high;
}

/* The last n whose power is too small, `crossing` being near it. */
static uint64_t last_failing(const plan *p, uint64_t crossing) {
  const double margin = MARGIN + 4.0 / sqrt(p->rate - p->gamma);
  uint64_t c = critical(p, crossing) + (uint64_t)margin;
  uint64_t top = last_with(p, c, crossing + (uint64_t)(margin / p->gamma));
  const uint64_t usual = (uint64_t)(1.0 / p->gamma);
  for (;;) {
    const uint64_t bottom = c == 1 ? 0 : last_with(p, c - 1, top > usual ? top - usual : 0) + 1;
    if (power_of(p, bottom, c) < p->power) {
      uint64_t low = bottom; /* too small a power */
      uint64_t high = top + 1;
      while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (power_of(p, middle, c) < p->power) {
          low = middle;
        } else {
          high = middle;
        }
      }
      return low;
    }
    c--;
    top = bottom - 1;
  }
}

static gp_status check(const plan *p, double distinct, gp_error *error) {
  if (!(p->rate > p->gamma && p->rate <= 1.0)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "green_rate: must be above gamma = %g and at most 1, not %g", p->gamma,
                   p->rate);
  }
  if (!(p->log10_alpha < 0.0) || isinf(p->log10_alpha)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "log10_alpha: must be finite and below 0, not %g",
                   p->log10_alpha);
  }
  if (!(p->power > 0.0 && p->power < 1.0)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "power: must be between 0 and 1, not %g", p->power);
  }
  if (!(distinct > 0.0 && distinct <= 1.0)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "distinct_share: must be above 0 and at most 1, not %g", distinct);
  }
  return GP_OK;
}

gp_status gp_plan_tokens(const gp_params *params, double green_rate, double log10_alpha,
                         double power, double distinct_share, gp_plan *result, gp_error *error) {
  if (params == NULL || result == NULL) {
    return gp_fail_null(error, __func__, params == NULL ? "params" : "plan");
  }
  gp_status status = gp_params_check(params, error);
  if (status != GP_OK) {
    return status;
  }
  const plan p = {.num = params->gamma_num,
                  .log2_den = params->gamma_log2_den,
                  .gamma = gp_params_gamma(params),
                  .rate = green_rate,
                  .log10_alpha = log10_alpha,
                  .power = power};
  status = check(&p, distinct_share, error);
  if (status != GP_OK) {
    return status;
  }
  const uint64_t crossing = cross_envelope(&p);
  const double tokens = crossing == 0 ? INFINITY : ceil((double)crossing / distinct_share);
  if (!(tokens < 0x1p53)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "green_rate: %g is too close to gamma = %g for a test of at most 2^43 coins",
                   green_rate, p.gamma);
  }
  const uint64_t coins = last_failing(&p, crossing) + 1;
  const uint64_t green = critical(&p, coins);
  *result = (gp_plan){.coins = coins,
                      .green = green,
                      .power = power_of(&p, coins, green),
                      .tokens = (uint64_t)ceil((double)coins / distinct_share)};
  return GP_OK;
}

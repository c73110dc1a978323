/*
 * The e-value of a count of green coins (SPEC.md section 8): the likelihood ratio of a green
 * rate uniform on (gamma, 1) against gamma, accurate in constant time.
 *
 *     E = 1 / (1 - gamma) * integral over t from gamma to 1 of
 *           (t / gamma)^x ((1 - t) / (1 - gamma))^(n - x)
 *
 * is a beta integral again, and so a binomial tail [DLMF 8.17.5]:
 *
 *     E = P(Y <= x) / ((n + 1) (1 - gamma) P(X = x)),   X ~ Bin(n, gamma), Y ~ Bin(n + 1, gamma).
 *
 * Below the mean P(Y <= x) and P(X = x) are both tiny and only their ratio matters; there the
 * substitution t = gamma + (1 - gamma) w shows that E is the very integral which turns a mass
 * into a tail, for n + 1 coins, n + 1 - x of them red.
 */
#include <math.h>

#include "common/error.h"
#include "verify/binomial.h"

static double log_e_value(uint64_t n, uint64_t green, uint32_t num, uint32_t den) {
  if (green == 0) {
    return -log((double)n + 1.0);
  }
  const uint64_t red = n + 1 - green;
  if (red * den >= (n + 1) * (den - num) + num) { /* green <= n gamma */
    const gp_binomial reds = gp_binomial_make(n + 1, den - num, den);
    return log(gp_binomial_integral(&reds, (double)red));
  }
  const gp_binomial b = gp_binomial_make(n, num, den);
  const gp_binomial one_more = gp_binomial_make(n + 1, num, den);
  const double above = exp(gp_binomial_log_upper_tail(&one_more, (double)green + 1.0));
  const double log_mass = green == n ? b.n * log(b.p) : gp_binomial_log_mass(&b, (double)green);
  return log1p(-above) - log(one_more.n * b.q) - log_mass;
}

gp_status gp_log10_e_value(uint64_t n, uint64_t green, uint32_t gamma_num,
                           uint32_t gamma_log2_den, double *log10_e, gp_error *error) {
  if (log10_e == NULL) {
    return gp_fail_null(error, __func__, "log10_e");
  }
  const gp_status status = gp_binomial_check(n, green, gamma_num, gamma_log2_den, error);
  if (status != GP_OK) {
    return status;
  }
  *log10_e = log_e_value(n, green, gamma_num, UINT32_C(1) << gamma_log2_den) / GP_LN10;
  return GP_OK;
}

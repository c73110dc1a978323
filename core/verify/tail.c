/* The exact binomial tail (SPEC.md section 8), accurate at p = 1e-100000 and n = 1e9, in
 * constant time. */
#include <math.h>

#include "common/error.h"
#include "verify/binomial.h"

static double log_tail(uint64_t n, uint64_t green, uint32_t num, uint32_t den) {
  if (green == 0) {
    return 0.0;
  }
  if (green * den >= n * num + (den - num)) {
    const gp_binomial b = gp_binomial_make(n, num, den);
    return gp_binomial_log_upper_tail(&b, (double)green);
  }
  const gp_binomial red = gp_binomial_make(n, den - num, den);
  return log1p(-exp(gp_binomial_log_upper_tail(&red, (double)(n - green + 1))));
}

gp_status gp_log10_binomial_tail(uint64_t n, uint64_t green, uint32_t gamma_num,
                                 uint32_t gamma_log2_den, double *log10_p, gp_error *error) {
  if (log10_p == NULL) {
    return gp_fail_null(error, __func__, "log10_p");
  }
  const gp_status status = gp_binomial_check(n, green, gamma_num, gamma_log2_den, error);
  if (status != GP_OK) {
    return status;
  }
  const uint32_t den = UINT32_C(1) << gamma_log2_den;
  if (green == n) { /* rounded as log10(alpha) is, so that p = alpha compares equal */
    *log10_p = n == 0 ? 0.0 : (double)n * log10((double)gamma_num / den);
    return GP_OK;
  }
  *log10_p = log_tail(n, green, gamma_num, den) / GP_LN10;
  return GP_OK;
}

double gp_z_score(uint64_t n, uint64_t green, double gamma) {
  if (n == 0) {
    return 0.0;
  }
  return ((double)green - gamma * (double)n) / sqrt((double)n * gamma * (1.0 - gamma));
}

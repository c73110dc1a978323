#include "verify/result.h"

#include <math.h>

void gp_result_test(const gp_params *params, gp_result *result) {
  result->z = gp_z_score(result->scored, result->green, gp_params_gamma(params));
  result->log10_p = NAN; /* more coins than the tail takes cannot be stored */
  (void)!gp_log10_binomial_tail(result->scored, result->green, params->gamma_num,
                                params->gamma_log2_den, &result->log10_p, NULL);
}

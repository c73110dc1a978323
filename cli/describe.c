/* Parameters and p-values in words for people. */
#include "cli.h"

#include <inttypes.h>
#include <math.h>

const char *cli_describe_params(char out[CLI_PARAMS_SIZE], const gp_params *params) {
  (void)snprintf(out, CLI_PARAMS_SIZE, "%s, context width %" PRIu32 ", gamma %" PRIu32 "/%u",
                 gp_seeding_name(params->seeding), params->context_width, params->gamma_num,
                 1U << params->gamma_log2_den);
  return out;
}

const char *cli_describe_p(char out[CLI_P_SIZE], double log10_p) {
  if (log10_p >= -3) {
    (void)snprintf(out, CLI_P_SIZE, "%.2g", pow(10, log10_p));
    return out;
  }
  double exponent = floor(log10_p);
  double mantissa = round(10 * pow(10, log10_p - exponent)) / 10;
  if (mantissa >= 10) {
    mantissa = 1;
    exponent += 1;
  }
  (void)snprintf(out, CLI_P_SIZE, "%.1fe%.0f", mantissa, exponent);
  return out;
}

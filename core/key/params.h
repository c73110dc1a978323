/* Parameters as bytes, and the checks that others share. */
#ifndef GP_KEY_PARAMS_H
#define GP_KEY_PARAMS_H

#include "greenprint.h"

#define GP_PARAMS_SIZE 4

/* SPEC.md section 2: seeding, h, g, k in one byte each. */
void gp_params_encode(const gp_params *params, uint8_t out[GP_PARAMS_SIZE]);

/* The reverse; the result is to be checked by gp_params_check(). */
gp_params gp_params_decode(const uint8_t in[GP_PARAMS_SIZE]);

/* Whether num / 2^log2_den is a green fraction in lowest terms. */
gp_status gp_gamma_check(uint32_t num, uint32_t log2_den, gp_error *error);

#endif

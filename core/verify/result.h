/* The test of a count. */
#ifndef GP_VERIFY_RESULT_H
#define GP_VERIFY_RESULT_H

#include "greenprint.h"

/* Fills z and log10_p of a result from its counts. */
void gp_result_test(const gp_params *params, gp_result *result);

#endif

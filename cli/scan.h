/* Reads all inputs and counts. */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "findings.h"

/* Fills result, facts and counts. `all` holds the names and formats of the inputs, the
 * tenant, and whether documents are wanted one by one; `field` is for JSON Lines. */
gp_status scan_inputs(const gp_key *key, const char *field, findings *all, gp_error *error);

#endif

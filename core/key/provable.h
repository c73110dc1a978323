/* Provable keys: the pair of them, and their public side (SPEC.md section 18). */
#ifndef GP_KEY_PROVABLE_H
#define GP_KEY_PROVABLE_H

#include "key/key.h"

/* Derives sk and pk from the master bytes, into what is to evaluate and `element`. */
gp_status gp_key_pair(gp_key *key, gp_error *error);

/* Fills in what follows from params and element: commitment and id. */
gp_status gp_public_key_finish(gp_public_key *public_key, gp_error *error);

/* Whether all members are good and belong together; else GP_ERR_ARGUMENT. */
gp_status gp_public_key_check(const gp_public_key *public_key, gp_error *error);

#endif

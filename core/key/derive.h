/* HKDF-SHA256 bound to scheme, role and parameters. */
#ifndef GP_KEY_DERIVE_H
#define GP_KEY_DERIVE_H

#include "key/scheme.h"

#define GP_IKM_SIZE 32 /* a master key, or a public one */

/* HKDF(ikm, scheme || 00 || role || 00 || params, size), `size` being at most 32. */
gp_status gp_derive(const uint8_t ikm[GP_IKM_SIZE], gp_scheme scheme, const char *role,
                    const gp_params *params, uint8_t *out, size_t size, gp_error *error);

#endif

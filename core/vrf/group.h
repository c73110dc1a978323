/* What libsodium's ristretto255 leaves to whoever uses it: strict decoding, and the identity. */
#ifndef GP_VRF_GROUP_H
#define GP_VRF_GROUP_H

#include "vrf/vrf.h"

/* product = scalar * element, also where that is the identity; false where `element` is neither
 * the canonical encoding of an element nor that of the identity. In constant time but for that.
 */
bool gp_vrf_multiply(const uint8_t scalar[GP_VRF_SCALAR_SIZE],
                     const uint8_t element[GP_ELEMENT_SIZE], uint8_t product[GP_ELEMENT_SIZE]);

/* Whether these bytes are those of the identity. */
bool gp_vrf_is_identity(const uint8_t element[GP_ELEMENT_SIZE]);

#endif

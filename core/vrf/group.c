/*
 * Strict decoding of elements and scalars.
 *
 * An encoding of ristretto255 [RFC 9496, 4.3.1] is a number below p = 2^255 - 19, little-endian,
 * and not negative, which means even; not all of these belong to an element. libsodium 1.0.18
 * tells all of that but for bit 255, which it does not look at: every element would have two
 * encodings. Its scalars are not looked at at all.
 */
#include "vrf/group.h"

#include <sodium.h>
#include <string.h>

static bool has_bit_255(const uint8_t bytes[GP_ELEMENT_SIZE]) {
  return bytes[GP_ELEMENT_SIZE - 1] >> 7 != 0;
}

bool gp_vrf_is_identity(const uint8_t element[GP_ELEMENT_SIZE]) {
  return sodium_is_zero(element, GP_ELEMENT_SIZE) == 1;
}

bool gp_vrf_is_element(const uint8_t element[GP_ELEMENT_SIZE]) {
  return !has_bit_255(element) && !gp_vrf_is_identity(element) &&
         crypto_core_ristretto255_is_valid_point(element) == 1;
}

/* A secret one may be asked about: subtracts the group's order, and looks at the borrow alone. */
bool gp_vrf_is_scalar(const uint8_t scalar[GP_VRF_SCALAR_SIZE]) {
  static const uint8_t order[GP_VRF_SCALAR_SIZE] = {
      0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7,
      0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0,    0,    0,    0,    0,    0,
      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  unsigned borrow = 0;
  for (size_t i = 0; i < GP_VRF_SCALAR_SIZE; i++) {
    borrow = ((unsigned)scalar[i] - (unsigned)order[i] - borrow) >> 8 & 1;
  }
  const unsigned is_zero = (unsigned)sodium_is_zero(scalar, GP_VRF_SCALAR_SIZE);
  return (borrow & ~is_zero) == 1;
}

bool gp_vrf_multiply(const uint8_t scalar[GP_VRF_SCALAR_SIZE],
                     const uint8_t element[GP_ELEMENT_SIZE], uint8_t product[GP_ELEMENT_SIZE]) {
  if (has_bit_255(element)) {
    return false;
  }
  if (crypto_scalarmult_ristretto255(product, scalar, element) == 0) {
    return true;
  }
  memset(product, 0, GP_ELEMENT_SIZE); /* the identity, or else there was no element */
  return crypto_core_ristretto255_is_valid_point(element) == 1;
}

/*
 * RFC 9497's functions of one input: keys, blinding, evaluating, outputs. What the RFC calls
 * Evaluate is hash to group, evaluate, output; the protocol is blind, evaluate (by who has the
 * secret), unblind, output, and comes out the same.
 */
#include "vrf/vrf.h"

#include <sodium.h>
#include <string.h>

#include "common/error.h"
#include "vrf/group.h"
#include "vrf/hash.h"

static gp_status check_input_size(const char *what, size_t size, gp_error *error) {
  if (size > GP_VRF_INPUT_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "%s: must have at most %d bytes, not %zu", what,
                   GP_VRF_INPUT_MAX, size);
  }
  return GP_OK;
}

static gp_status check_scalar(const char *what, const uint8_t scalar[GP_VRF_SCALAR_SIZE],
                              gp_error *error) {
  if (!gp_vrf_is_scalar(scalar)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "%s: must be a number from 1 to the group's order less 1, in 32 bytes", what);
  }
  return GP_OK;
}

gp_status gp_vrf_derive_key_pair(gp_vrf_mode mode, const uint8_t seed[GP_VRF_SEED_SIZE],
                                 const uint8_t *info, size_t info_size,
                                 uint8_t secret[GP_VRF_SCALAR_SIZE],
                                 uint8_t public_key[GP_ELEMENT_SIZE], gp_error *error) {
  if (check_input_size("info of a key pair", info_size, error) != GP_OK) {
    return GP_ERR_ARGUMENT;
  }
  for (unsigned counter = 0; counter <= UINT8_MAX; counter++) {
    const uint8_t byte = (uint8_t)counter;
    gp_vrf_hash hash;
    gp_vrf_hash_start(&hash, "DeriveKeyPair", mode);
    gp_vrf_hash_add(&hash, seed, GP_VRF_SEED_SIZE);
    gp_vrf_hash_add_sized(&hash, info, info_size);
    gp_vrf_hash_add(&hash, &byte, 1);
    gp_vrf_hash_end_scalar(&hash, secret);
    if (gp_vrf_is_scalar(secret) &&
        crypto_scalarmult_ristretto255_base(public_key, secret) == 0) {
      return GP_OK;
    }
  }
  return gp_fail(error, GP_ERR_CRYPTO, "no key pair comes of this seed: use another one");
}

gp_status gp_vrf_hash_to_group(gp_vrf_mode mode, const uint8_t *input, size_t input_size,
                               uint8_t element[GP_ELEMENT_SIZE], gp_error *error) {
  if (check_input_size("input of the VRF", input_size, error) != GP_OK) {
    return GP_ERR_ARGUMENT;
  }
  uint8_t uniform[GP_VRF_UNIFORM_SIZE];
  gp_vrf_hash hash;
  gp_vrf_hash_start(&hash, "HashToGroup-", mode);
  gp_vrf_hash_add(&hash, input, input_size);
  gp_vrf_hash_end(&hash, uniform);
  const int failed = crypto_core_ristretto255_from_hash(element, uniform);
  sodium_memzero(uniform, sizeof uniform);
  if (failed != 0 || gp_vrf_is_identity(element)) {
    return gp_fail(error, GP_ERR_CRYPTO, "input of the VRF: hashes to the identity");
  }
  return GP_OK;
}

gp_status gp_vrf_blind(gp_vrf_mode mode, const uint8_t *input, size_t input_size,
                       const uint8_t *blind_in, uint8_t blind[GP_VRF_SCALAR_SIZE],
                       uint8_t blinded[GP_ELEMENT_SIZE], gp_error *error) {
  uint8_t element[GP_ELEMENT_SIZE];
  if (blind_in != NULL) {
    memmove(blind, blind_in, GP_VRF_SCALAR_SIZE);
  } else {
    crypto_core_ristretto255_scalar_random(blind); /* never 0 */
  }
  gp_status status = check_scalar("blind", blind, error);
  if (status == GP_OK) {
    status = gp_vrf_hash_to_group(mode, input, input_size, element, error);
  }
  if (status == GP_OK) {
    status = gp_vrf_evaluate(blind, element, blinded, error);
  }
  sodium_memzero(element, sizeof element);
  return status;
}

gp_status gp_vrf_blind_element(const uint8_t element[GP_ELEMENT_SIZE],
                               uint8_t blind[GP_VRF_SCALAR_SIZE],
                               uint8_t blinded[GP_ELEMENT_SIZE], gp_error *error) {
  crypto_core_ristretto255_scalar_random(blind); /* never 0 */
  return gp_vrf_evaluate(blind, element, blinded, error);
}

gp_status gp_vrf_evaluate(const uint8_t secret[GP_VRF_SCALAR_SIZE],
                          const uint8_t element[GP_ELEMENT_SIZE],
                          uint8_t evaluated[GP_ELEMENT_SIZE], gp_error *error) {
  if (check_scalar("secret scalar", secret, error) != GP_OK) {
    return GP_ERR_ARGUMENT;
  }
  if (gp_vrf_is_identity(element) || !gp_vrf_multiply(secret, element, evaluated)) {
    return gp_fail(error, GP_ERR_FORMAT, "not the encoding of an element of ristretto255");
  }
  return GP_OK;
}

gp_status gp_vrf_unblind(const uint8_t blind[GP_VRF_SCALAR_SIZE],
                         uint8_t evaluated[GP_ELEMENT_SIZE], gp_error *error) {
  if (check_scalar("blind", blind, error) != GP_OK) {
    return GP_ERR_ARGUMENT;
  }
  uint8_t inverse[GP_VRF_SCALAR_SIZE];
  uint8_t unblinded[GP_ELEMENT_SIZE];
  const uint8_t *element = evaluated;
  (void)crypto_core_ristretto255_scalar_invert(inverse, blind); /* fails for 0 alone */
  const gp_status status = gp_vrf_evaluate(inverse, element, unblinded, error);
  if (status == GP_OK) {
    memcpy(evaluated, unblinded, sizeof unblinded);
  }
  sodium_memzero(inverse, sizeof inverse);
  sodium_memzero(unblinded, sizeof unblinded);
  return status;
}

gp_status gp_vrf_output(const uint8_t *input, size_t input_size,
                        const uint8_t evaluated[GP_ELEMENT_SIZE],
                        uint8_t output[GP_VRF_OUTPUT_SIZE], gp_error *error) {
  static const uint8_t label[] = {'F', 'i', 'n', 'a', 'l', 'i', 'z', 'e'};
  if (check_input_size("input of the VRF", input_size, error) != GP_OK) {
    return GP_ERR_ARGUMENT;
  }
  crypto_hash_sha512_state sha512;
  (void)crypto_hash_sha512_init(&sha512);
  gp_vrf_sha512_add_sized(&sha512, input, input_size);
  gp_vrf_sha512_add_sized(&sha512, evaluated, GP_ELEMENT_SIZE);
  (void)crypto_hash_sha512_update(&sha512, label, sizeof label);
  (void)crypto_hash_sha512_final(&sha512, output);
  sodium_memzero(&sha512, sizeof sha512);
  return GP_OK;
}

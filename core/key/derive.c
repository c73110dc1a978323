/*
 * Subkeys by HKDF-SHA256 [RFC 5869], bound to scheme, role and parameters (SPEC.md
 * section 3).
 *
 * HKDF is a few lines over HMAC, which is libsodium's here: its state is the caller's
 * memory, so the master key and what comes of it stay in locked memory. OpenSSL's HKDF
 * would copy the master key into ordinary heap.
 */
#include "key/derive.h"

#include <sodium.h>
#include <string.h>

#include "common/error.h"
#include "key/params.h"

#define ROLE_MAX 16
#define INFO_MAX (GP_SCHEME_FIELD_SIZE + 1 + ROLE_MAX + 1 + GP_PARAMS_SIZE)

/* scheme || 00 || role || 00 || params; the C strings bring their zero bytes. */
static size_t encode_info(gp_scheme scheme, const gp_params *params, const char *role,
                          uint8_t info[INFO_MAX]) {
  const char *id = gp_scheme_id(scheme);
  const size_t role_size = strlen(role) + 1;
  size_t size = strlen(id) + 1;
  memcpy(info, id, size);
  memcpy(info + size, role, role_size);
  size += role_size;
  gp_params_encode(params, info + size);
  return size + GP_PARAMS_SIZE;
}

/* What must not lie about. */
typedef struct secrets {
  crypto_auth_hmacsha256_state hmac;
  uint8_t extracted[crypto_auth_hmacsha256_BYTES];
  uint8_t expanded[crypto_auth_hmacsha256_BYTES];
} secrets;

gp_status gp_derive(const uint8_t ikm[GP_IKM_SIZE], gp_scheme scheme, const char *role,
                    const gp_params *params, uint8_t *out, size_t size, gp_error *error) {
  static const uint8_t no_salt[crypto_auth_hmacsha256_BYTES];
  static const uint8_t first_block = 1;
  uint8_t info[INFO_MAX];
  if (strlen(role) > ROLE_MAX || size > crypto_auth_hmacsha256_BYTES) {
    return gp_fail(error, GP_ERR_ARGUMENT, "no subkey '%s' of %zu bytes", role, size);
  }
  const size_t info_size = encode_info(scheme, params, role, info);
  secrets *s = sodium_malloc(sizeof *s);
  if (s == NULL) {
    return gp_fail_memory(error, "locked memory for a subkey");
  }
  (void)crypto_auth_hmacsha256_init(&s->hmac, no_salt, sizeof no_salt);
  (void)crypto_auth_hmacsha256_update(&s->hmac, ikm, GP_IKM_SIZE);
  (void)crypto_auth_hmacsha256_final(&s->hmac, s->extracted);
  (void)crypto_auth_hmacsha256_init(&s->hmac, s->extracted, sizeof s->extracted);
  (void)crypto_auth_hmacsha256_update(&s->hmac, info, info_size);
  (void)crypto_auth_hmacsha256_update(&s->hmac, &first_block, 1);
  (void)crypto_auth_hmacsha256_final(&s->hmac, s->expanded);
  memcpy(out, s->expanded, size);
  sodium_free(s); /* wipes */
  return GP_OK;
}

/* Subkeys by HKDF-SHA256 [RFC 5869], bound to scheme, role and parameters (SPEC.md
 * section 3). */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "common/error.h"
#include "key/key.h"

#define ROLE_MAX 16
#define INFO_MAX (sizeof GP_SCHEME_ID + ROLE_MAX + 1 + GP_PARAMS_SIZE)

/* "greenprint-1" || 00 || role || 00 || params; the C strings bring their zero bytes. */
static size_t encode_info(const gp_params *params, const char *role, uint8_t info[INFO_MAX]) {
  const size_t role_size = strlen(role) + 1;
  size_t size = 0;
  memcpy(info, GP_SCHEME_ID, sizeof GP_SCHEME_ID);
  size += sizeof GP_SCHEME_ID;
  memcpy(info + size, role, role_size);
  size += role_size;
  gp_params_encode(params, info + size);
  return size + GP_PARAMS_SIZE;
}

gp_status gp_key_derive(const gp_key *key, const char *role, uint8_t *out, size_t size,
                        gp_error *error) {
  uint8_t info[INFO_MAX];
  if (strlen(role) > ROLE_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "role '%s' is too long", role);
  }
  const size_t info_size = encode_info(&key->params, role, info);

  char digest[] = "SHA256";
  const OSSL_PARAM arguments[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key->master, GP_MASTER_KEY_SIZE),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, info_size),
      OSSL_PARAM_construct_end()};
  EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *context = hkdf == NULL ? NULL : EVP_KDF_CTX_new(hkdf);
  const bool derived = context != NULL && EVP_KDF_derive(context, out, size, arguments) == 1;
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(hkdf);
  if (!derived) {
    return gp_fail(error, GP_ERR_CRYPTO, "OpenSSL could not derive a subkey with HKDF-SHA256");
  }
  return GP_OK;
}

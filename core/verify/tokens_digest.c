#include "verify/tokens_digest.h"

#include <openssl/evp.h>

#include "common/bytes.h"
#include "common/error.h"

gp_status gp_tokens_digest(const uint32_t *tokens, size_t n_tokens, uint8_t sha256[32],
                           gp_error *error) {
  enum {
    CHUNK = 1024
  };
  uint8_t bytes[4 * CHUNK];
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  bool good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
  for (size_t first = 0; first < n_tokens && good; first += CHUNK) {
    const size_t count = n_tokens - first < CHUNK ? n_tokens - first : CHUNK;
    for (size_t i = 0; i < count; i++) {
      gp_store_le32(bytes + 4 * i, tokens[first + i]);
    }
    good = EVP_DigestUpdate(digest, bytes, 4 * count) == 1;
  }
  good = good && EVP_DigestFinal_ex(digest, sha256, NULL) == 1;
  EVP_MD_CTX_free(digest);
  return good ? GP_OK : gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
}

#include "prf/cipher.h"

#include "common/error.h"

gp_status gp_cipher_new(gp_cipher_mode mode, const uint8_t *key, EVP_CIPHER_CTX **cipher,
                        gp_error *error) {
  static const uint8_t no_iv[GP_BLOCK_SIZE];
  const char *name = mode == GP_CIPHER_ECB ? "AES-128-ECB" : "AES-128-CTR";
  const uint8_t *iv = mode == GP_CIPHER_ECB ? NULL : no_iv;
  EVP_CIPHER *algorithm = EVP_CIPHER_fetch(NULL, name, NULL);
  EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
  const bool ready = algorithm != NULL && made != NULL &&
                     EVP_EncryptInit_ex2(made, algorithm, key, iv, NULL) == 1 &&
                     EVP_CIPHER_CTX_set_padding(made, 0) == 1;
  EVP_CIPHER_free(algorithm);
  if (!ready) {
    EVP_CIPHER_CTX_free(made);
    return gp_fail(error, GP_ERR_CRYPTO, "OpenSSL could not set up %s", name);
  }
  *cipher = made;
  return GP_OK;
}

gp_status gp_cipher_copy(const EVP_CIPHER_CTX *original, EVP_CIPHER_CTX **cipher,
                         gp_error *error) {
  EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
  if (made == NULL || EVP_CIPHER_CTX_copy(made, original) != 1) {
    EVP_CIPHER_CTX_free(made);
    return gp_fail_memory(error, "cipher context");
  }
  *cipher = made;
  return GP_OK;
}

gp_status gp_cipher_blocks(EVP_CIPHER_CTX *ecb, const uint8_t (*in)[GP_BLOCK_SIZE],
                           uint8_t (*out)[GP_BLOCK_SIZE], size_t count, gp_error *error) {
  const int size = (int)(count * GP_BLOCK_SIZE);
  int done = 0;
  if (EVP_EncryptUpdate(ecb, out[0], &done, in[0], size) != 1 || done != size) {
    return gp_fail(error, GP_ERR_CRYPTO, "OpenSSL failed to encrypt with AES-128");
  }
  return GP_OK;
}

gp_status gp_cipher_seek(EVP_CIPHER_CTX *ctr, const uint8_t counter[GP_BLOCK_SIZE],
                         gp_error *error) {
  if (EVP_EncryptInit_ex2(ctr, NULL, NULL, counter, NULL) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "OpenSSL failed to set a counter block");
  }
  return GP_OK;
}

gp_status gp_cipher_keystream(EVP_CIPHER_CTX *ctr, uint8_t *out, size_t size, gp_error *error) {
  static const uint8_t zeros[GP_KEYSTREAM_MAX];
  int done = 0;
  if (size > sizeof zeros || EVP_EncryptUpdate(ctr, out, &done, zeros, (int)size) != 1 ||
      (size_t)done != size) {
    return gp_fail(error, GP_ERR_CRYPTO, "OpenSSL failed to make an AES-128 keystream");
  }
  return GP_OK;
}

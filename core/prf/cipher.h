/* AES-128 from OpenSSL, in bulk. A context serves one caller at a time. */
#ifndef GP_PRF_CIPHER_H
#define GP_PRF_CIPHER_H

#include <openssl/evp.h>

#include "greenprint.h"

#define GP_BLOCK_SIZE 16

/* Tokens that share the bit planes of one set of blocks, a bit of each; and bytes of mask for
 * them. */
#define GP_GROUP_TOKENS 128
#define GP_GROUP_BYTES  16

typedef enum gp_cipher_mode {
  GP_CIPHER_ECB,
  GP_CIPHER_CTR
} gp_cipher_mode;

/* A context ready to encrypt with a 16-byte key. Released by EVP_CIPHER_CTX_free(),
 * which wipes the round keys. */
gp_status gp_cipher_new(gp_cipher_mode mode, const uint8_t *key, EVP_CIPHER_CTX **cipher,
                        gp_error *error);

/* A second context with the same key. `original` is only read. */
gp_status gp_cipher_copy(const EVP_CIPHER_CTX *original, EVP_CIPHER_CTX **cipher,
                         gp_error *error);

/* Encrypts `count` blocks one by one; in and out may be the same. */
gp_status gp_cipher_blocks(EVP_CIPHER_CTX *ecb, const uint8_t (*in)[GP_BLOCK_SIZE],
                           uint8_t (*out)[GP_BLOCK_SIZE], size_t count, gp_error *error);

/* Starts the keystream anew at a counter block. */
gp_status gp_cipher_seek(EVP_CIPHER_CTX *ctr, const uint8_t counter[GP_BLOCK_SIZE],
                         gp_error *error);

/* The next `size` bytes of the keystream; at most GP_KEYSTREAM_MAX at once. */
#define GP_KEYSTREAM_MAX 8192
gp_status gp_cipher_keystream(EVP_CIPHER_CTX *ctr, uint8_t *out, size_t size, gp_error *error);

#endif

/*
 * The key schedule of AES-128 [FIPS 197], for kernels that weave the cipher's rounds into other
 * work. All else encrypts through OpenSSL (cipher.h).
 */
#ifndef GP_PRF_AES_H
#define GP_PRF_AES_H

#include "prf/cipher.h"

#define GP_AES_ROUNDS 10

typedef struct gp_aes {
  _Alignas(16) uint8_t round_keys[GP_AES_ROUNDS + 1][GP_BLOCK_SIZE];
} gp_aes;

/* The round keys of a 16-byte key, in locked memory; NULL when out of memory. libsodium must be
 * initialised, as it is once there is a gp_key. Takes the same
 * time for every key. */
gp_aes *gp_aes_new(const uint8_t key[GP_BLOCK_SIZE]);

/* Wipes and releases them. Accepts NULL. */
void gp_aes_free(gp_aes *aes);

#endif

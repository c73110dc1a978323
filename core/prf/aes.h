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

/* The round keys of a 16-byte key. Takes the same time for every key. `aes` should lie in locked
 * memory: sodium_malloc(), whose memory ends at a page and so is aligned for it. */
void gp_aes_expand(const uint8_t key[GP_BLOCK_SIZE], gp_aes *aes);

#endif

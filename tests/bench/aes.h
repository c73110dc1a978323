/* Bare AES-128, in calls of as many blocks as the library's: what scoring is measured against. */
#ifndef BENCH_AES_H
#define BENCH_AES_H

#include <openssl/evp.h>
#include <stddef.h>

/* Encrypts a buffer in place, over and over. */
typedef struct bench_aes {
  EVP_CIPHER_CTX *cipher;
  size_t blocks; /* for each run */
} bench_aes;

bench_aes bench_aes_new(void);
void bench_aes_free(bench_aes *aes);

/* The run of a bench_side, its work being a bench_aes. */
void bench_aes_run(void *work);

#endif

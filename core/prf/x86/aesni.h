/*
 * AES-128 on several blocks in registers. Each of its instructions takes several cycles, but the
 * next may start after one: with eight blocks in flight none has to wait.
 */
#ifndef GP_PRF_X86_AESNI_H
#define GP_PRF_X86_AESNI_H

#include <immintrin.h>

#include "prf/aes.h"

#define GP_AESNI        __attribute__((target("aes,avx2")))
#define GP_AESNI_INLINE __attribute__((target("aes,avx2"), always_inline)) static inline

/* Blocks in flight at most: with the round key and what a kernel needs, 16 registers. */
#define GP_AESNI_FLIGHT 8

GP_AESNI_INLINE __m128i gp_aesni_load(const void *block) {
  return _mm_loadu_si128(block);
}

GP_AESNI_INLINE void gp_aesni_store(void *block, __m128i x) {
  _mm_storeu_si128(block, x);
}

/* A round key, not loaded before x is known. Left alone, the compiler would load all the round
 * keys ahead of a loop, which is more than there are registers, and put some on the stack. */
GP_AESNI_INLINE __m128i gp_aesni_key(const gp_aes *aes, size_t round, __m128i *x) {
  __asm__("" : "+r"(aes), "+x"(*x));
  return gp_aesni_load(aes->round_keys[round]);
}

/* All rounds but the XOR of the first round key, which the caller has done, of n blocks. */
GP_AESNI_INLINE void gp_aesni_rounds(const gp_aes *aes, __m128i *x, size_t n) {
  for (size_t round = 1; round < GP_AES_ROUNDS; round++) {
    const __m128i key = gp_aesni_key(aes, round, &x[n - 1]);
    for (size_t i = 0; i < n; i++) {
      x[i] = _mm_aesenc_si128(x[i], key);
    }
  }
  const __m128i last = gp_aesni_key(aes, GP_AES_ROUNDS, &x[n - 1]);
  for (size_t i = 0; i < n; i++) {
    x[i] = _mm_aesenclast_si128(x[i], last);
  }
}

#endif

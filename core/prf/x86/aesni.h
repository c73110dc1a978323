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

/* The round keys, of which none is loaded before the blocks are known. Left alone, compilers load
 * round keys ahead, which are more than there are registers, and put some on the stack, where
 * they would stay. clang must be told of all n blocks, or it takes some ahead of others; gcc then
 * makes worse code. */
GP_AESNI_INLINE const gp_aes *gp_aesni_hold(const gp_aes *aes, __m128i *x, size_t n) {
#ifdef __clang__
  for (size_t i = 0; i < n; i++) {
    __asm__ volatile("" : "+v"(x[i]));
  }
  __asm__ volatile("" : "+r"(aes));
#else
  __asm__("" : "+r"(aes), "+x"(x[n - 1]));
#endif
  return aes;
}

GP_AESNI_INLINE __m128i gp_aesni_key(const gp_aes *aes, size_t round) {
  return gp_aesni_load(aes->round_keys[round]);
}

/* All rounds but the XOR of the first round key, which the caller has done, of n blocks. */
GP_AESNI_INLINE void gp_aesni_rounds(const gp_aes *aes, __m128i *x, size_t n) {
  for (size_t round = 1; round < GP_AES_ROUNDS; round++) {
    const __m128i key = gp_aesni_key(gp_aesni_hold(aes, x, n), round);
    for (size_t i = 0; i < n; i++) {
      x[i] = _mm_aesenc_si128(x[i], key);
    }
  }
  const __m128i last = gp_aesni_key(gp_aesni_hold(aes, x, n), GP_AES_ROUNDS);
  for (size_t i = 0; i < n; i++) {
    x[i] = _mm_aesenclast_si128(x[i], last);
  }
}

#endif

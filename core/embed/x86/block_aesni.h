/* The cipher block of fused kernels on x86: AES-NI. Of AVX-512 if GP_BLOCK_AVX512 says so. */
#ifndef GP_EMBED_X86_BLOCK_AESNI_H
#define GP_EMBED_X86_BLOCK_AESNI_H

#include "prf/x86/aesni.h"

typedef __m128i gp_block;

#define GP_BLOCK_INLINE GP_TARGET __attribute__((always_inline)) static inline

GP_BLOCK_INLINE gp_block gp_block_load(const uint8_t *in) {
  return gp_aesni_load(in);
}

GP_BLOCK_INLINE void gp_block_store(uint16_t *out, gp_block x) {
  gp_aesni_store(out, x);
}

GP_BLOCK_INLINE gp_block gp_block_fill(uint8_t byte) {
  return _mm_set1_epi8((char)byte);
}

GP_BLOCK_INLINE gp_block gp_block_counter(gp_block nonce, uint32_t counter) {
  return _mm_insert_epi32(nonce, (int)__builtin_bswap32(counter), 3);
}

/* Not for gcc: it takes round keys straight from where they lie, and would be held up. */
GP_BLOCK_INLINE const gp_aes *gp_block_hold(const gp_aes *aes, gp_block *x, unsigned n) {
#ifdef __clang__
  return gp_aesni_hold(aes, x, n);
#else
  (void)x;
  (void)n;
  return aes;
#endif
}

GP_BLOCK_INLINE gp_block gp_block_begin(gp_block x, const gp_aes *aes) {
  return _mm_xor_si128(x, gp_aesni_key(aes, 0));
}

GP_BLOCK_INLINE gp_block gp_block_round(gp_block x, const gp_aes *aes, unsigned round) {
  return _mm_aesenc_si128(x, gp_aesni_key(aes, round));
}

GP_BLOCK_INLINE gp_block gp_block_end(gp_block x, const gp_aes *aes) {
  return _mm_aesenclast_si128(x, gp_aesni_key(aes, GP_AES_ROUNDS));
}

/* bit ? less | ~plane : less & ~plane, which is what most of less, ~plane and bit say */
GP_BLOCK_INLINE gp_block gp_block_less(gp_block less, gp_block plane, gp_block bit) {
#ifdef GP_BLOCK_AVX512
  return _mm_ternarylogic_epi32(less, plane, bit, 0xB2);
#else
  return _mm_or_si128(_mm_andnot_si128(plane, _mm_or_si128(less, bit)), _mm_and_si128(less, bit));
#endif
}

#endif

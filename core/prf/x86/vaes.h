/*
 * AES-128 on four blocks in a register, a lane each, and what kernels that do so share. Needs
 * AVX-512 (F, BW, DQ, VL) and VAES. As with AES-NI an instruction takes several cycles, and the
 * next may start at once: eight registers in flight are enough.
 */
#ifndef GP_PRF_X86_VAES_H
#define GP_PRF_X86_VAES_H

#include <immintrin.h>

#include "prf/aes.h"

#define GP_VAES        __attribute__((target("avx2,aes,avx512f,avx512bw,avx512dq,avx512vl,vaes")))
#define GP_VAES_INLINE GP_VAES __attribute__((always_inline)) static inline

#define GP_VAES_LANES  4
#define GP_VAES_FLIGHT 8 /* registers */

/* The same block in each lane. */
GP_VAES_INLINE __m512i gp_vaes_repeat(const uint8_t block[GP_BLOCK_SIZE]) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)block));
}

GP_VAES_INLINE __m512i gp_vaes_key(const gp_aes *aes, size_t round) {
  return gp_vaes_repeat(aes->round_keys[round]);
}

/* One of rounds 1 to 9, of n registers. */
GP_VAES_INLINE void gp_vaes_round(const gp_aes *aes, size_t round, __m512i *x, size_t n) {
  const __m512i key = gp_vaes_key(aes, round);
  for (size_t i = 0; i < n; i++) {
    x[i] = _mm512_aesenc_epi128(x[i], key);
  }
}

/* The round after those. */
GP_VAES_INLINE void gp_vaes_last_round(const gp_aes *aes, __m512i *x, size_t n) {
  const __m512i key = gp_vaes_key(aes, GP_AES_ROUNDS);
  for (size_t i = 0; i < n; i++) {
    x[i] = _mm512_aesenclast_epi128(x[i], key);
  }
}

/* All rounds but the XOR of the first round key, which the caller has done. */
GP_VAES_INLINE void gp_vaes_rounds(const gp_aes *aes, __m512i *x, size_t n) {
  for (size_t round = 1; round < GP_AES_ROUNDS; round++) {
    gp_vaes_round(aes, round, x, n);
  }
  gp_vaes_last_round(aes, x, n);
}

/* The last double word of each lane, big-endian; zero before it. XORed with a nonce it makes a
 * counter block. */
GP_VAES_INLINE __m512i gp_vaes_tails(__m512i counters) {
  return _mm512_shuffle_epi8(counters, _mm512_set4_epi32(0x0C0D0E0F, -1, -1, -1));
}

/* What pairs have but for their tokens: nonces. */
GP_VAES_INLINE __m512i gp_vaes_nonces(__m512i pairs) {
  return _mm512_maskz_mov_epi32(0x7777, pairs);
}

/* The counters of the first planes of four pairs, in the last double words. */
GP_VAES_INLINE __m512i gp_vaes_counters(__m512i pairs, uint32_t k) {
  const __m512i groups = _mm512_srli_epi32(pairs, 7);
  return k == 1   ? groups
         : k == 2 ? _mm512_add_epi32(groups, groups)
                  : _mm512_mullo_epi32(groups, _mm512_set1_epi32((int)k));
}

/* One step of the comparison that mask.c explains: `less`, after a further plane, the next to the
 * left; `bit` is that of g, all ones or all zeros. It is what most of less, ~plane and bit say.
 */
GP_VAES_INLINE __m512i gp_vaes_less(__m512i less, __m512i plane, __m512i bit) {
  return _mm512_ternarylogic_epi32(less, plane, bit, 0xB2);
}

/* The bit of g at a place, as gp_vaes_less() wants it. */
GP_VAES_INLINE __m512i gp_vaes_bit(uint32_t g, uint32_t place) {
  return _mm512_set1_epi32((g >> place & 1U) != 0 ? -1 : 0);
}

#endif

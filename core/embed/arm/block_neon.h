/*
 * The cipher block of fused kernels on 64-bit ARM.
 *
 * The AES instructions are written in assembly: as intrinsics, clang 14 wants the whole file
 * made for processors that have them. They are volatile because gcc otherwise moves all
 * rounds behind all additions. Each AESE has its AESMC behind it, for processors that run the two
 * as one.
 *
 * AESE adds its round key before it substitutes, and AESMC mixes the columns. So a round takes
 * the key of the round before, and nothing comes before the first.
 */
#ifndef GP_EMBED_ARM_BLOCK_NEON_H
#define GP_EMBED_ARM_BLOCK_NEON_H

#include <arm_neon.h>

#include "prf/aes.h"

typedef uint8x16_t gp_block;

#define GP_BLOCK_INLINE __attribute__((always_inline)) static inline

GP_BLOCK_INLINE gp_block gp_block_load(const uint8_t *in) {
  return vld1q_u8(in);
}

GP_BLOCK_INLINE void gp_block_store(uint16_t *out, gp_block x) {
  vst1q_u16(out, vreinterpretq_u16_u8(x));
}

GP_BLOCK_INLINE gp_block gp_block_fill(uint8_t byte) {
  return vdupq_n_u8(byte);
}

GP_BLOCK_INLINE gp_block gp_block_counter(gp_block nonce, uint32_t counter) {
  const uint32x4_t words = vreinterpretq_u32_u8(nonce);
  return vreinterpretq_u8_u32(vsetq_lane_u32(__builtin_bswap32(counter), words, 3));
}

GP_BLOCK_INLINE gp_block gp_block_key(const gp_aes *aes, unsigned round) {
  return vld1q_u8(aes->round_keys[round]);
}

/* There are registers enough for the round keys. */
GP_BLOCK_INLINE const gp_aes *gp_block_hold(const gp_aes *aes, const gp_block *x, unsigned n) {
  (void)x;
  (void)n;
  return aes;
}

GP_BLOCK_INLINE gp_block gp_block_begin(gp_block x, const gp_aes *aes) {
  (void)aes;
  return x;
}

GP_BLOCK_INLINE gp_block gp_block_round(gp_block x, const gp_aes *aes, unsigned round) {
  __asm__ volatile(".arch_extension aes\n\t"
                   "aese %0.16b, %1.16b\n\t"
                   "aesmc %0.16b, %0.16b"
                   : "+w"(x)
                   : "w"(gp_block_key(aes, round - 1)));
  return x;
}

GP_BLOCK_INLINE gp_block gp_block_end(gp_block x, const gp_aes *aes) {
  __asm__ volatile(".arch_extension aes\n\t"
                   "aese %0.16b, %1.16b"
                   : "+w"(x)
                   : "w"(gp_block_key(aes, GP_AES_ROUNDS - 1)));
  return veorq_u8(x, gp_block_key(aes, GP_AES_ROUNDS));
}

/* bit ? less | ~plane : less & ~plane */
GP_BLOCK_INLINE gp_block gp_block_less(gp_block less, gp_block plane, gp_block bit) {
  return vbslq_u8(bit, vornq_u8(less, plane), vbicq_u8(less, plane));
}

#endif

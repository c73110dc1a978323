/*
 * Kernels for NEON: a mask bit picks what its logit gets, delta or -0.0, so that the row gets one
 * addition an element (bias_portable.c says why that leaves red ones alone).
 *
 * Conversions between float16 and float32 are part of the instruction set. A bfloat16 is the
 * upper half of a float32, and taking the upper half of a sum with 0x7FFF added, or 0x8000 where
 * the half is odd, rounds it to nearest, ties to even. No NaN turns into something else by that:
 * one that comes out of the addition ends in sixteen zeros.
 */
#include "common/cpu.h"

#if GP_ARM

#define GP_TARGET

#include "embed/arm/block_neon.h"

#include "embed/fused.h"

/* What four logits get by four bits of a mask, from bit `first` on. */
GP_INLINE float32x4_t addends(gp_addend addend, unsigned mask, unsigned first) {
  static const uint32_t bits[4] = {1, 2, 4, 8};
  const uint32x4_t places = vshlq_u32(vld1q_u32(bits), vdupq_n_s32((int)first));
  const uint32x4_t green = vtstq_u32(vdupq_n_u32(mask), places);
  return vbslq_f32(green, vdupq_n_f32(addend.delta), vdupq_n_f32(-0.0F));
}

GP_INLINE void bias_float32(gp_addend addend, const uint16_t *mask, unsigned char *logits) {
  float *row = (float *)(void *)logits;
  for (unsigned i = 0; i < 32; i += 4) {
    const float32x4_t sum = vaddq_f32(vld1q_f32(row + i), addends(addend, mask[i / 16], i % 16));
    vst1q_f32(row + i, sum);
  }
}

GP_INLINE void bias_float16(gp_addend addend, const uint16_t *mask, unsigned char *logits) {
  uint16_t *row = (uint16_t *)(void *)logits;
  for (unsigned i = 0; i < 32; i += 8) {
    const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(row + i));
    const float32x4_t low = vcvt_f32_f16(vget_low_f16(halves));
    const float32x4_t high = vcvt_high_f32_f16(halves);
    const float16x4_t rounded =
        vcvt_f16_f32(vaddq_f32(low, addends(addend, mask[i / 16], i % 16)));
    const float16x8_t sums =
        vcvt_high_f16_f32(rounded, vaddq_f32(high, addends(addend, mask[i / 16], i % 16 + 4)));
    vst1q_u16(row + i, vreinterpretq_u16_f16(sums));
  }
}

GP_INLINE uint32x4_t sum_bfloat16(uint16x8_t wide, float32x4_t addend) {
  return vreinterpretq_u32_f32(vaddq_f32(vreinterpretq_f32_u16(wide), addend));
}

/* What has to be added before the upper half is taken. */
GP_INLINE uint32x4_t rounding(uint32x4_t sum) {
  return vsraq_n_u32(vdupq_n_u32(0x7FFF), vshlq_n_u32(sum, 15), 31);
}

GP_INLINE void bias_bfloat16(gp_addend addend, const uint16_t *mask, unsigned char *logits) {
  uint16_t *row = (uint16_t *)(void *)logits;
  const uint16x8_t zero = vdupq_n_u16(0);
  for (unsigned i = 0; i < 32; i += 8) {
    const uint16x8_t halves = vld1q_u16(row + i);
    const uint32x4_t low =
        sum_bfloat16(vzip1q_u16(zero, halves), addends(addend, mask[i / 16], i % 16));
    const uint32x4_t high =
        sum_bfloat16(vzip2q_u16(zero, halves), addends(addend, mask[i / 16], i % 16 + 4));
    const uint16x4_t rounded = vaddhn_u32(low, rounding(low));
    vst1q_u16(row + i, vaddhn_high_u32(rounded, high, rounding(high)));
  }
}

GP_DEFINE_KERNELS(float32, 4)
GP_DEFINE_KERNELS(float16, 2)
GP_DEFINE_KERNELS(bfloat16, 2)

const gp_kernels gp_kernels_neon = {
    .float32 = {masked_float32, fused_float32},
    .float16 = {masked_float16, fused_float16},
    .bfloat16 = {masked_bfloat16, fused_bfloat16},
};

const gp_kernels gp_kernels_neon_no_aes = {
    .float32 = {masked_float32, NULL},
    .float16 = {masked_float16, NULL},
    .bfloat16 = {masked_bfloat16, NULL},
};

#endif

/* Adding a constant with NEON. */
#include "constants.h"

#ifdef __aarch64__

#include <arm_neon.h>

static void add_float32(void *row, size_t n, float constant) {
  float *x = row;
  const float32x4_t c = vdupq_n_f32(constant);
  for (; n >= 16; n -= 16, x += 16) {
    for (size_t i = 0; i < 16; i += 4) {
      vst1q_f32(x + i, vaddq_f32(vld1q_f32(x + i), c));
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] += constant;
  }
}

static void add_float16(void *row, size_t n, float constant) {
  uint16_t *x = row;
  const float32x4_t c = vdupq_n_f32(constant);
  for (; n >= 8; n -= 8, x += 8) {
    const float16x8_t in = vreinterpretq_f16_u16(vld1q_u16(x));
    const float32x4_t low = vaddq_f32(vcvt_f32_f16(vget_low_f16(in)), c);
    const float32x4_t high = vaddq_f32(vcvt_high_f32_f16(in), c);
    vst1q_u16(x, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(low), high)));
  }
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_float16(x[i], constant);
  }
}

static inline uint16x4_t round_bfloat16(float32x4_t sum) {
  const uint32x4_t bits = vreinterpretq_u32_f32(sum);
  const uint32x4_t high = vshrq_n_u32(bits, 16);
  const uint32x4_t odd = vandq_u32(high, vdupq_n_u32(1));
  const uint32x4_t more = vaddq_u32(odd, vdupq_n_u32(0x7FFF));
  const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(bits, more), 16);
  const uint32x4_t quiet = vorrq_u32(high, vdupq_n_u32(0x40));
  return vmovn_u32(vbslq_u32(vceqq_f32(sum, sum), rounded, quiet));
}

static void add_bfloat16(void *row, size_t n, float constant) {
  uint16_t *x = row;
  const float32x4_t c = vdupq_n_f32(constant);
  for (; n >= 8; n -= 8, x += 8) {
    const uint16x8_t in = vld1q_u16(x);
    const float32x4_t low = vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(in), 16));
    const float32x4_t high = vreinterpretq_f32_u32(vshll_high_n_u16(in, 16));
    vst1q_u16(
        x, vcombine_u16(round_bfloat16(vaddq_f32(low, c)), round_bfloat16(vaddq_f32(high, c))));
  }
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_bfloat16(x[i], constant);
  }
}

const bench_adders *bench_adders_neon(void) {
  static const bench_adders adders = {"neon", add_float32, add_float16, add_bfloat16};
  return &adders;
}

#else

typedef int bench_no_neon; /* ISO C wants a file to declare something */

#endif

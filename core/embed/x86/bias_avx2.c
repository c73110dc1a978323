/*
 * Kernels for AVX2. float32: eight addends, delta or -0.0, come from a table by eight mask bits,
 * so that the row gets one addition an element (bias_portable.c says why that leaves red logits
 * alone).
 *
 * float16 needs F16C to be widened and rounded; where that is missing, the portable kernel
 * serves it. A bfloat16 is rounded by adding just under half of what is cut off; a NaN needs no
 * care, since what is cut off it is zero and nothing carries.
 */
#include "common/cpu.h"

#if GP_X86

#define GP_TARGET __attribute__((target("avx2,aes,f16c")))

#include "embed/x86/block_aesni.h"

#include "embed/fused.h"

GP_TARGET GP_INLINE __m256i load(const unsigned char *logits) {
  return _mm256_loadu_si256((const __m256i *)(const void *)logits);
}

GP_TARGET GP_INLINE void bias_float32(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  float *row = (float *)(void *)logits;
  const uint8_t *bytes = (const uint8_t *)mask;
  for (int i = 0; i < 4; i++, row += 8) {
    const __m256 addends = _mm256_load_ps(addend.table[bytes[i]]);
    _mm256_storeu_ps(row, _mm256_add_ps(_mm256_loadu_ps(row), addends));
  }
}

/* The 16 sums where the mask's bit is 1, the logits as they were elsewhere. */
GP_TARGET GP_INLINE void choose(unsigned char *logits, __m256i x, __m256i sums, uint16_t mask) {
  const __m256i bit = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
                                        8192, 16384, (short)0x8000);
  const __m256i bits = _mm256_set1_epi16((short)mask);
  const __m256i green = _mm256_cmpeq_epi16(_mm256_and_si256(bits, bit), bit);
  _mm256_storeu_si256((__m256i *)(void *)logits, _mm256_blendv_epi8(x, sums, green));
}

GP_TARGET GP_INLINE __m128i sum_float16(__m256 delta, __m128i x) {
  return _mm256_cvtps_ph(_mm256_add_ps(_mm256_cvtph_ps(x), delta),
                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

GP_TARGET GP_INLINE void bias_float16(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m256 delta = _mm256_set1_ps(addend.delta);
  for (size_t half = 0; half < 2; half++) {
    unsigned char *at = logits + 32 * half;
    const __m256i x = load(at);
    const __m128i low = sum_float16(delta, _mm256_castsi256_si128(x));
    const __m128i high = sum_float16(delta, _mm256_extracti128_si256(x, 1));
    choose(at, x, _mm256_set_m128i(high, low), mask[half]);
  }
}

/* The sum, rounded, in the upper half of each double word. */
GP_TARGET GP_INLINE __m256i sum_bfloat16(__m256 delta, __m256i x) {
  const __m256i sum = _mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(x), delta));
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(sum, 16), _mm256_set1_epi32(1));
  return _mm256_add_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(0x7FFF)), odd);
}

GP_TARGET GP_INLINE void bias_bfloat16(gp_addend addend, const uint16_t *mask,
                                       unsigned char *logits) {
  const __m256 delta = _mm256_set1_ps(addend.delta);
  const __m256i upper = _mm256_set1_epi32((int)0xFFFF0000U);
  for (size_t half = 0; half < 2; half++) {
    unsigned char *at = logits + 32 * half;
    const __m256i x = load(at);
    const __m256i even = sum_bfloat16(delta, _mm256_slli_epi32(x, 16));
    const __m256i odd = sum_bfloat16(delta, _mm256_and_si256(x, upper));
    const __m256i sums = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xAA);
    choose(at, x, sums, mask[half]);
  }
}

GP_DEFINE_KERNELS(float32, 4)
GP_DEFINE_KERNELS(float16, 2)
GP_DEFINE_KERNELS(bfloat16, 2)

const gp_kernels gp_kernels_avx2 = {
    .float32 = {masked_float32, fused_float32},
    .float16 = {masked_float16, fused_float16},
    .bfloat16 = {masked_bfloat16, fused_bfloat16},
};

const gp_kernels gp_kernels_avx2_no_f16c = {
    .float32 = {masked_float32, fused_float32},
    .float16 = {gp_bias_float16_portable, NULL},
    .bfloat16 = {masked_bfloat16, fused_bfloat16},
};

#endif

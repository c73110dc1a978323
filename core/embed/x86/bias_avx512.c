/*
 * Kernels for AVX-512 (F, BW, DQ, VL): a mask bit decides over an addition by itself.
 *
 * float16 and bfloat16 are widened to float32, added to and rounded. A bfloat16 is rounded by
 * adding just under half of what is cut off; a NaN needs no care, since what is cut off it is
 * zero and nothing carries.
 */
#include "common/cpu.h"

#if GP_X86

#define GP_TARGET __attribute__((target("avx2,aes,avx512f,avx512bw,avx512dq,avx512vl")))

#include "embed/x86/block_aesni.h"

#include "embed/fused.h"

GP_TARGET GP_INLINE __mmask32 bits_of(const uint16_t *mask) {
  return mask[0] | (__mmask32)mask[1] << 16;
}

GP_TARGET GP_INLINE void bias_float32(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  const __m512 low = _mm512_loadu_ps(logits);
  const __m512 high = _mm512_loadu_ps(logits + 64);
  _mm512_storeu_ps(logits, _mm512_mask_add_ps(low, mask[0], low, delta));
  _mm512_storeu_ps(logits + 64, _mm512_mask_add_ps(high, mask[1], high, delta));
}

GP_TARGET GP_INLINE __m256i sum_float16(__m512 delta, const unsigned char *logits) {
  const __m512 x = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)logits));
  return _mm512_cvtps_ph(_mm512_add_ps(x, delta), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

GP_TARGET GP_INLINE void bias_float16(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  const __m512i low = _mm512_castsi256_si512(sum_float16(delta, logits));
  const __m512i sums = _mm512_inserti64x4(low, sum_float16(delta, logits + 32), 1);
  const __m512i x = _mm512_loadu_si512(logits);
  _mm512_storeu_si512(logits, _mm512_mask_blend_epi16(bits_of(mask), x, sums));
}

/* The sum, rounded, in the upper half of each double word. */
GP_TARGET GP_INLINE __m512i sum_bfloat16(__m512 delta, __m512i x) {
  const __m512i sum = _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(x), delta));
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(sum, 16), _mm512_set1_epi32(1));
  return _mm512_add_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(0x7FFF)), odd);
}

/* The logits at even places and those at odd places, each in the upper halves of double words. */
GP_TARGET GP_INLINE void bias_bfloat16(gp_addend addend, const uint16_t *mask,
                                       unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  const __m512i x = _mm512_loadu_si512(logits);
  const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000U);
  const __m512i even = sum_bfloat16(delta, _mm512_slli_epi32(x, 16));
  const __m512i odd = sum_bfloat16(delta, _mm512_and_si512(x, upper));
  const __m512i sums = _mm512_mask_blend_epi16(0xAAAAAAAAU, _mm512_srli_epi32(even, 16), odd);
  _mm512_storeu_si512(logits, _mm512_mask_blend_epi16(bits_of(mask), x, sums));
}

GP_DEFINE_KERNELS(float32, 4)
GP_DEFINE_KERNELS(float16, 2)
GP_DEFINE_KERNELS(bfloat16, 2)

const gp_kernels gp_kernels_avx512 = {
    .float32 = {masked_float32, fused_float32},
    .float16 = {masked_float16, fused_float16},
    .bfloat16 = {masked_bfloat16, fused_bfloat16},
};

#endif

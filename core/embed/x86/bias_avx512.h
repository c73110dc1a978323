/*
 * What files for AVX-512 give embed/fused.h: the boost onto 32 logits of each format. A mask bit
 * decides over an addition by itself. To be included after fused.h.
 *
 * float16 and bfloat16 are widened to float32, added to and rounded; all sums are made, and those
 * of green logits stored.
 */
#ifndef GP_EMBED_X86_BIAS_AVX512_H
#define GP_EMBED_X86_BIAS_AVX512_H

#include <immintrin.h>

#include "embed/fused.h"

GP_TARGET GP_INLINE __mmask32 bits_of(const uint16_t *mask) {
  return _load_mask32((__mmask32 *)(void *)mask);
}

GP_TARGET GP_INLINE void bias_float32(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  const __m512i low = _mm512_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
                                        8192, 16384, 32768);
  const __m512i high = _mm512_slli_epi32(low, 16);
  uint32_t word;
  memcpy(&word, mask, sizeof word);
  const __m512i bits = _mm512_set1_epi32((int)word);
  _mm512_mask_storeu_ps(logits, _mm512_test_epi32_mask(bits, low),
                        _mm512_add_ps(_mm512_loadu_ps(logits), delta));
  _mm512_mask_storeu_ps(logits + 64, _mm512_test_epi32_mask(bits, high),
                        _mm512_add_ps(_mm512_loadu_ps(logits + 64), delta));
}

GP_TARGET GP_INLINE void bias_16_float16(__m512 delta, __mmask16 mask, unsigned char *logits) {
  const __m512 x = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)logits));
  const __m256i sums =
      _mm512_cvtps_ph(_mm512_add_ps(x, delta), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_mask_storeu_epi16(logits, mask, sums);
}

GP_TARGET GP_INLINE void bias_float16(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  bias_16_float16(delta, _load_mask16((__mmask16 *)(void *)(mask)), logits);
  bias_16_float16(delta, _load_mask16((__mmask16 *)(void *)(mask + 1)), logits + 32);
}

/*
 * The upper halves of 32 numbers, those at even places and those at odd places, rounded to
 * nearest and ties to even: up where the lower half is at least 0x8000, or more than that if the
 * upper half is even. Upper and lower halves are first brought together, so that 32 are rounded
 * at a time. A NaN needs no care: its lower half is zero.
 */
GP_TARGET GP_INLINE __m512i round_bfloat16(__m512 even_sums, __m512 odd_sums) {
  const __m512i even = _mm512_castps_si512(even_sums);
  const __m512i odd = _mm512_castps_si512(odd_sums);
  const __m512i swap = _mm512_set4_epi32(0x0D0C0F0E, 0x09080B0A, 0x05040706, 0x01000302);
  const __m512i upper = _mm512_mask_shuffle_epi8(odd, 0x3333333333333333U, even, swap);
  const __m512i lower = _mm512_mask_shuffle_epi8(even, 0xCCCCCCCCCCCCCCCCU, odd, swap);
  const __m512i one = _mm512_set1_epi16(1);
  const __m512i half = _mm512_set1_epi16((short)0x8000);
  const __m512i least = _mm512_ternarylogic_epi32(upper, one, half, 0xAE); /* ~upper & 1 | half */
  const __mmask32 up = _mm512_cmpge_epu16_mask(lower, least);
  return _mm512_mask_sub_epi16(upper, up, upper, _mm512_set1_epi16(-1));
}

GP_TARGET GP_INLINE void bias_bfloat16(gp_addend addend, const uint16_t *mask,
                                       unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  const __m512i x = _mm512_loadu_si512(logits);
  const __m512i even = _mm512_slli_epi32(x, 16);
  const __m512i odd = _mm512_and_si512(x, _mm512_set1_epi32((int)0xFFFF0000U));
  const __m512i sums = round_bfloat16(_mm512_add_ps(_mm512_castsi512_ps(even), delta),
                                      _mm512_add_ps(_mm512_castsi512_ps(odd), delta));
  _mm512_mask_storeu_epi16(logits, bits_of(mask), sums);
}

#endif

/*
 * What the kernels for AVX-512 share: the boost onto a few logits of 16 bits, where a mask bit
 * decides over a store by itself. Included by a file that defines GP_TARGET, the attributes of
 * every function that uses the instruction set.
 *
 * float16 and bfloat16 are widened to float32, added to and rounded; all sums are made, and those
 * of green logits stored.
 */
#ifndef GP_EMBED_X86_HALVES_AVX512_H
#define GP_EMBED_X86_HALVES_AVX512_H

#include <immintrin.h>

#define GP_HALVES GP_TARGET __attribute__((always_inline)) static inline

GP_HALVES void gp_bias_16_float16(__m512 delta, __mmask16 mask, unsigned char *logits) {
  const __m512 x = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)logits));
  const __m256i sums =
      _mm512_cvtps_ph(_mm512_add_ps(x, delta), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_mask_storeu_epi16(logits, mask, sums);
}

/*
 * The upper halves of 32 numbers, those at even places and those at odd places, rounded to
 * nearest and ties to even: up where the lower half is at least 0x8000, or more than that if the
 * upper half is even. Upper and lower halves are first brought together, so that 32 are rounded
 * at a time. A NaN needs no care: its lower half is zero.
 */
GP_HALVES __m512i gp_round_bfloat16(__m512 even_sums, __m512 odd_sums) {
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

GP_HALVES void gp_bias_32_bfloat16(__m512 delta, __mmask32 mask, unsigned char *logits) {
  const __m512i x = _mm512_loadu_si512(logits);
  const __m512i even = _mm512_slli_epi32(x, 16);
  const __m512i odd = _mm512_and_si512(x, _mm512_set1_epi32((int)0xFFFF0000U));
  const __m512i sums = gp_round_bfloat16(_mm512_add_ps(_mm512_castsi512_ps(even), delta),
                                         _mm512_add_ps(_mm512_castsi512_ps(odd), delta));
  _mm512_mask_storeu_epi16(logits, mask, sums);
}

#endif

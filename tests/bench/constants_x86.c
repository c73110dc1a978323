/* Adding a constant with AVX2 and with AVX-512, in the fewest instructions known. Loops are
 * unrolled as far as it makes them faster. */
#include "constants.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

/* --------------------------------------------------------------------- AVX2 */

#define AVX2 __attribute__((target("avx2,f16c")))

AVX2 static void add_float32_avx2(void *row, size_t n, float constant) {
  float *x = row;
  const __m256 c = _mm256_set1_ps(constant);
  for (; n >= 32; n -= 32, x += 32) {
    for (size_t i = 0; i < 32; i += 8) {
      _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), c));
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] += constant;
  }
}

/* Eight sums, rounded, in the upper halves of eight numbers; a NaN stays one, since nothing
 * carries where nothing is cut off. */
AVX2 static inline __m256i sum_bfloat16_avx2(__m256i x, __m256 c) {
  const __m256i bits = _mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(x), c));
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  return _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
}

AVX2 static void add_bfloat16_avx2(void *row, size_t n, float constant) {
  uint16_t *x = row;
  const __m256 c = _mm256_set1_ps(constant);
  const __m256i upper = _mm256_set1_epi32((int)0xFFFF0000U);
  for (; n >= 128; n -= 128, x += 128) {
    for (size_t i = 0; i < 128; i += 16) {
      const __m256i in = _mm256_loadu_si256((const __m256i *)(x + i));
      const __m256i even = sum_bfloat16_avx2(_mm256_slli_epi32(in, 16), c);
      const __m256i odd = sum_bfloat16_avx2(_mm256_and_si256(in, upper), c);
      const __m256i out = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xAA);
      _mm256_storeu_si256((__m256i *)(x + i), out);
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_bfloat16(x[i], constant);
  }
}

AVX2 static void add_float16_avx2(void *row, size_t n, float constant) {
  uint16_t *x = row;
  const __m256 c = _mm256_set1_ps(constant);
  for (; n >= 128; n -= 128, x += 128) {
    for (size_t i = 0; i < 128; i += 8) {
      const __m256 in = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i)));
      const __m128i out = _mm256_cvtps_ph(_mm256_add_ps(in, c), _MM_FROUND_TO_NEAREST_INT);
      _mm_storeu_si128((__m128i *)(x + i), out);
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_float16(x[i], constant);
  }
}

const bench_adders *bench_adders_avx2(void) {
  static const bench_adders adders = {"avx2", add_float32_avx2, add_float16_avx2,
                                      add_bfloat16_avx2};
  /* Every processor with AVX2 has had F16C. */
  return __builtin_cpu_supports("avx2") ? &adders : NULL;
}

/* ------------------------------------------------------------------ AVX-512 */

#define AVX512 __attribute__((target("avx512f,avx512bw")))

AVX512 static void add_float32_avx512(void *row, size_t n, float constant) {
  float *x = row;
  const __m512 c = _mm512_set1_ps(constant);
  for (; n >= 64; n -= 64, x += 64) {
    for (size_t i = 0; i < 64; i += 16) {
      _mm512_storeu_ps(x + i, _mm512_add_ps(_mm512_loadu_ps(x + i), c));
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] += constant;
  }
}

/* The upper halves, rounded, of sums at even and at odd places, brought together before they are
 * rounded: one up where the lower half is 0x8000 or more, or more than that if the upper half is
 * even. */
AVX512 static inline __m512i round_bfloat16_avx512(__m512i even, __m512i odd) {
  const __m512i swap = _mm512_set4_epi32(0x0D0C0F0E, 0x09080B0A, 0x05040706, 0x01000302);
  const __m512i upper = _mm512_mask_shuffle_epi8(odd, 0x3333333333333333U, even, swap);
  const __m512i lower = _mm512_mask_shuffle_epi8(even, 0xCCCCCCCCCCCCCCCCU, odd, swap);
  const __m512i one = _mm512_set1_epi16(1);
  const __m512i half = _mm512_set1_epi16((short)0x8000);
  const __m512i least = _mm512_ternarylogic_epi32(upper, one, half, 0xAE); /* ~upper & 1 | half */
  const __mmask32 up = _mm512_cmpge_epu16_mask(lower, least);
  return _mm512_mask_sub_epi16(upper, up, upper, _mm512_set1_epi16(-1));
}

AVX512 static inline __m512i add_avx512(__m512i x, __m512 c) {
  return _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(x), c));
}

AVX512 static void add_bfloat16_avx512(void *row, size_t n, float constant) {
  uint16_t *x = row;
  const __m512 c = _mm512_set1_ps(constant);
  const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000U);
  for (; n >= 128; n -= 128, x += 128) {
    for (size_t i = 0; i < 128; i += 32) {
      const __m512i in = _mm512_loadu_si512(x + i);
      const __m512i even = add_avx512(_mm512_slli_epi32(in, 16), c);
      const __m512i odd = add_avx512(_mm512_and_si512(in, upper), c);
      _mm512_storeu_si512(x + i, round_bfloat16_avx512(even, odd));
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_bfloat16(x[i], constant);
  }
}

AVX512 static void add_float16_avx512(void *row, size_t n, float constant) {
  uint16_t *x = row;
  const __m512 c = _mm512_set1_ps(constant);
  for (; n >= 128; n -= 128, x += 128) {
    for (size_t i = 0; i < 128; i += 16) {
      const __m512 in = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x + i)));
      const __m256i out = _mm512_cvtps_ph(_mm512_add_ps(in, c), _MM_FROUND_TO_NEAREST_INT);
      _mm256_storeu_si256((__m256i *)(x + i), out);
    }
  }
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_float16(x[i], constant);
  }
}

const bench_adders *bench_adders_avx512(void) {
  static const bench_adders adders = {"avx512", add_float32_avx512, add_float16_avx512,
                                      add_bfloat16_avx512};
  const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  return has ? &adders : NULL;
}

#else

typedef int bench_no_x86; /* ISO C wants a file to declare something */

#endif

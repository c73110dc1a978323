/* Two pairs in a vector of 256 bits: each half is a block, whose upper double word is the token,
 * or the counter. */
#include "prf/pair_steps.h"

#if GP_X86

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* Blending takes the upper double words of both halves from its second operand. */
#define TAILS 0x88

AVX2 static inline __m256i load(const uint8_t *blocks) {
  return _mm256_loadu_si256((const __m256i *)(const void *)blocks);
}

AVX2 static inline void store(uint8_t *blocks, __m256i x) {
  _mm256_storeu_si256((__m256i *)(void *)blocks, x);
}

/* A whole block is read for each window, where the tokens of the last one allow it. */
AVX2 static void take_windows(const uint32_t *tokens, size_t width, size_t count,
                              uint8_t (*blocks)[GP_BLOCK_SIZE]) {
  const __m128i places = _mm_setr_epi32(0, 1, 2, 3);
  const int inside = width < GP_IDS_PER_BLOCK ? (int)width : (int)GP_IDS_PER_BLOCK;
  const __m256i keep =
      _mm256_broadcastsi128_si256(_mm_cmplt_epi32(places, _mm_set1_epi32(inside)));
  const size_t there = count + width - 1;
  size_t i = 0;
  for (; i + 2 <= count && i + 1 + GP_IDS_PER_BLOCK <= there; i += 2) {
    const __m128i first = _mm_loadu_si128((const __m128i *)(const void *)(tokens + i));
    const __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(tokens + i + 1));
    store(blocks[i], _mm256_and_si256(_mm256_set_m128i(second, first), keep));
  }
  for (; i < count; i++) {
    gp_pair_take_window(tokens + i, width, blocks[i]);
  }
}

AVX2 static void finish(uint8_t (*blocks)[GP_BLOCK_SIZE], const uint8_t tweak[GP_BLOCK_SIZE],
                        const uint32_t *tokens, size_t count) {
  const __m256i tweaked =
      _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)tweak));
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const __m128i both = _mm_loadl_epi64((const __m128i *)(const void *)(tokens + i));
    const __m256i tails = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(both), spread);
    const __m256i nonces = _mm256_xor_si256(load(blocks[i]), tweaked);
    store(blocks[i], _mm256_blend_epi32(nonces, tails, TAILS));
  }
  for (; i < count; i++) {
    gp_pair_finish(blocks[i], tweak, tokens[i]);
  }
}

AVX2 static inline void put_counters_of(const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                                        uint32_t k, uint8_t (*blocks)[GP_BLOCK_SIZE]) {
  const __m256i swap = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  const __m256i factor = _mm256_set1_epi32((int)k);
  const __m256i one = _mm256_set1_epi32(1);
  size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const __m256i both = load(pairs[i]);
    __m256i counters = _mm256_mullo_epi32(_mm256_srli_epi32(both, 7), factor);
    for (uint32_t plane = 0; plane < k; plane++) {
      const __m256i tails = _mm256_shuffle_epi8(counters, swap);
      store(blocks[plane * count + i], _mm256_blend_epi32(both, tails, TAILS));
      counters = _mm256_add_epi32(counters, one);
    }
  }
  for (; i < count; i++) {
    gp_pair_put_counters(pairs[i], k, blocks + i, count);
  }
}

/* Loops of their own for the usual values, which the compiler then knows. */
AVX2 static void put_counters(const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                              uint8_t (*blocks)[GP_BLOCK_SIZE]) {
  switch (k) {
  case 1:
    put_counters_of(pairs, count, 1, blocks);
    break;
  case 2:
    put_counters_of(pairs, count, 2, blocks);
    break;
  case 3:
    put_counters_of(pairs, count, 3, blocks);
    break;
  default:
    put_counters_of(pairs, count, k, blocks);
    break;
  }
}

/* Where the numbers of two groups are not less than g: as mask.c explains, with everything
 * inverted, which saves inverting the planes. */
AVX2 static inline __m256i not_less(const uint8_t (*blocks)[GP_BLOCK_SIZE], size_t count,
                                    uint32_t k, uint32_t g) {
  __m256i result = _mm256_set1_epi32(-1);
  for (uint32_t place = 0; place < k; place++) {
    const __m256i plane = load(blocks[(k - 1 - place) * count]);
    result =
        (g >> place & 1U) != 0 ? _mm256_and_si256(result, plane) : _mm256_or_si256(result, plane);
  }
  return result;
}

/* All ones in each of the four double words of a pair, but for the one with bit v mod 128, where
 * that is not set in `result`: so all ones throughout when the pair is red. */
AVX2 static inline __m256i is_red(__m256i pairs, __m256i result) {
  const __m256i begin = _mm256_setr_epi32(0, 32, 64, 96, 0, 32, 64, 96);
  const __m256i v = _mm256_and_si256(_mm256_shuffle_epi32(pairs, 0xFF), _mm256_set1_epi32(127));
  const __m256i bit = _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_sub_epi32(v, begin));
  return _mm256_cmpeq_epi32(_mm256_and_si256(result, bit), bit);
}

AVX2 static inline void compare_of(const uint8_t (*pairs)[GP_BLOCK_SIZE],
                                   const uint8_t (*blocks)[GP_BLOCK_SIZE], size_t count,
                                   uint32_t k, uint32_t g, uint8_t *green) {
  /* A byte for each of 8 pairs, where packing has put them, in their order. */
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    __m256i red[4];
    for (size_t j = 0; j < 4; j++) {
      red[j] = is_red(load(pairs[i + 2 * j]), not_less(blocks + i + 2 * j, count, k, g));
    }
    const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(red[0], red[1]),
                                              _mm256_packs_epi32(red[2], red[3]));
    /* Four bytes a pair. */
    const __m256i all = _mm256_cmpeq_epi32(packed, _mm256_set1_epi32(-1));
    const __m256i colours = _mm256_add_epi32(_mm256_permutevar8x32_epi32(all, order), //
                                             _mm256_set1_epi32(1));
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(colours), _mm256_extracti128_si256(colours, 1));
    _mm_storel_epi64((__m128i *)(void *)(green + i), _mm_packs_epi16(words, words));
  }
  for (; i < count; i++) {
    green[i] = gp_pair_compare(pairs[i], blocks + i, count, k, g);
  }
}

AVX2 static void compare(const uint8_t (*pairs)[GP_BLOCK_SIZE],
                         const uint8_t (*blocks)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                         uint32_t g, uint8_t *green) {
  if (k == 1 && g == 1) {
    compare_of(pairs, blocks, count, 1, 1, green);
  } else if (k == 2 && g == 1) {
    compare_of(pairs, blocks, count, 2, 1, green);
  } else if (k == 3 && g == 1) {
    compare_of(pairs, blocks, count, 3, 1, green);
  } else {
    compare_of(pairs, blocks, count, k, g, green);
  }
}

const gp_pair_steps gp_pair_steps_avx2 = {take_windows, finish, put_counters, compare};

#else
typedef int gp_no_avx2; /* a file needs something in it */
#endif

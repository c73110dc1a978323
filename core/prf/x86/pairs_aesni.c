/*
 * Both stages for one tenant, or none: windows to pairs, pairs to colours. Eight blocks are made
 * in registers, encrypted there and finished there.
 */
#include "prf/kernels.h"

#if GP_X86

#include <string.h>

#include "prf/pair.h"
#include "prf/x86/planes_aesni.h"

/* ------------------------------------------------------- windows to pairs */

/* Windows in a step, one block of each at a time. */
#define WINDOWS GP_AESNI_FLIGHT

/* Ids that a step reads at most: those of its last window, filled up to whole blocks. */
#define STEP_IDS (WINDOWS - 1 + (GP_CONTEXT_WIDTH_MAX + 3) / 4 * 4)

/* Ids by which whole blocks exceed a window. */
static size_t excess_of(size_t width) {
  return width == 0 ? 0 : (GP_IDS_PER_BLOCK - width % GP_IDS_PER_BLOCK) % GP_IDS_PER_BLOCK;
}

/* All ones for the ids that a window has in a block that starts `left` ids before its end. */
GP_AESNI_INLINE __m128i inside(size_t left) {
  const int ids = left < GP_IDS_PER_BLOCK ? (int)left : (int)GP_IDS_PER_BLOCK;
  return _mm_cmplt_epi32(_mm_setr_epi32(0, 1, 2, 3), _mm_set1_epi32(ids));
}

/* Eight pairs. Whole blocks are read of every window. */
GP_AESNI_INLINE void make_step(const gp_aes *aes, const uint32_t *tokens, size_t width,
                               __m128i tweak, const uint32_t *behind,
                               uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  __m128i x[WINDOWS];
  __m128i keep = inside(width);
  const __m128i first = gp_aesni_key(aes, 0);
  for (size_t i = 0; i < WINDOWS; i++) {
    const __m128i ids = width == 0 ? keep : gp_aesni_load(tokens + i);
    x[i] = _mm_xor_si128(_mm_and_si128(ids, keep), first);
  }
  gp_aesni_rounds(aes, x, WINDOWS);
  for (size_t done = GP_IDS_PER_BLOCK; done < width; done += GP_IDS_PER_BLOCK) {
    keep = inside(width - done);
    const __m128i again = gp_aesni_key(gp_aesni_hold(aes, x, WINDOWS), 0);
    for (size_t i = 0; i < WINDOWS; i++) {
      const __m128i ids = _mm_and_si128(gp_aesni_load(tokens + done + i), keep);
      x[i] = _mm_xor_si128(_mm_xor_si128(x[i], again), ids);
    }
    gp_aesni_rounds(aes, x, WINDOWS);
  }
  for (size_t i = 0; i < WINDOWS; i++) {
    const __m128i nonce = _mm_xor_si128(x[i], tweak);
    gp_aesni_store(pairs[i], _mm_blend_epi32(nonce, _mm_set1_epi32((int)behind[i]), 8));
  }
}

/* Windows that are too few for a step, or whose whole blocks end behind the ids. */
GP_AESNI static void make_few(const gp_aes *aes, const uint32_t *tokens, size_t width,
                              size_t count, __m128i tweak, const uint32_t *behind,
                              uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  uint32_t ids[STEP_IDS] = {0};
  uint32_t tails[WINDOWS] = {0};
  uint8_t made[WINDOWS][GP_BLOCK_SIZE];
  if (width > 0) {
    memcpy(ids, tokens, (count + width - 1) * sizeof *ids);
  }
  memcpy(tails, behind, count * sizeof *tails);
  make_step(aes, ids, width, tweak, tails, made);
  memcpy(pairs, made, count * GP_BLOCK_SIZE);
}

GP_AESNI_INLINE void make_all(const gp_aes *aes, const uint32_t *tokens, size_t width,
                              size_t count, const uint8_t tweak[GP_BLOCK_SIZE],
                              const uint32_t *behind, uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  const __m128i tweaked = gp_aesni_load(tweak);
  const size_t slack = excess_of(width);
  size_t i = 0;
  for (; i + WINDOWS + slack <= count; i += WINDOWS) {
    make_step(aes, tokens + i, width, tweaked, behind + i, pairs + i);
  }
  while (i < count) {
    const size_t now = count - i < WINDOWS ? count - i : WINDOWS;
    make_few(aes, tokens + i, width, now, tweaked, behind + i, pairs + i);
    i += now;
  }
}

GP_AESNI void gp_make_pairs_aesni(const gp_aes *context, const uint32_t *tokens, size_t width,
                                  size_t count, const uint8_t tweak[GP_BLOCK_SIZE],
                                  const uint32_t *behind, uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  if (width == 2) { /* the usual value */
    make_all(context, tokens, 2, count, tweak, behind, pairs);
  } else {
    make_all(context, tokens, width, count, tweak, behind, pairs);
  }
}

/* ------------------------------------------------------- pairs to colours */

/* The counter of a pair's first plane, in the upper double word, in this machine's order. */
GP_AESNI_INLINE __m128i counter_of(__m128i pair, uint32_t k) {
  const __m128i group = _mm_srli_epi32(pair, 7);
  return k == 1   ? group
         : k == 2 ? _mm_add_epi32(group, group)
                  : _mm_mullo_epi32(group, _mm_set1_epi32((int)k));
}

/* 1 in the place of the pair's bit. */
GP_AESNI_INLINE __m128i bit_of(const uint8_t pair[GP_BLOCK_SIZE]) {
  const __m128i v = _mm_set1_epi32((int)gp_load_le32(pair + GP_NONCE_SIZE));
  const __m128i place = _mm_and_si128(v, _mm_set1_epi32(GP_GROUP_TOKENS - 1));
  return _mm_sllv_epi32(_mm_set1_epi32(1), _mm_sub_epi32(place, _mm_setr_epi32(0, 32, 64, 96)));
}

/* The colours of up to four pairs, a byte each, from vectors that are zero where they are green.
 * Packing saturates, so that what is not zero stays so. */
GP_AESNI_INLINE uint32_t colours_of(const __m128i red[4]) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i all =
      _mm_packs_epi16(_mm_packs_epi32(red[0], red[1]), _mm_packs_epi32(red[2], red[3]));
  const __m128i green = _mm_packs_epi32(_mm_cmpeq_epi32(all, zero), zero);
  return (uint32_t)_mm_cvtsi128_si32(_mm_abs_epi8(_mm_packs_epi16(green, zero)));
}

GP_AESNI_INLINE void colour_step(const gp_aes *aes, const gp_planes_rule *rule,
                                 const uint8_t (*pairs)[GP_BLOCK_SIZE], uint32_t k, bool g_is_1,
                                 uint8_t *green) {
  const size_t step = gp_planes_step(k);
  const __m128i swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  const __m128i first = gp_aesni_key(aes, 0);
  __m128i x[GP_AESNI_FLIGHT];
  for (size_t i = 0; i < step; i++) {
    const __m128i pair = gp_aesni_load(pairs[i]);
    const __m128i counter = counter_of(pair, k);
    for (uint32_t plane = 0; plane < k; plane++) {
      const __m128i tail = _mm_add_epi32(counter, _mm_set1_epi32((int)plane));
      const __m128i block = _mm_blend_epi32(pair, _mm_shuffle_epi8(tail, swap), 8);
      x[i * k + plane] = _mm_xor_si128(block, first);
    }
  }
  gp_aesni_rounds(aes, x, step * k);
  for (size_t i = 0; i < step; i += 4) {
    __m128i red[4] = {0};
    for (size_t j = 0; j < 4 && i + j < step; j++) {
      const __m128i result = gp_planes_not_less(rule, x + (i + j) * k, k, g_is_1);
      red[j] = _mm_and_si128(result, bit_of(pairs[i + j]));
    }
    const uint32_t colours = colours_of(red);
    memcpy(green + i, &colours, step - i < 4 ? step - i : 4);
  }
}

GP_AESNI_INLINE void colour_all(const gp_aes *aes, const gp_planes_rule *rule,
                                const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                                bool g_is_1, uint8_t *green) {
  const size_t step = gp_planes_step(k);
  size_t i = 0;
  for (; i + step <= count; i += step) {
    colour_step(aes, rule, pairs + i, k, g_is_1, green + i);
  }
  if (i < count) {
    uint8_t few[GP_AESNI_FLIGHT][GP_BLOCK_SIZE] = {{0}};
    uint8_t colours[GP_AESNI_FLIGHT];
    memcpy(few, pairs + i, (count - i) * GP_BLOCK_SIZE);
    colour_step(aes, rule, (const uint8_t(*)[GP_BLOCK_SIZE])few, k, g_is_1, colours);
    memcpy(green + i, colours, count - i);
  }
}

/* A function for each k, with blocks that the compiler can keep in registers. */
#define COLOUR(name, k, g_is_1)                                                                  \
  GP_AESNI static void name(const gp_aes *aes, const gp_planes_rule *rule,                       \
                            const uint8_t(*pairs)[GP_BLOCK_SIZE], size_t count,                  \
                            uint8_t *green) {                                                    \
    colour_all(aes, rule, pairs, count, k, g_is_1, green);                                       \
  }

COLOUR(colour_1_of_2, 1, true)
COLOUR(colour_1_of_4, 2, true)
COLOUR(colour_1_of_8, 3, true)
COLOUR(colour_of_4, 2, false)
COLOUR(colour_of_8, 3, false)
COLOUR(colour_of_16, 4, false)
COLOUR(colour_of_32, 5, false)
COLOUR(colour_of_64, 6, false)
COLOUR(colour_of_128, 7, false)
COLOUR(colour_of_256, 8, false)

typedef void colour_of(const gp_aes *aes, const gp_planes_rule *rule,
                       const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint8_t *green);

static colour_of *colour_for(uint32_t k, uint32_t g) {
  static colour_of *const any[] = {colour_1_of_2, colour_of_4,  colour_of_8,   colour_of_16,
                                   colour_of_32,  colour_of_64, colour_of_128, colour_of_256};
  static colour_of *const one[] = {colour_1_of_2, colour_1_of_4, colour_1_of_8};
  return g == 1 && k <= 3 ? one[k - 1] : any[k - 1];
}

GP_AESNI void gp_colour_aesni(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                              size_t count, uint32_t k, uint32_t g, uint8_t *green) {
  colour_of *colour = colour_for(k, g);
  const gp_planes_rule rule = gp_planes_rule_make(k, g);
  colour(mask, &rule, pairs, count, green);
}

#else
typedef int gp_no_pairs_aesni; /* a file needs something in it */
#endif

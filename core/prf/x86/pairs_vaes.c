/*
 * Both stages for one tenant, or none, with VAES: windows to pairs, pairs to colours. What
 * pairs_aesni.c does with a block in a register is done here with four.
 */
#include "prf/kernels.h"

#if GP_X86

#include <string.h>

#include "prf/pair.h"
#include "prf/x86/vaes.h"

/* ------------------------------------------------------- windows to pairs */

/* Windows in a step, one block of each at a time. */
#define WINDOWS ((size_t)GP_VAES_FLIGHT * GP_VAES_LANES)

static inline size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* A block of each of four windows: `left` ids, of which at most four count, from tokens[0] on,
 * from tokens[1] on, and so forth. Nothing is read beyond the last of `windows` windows. */
GP_VAES_INLINE __m512i take_windows(const uint32_t *tokens, size_t left, size_t windows) {
  const __m512i place = _mm512_setr_epi32(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6);
  const size_t ids = smaller(left, GP_IDS_PER_BLOCK);
  const unsigned there = (1U << (smaller(windows, GP_VAES_LANES) + ids - 1)) - 1;
  const unsigned inside = ((1U << ids) - 1) * 0x1111;
  const __m256i all = _mm256_maskz_loadu_epi32((__mmask8)there, tokens);
  return _mm512_maskz_permutexvar_epi32((__mmask16)inside, place, _mm512_castsi256_si512(all));
}

/* XORs the block `done` ids into each of `windows` windows, four to a register. */
GP_VAES_INLINE void add_windows(__m512i *x, const uint32_t *tokens, size_t width, size_t done,
                                size_t windows) {
  for (size_t i = 0; i < WINDOWS / GP_VAES_LANES && i * GP_VAES_LANES < windows; i++) {
    const size_t first = i * GP_VAES_LANES;
    x[i] = _mm512_xor_si512(x[i],
                            take_windows(tokens + done + first, width - done, windows - first));
  }
}

/* The tokens behind four windows in the last double words of the MACs. */
GP_VAES_INLINE __m512i put_behind(__m512i macs, __m128i behind) {
  const __m512i place = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3);
  return _mm512_mask_permutexvar_epi32(macs, 0x8888, place, _mm512_castsi128_si512(behind));
}

/* At most WINDOWS pairs. */
GP_VAES_INLINE void make_step(const gp_aes *aes, const uint32_t *tokens, size_t width,
                              size_t windows, __m512i tweak, const uint32_t *behind,
                              uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  __m512i x[WINDOWS / GP_VAES_LANES];
  const __m512i first = gp_vaes_key(aes, 0);
  for (size_t i = 0; i < WINDOWS / GP_VAES_LANES; i++) {
    x[i] = first;
  }
  if (width > 0) {
    add_windows(x, tokens, width, 0, windows);
  }
  gp_vaes_rounds(aes, x, WINDOWS / GP_VAES_LANES);
  for (size_t done = GP_IDS_PER_BLOCK; done < width; done += GP_IDS_PER_BLOCK) {
    for (size_t i = 0; i < WINDOWS / GP_VAES_LANES; i++) {
      x[i] = _mm512_xor_si512(x[i], first);
    }
    add_windows(x, tokens, width, done, windows);
    gp_vaes_rounds(aes, x, WINDOWS / GP_VAES_LANES);
  }
  for (size_t i = 0; i < windows; i += GP_VAES_LANES) {
    const unsigned there = (1U << smaller(windows - i, GP_VAES_LANES)) - 1;
    const __m128i tails = _mm_maskz_loadu_epi32((__mmask8)there, behind + i);
    const __m512i made = put_behind(_mm512_xor_si512(x[i / GP_VAES_LANES], tweak), tails);
    const unsigned words = (1U << 2 * smaller(windows - i, GP_VAES_LANES)) - 1;
    _mm512_mask_storeu_epi64(pairs[i], (__mmask8)words, made);
  }
}

GP_VAES_INLINE void make_all(const gp_aes *aes, const uint32_t *tokens, size_t width,
                             size_t count, const uint8_t tweak[GP_BLOCK_SIZE],
                             const uint32_t *behind, uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  const __m512i tweaked = gp_vaes_repeat(tweak);
  size_t i = 0;
  for (; i + WINDOWS <= count; i += WINDOWS) {
    make_step(aes, tokens + i, width, WINDOWS, tweaked, behind + i, pairs + i);
  }
  if (i < count) {
    make_step(aes, tokens + i, width, count - i, tweaked, behind + i, pairs + i);
  }
}

GP_VAES void gp_make_pairs_vaes(const gp_aes *context, const uint32_t *tokens, size_t width,
                                size_t count, const uint8_t tweak[GP_BLOCK_SIZE],
                                const uint32_t *behind, uint8_t (*pairs)[GP_BLOCK_SIZE]) {
  if (width == 2) { /* the usual value */
    make_all(context, tokens, 2, count, tweak, behind, pairs);
  } else {
    make_all(context, tokens, width, count, tweak, behind, pairs);
  }
}

/* ------------------------------------------------------- pairs to colours */

/* Pairs in a step, and the registers for one block of each. */
#define PAIRS     16
#define REGISTERS (PAIRS / GP_VAES_LANES)

/* Some planes of the pairs of a step, from plane `first` on: x has those of register i from
 * x[i * planes] on. */
GP_VAES_INLINE void make_planes(const gp_aes *aes, const __m512i *nonces, const __m512i *counters,
                                uint32_t first, uint32_t planes, __m512i *x) {
  for (size_t i = 0; i < REGISTERS; i++) {
    for (uint32_t j = 0; j < planes; j++) {
      const __m512i ahead = _mm512_set1_epi32((int)(first + j));
      const __m512i tails = gp_vaes_tails(_mm512_add_epi32(counters[i], ahead));
      x[i * planes + j] = _mm512_xor_si512(nonces[i], tails);
    }
  }
  gp_vaes_rounds(aes, x, (size_t)REGISTERS * planes);
}

/* The bits of 16 tokens out of four registers with four groups each: 1 or 0 in a byte each. The
 * double words that have them, and the tokens, are brought together in one register, where pair
 * 4 i + j has double word i of lane j. */
GP_VAES_INLINE __m128i pick_bits(const __m512i *groups, const __m512i *pairs) {
  __m512i tokens = _mm512_shuffle_epi32(pairs[0], 0xFF);
  tokens = _mm512_mask_shuffle_epi32(tokens, 0x2222, pairs[1], 0xFF);
  tokens = _mm512_mask_shuffle_epi32(tokens, 0x4444, pairs[2], 0xFF);
  tokens = _mm512_mask_shuffle_epi32(tokens, 0x8888, pairs[3], 0xFF);
  const __m512i word = _mm512_srli_epi32(tokens, 5); /* of which the last two bits count */
  __m512 words = _mm512_permutevar_ps(_mm512_castsi512_ps(groups[0]), word);
  words = _mm512_mask_permutevar_ps(words, 0x2222, _mm512_castsi512_ps(groups[1]), word);
  words = _mm512_mask_permutevar_ps(words, 0x4444, _mm512_castsi512_ps(groups[2]), word);
  words = _mm512_mask_permutevar_ps(words, 0x8888, _mm512_castsi512_ps(groups[3]), word);
  const __m512i bits = _mm512_and_si512(_mm512_rorv_epi32(_mm512_castps_si512(words), tokens),
                                        _mm512_set1_epi32(1));
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm_shuffle_epi8(_mm512_cvtepi32_epi8(bits), order);
}

/* 16 colours. Two planes are made at a time, the least significant first. */
GP_VAES_INLINE __m128i colour_step(const gp_aes *aes, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                                   uint32_t k, uint32_t g) {
  __m512i given[REGISTERS];
  __m512i nonces[REGISTERS];
  __m512i counters[REGISTERS];
  __m512i less[REGISTERS];
  const __m512i key = gp_vaes_key(aes, 0);
  for (size_t i = 0; i < REGISTERS; i++) {
    given[i] = _mm512_loadu_si512(pairs[i * GP_VAES_LANES]);
    nonces[i] = _mm512_xor_si512(gp_vaes_nonces(given[i]), key);
    counters[i] = gp_vaes_counters(given[i], k);
    less[i] = _mm512_setzero_si512();
  }
  __m512i x[2 * REGISTERS];
  uint32_t place = 0;
  for (; place + 2 <= k; place += 2) {
    make_planes(aes, nonces, counters, k - place - 2, 2, x);
    for (size_t i = 0; i < REGISTERS; i++) {
      less[i] = gp_vaes_less(less[i], x[2 * i + 1], gp_vaes_bit(g, place));
      less[i] = gp_vaes_less(less[i], x[2 * i], gp_vaes_bit(g, place + 1));
    }
  }
  if (place < k) {
    make_planes(aes, nonces, counters, 0, 1, x);
    for (size_t i = 0; i < REGISTERS; i++) {
      less[i] = gp_vaes_less(less[i], x[i], gp_vaes_bit(g, place));
    }
  }
  return pick_bits(less, given);
}

GP_VAES_INLINE void colour_all(const gp_aes *aes, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                               size_t count, uint32_t k, uint32_t g, uint8_t *green) {
  size_t i = 0;
  for (; i + PAIRS <= count; i += PAIRS) {
    _mm_storeu_si128((__m128i *)(void *)(green + i), colour_step(aes, pairs + i, k, g));
  }
  if (i < count) {
    uint8_t few[PAIRS][GP_BLOCK_SIZE] = {{0}};
    uint8_t colours[PAIRS];
    memcpy(few, pairs + i, (count - i) * GP_BLOCK_SIZE);
    _mm_storeu_si128((__m128i *)(void *)colours,
                     colour_step(aes, (const uint8_t(*)[GP_BLOCK_SIZE])few, k, g));
    memcpy(green + i, colours, count - i);
  }
}

GP_VAES void gp_colour_vaes(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                            size_t count, uint32_t k, uint32_t g, uint8_t *green) {
  switch (k) { /* the usual values by themselves */
  case 1:
    colour_all(mask, pairs, count, 1, g, green);
    break;
  case 2:
    colour_all(mask, pairs, count, 2, g, green);
    break;
  case 3:
    colour_all(mask, pairs, count, 3, g, green);
    break;
  default:
    colour_all(mask, pairs, count, k, g, green);
    break;
  }
}

#else
typedef int gp_no_pairs_vaes; /* a file needs something in it */
#endif

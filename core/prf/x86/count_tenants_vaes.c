/*
 * Green pairs of many tenants with VAES: count_tenants_aesni.c with four pairs in a register.
 */
#include "prf/kernels.h"

#if GP_X86

#include <string.h>

#include "prf/pair.h"
#include "prf/x86/vaes.h"

/* Registers of a chunk: for each four pairs k of counter blocks, and one that says where their
 * bits are. They stay in the first-level cache while the tenants go by. */
#define CHUNK 384

typedef struct chunk {
  __m512i blocks[CHUNK]; /* counters of the four pairs i from i * k on */
  __m512i *bits;         /* of the four pairs i: 1 where their colours are */
  size_t fours;          /* filled up to whole steps */
} chunk;

/* Fours of pairs that are encrypted together. */
GP_VAES_INLINE size_t step_of(uint32_t k) {
  return GP_VAES_FLIGHT / k;
}

/* 1 in the places of four tokens' bits. */
GP_VAES_INLINE __m512i bits_of(__m512i pairs) {
  const __m512i tokens = _mm512_shuffle_epi32(pairs, 0xFF);
  const __m512i place = _mm512_and_si512(tokens, _mm512_set1_epi32(GP_GROUP_TOKENS - 1));
  const __m512i before = _mm512_set4_epi32(96, 64, 32, 0);
  return _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_sub_epi32(place, before));
}

/* Pairs that fill up the last step have no bit. */
GP_VAES static void take_pairs(const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                               chunk *taken) {
  const size_t fours = (count + GP_VAES_LANES - 1) / GP_VAES_LANES;
  taken->fours = (fours + step_of(k) - 1) / step_of(k) * step_of(k);
  taken->bits = taken->blocks + taken->fours * k;
  memset(taken->blocks + fours * k, 0, (taken->fours - fours) * k * sizeof *taken->blocks);
  memset(taken->bits + fours, 0, (taken->fours - fours) * sizeof *taken->bits);
  for (size_t i = 0; i < fours; i++) {
    const size_t left = count - i * GP_VAES_LANES;
    const unsigned words = left < GP_VAES_LANES ? (1U << 2 * left) - 1 : 0xFF;
    const __m512i four = _mm512_maskz_loadu_epi64((__mmask8)words, pairs[i * GP_VAES_LANES]);
    const __m512i counters = gp_vaes_counters(four, k);
    for (uint32_t plane = 0; plane < k; plane++) {
      const __m512i counter = _mm512_add_epi32(counters, _mm512_set1_epi32((int)plane));
      taken->blocks[i * k + plane] =
          _mm512_xor_si512(gp_vaes_nonces(four), gp_vaes_tails(counter));
    }
    taken->bits[i] = _mm512_maskz_mov_epi64((__mmask8)words, bits_of(four));
  }
}

GP_VAES_INLINE uint64_t count_chunk(const gp_aes *aes, const chunk *pairs, const uint8_t *tweak,
                                    uint32_t k, uint32_t g) {
  const __m512i first = _mm512_xor_si512(gp_vaes_repeat(tweak), gp_vaes_key(aes, 0));
  __m512i green = _mm512_setzero_si512();
  for (size_t i = 0; i < pairs->fours; i += step_of(k)) {
    __m512i x[GP_VAES_FLIGHT];
    for (size_t j = 0; j < step_of(k) * k; j++) {
      x[j] = _mm512_xor_si512(pairs->blocks[i * k + j], first);
    }
    gp_vaes_rounds(aes, x, step_of(k) * k);
    for (size_t j = 0; j < step_of(k); j++) {
      __m512i less = _mm512_setzero_si512();
      for (uint32_t place = 0; place < k; place++) {
        less = gp_vaes_less(less, x[j * k + k - 1 - place], gp_vaes_bit(g, place));
      }
      const __mmask16 is_green = _mm512_test_epi32_mask(less, pairs->bits[i + j]);
      green = _mm512_mask_sub_epi32(green, is_green, green, _mm512_set1_epi32(-1));
    }
  }
  return (uint32_t)_mm512_reduce_add_epi32(green);
}

GP_VAES_INLINE void count_all(const gp_aes *aes, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                              size_t count, uint32_t k, uint32_t g,
                              const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                              uint64_t *green) {
  const size_t at_once = CHUNK / (k + 1) / step_of(k) * step_of(k) * GP_VAES_LANES;
  chunk taken;
  for (size_t done = 0; done < count; done += at_once) {
    const size_t now = count - done < at_once ? count - done : at_once;
    take_pairs(pairs + done, now, k, &taken);
    for (size_t i = 0; i < n_tenants; i++) {
      green[i] += count_chunk(aes, &taken, tweaks[i], k, g);
    }
  }
}

typedef void count_all_of(const gp_aes *aes, const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                          uint32_t g, const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                          uint64_t *green);

/* A function for each k, with blocks that the compiler can keep in registers. */
#define COUNT_ALL(k)                                                                             \
  GP_VAES static void count_all_##k(                                                             \
      const gp_aes *aes, const uint8_t(*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t g,         \
      const uint8_t(*tweaks)[GP_BLOCK_SIZE], size_t n_tenants, uint64_t *green) {                \
    count_all(aes, pairs, count, k, g, tweaks, n_tenants, green);                                \
  }

COUNT_ALL(1)
COUNT_ALL(2)
COUNT_ALL(3)
COUNT_ALL(4)
COUNT_ALL(5)
COUNT_ALL(6)
COUNT_ALL(7)
COUNT_ALL(8)

GP_VAES void gp_count_tenants_vaes(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                                   size_t count, uint32_t k, uint32_t g,
                                   const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                                   uint64_t *green) {
  static count_all_of *const counters[GP_GAMMA_LOG2_DEN_MAX] = {
      count_all_1, count_all_2, count_all_3, count_all_4,
      count_all_5, count_all_6, count_all_7, count_all_8};
  counters[k - 1](mask, pairs, count, g, tweaks, n_tenants, green);
}

#else
typedef int gp_no_vaes; /* a file needs something in it */
#endif

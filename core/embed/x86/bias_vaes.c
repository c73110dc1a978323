/*
 * Kernels for AVX-512 (F, BW, DQ, VL) with VAES: four cipher blocks in a register.
 *
 * A register holds one bit plane of four groups of tokens, in a lane each, so that planes are
 * compared with g as they come from the cipher, and what comes out is the mask of 512 tokens. It
 * goes through memory once, and back into mask registers 64 bits at a time: each more load for a
 * row in the second-level cache was measured to cost more than the shifts that it saves.
 *
 * As in fused.h, a turn of the loop does both kinds of work by turns, here a round of the cipher
 * and a group of the row. What it makes are the masks of the turn after the next: the next would
 * wait for them. The turn is a loop of its own, so that one instruction takes the row in even
 * steps; prefetchers, which go by the instruction, were seen not to follow otherwise.
 */
#include "common/cpu.h"

#if GP_X86

#include <string.h>

#include "embed/kernel.h"
#include "prf/x86/vaes.h"

#define GP_TARGET GP_VAES
#include "embed/x86/halves_avx512.h"

#define SETS 2                              /* registers for a plane of all groups of a turn */
#define TURN ((size_t)SETS * GP_VAES_LANES) /* groups */
#define STEP 64                             /* logits that are biased together */
_Static_assert(TURN == GP_AES_ROUNDS - 2, "a turn has a round for each group, and two more");

/* How far ahead of the additions the row is asked for. */
#define AHEAD 2048 /* bytes */

/* ------------------------------------------------------------------ formats */

/* Adds delta to those of 64 logits that the mask names. */
typedef void bias_step(__m512 delta, __mmask64 mask, unsigned char *logits);

GP_VAES_INLINE void bias_16_float32(__m512 delta, __mmask16 mask, unsigned char *logits) {
  _mm512_mask_storeu_ps(logits, mask, _mm512_add_ps(_mm512_loadu_ps(logits), delta));
}

GP_VAES_INLINE void bias_float32(__m512 delta, __mmask64 mask, unsigned char *logits) {
  bias_16_float32(delta, (__mmask16)mask, logits);
  bias_16_float32(delta, (__mmask16)_kshiftri_mask64(mask, 16), logits + 64);
  bias_16_float32(delta, (__mmask16)_kshiftri_mask64(mask, 32), logits + 128);
  bias_16_float32(delta, (__mmask16)_kshiftri_mask64(mask, 48), logits + 192);
}

GP_VAES_INLINE void bias_float16(__m512 delta, __mmask64 mask, unsigned char *logits) {
  gp_bias_16_float16(delta, (__mmask16)mask, logits);
  gp_bias_16_float16(delta, (__mmask16)_kshiftri_mask64(mask, 16), logits + 32);
  gp_bias_16_float16(delta, (__mmask16)_kshiftri_mask64(mask, 32), logits + 64);
  gp_bias_16_float16(delta, (__mmask16)_kshiftri_mask64(mask, 48), logits + 96);
}

GP_VAES_INLINE void bias_bfloat16(__m512 delta, __mmask64 mask, unsigned char *logits) {
  gp_bias_32_bfloat16(delta, (__mmask32)mask, logits);
  gp_bias_32_bfloat16(delta, (__mmask32)_kshiftri_mask64(mask, 32), logits + 64);
}

/* ------------------------------------------------------------------- cipher */

/* The counter blocks of a turn, the first round key added. `first` has the nonce with that key in
 * each lane, `counters` in the last double word the counter of the lane's first plane. */
GP_VAES_INLINE void begin(__m512i first, __m512i counters, uint32_t k, __m512i *x) {
  for (uint32_t i = 0; i < SETS * k; i++) {
    const uint32_t ahead = i / k * GP_VAES_LANES * k + i % k;
    const __m512i own = _mm512_add_epi32(counters, _mm512_set1_epi32((int)ahead));
    x[i] = _mm512_xor_si512(first, gp_vaes_tails(own));
  }
}

/* The last round; and the masks, by the comparison that prf/mask.c explains. */
GP_VAES_INLINE void end(const gp_aes *aes, uint32_t k, uint32_t g, __m512i *x, uint64_t *masks) {
  gp_vaes_last_round(aes, x, (size_t)SETS * k);
  for (uint32_t set = 0; set < SETS; set++) {
    __m512i less = _mm512_setzero_si512();
    for (uint32_t place = 0; place < k; place++) {
      less = gp_vaes_less(less, x[set * k + k - 1 - place], gp_vaes_bit(g, place));
    }
    _mm512_store_si512(masks + (size_t)set * 8, less);
  }
}

/* --------------------------------------------------------------------- rows */

/* A group's masks onto it; returns where the next group stands. */
GP_VAES_INLINE unsigned char *bias_group(__m512 delta, const uint64_t *masks, bool far,
                                         unsigned char *row, size_t element, bias_step *bias) {
  __asm__("" : "+r"(row)); /* or gcc keeps all addresses of a turn somewhere */
  for (size_t line = 0; far && line < GP_GROUP_TOKENS * element; line += 64) {
    __builtin_prefetch(row + line + AHEAD, 1);
  }
  bias(delta, _cvtu64_mask64(masks[0]), row);
  bias(delta, _cvtu64_mask64(masks[1]), row + STEP * element);
  return row + GP_GROUP_TOKENS * element;
}

/* By a mask that is there, at any address. */
GP_VAES_INLINE void masked(const gp_boost *boost, const uint8_t *mask, size_t count,
                           unsigned char *row, size_t element, bias_step *bias) {
  const __m512 delta = _mm512_set1_ps(boost->delta);
  uint64_t bits = 0;
  for (; count >= STEP; count -= STEP, row += STEP * element, mask += sizeof bits) {
    memcpy(&bits, mask, sizeof bits);
    bias(delta, _cvtu64_mask64(bits), row);
  }
  if (count > 0) {
    unsigned char rest[STEP * sizeof(float)] = {0};
    memcpy(&bits, mask, (count + 7) / 8);
    memcpy(rest, row, count * element);
    bias(delta, _cvtu64_mask64(bits), rest);
    memcpy(row, rest, count * element);
  }
}

GP_VAES_INLINE void fused(const gp_boost *boost, const gp_green_list *list, size_t group,
                          size_t count, bool far, unsigned char *row, uint32_t k, size_t element,
                          bias_step *bias) {
  const gp_aes *aes = list->aes;
  const __m512 delta = _mm512_set1_ps(boost->delta);
  uint8_t nonce[GP_BLOCK_SIZE] = {0};
  memcpy(nonce, list->nonce, GP_NONCE_SIZE);
  const __m512i first = _mm512_xor_si512(gp_vaes_repeat(nonce), gp_vaes_key(aes, 0));
  const __m512i lanes = _mm512_set_epi32(3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
  const __m512i groups = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)group));
  __m512i counters = _mm512_mullo_epi32(groups, _mm512_set1_epi32((int)k));
  _Alignas(64) uint64_t masks[2][TURN * GP_GROUP_TOKENS / 64];
  __m512i x[SETS * GP_GAMMA_LOG2_DEN_MAX];
  for (unsigned turn = 0; turn < 2; turn++) {
    begin(first, counters, k, x);
    for (size_t round = 1; round < GP_AES_ROUNDS; round++) {
      gp_vaes_round(aes, round, x, (size_t)SETS * k);
    }
    end(aes, k, list->g, x, masks[turn]);
    counters = _mm512_add_epi32(counters, _mm512_set1_epi32((int)(TURN * k)));
  }
  unsigned now = 0;
  for (; count > TURN * GP_GROUP_TOKENS; count -= TURN * GP_GROUP_TOKENS) {
    begin(first, counters, k, x);
    for (size_t round = 1; round < GP_AES_ROUNDS - 1; round++) {
      gp_vaes_round(aes, round, x, (size_t)SETS * k);
      row = bias_group(delta, masks[now] + 2 * (round - 1), far, row, element, bias);
    }
    gp_vaes_round(aes, GP_AES_ROUNDS - 1, x, (size_t)SETS * k);
    end(aes, k, list->g, x, masks[now]);
    counters = _mm512_add_epi32(counters, _mm512_set1_epi32((int)(TURN * k)));
    now = 1 - now;
  }
  masked(boost, (const uint8_t *)masks[now], count, row, element, bias);
}

/* With a loop of its own for each k. */
GP_VAES_INLINE void fused_any(const gp_boost *boost, const gp_green_list *list, size_t group,
                              size_t count, bool far, unsigned char *row, size_t element,
                              bias_step *bias) {
  switch (list->k) {
  case 1:
    fused(boost, list, group, count, far, row, 1, element, bias);
    break;
  case 2:
    fused(boost, list, group, count, far, row, 2, element, bias);
    break;
  case 3:
    fused(boost, list, group, count, far, row, 3, element, bias);
    break;
  case 4:
    fused(boost, list, group, count, far, row, 4, element, bias);
    break;
  case 5:
    fused(boost, list, group, count, far, row, 5, element, bias);
    break;
  case 6:
    fused(boost, list, group, count, far, row, 6, element, bias);
    break;
  case 7:
    fused(boost, list, group, count, far, row, 7, element, bias);
    break;
  default:
    fused(boost, list, group, count, far, row, 8, element, bias);
    break;
  }
}

/* The two kernels of a format. A macro, since the function must be known where the loop is
 * compiled. */
#define KERNELS(format, element)                                                                 \
  GP_VAES static void masked_##format(const gp_boost *boost, const uint8_t *mask, size_t count,  \
                                      void *logits) {                                            \
    masked(boost, mask, count, logits, element, bias_##format);                                  \
  }                                                                                              \
  GP_VAES static void fused_##format(const gp_boost *boost, const gp_green_list *list,           \
                                     size_t group, size_t count, bool far, void *logits) {       \
    fused_any(boost, list, group, count, far, logits, element, bias_##format);                   \
  }

KERNELS(float32, 4)
KERNELS(float16, 2)
KERNELS(bfloat16, 2)

const gp_kernels gp_kernels_vaes = {
    .float32 = {masked_float32, fused_float32},
    .float16 = {masked_float16, fused_float16},
    .bfloat16 = {masked_bfloat16, fused_bfloat16},
};

#endif

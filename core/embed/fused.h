/*
 * The loop of fused kernels; bias_vaes.c has one of its own. Included by a file for one
 * instruction set, which defines
 *
 *   GP_TARGET                       attributes of every function that uses the instruction set
 *   gp_block                        a vector of 128 bits, and on it:
 *   gp_block_counter(nonce, c)      nonce in 12 bytes, c big-endian in the last 4
 *   gp_block_hold(aes, x, n)        aes, not loaded from before all n blocks are known
 *
 *   gp_block_begin(x, aes)          AES: what comes before round 1,
 *   gp_block_round(x, aes, r)       rounds r = 1 to 9,
 *   gp_block_end(x, aes)            and the last
 *
 *   gp_block_less(less, plane, bit) plane by plane from the least significant, the comparison
 *                                   that prf/mask.c explains; bit is all ones or all zeros
 *   gp_block_store(out, x), gp_block_load(in), gp_block_fill(byte)
 *
 * and for each format a function bias_FORMAT, a `gp_bias32`: it adds the boost to 32 logits by 32
 * mask bits. GP_DEFINE_KERNELS makes the kernels of it.
 *
 * A turn of the loop makes the masks of the next few groups, enough for 6 to 9 cipher blocks,
 * and puts the masks of the groups before onto the row: after each of the first 8 rounds an
 * eighth of them. The processor then has both kinds of work at hand at all times, and neither
 * waits for the other's latency.
 */
#ifndef GP_EMBED_FUSED_H
#define GP_EMBED_FUSED_H

#include <string.h>

#include "embed/kernel.h"

#define GP_INLINE __attribute__((always_inline)) static inline

#define GP_GROUP_STEPS (GP_GROUP_TOKENS / 32)
#define GP_BLOCKS_MAX  9 /* in flight */

/* What a kernel adds, by value so that it stays in registers. */
typedef struct gp_addend {
  const float (*table)[8];
  float delta;
} gp_addend;

typedef void gp_bias32(gp_addend addend, const uint16_t *mask, unsigned char *logits);

/* Groups a turn, so that the blocks hide the cipher's latency. */
GP_INLINE unsigned gp_groups(unsigned k) {
  return k == 1 ? 8 : (k == 2 ? 4 : (k == 3 ? 3 : (k == 4 ? 2 : 1)));
}

/* How far ahead of the additions the row is asked for. */
#define GP_AHEAD 2048 /* bytes */

/* Where the numbers of a group are less than g. */
GP_TARGET GP_INLINE gp_block gp_less_than(const gp_block *planes, unsigned k, uint32_t g) {
  gp_block less = gp_block_fill(0);
  for (unsigned place = 0; place < k; place++) {
    less = gp_block_less(less, planes[k - 1 - place],
                         gp_block_fill((g >> place & 1U) != 0 ? 0xFF : 0));
  }
  return less;
}

/* Round r of all blocks. */
GP_TARGET GP_INLINE void gp_rounds(gp_block *x, unsigned blocks, const gp_aes *aes, unsigned r) {
  aes = gp_block_hold(aes, x, blocks);
  for (unsigned j = 0; j < blocks; j++) {
    x[j] = gp_block_round(x[j], aes, r);
  }
}

/* Steps of 32 logits after round r: an eighth of them. */
GP_TARGET GP_INLINE void gp_share(gp_addend addend, const uint16_t *mask, unsigned char *row,
                                  size_t steps, unsigned r, size_t element, gp_bias32 *bias,
                                  bool far) {
  for (size_t step = (r - 1) * steps / 8; step < r * steps / 8; step++) {
    unsigned char *at = row + 32 * step * element;
    for (size_t line = 0; far && line < 32 * element; line += 64) {
      __builtin_prefetch(at + line + GP_AHEAD, 1);
    }
    bias(addend, mask + 2 * step, at);
  }
}

/* The masks of the groups from counter `counter` on; and meanwhile, where `both` says so, those
 * of `now` onto the row, as many groups. The rounds are written out: as a loop they may be left
 * one, with jumps that are hard to predict. */
GP_TARGET GP_INLINE void gp_turn(gp_addend addend, const gp_aes *aes, uint32_t g, gp_block nonce,
                                 uint32_t counter, unsigned k, size_t element, gp_bias32 *bias,
                                 bool far, bool both, const uint16_t *now, uint16_t *next,
                                 unsigned char *row) {
  const unsigned blocks = gp_groups(k) * k;
  const size_t steps = both ? (size_t)gp_groups(k) * GP_GROUP_STEPS : 0;
  gp_block x[GP_BLOCKS_MAX];
  for (unsigned j = 0; j < blocks; j++) {
    x[j] = gp_block_begin(gp_block_counter(nonce, counter + j), aes);
  }
  gp_rounds(x, blocks, aes, 1);
  gp_share(addend, now, row, steps, 1, element, bias, far);
  gp_rounds(x, blocks, aes, 2);
  gp_share(addend, now, row, steps, 2, element, bias, far);
  gp_rounds(x, blocks, aes, 3);
  gp_share(addend, now, row, steps, 3, element, bias, far);
  gp_rounds(x, blocks, aes, 4);
  gp_share(addend, now, row, steps, 4, element, bias, far);
  gp_rounds(x, blocks, aes, 5);
  gp_share(addend, now, row, steps, 5, element, bias, far);
  gp_rounds(x, blocks, aes, 6);
  gp_share(addend, now, row, steps, 6, element, bias, far);
  gp_rounds(x, blocks, aes, 7);
  gp_share(addend, now, row, steps, 7, element, bias, far);
  gp_rounds(x, blocks, aes, 8);
  gp_share(addend, now, row, steps, 8, element, bias, far);
  gp_rounds(x, blocks, aes, 9);
  aes = gp_block_hold(aes, x, blocks);
  for (unsigned j = 0; j < blocks; j++) {
    x[j] = gp_block_end(x[j], aes);
  }
  for (unsigned j = 0; j < gp_groups(k); j++) {
    gp_block_store(next + (size_t)j * (GP_GROUP_TOKENS / 16),
                   gp_less_than(x + (size_t)j * k, k, g));
  }
}

/* By a mask that is there, at any address. `rest` is the portable kernel, for what 32 does not
 * divide. */
GP_TARGET GP_INLINE void gp_masked(const gp_boost *boost, const uint8_t *mask, size_t count,
                                   void *logits, size_t element, gp_bias32 *bias,
                                   gp_kernel *rest) {
  const gp_addend addend = {boost->addend, boost->delta};
  unsigned char *row = logits;
  for (; count >= 32; count -= 32, row += 32 * element, mask += 4) {
    uint16_t words[2];
    memcpy(words, mask, sizeof words);
    bias(addend, words, row);
  }
  if (count > 0) {
    rest(boost, mask, count, row);
  }
}

GP_TARGET GP_INLINE void gp_fused(const gp_boost *boost, const gp_green_list *list, size_t group,
                                  size_t count, bool far, unsigned char *row, unsigned k,
                                  size_t element, gp_bias32 *bias, gp_kernel *rest) {
  const gp_addend addend = {boost->addend, boost->delta};
  const size_t at_once = (size_t)gp_groups(k) * GP_GROUP_TOKENS;
  uint8_t first[GP_BLOCK_SIZE] = {0};
  memcpy(first, list->nonce, GP_NONCE_SIZE);
  const gp_block nonce = gp_block_load(first);
  const gp_aes *aes = list->aes;
  uint32_t counter = (uint32_t)group * k;
  _Alignas(16) uint16_t masks[2][8 * GP_GROUP_TOKENS / 16];
  unsigned now = 0;
  gp_turn(addend, aes, list->g, nonce, counter, k, element, bias, far, false, NULL, masks[now],
          row);
  for (; count > at_once; count -= at_once, row += at_once * element) {
    counter += gp_groups(k) * k;
    gp_turn(addend, aes, list->g, nonce, counter, k, element, bias, far, true, masks[now],
            masks[1 - now], row);
    now = 1 - now;
  }
  gp_masked(boost, (const uint8_t *)masks[now], count, row, element, bias, rest);
}

/* With a loop of its own for each k. */
GP_TARGET GP_INLINE void gp_fused_any(const gp_boost *boost, const gp_green_list *list,
                                      size_t group, size_t count, bool far, void *logits,
                                      size_t element, gp_bias32 *bias, gp_kernel *rest) {
  switch (list->k) {
  case 1:
    gp_fused(boost, list, group, count, far, logits, 1, element, bias, rest);
    break;
  case 2:
    gp_fused(boost, list, group, count, far, logits, 2, element, bias, rest);
    break;
  case 3:
    gp_fused(boost, list, group, count, far, logits, 3, element, bias, rest);
    break;
  case 4:
    gp_fused(boost, list, group, count, far, logits, 4, element, bias, rest);
    break;
  default: /* 5 to 8: one group a turn */
    gp_fused(boost, list, group, count, far, logits, list->k, element, bias, rest);
    break;
  }
}

/* The two kernels of a format from its bias_FORMAT. A macro, since the function must be known
 * where the loop is compiled. */
#define GP_DEFINE_KERNELS(format, element)                                                       \
  GP_TARGET static void masked_##format(const gp_boost *boost, const uint8_t *mask,              \
                                        size_t count, void *logits) {                            \
    gp_masked(boost, mask, count, logits, element, bias_##format, gp_bias_##format##_portable);  \
  }                                                                                              \
  GP_TARGET static void fused_##format(const gp_boost *boost, const gp_green_list *list,         \
                                       size_t group, size_t count, bool far, void *logits) {     \
    gp_fused_any(boost, list, group, count, far, logits, element, bias_##format,                 \
                 gp_bias_##format##_portable);                                                   \
  }

#endif

/*
 * What is done before and after the cipher, for many windows or pairs at a time.
 *
 * A pair is a block: the nonce in 12 bytes, the token v in 4. Its planes are the cipher's answer
 * to k counter blocks, which have the nonce and, for v, the counters of its group of 128 tokens;
 * v is green when the number at bit v mod 128 of the planes is less than g (SPEC.md section 5).
 *
 * pair_steps_portable.c is the definition; the others give the same, faster.
 */
#ifndef GP_PRF_PAIR_STEPS_H
#define GP_PRF_PAIR_STEPS_H

#include "common/bytes.h"
#include "common/cpu.h"
#include "prf/cipher.h"

/* Ids in the first block of a window. */
#define GP_IDS_PER_BLOCK (GP_BLOCK_SIZE / 4)

typedef struct gp_pair_steps {
  /* The first block of `count` overlapping windows: of window i, min(width, 4) ids from tokens[i]
   * on, and zeros. Nothing is read beyond the last window. width > 0. */
  void (*take_windows)(const uint32_t *tokens, size_t width, size_t count,
                       uint8_t (*blocks)[GP_BLOCK_SIZE]);
  /* blocks[i] becomes a pair: XORed with the tweak, whose last 4 bytes do not matter, and the
   * token put in. */
  void (*finish)(uint8_t (*blocks)[GP_BLOCK_SIZE], const uint8_t tweak[GP_BLOCK_SIZE],
                 const uint32_t *tokens, size_t count);
  /* The counter block of plane p of pair i to blocks[p * count + i]. */
  void (*put_counters)(const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                       uint8_t (*blocks)[GP_BLOCK_SIZE]);
  /* The colours, 0 or 1, from the planes, which stand where the counter blocks did. */
  void (*compare)(const uint8_t (*pairs)[GP_BLOCK_SIZE], const uint8_t (*blocks)[GP_BLOCK_SIZE],
                  size_t count, uint32_t k, uint32_t g, uint8_t *green);
} gp_pair_steps;

extern const gp_pair_steps gp_pair_steps_portable;

#if GP_X86
extern const gp_pair_steps gp_pair_steps_avx2;
#endif

/* Those for an instruction set. */
const gp_pair_steps *gp_pair_steps_for(gp_cpu cpu);

/* One by itself, for what vectors leave over. */

static inline void gp_pair_take_window(const uint32_t *tokens, size_t width,
                                       uint8_t block[GP_BLOCK_SIZE]) {
  for (size_t i = 0; i < GP_IDS_PER_BLOCK; i++) {
    gp_store_le32(block + 4 * i, i < width ? tokens[i] : 0);
  }
}

static inline void gp_pair_finish(uint8_t block[GP_BLOCK_SIZE],
                                  const uint8_t tweak[GP_BLOCK_SIZE], uint32_t token) {
  const gp_words nonce = gp_xor_words(gp_load_words(block), gp_load_words(tweak));
  gp_store_words(block, gp_replace_tail(nonce, gp_order_le32(token)));
}

static inline void gp_pair_put_counters(const uint8_t pair[GP_BLOCK_SIZE], uint32_t k,
                                        uint8_t (*first)[GP_BLOCK_SIZE], size_t stride) {
  const gp_words nonce = gp_load_words(pair);
  const uint32_t counter = gp_load_le32(pair + GP_NONCE_SIZE) / 128 * k;
  for (uint32_t plane = 0; plane < k; plane++) {
    gp_store_words(first[plane * stride], gp_replace_tail(nonce, gp_order_be32(counter + plane)));
  }
}

/* The comparison that mask.c explains, for the 64 numbers around that of v. */
static inline uint8_t gp_pair_compare(const uint8_t pair[GP_BLOCK_SIZE],
                                      const uint8_t (*first)[GP_BLOCK_SIZE], size_t stride,
                                      uint32_t k, uint32_t g) {
  const uint32_t v = gp_load_le32(pair + GP_NONCE_SIZE);
  const size_t half = v % 128 < 64 ? 0 : 8;
  uint64_t less = 0;
  for (uint32_t place = 0; place < k; place++) {
    const uint64_t plane = gp_load_le64(first[(k - 1 - place) * stride] + half);
    const uint64_t bit = 0U - (uint64_t)(g >> place & 1U); /* all ones or all zeros */
    less = (~plane & (less | bit)) | (less & bit);
  }
  return less >> v % 64 & 1U;
}

#endif

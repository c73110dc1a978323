/*
 * What is done before and after the cipher for one window or pair: the definition, of which the
 * kernels make the same (kernels.h).
 *
 * A pair is a block: the nonce in 12 bytes, the token v in 4. Its planes are the cipher's answer
 * to k counter blocks, which have the nonce and, for v, the counters of its group of 128 tokens;
 * v is green when the number at bit v mod 128 of the planes is less than g (SPEC.md section 5).
 */
#ifndef GP_PRF_PAIR_H
#define GP_PRF_PAIR_H

#include "common/bytes.h"
#include "prf/cipher.h"

/* Ids in a block of a window. */
#define GP_IDS_PER_BLOCK (GP_BLOCK_SIZE / 4)

/* The first block of a window of `width` ids, or of what is left of one: at most four ids, and
 * zeros. */
static inline void gp_pair_take_window(const uint32_t *tokens, size_t width,
                                       uint8_t block[GP_BLOCK_SIZE]) {
  for (size_t i = 0; i < GP_IDS_PER_BLOCK; i++) {
    gp_store_le32(block + 4 * i, i < width ? tokens[i] : 0);
  }
}

/* A MAC becomes a pair. The last 4 bytes of the tweak do not matter. */
static inline void gp_pair_finish(uint8_t block[GP_BLOCK_SIZE],
                                  const uint8_t tweak[GP_BLOCK_SIZE], uint32_t token) {
  const gp_words nonce = gp_xor_words(gp_load_words(block), gp_load_words(tweak));
  gp_store_words(block, gp_replace_tail(nonce, gp_order_le32(token)));
}

/* The counter block of plane p to first[p * stride]. */
static inline void gp_pair_put_counters(const uint8_t pair[GP_BLOCK_SIZE], uint32_t k,
                                        uint8_t (*first)[GP_BLOCK_SIZE], size_t stride) {
  const gp_words nonce = gp_load_words(pair);
  const uint32_t counter = gp_load_le32(pair + GP_NONCE_SIZE) / GP_GROUP_TOKENS * k;
  for (uint32_t plane = 0; plane < k; plane++) {
    gp_store_words(first[plane * stride], gp_replace_tail(nonce, gp_order_be32(counter + plane)));
  }
}

/* The colour, 0 or 1, from the planes, which stand where the counter blocks did: the comparison
 * that mask.c explains, for the 64 numbers around that of v. */
static inline uint8_t gp_pair_compare(const uint8_t pair[GP_BLOCK_SIZE],
                                      const uint8_t (*first)[GP_BLOCK_SIZE], size_t stride,
                                      uint32_t k, uint32_t g) {
  const uint32_t v = gp_load_le32(pair + GP_NONCE_SIZE);
  const size_t half = v % GP_GROUP_TOKENS < 64 ? 0 : 8;
  uint64_t less = 0;
  for (uint32_t place = 0; place < k; place++) {
    const uint64_t plane = gp_load_le64(first[(k - 1 - place) * stride] + half);
    const uint64_t bit = 0U - (uint64_t)(g >> place & 1U); /* all ones or all zeros */
    less = (~plane & (less | bit)) | (less & bit);
  }
  return less >> v % 64 & 1U;
}

#endif

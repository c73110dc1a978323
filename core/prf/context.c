/*
 * Stage 1: context -> nonce (SPEC.md section 4).
 *
 * The seeding scheme reduces a window of h token ids to the context: all of them, the
 * one with the smallest keyed value, or none. The nonce is the CBC-MAC of the context,
 * computed for a batch of windows side by side, so that AES runs in bulk: with up to four
 * ids one call encrypts the whole batch.
 */
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "prf/prf.h"

#define IDS_PER_BLOCK (GP_BLOCK_SIZE / 4)

/* The ids that a batch of windows spans, as bytes, with a block's room behind them. */
typedef struct id_bytes {
  uint8_t bytes[4 * (GP_PRF_BATCH + GP_CONTEXT_WIDTH_MAX) + GP_BLOCK_SIZE];
} id_bytes;

static void encode_ids(const uint32_t *tokens, size_t count, id_bytes *ids) {
  for (size_t i = 0; i < count; i++) {
    gp_store_le32(ids->bytes + 4 * i, tokens[i]);
  }
  memset(ids->bytes + 4 * count, 0, sizeof ids->bytes - 4 * count);
}

/* S = AES(K_context, S xor block `index` of the window), for every window. A whole block is
 * read each time; `keep` masks what lies beyond the window. */
static gp_status absorb_block(gp_prf_lane *lane, const id_bytes *ids, size_t width, size_t index,
                              size_t count, uint8_t (*state)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t first = index * IDS_PER_BLOCK;
  uint8_t keep[GP_BLOCK_SIZE] = {0};
  for (size_t b = 0; b < GP_BLOCK_SIZE && first + b / 4 < width; b++) {
    keep[b] = 0xFF;
  }
  const gp_words kept = gp_load_words(keep);
  for (size_t i = 0; i < count; i++) {
    const gp_words block = gp_load_words(ids->bytes + 4 * (i + first));
    gp_words s = gp_load_words(state[i]);
    s.word[0] ^= block.word[0] & kept.word[0];
    s.word[1] ^= block.word[1] & kept.word[1];
    gp_store_words(state[i], s);
  }
  return gp_cipher_blocks(lane->context, (const uint8_t(*)[GP_BLOCK_SIZE])state, state, count,
                          error);
}

/* CBC-MAC of windows of `width` ids; the window of i starts at tokens[i]. */
static gp_status mac_windows(gp_prf_lane *lane, const uint32_t *tokens, size_t width,
                             size_t count, uint8_t (*state)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t blocks = width == 0 ? 1 : (width + IDS_PER_BLOCK - 1) / IDS_PER_BLOCK;
  id_bytes ids;
  encode_ids(tokens, width == 0 ? 0 : count + width - 1, &ids);
  memset(state, 0, count * GP_BLOCK_SIZE);
  gp_status status = GP_OK;
  for (size_t index = 0; index < blocks && status == GP_OK; index++) {
    status = absorb_block(lane, &ids, width, index, count, state, error);
  }
  return status;
}

/* The seeding scheme `min`: chosen[i] is the id of window i with the smallest block. */
static gp_status choose_smallest(gp_prf_lane *lane, const uint32_t *tokens, size_t width,
                                 size_t count, uint32_t *chosen, gp_error *error) {
  uint8_t order[GP_PRF_BATCH + GP_CONTEXT_WIDTH_MAX][GP_BLOCK_SIZE];
  const size_t ids = count + width - 1;
  memset(order, 0, ids * GP_BLOCK_SIZE);
  for (size_t i = 0; i < ids; i++) {
    gp_store_le32(order[i], tokens[i]);
  }
  const gp_status status =
      gp_cipher_blocks(lane->order, (const uint8_t(*)[GP_BLOCK_SIZE])order, order, ids, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t i = 0; i < count; i++) {
    size_t smallest = i;
    for (size_t j = i + 1; j < i + width; j++) {
      if (memcmp(order[j], order[smallest], GP_BLOCK_SIZE) < 0) {
        smallest = j;
      }
    }
    chosen[i] = tokens[smallest];
  }
  return GP_OK;
}

gp_status gp_prf_nonces(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                        size_t count, uint8_t (*nonces)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t width = prf->params.context_width;
  gp_status status = GP_OK;
  if (prf->params.seeding == GP_SEEDING_MIN) {
    uint32_t chosen[GP_PRF_BATCH];
    status = choose_smallest(lane, tokens, width, count, chosen, error);
    if (status == GP_OK) {
      status = mac_windows(lane, chosen, 1, count, nonces, error);
    }
  } else {
    status = mac_windows(lane, tokens, width, count, nonces, error);
  }
  if (status != GP_OK) {
    return status;
  }
  uint8_t tweak[GP_BLOCK_SIZE] = {0};
  memcpy(tweak, prf->tweak, GP_NONCE_SIZE);
  const gp_words tweaked = gp_load_words(tweak);
  for (size_t i = 0; i < count; i++) {
    gp_words s = gp_load_words(nonces[i]);
    s.word[0] ^= tweaked.word[0];
    s.word[1] ^= tweaked.word[1];
    gp_store_words(nonces[i], s);
    gp_store_le32(nonces[i] + GP_NONCE_SIZE, 0);
  }
  return GP_OK;
}

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
#include "prf/pair.h"
#include "prf/prf.h"

/* XORs the block of each window that starts at its id `done` into the state. */
static void absorb_block(const uint32_t *tokens, size_t width, size_t done, size_t count,
                         uint8_t (*state)[GP_BLOCK_SIZE]) {
  for (size_t i = 0; i < count; i++) {
    uint8_t block[GP_BLOCK_SIZE];
    gp_pair_take_window(tokens + i + done, width - done, block);
    gp_store_words(state[i], gp_xor_words(gp_load_words(state[i]), gp_load_words(block)));
  }
}

/* CBC-MAC of windows of `width` ids; the window of i starts at tokens[i]. */
static gp_status mac_windows(gp_prf_lane *lane, const uint32_t *tokens, size_t width,
                             size_t count, uint8_t (*state)[GP_BLOCK_SIZE], gp_error *error) {
  const uint8_t(*in)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])state;
  for (size_t i = 0; i < count; i++) {
    gp_pair_take_window(tokens + i, width, state[i]);
  }
  gp_status status = gp_cipher_blocks(lane->context, in, state, count, error);
  for (size_t done = GP_IDS_PER_BLOCK; done < width && status == GP_OK;
       done += GP_IDS_PER_BLOCK) {
    absorb_block(tokens, width, done, count, state);
    status = gp_cipher_blocks(lane->context, in, state, count, error);
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

/* ------------------------------------------------------- provable keys */

/* The nonces of overlapping windows; `known` as in gp_nonces_find(). */
static gp_status find_nonces(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                             size_t count, uint8_t (*nonces)[GP_BLOCK_SIZE], uint8_t *known,
                             gp_error *error) {
  const size_t width = prf->params.context_width;
  const bool by_order = prf->params.seeding == GP_SEEDING_MIN;
  uint32_t chosen[GP_PRF_BATCH];
  gp_nonce_request requests[GP_PRF_BATCH];
  gp_status status =
      by_order ? choose_smallest(lane, tokens, width, count, chosen, error) : GP_OK;
  for (size_t i = 0; i < count; i++) {
    requests[i] = (gp_nonce_request){by_order ? &chosen[i] : tokens + i,
                                     prf->has_tenant ? &prf->tenant : NULL};
  }
  return status == GP_OK ? gp_nonces_find(prf->nonces, requests, by_order ? 1 : width, count,
                                          NULL, nonces, known, error)
                         : status;
}

static gp_status find_nonces_apart(const gp_prf *prf, gp_prf_lane *lane,
                                   const uint32_t *const *windows, const uint64_t *const *tenants,
                                   size_t count, gp_thread_pool *pool,
                                   uint8_t (*nonces)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t width = prf->params.context_width;
  const bool by_order = prf->params.seeding == GP_SEEDING_MIN;
  uint32_t chosen[GP_PRF_BATCH];
  gp_nonce_request requests[GP_PRF_BATCH];
  gp_status status = GP_OK;
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    const uint64_t *own = tenants != NULL ? tenants[i] : NULL;
    requests[i].tenant = own != NULL ? own : prf->has_tenant ? &prf->tenant : NULL;
    requests[i].ids = windows[i];
    if (by_order) {
      status = choose_smallest(lane, windows[i], width, 1, &chosen[i], error);
      requests[i].ids = &chosen[i];
    }
  }
  return status == GP_OK ? gp_nonces_find(prf->nonces, requests, by_order ? 1 : width, count,
                                          pool, nonces, NULL, error)
                         : status;
}

size_t gp_prf_context_ids(const gp_prf *prf) {
  return prf->params.seeding == GP_SEEDING_MIN ? 1 : prf->params.context_width;
}

gp_status gp_prf_contexts(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                          size_t count, uint32_t *ids, gp_error *error) {
  if (prf->params.seeding == GP_SEEDING_MIN) {
    return choose_smallest(lane, tokens, prf->params.context_width, count, ids, error);
  }
  const size_t width = prf->params.context_width;
  for (size_t i = 0; i < count && width > 0; i++) {
    memcpy(ids + i * width, tokens + i, width * sizeof *ids);
  }
  return GP_OK;
}

/* ------------------------------------------------------- ordinary keys */

/* The MACs of the contexts of windows: nonces without a tenant, and 4 bytes more. */
static gp_status mac_contexts(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                              size_t count, uint8_t (*macs)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t width = prf->params.context_width;
  if (prf->params.seeding != GP_SEEDING_MIN) {
    return mac_windows(lane, tokens, width, count, macs, error);
  }
  uint32_t chosen[GP_PRF_BATCH];
  const gp_status status = choose_smallest(lane, tokens, width, count, chosen, error);
  return status == GP_OK ? mac_windows(lane, chosen, 1, count, macs, error) : status;
}

gp_status gp_prf_nonces(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                        size_t count, uint8_t (*nonces)[GP_BLOCK_SIZE], gp_error *error) {
  if (prf->nonces != NULL) {
    return find_nonces(prf, lane, tokens, count, nonces, NULL, error);
  }
  const gp_status status = mac_contexts(prf, lane, tokens, count, nonces, error);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    const gp_words nonce = gp_xor_words(gp_load_words(nonces[i]), gp_load_words(prf->tweak));
    gp_store_words(nonces[i], gp_replace_tail(nonce, 0));
  }
  return status;
}

/* The MACs of windows that lie apart: block by block, all of them side by side. */
static gp_status mac_apart(gp_prf_lane *lane, const uint32_t *const *windows, size_t width,
                           size_t count, uint8_t (*state)[GP_BLOCK_SIZE], gp_error *error) {
  const uint8_t(*in)[GP_BLOCK_SIZE] = (const uint8_t(*)[GP_BLOCK_SIZE])state;
  memset(state, 0, count * GP_BLOCK_SIZE);
  gp_status status = GP_OK;
  for (size_t done = 0; done == 0 || (done < width && status == GP_OK);
       done += GP_IDS_PER_BLOCK) {
    for (size_t i = 0; i < count && width > 0; i++) {
      uint8_t block[GP_BLOCK_SIZE];
      gp_pair_take_window(windows[i] + done, width - done, block);
      gp_store_words(state[i], gp_xor_words(gp_load_words(state[i]), gp_load_words(block)));
    }
    status = gp_cipher_blocks(lane->context, in, state, count, error);
  }
  return status;
}

gp_status gp_prf_nonces_apart(const gp_prf *prf, gp_prf_lane *lane,
                              const uint32_t *const *windows, const uint64_t *const *tenants,
                              size_t count, gp_thread_pool *pool,
                              uint8_t (*nonces)[GP_BLOCK_SIZE], gp_error *error) {
  if (prf->nonces != NULL) {
    return find_nonces_apart(prf, lane, windows, tenants, count, pool, nonces, error);
  }
  const size_t width = prf->params.context_width;
  gp_status status = GP_OK;
  if (prf->params.seeding == GP_SEEDING_MIN) {
    uint32_t chosen[GP_PRF_BATCH];
    const uint32_t *each[GP_PRF_BATCH];
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      each[i] = &chosen[i];
      status = choose_smallest(lane, windows[i], width, 1, &chosen[i], error);
    }
    status = status == GP_OK ? mac_apart(lane, each, 1, count, nonces, error) : status;
  } else {
    status = mac_apart(lane, windows, width, count, nonces, error);
  }
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    gp_store_words(nonces[i], gp_replace_tail(gp_load_words(nonces[i]), 0));
  }
  return status;
}

/* The same as gp_prf_pairs() in one go; only the seeding scheme `min` has something to do before.
 */
static gp_status make_pairs(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                            size_t count, uint8_t (*pairs)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t width = prf->params.context_width;
  const uint32_t *behind = tokens + width;
  if (prf->params.seeding != GP_SEEDING_MIN) {
    prf->kernels->make_pairs(prf->context, tokens, width, count, prf->tweak, behind, pairs);
    return GP_OK;
  }
  uint32_t chosen[GP_PRF_BATCH];
  const gp_status status = choose_smallest(lane, tokens, width, count, chosen, error);
  if (status == GP_OK) {
    prf->kernels->make_pairs(prf->context, chosen, 1, count, prf->tweak, behind, pairs);
  }
  return status;
}

gp_status gp_prf_pairs(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens, size_t count,
                       uint8_t (*pairs)[GP_BLOCK_SIZE], gp_error *error) {
  if (prf->kernels != NULL && prf->nonces == NULL) {
    return make_pairs(prf, lane, tokens, count, pairs, error);
  }
  const gp_status status = prf->nonces != NULL
                               ? find_nonces(prf, lane, tokens, count, pairs, NULL, error)
                               : mac_contexts(prf, lane, tokens, count, pairs, error);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    gp_pair_finish(pairs[i], prf->tweak, tokens[i + prf->params.context_width]);
  }
  return status;
}

gp_status gp_prf_pairs_kept(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                            size_t count, uint8_t (*pairs)[GP_BLOCK_SIZE], size_t *kept,
                            gp_error *error) {
  if (prf->nonces == NULL || !gp_nonces_sampled(prf->nonces)) {
    *kept = count;
    return gp_prf_pairs(prf, lane, tokens, count, pairs, error);
  }
  uint8_t known[GP_PRF_BATCH];
  const gp_status status = find_nonces(prf, lane, tokens, count, pairs, known, error);
  *kept = 0;
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    if (known[i] != 0) {
      memmove(pairs[*kept], pairs[i], GP_BLOCK_SIZE);
      gp_pair_finish(pairs[*kept], prf->tweak, tokens[i + prf->params.context_width]);
      (*kept)++;
    }
  }
  return status;
}

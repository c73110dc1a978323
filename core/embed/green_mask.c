/*
 * Green lists as packed masks, with the never-biased tokens taken out.
 *
 * A mask is made in stretches, so that keystream and mask stay in the first-level cache, and
 * nothing of the vocabulary's size exists but what the caller has.
 */
#include <string.h>

#include "common/error.h"
#include "embed/watermark.h"

gp_status gp_check_vocabulary(size_t vocabulary, gp_error *error) {
  if (vocabulary == 0 || vocabulary > (uint64_t)UINT32_MAX + 1) {
    return gp_fail(error, GP_ERR_ARGUMENT, "vocabulary: must be 1 to 2^32, not %zu", vocabulary);
  }
  return GP_OK;
}

size_t gp_first_spared(const gp_watermark *watermark, size_t token) {
  size_t low = 0;
  size_t high = watermark->n_never_biased;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (watermark->never_biased[middle] < token) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* Clears the bits of never-biased tokens in the mask of tokens first .. first+count-1. *next is
 * the list's index to go on from. */
static void spare_tokens(const gp_watermark *watermark, size_t first, size_t count, uint8_t *mask,
                         size_t *next) {
  while (*next < watermark->n_never_biased && watermark->never_biased[*next] - first < count) {
    const size_t i = watermark->never_biased[*next] - first;
    mask[i / 8] &= (uint8_t) ~(1U << i % 8);
    (*next)++;
  }
}

gp_status gp_for_each_stretch(const gp_watermark *watermark, gp_prf_lane *lane,
                              const uint8_t nonce[GP_NONCE_SIZE], size_t first, size_t end,
                              gp_stretch_visitor *visit, void *state, gp_error *error) {
  uint8_t mask[GP_MASK_BYTES];
  size_t groups_max = gp_prf_mask_groups_max(&watermark->prf);
  if (groups_max > GP_MASK_BYTES / GP_GROUP_BYTES) {
    groups_max = GP_MASK_BYTES / GP_GROUP_BYTES;
  }
  gp_status status =
      gp_prf_mask_start(&watermark->prf, lane, nonce, first / GP_GROUP_TOKENS, error);
  size_t next = gp_first_spared(watermark, first);
  while (first < end && status == GP_OK) {
    const size_t left = end - first;
    const size_t groups_left = left / GP_GROUP_TOKENS + (left % GP_GROUP_TOKENS != 0);
    const size_t groups = groups_left < groups_max ? groups_left : groups_max;
    const size_t count = left < groups * GP_GROUP_TOKENS ? left : groups * GP_GROUP_TOKENS;
    status = gp_prf_mask_next(&watermark->prf, lane, groups, mask, error);
    if (status == GP_OK) {
      spare_tokens(watermark, first, count, mask, &next);
      visit(state, mask, first, count);
    }
    first += count;
  }
  return status;
}

/* The nonce after `tokens`. */
static gp_status nonce_after(const gp_watermark *watermark, const uint32_t *tokens,
                             size_t n_tokens, uint8_t nonce[GP_NONCE_SIZE], gp_error *error) {
  const size_t width = watermark->prf.params.context_width;
  if (n_tokens < width || (tokens == NULL && n_tokens > 0)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "tokens: %zu, but the context width is %zu",
                   tokens == NULL ? 0 : n_tokens, width);
  }
  const gp_row row = {.tokens = tokens, .n_tokens = n_tokens};
  gp_prepared_row prepared;
  const gp_status status = gp_prepare_rows(watermark, &row, 1, &prepared, error);
  if (status == GP_OK) {
    memcpy(nonce, prepared.nonce, GP_NONCE_SIZE);
  }
  return status;
}

gp_status gp_nonce(const gp_watermark *watermark, const uint32_t *tokens, size_t n_tokens,
                   uint8_t nonce[GP_NONCE_SIZE], gp_error *error) {
  if (watermark == NULL || nonce == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "nonce");
  }
  return nonce_after(watermark, tokens, n_tokens, nonce, error);
}

static void copy_stretch(void *state, const uint8_t *mask, size_t first, size_t count) {
  uint8_t *out = (uint8_t *)state + first / 8;
  memcpy(out, mask, (count + 7) / 8);
  if (count % 8 != 0) {
    out[count / 8] &= (uint8_t)((1U << count % 8) - 1U);
  }
}

gp_status gp_green_mask_for(const gp_watermark *watermark, const uint8_t nonce[GP_NONCE_SIZE],
                            size_t vocabulary, uint8_t *mask, gp_error *error) {
  if (watermark == NULL || nonce == NULL || mask == NULL) {
    return gp_fail_null(error, __func__,
                        watermark == NULL ? "watermark" : (nonce == NULL ? "nonce" : "mask"));
  }
  gp_status status = gp_check_vocabulary(vocabulary, error);
  if (status != GP_OK) {
    return status;
  }
  gp_pool_ticket ticket;
  status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status == GP_OK) {
    status = gp_for_each_stretch(watermark, ticket.lane, nonce, 0, vocabulary, copy_stretch, mask,
                                 error);
    gp_pool_give_back(&ticket);
  }
  return status;
}

gp_status gp_green_mask(const gp_watermark *watermark, const uint32_t *tokens, size_t n_tokens,
                        size_t vocabulary, uint8_t *mask, gp_error *error) {
  if (watermark == NULL || mask == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "mask");
  }
  uint8_t nonce[GP_NONCE_SIZE];
  gp_status status = gp_check_vocabulary(vocabulary, error);
  if (status == GP_OK) {
    status = nonce_after(watermark, tokens, n_tokens, nonce, error);
  }
  return status == GP_OK ? gp_green_mask_for(watermark, nonce, vocabulary, mask, error) : status;
}

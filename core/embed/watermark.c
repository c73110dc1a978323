/*
 * Biasing rows of logits (SPEC.md section 6).
 *
 * A row is worked off in stretches of a few thousand tokens: keystream, mask and logits
 * of a stretch stay in the first-level cache, and nothing of the vocabulary's size exists
 * but the row itself.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "embed/kernel.h"
#include "embed/session.h"
#include "prf/pool.h"

/* Mask bytes made at a time: 16384 tokens, whose float32 logits are 64 KiB. */
#define MASK_BYTES 2048

struct gp_watermark {
  gp_prf prf;
  gp_pool *lanes; /* scratch behind the immutable face */
  gp_boost boost;
  uint32_t *never_biased; /* ascending */
  size_t n_never_biased;
};

gp_watermark_options gp_watermark_options_default(void) {
  const gp_watermark_options options = {.delta = 2.0F};
  return options;
}

static int compare_ids(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a;
  const uint32_t y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static gp_status check_options(const gp_watermark_options *options, gp_error *error) {
  if (!(options->delta >= 0.0F && options->delta <= GP_DELTA_MAX)) { /* NaN fails too */
    return gp_fail(error, GP_ERR_ARGUMENT, "delta: must be 0 to %g, not %g", (double)GP_DELTA_MAX,
                   (double)options->delta);
  }
  if (options->n_never_biased > 0 && options->never_biased == NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "never_biased: NULL, but n_never_biased is %zu",
                   options->n_never_biased);
  }
  if (options->n_never_biased > SIZE_MAX / sizeof(uint32_t)) {
    return gp_fail_memory(error, "list of token ids that are never biased");
  }
  return GP_OK;
}

static gp_status copy_never_biased(gp_watermark *watermark, const gp_watermark_options *options,
                                   gp_error *error) {
  const size_t n = options->n_never_biased;
  if (n == 0) {
    return GP_OK;
  }
  watermark->never_biased = malloc(n * sizeof *watermark->never_biased);
  if (watermark->never_biased == NULL) {
    return gp_fail_memory(error, "list of token ids that are never biased");
  }
  memcpy(watermark->never_biased, options->never_biased, n * sizeof *watermark->never_biased);
  qsort(watermark->never_biased, n, sizeof *watermark->never_biased, compare_ids);
  watermark->n_never_biased = n;
  return GP_OK;
}

gp_status gp_watermark_new(const gp_key *key, const gp_watermark_options *options,
                           gp_watermark **watermark, gp_error *error) {
  if (key == NULL || watermark == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "watermark");
  }
  const gp_watermark_options defaults = gp_watermark_options_default();
  options = options == NULL ? &defaults : options;
  gp_status status = check_options(options, error);
  if (status != GP_OK) {
    return status;
  }
  gp_watermark *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "watermark");
  }
  made->lanes = gp_pool_new();
  if (made->lanes == NULL) {
    gp_watermark_free(made);
    return gp_fail_memory(error, "watermark");
  }
  made->boost = gp_boost_make(options->delta);
  status = gp_prf_init(&made->prf, key, options->has_tenant ? &options->tenant : NULL, error);
  if (status == GP_OK) {
    status = copy_never_biased(made, options, error);
  }
  if (status != GP_OK) {
    gp_watermark_free(made);
    return status;
  }
  *watermark = made;
  return GP_OK;
}

void gp_watermark_free(gp_watermark *watermark) {
  if (watermark == NULL) {
    return;
  }
  gp_pool_free(watermark->lanes);
  gp_prf_release(&watermark->prf);
  free(watermark->never_biased);
  free(watermark);
}

gp_params gp_watermark_params(const gp_watermark *watermark) {
  return watermark->prf.params;
}

/* ------------------------------------------------------------------- masks */

/* Clears the bits of never-biased tokens in the mask of tokens first .. first+count-1.
 * *next is the list's index to go on from. */
static void spare_tokens(const gp_watermark *watermark, size_t first, size_t count, uint8_t *mask,
                         size_t *next) {
  while (*next < watermark->n_never_biased && watermark->never_biased[*next] - first < count) {
    const size_t i = watermark->never_biased[*next] - first;
    mask[i / 8] &= (uint8_t) ~(1U << i % 8);
    (*next)++;
  }
}

/* What is done with each stretch of a mask: tokens first .. first+count-1. */
typedef void stretch_visitor(void *state, const uint8_t *mask, size_t first, size_t count);

static gp_status for_each_stretch(const gp_watermark *watermark, gp_prf_lane *lane,
                                  const uint8_t *nonce, size_t vocabulary, stretch_visitor *visit,
                                  void *state, gp_error *error) {
  uint8_t mask[MASK_BYTES];
  size_t groups_max = gp_prf_mask_groups_max(&watermark->prf);
  if (groups_max > MASK_BYTES / GP_GROUP_BYTES) {
    groups_max = MASK_BYTES / GP_GROUP_BYTES;
  }
  gp_status status = gp_prf_mask_start(&watermark->prf, lane, nonce, 0, error);
  size_t next = 0;
  for (size_t first = 0; first < vocabulary && status == GP_OK;) {
    const size_t left = vocabulary - first;
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

/* ----------------------------------------------------------------- biasing */

typedef struct row_state {
  gp_kernel *kernel;
  const gp_boost *boost;
  unsigned char *logits;
  size_t element_size;
} row_state;

static void bias_stretch(void *state, const uint8_t *mask, size_t first, size_t count) {
  const row_state *row = state;
  row->kernel(row->boost, mask, count, row->logits + first * row->element_size);
}

static gp_status prepare_row(const gp_watermark *watermark, gp_dtype dtype, row_state *row,
                             gp_error *error) {
  row->boost = &watermark->boost;
  switch (dtype) {
  case GP_FLOAT32:
    row->kernel = gp_bias_float32_portable;
    row->element_size = sizeof(float);
    return GP_OK;
  case GP_FLOAT16:
    row->kernel = gp_bias_float16_portable;
    row->element_size = sizeof(uint16_t);
    return GP_OK;
  case GP_BFLOAT16:
    row->kernel = gp_bias_bfloat16_portable;
    row->element_size = sizeof(uint16_t);
    return GP_OK;
  }
  return gp_fail(error, GP_ERR_ARGUMENT, "dtype: %d is not float32, float16 or bfloat16",
                 (int)dtype);
}

/* Token ids are 32 bits wide. */
static gp_status check_vocabulary(size_t vocabulary, gp_error *error) {
  if (vocabulary == 0 || vocabulary > (uint64_t)UINT32_MAX + 1) {
    return gp_fail(error, GP_ERR_ARGUMENT, "vocabulary: must be 1 to 2^32, not %zu", vocabulary);
  }
  return GP_OK;
}

static gp_status check_shape(const void *logits, size_t n_rows, size_t vocabulary, size_t stride,
                             const gp_row *rows, const row_state *row, gp_error *error) {
  if (logits == NULL || rows == NULL) {
    return gp_fail_null(error, "gp_bias", logits == NULL ? "logits" : "rows");
  }
  const gp_status status = check_vocabulary(vocabulary, error);
  if (status != GP_OK) {
    return status;
  }
  if (stride < vocabulary) {
    return gp_fail(error, GP_ERR_ARGUMENT, "stride: %zu is below the vocabulary of %zu", stride,
                   vocabulary);
  }
  if (stride > SIZE_MAX / row->element_size / n_rows) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "stride: %zu rows of %zu elements exceed the address space", n_rows, stride);
  }
  if ((uintptr_t)logits % row->element_size != 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "logits: not aligned to %zu bytes", row->element_size);
  }
  return GP_OK;
}

static const uint32_t *window_of(const gp_watermark *watermark, const gp_row *row) {
  const size_t width = watermark->prf.params.context_width;
  return width == 0 ? NULL : row->tokens + (row->n_tokens - width);
}

/* Whether the session has seen the context; records it if not. With a fixed list there is
 * one context for all, and leaving it out would leave out everything. */
static gp_status check_session(const gp_watermark *watermark, gp_session *session,
                               const uint8_t *nonce_block, bool *seen, gp_error *error) {
  *seen = false;
  if (session == NULL || watermark->prf.params.seeding == GP_SEEDING_FIXED) {
    return GP_OK;
  }
  const gp_status status = gp_idset_reserve(&session->nonces, 1, error);
  if (status == GP_OK) {
    *seen = !gp_idset_insert(&session->nonces, nonce_block);
  }
  return status;
}

static gp_status bias_row(const gp_watermark *watermark, gp_prf_lane *lane, size_t vocabulary,
                          const gp_row *row, row_state *state, gp_error *error) {
  if (row->tokens == NULL && row->n_tokens > 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "tokens: NULL, but n_tokens is %zu", row->n_tokens);
  }
  if (row->n_tokens < watermark->prf.params.context_width) {
    return GP_OK;
  }
  uint8_t nonce[1][GP_BLOCK_SIZE];
  bool seen = false;
  gp_status status =
      gp_prf_nonces(&watermark->prf, lane, window_of(watermark, row), 1, nonce, error);
  if (status == GP_OK) {
    status = check_session(watermark, row->session, nonce[0], &seen, error);
  }
  if (status != GP_OK || seen) {
    return status;
  }
  return for_each_stretch(watermark, lane, nonce[0], vocabulary, bias_stretch, state, error);
}

gp_status gp_bias_batch(const gp_watermark *watermark, gp_dtype dtype, void *logits,
                        size_t n_rows, size_t vocabulary, size_t stride, const gp_row *rows,
                        gp_error *error) {
  row_state state = {0};
  if (watermark == NULL) {
    return gp_fail_null(error, "gp_bias", "watermark");
  }
  gp_status status = prepare_row(watermark, dtype, &state, error);
  if (status == GP_OK && n_rows > 0) {
    status = check_shape(logits, n_rows, vocabulary, stride, rows, &state, error);
  }
  if (status != GP_OK || n_rows == 0) {
    return status;
  }
  gp_pool_ticket ticket;
  status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t i = 0; i < n_rows && status == GP_OK; i++) {
    gp_error inner;
    state.logits = (unsigned char *)logits + i * stride * state.element_size;
    status = bias_row(watermark, ticket.lane, vocabulary, &rows[i], &state, &inner);
    if (status != GP_OK) {
      (void)gp_fail(error, status, "row %zu: %s", i, inner.message);
    }
  }
  gp_pool_give_back(&ticket);
  return status;
}

gp_status gp_bias(const gp_watermark *watermark, gp_dtype dtype, void *logits, size_t vocabulary,
                  const gp_row *row, gp_error *error) {
  return gp_bias_batch(watermark, dtype, logits, 1, vocabulary, vocabulary, row, error);
}

/* ----------------------------------------------------- the lists themselves */

/* The nonce after `tokens`, in a block, by a lane that the caller gives back. */
static gp_status nonce_after(const gp_watermark *watermark, gp_prf_lane *lane,
                             const uint32_t *tokens, size_t n_tokens,
                             uint8_t (*nonce)[GP_BLOCK_SIZE], gp_error *error) {
  const size_t width = watermark->prf.params.context_width;
  if (n_tokens < width || (tokens == NULL && n_tokens > 0)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "tokens: %zu, but the context width is %zu",
                   tokens == NULL ? 0 : n_tokens, width);
  }
  const gp_row row = {.tokens = tokens, .n_tokens = n_tokens};
  return gp_prf_nonces(&watermark->prf, lane, window_of(watermark, &row), 1, nonce, error);
}

gp_status gp_nonce(const gp_watermark *watermark, const uint32_t *tokens, size_t n_tokens,
                   uint8_t nonce[GP_NONCE_SIZE], gp_error *error) {
  if (watermark == NULL || nonce == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "nonce");
  }
  gp_pool_ticket ticket;
  gp_status status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t block[1][GP_BLOCK_SIZE];
  status = nonce_after(watermark, ticket.lane, tokens, n_tokens, block, error);
  if (status == GP_OK) {
    memcpy(nonce, block[0], GP_NONCE_SIZE);
  }
  gp_pool_give_back(&ticket);
  return status;
}

static void copy_stretch(void *state, const uint8_t *mask, size_t first, size_t count) {
  uint8_t *out = (uint8_t *)state + first / 8;
  memcpy(out, mask, (count + 7) / 8);
  if (count % 8 != 0) {
    out[count / 8] &= (uint8_t)((1U << count % 8) - 1U);
  }
}

gp_status gp_green_mask(const gp_watermark *watermark, const uint32_t *tokens, size_t n_tokens,
                        size_t vocabulary, uint8_t *mask, gp_error *error) {
  if (watermark == NULL || mask == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "mask");
  }
  gp_status status = check_vocabulary(vocabulary, error);
  if (status != GP_OK) {
    return status;
  }
  gp_pool_ticket ticket;
  status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t nonce[1][GP_BLOCK_SIZE];
  status = nonce_after(watermark, ticket.lane, tokens, n_tokens, nonce, error);
  if (status == GP_OK) {
    status =
        for_each_stretch(watermark, ticket.lane, nonce[0], vocabulary, copy_stretch, mask, error);
  }
  gp_pool_give_back(&ticket);
  return status;
}

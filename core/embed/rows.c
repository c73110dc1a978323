/*
 * From rows to nonces. The contexts of a batch go through the cipher side by side; then, row by
 * row in order, the sessions say which of them have been marked before.
 */
#include "embed/rows.h"

#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "embed/session.h"

static gp_status check_row(const gp_row *row, gp_error *error) {
  if (row->tokens == NULL && row->n_tokens > 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "tokens: NULL, but n_tokens is %zu", row->n_tokens);
  }
  return row->has_delta ? gp_check_delta(row->delta, error) : GP_OK;
}

gp_status gp_check_rows(const gp_row *rows, size_t n_rows, gp_error *error) {
  for (size_t i = 0; i < n_rows; i++) {
    gp_error inner;
    const gp_status status = check_row(&rows[i], &inner);
    if (status != GP_OK) {
      return gp_fail(error, status, "row %zu: %s", i, inner.message);
    }
  }
  return GP_OK;
}

static bool has_context(const gp_watermark *watermark, const gp_row *row) {
  return !row->off && row->n_tokens >= watermark->prf.params.context_width;
}

/* The tweak of the row's tenant onto its nonce. */
static gp_status tweak_nonce(const gp_watermark *watermark, gp_prf_lane *lane, const gp_row *row,
                             uint8_t nonce[GP_BLOCK_SIZE], gp_error *error) {
  uint8_t own[GP_BLOCK_SIZE];
  const uint8_t *tweak = watermark->prf.tweak;
  if (watermark->prf.nonces != NULL) { /* its tenant is in the nonce */
    return GP_OK;
  }
  if (row->has_tenant) {
    const gp_status status = gp_prf_tweak(lane, row->tenant, own, error);
    if (status != GP_OK) {
      return status;
    }
    tweak = own;
  }
  gp_store_words(nonce, gp_xor_words(gp_load_words(nonce), gp_load_words(tweak)));
  return GP_OK;
}

/* Whether the session has seen the context; records it if not. With a fixed list there is
 * one context for all, and leaving it out would leave out everything. */
static gp_status check_session(const gp_watermark *watermark, gp_session *session,
                               const uint8_t *nonce, bool *seen, gp_error *error) {
  *seen = false;
  if (session == NULL || watermark->prf.params.seeding == GP_SEEDING_FIXED) {
    return GP_OK;
  }
  const gp_status status = gp_idset_reserve(&session->nonces, 1, error);
  if (status == GP_OK) {
    *seen = !gp_idset_insert(&session->nonces, nonce);
  }
  return status;
}

static gp_status prepare(const gp_watermark *watermark, gp_prf_lane *lane, const gp_row *row,
                         uint8_t nonce[GP_BLOCK_SIZE], gp_prepared_row *prepared,
                         gp_error *error) {
  bool seen = false;
  gp_status status = tweak_nonce(watermark, lane, row, nonce, error);
  if (status == GP_OK) {
    status = check_session(watermark, row->session, nonce, &seen, error);
  }
  if (status == GP_OK && !seen) {
    memcpy(prepared->nonce, nonce, GP_NONCE_SIZE);
    prepared->delta = row->has_delta ? row->delta + 0.0F /* no -0.0 */ : watermark->boost->delta;
    prepared->biased = 1;
  }
  return status;
}

gp_status gp_prepare_checked(const gp_watermark *watermark, gp_prf_lane *lane,
                             gp_thread_pool *pool, const gp_row *rows, size_t n_rows,
                             gp_prepared_row *prepared, gp_error *error) {
  const size_t width = watermark->prf.params.context_width;
  const uint32_t *windows[GP_PRF_BATCH];
  const uint64_t *tenants[GP_PRF_BATCH];
  uint8_t nonces[GP_PRF_BATCH][GP_BLOCK_SIZE];
  memset(prepared, 0, n_rows * sizeof *prepared);
  size_t count = 0;
  for (size_t i = 0; i < n_rows; i++) {
    if (has_context(watermark, &rows[i])) {
      tenants[count] = rows[i].has_tenant ? &rows[i].tenant : NULL;
      windows[count++] = width == 0 ? NULL : rows[i].tokens + (rows[i].n_tokens - width);
    }
  }
  if (count == 0) {
    return GP_OK;
  }
  gp_status status =
      gp_prf_nonces_apart(&watermark->prf, lane, windows, tenants, count, pool, nonces, error);
  size_t taken = 0;
  for (size_t i = 0; i < n_rows && status == GP_OK; i++) {
    if (has_context(watermark, &rows[i])) {
      status = prepare(watermark, lane, &rows[i], nonces[taken++], &prepared[i], error);
    }
  }
  return status;
}

gp_status gp_prepare_rows(const gp_watermark *watermark, const gp_row *rows, size_t n_rows,
                          gp_prepared_row *prepared, gp_error *error) {
  if (watermark == NULL || (n_rows > 0 && (rows == NULL || prepared == NULL))) {
    return gp_fail_null(error, __func__,
                        watermark == NULL ? "watermark" : (rows == NULL ? "rows" : "prepared"));
  }
  gp_status status = gp_check_rows(rows, n_rows, error);
  if (status != GP_OK || n_rows == 0) {
    return status;
  }
  gp_pool_ticket ticket;
  status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t done = 0; done < n_rows && status == GP_OK; done += GP_PRF_BATCH) {
    const size_t now = n_rows - done < GP_PRF_BATCH ? n_rows - done : GP_PRF_BATCH;
    status = gp_prepare_checked(watermark, ticket.lane, NULL, rows + done, now, prepared + done,
                                error);
  }
  gp_pool_give_back(&ticket);
  return status;
}

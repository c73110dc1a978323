/* Which contexts were marked in one sequence. */
#include "embed/session.h"

#include <stdlib.h>

#include "common/error.h"
#include "embed/watermark.h"

gp_status gp_session_new(size_t expected_tokens, gp_session **session, gp_error *error) {
  if (session == NULL) {
    return gp_fail_null(error, __func__, "session");
  }
  gp_session *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "session");
  }
  const gp_status status = gp_idset_reserve(&made->nonces, expected_tokens, error);
  if (status != GP_OK) {
    free(made);
    return status;
  }
  *session = made;
  return GP_OK;
}

void gp_session_free(gp_session *session) {
  if (session == NULL) {
    return;
  }
  gp_idset_release(&session->nonces);
  free(session);
}

void gp_session_reset(gp_session *session) {
  if (session != NULL) {
    gp_idset_clear(&session->nonces);
  }
}

gp_status gp_session_see(const gp_watermark *watermark, gp_session *session,
                         const uint32_t *tokens, size_t count, gp_error *error) {
  if (count == 0 || watermark->prf.params.seeding == GP_SEEDING_FIXED) {
    return GP_OK;
  }
  gp_pool_ticket ticket;
  gp_status status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t done = 0; done < count && status == GP_OK;) {
    uint8_t nonces[GP_PRF_BATCH][GP_BLOCK_SIZE];
    uint8_t is_new[GP_PRF_BATCH];
    const size_t n = count - done < GP_PRF_BATCH ? count - done : GP_PRF_BATCH;
    status = gp_prf_nonces(&watermark->prf, ticket.lane, tokens + done, n, nonces, error);
    if (status == GP_OK) {
      status = gp_idset_reserve(&session->nonces, n, error);
    }
    if (status == GP_OK) {
      gp_idset_insert_all(&session->nonces, (const uint8_t(*)[GP_BLOCK_SIZE])nonces, n, is_new);
    }
    done += n;
  }
  gp_pool_give_back(&ticket);
  return status;
}

/* Which contexts were marked in one sequence. */
#include "embed/session.h"

#include <stdlib.h>

#include "common/error.h"

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

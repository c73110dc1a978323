/* The inside of a gp_session. */
#ifndef GP_EMBED_SESSION_H
#define GP_EMBED_SESSION_H

#include "common/idset.h"

struct gp_session {
  gp_idset nonces; /* of the contexts that were marked, zero-padded to ids */
};

/* Lets a session see the contexts of `count` overlapping windows, window i being tokens[i] to
 * tokens[i + h - 1], as if their positions had been marked. Errors: GP_ERR_MEMORY,
 * GP_ERR_CRYPTO. */
gp_status gp_session_see(const gp_watermark *watermark, gp_session *session,
                         const uint32_t *tokens, size_t count, gp_error *error);

#endif

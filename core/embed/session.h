/* The inside of a gp_session. */
#ifndef GP_EMBED_SESSION_H
#define GP_EMBED_SESSION_H

#include "common/idset.h"

struct gp_session {
  gp_idset nonces; /* of the contexts that were marked, zero-padded to ids */
};

#endif

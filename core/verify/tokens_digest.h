/* The digest by which files of weights know a document. */
#ifndef GP_VERIFY_TOKENS_DIGEST_H
#define GP_VERIFY_TOKENS_DIGEST_H

#include "greenprint.h"

/* SHA-256 of the ids as le32. */
gp_status gp_tokens_digest(const uint32_t *tokens, size_t n_tokens, uint8_t sha256[32],
                           gp_error *error);

#endif

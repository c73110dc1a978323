/* A growing array of token ids. */
#ifndef GP_IO_TOKENS_H
#define GP_IO_TOKENS_H

#include "greenprint.h"

typedef struct gp_tokens {
  uint32_t *ids; /* never NULL once gp_tokens_new() succeeded */
  size_t count;
  size_t capacity;
} gp_tokens;

gp_status gp_tokens_new(gp_tokens *tokens, gp_error *reason);
void gp_tokens_release(gp_tokens *tokens);

/* Makes room for `capacity` ids in all. */
gp_status gp_tokens_reserve(gp_tokens *tokens, size_t capacity, gp_error *reason);

static inline gp_status gp_tokens_push(gp_tokens *tokens, uint32_t id, gp_error *reason) {
  if (tokens->count == tokens->capacity) {
    const gp_status status = gp_tokens_reserve(tokens, tokens->count + 1, reason);
    if (status != GP_OK) {
      return status;
    }
  }
  tokens->ids[tokens->count++] = id;
  return GP_OK;
}

#endif

#include "io/tokens.h"

#include "common/error.h"

#include <stdlib.h>

#define INITIAL_CAPACITY 1024U

gp_status gp_tokens_new(gp_tokens *tokens, gp_error *reason) {
  uint32_t *ids = malloc(INITIAL_CAPACITY * sizeof *ids);
  if (ids == NULL) {
    return gp_fail_memory(reason, "a token buffer");
  }
  *tokens = (gp_tokens){.ids = ids, .capacity = INITIAL_CAPACITY};
  return GP_OK;
}

void gp_tokens_release(gp_tokens *tokens) {
  free(tokens->ids);
  *tokens = (gp_tokens){0};
}

gp_status gp_tokens_reserve(gp_tokens *tokens, size_t capacity, gp_error *reason) {
  if (capacity <= tokens->capacity) {
    return GP_OK;
  }
  size_t wanted = tokens->capacity;
  while (wanted < capacity && wanted <= SIZE_MAX / 2 / sizeof *tokens->ids) {
    wanted *= 2;
  }
  uint32_t *grown =
      wanted >= capacity ? realloc(tokens->ids, wanted * sizeof *tokens->ids) : NULL;
  if (grown == NULL) {
    return gp_fail_memory(reason, "the document has too many tokens");
  }
  tokens->ids = grown;
  tokens->capacity = wanted;
  return GP_OK;
}

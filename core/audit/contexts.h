/* Sets of contexts, each a fingerprint of 64 bits (SPEC.md section 16). */
#ifndef GP_AUDIT_CONTEXTS_H
#define GP_AUDIT_CONTEXTS_H

#include "greenprint.h"

struct gp_contexts {
  gp_contexts_info info;
  uint64_t
      *fingerprints; /* info.contexts of them, strictly ascending; NULL where there are none */
};

/* The fingerprint of the window tokens[0] to tokens[width - 1]; width is 1 to
 * GP_CONTEXT_WIDTH_MAX. */
uint64_t gp_context_fingerprint(const uint32_t *tokens, uint32_t width);

/* gp_contexts_builder_new() with a buffer of at most `buffer_max` contexts, at least 1. */
gp_status gp_contexts_builder_make(uint32_t context_width, size_t buffer_max,
                                   gp_contexts_builder **builder, gp_error *error);

/* Writes a set as a file that must not exist yet. */
gp_status gp_contexts_write(const gp_contexts *contexts, const char *path, gp_error *error);

#endif

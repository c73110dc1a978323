/* What the function of a provable key is evaluated at (SPEC.md section 18). */
#ifndef GP_VRF_INPUT_H
#define GP_VRF_INPUT_H

#include "common/bytes.h"
#include "greenprint.h"

#define GP_CONTEXT_INPUT_MAX (1 + 8 + 4 * GP_CONTEXT_WIDTH_MAX)

/* The input of a context of `count` ids, for a tenant or (NULL) without one; returns its size. */
static inline size_t gp_context_input(const uint64_t *tenant, const uint32_t *ids, size_t count,
                                      uint8_t input[GP_CONTEXT_INPUT_MAX]) {
  size_t size = 1;
  input[0] = tenant != NULL;
  if (tenant != NULL) {
    gp_store_le64(input + size, *tenant);
    size += 8;
  }
  for (size_t i = 0; i < count; i++, size += 4) {
    gp_store_le32(input + size, ids[i]);
  }
  return size;
}

#endif

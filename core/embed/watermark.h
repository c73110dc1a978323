/* The inside of a gp_watermark. */
#ifndef GP_EMBED_WATERMARK_H
#define GP_EMBED_WATERMARK_H

#include "embed/kernel.h"
#include "prf/pool.h"

struct gp_watermark {
  gp_prf prf;
  gp_pool *lanes; /* scratch behind the immutable face */
  const gp_kernels *kernels;
  gp_boost *boost;
  uint32_t *never_biased; /* ascending */
  size_t n_never_biased;
};

/* The index in the never-biased list of its first token that is not below `token`. */
size_t gp_first_spared(const gp_watermark *watermark, size_t token);

gp_status gp_check_delta(float delta, gp_error *error);

/* Token ids are 32 bits wide. */
gp_status gp_check_vocabulary(size_t vocabulary, gp_error *error);

/* Mask bytes made at a time, at most. */
#define GP_MASK_BYTES 2048

/* What is done with each stretch of a mask, spared: tokens first .. first+count-1. */
typedef void gp_stretch_visitor(void *state, const uint8_t *mask, size_t first, size_t count);

/* The masks of the tokens from `first`, a multiple of GP_GROUP_TOKENS, to end - 1, stretch by
 * stretch. */
gp_status gp_for_each_stretch(const gp_watermark *watermark, gp_prf_lane *lane,
                              const uint8_t nonce[GP_NONCE_SIZE], size_t first, size_t end,
                              gp_stretch_visitor *visit, void *state, gp_error *error);

#endif

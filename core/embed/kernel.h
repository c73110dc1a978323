/* The innermost loop: adding delta to the green logits of a stretch of a row. */
#ifndef GP_EMBED_KERNEL_H
#define GP_EMBED_KERNEL_H

#include "greenprint.h"

/* What four mask bits add to four logits: delta where a bit is 1, else -0.0. */
typedef struct gp_boost {
  float nibble[16][4];
} gp_boost;

gp_boost gp_boost_make(float delta);

/* Adds delta to logits[i] for each i < count whose bit i % 8 of mask[i / 8] is 1. Bits from
 * `count` on are ignored. `logits` holds elements of the kernel's format. */
typedef void gp_kernel(const gp_boost *boost, const uint8_t *mask, size_t count, void *logits);

gp_kernel gp_bias_float32_portable;
gp_kernel gp_bias_float16_portable;
gp_kernel gp_bias_bfloat16_portable;

#endif

/*
 * The innermost loops: adding delta to the green logits of a stretch of a row.
 *
 * A kernel is given the stretch's mask; a fused kernel makes the mask itself, and weaves the
 * cipher's rounds into the additions, so that AES runs while the row comes from memory.
 * bias_portable.c is the definition; the others give the same bits, faster.
 */
#ifndef GP_EMBED_KERNEL_H
#define GP_EMBED_KERNEL_H

#include "common/cpu.h"
#include "prf/aes.h"

/* What eight mask bits add to eight logits: delta where a bit is 1, else -0.0. */
typedef struct gp_boost {
  _Alignas(32) float addend[256][8];
  float delta;
} gp_boost;

void gp_boost_init(gp_boost *boost, float delta);

/* Adds delta to logits[i] for each i < count whose bit i % 8 of mask[i / 8] is 1. Bits from
 * `count` on are ignored. `logits` holds elements of the kernel's format. */
typedef void gp_kernel(const gp_boost *boost, const uint8_t *mask, size_t count, void *logits);

/* The green list of one nonce. */
typedef struct gp_green_list {
  const gp_aes *aes; /* under K_mask */
  const uint8_t *nonce;
  uint32_t k; /* gamma = g / 2^k */
  uint32_t g;
} gp_green_list;

/* The same for tokens `first` = `GP_GROUP_TOKENS * group` to `first + count - 1` of a green list;
 * `logits` is where the first of them stands. `far`: the logits are likely to come from memory;
 * it then pays to ask for them ahead, which in the caches costs more than it gains. */
typedef void gp_fused_kernel(const gp_boost *boost, const gp_green_list *list, size_t group,
                             size_t count, bool far, void *logits);

/* Kernels for one format. `fused` is NULL where there is none. */
typedef struct gp_format_kernels {
  gp_kernel *masked;
  gp_fused_kernel *fused;
} gp_format_kernels;

/* Kernels of an instruction set. */
typedef struct gp_kernels {
  gp_format_kernels float32;
  gp_format_kernels float16;
  gp_format_kernels bfloat16;
} gp_kernels;

extern const gp_kernels gp_kernels_portable;
#if GP_X86
extern const gp_kernels gp_kernels_avx2;
extern const gp_kernels gp_kernels_avx2_no_f16c;
extern const gp_kernels gp_kernels_avx512;
extern const gp_kernels gp_kernels_vaes;
#endif
#if GP_ARM
extern const gp_kernels gp_kernels_neon;
extern const gp_kernels gp_kernels_neon_no_aes;
#endif

/* Those for an instruction set, on this processor. */
const gp_kernels *gp_kernels_for(gp_cpu cpu);

/* For the last few elements of vector kernels. */
gp_kernel gp_bias_float32_portable;
gp_kernel gp_bias_float16_portable;
gp_kernel gp_bias_bfloat16_portable;

#endif

/*
 * Kernels that have the cipher's rounds woven into what is done before and after them: where
 * they are, nothing is written down in between and no call of OpenSSL is paid for. The portable
 * code around OpenSSL (context.c, mask.c, count_tenants.c) is the definition, and does the work
 * where they are not.
 */
#ifndef GP_PRF_KERNELS_H
#define GP_PRF_KERNELS_H

#include "common/cpu.h"
#include "prf/aes.h"

typedef struct gp_prf_kernels {
  /* pairs[i] becomes the CBC-MAC of the `width` ids from tokens[i] on, XORed with the tweak, and
   * behind[i]. Nothing is read beyond the last window. */
  void (*make_pairs)(const gp_aes *context, const uint32_t *tokens, size_t width, size_t count,
                     const uint8_t tweak[GP_BLOCK_SIZE], const uint32_t *behind,
                     uint8_t (*pairs)[GP_BLOCK_SIZE]);
  /* The colours of pairs, 0 or 1, for gamma = g / 2^k in lowest terms. */
  void (*colour)(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                 uint32_t k, uint32_t g, uint8_t *green);
  /* Adds to green[i] how many of the pairs, made without a tenant, are green under tweaks[i]. */
  void (*count_tenants)(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                        uint32_t k, uint32_t g, const uint8_t (*tweaks)[GP_BLOCK_SIZE],
                        size_t n_tenants, uint64_t *green);
} gp_prf_kernels;

/* Those for an instruction set, or NULL. */
const gp_prf_kernels *gp_prf_kernels_for(gp_cpu cpu);

#if GP_X86
void gp_make_pairs_aesni(const gp_aes *context, const uint32_t *tokens, size_t width,
                         size_t count, const uint8_t tweak[GP_BLOCK_SIZE], const uint32_t *behind,
                         uint8_t (*pairs)[GP_BLOCK_SIZE]);
void gp_colour_aesni(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                     uint32_t k, uint32_t g, uint8_t *green);
void gp_count_tenants_aesni(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                            size_t count, uint32_t k, uint32_t g,
                            const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                            uint64_t *green);
void gp_make_pairs_vaes(const gp_aes *context, const uint32_t *tokens, size_t width, size_t count,
                        const uint8_t tweak[GP_BLOCK_SIZE], const uint32_t *behind,
                        uint8_t (*pairs)[GP_BLOCK_SIZE]);
void gp_colour_vaes(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                    uint32_t k, uint32_t g, uint8_t *green);
void gp_count_tenants_vaes(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                           size_t count, uint32_t k, uint32_t g,
                           const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                           uint64_t *green);
#endif

#endif

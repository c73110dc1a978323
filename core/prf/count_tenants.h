/* Kernels that count the green pairs of many tenants in one go. */
#ifndef GP_PRF_COUNT_TENANTS_H
#define GP_PRF_COUNT_TENANTS_H

#include "prf/prf.h"

#if GP_X86
/* Adds to green[i] how many of `count` pairs, made without a tenant, are green under tweaks[i]:
 * the work of gp_prf_count_tenants(), with AES-NI. */
void gp_count_tenants_aesni(const gp_aes *aes, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                            size_t count, uint32_t k, uint32_t g,
                            const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                            uint64_t *green);
#endif

#endif

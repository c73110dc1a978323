#include "prf/kernels.h"

#include <stddef.h>

#if GP_X86
static const gp_prf_kernels aesni = {gp_make_pairs_aesni, gp_colour_aesni,
                                     gp_count_tenants_aesni};
static const gp_prf_kernels vaes = {gp_make_pairs_vaes, gp_colour_vaes, gp_count_tenants_vaes};
#endif

const gp_prf_kernels *gp_prf_kernels_for(gp_cpu cpu) {
#if GP_X86
  if (cpu == GP_CPU_AVX2 || cpu == GP_CPU_AVX512) { /* nothing in them needs AVX-512 */
    return &aesni;
  }
  if (cpu == GP_CPU_VAES) {
    return &vaes;
  }
#endif
  (void)cpu;
  return NULL;
}

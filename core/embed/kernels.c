#include "embed/kernel.h"

const gp_kernels *gp_kernels_for(gp_cpu cpu) {
  switch (cpu) {
#if GP_X86
  case GP_CPU_AVX2:
    return gp_cpu_has_f16c() ? &gp_kernels_avx2 : &gp_kernels_avx2_no_f16c;
  case GP_CPU_AVX512:
    return &gp_kernels_avx512;
  case GP_CPU_VAES:
    return &gp_kernels_vaes;
#endif
#if GP_ARM
  case GP_CPU_NEON:
    return gp_cpu_has_arm_aes() ? &gp_kernels_neon : &gp_kernels_neon_no_aes;
#endif
  default:
    return &gp_kernels_portable;
  }
}

#include "prf/pair_steps.h"

const gp_pair_steps *gp_pair_steps_for(gp_cpu cpu) {
#if GP_X86
  if (cpu == GP_CPU_AVX2 || cpu == GP_CPU_AVX512) { /* wider vectors gain nothing here */
    return &gp_pair_steps_avx2;
  }
#endif
  (void)cpu;
  return &gp_pair_steps_portable;
}

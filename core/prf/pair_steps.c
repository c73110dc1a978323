#include "prf/pair_steps.h"

const gp_pair_steps *gp_pair_steps_get(void) {
#if GP_HAVE_AVX2
  if (__builtin_cpu_supports("avx2")) {
    return &gp_pair_steps_avx2;
  }
#endif
  return &gp_pair_steps_portable;
}

/* Which instruction set the kernels use. */
#ifndef GP_COMMON_CPU_H
#define GP_COMMON_CPU_H

#include "greenprint.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define GP_X86 1
#else
#define GP_X86 0
#endif

#if defined(__AARCH64EL__) && defined(__GNUC__) /* little-endian, as the masks are */
#define GP_ARM 1
#else
#define GP_ARM 0
#endif

typedef enum gp_cpu {
  GP_CPU_PORTABLE,
  GP_CPU_AVX2,   /* and AES-NI */
  GP_CPU_AVX512, /* F, BW, DQ, VL; and AES-NI */
  GP_CPU_VAES,   /* those, and VAES */
  GP_CPU_NEON,
  GP_CPU_COUNT
} gp_cpu;

/* Whether this processor, and this build of the library, has it. */
bool gp_cpu_has(gp_cpu cpu);

/* Conversions between float16 and float32, on top of AVX2. */
bool gp_cpu_has_f16c(void);

/* The AES instructions of ARMv8, on top of NEON. */
bool gp_cpu_has_arm_aes(void);

/* The best one, or the one that the environment's GREENPRINT_CPU names. Fails where that is
 * none, or one that is not there. */
gp_status gp_cpu_choose(gp_cpu *cpu, gp_error *error);

#endif

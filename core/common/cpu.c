#include "common/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"

#if GP_X86
#include <cpuid.h>
#endif
#if GP_ARM && defined(__linux__)
#include <sys/auxv.h>
#define GP_HWCAP_AES (1UL << 3) /* HWCAP_AES of Linux on 64-bit ARM */
#endif

static const char *const names[GP_CPU_COUNT] = {
    [GP_CPU_PORTABLE] = "portable", [GP_CPU_AVX2] = "avx2", [GP_CPU_AVX512] = "avx512",
    [GP_CPU_VAES] = "vaes",         [GP_CPU_NEON] = "neon",
};

#if GP_X86
/* Not every compiler's __builtin_cpu_supports knows it. AVX-512 vouches for the registers. */
static bool has_vaes(void) {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_VAES) != 0;
}
#endif

bool gp_cpu_has(gp_cpu cpu) {
  switch (cpu) {
  case GP_CPU_PORTABLE:
    return true;
#if GP_X86
  case GP_CPU_AVX2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes");
  case GP_CPU_AVX512:
    return gp_cpu_has(GP_CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  case GP_CPU_VAES:
    return gp_cpu_has(GP_CPU_AVX512) && has_vaes();
#endif
#if GP_ARM
  case GP_CPU_NEON:
    return true;
#endif
  default:
    return false;
  }
}

bool gp_cpu_has_f16c(void) {
#if GP_X86
  /* Not every compiler's __builtin_cpu_supports knows it. AVX2 vouches for the registers. */
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
#else
  return false;
#endif
}

bool gp_cpu_has_arm_aes(void) {
#if GP_ARM && defined(__linux__)
  return (getauxval(AT_HWCAP) & GP_HWCAP_AES) != 0;
#elif GP_ARM && defined(__APPLE__)
  return true;
#else
  return false;
#endif
}

static gp_cpu best(void) {
  static const gp_cpu order[] = {GP_CPU_VAES, GP_CPU_AVX512, GP_CPU_AVX2, GP_CPU_NEON};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    if (gp_cpu_has(order[i])) {
      return order[i];
    }
  }
  return GP_CPU_PORTABLE;
}

gp_status gp_cpu_choose(gp_cpu *cpu, gp_error *error) {
  const char *wanted = getenv("GREENPRINT_CPU"); // NOLINT(concurrency-mt-unsafe)
  if (wanted == NULL || *wanted == '\0') {
    *cpu = best();
    return GP_OK;
  }
  for (gp_cpu i = 0; i < GP_CPU_COUNT; i++) {
    if (strcmp(wanted, names[i]) == 0) {
      if (!gp_cpu_has(i)) {
        return gp_fail(error, GP_ERR_ARGUMENT,
                       "GREENPRINT_CPU: this processor or this build has no %s; unset it",
                       names[i]);
      }
      *cpu = i;
      return GP_OK;
    }
  }
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(error, GP_ERR_ARGUMENT,
                 "GREENPRINT_CPU: must be portable, avx2, avx512, vaes or neon, not %s",
                 gp_quote(quoted, wanted, strlen(wanted)));
}

gp_status gp_cpu_name(const char **name, gp_error *error) {
  if (name == NULL) {
    return gp_fail_null(error, __func__, "name");
  }
  gp_cpu cpu = GP_CPU_PORTABLE;
  const gp_status status = gp_cpu_choose(&cpu, error);
  if (status == GP_OK) {
    *name = names[cpu];
  }
  return status;
}

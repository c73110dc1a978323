/* The portable adders, the choice among all, and the check of one against another. */
#include "constants.h"

#include <stdio.h>
#include <stdlib.h>

#include "measure.h"

/* Not inlined, so that the loop is the whole of what is timed. */

__attribute__((noinline)) static void add_float32(void *row, size_t n, float constant) {
  float *x = row;
  for (size_t i = 0; i < n; i++) {
    x[i] += constant;
  }
}

__attribute__((noinline)) static void add_float16(void *row, size_t n, float constant) {
  uint16_t *x = row;
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_float16(x[i], constant);
  }
}

__attribute__((noinline)) static void add_bfloat16(void *row, size_t n, float constant) {
  uint16_t *x = row;
  for (size_t i = 0; i < n; i++) {
    x[i] = bench_add_bfloat16(x[i], constant);
  }
}

static const bench_adders portable = {"portable", add_float32, add_float16, add_bfloat16};

#if !(defined(__x86_64__) && defined(__GNUC__))
const bench_adders *bench_adders_avx2(void) {
  return NULL;
}
const bench_adders *bench_adders_avx512(void) {
  return NULL;
}
#endif
#ifndef __aarch64__
const bench_adders *bench_adders_neon(void) {
  return NULL;
}
#endif

static const bench_adders *adders_at(size_t i) {
  switch (i) {
  case 0:
    return bench_adders_avx2();
  case 1:
    return bench_adders_avx512();
  case 2:
    return bench_adders_neon();
  default:
    return &portable;
  }
}

static bench_add *of_dtype(const bench_adders *adders, gp_dtype dtype) {
  return dtype == GP_FLOAT32   ? adders->float32
         : dtype == GP_FLOAT16 ? adders->float16
                               : adders->bfloat16;
}

bench_add *bench_adder(const char *set, gp_dtype dtype) {
  if (strcmp(set, "vaes") == 0) { /* nothing in it makes additions faster */
    set = "avx512";
  }
  for (size_t i = 0; i < 4; i++) {
    const bench_adders *adders = adders_at(i);
    if (adders != NULL && strcmp(adders->set, set) == 0) {
      return of_dtype(adders, dtype);
    }
  }
  bench_fail(set, "there is no adder of a constant for this instruction set");
}

/* ------------------------------------------------------------------- check */

#define CHECKED 65543 /* every 16-bit number, and no multiple of a vector */

static void check_adder(const bench_adders *adders, gp_dtype dtype, float constant) {
  static _Alignas(64) uint32_t expected[CHECKED];
  static _Alignas(64) uint32_t found[CHECKED];
  uint64_t state = 1;
  for (size_t i = 0; i < CHECKED; i++) {
    const uint32_t bits = (uint32_t)bench_random(&state);
    if (dtype == GP_FLOAT32) {
      expected[i] = (bits & 0x7F800000U) == 0x7F800000U ? 0 : bits; /* NaN: any of them will do */
    } else {
      ((uint16_t *)expected)[i] = (uint16_t)i;
    }
  }
  memcpy(found, expected, sizeof found);
  of_dtype(&portable, dtype)(expected, CHECKED, constant);
  of_dtype(adders, dtype)(found, CHECKED, constant);
  if (dtype == GP_FLOAT16) { /* processors keep what a NaN carries */
    for (size_t i = 0; i < CHECKED; i++) {
      uint16_t *x = (uint16_t *)found + i;
      *x = (*x & 0x7FFFU) > 0x7C00U ? ((uint16_t *)expected)[i] : *x;
    }
  }
  if (memcmp(found, expected, sizeof found) != 0) {
    bench_fail(adders->set, "adding a constant gives other bits than the portable code");
  }
}

void bench_check_adders(void) {
  for (size_t i = 0; i < 3; i++) {
    const bench_adders *adders = adders_at(i);
    for (int dtype = GP_FLOAT32; adders != NULL && dtype <= GP_BFLOAT16; dtype++) {
      check_adder(adders, (gp_dtype)dtype, -0.5F);
      check_adder(adders, (gp_dtype)dtype, 3.14159F);
    }
  }
}

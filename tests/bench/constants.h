/*
 * Adding a constant to a row: what marking is measured against. One for each instruction set and
 * number format, as plain as it can be and still use that set's vectors. All give the same bits
 * for the same row: 16-bit formats are widened to float32 and rounded to nearest, ties to even,
 * and NaN stays NaN.
 */
#ifndef BENCH_CONSTANTS_H
#define BENCH_CONSTANTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "greenprint.h"

typedef void bench_add(void *row, size_t n, float constant);

/* For "portable", "avx2", "avx512", "vaes", which is that of AVX-512, or "neon"; ends the program
 * where this build or this processor has no such thing. */
bench_add *bench_adder(const char *set, gp_dtype dtype);

/* Compares the results of all that this processor can run with the portable ones. */
void bench_check_adders(void);

typedef struct bench_adders {
  const char *set;
  bench_add *float32;
  bench_add *float16;
  bench_add *bfloat16;
} bench_adders;

/* One set's; NULL where there is none. constants_x86.c, constants_neon.c */
const bench_adders *bench_adders_avx2(void);
const bench_adders *bench_adders_avx512(void);
const bench_adders *bench_adders_neon(void);

/* One element, for what vectors leave over. */

static inline float bench_float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t bench_bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline uint16_t bench_add_bfloat16(uint16_t x, float constant) {
  const uint32_t bits = bench_bits_of(bench_float_of((uint32_t)x << 16) + constant);
  const uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  const uint32_t is_nan = 0U - (uint32_t)((bits & 0x7FFFFFFFU) > 0x7F800000U);
  return (uint16_t)((rounded & ~is_nan) | ((bits >> 16 | 0x40U) & is_nan));
}

static inline float bench_float16_widen(uint16_t half) {
  const uint32_t magnitude = half & 0x7FFFU;
  const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
  /* 2^112 moves the exponent to float32's bias, subnormal numbers included. */
  const float scaled = bench_float_of(magnitude << 13) * 0x1p112F;
  const uint32_t special = 0U - (uint32_t)(magnitude >= 0x7C00U); /* infinity, NaN */
  return bench_float_of(bench_bits_of(scaled) | (special & 0x7F800000U) | sign);
}

static inline uint16_t bench_float16_round(float x) {
  const uint32_t bits = bench_bits_of(x);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  const uint32_t is_small = 0U - (uint32_t)(magnitude < 0x38800000U); /* below 2^-14 */
  /* 0.5 lets the float addition round at 2^-24, the step of subnormal numbers. */
  const uint32_t small = bench_bits_of(bench_float_of(magnitude & is_small) + 0.5F) - 0x3F000000U;
  const uint32_t normal = (magnitude - 0x38000000U + 0xFFFU + (magnitude >> 13 & 1U)) >> 13;
  const uint32_t is_large = 0U - (uint32_t)(magnitude >= 0x477FF000U); /* from 65520 on */
  const uint32_t large = 0x7C00U | (0x200U & (0U - (uint32_t)(magnitude > 0x7F800000U)));
  const uint32_t finite = (small & is_small) | (normal & ~is_small);
  return (uint16_t)((bits >> 16 & 0x8000U) | (finite & ~is_large) | (large & is_large));
}

static inline uint16_t bench_add_float16(uint16_t x, float constant) {
  return bench_float16_round(bench_float16_widen(x) + constant);
}

#endif

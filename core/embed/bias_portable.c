/*
 * The kernels in plain C; they are the definition (SPEC.md section 6).
 *
 * float32: four mask bits pick a vector of four addends, delta or -0.0, and the row gets
 * one addition an element, without a branch. The neutral element of addition is -0.0, not
 * 0.0: x + -0.0 is x for every x, while -0.0 + 0.0 is 0.0 and would change a red token.
 *
 * float16, bfloat16: widened to float32, added, rounded to nearest, ties to even.
 */
#include <math.h>
#include <string.h>

#include "embed/kernel.h"

gp_boost gp_boost_make(float delta) {
  gp_boost boost = {.delta = delta};
  for (unsigned bits = 0; bits < 16; bits++) {
    for (unsigned i = 0; i < 4; i++) {
      boost.nibble[bits][i] = (bits >> i & 1U) != 0 ? delta : -0.0F;
    }
  }
  return boost;
}

static bool is_green(const uint8_t *mask, size_t i) {
  return ((unsigned)mask[i / 8] >> i % 8 & 1U) != 0;
}

static void add4(float *logits, const float *addends) {
  for (size_t i = 0; i < 4; i++) {
    logits[i] += addends[i];
  }
}

void gp_bias_float32_portable(const gp_boost *boost, const uint8_t *mask, size_t count,
                              void *logits) {
  float *row = logits;
  const size_t whole = count / 8;
  for (size_t j = 0; j < whole; j++) {
    add4(row + 8 * j, boost->nibble[mask[j] & 15U]);
    add4(row + 8 * j + 4, boost->nibble[mask[j] >> 4]);
  }
  for (size_t i = 8 * whole; i < count; i++) {
    if (is_green(mask, i)) {
      row[i] += boost->delta;
    }
  }
}

static uint32_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static float bfloat16_to_float(uint16_t half) {
  return bits_float((uint32_t)half << 16);
}

static uint16_t float_to_bfloat16(float x) {
  const uint32_t bits = float_bits(x);
  if (isnan(x)) {
    return (uint16_t)(bits >> 16 | 0x40U); /* quiet, and never mistaken for an infinity */
  }
  return (uint16_t)((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

/* Every finite binary16 is an integer below 2^11 times a power of two. */
static float float16_to_float(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
  const uint32_t magnitude = half & 0x7FFFU;
  if (magnitude >= 0x7C00U) { /* infinities and NaN */
    return bits_float(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13);
  }
  if (magnitude < 0x400U) { /* zero and subnormal: magnitude * 2^-24 */
    return bits_float(sign | float_bits((float)magnitude * 0x1p-24F));
  }
  return bits_float(sign | ((magnitude << 13) + (112U << 23)));
}

static uint16_t float_to_float16(float x) {
  const uint32_t bits = float_bits(x);
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    return (uint16_t)(sign | 0x7E00U);
  }
  if (magnitude >= 0x477FF000U) { /* 65520 and more round to infinity */
    return (uint16_t)(sign | 0x7C00U);
  }
  if (magnitude < 0x38800000U) { /* below 2^-14: let float addition round at 2^-24 */
    const float shifted = bits_float(magnitude) + 0x1p-1F;
    return (uint16_t)(sign | (float_bits(shifted) - float_bits(0x1p-1F)));
  }
  const uint32_t rounded = magnitude + 0xFFFU + (magnitude >> 13 & 1U);
  return (uint16_t)(sign | (rounded - (112U << 23)) >> 13);
}

void gp_bias_float16_portable(const gp_boost *boost, const uint8_t *mask, size_t count,
                              void *logits) {
  uint16_t *row = logits;
  for (size_t i = 0; i < count; i++) {
    if (is_green(mask, i)) {
      row[i] = float_to_float16(float16_to_float(row[i]) + boost->delta);
    }
  }
}

void gp_bias_bfloat16_portable(const gp_boost *boost, const uint8_t *mask, size_t count,
                               void *logits) {
  uint16_t *row = logits;
  for (size_t i = 0; i < count; i++) {
    const uint16_t boosted = float_to_bfloat16(bfloat16_to_float(row[i]) + boost->delta);
    row[i] = is_green(mask, i) ? boosted : row[i];
  }
}

/*
 * The kernels in plain C; they are the definition (SPEC.md section 6).
 *
 * float32: eight mask bits pick a vector of eight addends, delta or -0.0, and the row gets
 * one addition an element, without a branch. The neutral element of addition is -0.0, not
 * 0.0: x + -0.0 is x for every x, while -0.0 + 0.0 is 0.0 and would change a red token.
 *
 * float16, bfloat16: widened to float32, the same addends, rounded to nearest, ties to even.
 *
 * All work through small local arrays and without branches: that is what lets a compiler
 * make vector instructions of them.
 */
#include <string.h>

#include "embed/kernel.h"

void gp_boost_init(gp_boost *boost, float delta) {
  boost->delta = delta;
  for (size_t i = 0; i < 8; i++) {
    boost->addend[0][i] = -0.0F;
  }
  for (size_t i = 0; i < 8; i++) { /* what is there, once more with bit i */
    const size_t there = (size_t)1 << i;
    memcpy(boost->addend[there], boost->addend[0], there * sizeof boost->addend[0]);
    for (size_t bits = there; bits < 2 * there; bits++) {
      boost->addend[bits][i] = delta;
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

/* a if the condition holds, else b, without a branch. */
static uint32_t pick(bool condition, uint32_t a, uint32_t b) {
  const uint32_t ones = 0U - (uint32_t)condition;
  return (a & ones) | (b & ~ones);
}

/* ------------------------------------------------------------------ float32 */

void gp_bias_float32_portable(const gp_boost *boost, const uint8_t *mask, size_t count,
                              void *logits) {
  float *row = logits;
  for (; count >= 8; count -= 8, row += 8, mask++) {
    float sum[8];
    for (size_t i = 0; i < 8; i++) {
      sum[i] = row[i] + boost->addend[*mask][i];
    }
    memcpy(row, sum, sizeof sum);
  }
  for (size_t i = 0; i < count; i++) {
    row[i] += boost->addend[*mask][i];
  }
}

/* ----------------------------------------------------------------- bfloat16 */

static uint32_t bfloat16_widen(uint32_t half) {
  return half << 16;
}

static uint32_t bfloat16_round(uint32_t bits) {
  const uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  const uint32_t quiet = bits >> 16 | 0x40U; /* never mistaken for an infinity */
  return pick((bits & 0x7FFFFFFFU) > 0x7F800000U, quiet, rounded);
}

/* ------------------------------------------------------------------ float16 */

static uint32_t float16_widen(uint32_t half) {
  const uint32_t sign = (half & 0x8000U) << 16;
  const uint32_t magnitude = half & 0x7FFFU;
  const uint32_t subnormal = float_bits((float)(int32_t)magnitude * 0x1p-24F); /* and zero */
  const uint32_t normal = (magnitude << 13) + (112U << 23);
  const uint32_t special = 0x7F800000U | magnitude << 13; /* infinities and NaN */
  const uint32_t finite = pick(magnitude < 0x400U, subnormal, normal);
  return sign | pick(magnitude >= 0x7C00U, special, finite);
}

static uint32_t float16_round(uint32_t bits) {
  const uint32_t sign = bits >> 16 & 0x8000U;
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  /* Adding 0.5 lets the float addition round at 2^-24, the step of subnormals. */
  const uint32_t small = pick(magnitude < 0x38800000U, magnitude, 0U);
  const uint32_t subnormal = float_bits(bits_float(small) + 0.5F) - float_bits(0.5F);
  const uint32_t normal = (magnitude + 0xFFFU + (magnitude >> 13 & 1U) - (112U << 23)) >> 13;
  const uint32_t finite = pick(magnitude < 0x38800000U, subnormal, normal);
  const uint32_t nan = 0x7E00U | (magnitude >> 13 & 0x1FFU);
  const uint32_t special = pick(magnitude > 0x7F800000U, nan, 0x7C00U);
  return sign | pick(magnitude >= 0x477FF000U, special, finite); /* from 65520 on: infinity */
}

/* ------------------------------------------------------- both 16-bit formats */

#define STRETCH 64 /* elements converted in one loop */

typedef uint32_t convert(uint32_t bits);

/* Inlined into the two kernels, so that widen and round are no calls. A red element is
 * widened, gets -0.0, and is rounded back to what it was. */
static inline void bias64(const gp_boost *boost, const uint8_t *mask, uint16_t *logits,
                          convert *widen, convert *round) {
  float addend[STRETCH];
  for (size_t j = 0; j < STRETCH / 8; j++) {
    memcpy(addend + 8 * j, boost->addend[mask[j]], sizeof boost->addend[0]);
  }
  uint16_t out[STRETCH];
  for (size_t i = 0; i < STRETCH; i++) {
    const float sum = bits_float(widen(logits[i])) + addend[i];
    out[i] = (uint16_t)round(float_bits(sum));
  }
  memcpy(logits, out, sizeof out);
}

static inline void bias16(const gp_boost *boost, const uint8_t *mask, size_t count, uint16_t *row,
                          convert *widen, convert *round) {
  for (; count >= STRETCH; count -= STRETCH, row += STRETCH, mask += STRETCH / 8) {
    bias64(boost, mask, row, widen, round);
  }
  if (count > 0) {
    uint8_t rest_mask[STRETCH / 8] = {0};
    uint16_t rest[STRETCH] = {0};
    memcpy(rest_mask, mask, (count + 7) / 8);
    memcpy(rest, row, count * sizeof *rest);
    bias64(boost, rest_mask, rest, widen, round);
    memcpy(row, rest, count * sizeof *rest);
  }
}

void gp_bias_float16_portable(const gp_boost *boost, const uint8_t *mask, size_t count,
                              void *logits) {
  bias16(boost, mask, count, logits, float16_widen, float16_round);
}

void gp_bias_bfloat16_portable(const gp_boost *boost, const uint8_t *mask, size_t count,
                               void *logits) {
  bias16(boost, mask, count, logits, bfloat16_widen, bfloat16_round);
}

const gp_kernels gp_kernels_portable = {
    .float32 = {gp_bias_float32_portable, NULL},
    .float16 = {gp_bias_float16_portable, NULL},
    .bfloat16 = {gp_bias_bfloat16_portable, NULL},
};

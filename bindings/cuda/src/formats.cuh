/*
 * Adding delta in the three number formats (SPEC.md section 6), to a vector of 16 bytes.
 *
 * A green float32 is one addition. float16 and bfloat16 are widened, which is exact, added to in
 * float32, and rounded to nearest, ties to even. Red ones are put back from the original bits, so
 * that no NaN of theirs changes either.
 *
 * The device's conversions are IEEE 754's. Where it has none for a format, and on the CPU in
 * tests, the same is said with integers.
 */
#ifndef GP_CUDA_FORMATS_CUH
#define GP_CUDA_FORMATS_CUH

#include <stdint.h>
#include <string.h>

static __device__ __forceinline__ float bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static __device__ __forceinline__ uint32_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static __device__ __forceinline__ uint32_t add_float32(uint32_t bits, float delta) {
  return float_bits(__fadd_rn(bits_float(bits), delta));
}

/* Each of the 16-bit formats: widen one number, round a pair. */
struct bfloat16_format {
  static __device__ __forceinline__ float widen(uint32_t half) {
    return bits_float(half << 16);
  }

  static __device__ __forceinline__ uint32_t round(uint32_t bits) {
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
      return bits >> 16 | 0x40U; /* a NaN must not become an infinity */
    }
    return (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  }

  static __device__ __forceinline__ uint32_t round_pair(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#else
    return round(float_bits(low)) | round(float_bits(high)) << 16;
#endif
  }
};

struct float16_format {
#ifdef __CUDA_ARCH__
  static __device__ __forceinline__ float widen(uint32_t half) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"((uint16_t)half));
    return wide;
  }

  static __device__ __forceinline__ uint32_t round_pair(float low, float high) {
#if __CUDA_ARCH__ >= 800
    uint32_t pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#else
    uint16_t low_half;
    uint16_t high_half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(low_half) : "f"(low));
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(high_half) : "f"(high));
    return low_half | (uint32_t)high_half << 16;
#endif
  }
#else
  static __device__ float widen(uint32_t half) {
    const uint32_t sign = (half & 0x8000U) << 16;
    const uint32_t magnitude = half & 0x7FFFU;
    if (magnitude >= 0x7C00U) { /* infinities and NaN */
      return bits_float(sign | 0x7F800000U | magnitude << 13);
    }
    if (magnitude < 0x400U) { /* a multiple of 2^-24 */
      return bits_float(sign | float_bits((float)magnitude * 0x1p-24F));
    }
    return bits_float(sign | ((magnitude << 13) + (112U << 23)));
  }

  static __device__ uint32_t round(uint32_t bits) {
    const uint32_t sign = bits >> 16 & 0x8000U;
    const uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) {
      return sign | 0x7E00U;
    }
    if (magnitude >= 0x477FF000U) { /* from 65520 on */
      return sign | 0x7C00U;
    }
    if (magnitude < 0x38800000U) { /* adding 0.5 rounds at 2^-24 */
      return sign | (float_bits(bits_float(magnitude) + 0.5F) - float_bits(0.5F));
    }
    return sign | (magnitude + 0xFFFU + (magnitude >> 13 & 1U) - (112U << 23)) >> 13;
  }

  static __device__ uint32_t round_pair(float low, float high) {
    return round(float_bits(low)) | round(float_bits(high)) << 16;
  }
#endif
};

/* Two 16-bit numbers; `bits` 0 and 1 say which of them are green. */
template <typename Format>
static __device__ __forceinline__ uint32_t bias_pair(uint32_t pair, uint32_t bits, float delta) {
  const uint32_t sums = Format::round_pair(__fadd_rn(Format::widen(pair & 0xFFFFU), delta),
                                           __fadd_rn(Format::widen(pair >> 16), delta));
  const uint32_t green = ((bits & 1U) | (bits & 2U) << 15) * 0xFFFFU;
  return (sums & green) | (pair & ~green);
}

/* What the kernels are made with: an element, a vector of them, and adding to the green ones. */
template <typename Format> struct half_logits {
  typedef uint16_t element;

  static __device__ __forceinline__ uint4 bias(uint4 v, uint32_t bits, float delta) {
    return make_uint4(
        bias_pair<Format>(v.x, bits, delta), bias_pair<Format>(v.y, bits >> 2, delta),
        bias_pair<Format>(v.z, bits >> 4, delta), bias_pair<Format>(v.w, bits >> 6, delta));
  }

  static __device__ __forceinline__ uint16_t add(uint16_t x, float delta) {
    return (uint16_t)bias_pair<Format>(x, 1, delta);
  }
};

typedef half_logits<float16_format> float16_logits;
typedef half_logits<bfloat16_format> bfloat16_logits;

struct float32_logits {
  typedef uint32_t element;

  static __device__ __forceinline__ uint4 bias(uint4 v, uint32_t bits, float delta) {
    return make_uint4((bits & 1U) != 0 ? add_float32(v.x, delta) : v.x,
                      (bits & 2U) != 0 ? add_float32(v.y, delta) : v.y,
                      (bits & 4U) != 0 ? add_float32(v.z, delta) : v.z,
                      (bits & 8U) != 0 ? add_float32(v.w, delta) : v.w);
  }

  static __device__ __forceinline__ uint32_t add(uint32_t x, float delta) {
    return add_float32(x, delta);
  }
};

#endif

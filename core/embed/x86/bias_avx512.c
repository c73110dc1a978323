/* Kernels for AVX-512 (F, BW, DQ, VL): a mask bit decides over an addition by itself. */
#include "common/cpu.h"

#if GP_X86

#define GP_TARGET __attribute__((target("avx2,aes,avx512f,avx512bw,avx512dq,avx512vl")))

#define GP_BLOCK_AVX512 1
#include "embed/x86/block_aesni.h"

#include "embed/fused.h"

#include "embed/x86/halves_avx512.h"

GP_TARGET GP_INLINE void bias_float32(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  const __m512 low = _mm512_loadu_ps(logits);
  const __m512 high = _mm512_loadu_ps(logits + 64);
  _mm512_storeu_ps(logits, _mm512_mask_add_ps(low, mask[0], low, delta));
  _mm512_storeu_ps(logits + 64, _mm512_mask_add_ps(high, mask[1], high, delta));
}

GP_TARGET GP_INLINE void bias_float16(gp_addend addend, const uint16_t *mask,
                                      unsigned char *logits) {
  const __m512 delta = _mm512_set1_ps(addend.delta);
  gp_bias_16_float16(delta, mask[0], logits);
  gp_bias_16_float16(delta, mask[1], logits + 32);
}

GP_TARGET GP_INLINE void bias_bfloat16(gp_addend addend, const uint16_t *mask,
                                       unsigned char *logits) {
  const __mmask32 bits = mask[0] | (__mmask32)mask[1] << 16;
  gp_bias_32_bfloat16(_mm512_set1_ps(addend.delta), bits, logits);
}

GP_DEFINE_KERNELS(float32, 4)
GP_DEFINE_KERNELS(float16, 2)
GP_DEFINE_KERNELS(bfloat16, 2)

const gp_kernels gp_kernels_avx512 = {
    .float32 = {masked_float32, fused_float32},
    .float16 = {masked_float16, fused_float16},
    .bfloat16 = {masked_bfloat16, fused_bfloat16},
};

#endif

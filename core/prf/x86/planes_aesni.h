/* What kernels share that compare planes with g. */
#ifndef GP_PRF_X86_PLANES_AESNI_H
#define GP_PRF_X86_PLANES_AESNI_H

#include "prf/x86/aesni.h"

/* gamma = g / 2^k in lowest terms, so g is odd. */
typedef struct gp_planes_rule {
  __m128i zeros[GP_GAMMA_LOG2_DEN_MAX]; /* all ones for each bit of g that is 0, lowest first */
} gp_planes_rule;

GP_AESNI_INLINE gp_planes_rule gp_planes_rule_make(uint32_t k, uint32_t g) {
  gp_planes_rule rule = {0};
  for (uint32_t place = 0; place < k; place++) {
    rule.zeros[place] = _mm_set1_epi32((g >> place & 1U) != 0 ? 0 : -1);
  }
  return rule;
}

/* Pairs that are encrypted together: as many as keep GP_AESNI_FLIGHT blocks in flight, or
 * nearly. */
GP_AESNI_INLINE size_t gp_planes_step(uint32_t k) {
  return GP_AESNI_FLIGHT / k;
}

/* Where the numbers of k planes, the most significant first, are not less than g: as mask.c
 * explains, with everything inverted, which saves inverting the planes. */
GP_AESNI_INLINE __m128i gp_planes_not_less(const gp_planes_rule *rule, const __m128i *planes,
                                           uint32_t k, bool g_is_1) {
  __m128i result = planes[k - 1];
  for (uint32_t place = 1; place < k; place++) {
    const __m128i plane = planes[k - 1 - place];
    const __m128i either = _mm_or_si128(result, plane);
    const __m128i both = _mm_and_si128(result, plane);
    result = g_is_1 ? either : _mm_or_si128(both, _mm_and_si128(either, rule->zeros[place]));
  }
  return result;
}

#endif

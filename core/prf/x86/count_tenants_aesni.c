/*
 * Green pairs of many tenants. The counter blocks of a chunk of pairs are made once; for each
 * tenant his tweak, XORed in along with the first round key, makes them his. The chunk stays in
 * the first-level cache while the tenants go by, and what follows the cipher is as little as can
 * be, so that its instructions find room among those of the rounds.
 */
#include "prf/kernels.h"

#if GP_X86

#include "prf/pair.h"
#include "prf/x86/planes_aesni.h"

/* Blocks of a chunk: for each pair its counter blocks, and one that says where its bit is. */
#define CHUNK 1536

typedef struct chunk {
  uint8_t blocks[CHUNK][GP_BLOCK_SIZE]; /* counters of pair i from i * k on */
  uint8_t (*bits)[GP_BLOCK_SIZE];       /* of pair i: 1 where its colour is */
  size_t count;                         /* pairs, filled up to whole steps */
} chunk;

/* The pairs that fill up the last step have no bit. */
GP_AESNI static void take_pairs(const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint32_t k,
                                chunk *taken) {
  const size_t step = gp_planes_step(k);
  taken->count = (count + step - 1) / step * step;
  taken->bits = taken->blocks + taken->count * k;
  memset(taken->blocks[count * k], 0, (taken->count - count) * k * GP_BLOCK_SIZE);
  memset(taken->bits, 0, taken->count * GP_BLOCK_SIZE);
  for (size_t i = 0; i < count; i++) {
    const uint32_t v = gp_load_le32(pairs[i] + GP_NONCE_SIZE) % GP_GROUP_TOKENS;
    gp_pair_put_counters(pairs[i], k, taken->blocks + i * k, 1);
    taken->bits[i][v / 8] = (uint8_t)(1U << v % 8);
  }
}

/* Halves of blocks in which a pair is green or has no bit at all. */
GP_AESNI_INLINE uint64_t count_halves(const gp_aes *aes, const gp_planes_rule *rule,
                                      const chunk *pairs, const uint8_t *tweak, uint32_t k,
                                      bool g_is_1) {
  const size_t step = gp_planes_step(k);
  const __m128i first = _mm_xor_si128(gp_aesni_load(tweak), gp_aesni_key(aes, 0));
  __m128i halves = _mm_setzero_si128();
  for (size_t i = 0; i < pairs->count; i += step) {
    __m128i x[GP_AESNI_FLIGHT];
    for (size_t j = 0; j < step * k; j++) {
      x[j] = _mm_xor_si128(gp_aesni_load(pairs->blocks[i * k + j]), first);
    }
    gp_aesni_rounds(aes, x, step * k);
    for (size_t j = 0; j < step; j++) {
      const __m128i bit = gp_aesni_load(pairs->bits[i + j]);
      const __m128i red = _mm_and_si128(gp_planes_not_less(rule, x + j * k, k, g_is_1), bit);
      halves = _mm_sub_epi64(halves, _mm_cmpeq_epi64(red, _mm_setzero_si128()));
    }
  }
  return (uint64_t)_mm_cvtsi128_si64(halves) + (uint64_t)_mm_extract_epi64(halves, 1);
}

GP_AESNI_INLINE void count_chunk(const gp_aes *aes, const gp_planes_rule *rule,
                                 const chunk *pairs, size_t count,
                                 const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                                 uint32_t k, bool g_is_1, uint64_t *green) {
  const uint64_t without_bit = 2 * pairs->count - count;
  for (size_t tenant = 0; tenant < n_tenants; tenant++) {
    green[tenant] += count_halves(aes, rule, pairs, tweaks[tenant], k, g_is_1) - without_bit;
  }
}

typedef void count_chunk_of(const gp_aes *aes, const gp_planes_rule *rule, const chunk *pairs,
                            size_t count, const uint8_t (*tweaks)[GP_BLOCK_SIZE],
                            size_t n_tenants, uint64_t *green);

/* A function for each k, with blocks that the compiler can keep in registers. */
#define COUNT_CHUNK(name, k, g_is_1)                                                             \
  GP_AESNI static void name(const gp_aes *aes, const gp_planes_rule *rule, const chunk *pairs,   \
                            size_t count, const uint8_t(*tweaks)[GP_BLOCK_SIZE],                 \
                            size_t n_tenants, uint64_t *green) {                                 \
    count_chunk(aes, rule, pairs, count, tweaks, n_tenants, k, g_is_1, green);                   \
  }

COUNT_CHUNK(count_1_of_2, 1, true)
COUNT_CHUNK(count_1_of_4, 2, true)
COUNT_CHUNK(count_1_of_8, 3, true)
COUNT_CHUNK(count_of_4, 2, false)
COUNT_CHUNK(count_of_8, 3, false)
COUNT_CHUNK(count_of_16, 4, false)
COUNT_CHUNK(count_of_32, 5, false)
COUNT_CHUNK(count_of_64, 6, false)
COUNT_CHUNK(count_of_128, 7, false)
COUNT_CHUNK(count_of_256, 8, false)

static count_chunk_of *counter_for(uint32_t k, uint32_t g) {
  static count_chunk_of *const any[] = {count_1_of_2, count_of_4,  count_of_8,   count_of_16,
                                        count_of_32,  count_of_64, count_of_128, count_of_256};
  static count_chunk_of *const one[] = {count_1_of_2, count_1_of_4, count_1_of_8};
  return g == 1 && k <= 3 ? one[k - 1] : any[k - 1];
}

GP_AESNI void gp_count_tenants_aesni(const gp_aes *mask, const uint8_t (*pairs)[GP_BLOCK_SIZE],
                                     size_t count, uint32_t k, uint32_t g,
                                     const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                                     uint64_t *green) {
  const size_t at_once = CHUNK / (k + 1) / gp_planes_step(k) * gp_planes_step(k);
  count_chunk_of *counter = counter_for(k, g);
  const gp_planes_rule rule = gp_planes_rule_make(k, g);
  _Alignas(64) chunk taken;
  for (size_t done = 0; done < count; done += at_once) {
    const size_t now = count - done < at_once ? count - done : at_once;
    take_pairs(pairs + done, now, k, &taken);
    counter(mask, &rule, &taken, now, tweaks, n_tenants, green);
  }
}

#else
typedef int gp_no_aesni; /* a file needs something in it */
#endif

/* The kernels of every instruction set that is there against the portable ones, bit for bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "embed/kernel.h"
#include "support.h"

#define SLACK 64 /* bytes before and behind a row, which must stay as they are */

/* Sets of kernels to be tried, with the processor's name for them. */
typedef struct kernel_set {
  const char *name;
  const gp_kernels *kernels;
} kernel_set;

static kernel_set sets[8];
static size_t n_sets;

typedef struct format {
  const char *name;
  size_t element;
  uint32_t infinity;
  uint32_t sign;
  size_t place; /* in gp_kernels */
} format;

static const format formats[] = {
    {"float32", 4, 0x7F800000U, 0x80000000U, offsetof(gp_kernels, float32)},
    {"float16", 2, 0x7C00U, 0x8000U, offsetof(gp_kernels, float16)},
    {"bfloat16", 2, 0x7F80U, 0x8000U, offsetof(gp_kernels, bfloat16)},
};
#define N_FORMATS (sizeof formats / sizeof *formats)

static const gp_format_kernels *kernels_of(const gp_kernels *kernels, const format *f) {
  return (const gp_format_kernels *)(const void *)((const char *)kernels + f->place);
}

static void add_set(bool there, const char *name, const gp_kernels *kernels) {
  if (there) {
    sets[n_sets++] = (kernel_set){name, kernels};
  } else {
    (void)fprintf(stderr, "kernels: this processor has no %s\n", name);
  }
}

static void find_sets(void) {
#if GP_X86
  const bool avx2 = gp_cpu_has(GP_CPU_AVX2);
  add_set(avx2, "avx2 without f16c", &gp_kernels_avx2_no_f16c);
  add_set(avx2 && gp_cpu_has_f16c(), "avx2", &gp_kernels_avx2);
  add_set(gp_cpu_has(GP_CPU_AVX512), "avx512", &gp_kernels_avx512);
  add_set(gp_cpu_has(GP_CPU_VAES), "vaes", &gp_kernels_vaes);
#endif
#if GP_ARM
  add_set(gp_cpu_has(GP_CPU_NEON), "neon without aes", &gp_kernels_neon_no_aes);
  add_set(gp_cpu_has(GP_CPU_NEON) && gp_cpu_has_arm_aes(), "neon", &gp_kernels_neon);
#endif
}

static const float deltas[] = {0.0F, 1e-30F, 1e-7F, 0.1F, 2.0F, 3.3F, 100.0F};
#define N_DELTAS (sizeof deltas / sizeof *deltas)

static gp_boost *make_boost(float delta) {
  const size_t align = _Alignof(gp_boost);
  gp_boost *boost = aligned_alloc(align, (sizeof *boost + align - 1) / align * align);
  assert_non_null(boost);
  gp_boost_init(boost, delta);
  return boost;
}

static uint8_t *random_bytes(uint64_t *random, size_t size) {
  uint8_t *bytes = malloc(size + 1);
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (uint8_t)next_random(random);
  }
  return bytes;
}

static uint32_t element_of(const format *f, const uint8_t *row, size_t i) {
  uint32_t bits = 0;
  memcpy(&bits, row + i * f->element, f->element); /* little-endian */
  return bits;
}

/* The same bits, but for which NaN. */
static void assert_rows_equal(const format *f, const uint8_t *expected, const uint8_t *found,
                              size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t a = element_of(f, expected, i);
    const uint32_t b = element_of(f, found, i);
    const bool both_nan = (a & ~f->sign) > f->infinity && (b & ~f->sign) > f->infinity;
    if (a != b && !both_nan) {
      fail_msg("%s: element %zu of %zu is %08x, not %08x", f->name, i, count, b, a);
    }
  }
}

/* One row of `count` elements, `offset` elements behind where vectors would like it. */
static void try_masked(const format *f, const gp_boost *boost, const uint8_t *mask,
                       const uint8_t *row, size_t offset, size_t count) {
  const size_t begin = SLACK + offset * f->element;
  const size_t end = begin + count * f->element;
  uint8_t *expected = malloc(end + SLACK);
  uint8_t *found = malloc(end + SLACK);
  assert_true(expected != NULL && found != NULL);
  for (size_t w = 0; w < n_sets; w++) {
    memset(expected, 0xA5, end + SLACK);
    memset(found, 0xA5, end + SLACK);
    memcpy(expected + begin, row, end - begin);
    memcpy(found + begin, row, end - begin);
    kernels_of(&gp_kernels_portable, f)->masked(boost, mask, count, expected + begin);
    kernels_of(sets[w].kernels, f)->masked(boost, mask, count, found + begin);
    assert_rows_equal(f, expected + begin, found + begin, count);
    assert_memory_equal(expected, found, begin);
    assert_memory_equal(expected + end, found + end, SLACK);
  }
  free(expected);
  free(found);
}

/* All sizes around the seams, at all alignments, of random bits: infinities, NaN, subnormals. */
static void sizes(void **state) {
  (void)state;
  if (n_sets == 0) {
    skip();
  }
  uint64_t random = test_seed();
  for (size_t i = 0; i < N_FORMATS; i++) {
    for (size_t count = 0; count <= 300; count++) {
      gp_boost *boost = make_boost(deltas[count % N_DELTAS]);
      uint8_t *mask = random_bytes(&random, (count + 7) / 8);
      uint8_t *row = random_bytes(&random, count * formats[i].element);
      try_masked(&formats[i], boost, mask, row, count % 9, count);
      free(row);
      free(mask);
      free(boost);
    }
  }
}

/* Every number of 16 bits, green and red, with every delta. */
static void all_halves(void **state) {
  (void)state;
  if (n_sets == 0) {
    skip();
  }
  enum {
    ALL = 65536
  };
  uint16_t *row = malloc(ALL * sizeof *row);
  uint8_t *mask = malloc(ALL / 8);
  assert_true(row != NULL && mask != NULL);
  for (size_t i = 0; i < ALL; i++) {
    row[i] = (uint16_t)i;
  }
  for (size_t d = 0; d < N_DELTAS; d++) {
    gp_boost *boost = make_boost(deltas[d]);
    for (size_t i = 1; i < N_FORMATS; i++) {
      for (int green = 0; green < 2; green++) {
        memset(mask, green != 0 ? 0xFF : 0, ALL / 8);
        try_masked(&formats[i], boost, mask, (const uint8_t *)row, 0, ALL);
      }
    }
    free(boost);
  }
  free(mask);
  free(row);
}

/* The mask of `groups` groups from `group` on, number by number. */
static void make_mask(EVP_CIPHER_CTX *ecb, const gp_green_list *list, size_t group, size_t groups,
                      uint8_t *mask) {
  memset(mask, 0, groups * GP_BLOCK_SIZE);
  for (size_t j = 0; j < groups; j++) {
    uint8_t blocks[GP_GAMMA_LOG2_DEN_MAX][GP_BLOCK_SIZE];
    for (uint32_t plane = 0; plane < list->k; plane++) {
      const uint32_t counter = (uint32_t)(group + j) * list->k + plane;
      memcpy(blocks[plane], list->nonce, GP_NONCE_SIZE);
      for (unsigned i = 0; i < 4; i++) {
        blocks[plane][GP_NONCE_SIZE + i] = (uint8_t)(counter >> (24 - 8 * i));
      }
    }
    assert_ok(
        gp_cipher_blocks(ecb, (const uint8_t(*)[GP_BLOCK_SIZE])blocks, blocks, list->k, error));
    for (size_t v = 0; v < 128; v++) {
      uint32_t u = 0;
      for (uint32_t plane = 0; plane < list->k; plane++) {
        u = u << 1 | ((unsigned)blocks[plane][v / 8] >> v % 8 & 1U);
      }
      mask[j * GP_BLOCK_SIZE + v / 8] |= (uint8_t)((u < list->g ? 1U : 0U) << v % 8);
    }
  }
}

static void try_fused(const gp_kernels *kernels, const format *f, EVP_CIPHER_CTX *ecb,
                      const gp_green_list *list, uint64_t *random, size_t group, size_t count) {
  const size_t groups = (count + 127) / 128;
  uint8_t *mask = malloc(groups * GP_BLOCK_SIZE);
  uint8_t *expected = random_bytes(random, count * f->element); /* exact, for the sanitizers */
  uint8_t *found = malloc(count * f->element);
  assert_true(mask != NULL && found != NULL);
  memcpy(found, expected, count * f->element);
  make_mask(ecb, list, group, groups, mask);
  gp_boost *boost = make_boost(deltas[count % N_DELTAS]);
  kernels_of(&gp_kernels_portable, f)->masked(boost, mask, count, expected);
  kernels_of(kernels, f)->fused(boost, list, group, count, count % 2 == 0, found);
  assert_rows_equal(f, expected, found, count);
  free(boost);
  free(found);
  free(expected);
  free(mask);
}

/* The cipher woven in against OpenSSL's, from any group on, for every k. */
static void try_set(const kernel_set *set, EVP_CIPHER_CTX *ecb, const gp_aes *aes,
                    const uint8_t *nonce, uint64_t *random) {
  for (uint32_t k = 1; k <= GP_GAMMA_LOG2_DEN_MAX; k++) {
    for (size_t round = 0; round < 60; round++) {
      const format *f = &formats[round % N_FORMATS];
      const gp_green_list list = {.aes = aes,
                                  .nonce = nonce,
                                  .k = k,
                                  .g = 1 + (uint32_t)next_random(random) % ((1U << k) - 1)};
      /* also the last groups that 2^32 tokens have */
      const size_t group = round % 6 == 0 ? (1U << 25) - 41 : next_random(random) % 100000;
      const size_t count = 1 + next_random(random) % 5000;
      const size_t whole = count / 128 * 128; /* and sizes that end with a group */
      if (kernels_of(set->kernels, f)->fused != NULL) {
        try_fused(set->kernels, f, ecb, &list, random, group,
                  round % 5 == 0 && whole > 0 ? whole : count);
      }
    }
  }
}

static void fused(void **state) {
  (void)state;
  uint64_t random = test_seed();
  uint8_t *secret = random_bytes(&random, GP_BLOCK_SIZE + GP_NONCE_SIZE);
  EVP_CIPHER_CTX *ecb = NULL;
  assert_ok(gp_cipher_new(GP_CIPHER_ECB, secret, &ecb, error));
  gp_aes *aes = sodium_malloc(sizeof *aes);
  assert_non_null(aes);
  gp_aes_expand(secret, aes);
  for (size_t w = 0; w < n_sets; w++) {
    try_set(&sets[w], ecb, aes, secret + GP_BLOCK_SIZE, &random);
  }
  sodium_free(aes);
  EVP_CIPHER_CTX_free(ecb);
  free(secret);
  if (n_sets == 0) {
    skip();
  }
}

int main(void) {
  if (sodium_init() < 0) {
    return 1;
  }
  find_sets();
  const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(all_halves),
                                     cmocka_unit_test(fused)};
  return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}

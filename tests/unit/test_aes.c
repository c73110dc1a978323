/* The key schedule against the example of FIPS 197. */
#include "prf/aes.h"

#include <sodium.h>
#include <string.h>

#include "support.h"

/* FIPS 197, appendix A.1: the last round key of its example. */
static void example(void **state) {
  (void)state;
  static const uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                  0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
  static const uint8_t last[16] = {0xd0, 0x14, 0xf9, 0xa8, 0xc9, 0xee, 0x25, 0x89,
                                   0xe1, 0x3f, 0x0c, 0xc8, 0xb6, 0x63, 0x0c, 0xa6};
  assert_true(sodium_init() >= 0);
  gp_aes *aes = sodium_malloc(sizeof *aes);
  assert_non_null(aes);
  gp_aes_expand(key, aes);
  assert_memory_equal(aes->round_keys[0], key, sizeof key);
  assert_memory_equal(aes->round_keys[GP_AES_ROUNDS], last, sizeof last);
  assert_int_equal((uintptr_t)aes % _Alignof(gp_aes), 0);
  sodium_free(aes);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(example)};
  return cmocka_run_group_tests_name("aes", tests, NULL, NULL);
}

/* The set of seen ids against a sorted list. */
#include <stdlib.h>
#include <string.h>

#include "common/idset.h"
#include "support.h"

static int compare(const void *a, const void *b) {
  return memcmp(a, b, GP_ID_SIZE);
}

static void random_ids(void **state) {
  (void)state;
  uint64_t random = test_seed();
  enum {
    N = 20000
  };
  uint8_t(*ids)[GP_ID_SIZE] = calloc(N, GP_ID_SIZE);
  assert_non_null(ids);
  gp_idset set = {0};
  size_t fresh = 0;
  for (size_t i = 0; i < N; i++) {
    for (size_t b = 0; b < GP_ID_SIZE; b += 8) { /* few bits, so that many repeat */
      const uint64_t word = next_random(&random) & UINT64_C(0x0300000000000007);
      memcpy(ids[i] + b, &word, 8);
    }
    assert_ok(gp_idset_reserve(&set, 1, error));
    const bool there = gp_idset_contains(&set, ids[i]);
    const bool is_new = gp_idset_insert(&set, ids[i]);
    assert_int_equal(there, !is_new);
    assert_true(gp_idset_contains(&set, ids[i]));
    fresh += is_new;
  }
  qsort(ids, N, GP_ID_SIZE, compare);
  size_t distinct = 1;
  for (size_t i = 1; i < N; i++) {
    distinct += memcmp(ids[i - 1], ids[i], GP_ID_SIZE) != 0;
  }
  assert_int_equal(fresh, distinct);
  gp_idset_clear(&set);
  assert_false(gp_idset_contains(&set, ids[0]));
  gp_idset_release(&set);
  free(ids);
}

/* Many at once, of any number, as one by one. */
static void all_at_once(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_idset one = {0};
  gp_idset all = {0};
  for (size_t count = 0; count <= 200; count++) {
    uint8_t ids[200][GP_ID_SIZE];
    uint8_t is_new[201];
    for (size_t i = 0; i < count; i++) {
      memset(ids[i], 0, GP_ID_SIZE);
      ids[i][next_random(&random) % GP_ID_SIZE] = (uint8_t)(next_random(&random) % 64);
    }
    is_new[count] = 0xA5;
    assert_ok(gp_idset_reserve(&one, count, error));
    assert_ok(gp_idset_reserve(&all, count, error));
    gp_idset_insert_all(&all, (const uint8_t(*)[GP_ID_SIZE])ids, count, is_new);
    for (size_t i = 0; i < count; i++) {
      assert_int_equal(is_new[i], gp_idset_insert(&one, ids[i]));
    }
    assert_int_equal(is_new[count], 0xA5);
    assert_int_equal(one.used, all.used);
    assert_int_equal(one.has_zero, all.has_zero);
  }
  assert_in_range(one.used, 900, 1008); /* 16 places of 63 values */
  gp_idset_release(&one);
  gp_idset_release(&all);
}

static void the_zero_id(void **state) {
  (void)state;
  const uint8_t zero[GP_ID_SIZE] = {0};
  gp_idset set = {0};
  assert_false(gp_idset_contains(&set, zero));
  assert_ok(gp_idset_reserve(&set, 1, error));
  assert_true(gp_idset_insert(&set, zero));
  assert_false(gp_idset_insert(&set, zero));
  assert_ok(gp_idset_reserve(&set, 100000, error));
  assert_true(gp_idset_contains(&set, zero)); /* also after growing */
  gp_idset_clear(&set);
  assert_false(gp_idset_contains(&set, zero));
  gp_idset_release(&set);
}

/* Tokens chosen by an adversary under one nonce, as with a fixed list, spread out: the
 * longest run of taken slots stays short. With a hash that ignored the secret, tokens that
 * agree in all but a few bits would pile up. */
static void chosen_tokens_spread(void **state) {
  (void)state;
  for (unsigned shift = 0; shift <= 16; shift++) {
    gp_idset set = {0};
    uint8_t id[GP_ID_SIZE] = {0x3c, 0xa9, 0x51, 0x7e, 0x12, 0xd8,
                              0x6b, 0x90, 0x4f, 0xe3, 0x27, 0xb5};
    assert_ok(gp_idset_reserve(&set, 65536, error));
    for (uint32_t i = 0; i < 65536; i++) {
      const uint32_t token = i << shift;
      memcpy(id + 12, &token, 4);
      assert_true(gp_idset_insert(&set, id));
    }
    size_t longest = 0;
    size_t run = 0;
    const uint8_t empty[GP_ID_SIZE] = {0};
    for (size_t i = 0; i < set.capacity; i++) {
      run = memcmp(set.slots[i], empty, GP_ID_SIZE) != 0 ? run + 1 : 0;
      longest = run > longest ? run : longest;
    }
    assert_true(longest < 1000);
    gp_idset_release(&set);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_ids),
      cmocka_unit_test(all_at_once),
      cmocka_unit_test(the_zero_id),
      cmocka_unit_test(chosen_tokens_spread),
  };
  return cmocka_run_group_tests_name("idset", tests, NULL, NULL);
}

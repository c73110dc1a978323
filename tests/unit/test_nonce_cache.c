/* The cache of nonces. The file itself is included, for a clock that is about to run over and
 * for memory that is short. */
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static bool memory_is_short;

static void *cautious_malloc(size_t size) {
  return memory_is_short ? NULL : sodium_malloc(size);
}

#define sodium_malloc cautious_malloc
#include "vrf/nonce_cache.c" // NOLINT(bugprone-suspicious-include)
#undef sodium_malloc

static void fill(uint8_t nonce[GP_NONCE_SIZE], uint64_t number) {
  memset(nonce, 0, GP_NONCE_SIZE);
  gp_store_le64(nonce, number);
}

/* Tag `number` of a set, of which there are as many as one likes. */
static gp_nonce_tag tag_of(uint8_t shard_number, uint32_t set, uint64_t number) {
  gp_nonce_tag tag = {{0}};
  tag.bytes[0] = shard_number;
  gp_store_le32(tag.bytes + 1, set);
  gp_store_le64(tag.bytes + 8, number);
  return tag;
}

static void put_number(gp_nonce_cache *cache, const gp_nonce_tag *tag, uint64_t number) {
  uint8_t nonce[GP_NONCE_SIZE];
  fill(nonce, number);
  gp_nonce_cache_put(cache, tag, nonce);
}

static bool has_number(gp_nonce_cache *cache, const gp_nonce_tag *tag, uint64_t number) {
  uint8_t expected[GP_NONCE_SIZE];
  uint8_t nonce[GP_NONCE_SIZE] = {0xEE};
  fill(expected, number);
  const bool found = gp_nonce_cache_find(cache, tag, nonce);
  if (found) {
    assert_memory_equal(nonce, expected, sizeof nonce);
  } else {
    assert_int_equal(nonce[0], 0xEE); /* untouched */
  }
  return found;
}

static void find_and_put(void **state) {
  (void)state;
  gp_nonce_cache *cache = NULL;
  assert_ok(gp_nonce_cache_new(&cache, error));
  uint8_t inputs[500][5];
  for (size_t i = 0; i < 500; i++) {
    gp_store_le32(inputs[i], (uint32_t)i);
    inputs[i][4] = 0;
    const gp_nonce_tag tag = gp_nonce_cache_tag(cache, inputs[i], 5);
    const gp_nonce_tag shorter = gp_nonce_cache_tag(cache, inputs[i], 4);
    assert_memory_not_equal(&tag, &shorter, sizeof tag);
    assert_false(has_number(cache, &tag, i));
    put_number(cache, &tag, i);
    assert_true(has_number(cache, &tag, i));
  }
  for (size_t i = 0; i < 500; i++) { /* far fewer than there is room for: all are there */
    const gp_nonce_tag tag = gp_nonce_cache_tag(cache, inputs[i], 5);
    assert_true(has_number(cache, &tag, i));
    put_number(cache, &tag, i + 1000); /* in its place, not beside it */
    assert_true(has_number(cache, &tag, i + 1000));
  }
  const gp_nonce_cache_counts counts = gp_nonce_cache_count(cache);
  assert_int_equal(counts.found, 1500);
  assert_int_equal(counts.missed, 500);
  gp_nonce_cache *other = NULL; /* its tags are others */
  assert_ok(gp_nonce_cache_new(&other, error));
  const gp_nonce_tag one = gp_nonce_cache_tag(cache, inputs[0], 5);
  const gp_nonce_tag two = gp_nonce_cache_tag(other, inputs[0], 5);
  assert_memory_not_equal(&one, &two, sizeof one);
  gp_nonce_cache_free(other);
  gp_nonce_cache_free(cache);
  gp_nonce_cache_free(NULL);
}

/* Of a set of eight the one goes that was not asked for the longest. */
static void eviction(void **state) {
  (void)state;
  gp_nonce_cache *cache = NULL;
  assert_ok(gp_nonce_cache_new(&cache, error));
  gp_nonce_tag tags[20];
  for (uint64_t i = 0; i < 20; i++) {
    tags[i] = tag_of(3, 7, i);
  }
  const gp_nonce_tag neighbours[] = {tag_of(3, 6, 0), tag_of(3, 8, 0), tag_of(4, 7, 0)};
  for (size_t i = 0; i < 3; i++) {
    put_number(cache, &neighbours[i], 100 + i);
  }
  for (uint64_t i = 0; i < WAYS; i++) {
    put_number(cache, &tags[i], i);
  }
  assert_true(has_number(cache, &tags[0], 0)); /* the first put, but asked for now */
  put_number(cache, &tags[3], 3);              /* and put again */
  put_number(cache, &tags[8], 8);              /* 1 goes */
  put_number(cache, &tags[9], 9);              /* 2 goes */
  put_number(cache, &tags[10], 10);            /* 4 goes */
  static const bool there[] = {true, false, false, true, false, true,
                               true, true,  true,  true, true};
  for (uint64_t i = 0; i < 11; i++) {
    assert_int_equal(has_number(cache, &tags[i], i), there[i]);
  }
  for (uint64_t i = 11; i < 20; i++) { /* nine more: all others go */
    put_number(cache, &tags[i], i);
  }
  for (uint64_t i = 0; i < 20; i++) {
    assert_int_equal(has_number(cache, &tags[i], i), i >= 12);
  }
  for (size_t i = 0; i < 3; i++) {
    assert_true(has_number(cache, &neighbours[i], 100 + i));
  }
  gp_nonce_cache_free(cache);
}

/* After four billion uses of a shard. */
static void clock_that_runs_over(void **state) {
  (void)state;
  gp_nonce_cache *cache = NULL;
  assert_ok(gp_nonce_cache_new(&cache, error));
  gp_nonce_tag tags[WAYS + 4];
  for (uint64_t i = 0; i < WAYS + 4; i++) {
    tags[i] = tag_of(9, 100, i);
  }
  put_number(cache, &tags[0], 0);
  cache->shards[9].clock = UINT32_MAX - 2;
  for (uint64_t i = 1; i < WAYS; i++) {
    put_number(cache, &tags[i], i); /* runs over at the third */
  }
  assert_true(cache->shards[9].clock < 100);
  for (uint64_t i = 0; i < WAYS; i++) {
    assert_true(has_number(cache, &tags[i], i)); /* none is taken for an empty place */
  }
  put_number(cache, &tags[WAYS], WAYS);
  assert_false(has_number(cache, &tags[0], 0)); /* asked for longest ago */
  assert_true(has_number(cache, &tags[1], 1));
  gp_nonce_cache_free(cache);
}

static void short_memory(void **state) {
  (void)state;
  gp_nonce_cache *cache = NULL;
  memory_is_short = true;
  assert_fails(gp_nonce_cache_new(&cache, error), GP_ERR_MEMORY,
               "out of memory: a cache of nonces");
  assert_null(cache);
  memory_is_short = false;
  assert_ok(gp_nonce_cache_new(&cache, error));
  const gp_nonce_tag tag = tag_of(1, 1, 1);
  const gp_nonce_tag same_shard = tag_of(1, 2, 1);
  memory_is_short = true;
  put_number(cache, &tag, 1); /* forgotten */
  assert_false(has_number(cache, &tag, 1));
  memory_is_short = false;
  assert_false(has_number(cache, &tag, 1));
  put_number(cache, &tag, 1);
  memory_is_short = true; /* the shard has its memory */
  put_number(cache, &same_shard, 2);
  assert_true(has_number(cache, &tag, 1));
  assert_true(has_number(cache, &same_shard, 2));
  memory_is_short = false;
  gp_nonce_cache_free(cache);
}

/* Threads that put and find the same: what is found is what belongs to the tag. */
enum {
  THREADS = 4,
  ROUNDS = 20000,
  NUMBERS = 300
};

typedef struct crowd {
  gp_nonce_cache *cache;
  uint64_t seed;
  uint64_t asked;
  uint64_t wrong;
} crowd;

static void *join_in(void *state) {
  crowd *self = state;
  for (size_t i = 0; i < ROUNDS; i++) {
    const uint64_t number = next_random(&self->seed) % NUMBERS;
    /* Few sets, so that they are fought about. */
    const gp_nonce_tag tag = tag_of((uint8_t)(number % 3), (uint32_t)(number % 5), number);
    uint8_t expected[GP_NONCE_SIZE];
    uint8_t nonce[GP_NONCE_SIZE];
    fill(expected, number);
    self->asked++;
    if (gp_nonce_cache_find(self->cache, &tag, nonce)) {
      self->wrong += memcmp(nonce, expected, sizeof nonce) != 0;
    } else {
      gp_nonce_cache_put(self->cache, &tag, expected);
    }
  }
  return NULL;
}

static void threads(void **state) {
  (void)state;
  const uint64_t seed = test_seed();
  gp_nonce_cache *cache = NULL;
  assert_ok(gp_nonce_cache_new(&cache, error));
  pthread_t ids[THREADS];
  crowd crowds[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    crowds[i] = (crowd){.cache = cache, .seed = seed + i + 1};
    assert_int_equal(pthread_create(&ids[i], NULL, join_in, &crowds[i]), 0);
  }
  uint64_t asked = 0;
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(ids[i], NULL), 0);
    assert_int_equal(crowds[i].wrong, 0);
    asked += crowds[i].asked;
  }
  const gp_nonce_cache_counts counts = gp_nonce_cache_count(cache);
  assert_int_equal(counts.found + counts.missed, asked);
  assert_true(counts.found > 0 && counts.missed > NUMBERS / 2);
  gp_nonce_cache_free(cache);
}

static int set_up(void **state) {
  (void)state;
  return sodium_init() < 0 ? -1 : 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(find_and_put),
      cmocka_unit_test(eviction),
      cmocka_unit_test(clock_that_runs_over),
      cmocka_unit_test(short_memory),
      cmocka_unit_test(threads),
  };
  return cmocka_run_group_tests_name("nonce_cache", tests, set_up, NULL);
}

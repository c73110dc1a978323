/* The table of seen coins and its memory budget; batches and the coins taken back from them. */
#include <stdlib.h>
#include <string.h>

#include "corpus/batch.h"
#include "corpus/coin_table.h"
#include "support.h"

/* Ids that all belong to one shard, the i-th from a number. */
static void make_id(uint64_t number, unsigned shard, uint8_t id[GP_ID_SIZE]) {
  do {
    number = number * UINT64_C(6364136223846793005) + 1442695040888963407U;
    memset(id, 0, GP_ID_SIZE);
    gp_store_le64(id, number);
    gp_store_le32(id + 8, (uint32_t)(number >> 17));
  } while (gp_coin_shard_of(id) != shard);
}

static uint64_t bytes_of(const gp_coin_table *table) {
  uint64_t bytes = 0;
  for (unsigned i = 0; i < GP_SHARDS; i++) {
    bytes += (uint64_t)table->shards[i].seen.capacity * GP_ID_SIZE;
  }
  return bytes;
}

/* Adds `count` coins from number `first` on to a shard; returns how many are fresh, or late. */
static size_t add(gp_coin_table *table, unsigned shard, uint64_t first, size_t count,
                  unsigned flag, bool *deferred) {
  uint8_t ids[GP_COIN_CHUNK][GP_ID_SIZE];
  uint8_t flags[GP_COIN_CHUNK] = {0};
  uint32_t documents[GP_COIN_CHUNK] = {0};
  for (size_t i = 0; i < count; i++) {
    make_id(first + i, shard, ids[i]);
  }
  *deferred = false;
  assert_ok(gp_coin_table_add(table, shard, (const uint8_t(*)[GP_ID_SIZE])ids, documents, 0,
                              flags, count, deferred, error));
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    found += (flags[i] & flag) != 0;
  }
  return found;
}

/* The budget is what the tables hold, and no more than its limit; small inputs take little. */
static void budget(void **state) {
  (void)state;
  for (unsigned to_come = 0; to_come <= GP_TO_COME_MAX; to_come += GP_TO_COME_MAX) {
    gp_memory_budget memory = {.limit = 1U << 20, .scratch = "/tmp"};
    atomic_store(&memory.to_come, to_come);
    gp_coin_table table;
    gp_coin_table_init(&table, &memory);
    bool deferred = false;
    assert_int_equal(add(&table, 3, 1, 1, GP_COIN_FRESH, &deferred), 1);
    assert_in_range(atomic_load(&memory.used), 1, 64 * GP_ID_SIZE);
    uint64_t added = 0;
    for (unsigned round = 0; !deferred; round++) {
      const unsigned shard = round % GP_SHARDS;
      const uint64_t first = 1000 + (uint64_t)round * GP_COIN_CHUNK;
      const size_t fresh = add(&table, shard, first, GP_COIN_CHUNK, GP_COIN_FRESH, &deferred);
      assert_int_equal(atomic_load(&memory.used), bytes_of(&table));
      assert_in_range(atomic_load(&memory.used), 1, memory.limit);
      if (deferred) {
        assert_int_equal(fresh, 0);
        assert_non_null(table.shards[shard].log);
        break;
      }
      assert_int_equal(fresh, GP_COIN_CHUNK);
      assert_int_equal(add(&table, shard, first, GP_COIN_CHUNK, GP_COIN_FRESH, &deferred), 0);
      added += GP_COIN_CHUNK;
    }
    /* A limit is not spent on what may come: a mebibyte holds 2^14 coins at least, whatever the
     * sizes that the sixteen tables happen to have. */
    assert_in_range(added, 1U << 14, 1U << 16);
    assert_true(atomic_load(&memory.exhausted));
    gp_coin_table_release(&table);
    assert_int_equal(atomic_load(&memory.used), 0);
  }
}

/* Without a limit a table grows for what is to come, and no further. */
static void growing_ahead(void **state) {
  (void)state;
  size_t capacities[2];
  for (unsigned i = 0; i < 2; i++) {
    gp_memory_budget memory = {.scratch = "/tmp"};
    atomic_store(&memory.to_come, i * GP_TO_COME_MAX);
    gp_coin_table table;
    gp_coin_table_init(&table, &memory);
    bool deferred = false;
    size_t growths = 0;
    size_t before = 0;
    for (uint64_t first = 0; first < 100000; first += GP_COIN_CHUNK) {
      assert_int_equal(add(&table, 0, first, GP_COIN_CHUNK, GP_COIN_FRESH, &deferred),
                       GP_COIN_CHUNK);
      assert_false(deferred);
      growths += table.shards[0].seen.capacity != before;
      before = table.shards[0].seen.capacity;
      assert_int_equal(atomic_load(&memory.used), bytes_of(&table));
    }
    capacities[i] = before;
    assert_in_range(growths, i == 0 ? 7 : 3, i == 0 ? 9 : 5);
    gp_coin_table_release(&table);
  }
  assert_in_range(capacities[1], capacities[0], 4 * capacities[0]);
}

/* Coins of documents from one on are taken back from all shards. */
static void dropping(void **state) {
  (void)state;
  gp_batch batch;
  assert_ok(gp_batch_init(&batch, 1, error));
  gp_batch_coins *coins = &batch.coins[0];
  const uint8_t flags[GP_COIN_CHUNK] = {0};
  uint8_t ids[GP_COIN_CHUNK][GP_ID_SIZE];
  for (uint32_t document = 0; document < 10; document++) {
    for (size_t i = 0; i < GP_COIN_CHUNK; i++) {
      make_id(document * 1000 + i, (unsigned)i % GP_SHARDS, ids[i]);
    }
    assert_ok(gp_batch_add_coins(coins, (const uint8_t(*)[GP_ID_SIZE])ids, flags, GP_COIN_CHUNK,
                                 document, error));
  }
  assert_int_equal(coins->count, 10 * GP_COIN_CHUNK);
  for (uint32_t first = 9; first < 10; first -= 3) {
    gp_batch_drop_coins(coins, first);
    assert_int_equal(coins->count, first * GP_COIN_CHUNK);
    for (unsigned shard = 0; shard < GP_SHARDS; shard++) {
      const gp_shard_coins *own = &coins->shards[shard];
      assert_int_equal(own->count, first * GP_COIN_CHUNK / GP_SHARDS);
      for (size_t i = 0; i < own->count; i++) {
        assert_true(own->documents[i] < first);
        assert_int_equal(gp_coin_shard_of(own->ids[i]), shard);
      }
    }
  }
  gp_batch_release(&batch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(budget), cmocka_unit_test(growing_ahead),
                                     cmocka_unit_test(dropping)};
  return cmocka_run_group_tests_name("coin_table", tests, NULL, NULL);
}

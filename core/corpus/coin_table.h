/*
 * The coins of a run, each remembered once: divided among shards by their hash, so that
 * threads can work side by side, and written to disk when memory does not suffice.
 *
 * On disk a shard is a log: the coins known so far, and then every coin that arrives, in
 * order, with its document. gp_coin_table_finish() reads the logs back, in parts that fit in
 * memory, and finds the coins that were new. Which those are, and in which document a coin
 * came first, does not depend on whether, or when, a shard went to disk.
 */
#ifndef GP_CORPUS_COIN_TABLE_H
#define GP_CORPUS_COIN_TABLE_H

#include <stdatomic.h>
#include <stdio.h>

#include "common/idset.h"

#define GP_SHARDS_LOG2 4
#define GP_SHARDS      (1U << GP_SHARDS_LOG2)
#define GP_COIN_CHUNK  512 /* coins handled at once */

/* Flags of a coin. */
enum {
  GP_COIN_FRESH = 1, /* not seen before in the run */
  GP_COIN_GREEN = 2,
  GP_COIN_LATE = 4 /* on disk: whether it is fresh is known later */
};

/* Memory that all tables of a run share. */
typedef struct gp_memory_budget {
  uint64_t limit; /* bytes; 0: none */
  atomic_uint_fast64_t used;
  atomic_bool exhausted;
  /* How many times as much input as was read is still to come, as far as is known: without a
   * limit, a table that has to grow grows for that. Saves time, and takes memory where what is
   * to come repeats what was. */
  atomic_uint to_come;
  const char *scratch; /* folder */
} gp_memory_budget;

#define GP_TO_COME_MAX 3U

typedef struct gp_coin_shard {
  gp_idset seen;
  FILE *log; /* NULL while in memory */
} gp_coin_shard;

typedef struct gp_coin_table {
  gp_coin_shard shards[GP_SHARDS];
  gp_memory_budget *budget;
} gp_coin_table;

void gp_coin_table_init(gp_coin_table *table, gp_memory_budget *budget);
void gp_coin_table_release(gp_coin_table *table);

/* The shard that an id belongs to. */
static inline unsigned gp_coin_shard_of(const uint8_t id[GP_ID_SIZE]) {
  return (unsigned)(gp_id_hash(id) >> (64 - GP_SHARDS_LOG2));
}

/* Adds `count` <= GP_COIN_CHUNK ids to a shard; coin i belongs to document first_document +
 * documents[i]. New ones get GP_COIN_FRESH in flags[i]. Where the shard is on disk they get
 * GP_COIN_LATE instead, are written there with their GP_COIN_GREEN, and *deferred is set. One
 * thread at a time for each shard. */
gp_status gp_coin_table_add(gp_coin_table *table, unsigned shard,
                            const uint8_t (*ids)[GP_ID_SIZE], const uint32_t *documents,
                            uint64_t first_document, uint8_t *flags, size_t count, bool *deferred,
                            gp_error *error);

/* Takes `count` <= GP_COIN_CHUNK new coins that had been deferred. */
typedef gp_status (*gp_coin_visit)(void *user, const uint8_t (*ids)[GP_ID_SIZE],
                                   const uint64_t *documents, const uint8_t *flags, size_t count,
                                   gp_error *error);

/* Visits every deferred coin that is new. Afterwards the table is empty. */
gp_status gp_coin_table_finish(gp_coin_table *table, gp_coin_visit visit, void *user,
                               gp_error *error);

#endif

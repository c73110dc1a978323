#include "corpus/coin_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"

/* A log's record: an id, and its document and colour. */
#define RECORD_SIZE (GP_ID_SIZE + 8)
#define KNOWN       UINT64_MAX /* instead of a document: seen before the log began */

/* A log is divided by the next bits of the hash until its parts fit in memory. */
#define SPLIT_LOG2 4
#define SPLIT      (1U << SPLIT_LOG2)
#define SKIP_MAX   48U /* bits; coins that share so many are not divided further */

void gp_coin_table_init(gp_coin_table *table, gp_memory_budget *budget) {
  memset(table, 0, sizeof *table);
  table->budget = budget;
  for (unsigned i = 0; i < GP_SHARDS; i++) {
    table->shards[i].seen.skip = GP_SHARDS_LOG2;
  }
}

static uint64_t bytes_of(const gp_idset *set) {
  return (uint64_t)set->capacity * GP_ID_SIZE;
}

static void release_set(gp_coin_table *table, gp_idset *set) {
  atomic_fetch_sub(&table->budget->used, bytes_of(set));
  gp_idset_release(set);
}

void gp_coin_table_release(gp_coin_table *table) {
  if (table->budget == NULL) {
    return;
  }
  for (unsigned i = 0; i < GP_SHARDS; i++) {
    gp_coin_shard *shard = &table->shards[i];
    release_set(table, &shard->seen);
    if (shard->log != NULL) {
      (void)fclose(shard->log);
      shard->log = NULL;
    }
  }
}

static gp_status open_log(const gp_memory_budget *budget, FILE **log, gp_error *error) {
  int fd = -1;
  const gp_status status = gp_scratch_file(budget->scratch, &fd, error);
  if (status != GP_OK) {
    return status;
  }
  *log = fdopen(fd, "w+b");
  if (*log == NULL) {
    (void)close(fd);
    return gp_fail_memory(error, "a scratch file");
  }
  return GP_OK;
}

static gp_status put_record(FILE *log, const uint8_t id[GP_ID_SIZE], uint64_t place,
                            gp_error *error) {
  uint8_t record[RECORD_SIZE];
  memcpy(record, id, GP_ID_SIZE);
  gp_store_le64(record + GP_ID_SIZE, place);
  return fwrite(record, sizeof record, 1, log) == 1
             ? GP_OK
             : gp_fail_system(error, "cannot write a scratch file", errno);
}

/* The memory is spent: what the shard has seen goes to a log, and so will what comes. */
static gp_status move_to_disk(gp_coin_table *table, gp_coin_shard *shard, gp_error *error) {
  gp_status status = open_log(table->budget, &shard->log, error);
  for (size_t i = 0; i < shard->seen.capacity && status == GP_OK; i++) {
    static const uint8_t empty[GP_ID_SIZE];
    if (memcmp(shard->seen.slots[i], empty, GP_ID_SIZE) != 0) {
      status = put_record(shard->log, shard->seen.slots[i], KNOWN, error);
    }
  }
  if (status == GP_OK && shard->seen.has_zero) {
    static const uint8_t zero[GP_ID_SIZE];
    status = put_record(shard->log, zero, KNOWN, error);
  }
  release_set(table, &shard->seen);
  return status;
}

static bool take_memory(gp_memory_budget *budget, uint64_t bytes) {
  uint_fast64_t used = atomic_load(&budget->used);
  do {
    if (budget->limit > 0 && (bytes > budget->limit || used > budget->limit - bytes)) {
      return false;
    }
  } while (!atomic_compare_exchange_weak(&budget->used, &used, used + bytes));
  return true;
}

/* Grows a table so that `extra` more ids have room, if the budget has it. While a table grows,
 * the old one is there beside the new one. */
static gp_status grow(gp_memory_budget *budget, gp_idset *seen, size_t extra, bool *room,
                      gp_error *error) {
  const uint64_t before = bytes_of(seen);
  const uint64_t wanted = (uint64_t)gp_idset_capacity_for(seen, extra) * GP_ID_SIZE;
  *room = take_memory(budget, wanted);
  if (!*room) {
    return GP_OK;
  }
  const gp_status status = gp_idset_reserve(seen, extra, error);
  atomic_fetch_sub(&budget->used, status == GP_OK ? before : wanted);
  return status;
}

/* Makes room for `count` ids, or notes that there is none. Without a limit the table grows for
 * what is still to come, if there is memory for that. */
static gp_status make_room(gp_coin_table *table, gp_idset *seen, size_t count, bool *room,
                           gp_error *error) {
  gp_memory_budget *budget = table->budget;
  *room = true;
  if (gp_idset_capacity_for(seen, count) == seen->capacity) {
    return GP_OK;
  }
  const unsigned to_come = budget->limit == 0 ? atomic_load(&budget->to_come) : 0;
  if (to_come > 0 && grow(budget, seen, count + seen->used * to_come, room, NULL) == GP_OK) {
    return GP_OK;
  }
  const gp_status status = grow(budget, seen, count, room, error);
  if (!*room) {
    atomic_store(&budget->exhausted, true);
  }
  return status;
}

static void find_fresh(gp_idset *seen, const uint8_t (*ids)[GP_ID_SIZE], uint8_t *flags,
                       size_t count) {
  uint8_t is_new[GP_COIN_CHUNK];
  gp_idset_insert_all(seen, ids, count, is_new);
  for (size_t i = 0; i < count; i++) {
    flags[i] |= (uint8_t)(is_new[i] * GP_COIN_FRESH);
  }
}

gp_status gp_coin_table_add(gp_coin_table *table, unsigned shard,
                            const uint8_t (*ids)[GP_ID_SIZE], const uint32_t *documents,
                            uint64_t first_document, uint8_t *flags, size_t count, bool *deferred,
                            gp_error *error) {
  gp_coin_shard *own = &table->shards[shard];
  gp_status status = GP_OK;
  if (own->log == NULL) {
    bool room = !atomic_load(&table->budget->exhausted);
    if (room) {
      status = make_room(table, &own->seen, count, &room, error);
    }
    if (status == GP_OK && room) {
      find_fresh(&own->seen, ids, flags, count);
      return GP_OK;
    }
    if (status == GP_OK) {
      status = move_to_disk(table, own, error);
    }
  }
  *deferred = true;
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    const uint64_t green = (flags[i] & GP_COIN_GREEN) != 0;
    flags[i] |= GP_COIN_LATE;
    status = put_record(own->log, ids[i], (first_document + documents[i]) << 1 | green, error);
  }
  return status;
}

/* ------------------------------------------------------------ reading back */

typedef struct log_reader {
  gp_coin_visit visit;
  void *user;
  size_t count;
  uint8_t ids[GP_COIN_CHUNK][GP_ID_SIZE];
  uint64_t documents[GP_COIN_CHUNK];
  uint8_t flags[GP_COIN_CHUNK];
} log_reader;

static gp_status flush_visits(log_reader *reader, gp_error *error) {
  const size_t count = reader->count;
  reader->count = 0;
  return count == 0 ? GP_OK
                    : reader->visit(reader->user, (const uint8_t(*)[GP_ID_SIZE])reader->ids,
                                    reader->documents, reader->flags, count, error);
}

/* The next record; false at the end or after an error, which ferror() tells. */
static bool get_record(FILE *log, uint8_t id[GP_ID_SIZE], uint64_t *place) {
  uint8_t record[RECORD_SIZE];
  if (fread(record, sizeof record, 1, log) != 1) {
    return false;
  }
  memcpy(id, record, GP_ID_SIZE);
  *place = gp_load_le64(record + GP_ID_SIZE);
  return true;
}

/* The table gets its size beforehand: a log begins with ids in the order of their hashes, which
 * would crowd at the start of a table that grows. */
static gp_status replay(FILE *log, uint64_t records, gp_idset *seen, log_reader *reader,
                        gp_error *error) {
  uint8_t id[GP_ID_SIZE];
  uint64_t place = 0;
  gp_status status = records < SIZE_MAX ? gp_idset_reserve(seen, (size_t)records, error)
                                        : gp_fail_memory(error, "the table of coins");
  while (status == GP_OK && get_record(log, id, &place)) {
    if (!gp_idset_insert(seen, id) || place == KNOWN) {
      continue;
    }
    memcpy(reader->ids[reader->count], id, GP_ID_SIZE);
    reader->documents[reader->count] = place >> 1;
    reader->flags[reader->count] =
        (uint8_t)(GP_COIN_FRESH | ((place & 1) != 0 ? GP_COIN_GREEN : 0));
    if (++reader->count == GP_COIN_CHUNK) {
      status = flush_visits(reader, error);
    }
  }
  if (status == GP_OK && ferror(log)) {
    status = gp_fail_system(error, "cannot read a scratch file", errno);
  }
  return status != GP_OK ? status : flush_visits(reader, error);
}

static gp_status split_log(const gp_memory_budget *budget, FILE *log, unsigned skip,
                           FILE *parts[SPLIT], gp_error *error) {
  gp_status status = GP_OK;
  for (unsigned i = 0; i < SPLIT && status == GP_OK; i++) {
    status = open_log(budget, &parts[i], error);
  }
  uint8_t id[GP_ID_SIZE];
  uint64_t place = 0;
  while (status == GP_OK && get_record(log, id, &place)) {
    const uint64_t part = gp_id_hash(id) << skip >> (64 - SPLIT_LOG2);
    status = put_record(parts[part], id, place, error);
  }
  return status == GP_OK && ferror(log)
             ? gp_fail_system(error, "cannot read a scratch file", errno)
             : status;
}

/* Whether a table for so many coins fits: at most 5/8 full, and up to twice as large as it would
 * have to be. */
static bool fits(const gp_memory_budget *budget, uint64_t records) {
  return budget->limit == 0 || records <= budget->limit / ((uint64_t)GP_ID_SIZE * 4);
}

/* Takes over `log`. Recursion ends after SKIP_MAX / SPLIT_LOG2 levels. */
static gp_status finish_log( // NOLINT(misc-no-recursion)
    const gp_memory_budget *budget, FILE *log, unsigned skip, log_reader *reader,
    gp_error *error) {
  const off_t size = fflush(log) == 0 ? ftello(log) : -1;
  if (size < 0 || fseeko(log, 0, SEEK_SET) != 0) {
    const gp_status status = gp_fail_system(error, "cannot write a scratch file", errno);
    (void)fclose(log);
    return status;
  }
  gp_status status = GP_OK;
  const uint64_t records = (uint64_t)size / RECORD_SIZE;
  if (fits(budget, records) || skip >= SKIP_MAX) {
    gp_idset seen = {.skip = skip};
    status = replay(log, records, &seen, reader, error);
    gp_idset_release(&seen);
    (void)fclose(log);
    return status;
  }
  FILE *parts[SPLIT] = {NULL};
  status = split_log(budget, log, skip, parts, error);
  (void)fclose(log);
  for (unsigned i = 0; i < SPLIT; i++) {
    if (status == GP_OK) {
      status = finish_log(budget, parts[i], skip + SPLIT_LOG2, reader, error);
    } else if (parts[i] != NULL) {
      (void)fclose(parts[i]);
    }
  }
  return status;
}

gp_status gp_coin_table_finish(gp_coin_table *table, gp_coin_visit visit, void *user,
                               gp_error *error) {
  bool deferred = false;
  for (unsigned i = 0; i < GP_SHARDS; i++) {
    deferred = deferred || table->shards[i].log != NULL;
  }
  if (!deferred) {
    return GP_OK;
  }
  log_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) {
    return gp_fail_memory(error, "a scratch buffer");
  }
  reader->visit = visit;
  reader->user = user;
  gp_status status = GP_OK;
  for (unsigned i = 0; i < GP_SHARDS; i++) { /* make room first */
    release_set(table, &table->shards[i].seen);
  }
  for (unsigned i = 0; i < GP_SHARDS && status == GP_OK; i++) {
    FILE *log = table->shards[i].log;
    table->shards[i].log = NULL;
    if (log != NULL) {
      status = finish_log(table->budget, log, GP_SHARDS_LOG2, reader, error);
    }
  }
  free(reader);
  return status;
}

/*
 * The first 12 bytes of an id are a nonce, which is pseudorandom under a secret key, so
 * nobody can choose texts that collide; the last 4 are a token id or zero, which
 * somebody may have chosen. The hash multiplies the whole id by a secret odd number that
 * the nonce itself supplies: with a fixed nonce this is multiply-shift hashing of the
 * token under a multiplier the chooser does not know [Dietzfelbinger et al. 1997].
 */
#ifdef __linux__
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise() */
#endif

#include "common/idset.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "common/bytes.h"
#include "common/error.h"

#define CAPACITY_MIN ((size_t)64)

/* Large tables are asked for in huge pages: every look-up goes to another page, and with small
 * ones the machine spends more time finding the page than the slot. */
#define LARGE_TABLE ((size_t)1 << 22) /* bytes */

static void *allocate_slots(size_t capacity) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const size_t size = capacity * GP_ID_SIZE;
  if (size >= LARGE_TABLE) {
    void *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED) {
      return NULL;
    }
    (void)madvise(slots, size, MADV_HUGEPAGE);
    return slots;
  }
#endif
  return calloc(capacity, GP_ID_SIZE);
}

/* Pages that go back to the system need no wiping: it clears them before anybody else gets
 * them. Those of the allocator may stay in the process. */
static void free_slots(void *slots, size_t capacity) {
  if (slots == NULL) {
    return;
  }
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (capacity * GP_ID_SIZE >= LARGE_TABLE) {
    (void)munmap(slots, capacity * GP_ID_SIZE);
    return;
  }
#endif
  sodium_memzero(slots, capacity * GP_ID_SIZE);
  free(slots);
}

static bool is_zero(const uint8_t id[GP_ID_SIZE]) {
  const gp_words x = gp_load_words(id);
  return (x.word[0] | x.word[1]) == 0;
}

static size_t home(const gp_idset *set, const uint8_t id[GP_ID_SIZE]) {
  return (size_t)(gp_id_hash(id) << set->skip >> set->shift);
}

/* The slot that holds the id, or the empty one where it belongs, from its home on. */
static inline uint8_t *find_from(const gp_idset *set, const uint8_t id[GP_ID_SIZE], size_t i) {
  while (!is_zero(set->slots[i]) && !gp_id_equal(set->slots[i], id)) {
    i = (i + 1) & (set->capacity - 1);
  }
  return set->slots[i];
}

static uint8_t *find(const gp_idset *set, const uint8_t id[GP_ID_SIZE]) {
  return find_from(set, id, home(set, id));
}

static gp_status grow(gp_idset *set, size_t capacity, gp_error *error) {
  gp_idset bigger = {
      .capacity = capacity, .skip = set->skip, .used = set->used, .has_zero = set->has_zero};
  bigger.shift = 64;
  for (size_t size = capacity; size > 1; size /= 2) {
    bigger.shift--;
  }
  bigger.slots = allocate_slots(capacity);
  if (bigger.slots == NULL) {
    return gp_fail(error, GP_ERR_MEMORY,
                   "out of memory: %zu MiB for a table of pairs (--max-memory uses the disk)",
                   (capacity >> 10) * GP_ID_SIZE / 1024 + 1);
  }
  for (size_t i = 0; i < set->capacity; i++) {
    if (!is_zero(set->slots[i])) {
      memcpy(find(&bigger, set->slots[i]), set->slots[i], GP_ID_SIZE);
    }
  }
  gp_idset_release(set);
  *set = bigger;
  return GP_OK;
}

size_t gp_idset_capacity_for(const gp_idset *set, size_t extra) {
  size_t capacity = set->capacity < CAPACITY_MIN ? CAPACITY_MIN : set->capacity;
  if (extra > SIZE_MAX / (4 * (size_t)GP_ID_SIZE) - set->used) {
    return 0;
  }
  while (capacity / 8 * 5 < set->used + extra) { /* at most 5/8 full */
    capacity *= 2;
  }
  return capacity;
}

gp_status gp_idset_reserve(gp_idset *set, size_t extra, gp_error *error) {
  const size_t capacity = gp_idset_capacity_for(set, extra);
  if (capacity == 0) {
    return gp_fail_memory(error, "the table of seen pairs would exceed the address space");
  }
  return capacity == set->capacity ? GP_OK : grow(set, capacity, error);
}

static void prefetch(const uint8_t *slot) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(slot, 1);
#else
  (void)slot;
#endif
}

static inline bool insert_at(gp_idset *set, const uint8_t id[GP_ID_SIZE], size_t first) {
  if (is_zero(id)) {
    const bool is_new = !set->has_zero;
    set->has_zero = true;
    return is_new;
  }
  uint8_t *slot = find_from(set, id, first);
  const bool is_new = is_zero(slot);
  gp_store_words(slot, gp_load_words(id)); /* changes nothing where it stands there */
  set->used += is_new;
  return is_new;
}

bool gp_idset_insert(gp_idset *set, const uint8_t id[GP_ID_SIZE]) {
  return insert_at(set, id, home(set, id));
}

/* Look-ups under way at once: more than the ten to sixteen misses that processors follow, since
 * some of them hit. A power of two. */
#define AHEAD ((size_t)32)

void gp_idset_insert_all(gp_idset *set, const uint8_t (*ids)[GP_ID_SIZE], size_t count,
                         uint8_t *is_new) {
  size_t homes[AHEAD];
  for (size_t i = 0; i < count + AHEAD; i++) {
    if (i >= AHEAD) {
      is_new[i - AHEAD] = insert_at(set, ids[i - AHEAD], homes[i % AHEAD]);
    }
    if (i < count) {
      homes[i % AHEAD] = home(set, ids[i]);
      prefetch(set->slots[homes[i % AHEAD]]);
    }
  }
}

bool gp_idset_contains(const gp_idset *set, const uint8_t id[GP_ID_SIZE]) {
  if (is_zero(id)) {
    return set->has_zero;
  }
  return set->capacity > 0 && !is_zero(find(set, id));
}

void gp_idset_clear_or_shrink(gp_idset *set) {
  if (set->used < set->capacity / 16) {
    gp_idset_release(set);
  } else {
    gp_idset_clear(set);
  }
}

void gp_idset_clear(gp_idset *set) {
  if (set->used > 0) {
    memset(set->slots, 0, set->capacity * GP_ID_SIZE);
  }
  set->used = 0;
  set->has_zero = false;
}

void gp_idset_release(gp_idset *set) {
  free_slots(set->slots, set->capacity);
  *set = (gp_idset){.skip = set->skip};
}

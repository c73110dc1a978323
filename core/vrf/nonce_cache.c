/*
 * A table of sets of eight entries. A tag chooses the shard, which has a lock of its own, and a
 * set there. The entries of a shard are made when the first is put there, in guarded memory: left
 * out of core files, wiped.
 *
 * Tags have 128 bits and inputs are not kept. The eight entries that a look-up compares with
 * share 15 of them with its tag: another input's nonce is found with a probability of at most
 * 2^-110. The key of the hash is random and secret, so nobody can search for such inputs.
 */
#include "vrf/nonce_cache.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

#define SHARDS 64
#define WAYS   8
#define SETS   512 /* of a shard: 64 * 512 * 8 = 262,144 entries of 32 bytes, 8 MiB */

typedef struct entry {
  gp_nonce_tag tag;
  uint8_t nonce[GP_NONCE_SIZE];
  uint32_t used; /* the shard's clock when it was last asked for; 0: empty */
} entry;

typedef struct shard {
  pthread_mutex_t lock;
  entry *entries; /* SETS * WAYS, or NULL */
  uint32_t clock;
  uint64_t found;
  uint64_t missed;
} shard;

struct gp_nonce_cache {
  uint8_t *secret; /* what tags are hashed with: guarded */
  shard shards[SHARDS];
};

gp_status gp_nonce_cache_new(gp_nonce_cache **cache, gp_error *error) {
  gp_nonce_cache *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a cache of nonces");
  }
  made->secret = sodium_malloc(crypto_shorthash_siphashx24_KEYBYTES);
  if (made->secret == NULL) {
    free(made);
    return gp_fail_memory(error, "a cache of nonces");
  }
  randombytes_buf(made->secret, crypto_shorthash_siphashx24_KEYBYTES);
  for (size_t i = 0; i < SHARDS; i++) {
    if (pthread_mutex_init(&made->shards[i].lock, NULL) != 0) {
      while (i-- > 0) {
        (void)pthread_mutex_destroy(&made->shards[i].lock);
      }
      sodium_free(made->secret);
      free(made);
      return gp_fail_memory(error, "a lock");
    }
  }
  *cache = made;
  return GP_OK;
}

void gp_nonce_cache_free(gp_nonce_cache *cache) {
  if (cache == NULL) {
    return;
  }
  for (size_t i = 0; i < SHARDS; i++) {
    sodium_free(cache->shards[i].entries); /* wipes */
    (void)pthread_mutex_destroy(&cache->shards[i].lock);
  }
  sodium_free(cache->secret);
  free(cache);
}

gp_nonce_tag gp_nonce_cache_tag(const gp_nonce_cache *cache, const uint8_t *input, size_t size) {
  gp_nonce_tag tag;
  _Static_assert(sizeof tag.bytes == crypto_shorthash_siphashx24_BYTES, "tag size");
  (void)crypto_shorthash_siphashx24(tag.bytes, input, size, cache->secret);
  return tag;
}

static shard *shard_of(gp_nonce_cache *cache, const gp_nonce_tag *tag) {
  return &cache->shards[tag->bytes[0] % SHARDS];
}

/* The first of the eight entries where a tag may be. */
static entry *set_of(const shard *self, const gp_nonce_tag *tag) {
  return self->entries + (size_t)(gp_load_le32(tag->bytes + 1) % SETS) * WAYS;
}

/* The time of this use. Once in four billion uses all entries look alike old. */
static uint32_t tick(shard *self) {
  if (++self->clock == 0) {
    for (size_t i = 0; i < (size_t)SETS * WAYS && self->entries != NULL; i++) {
      self->entries[i].used = self->entries[i].used != 0;
    }
    self->clock = 2;
  }
  return self->clock;
}

static entry *find(const shard *self, const gp_nonce_tag *tag) {
  entry *set = self->entries != NULL ? set_of(self, tag) : NULL;
  for (size_t i = 0; set != NULL && i < WAYS; i++) {
    if (set[i].used != 0 && memcmp(&set[i].tag, tag, sizeof *tag) == 0) {
      return &set[i];
    }
  }
  return NULL;
}

bool gp_nonce_cache_find(gp_nonce_cache *cache, const gp_nonce_tag *tag,
                         uint8_t nonce[GP_NONCE_SIZE]) {
  shard *self = shard_of(cache, tag);
  (void)pthread_mutex_lock(&self->lock);
  entry *there = find(self, tag);
  if (there != NULL) {
    memcpy(nonce, there->nonce, GP_NONCE_SIZE);
    there->used = tick(self);
    self->found++;
  } else {
    self->missed++;
  }
  (void)pthread_mutex_unlock(&self->lock);
  return there != NULL;
}

static entry *oldest(entry *set) {
  entry *chosen = set;
  for (size_t i = 1; i < WAYS; i++) {
    if (set[i].used < chosen->used) {
      chosen = &set[i];
    }
  }
  return chosen;
}

void gp_nonce_cache_put(gp_nonce_cache *cache, const gp_nonce_tag *tag,
                        const uint8_t nonce[GP_NONCE_SIZE]) {
  shard *self = shard_of(cache, tag);
  (void)pthread_mutex_lock(&self->lock);
  if (self->entries == NULL) {
    self->entries = sodium_malloc(sizeof(entry) * SETS * WAYS);
    if (self->entries != NULL) {
      memset(self->entries, 0, sizeof(entry) * SETS * WAYS);
    }
  }
  if (self->entries != NULL) {
    entry *place = find(self, tag); /* another thread may have been here */
    place = place != NULL ? place : oldest(set_of(self, tag));
    place->tag = *tag;
    memcpy(place->nonce, nonce, GP_NONCE_SIZE);
    place->used = tick(self);
  }
  (void)pthread_mutex_unlock(&self->lock);
}

gp_nonce_cache_counts gp_nonce_cache_count(gp_nonce_cache *cache) {
  gp_nonce_cache_counts counts = {0};
  for (size_t i = 0; i < SHARDS; i++) {
    shard *self = &cache->shards[i];
    (void)pthread_mutex_lock(&self->lock);
    counts.found += self->found;
    counts.missed += self->missed;
    (void)pthread_mutex_unlock(&self->lock);
  }
  return counts;
}

/* Keys that are committed to, in the order of their commitments (SPEC.md section 21). */
#include "evidence/key_set.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "key/key.h"

#define SCHEME_SIZE   16
#define AT_PARAMS     16
#define AT_COMMITMENT 20

_Static_assert(AT_COMMITMENT + GP_COMMITMENT_SIZE == GP_LEAF_SIZE, "leaf size");
_Static_assert(GP_ROOT_SIZE == GP_HASH_SIZE, "the root is a hash");

/* ------------------------------------------------------------------- leaves */

void gp_leaf_encode(const gp_committed_key *key, uint8_t leaf[GP_LEAF_SIZE]) {
  memset(leaf, 0, GP_LEAF_SIZE);
  memcpy(leaf, key->scheme, strnlen(key->scheme, SCHEME_SIZE));
  gp_params_encode(&key->params, leaf + AT_PARAMS);
  memcpy(leaf + AT_COMMITMENT, key->commitment, GP_COMMITMENT_SIZE);
}

static bool is_scheme(const uint8_t *bytes, const char *scheme) {
  char padded[SCHEME_SIZE] = {0};
  memcpy(padded, scheme, strlen(scheme));
  return memcmp(bytes, padded, SCHEME_SIZE) == 0;
}

gp_status gp_leaf_decode(const uint8_t leaf[GP_LEAF_SIZE], gp_committed_key *key,
                         gp_error *error) {
  gp_committed_key read = {.params = gp_params_decode(leaf + AT_PARAMS)};
  if (!is_scheme(leaf, GP_SCHEME_ID) && !is_scheme(leaf, GP_SCHEME_ID_PROVABLE)) {
    return gp_fail(error, GP_ERR_VERSION, "holds a key of a scheme that this library lacks");
  }
  gp_error inner;
  if (gp_params_check(&read.params, &inner) != GP_OK) {
    return gp_fail(error, GP_ERR_FORMAT, "holds a key of bad parameters: %s", inner.message);
  }
  memcpy(read.scheme, leaf, SCHEME_SIZE);
  memcpy(read.commitment, leaf + AT_COMMITMENT, GP_COMMITMENT_SIZE);
  gp_key_id_of(read.commitment, read.id);
  *key = read;
  return GP_OK;
}

/* ------------------------------------------------------------------ the set */

gp_status gp_key_set_new(gp_key_set **set, gp_error *error) {
  if (set == NULL) {
    return gp_fail_null(error, __func__, "set");
  }
  gp_key_set *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a set of keys");
  }
  *set = made;
  return GP_OK;
}

void gp_key_set_free(gp_key_set *set) {
  if (set != NULL) {
    free(set->entries);
    free(set);
  }
}

size_t gp_key_set_size(const gp_key_set *set) {
  return set->count;
}

static gp_status make_room(gp_key_set *set, gp_error *error) {
  if (set->count == GP_KEY_SET_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "a set holds %d keys at most", GP_KEY_SET_MAX);
  }
  if (set->count < set->capacity) {
    return GP_OK;
  }
  const size_t capacity = set->capacity == 0 ? 16 : 2 * set->capacity;
  gp_set_entry *entries = realloc(set->entries, capacity * sizeof *entries);
  if (entries == NULL) {
    return gp_fail_memory(error, "a set of keys");
  }
  set->entries = entries;
  set->capacity = capacity;
  return GP_OK;
}

gp_status gp_key_set_append(gp_key_set *set, const gp_set_entry *entry, gp_error *error) {
  const gp_status status = make_room(set, error);
  if (status == GP_OK) {
    set->entries[set->count++] = *entry;
  }
  return status;
}

/* The first key that is not below the commitment that begins with these bytes. */
static size_t lower_bound(const gp_key_set *set, const uint8_t *commitment, size_t size) {
  size_t first = 0;
  size_t count = set->count;
  while (count > 0) {
    const size_t half = count / 2;
    if (memcmp(set->entries[first + half].key.commitment, commitment, size) < 0) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

/* A commitment fixes the parameters, so one of two such leaves was made up. */
static gp_status check_same(const gp_committed_key *one, const gp_committed_key *other,
                            gp_error *error) {
  uint8_t leaf[GP_LEAF_SIZE];
  uint8_t other_leaf[GP_LEAF_SIZE];
  gp_leaf_encode(one, leaf);
  gp_leaf_encode(other, other_leaf);
  return memcmp(leaf, other_leaf, GP_LEAF_SIZE) == 0
             ? GP_OK
             : gp_fail(error, GP_ERR_ARGUMENT,
                       "key %s is there already, with another scheme or other parameters: one of "
                       "the two is no real key",
                       one->id);
}

static gp_status check_key(const gp_committed_key *key, gp_error *error) {
  uint8_t leaf[GP_LEAF_SIZE];
  gp_committed_key decoded;
  gp_error inner;
  gp_leaf_encode(key, leaf);
  const gp_status status = gp_leaf_decode(leaf, &decoded, &inner);
  return status == GP_OK ? GP_OK : gp_fail(error, GP_ERR_ARGUMENT, "%s", inner.message);
}

gp_status gp_key_set_add(gp_key_set *set, const gp_committed_key *key, gp_error *error) {
  if (set == NULL || key == NULL) {
    return gp_fail_null(error, __func__, set == NULL ? "set" : "key");
  }
  gp_status status = check_key(key, error);
  if (status != GP_OK) {
    return status;
  }
  const size_t at = lower_bound(set, key->commitment, GP_COMMITMENT_SIZE);
  if (at < set->count &&
      memcmp(set->entries[at].key.commitment, key->commitment, GP_COMMITMENT_SIZE) == 0) {
    status = check_same(key, &set->entries[at].key, error);
    if (status == GP_OK && !set->entries[at].of_set) {
      status = gp_fail(error, GP_ERR_ARGUMENT, "key %s is named twice", set->entries[at].key.id);
    }
    if (status == GP_OK) {
      set->entries[at].of_set = false;
    }
    return status;
  }
  status = make_room(set, error);
  if (status == GP_OK) {
    gp_set_entry *entry = set->entries + at;
    memmove(entry + 1, entry, (set->count - at) * sizeof *entry);
    *entry = (gp_set_entry){.key = *key};
    gp_key_id_of(entry->key.commitment, entry->key.id);
    set->count++;
  }
  return status;
}

/* Merges two ascending lists; what both have is taken once. */
static gp_status merge(const gp_key_set *one, const gp_key_set *other, gp_key_set *merged,
                       gp_error *error) {
  gp_status status = GP_OK;
  size_t i = 0;
  size_t j = 0;
  while (status == GP_OK && (i < one->count || j < other->count)) {
    const int order = i == one->count ? 1
                      : j == other->count
                          ? -1
                          : memcmp(one->entries[i].key.commitment,
                                   other->entries[j].key.commitment, GP_COMMITMENT_SIZE);
    gp_set_entry entry = order <= 0 ? one->entries[i] : other->entries[j];
    entry.of_set = order > 0 || one->entries[i].of_set;
    if (order == 0) {
      status = check_same(&one->entries[i].key, &other->entries[j].key, error);
    }
    i += order <= 0;
    j += order >= 0;
    if (status == GP_OK) {
      status = gp_key_set_append(merged, &entry, error);
    }
  }
  return status;
}

gp_status gp_key_set_unite(gp_key_set *set, const gp_key_set *other, gp_error *error) {
  gp_key_set merged = {0};
  const gp_status status = merge(set, other, &merged, error);
  if (status != GP_OK) {
    free(merged.entries);
    return status;
  }
  free(set->entries);
  *set = merged;
  return GP_OK;
}

/* -------------------------------------------------------------------- asking */

static gp_status check_index(const gp_key_set *set, size_t i, gp_error *error) {
  return i < set->count ? GP_OK
                        : gp_fail(error, GP_ERR_ARGUMENT, "there is no key %zu in a set of %zu",
                                  i, set->count);
}

gp_status gp_key_set_get(const gp_key_set *set, size_t i, gp_committed_key *key,
                         gp_error *error) {
  if (set == NULL || key == NULL) {
    return gp_fail_null(error, __func__, set == NULL ? "set" : "key");
  }
  const gp_status status = check_index(set, i, error);
  if (status == GP_OK) {
    *key = set->entries[i].key;
  }
  return status;
}

gp_status gp_key_set_find(const gp_key_set *set, const uint8_t *commitment, size_t size,
                          size_t *i, gp_error *error) {
  if (set == NULL || commitment == NULL || i == NULL) {
    return gp_fail_null(error, __func__,
                        set == NULL          ? "set"
                        : commitment == NULL ? "commitment"
                                             : "i");
  }
  if (size == 0 || size > GP_COMMITMENT_SIZE) {
    return gp_fail(error, GP_ERR_ARGUMENT, "a commitment has 1 to %d bytes, not %zu",
                   GP_COMMITMENT_SIZE, size);
  }
  const size_t at = lower_bound(set, commitment, size);
  if (at == set->count || memcmp(set->entries[at].key.commitment, commitment, size) != 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the key is not in the set, which has %zu",
                   set->count);
  }
  if (at + 1 < set->count && memcmp(set->entries[at + 1].key.commitment, commitment, size) == 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "several keys of the set begin so: name more of it");
  }
  *i = at;
  return GP_OK;
}

/* A path says little about the size of its tree: most fit trees of other sizes as well. So the
 * root that is published is made of the tree's head and its size. */
static void finish_root(const gp_hash *head, uint64_t tree_size, gp_hash *root) {
  static const char domain[] = "greenprint-keys"; /* its NUL included */
  uint8_t size[8];
  crypto_hash_sha256_state state;
  gp_store_le64(size, tree_size);
  (void)crypto_hash_sha256_init(&state);
  (void)crypto_hash_sha256_update(&state, (const uint8_t *)domain, sizeof domain);
  (void)crypto_hash_sha256_update(&state, size, sizeof size);
  (void)crypto_hash_sha256_update(&state, head->bytes, GP_HASH_SIZE);
  (void)crypto_hash_sha256_final(&state, root->bytes);
}

/* The hashes of all leaves, to be freed. */
static gp_status hash_leaves(const gp_key_set *set, gp_hash **hashes, gp_error *error) {
  gp_hash *made = malloc(set->count * sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "the hashes of a tree of keys");
  }
  for (size_t i = 0; i < set->count; i++) {
    uint8_t leaf[GP_LEAF_SIZE];
    gp_leaf_encode(&set->entries[i].key, leaf);
    gp_merkle_leaf(leaf, GP_LEAF_SIZE, &made[i]);
  }
  *hashes = made;
  return GP_OK;
}

gp_status gp_key_set_root(const gp_key_set *set, uint8_t root[GP_ROOT_SIZE], gp_error *error) {
  if (set == NULL || root == NULL) {
    return gp_fail_null(error, __func__, set == NULL ? "set" : "root");
  }
  if (set->count == 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the set is empty: there is no key to commit to");
  }
  gp_hash *hashes = NULL;
  const gp_status status = hash_leaves(set, &hashes, error);
  if (status == GP_OK) {
    gp_hash head;
    gp_hash found;
    gp_merkle_root(hashes, set->count, &head);
    finish_root(&head, set->count, &found);
    memcpy(root, found.bytes, GP_ROOT_SIZE);
    free(hashes);
  }
  return status;
}

gp_status gp_key_set_prove(const gp_key_set *set, size_t i, gp_inclusion *inclusion,
                           gp_error *error) {
  if (set == NULL || inclusion == NULL) {
    return gp_fail_null(error, __func__, set == NULL ? "set" : "inclusion");
  }
  gp_hash *hashes = NULL;
  gp_status status = check_index(set, i, error);
  if (status == GP_OK) {
    status = hash_leaves(set, &hashes, error);
  }
  if (status != GP_OK) {
    return status;
  }
  gp_hash path[GP_INCLUSION_PATH_MAX];
  gp_inclusion made = {.key = set->entries[i].key, .index = i, .tree_size = set->count};
  made.path_length = gp_merkle_path(hashes, set->count, i, path);
  memcpy(made.path, path, made.path_length * sizeof *path);
  free(hashes);
  gp_hash root;
  gp_inclusion_climb(&made, &root);
  memcpy(made.root, root.bytes, GP_ROOT_SIZE);
  *inclusion = made;
  return GP_OK;
}

/* ---------------------------------------------------------------- inclusion */

void gp_inclusion_climb(const gp_inclusion *inclusion, gp_hash *root) {
  uint8_t leaf[GP_LEAF_SIZE];
  gp_hash hash;
  gp_hash path[GP_INCLUSION_PATH_MAX];
  gp_leaf_encode(&inclusion->key, leaf);
  gp_merkle_leaf(leaf, GP_LEAF_SIZE, &hash);
  memcpy(path, inclusion->path, inclusion->path_length * sizeof *path);
  gp_merkle_climb(&hash, inclusion->index, inclusion->tree_size, path, &hash);
  finish_root(&hash, inclusion->tree_size, root);
}

gp_status gp_inclusion_check(const gp_inclusion *inclusion, gp_error *error) {
  if (inclusion == NULL) {
    return gp_fail_null(error, __func__, "inclusion");
  }
  if (inclusion->tree_size == 0 || inclusion->tree_size > GP_KEY_SET_MAX ||
      inclusion->index >= inclusion->tree_size) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "key number %" PRIu64 " of %" PRIu64 " is none of a set of 1 to %d",
                   inclusion->index, inclusion->tree_size, GP_KEY_SET_MAX);
  }
  const size_t length = gp_merkle_path_length(inclusion->index, inclusion->tree_size);
  if (inclusion->path_length != length) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the path has %zu steps, where the tree takes %zu",
                   inclusion->path_length, length);
  }
  gp_hash root;
  gp_inclusion_climb(inclusion, &root);
  return memcmp(root.bytes, inclusion->root, GP_ROOT_SIZE) == 0
             ? GP_OK
             : gp_fail(error, GP_ERR_ARGUMENT,
                       "the path does not lead from key %s to the root: the key is not shown to "
                       "be among those committed to",
                       inclusion->key.id);
}

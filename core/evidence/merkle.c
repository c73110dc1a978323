#include "evidence/merkle.h"

#include <sodium.h>

_Static_assert(GP_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");

/* What leaves and nodes begin with, so that none can be taken for the other. */
static const uint8_t leaf_prefix = 0;
static const uint8_t node_prefix = 1;

void gp_merkle_leaf(const uint8_t *data, size_t size, gp_hash *hash) {
  crypto_hash_sha256_state state;
  (void)crypto_hash_sha256_init(&state);
  (void)crypto_hash_sha256_update(&state, &leaf_prefix, 1);
  (void)crypto_hash_sha256_update(&state, data, size);
  (void)crypto_hash_sha256_final(&state, hash->bytes);
}

/* `joined` may be one of the others. */
static void join(const gp_hash *left, const gp_hash *right, gp_hash *joined) {
  crypto_hash_sha256_state state;
  (void)crypto_hash_sha256_init(&state);
  (void)crypto_hash_sha256_update(&state, &node_prefix, 1);
  (void)crypto_hash_sha256_update(&state, left->bytes, GP_HASH_SIZE);
  (void)crypto_hash_sha256_update(&state, right->bytes, GP_HASH_SIZE);
  (void)crypto_hash_sha256_final(&state, joined->bytes);
}

/* Puts the level above `n` hashes, n > 1, in their place; returns how many those are. */
static size_t go_up(gp_hash *hashes, size_t n) {
  for (size_t i = 0; i + 1 < n; i += 2) {
    join(&hashes[i], &hashes[i + 1], &hashes[i / 2]);
  }
  if (n % 2 == 1) {
    hashes[n / 2] = hashes[n - 1];
  }
  return n / 2 + n % 2;
}

void gp_merkle_root(gp_hash *hashes, size_t n, gp_hash *root) {
  while (n > 1) {
    n = go_up(hashes, n);
  }
  *root = hashes[0];
}

size_t gp_merkle_path(gp_hash *hashes, size_t n, size_t index, gp_hash *path) {
  size_t length = 0;
  while (n > 1) {
    const size_t sibling = index ^ 1U;
    if (sibling < n) {
      path[length++] = hashes[sibling];
    }
    n = go_up(hashes, n);
    index /= 2;
  }
  return length;
}

size_t gp_merkle_path_length(uint64_t index, uint64_t n) {
  size_t length = 0;
  while (n > 1) {
    length += (index ^ 1U) < n;
    n = n / 2 + n % 2;
    index /= 2;
  }
  return length;
}

void gp_merkle_climb(const gp_hash *leaf, uint64_t index, uint64_t n, const gp_hash *path,
                     gp_hash *root) {
  *root = *leaf;
  while (n > 1) {
    if (index % 2 == 1) {
      join(path++, root, root);
    } else if (index + 1 < n) {
      join(root, path++, root);
    }
    n = n / 2 + n % 2;
    index /= 2;
  }
}

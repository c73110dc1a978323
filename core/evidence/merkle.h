/*
 * Merkle trees as in RFC 9162, section 2.1. The tree over n leaves has on its left the largest
 * power of two below n; that is the same as joining neighbours level by level from the left,
 * where the last of an odd number goes up as it is, and so is done here.
 */
#ifndef GP_EVIDENCE_MERKLE_H
#define GP_EVIDENCE_MERKLE_H

#include "greenprint.h"

#define GP_HASH_SIZE 32

typedef struct gp_hash {
  uint8_t bytes[GP_HASH_SIZE];
} gp_hash;

/* The hash of a leaf's data. */
void gp_merkle_leaf(const uint8_t *data, size_t size, gp_hash *hash);

/* The root of the tree over `n` leaves, at least 1, whose hashes are overwritten. */
void gp_merkle_root(gp_hash *hashes, size_t n, gp_hash *root);

/* The path from a leaf to the root, the nearest sibling first. Overwrites `hashes`. Returns its
 * length, which is that of gp_merkle_path_length(). */
size_t gp_merkle_path(gp_hash *hashes, size_t n, size_t index, gp_hash *path);

/* How many siblings there are on the path of leaf `index` in a tree of n leaves, n > index. */
size_t gp_merkle_path_length(uint64_t index, uint64_t n);

/* The root that a leaf's hash and its path lead to; `root` may be `leaf`. Paths are the same in
 * trees of many sizes: that the size is right has to be known from elsewhere. */
void gp_merkle_climb(const gp_hash *leaf, uint64_t index, uint64_t n, const gp_hash *path,
                     gp_hash *root);

#endif

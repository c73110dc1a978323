/* Trees of keys: hashes against the recursion of RFC 9162, files, and what is refused. */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "evidence/key_set.h"
#include "io_support.h"

#define LEAVES 70

/* ------------------------------------------------------------------ the tree */

static void sha256(const uint8_t *data, size_t size, uint8_t *out) {
  assert_int_equal(EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL), 1);
}

/* MTH of RFC 9162, section 2.1.1, word for word: leaves are single bytes. */
static void tree_head(const uint8_t *leaves, size_t n, uint8_t *out) {
  uint8_t node[1 + 2 * GP_HASH_SIZE] = {1};
  if (n == 1) {
    const uint8_t leaf[2] = {0, leaves[0]};
    sha256(leaf, sizeof leaf, out);
    return;
  }
  size_t k = 1;
  while (2 * k < n) {
    k *= 2;
  }
  tree_head(leaves, k, node + 1);
  tree_head(leaves + k, n - k, node + 1 + GP_HASH_SIZE);
  sha256(node, sizeof node, out);
}

/* PATH of section 2.1.3.1; returns its length. */
static size_t tree_path(const uint8_t *leaves, size_t n, size_t m, gp_hash *steps) {
  if (n == 1) {
    return 0;
  }
  size_t k = 1;
  while (2 * k < n) {
    k *= 2;
  }
  size_t length = 0;
  if (m < k) {
    length = tree_path(leaves, k, m, steps);
    tree_head(leaves + k, n - k, steps[length].bytes);
  } else {
    length = tree_path(leaves + k, n - k, m - k, steps);
    tree_head(leaves, k, steps[length].bytes);
  }
  return length + 1;
}

static void hash_leaves(const uint8_t *leaves, size_t n, gp_hash *hashes) {
  for (size_t i = 0; i < n; i++) {
    gp_merkle_leaf(leaves + i, 1, &hashes[i]);
  }
}

static void test_roots_and_paths(void **state) {
  (void)state;
  uint8_t leaves[LEAVES];
  gp_hash hashes[LEAVES];
  for (size_t n = 1; n <= LEAVES; n++) {
    leaves[n - 1] = (uint8_t)(3 * n);
    gp_hash root;
    gp_hash expected;
    tree_head(leaves, n, expected.bytes);
    hash_leaves(leaves, n, hashes);
    gp_merkle_root(hashes, n, &root);
    assert_memory_equal(root.bytes, expected.bytes, GP_HASH_SIZE);
    for (size_t i = 0; i < n; i++) {
      gp_hash steps[8];
      gp_hash expected_path[8];
      gp_hash leaf;
      hash_leaves(leaves, n, hashes);
      leaf = hashes[i];
      const size_t length = gp_merkle_path(hashes, n, i, steps);
      assert_int_equal(length, tree_path(leaves, n, i, expected_path));
      assert_int_equal(length, gp_merkle_path_length(i, n));
      assert_memory_equal(steps, expected_path, length * sizeof *steps);
      gp_merkle_climb(&leaf, i, n, steps, &root);
      assert_memory_equal(root.bytes, expected.bytes, GP_HASH_SIZE);
    }
  }
}

/* The eight leaves that the reference code of Certificate Transparency is tested with. */
static void test_known_roots(void **state) {
  (void)state;
  static const char *const data[] = {"",
                                     "00",
                                     "10",
                                     "2021",
                                     "3031",
                                     "40414243",
                                     "5051525354555657",
                                     "606162636465666768696a6b6c6d6e6f"};
  static const char *const roots[] = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  gp_hash leaves[8];
  for (size_t i = 0; i < 8; i++) {
    uint8_t leaf[16];
    const size_t size = strlen(data[i]) / 2;
    unhex(data[i], leaf, size);
    gp_merkle_leaf(leaf, size, &leaves[i]);
    gp_hash copy[8];
    gp_hash root;
    memcpy(copy, leaves, sizeof copy);
    gp_merkle_root(copy, i + 1, &root);
    assert_hex_equal(root.bytes, GP_HASH_SIZE, roots[i]);
  }
}

/* ----------------------------------------------------------------- the set */

static gp_committed_key committed(uint8_t first) {
  gp_committed_key key = {.scheme = GP_SCHEME_ID, .params = gp_params_default()};
  memset(key.commitment, 7, sizeof key.commitment);
  key.commitment[0] = first;
  (void)snprintf(key.id, sizeof key.id, "%02x07070707070707", first);
  return key;
}

static gp_key_set *set_of(const uint8_t *firsts, size_t n) {
  gp_key_set *set = NULL;
  assert_ok(gp_key_set_new(&set, error));
  for (size_t i = 0; i < n; i++) {
    const gp_committed_key key = committed(firsts[i]);
    assert_ok(gp_key_set_add(set, &key, error));
  }
  return set;
}

static void save_new(const gp_key_set *set) {
  (void)unlink(path);
  assert_ok(gp_key_set_save(set, path, error));
}

static bytes slurp(void) {
  bytes data = {0};
  char block[4096];
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  append(&data, block, fread(block, 1, sizeof block, file));
  (void)fclose(file);
  return data;
}

static void test_order_does_not_matter(void **state) {
  (void)state;
  const uint8_t one[] = {9, 1, 200, 77, 3};
  const uint8_t other[] = {3, 77, 1, 9, 200};
  gp_key_set *sets[] = {set_of(one, 5), set_of(other, 5)};
  bytes files[2];
  for (size_t i = 0; i < 2; i++) {
    struct stat facts;
    save_new(sets[i]);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0644);
    files[i] = slurp();
    gp_key_set_free(sets[i]);
  }
  assert_same_bytes(&files[0], &files[1]);
  gp_key_set *set = NULL;
  gp_committed_key key;
  assert_ok(gp_key_set_load(path, &set, error));
  assert_int_equal(gp_key_set_size(set), 5);
  assert_ok(gp_key_set_get(set, 2, &key, error));
  assert_string_equal(key.id, "0907070707070707");
  assert_string_equal(key.scheme, GP_SCHEME_ID);
  assert_fails(gp_key_set_get(set, 5, &key, error), GP_ERR_ARGUMENT,
               "there is no key 5 in a set of 5");
  gp_key_set_free(set);
  release(&files[0]);
  release(&files[1]);
}

static void test_twice(void **state) {
  (void)state;
  const uint8_t some[] = {1, 2};
  const uint8_t others[] = {2, 3};
  gp_key_set *set = set_of(others, 2);
  save_new(set);
  gp_key_set_free(set);
  set = set_of(some, 2);
  gp_committed_key key = committed(2);
  assert_fails(gp_key_set_add(set, &key, error), GP_ERR_ARGUMENT,
               "key 0207070707070707 is named twice");
  assert_ok(gp_key_set_add_file(set, path, error));
  assert_ok(gp_key_set_add_file(set, path, error));
  assert_int_equal(gp_key_set_size(set), 3);
  key = committed(3); /* came with the set: named once now, twice then */
  assert_ok(gp_key_set_add(set, &key, error));
  assert_fails(gp_key_set_add(set, &key, error), GP_ERR_ARGUMENT,
               "key 0307070707070707 is named twice");
  key.params.context_width = 4;
  assert_fails(gp_key_set_add(set, &key, error), GP_ERR_ARGUMENT,
               "key 0307070707070707 is there already, with another scheme or other parameters: "
               "one of the two is no real key");
  key = committed(9);
  key.params.gamma_num = 2;
  assert_int_equal(gp_key_set_add(set, &key, NULL), GP_ERR_ARGUMENT);
  key = committed(9);
  key.scheme[0] = 'x';
  assert_fails(gp_key_set_add(set, &key, error), GP_ERR_ARGUMENT,
               "holds a key of a scheme that this library lacks");
  assert_int_equal(gp_key_set_size(set), 3);
  gp_key_set_free(set);
}

static void test_find(void **state) {
  (void)state;
  const uint8_t some[] = {1, 2, 4};
  gp_key_set *set = set_of(some, 3);
  gp_committed_key key = committed(2);
  key.commitment[31] = 8;
  assert_ok(gp_key_set_add(set, &key, error));
  size_t i = 99;
  assert_ok(gp_key_set_find(set, key.commitment, 32, &i, error));
  assert_int_equal(i, 2);
  assert_fails(gp_key_set_find(set, key.commitment, 8, &i, error), GP_ERR_ARGUMENT,
               "several keys of the set begin so: name more of it");
  key = committed(4);
  assert_ok(gp_key_set_find(set, key.commitment, 8, &i, error));
  assert_int_equal(i, 3);
  for (uint8_t absent = 0; absent < 7; absent += 3) {
    key = committed(absent);
    assert_fails(gp_key_set_find(set, key.commitment, 32, &i, error), GP_ERR_ARGUMENT,
                 "the key is not in the set, which has 4");
  }
  assert_int_equal(gp_key_set_find(set, key.commitment, 0, &i, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_find(set, key.commitment, 33, &i, NULL), GP_ERR_ARGUMENT);
  gp_key_set_free(set);
}

static void test_empty_set(void **state) {
  (void)state;
  gp_key_set *set = set_of(NULL, 0);
  uint8_t root[GP_ROOT_SIZE];
  gp_inclusion proof;
  assert_fails(gp_key_set_root(set, root, error), GP_ERR_ARGUMENT,
               "the set is empty: there is no key to commit to");
  assert_int_equal(gp_key_set_save(set, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_prove(set, 0, &proof, NULL), GP_ERR_ARGUMENT);
  gp_key_set_free(set);
}

/* Whether it is no matter that the kind of what is at `path` is not said. */
static void load_unknown(bool proof, gp_status expected) {
  gp_inclusion inclusion = {.tree_size = 0};
  gp_key_set *set = NULL;
  gp_error error;
  assert_int_equal(gp_committed_load(path, &set, &inclusion, &error), expected);
  assert_int_equal(set != NULL, !proof && expected == GP_OK);
  assert_int_equal(inclusion.tree_size > 0, proof && expected == GP_OK);
  gp_key_set_free(set);
}

/* Loads what is at `path` as either kind. */
static gp_status load_any(bool proof, gp_error *error) {
  gp_inclusion inclusion;
  gp_key_set *set = NULL;
  const gp_status status =
      proof ? gp_inclusion_load(path, &inclusion, error) : gp_key_set_load(path, &set, error);
  assert_int_equal(set != NULL, !proof && status == GP_OK);
  gp_key_set_free(set);
  load_unknown(proof, status);
  return status;
}

static void put_checksum(bytes *file) {
  uint8_t *data = (uint8_t *)file->data;
  (void)crypto_hash_sha256(data + file->length - 32, data, file->length - 32);
}

/* Every changed bit is refused, with the checksum put right as well as without; so is every file
 * that ends early, and one with something behind it. */
static void damage(bool proof) {
  bytes file = slurp();
  gp_error error;
  assert_int_equal(load_any(proof, &error), GP_OK);
  for (size_t i = 0; i < file.length; i++) {
    for (int fixed = 0; fixed < (i < file.length - 32 ? 2 : 1); fixed++) {
      bytes copy = {0};
      append(&copy, file.data, file.length);
      copy.data[i] ^= (char)(1 << i % 8);
      if (fixed == 1) {
        put_checksum(&copy);
      }
      write_file(copy.data, copy.length);
      const gp_status status = load_any(proof, &error);
      assert_true(status == GP_ERR_FORMAT || status == GP_ERR_VERSION);
      release(&copy);
    }
  }
  for (size_t length = 0; length < file.length; length++) {
    write_file(file.data, length);
    assert_int_equal(load_any(proof, &error), GP_ERR_FORMAT);
  }
  append(&file, "", 1);
  write_file(file.data, file.length);
  assert_int_equal(load_any(proof, &error), GP_ERR_FORMAT);
  release(&file);
}

static void test_damaged_files(void **state) {
  (void)state;
  const uint8_t some[] = {1, 2, 3, 4, 5, 6, 7};
  gp_key_set *set = set_of(some, 7);
  gp_inclusion proof;
  save_new(set);
  damage(false);
  assert_ok(gp_key_set_prove(set, 6, &proof, error));
  (void)unlink(path);
  assert_ok(gp_inclusion_save(&proof, path, error));
  damage(true);
  gp_key_set_free(set);
}

static void test_claims(void **state) {
  (void)state;
  const uint8_t some[] = {1, 2};
  gp_key_set *set = set_of(some, 2);
  save_new(set);
  gp_key_set_free(set);
  const uint64_t counts[] = {
      0, 1, 3, GP_KEY_SET_MAX, GP_KEY_SET_MAX + 1, UINT64_MAX, UINT64_MAX / GP_LEAF_SIZE + 1};
  bytes file = slurp();
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    gp_store_le64((uint8_t *)file.data + 16, counts[i]);
    put_checksum(&file);
    write_file(file.data, file.length);
    assert_int_equal(load_any(false, NULL), GP_ERR_FORMAT);
  }
  release(&file);
}

static void test_proofs(void **state) {
  (void)state;
  uint8_t firsts[13];
  for (uint8_t i = 0; i < 13; i++) {
    firsts[i] = i;
  }
  for (size_t n = 1; n <= 13; n++) {
    gp_key_set *set = set_of(firsts, n);
    uint8_t root[GP_ROOT_SIZE];
    assert_ok(gp_key_set_root(set, root, error));
    for (size_t i = 0; i < n; i++) {
      gp_inclusion proof;
      gp_inclusion read;
      assert_ok(gp_key_set_prove(set, i, &proof, error));
      assert_memory_equal(proof.root, root, GP_ROOT_SIZE);
      (void)unlink(path);
      assert_ok(gp_inclusion_save(&proof, path, error));
      assert_ok(load_any(true, error));
      assert_ok(gp_inclusion_load(path, &read, error));
      assert_int_equal(read.index, i);
      assert_int_equal(read.tree_size, n);
      assert_memory_equal(read.path, proof.path, proof.path_length * GP_ROOT_SIZE);
      assert_memory_equal(read.key.commitment, proof.key.commitment, GP_COMMITMENT_SIZE);
      for (uint64_t other = 1; other <= 40; other++) { /* the path may fit; the root does not */
        read.tree_size = other;
        assert_int_equal(gp_inclusion_check(&read, NULL), other == n ? GP_OK : GP_ERR_ARGUMENT);
      }
      read.tree_size = n;
      read.key.params.context_width = 3;
      assert_int_equal(gp_inclusion_check(&read, NULL), GP_ERR_ARGUMENT);
      if (n > 1) {
        proof.index = i ^ 1U;
        assert_int_equal(gp_inclusion_check(&proof, NULL), GP_ERR_ARGUMENT);
      }
      proof.index = n;
      assert_int_equal(gp_inclusion_check(&proof, NULL), GP_ERR_ARGUMENT);
    }
    gp_key_set_free(set);
  }
}

static void test_nulls(void **state) {
  (void)state;
  gp_key_set *set = set_of(NULL, 0);
  gp_committed_key key;
  gp_inclusion proof;
  uint8_t root[GP_ROOT_SIZE];
  size_t i = 0;
  assert_int_equal(gp_key_set_new(NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_add(NULL, &key, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_add(set, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_add_file(set, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_get(NULL, 0, &key, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_find(set, NULL, 8, &i, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_root(NULL, root, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_save(set, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_load(path, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_key_set_prove(set, 0, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_inclusion_check(NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_inclusion_save(NULL, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_inclusion_load(NULL, &proof, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_committed_load(path, NULL, &proof, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_committed_load(path, &set, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_committed_key_load(NULL, &key, NULL), GP_ERR_ARGUMENT);
  gp_key_set_free(set);
  gp_key_set_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_roots_and_paths),
      cmocka_unit_test(test_known_roots),
      cmocka_unit_test(test_order_does_not_matter),
      cmocka_unit_test(test_twice),
      cmocka_unit_test(test_find),
      cmocka_unit_test(test_empty_set),
      cmocka_unit_test(test_damaged_files),
      cmocka_unit_test(test_claims),
      cmocka_unit_test(test_proofs),
      cmocka_unit_test(test_nulls),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* Sets of keys and proofs of inclusion as files (SPEC.md section 21). */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "evidence/key_set.h"

#define VERSION       1
#define CHECKSUM_SIZE ((size_t)crypto_hash_sha256_BYTES)
#define SET_HEADER    ((size_t)24)
#define SET_AROUND    (SET_HEADER + GP_ROOT_SIZE + CHECKSUM_SIZE)
#define SET_LARGEST   (SET_AROUND + (size_t)GP_KEY_SET_MAX * GP_LEAF_SIZE)
#define PROOF_LEAF    ((size_t)32)
#define PROOF_PATH    (PROOF_LEAF + GP_LEAF_SIZE)
#define PROOF_AROUND  (PROOF_PATH + GP_ROOT_SIZE + CHECKSUM_SIZE)
#define PROOF_LARGEST (PROOF_AROUND + (size_t)GP_INCLUSION_PATH_MAX * GP_HASH_SIZE)

_Static_assert(GP_KEY_SET_MAX <= 1 << GP_INCLUSION_PATH_MAX, "the longest path");

const uint8_t gp_key_set_magic[8] = {0x89, 'G', 'P', 'S', 'E', 'T', '\r', '\n'};
const uint8_t gp_inclusion_magic[8] = {0x89, 'G', 'P', 'I', 'N', 'C', '\r', '\n'};
static const uint8_t key_file_magic[8] = {0x89, 'G', 'P', 'K', 'E', 'Y', '\r', '\n'};
static const uint8_t public_file_magic[8] = {0x89, 'G', 'P', 'P', 'U', 'B', '\r', '\n'};

static void put_checksum(uint8_t *file, size_t size) {
  (void)crypto_hash_sha256(file + size - CHECKSUM_SIZE, file, size - CHECKSUM_SIZE);
}

/* What both kinds of files have in common; `file` has `around` bytes at least. */
static gp_status check_form(const uint8_t *file, size_t size, const uint8_t magic[8],
                            const char *what, size_t around, gp_error *reason) {
  if (size < 8 || memcmp(file, magic, 8) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "not a Greenprint %s", what);
  }
  if (size < around) {
    return gp_fail(reason, GP_ERR_FORMAT, "the file ends too early: it is incomplete");
  }
  if (file[8] != VERSION) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "has format version %d; this is Greenprint " GP_VERSION
                   ", which reads version %d",
                   file[8], VERSION);
  }
  uint8_t checksum[CHECKSUM_SIZE];
  (void)crypto_hash_sha256(checksum, file, size - CHECKSUM_SIZE);
  return memcmp(checksum, file + size - CHECKSUM_SIZE, CHECKSUM_SIZE) == 0
             ? GP_OK
             : gp_fail(reason, GP_ERR_FORMAT, "the checksum does not match: the file is damaged");
}

static gp_status name_file(const char *path, const gp_error *reason, gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  gp_error_set(error, reason->status, "%s: %s", name, reason->message);
  return reason->status;
}

/* --------------------------------------------------------------------- sets */

gp_status gp_key_set_save(const gp_key_set *set, const char *path, gp_error *error) {
  if (set == NULL || path == NULL) {
    return gp_fail_null(error, __func__, set == NULL ? "set" : "path");
  }
  uint8_t root[GP_ROOT_SIZE];
  gp_status status = gp_key_set_root(set, root, error);
  if (status != GP_OK) {
    return status;
  }
  const size_t size = SET_AROUND + set->count * GP_LEAF_SIZE;
  uint8_t *file = calloc(1, size);
  if (file == NULL) {
    return gp_fail_memory(error, "the file of a set of keys");
  }
  memcpy(file, gp_key_set_magic, sizeof gp_key_set_magic);
  file[8] = VERSION;
  gp_store_le64(file + 16, set->count);
  for (size_t i = 0; i < set->count; i++) {
    gp_leaf_encode(&set->entries[i].key, file + SET_HEADER + i * GP_LEAF_SIZE);
  }
  memcpy(file + size - CHECKSUM_SIZE - GP_ROOT_SIZE, root, GP_ROOT_SIZE);
  put_checksum(file, size);
  status = gp_new_file_write_shared(path, file, size, "set of keys", error);
  free(file);
  return status;
}

static gp_status decode_leaves(const uint8_t *leaves, size_t n, gp_key_set *set,
                               gp_error *reason) {
  gp_status status = GP_OK;
  for (size_t i = 0; i < n && status == GP_OK; i++) {
    gp_set_entry entry = {.of_set = true};
    status = gp_leaf_decode(leaves + i * GP_LEAF_SIZE, &entry.key, reason);
    if (status == GP_OK && i > 0 &&
        memcmp(set->entries[i - 1].key.commitment, entry.key.commitment, GP_COMMITMENT_SIZE) >=
            0) {
      status = gp_fail(reason, GP_ERR_FORMAT, "its keys do not ascend: the file is damaged");
    }
    if (status == GP_OK) {
      status = gp_key_set_append(set, &entry, reason);
    }
  }
  return status;
}

static gp_status decode_set(const uint8_t *file, size_t size, gp_key_set *set, gp_error *reason) {
  gp_status status = check_form(file, size, gp_key_set_magic, "set of keys", SET_AROUND, reason);
  if (status != GP_OK) {
    return status;
  }
  const uint64_t n = gp_load_le64(file + 16);
  if (n == 0 || n > GP_KEY_SET_MAX || size != SET_AROUND + (size_t)n * GP_LEAF_SIZE ||
      !sodium_is_zero(file + 9, 7)) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the header is damaged: a set of %" PRIu64 " keys does not have %zu bytes", n,
                   size);
  }
  status = decode_leaves(file + SET_HEADER, (size_t)n, set, reason);
  uint8_t root[GP_ROOT_SIZE];
  if (status == GP_OK) {
    status = gp_key_set_root(set, root, reason);
  }
  if (status == GP_OK &&
      memcmp(root, file + size - CHECKSUM_SIZE - GP_ROOT_SIZE, GP_ROOT_SIZE) != 0) {
    status = gp_fail(reason, GP_ERR_FORMAT, "its root is not that of its keys: it was altered");
  }
  return status;
}

/* The set in a file that was read. */
static gp_status new_set(const char *path, const uint8_t *file, size_t size, gp_key_set **set,
                         gp_error *error) {
  gp_key_set *made = NULL;
  gp_error reason;
  gp_status status = gp_key_set_new(&made, error);
  if (status != GP_OK) {
    return status;
  }
  status = decode_set(file, size, made, &reason);
  if (status != GP_OK) {
    gp_key_set_free(made);
    return name_file(path, &reason, error);
  }
  *set = made;
  return GP_OK;
}

gp_status gp_key_set_load(const char *path, gp_key_set **set, gp_error *error) {
  if (path == NULL || set == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "set");
  }
  uint8_t *file = NULL;
  size_t size = 0;
  gp_status status = gp_read_whole(path, "set of keys", SET_LARGEST, &file, &size, error);
  if (status == GP_OK) {
    status = new_set(path, file, size, set, error);
  }
  free(file);
  return status;
}

/* ---------------------------------------------------------------- inclusion */

gp_status gp_inclusion_save(const gp_inclusion *inclusion, const char *path, gp_error *error) {
  if (inclusion == NULL || path == NULL) {
    return gp_fail_null(error, __func__, inclusion == NULL ? "inclusion" : "path");
  }
  const gp_status status = gp_inclusion_check(inclusion, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t file[PROOF_LARGEST] = {0};
  const size_t path_size = inclusion->path_length * GP_HASH_SIZE;
  const size_t size = PROOF_AROUND + path_size;
  memcpy(file, gp_inclusion_magic, sizeof gp_inclusion_magic);
  file[8] = VERSION;
  file[9] = (uint8_t)inclusion->path_length;
  gp_store_le64(file + 16, inclusion->index);
  gp_store_le64(file + 24, inclusion->tree_size);
  gp_leaf_encode(&inclusion->key, file + PROOF_LEAF);
  memcpy(file + PROOF_PATH, inclusion->path, path_size);
  memcpy(file + PROOF_PATH + path_size, inclusion->root, GP_ROOT_SIZE);
  put_checksum(file, size);
  return gp_new_file_write_shared(path, file, size, "proof of inclusion", error);
}

static gp_status decode_inclusion(const uint8_t *file, size_t size, gp_inclusion *inclusion,
                                  gp_error *reason) {
  gp_status status =
      check_form(file, size, gp_inclusion_magic, "proof of inclusion", PROOF_AROUND, reason);
  if (status != GP_OK) {
    return status;
  }
  inclusion->path_length = file[9];
  const size_t path_size = inclusion->path_length * GP_HASH_SIZE;
  if (inclusion->path_length > GP_INCLUSION_PATH_MAX || size != PROOF_AROUND + path_size ||
      !sodium_is_zero(file + 10, 6)) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the header is damaged: a path of %zu steps does not make %zu bytes",
                   inclusion->path_length, size);
  }
  inclusion->index = gp_load_le64(file + 16);
  inclusion->tree_size = gp_load_le64(file + 24);
  memcpy(inclusion->path, file + PROOF_PATH, path_size);
  memcpy(inclusion->root, file + PROOF_PATH + path_size, GP_ROOT_SIZE);
  status = gp_leaf_decode(file + PROOF_LEAF, &inclusion->key, reason);
  if (status == GP_OK && gp_inclusion_check(inclusion, reason) != GP_OK) {
    reason->status = GP_ERR_FORMAT;
    status = GP_ERR_FORMAT;
  }
  return status;
}

/* The proof in a file that was read. */
static gp_status take_inclusion(const char *path, const uint8_t *file, size_t size,
                                gp_inclusion *inclusion, gp_error *error) {
  gp_inclusion read = {0};
  gp_error reason;
  if (decode_inclusion(file, size, &read, &reason) != GP_OK) {
    return name_file(path, &reason, error);
  }
  *inclusion = read;
  return GP_OK;
}

gp_status gp_inclusion_load(const char *path, gp_inclusion *inclusion, gp_error *error) {
  if (path == NULL || inclusion == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "inclusion");
  }
  uint8_t file[PROOF_LARGEST + 1];
  size_t size = 0;
  const gp_status status =
      gp_read_start(path, "proof of inclusion", file, sizeof file, &size, error);
  return status == GP_OK ? take_inclusion(path, file, size, inclusion, error) : status;
}

/* ---------------------------------------------------------------- any file */

static bool begins(const uint8_t *file, size_t size, const uint8_t magic[8]) {
  return size >= 8 && memcmp(file, magic, 8) == 0;
}

gp_status gp_committed_load(const char *path, gp_key_set **set, gp_inclusion *inclusion,
                            gp_error *error) {
  if (path == NULL || set == NULL || inclusion == NULL) {
    return gp_fail_null(error, __func__,
                        path == NULL  ? "path"
                        : set == NULL ? "set"
                                      : "inclusion");
  }
  uint8_t *file = NULL;
  size_t size = 0;
  gp_status status =
      gp_read_whole(path, "file of committed keys", SET_LARGEST, &file, &size, error);
  if (status != GP_OK) {
    return status;
  }
  if (begins(file, size, gp_key_set_magic)) {
    status = new_set(path, file, size, set, error);
  } else if (begins(file, size, gp_inclusion_magic)) {
    status = take_inclusion(path, file, size, inclusion, error);
    *set = status == GP_OK ? NULL : *set;
  } else {
    const gp_error reason = {GP_ERR_FORMAT,
                             "neither a Greenprint set of keys nor a proof of inclusion"};
    status = name_file(path, &reason, error);
  }
  free(file);
  return status;
}

/* How a file begins. A pipe would have given away its beginning. */
static gp_status read_magic(const char *path, uint8_t magic[8], gp_error *error) {
  struct stat facts;
  if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) {
    const gp_error reason = {GP_ERR_IO, "has to be a regular file: it is read twice"};
    return name_file(path, &reason, error);
  }
  size_t size = 0;
  memset(magic, 0, 8);
  return gp_read_start(path, "file", magic, 8, &size, error);
}

static gp_status load_key_file(const char *path, gp_committed_key *key, gp_error *error) {
  gp_key_info info;
  const gp_status status = gp_key_inspect(path, &info, error);
  if (status == GP_OK) {
    *key = (gp_committed_key){.params = info.params};
    memcpy(key->scheme, info.scheme, sizeof key->scheme);
    memcpy(key->commitment, info.commitment, sizeof key->commitment);
    memcpy(key->id, info.id, sizeof key->id);
  }
  return status;
}

static gp_status load_public_file(const char *path, gp_committed_key *key, gp_error *error) {
  gp_public_key public_key;
  const gp_status status = gp_public_key_load(path, &public_key, error);
  if (status == GP_OK) {
    *key = (gp_committed_key){.scheme = GP_SCHEME_ID_PROVABLE, .params = public_key.params};
    memcpy(key->commitment, public_key.commitment, sizeof key->commitment);
    memcpy(key->id, public_key.id, sizeof key->id);
  }
  return status;
}

static gp_status load_key(const char *path, const uint8_t magic[8], gp_committed_key *key,
                          gp_error *error) {
  if (memcmp(magic, key_file_magic, sizeof key_file_magic) == 0) {
    return load_key_file(path, key, error);
  }
  if (memcmp(magic, public_file_magic, sizeof public_file_magic) == 0) {
    return load_public_file(path, key, error);
  }
  const gp_error reason = {GP_ERR_FORMAT, "neither a Greenprint key file nor a public file"};
  return name_file(path, &reason, error);
}

gp_status gp_committed_key_load(const char *path, gp_committed_key *key, gp_error *error) {
  if (path == NULL || key == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "key");
  }
  uint8_t magic[8];
  const gp_status status = read_magic(path, magic, error);
  return status == GP_OK ? load_key(path, magic, key, error) : status;
}

gp_status gp_key_set_add_file(gp_key_set *set, const char *path, gp_error *error) {
  if (set == NULL || path == NULL) {
    return gp_fail_null(error, __func__, set == NULL ? "set" : "path");
  }
  uint8_t magic[8];
  gp_committed_key key;
  gp_key_set *other = NULL;
  gp_error reason;
  gp_status status = read_magic(path, magic, error);
  if (status != GP_OK) {
    return status;
  }
  if (memcmp(magic, gp_key_set_magic, sizeof gp_key_set_magic) == 0) {
    status = gp_key_set_load(path, &other, error);
    if (status != GP_OK) {
      return status;
    }
    status = gp_key_set_unite(set, other, &reason);
    gp_key_set_free(other);
  } else {
    status = load_key(path, magic, &key, error);
    if (status != GP_OK) {
      return status;
    }
    status = gp_key_set_add(set, &key, &reason);
  }
  return status == GP_OK ? GP_OK : name_file(path, &reason, error);
}

/*
 * Key files (SPEC.md section 9): 200 bytes with a clear header, the master key sealed
 * (Argon2id, XChaCha20-Poly1305) or plain, and a checksum over everything.
 *
 * The header is the associated data of the seal, so parameters cannot be exchanged
 * under a sealed key; and the commitment in it is compared with the opened key, so they
 * cannot be exchanged over an unsealed one either.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "key/key.h"

enum {
  AT_VERSION = 8,
  AT_PROTECTION = 9,
  AT_RESERVED = 10,
  AT_SCHEME = 12,
  AT_PARAMS = 28,
  AT_COMMITMENT = 32,
  AT_PASSES = 64,
  AT_MEMORY = 72,
  AT_SALT = 80,
  AT_NONCE = 96,
  AT_SECRET = 120,
  AT_CHECKSUM = 168,
  SECRET_SIZE = AT_CHECKSUM - AT_SECRET
};

#define FORMAT_VERSION 1
#define UNSEALED       0
#define SEALED         1
#define PASSES_MAX     16
#define MEMORY_MIN     ((uint64_t)8192)
#define MEMORY_MAX     ((uint64_t)1 << 30)

static const uint8_t magic[8] = {0x89, 'G', 'P', 'K', 'E', 'Y', '\r', '\n'};

_Static_assert(AT_CHECKSUM + crypto_hash_sha256_BYTES == GP_KEY_FILE_SIZE, "key file size");
_Static_assert(AT_PARAMS - AT_SCHEME == GP_SCHEME_FIELD_SIZE, "scheme size");
_Static_assert(AT_NONCE - AT_SALT == crypto_pwhash_argon2id_SALTBYTES, "salt size");
_Static_assert(AT_SECRET - AT_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SECRET_SIZE == GP_MASTER_KEY_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "secret size");

/* ------------------------------------------------------------------ bytes */

static void encode_header(const gp_key *key, uint8_t protection, uint8_t *file) {
  memset(file, 0, GP_KEY_FILE_SIZE);
  memcpy(file, magic, sizeof magic);
  file[AT_VERSION] = FORMAT_VERSION;
  file[AT_PROTECTION] = protection;
  gp_scheme_encode(key->scheme, file + AT_SCHEME);
  gp_params_encode(&key->params, file + AT_PARAMS);
  memcpy(file + AT_COMMITMENT, key->commitment, GP_COMMITMENT_SIZE);
}

static void encode_checksum(uint8_t *file) {
  crypto_hash_sha256(file + AT_CHECKSUM, file, AT_CHECKSUM);
}

static bool all_zero(const uint8_t *bytes, size_t size) {
  return sodium_is_zero(bytes, size) == 1;
}

/* Everything that can be checked without the passphrase, in the order of the standard. */
static gp_status check_form(const char *name, const uint8_t *file, size_t size, gp_error *error) {
  if (size < sizeof magic || memcmp(file, magic, sizeof magic) != 0) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: not a Greenprint key file", name);
  }
  if (size != GP_KEY_FILE_SIZE) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "%s: the key file is cut off or has bytes added: %s%zu bytes, not %d", name,
                   size > GP_KEY_FILE_SIZE ? "more than " : "",
                   size > GP_KEY_FILE_SIZE ? (size_t)GP_KEY_FILE_SIZE : size, GP_KEY_FILE_SIZE);
  }
  if (file[AT_VERSION] != FORMAT_VERSION) {
    return gp_fail(error, GP_ERR_VERSION,
                   "%s: key file version %d; this library reads version %d", name,
                   (int)file[AT_VERSION], FORMAT_VERSION);
  }
  uint8_t checksum[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(checksum, file, AT_CHECKSUM);
  if (memcmp(checksum, file + AT_CHECKSUM, sizeof checksum) != 0) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "%s: the checksum does not match: the key file is damaged; use a copy", name);
  }
  gp_scheme scheme = GP_SCHEME_PLAIN;
  const gp_status status = gp_scheme_decode(file + AT_SCHEME, name, &scheme, error);
  if (status != GP_OK) {
    return status;
  }
  const gp_params params = gp_params_decode(file + AT_PARAMS);
  gp_error inner;
  if (gp_params_check(&params, &inner) != GP_OK) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: bad parameters: %s", name, inner.message);
  }
  const uint8_t protection = file[AT_PROTECTION];
  const bool cost_fields_zero = all_zero(file + AT_PASSES, AT_SECRET - AT_PASSES);
  if ((protection != UNSEALED && protection != SEALED) ||
      !all_zero(file + AT_RESERVED, AT_SCHEME - AT_RESERVED) ||
      (protection == UNSEALED &&
       (!cost_fields_zero ||
        !all_zero(file + AT_SECRET + GP_MASTER_KEY_SIZE, SECRET_SIZE - GP_MASTER_KEY_SIZE)))) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: the protection fields contradict each other", name);
  }
  if (protection == SEALED) {
    const uint64_t passes = gp_load_le64(file + AT_PASSES);
    const uint64_t memory = gp_load_le64(file + AT_MEMORY);
    if (passes < 1 || passes > PASSES_MAX || memory < MEMORY_MIN || memory > MEMORY_MAX) {
      return gp_fail(error, GP_ERR_FORMAT,
                     "%s: the seal's cost is out of range (1 to %d passes, 8 KiB to 1 GiB)", name,
                     PASSES_MAX);
    }
  }
  return GP_OK;
}

/* ---------------------------------------------------------------- reading */

/* Reads a file whose form is right into locked memory, since an unsealed one holds the
 * key, and one byte more, so that a longer one shows; the caller releases it with sodium_free().
 */
static gp_status read_checked(const char *path, const char *name, uint8_t **file,
                              gp_error *error) {
  uint8_t *bytes = NULL;
  if (sodium_init() < 0 || (bytes = sodium_malloc(GP_KEY_FILE_SIZE + 1)) == NULL) {
    return gp_fail_memory(error, "locked memory for a key file");
  }
  size_t size = 0;
  gp_status status = gp_read_start(path, "key file", bytes, GP_KEY_FILE_SIZE + 1, &size, error);
  if (status == GP_OK) {
    status = check_form(name, bytes, size, error);
  }
  if (status != GP_OK) {
    sodium_free(bytes);
    return status;
  }
  *file = bytes;
  return GP_OK;
}

gp_status gp_key_inspect(const char *path, gp_key_info *info, gp_error *error) {
  if (path == NULL || info == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "info");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  uint8_t *file = NULL;
  const gp_status status = read_checked(path, name, &file, error);
  if (status != GP_OK) {
    return status;
  }
  memset(info, 0, sizeof *info);
  info->params = gp_params_decode(file + AT_PARAMS);
  memcpy(info->scheme, file + AT_SCHEME, GP_SCHEME_FIELD_SIZE);
  memcpy(info->commitment, file + AT_COMMITMENT, GP_COMMITMENT_SIZE);
  gp_key_id_of(info->commitment, info->id);
  info->sealed = file[AT_PROTECTION] == SEALED;
  info->sealed_passes = gp_load_le64(file + AT_PASSES);
  info->sealed_memory = gp_load_le64(file + AT_MEMORY);
  sodium_free(file);
  return GP_OK;
}

/* The key that seals: Argon2id of the passphrase. */
static gp_status derive_seal_key(const char *passphrase, size_t length, const uint8_t *file,
                                 uint8_t *seal_key, gp_error *error) {
  const uint64_t memory = gp_load_le64(file + AT_MEMORY);
  if (crypto_pwhash(seal_key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, passphrase, length,
                    file + AT_SALT, gp_load_le64(file + AT_PASSES), (size_t)memory,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return gp_fail(error, GP_ERR_MEMORY, "out of memory: Argon2id needs %llu MiB",
                   (unsigned long long)((memory + 1048575) >> 20));
  }
  return GP_OK;
}

static gp_status check_passphrase_length(size_t length, gp_error *error) {
  if (length < 1 || length > GP_PASSPHRASE_MAX) {
    return gp_fail(error, GP_ERR_PASSPHRASE, "the passphrase must have 1 to %d bytes, not %zu",
                   GP_PASSPHRASE_MAX, length);
  }
  return GP_OK;
}

static gp_status open_seal(const char *name, const uint8_t *file, const char *passphrase,
                           size_t length, uint8_t *master, gp_error *error) {
  if (passphrase == NULL) {
    return gp_fail(error, GP_ERR_PASSPHRASE, "%s: the key file is sealed: a passphrase is needed",
                   name);
  }
  gp_status status = check_passphrase_length(length, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t *seal_key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  if (seal_key == NULL) {
    return gp_fail_memory(error, "locked memory for the seal's key");
  }
  status = derive_seal_key(passphrase, length, file, seal_key, error);
  if (status == GP_OK && crypto_aead_xchacha20poly1305_ietf_decrypt(
                             master, NULL, NULL, file + AT_SECRET, SECRET_SIZE, file, AT_SECRET,
                             file + AT_NONCE, seal_key) != 0) {
    status = gp_fail(error, GP_ERR_PASSPHRASE,
                     "%s: wrong passphrase, or the key file was tampered with", name);
  }
  sodium_free(seal_key);
  return status;
}

static gp_status load_checked(const char *name, const uint8_t *file, const char *passphrase,
                              size_t length, gp_key **key, gp_error *error) {
  const gp_params params = gp_params_decode(file + AT_PARAMS);
  gp_scheme scheme = GP_SCHEME_PLAIN;
  gp_key *made = NULL;
  gp_status status = gp_scheme_decode(file + AT_SCHEME, name, &scheme, error);
  if (status == GP_OK) {
    status = gp_key_alloc(scheme, &params, &made, error);
  }
  if (status != GP_OK) {
    return status;
  }
  if (file[AT_PROTECTION] == SEALED) {
    status = open_seal(name, file, passphrase, length, made->master, error);
  } else {
    memcpy(made->master, file + AT_SECRET, GP_MASTER_KEY_SIZE);
  }
  if (status == GP_OK) {
    status = gp_key_finish(made, error);
  }
  if (status == GP_OK &&
      sodium_memcmp(made->commitment, file + AT_COMMITMENT, GP_COMMITMENT_SIZE) != 0) {
    status = gp_fail(error, GP_ERR_FORMAT,
                     "%s: the key does not belong to the commitment in its file: the file was "
                     "tampered with",
                     name);
  }
  if (status != GP_OK) {
    gp_key_free(made);
    return status;
  }
  *key = made;
  return GP_OK;
}

gp_status gp_key_load(const char *path, const char *passphrase, size_t passphrase_length,
                      gp_key **key, gp_error *error) {
  if (path == NULL || key == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "key");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  uint8_t *file = NULL;
  gp_status status = read_checked(path, name, &file, error);
  if (status != GP_OK) {
    return status;
  }
  status = load_checked(name, file, passphrase, passphrase_length, key, error);
  sodium_free(file);
  return status;
}

/* ---------------------------------------------------------------- writing */

static gp_status encode_cost(gp_seal_cost cost, uint8_t *file, gp_error *error) {
  uint64_t passes = 0;
  uint64_t memory = 0;
  switch (cost) {
  case GP_SEAL_INTERACTIVE:
    passes = crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE;
    memory = crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE;
    break;
  case GP_SEAL_MODERATE:
    passes = crypto_pwhash_argon2id_OPSLIMIT_MODERATE;
    memory = crypto_pwhash_argon2id_MEMLIMIT_MODERATE;
    break;
  case GP_SEAL_SENSITIVE:
    passes = crypto_pwhash_argon2id_OPSLIMIT_SENSITIVE;
    memory = crypto_pwhash_argon2id_MEMLIMIT_SENSITIVE;
    break;
  default:
    return gp_fail(error, GP_ERR_ARGUMENT, "unknown seal cost %d", (int)cost);
  }
  gp_store_le64(file + AT_PASSES, passes);
  gp_store_le64(file + AT_MEMORY, memory);
  return GP_OK;
}

/* A key that came of a proof has nothing to save. */
static gp_status check_master(const gp_key *key, gp_error *error) {
  return key->master != NULL ? GP_OK
                             : gp_fail(error, GP_ERR_ARGUMENT,
                                       "a key that came of a proof has no secret to save");
}

gp_status gp_key_save_sealed(const gp_key *key, const char *path, const char *passphrase,
                             size_t passphrase_length, gp_seal_cost cost, gp_error *error) {
  if (key == NULL || path == NULL || passphrase == NULL) {
    return gp_fail_null(error, __func__,
                        key == NULL    ? "key"
                        : path == NULL ? "path"
                                       : "passphrase");
  }
  uint8_t file[GP_KEY_FILE_SIZE];
  encode_header(key, SEALED, file);
  gp_status status = check_master(key, error);
  if (status == GP_OK) {
    status = check_passphrase_length(passphrase_length, error);
  }
  if (status == GP_OK) {
    status = encode_cost(cost, file, error);
  }
  if (status != GP_OK) {
    return status;
  }
  randombytes_buf(file + AT_SALT, AT_SECRET - AT_SALT); /* salt and nonce */
  uint8_t *seal_key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  if (seal_key == NULL) {
    return gp_fail_memory(error, "locked memory for the seal's key");
  }
  status = derive_seal_key(passphrase, passphrase_length, file, seal_key, error);
  if (status == GP_OK) {
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(file + AT_SECRET, NULL, key->master,
                                                     GP_MASTER_KEY_SIZE, file, AT_SECRET, NULL,
                                                     file + AT_NONCE, seal_key);
    encode_checksum(file);
  }
  sodium_free(seal_key);
  return status == GP_OK ? gp_new_file_write(path, file, GP_KEY_FILE_SIZE, "key file", error)
                         : status;
}

gp_status gp_key_save_unsealed(const gp_key *key, const char *path, gp_error *error) {
  if (key == NULL || path == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "path");
  }
  gp_status status = check_master(key, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t *file = sodium_malloc(GP_KEY_FILE_SIZE);
  if (file == NULL) {
    return gp_fail_memory(error, "locked memory for a key file");
  }
  encode_header(key, UNSEALED, file);
  memcpy(file + AT_SECRET, key->master, GP_MASTER_KEY_SIZE);
  encode_checksum(file);
  status = gp_new_file_write(path, file, GP_KEY_FILE_SIZE, "key file", error);
  sodium_free(file);
  return status;
}

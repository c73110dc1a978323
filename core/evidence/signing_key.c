/*
 * Key pairs of minisign (SPEC.md section 21). A secret key file holds 158 bytes in base64:
 *
 *   "Ed", kdf algorithm, "B2", salt, cost; then, sealed: number, secret key, BLAKE2b-256 of these
 *
 * The seal is a keystream of scrypt, XORed; the hash under it shows whether it was the right one.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "evidence/minisign.h"

enum {
  AT_KDF = 2,
  AT_CHECK = 4,
  AT_SALT = 6,
  AT_OPERATIONS = 38,
  AT_MEMORY = 46,
  AT_NUMBER = 54,
  AT_SECRET = 62,
  AT_HASH = 126,
  SECRET_FILE_SIZE = 158,
  SEALED_SIZE = SECRET_FILE_SIZE - AT_NUMBER,
  PUBLIC_SIZE = 2 + GP_NUMBER_SIZE + crypto_sign_PUBLICKEYBYTES
};

#define LARGEST ((size_t)4096) /* of a key file as text */

#define OPERATIONS_MAX ((uint64_t)crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE)
#define MEMORY_MAX     ((uint64_t)crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE)

/* Names of algorithms: Ed25519, scrypt, BLAKE2b. */
static const uint8_t is_ed[2] = {'E', 'd'};
static const uint8_t is_scrypt[2] = {'S', 'c'};
static const uint8_t is_blake[2] = {'B', '2'};

static const char secret_kind[] = "signing key";
static const char public_kind[] = "public signing key";
static const char comment_sealed[] = GP_UNTRUSTED "minisign encrypted secret key";
static const char comment_unsealed[] = GP_UNTRUSTED "minisign unencrypted secret key";

_Static_assert(AT_OPERATIONS - AT_SALT == crypto_pwhash_scryptsalsa208sha256_SALTBYTES, "salt");
_Static_assert(AT_HASH - AT_SECRET == crypto_sign_SECRETKEYBYTES, "secret key");
_Static_assert(SECRET_FILE_SIZE - AT_HASH == crypto_generichash_BYTES, "hash");
_Static_assert(GP_SIGNATURE_SIZE == crypto_sign_BYTES, "signature");

/* --------------------------------------------------------------- key objects */

static gp_status fail_sodium(gp_error *error) {
  return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
}

static gp_status new_key(gp_signing_key **key, gp_error *error) {
  gp_signing_key *made = calloc(1, sizeof *made);
  if (made != NULL) {
    made->secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
  }
  if (made == NULL || made->secret == NULL) {
    free(made);
    return gp_fail_memory(error, "locked memory for a signing key");
  }
  *key = made;
  return GP_OK;
}

void gp_signing_key_free(gp_signing_key *key) {
  if (key != NULL) {
    sodium_free(key->secret);
    free(key);
  }
}

gp_status gp_signing_key_generate(gp_signing_key **key, gp_error *error) {
  if (key == NULL) {
    return gp_fail_null(error, __func__, "key");
  }
  if (sodium_init() < 0) {
    return fail_sodium(error);
  }
  gp_signing_key *made = NULL;
  const gp_status status = new_key(&made, error);
  if (status == GP_OK) {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    randombytes_buf(made->number, sizeof made->number);
    (void)crypto_sign_keypair(public_key, made->secret);
    *key = made;
  }
  return status;
}

void gp_signing_key_signer(const gp_signing_key *key, gp_signer *signer) {
  memcpy(signer->number, key->number, sizeof signer->number);
  (void)crypto_sign_ed25519_sk_to_pk(signer->key, key->secret);
  gp_signer_id(signer->number, signer->id);
}

/* ------------------------------------------------------------------- reading */

static gp_status check_passphrase(const char *passphrase, size_t length, gp_error *reason) {
  if (passphrase == NULL) {
    return gp_fail(reason, GP_ERR_PASSPHRASE,
                   "the signing key is sealed: a passphrase is needed");
  }
  return length >= 1 && length <= GP_PASSPHRASE_MAX
             ? GP_OK
             : gp_fail(reason, GP_ERR_PASSPHRASE,
                       "the passphrase must have 1 to %d bytes, not %zu", GP_PASSPHRASE_MAX,
                       length);
}

/* Seals or opens: XORs the keystream onto number, secret key and hash. */
static gp_status apply_seal(uint8_t *file, const char *passphrase, size_t length,
                            gp_error *reason) {
  const uint64_t operations = gp_load_le64(file + AT_OPERATIONS);
  const uint64_t memory = gp_load_le64(file + AT_MEMORY);
  if (operations > OPERATIONS_MAX || memory > MEMORY_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the seal's cost is beyond that of minisign itself: the file is damaged");
  }
  uint8_t *stream = sodium_malloc(SEALED_SIZE);
  if (stream == NULL) {
    return gp_fail_memory(reason, "locked memory for the seal of a signing key");
  }
  gp_status status = GP_OK;
  if (crypto_pwhash_scryptsalsa208sha256(stream, SEALED_SIZE, passphrase, length, file + AT_SALT,
                                         operations, (size_t)memory) != 0) {
    status = gp_fail(reason, GP_ERR_MEMORY,
                     "out of memory: the seal of the signing key takes %llu MiB",
                     (unsigned long long)(memory >> 20));
  }
  for (size_t i = 0; i < SEALED_SIZE && status == GP_OK; i++) {
    file[AT_NUMBER + i] ^= stream[i];
  }
  sodium_free(stream);
  return status;
}

static void compute_hash(const uint8_t *file, uint8_t hash[crypto_generichash_BYTES]) {
  crypto_generichash_state state;
  (void)crypto_generichash_init(&state, NULL, 0, crypto_generichash_BYTES);
  (void)crypto_generichash_update(&state, file, 2);
  (void)crypto_generichash_update(&state, file + AT_NUMBER, AT_HASH - AT_NUMBER);
  (void)crypto_generichash_final(&state, hash, crypto_generichash_BYTES);
}

/* Whether the public half in a secret key is its own: signing with another gives the secret away.
 */
static gp_status check_halves(const uint8_t *secret, gp_error *reason) {
  uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
  uint8_t *again = sodium_malloc(crypto_sign_SECRETKEYBYTES);
  if (again == NULL) {
    return gp_fail_memory(reason, "locked memory for a signing key");
  }
  (void)crypto_sign_seed_keypair(public_key, again, secret);
  const bool same = sodium_memcmp(again, secret, crypto_sign_SECRETKEYBYTES) == 0;
  sodium_free(again);
  return same ? GP_OK
              : gp_fail(reason, GP_ERR_FORMAT,
                        "the halves of the signing key do not belong together");
}

static gp_status open_file(uint8_t *file, const char *passphrase, size_t length,
                           gp_error *reason) {
  const bool sealed = memcmp(file + AT_KDF, is_scrypt, 2) == 0;
  gp_status status = GP_OK;
  if (memcmp(file, is_ed, 2) != 0 || memcmp(file + AT_CHECK, is_blake, 2) != 0 ||
      (!sealed && !sodium_is_zero(file + AT_KDF, 2))) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "a signing key of an algorithm that is not known here");
  }
  if (sealed) {
    status = check_passphrase(passphrase, length, reason);
    status = status == GP_OK ? apply_seal(file, passphrase, length, reason) : status;
  }
  if (status != GP_OK) {
    return status;
  }
  uint8_t hash[crypto_generichash_BYTES];
  compute_hash(file, hash);
  if (!sealed && sodium_is_zero(file + AT_HASH, sizeof hash)) { /* minisign leaves it out */
    return check_halves(file + AT_SECRET, reason);
  }
  if (sodium_memcmp(hash, file + AT_HASH, sizeof hash) != 0) {
    return sealed ? gp_fail(reason, GP_ERR_PASSPHRASE,
                            "wrong passphrase, or the signing key is damaged")
                  : gp_fail(reason, GP_ERR_FORMAT, "the signing key is damaged");
  }
  return check_halves(file + AT_SECRET, reason);
}

/* `text` and `file` are locked memory. */
static gp_status load(const char *path, const char *name, uint8_t *text, uint8_t *file,
                      gp_error *error) {
  size_t size = 0;
  gp_line lines[2];
  const gp_status status = gp_read_start(path, secret_kind, text, LARGEST, &size, error);
  if (status != GP_OK) {
    return status;
  }
  if (size == LARGEST || !gp_minisign_lines((const char *)text, size, lines, 2) ||
      !gp_minisign_prefix(&lines[0], GP_UNTRUSTED) ||
      !gp_minisign_decode(&lines[1], file, SECRET_FILE_SIZE)) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: not a signing key of minisign's format", name);
  }
  return GP_OK;
}

static gp_status load_and_open(const char *path, const char *passphrase, size_t length,
                               uint8_t *text, uint8_t *file, gp_signing_key *key,
                               gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_error reason;
  gp_display_name(name, path);
  gp_status status = load(path, name, text, file, error);
  if (status != GP_OK) {
    return status;
  }
  status = open_file(file, passphrase, length, &reason);
  if (status != GP_OK) {
    return gp_fail(error, status, "%s: %s", name, reason.message);
  }
  memcpy(key->number, file + AT_NUMBER, sizeof key->number);
  memcpy(key->secret, file + AT_SECRET, crypto_sign_SECRETKEYBYTES);
  return GP_OK;
}

gp_status gp_signing_key_load(const char *path, const char *passphrase, size_t passphrase_length,
                              gp_signing_key **key, gp_error *error) {
  if (path == NULL || key == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "key");
  }
  if (sodium_init() < 0) {
    return fail_sodium(error);
  }
  gp_signing_key *made = NULL;
  gp_status status = new_key(&made, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t *text = sodium_malloc(LARGEST);
  uint8_t *file = sodium_malloc(SECRET_FILE_SIZE);
  status = text != NULL && file != NULL
               ? load_and_open(path, passphrase, passphrase_length, text, file, made, error)
               : gp_fail_memory(error, "locked memory for a signing key");
  sodium_free(text);
  sodium_free(file);
  if (status != GP_OK) {
    gp_signing_key_free(made);
    return status;
  }
  *key = made;
  return GP_OK;
}

gp_status gp_signer_load(const char *path, gp_signer *signer, gp_error *error) {
  if (path == NULL || signer == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "signer");
  }
  uint8_t text[LARGEST];
  uint8_t file[PUBLIC_SIZE];
  size_t size = 0;
  gp_line lines[2];
  const gp_status status = gp_read_start(path, public_kind, text, LARGEST, &size, error);
  if (status != GP_OK) {
    return status;
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  if (size == LARGEST || !gp_minisign_lines((const char *)text, size, lines, 2) ||
      !gp_minisign_prefix(&lines[0], GP_UNTRUSTED) ||
      !gp_minisign_decode(&lines[1], file, PUBLIC_SIZE)) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: not a public signing key of minisign's format",
                   name);
  }
  if (memcmp(file, is_ed, 2) != 0) {
    return gp_fail(error, GP_ERR_VERSION,
                   "%s: a public signing key of an algorithm that is not known here", name);
  }
  memcpy(signer->number, file + 2, GP_NUMBER_SIZE);
  memcpy(signer->key, file + 2 + GP_NUMBER_SIZE, sizeof signer->key);
  gp_signer_id(signer->number, signer->id);
  return GP_OK;
}

/* ------------------------------------------------------------------- writing */

static gp_status encode_cost(gp_seal_cost cost, uint8_t *file, gp_error *error) {
  uint64_t operations = 0;
  uint64_t memory = 0;
  switch (cost) {
  case GP_SEAL_INTERACTIVE:
    operations = crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_INTERACTIVE;
    memory = crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_INTERACTIVE;
    break;
  case GP_SEAL_MODERATE:
    operations = OPERATIONS_MAX / 8;
    memory = MEMORY_MAX / 8;
    break;
  case GP_SEAL_SENSITIVE:
    operations = OPERATIONS_MAX;
    memory = MEMORY_MAX;
    break;
  default:
    return gp_fail(error, GP_ERR_ARGUMENT, "unknown seal cost %d", (int)cost);
  }
  gp_store_le64(file + AT_OPERATIONS, operations);
  gp_store_le64(file + AT_MEMORY, memory);
  return GP_OK;
}

static void encode(const gp_signing_key *key, uint8_t *file) {
  memset(file, 0, SECRET_FILE_SIZE);
  memcpy(file, is_ed, 2);
  memcpy(file + AT_CHECK, is_blake, 2);
  memcpy(file + AT_NUMBER, key->number, sizeof key->number);
  memcpy(file + AT_SECRET, key->secret, crypto_sign_SECRETKEYBYTES);
  compute_hash(file, file + AT_HASH);
}

/* `text` is locked memory as well. */
static gp_status write_text(const uint8_t *file, const char *comment, char *text,
                            const char *path, gp_error *error) {
  const int length = snprintf(text, LARGEST, "%s\n", comment);
  const size_t comment_length = (size_t)length;
  (void)sodium_bin2base64(text + comment_length, LARGEST - comment_length, file, SECRET_FILE_SIZE,
                          sodium_base64_VARIANT_ORIGINAL);
  const size_t size = strlen(text);
  text[size] = '\n';
  return gp_new_file_write(path, (const uint8_t *)text, size + 1, secret_kind, error);
}

/* Without a passphrase where `passphrase` is NULL. */
static gp_status save(const gp_signing_key *key, const char *path, const char *passphrase,
                      size_t length, gp_seal_cost cost, gp_error *error) {
  uint8_t *file = sodium_malloc(SECRET_FILE_SIZE);
  char *text = sodium_malloc(LARGEST);
  gp_status status = file != NULL && text != NULL
                         ? GP_OK
                         : gp_fail_memory(error, "locked memory for a signing key");
  if (status == GP_OK) {
    encode(key, file);
  }
  if (status == GP_OK && passphrase != NULL) {
    memcpy(file + AT_KDF, is_scrypt, 2);
    randombytes_buf(file + AT_SALT, AT_OPERATIONS - AT_SALT);
    status = encode_cost(cost, file, error);
    status = status == GP_OK ? apply_seal(file, passphrase, length, error) : status;
  }
  if (status == GP_OK) {
    status = write_text(file, passphrase != NULL ? comment_sealed : comment_unsealed, text, path,
                        error);
  }
  sodium_free(text);
  sodium_free(file);
  return status;
}

gp_status gp_signing_key_save_sealed(const gp_signing_key *key, const char *path,
                                     const char *passphrase, size_t passphrase_length,
                                     gp_seal_cost cost, gp_error *error) {
  if (key == NULL || path == NULL || passphrase == NULL) {
    return gp_fail_null(error, __func__,
                        key == NULL    ? "key"
                        : path == NULL ? "path"
                                       : "passphrase");
  }
  const gp_status status = check_passphrase(passphrase, passphrase_length, error);
  return status == GP_OK ? save(key, path, passphrase, passphrase_length, cost, error) : status;
}

gp_status gp_signing_key_save_unsealed(const gp_signing_key *key, const char *path,
                                       gp_error *error) {
  if (key == NULL || path == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "path");
  }
  return save(key, path, NULL, 0, GP_SEAL_SENSITIVE, error);
}

gp_status gp_signer_save(const gp_signer *signer, const char *path, gp_error *error) {
  if (signer == NULL || path == NULL) {
    return gp_fail_null(error, __func__, signer == NULL ? "signer" : "path");
  }
  uint8_t file[PUBLIC_SIZE] = {'E', 'd'};
  char base64[sodium_base64_ENCODED_LEN(PUBLIC_SIZE, sodium_base64_VARIANT_ORIGINAL)];
  char id[GP_SIGNER_ID_SIZE];
  char text[256];
  memcpy(file + 2, signer->number, GP_NUMBER_SIZE);
  memcpy(file + 2 + GP_NUMBER_SIZE, signer->key, sizeof signer->key);
  gp_signer_id(signer->number, id);
  const int size = snprintf(text, sizeof text, GP_UNTRUSTED "minisign public key %s\n%s\n", id,
                            sodium_bin2base64(base64, sizeof base64, file, PUBLIC_SIZE,
                                              sodium_base64_VARIANT_ORIGINAL));
  return gp_new_file_write_shared(path, (const uint8_t *)text, (size_t)size, public_kind, error);
}

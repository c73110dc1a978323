/*
 * Tables of nonces (SPEC.md section 22): what a provable key makes of every context of one id,
 * computed once, so that embedding takes no operation of the group any more.
 *
 * A table is sealed under a subkey of the key that it is of: whoever has the key could compute
 * it, and whoever has not reads nothing in it and can put nothing into it.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "key/derive.h"
#include "key/key.h"

enum {
  AT_VERSION = 8,
  AT_FLAGS = 9,
  AT_RESERVED = 10,
  AT_SCHEME = 12,
  AT_PARAMS = 28,
  AT_COMMITMENT = 32,
  AT_TENANT = 64,
  AT_COUNT = 72,
  AT_NONCE = 80,
  HEADER_SIZE = 104,
  TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
  CHECKSUM_SIZE = crypto_hash_sha256_BYTES
};

#define FORMAT_VERSION 1
#define HAS_TENANT     1
#define STRIDE         4096 /* nonces between two reports of progress */
#define SEAL_KEY_SIZE  crypto_aead_xchacha20poly1305_ietf_KEYBYTES

static const uint8_t magic[8] = {0x89, 'G', 'P', 'T', 'B', 'L', '\r', '\n'};

_Static_assert(HEADER_SIZE - AT_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");

/* How many ids a context has, where it has at most one: what there can be tables of. */
static gp_status check_contexts(const gp_params *params, gp_error *error) {
  if (params->seeding == GP_SEEDING_HASH && params->context_width > 1) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "there are tables for contexts of one id, and those of this key have %u: use "
                   "a context width of 1, or the seeding scheme 'min'",
                   (unsigned)params->context_width);
  }
  return GP_OK;
}

static size_t ids_of(const gp_params *params) {
  return params->seeding == GP_SEEDING_FIXED ? 0 : 1;
}

static uint64_t file_size_of(uint64_t count) {
  return HEADER_SIZE + count * GP_NONCE_SIZE + TAG_SIZE + CHECKSUM_SIZE;
}

/* The subkey that seals tables, in guarded memory; NULL with an error. */
static gp_status derive_seal_key(const gp_key *key, uint8_t **seal_key, gp_error *error) {
  uint8_t *made = sodium_malloc(SEAL_KEY_SIZE);
  if (made == NULL) {
    return gp_fail_memory(error, "locked memory for a subkey");
  }
  const gp_status status =
      gp_derive(key->master, key->scheme, "table", &key->params, made, SEAL_KEY_SIZE, error);
  if (status != GP_OK) {
    sodium_free(made);
    return status;
  }
  *seal_key = made;
  return GP_OK;
}

static gp_status check_key(const gp_key *key, gp_error *error) {
  if (key->scheme != GP_SCHEME_PROVABLE) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "a key of %s needs no table of nonces: it is as fast "
                   "without one",
                   gp_scheme_id(key->scheme));
  }
  if (key->master == NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "a key that came of a proof has no use for a table");
  }
  return check_contexts(&key->params, error);
}

/* Room for the nonces and, behind them, the tag of the seal. */
static gp_status new_table(const gp_nonce_table_info *info, gp_nonce_table **table,
                           gp_error *error) {
  gp_nonce_table *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a table of nonces");
  }
  made->has_tenant = info->has_tenant;
  made->tenant = info->tenant;
  made->count = (size_t)info->count;
  made->nonces = sodium_malloc(made->count * GP_NONCE_SIZE + TAG_SIZE);
  if (made->nonces == NULL) {
    free(made);
    return gp_fail_memory(error, "a table of nonces");
  }
  *table = made;
  return GP_OK;
}

/* ---------------------------------------------------------------- writing */

static void encode_header(const gp_nonce_table_info *info, uint8_t header[HEADER_SIZE]) {
  memset(header, 0, HEADER_SIZE);
  memcpy(header, magic, sizeof magic);
  header[AT_VERSION] = FORMAT_VERSION;
  header[AT_FLAGS] = info->has_tenant ? HAS_TENANT : 0;
  gp_scheme_encode(GP_SCHEME_PROVABLE, header + AT_SCHEME);
  gp_params_encode(&info->params, header + AT_PARAMS);
  memcpy(header + AT_COMMITMENT, info->commitment, GP_COMMITMENT_SIZE);
  gp_store_le64(header + AT_TENANT, info->tenant);
  gp_store_le64(header + AT_COUNT, info->count);
  randombytes_buf(header + AT_NONCE, HEADER_SIZE - AT_NONCE);
}

static gp_status fill(const gp_key *key, const gp_nonce_table *table,
                      const gp_nonce_table_options *options, gp_error *error) {
  gp_status status = GP_OK;
  for (size_t done = 0; done < table->count && status == GP_OK; done += STRIDE) {
    const size_t now = table->count - done < STRIDE ? table->count - done : STRIDE;
    status = gp_nonces_fill_table(key->nonces, table, ids_of(&key->params), done, now,
                                  options->threads, error);
    if (status == GP_OK && options->on_progress != NULL) {
      options->on_progress(options->user, done + now, table->count);
    }
  }
  return status;
}

/* Seals the nonces where they are; the tag comes behind them. */
static gp_status seal(const gp_key *key, gp_nonce_table *table, const uint8_t *header,
                      gp_error *error) {
  uint8_t *seal_key = NULL;
  const gp_status status = derive_seal_key(key, &seal_key, error);
  if (status == GP_OK) {
    uint8_t *bytes = table->nonces[0];
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        bytes, NULL, bytes, table->count * GP_NONCE_SIZE, header, HEADER_SIZE, NULL,
        header + AT_NONCE, seal_key);
    sodium_free(seal_key);
  }
  return status;
}

static gp_status publish(gp_new_file *file, const uint8_t *header, const gp_nonce_table *table,
                         gp_error *error) {
  const size_t size = table->count * GP_NONCE_SIZE + TAG_SIZE;
  uint8_t checksum[CHECKSUM_SIZE];
  crypto_hash_sha256_state hash;
  (void)crypto_hash_sha256_init(&hash);
  (void)crypto_hash_sha256_update(&hash, header, HEADER_SIZE);
  (void)crypto_hash_sha256_update(&hash, table->nonces[0], size);
  (void)crypto_hash_sha256_final(&hash, checksum);
  gp_status status = gp_new_file_append(file, header, HEADER_SIZE, error);
  if (status == GP_OK) {
    status = gp_new_file_append(file, table->nonces[0], size, error);
  }
  if (status == GP_OK) {
    status = gp_new_file_append(file, checksum, sizeof checksum, error);
  }
  return status == GP_OK ? gp_new_file_publish(file, error) : status;
}

/* What a table of a key is to say of itself. */
static gp_status describe(const gp_key *key, uint64_t vocabulary,
                          const gp_nonce_table_options *options, gp_nonce_table_info *info,
                          gp_error *error) {
  const gp_status status = check_key(key, error);
  if (status != GP_OK) {
    return status;
  }
  if (vocabulary == 0 || vocabulary > GP_NONCE_TABLE_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "vocabulary: must be 1 to %d, not %llu",
                   GP_NONCE_TABLE_MAX, (unsigned long long)vocabulary);
  }
  const uint64_t count = ids_of(&key->params) == 0 ? 1 : vocabulary;
  *info = (gp_nonce_table_info){.params = key->params,
                                .has_tenant = options->has_tenant,
                                .tenant = options->has_tenant ? options->tenant : 0,
                                .count = count,
                                .file_size = file_size_of(count)};
  memcpy(info->commitment, key->commitment, GP_COMMITMENT_SIZE);
  gp_key_id_of(info->commitment, info->id);
  return GP_OK;
}

gp_status gp_nonce_table_make(const gp_key *key, uint64_t vocabulary,
                              const gp_nonce_table_options *options, const char *path,
                              gp_nonce_table_info *info, gp_error *error) {
  static const gp_nonce_table_options none = {0};
  if (key == NULL || path == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "path");
  }
  options = options != NULL ? options : &none;
  gp_nonce_table_info made;
  gp_status status = describe(key, vocabulary, options, &made, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t header[HEADER_SIZE];
  encode_header(&made, header);
  gp_nonce_table *table = NULL;
  gp_new_file *file = NULL;
  status = gp_new_file_open(path, "table", &file, error);
  if (status == GP_OK) {
    status = new_table(&made, &table, error);
  }
  if (status == GP_OK) {
    status = fill(key, table, options, error);
  }
  if (status == GP_OK) {
    status = seal(key, table, header, error);
  }
  if (status == GP_OK) {
    status = publish(file, header, table, error);
  }
  if (status == GP_OK && info != NULL) {
    *info = made;
  }
  gp_nonce_table_free(table);
  gp_new_file_free(file);
  return status;
}

/* ---------------------------------------------------------------- reading */

typedef struct reader {
  const char *name;
  FILE *file;
  crypto_hash_sha256_state hash;
  uint8_t header[HEADER_SIZE];
  gp_nonce_table_info info;
} reader;

static gp_status fail_form(const reader *self, const char *what, gp_error *error) {
  return gp_fail(error, GP_ERR_FORMAT, "%s: %s", self->name, what);
}

static gp_status read_bytes(reader *self, uint8_t *bytes, size_t size, gp_error *error) {
  if (fread(bytes, 1, size, self->file) == size) {
    return GP_OK;
  }
  if (ferror(self->file) == 0) {
    return fail_form(self, "the table is cut off", error);
  }
  return gp_fail(error, GP_ERR_IO, "%s: cannot read the table: %s", self->name, strerror(errno));
}

static gp_status check_fields(const reader *self, gp_error *error) {
  const gp_nonce_table_info *info = &self->info;
  gp_error inner;
  if (gp_params_check(&info->params, &inner) != GP_OK ||
      check_contexts(&info->params, &inner) != GP_OK) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: bad parameters: %s", self->name, inner.message);
  }
  if (info->count == 0 || info->count > GP_NONCE_TABLE_MAX ||
      (ids_of(&info->params) == 0 && info->count != 1)) {
    return fail_form(self, "the table has a size that none has", error);
  }
  return GP_OK;
}

static gp_status decode_header(reader *self, gp_error *error) {
  const uint8_t *header = self->header;
  gp_nonce_table_info *info = &self->info;
  gp_scheme scheme = GP_SCHEME_PLAIN;
  if (memcmp(header, magic, sizeof magic) != 0) {
    return fail_form(self, "not a Greenprint table of nonces", error);
  }
  if (header[AT_VERSION] != FORMAT_VERSION) {
    return gp_fail(error, GP_ERR_VERSION, "%s: table version %d; this library reads version %d",
                   self->name, (int)header[AT_VERSION], FORMAT_VERSION);
  }
  const gp_status status = gp_scheme_decode(header + AT_SCHEME, self->name, &scheme, error);
  if (status != GP_OK) {
    return status;
  }
  *info = (gp_nonce_table_info){.params = gp_params_decode(header + AT_PARAMS),
                                .has_tenant = header[AT_FLAGS] == HAS_TENANT,
                                .tenant = gp_load_le64(header + AT_TENANT),
                                .count = gp_load_le64(header + AT_COUNT)};
  memcpy(info->commitment, header + AT_COMMITMENT, GP_COMMITMENT_SIZE);
  gp_key_id_of(info->commitment, info->id);
  if (scheme != GP_SCHEME_PROVABLE || header[AT_FLAGS] > HAS_TENANT ||
      !sodium_is_zero(header + AT_RESERVED, AT_SCHEME - AT_RESERVED) ||
      (!info->has_tenant && info->tenant != 0)) {
    return fail_form(self, "the header of the table contradicts itself", error);
  }
  return check_fields(self, error);
}

/* Its size has to be what its header says, before anything is allocated for it. */
static gp_status check_size(reader *self, gp_error *error) {
  struct stat facts;
  if (fstat(fileno(self->file), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return gp_fail(error, GP_ERR_IO, "%s: a table has to be a regular file", self->name);
  }
  self->info.file_size = file_size_of(self->info.count);
  if ((uint64_t)facts.st_size != self->info.file_size) {
    return fail_form(self,
                     (uint64_t)facts.st_size < self->info.file_size
                         ? "the table is cut off"
                         : "the table has bytes behind its end",
                     error);
  }
  return GP_OK;
}

static gp_status open_reader(const char *path, reader *self, gp_error *error) {
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  struct stat facts;
  if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) { /* a pipe would be waited for */
    return gp_fail(error, GP_ERR_IO, "%s: a table has to be a regular file", self->name);
  }
  self->file = fopen(path, "rbe");
  if (self->file == NULL) {
    return gp_fail(error, GP_ERR_IO, "%s: cannot open the table: %s", self->name,
                   strerror(errno));
  }
  (void)crypto_hash_sha256_init(&self->hash);
  gp_status status = read_bytes(self, self->header, HEADER_SIZE, error);
  if (status == GP_OK) {
    status = decode_header(self, error);
  }
  if (status == GP_OK) {
    status = check_size(self, error);
  }
  (void)crypto_hash_sha256_update(&self->hash, self->header, HEADER_SIZE);
  return status;
}

static void close_reader(reader *self) {
  if (self->file != NULL) {
    (void)fclose(self->file);
  }
}

/* Compares the checksum, which is next, with that of all before. */
static gp_status finish(reader *self, gp_error *error) {
  uint8_t expected[CHECKSUM_SIZE];
  uint8_t checksum[CHECKSUM_SIZE];
  (void)crypto_hash_sha256_final(&self->hash, expected);
  const gp_status status = read_bytes(self, checksum, sizeof checksum, error);
  if (status == GP_OK && memcmp(checksum, expected, sizeof checksum) != 0) {
    return fail_form(self, "the checksum does not match: the table is damaged; make it again",
                     error);
  }
  return status;
}

gp_status gp_nonce_table_inspect(const char *path, gp_nonce_table_info *info, gp_error *error) {
  if (path == NULL || info == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "info");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  reader self = {.name = name};
  gp_status status = open_reader(path, &self, error);
  uint64_t left = self.info.count * GP_NONCE_SIZE + TAG_SIZE;
  while (left > 0 && status == GP_OK) {
    uint8_t bytes[4096];
    const size_t now = left < sizeof bytes ? (size_t)left : sizeof bytes;
    status = read_bytes(&self, bytes, now, error);
    (void)crypto_hash_sha256_update(&self.hash, bytes, now);
    left -= now;
  }
  if (status == GP_OK) {
    status = finish(&self, error);
  }
  if (status == GP_OK) {
    *info = self.info;
  }
  close_reader(&self);
  return status;
}

/* Opens the seal of what was read, in its place. */
static gp_status unseal(const reader *self, const gp_key *key, gp_nonce_table *table,
                        gp_error *error) {
  uint8_t *seal_key = NULL;
  gp_status status = derive_seal_key(key, &seal_key, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t *bytes = table->nonces[0];
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          bytes, NULL, NULL, bytes, table->count * GP_NONCE_SIZE + TAG_SIZE, self->header,
          HEADER_SIZE, self->header + AT_NONCE, seal_key) != 0) {
    status = fail_form(self, "the table was tampered with: its seal does not open", error);
  }
  sodium_free(seal_key);
  if (status == GP_OK && sodium_mprotect_readonly(table->nonces) != 0) {
    status = gp_fail(error, GP_ERR_MEMORY, "the table's memory could not be write-protected");
  }
  return status;
}

static gp_status check_owner(const reader *self, const gp_key *key, gp_error *error) {
  char id[GP_KEY_ID_STRING_SIZE];
  if (memcmp(self->info.commitment, key->commitment, GP_COMMITMENT_SIZE) == 0) {
    return GP_OK;
  }
  gp_key_id(key, id);
  return gp_fail(error, GP_ERR_ARGUMENT, "%s: is a table of key %s, not of %s", self->name,
                 self->info.id, id);
}

static gp_status load(reader *self, const gp_key *key, gp_nonce_table **table, gp_error *error) {
  gp_status status = check_owner(self, key, error);
  if (status == GP_OK) {
    status = new_table(&self->info, table, error);
  }
  if (status != GP_OK) {
    return status;
  }
  const size_t size = (*table)->count * GP_NONCE_SIZE + TAG_SIZE;
  status = read_bytes(self, (*table)->nonces[0], size, error);
  if (status == GP_OK) {
    (void)crypto_hash_sha256_update(&self->hash, (*table)->nonces[0], size);
    status = finish(self, error);
  }
  return status == GP_OK ? unseal(self, key, *table, error) : status;
}

gp_status gp_key_use_table(gp_key *key, const char *path, gp_error *error) {
  if (key == NULL || path == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "path");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  reader self = {.name = name};
  gp_nonce_table *table = NULL;
  gp_status status = check_key(key, error);
  if (status == GP_OK) {
    status = open_reader(path, &self, error);
  }
  if (status == GP_OK) {
    status = load(&self, key, &table, error);
  }
  if (status == GP_OK && !gp_nonces_take_table(key->nonces, table)) {
    status = gp_fail(error, GP_ERR_ARGUMENT, "%s: the key has a table already", name);
  }
  if (status != GP_OK) {
    gp_nonce_table_free(table);
  }
  close_reader(&self);
  return status;
}

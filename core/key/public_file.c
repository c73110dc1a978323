/* Public files (SPEC.md section 18): what a vendor gives to everybody who is to check a proof. */
#include <sodium.h>
#include <string.h>

#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "key/provable.h"
#include "key/public_file.h"
#include "vrf/vrf.h"

enum {
  AT_VERSION = 8,
  AT_RESERVED = 9,
  AT_SCHEME = 12,
  AT_PARAMS = 28,
  AT_ELEMENT = 32,
  AT_COMMITMENT = 64,
  AT_CHECKSUM = 96
};

#define FORMAT_VERSION 1

static const uint8_t magic[8] = {0x89, 'G', 'P', 'P', 'U', 'B', '\r', '\n'};

_Static_assert(AT_CHECKSUM + crypto_hash_sha256_BYTES == GP_PUBLIC_FILE_SIZE, "public file size");
_Static_assert(AT_ELEMENT + GP_ELEMENT_SIZE == AT_COMMITMENT, "element size");

void gp_public_key_encode(const gp_public_key *public_key, uint8_t file[GP_PUBLIC_FILE_SIZE]) {
  memset(file, 0, GP_PUBLIC_FILE_SIZE);
  memcpy(file, magic, sizeof magic);
  file[AT_VERSION] = FORMAT_VERSION;
  gp_scheme_encode(GP_SCHEME_PROVABLE, file + AT_SCHEME);
  gp_params_encode(&public_key->params, file + AT_PARAMS);
  memcpy(file + AT_ELEMENT, public_key->element, GP_ELEMENT_SIZE);
  memcpy(file + AT_COMMITMENT, public_key->commitment, GP_COMMITMENT_SIZE);
  crypto_hash_sha256(file + AT_CHECKSUM, file, AT_CHECKSUM);
}

/* The form of the bytes, up to the scheme. */
static gp_status check_form(const char *name, const uint8_t *file, size_t size, gp_error *error) {
  if (size < sizeof magic || memcmp(file, magic, sizeof magic) != 0) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: not a Greenprint public file", name);
  }
  if (size != GP_PUBLIC_FILE_SIZE) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "%s: the public file is cut off or has bytes added: it has not %d bytes", name,
                   GP_PUBLIC_FILE_SIZE);
  }
  if (file[AT_VERSION] != FORMAT_VERSION) {
    return gp_fail(error, GP_ERR_VERSION,
                   "%s: public file version %d; this library reads version %d", name,
                   (int)file[AT_VERSION], FORMAT_VERSION);
  }
  uint8_t checksum[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(checksum, file, AT_CHECKSUM);
  if (memcmp(checksum, file + AT_CHECKSUM, sizeof checksum) != 0) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "%s: the checksum does not match: the public file is damaged; get it again",
                   name);
  }
  gp_scheme scheme = GP_SCHEME_PLAIN;
  const gp_status status = gp_scheme_decode(file + AT_SCHEME, name, &scheme, error);
  if (status == GP_OK && scheme != GP_SCHEME_PROVABLE) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: keys of scheme %s have no public file", name,
                   gp_scheme_id(scheme));
  }
  if (status == GP_OK && !sodium_is_zero(file + AT_RESERVED, AT_SCHEME - AT_RESERVED)) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: a field that has to be zero is not", name);
  }
  return status;
}

gp_status gp_public_key_decode(const char *name, const uint8_t *file, size_t size,
                               gp_public_key *public_key, gp_error *error) {
  gp_status status = check_form(name, file, size, error);
  if (status != GP_OK) {
    return status;
  }
  gp_public_key read = {.params = gp_params_decode(file + AT_PARAMS)};
  memcpy(read.element, file + AT_ELEMENT, GP_ELEMENT_SIZE);
  memcpy(read.commitment, file + AT_COMMITMENT, GP_COMMITMENT_SIZE);
  gp_key_id_of(read.commitment, read.id);
  gp_error inner;
  if (gp_params_check(&read.params, &inner) != GP_OK) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: bad parameters: %s", name, inner.message);
  }
  status = gp_public_key_check(&read, &inner);
  if (status != GP_OK) {
    return gp_fail(error, status == GP_ERR_ARGUMENT ? GP_ERR_FORMAT : status, "%s: %s", name,
                   inner.message);
  }
  *public_key = read;
  return GP_OK;
}

gp_status gp_public_key_load(const char *path, gp_public_key *public_key, gp_error *error) {
  if (path == NULL || public_key == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "public_key");
  }
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  uint8_t bytes[GP_PUBLIC_FILE_SIZE + 1]; /* a longer file shows */
  size_t size = 0;
  const gp_status status = gp_read_start(path, "public file", bytes, sizeof bytes, &size, error);
  return status == GP_OK ? gp_public_key_decode(name, bytes, size, public_key, error) : status;
}

gp_status gp_public_key_save(const gp_public_key *public_key, const char *path, gp_error *error) {
  if (public_key == NULL || path == NULL) {
    return gp_fail_null(error, __func__, public_key == NULL ? "public_key" : "path");
  }
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  const gp_status status = gp_public_key_check(public_key, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t bytes[GP_PUBLIC_FILE_SIZE];
  gp_public_key_encode(public_key, bytes);
  return gp_new_file_write_shared(path, bytes, sizeof bytes, "public file", error);
}

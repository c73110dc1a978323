/* Master keys: 32 bytes in libsodium's guarded memory, which is locked against
 * swapping, left out of core files, and wiped when freed. */
#include "key/key.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "key/derive.h"
#include "key/provable.h"

gp_status gp_key_alloc(gp_scheme scheme, const gp_params *params, gp_key **key, gp_error *error) {
  const gp_status status = gp_params_check(params, error);
  if (status != GP_OK) {
    return status;
  }
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  gp_key *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "key");
  }
  made->scheme = scheme;
  made->params = *params;
  made->master = sodium_malloc(GP_MASTER_KEY_SIZE);
  if (made->master == NULL) {
    free(made);
    return gp_fail_memory(error, "locked memory for a key");
  }
  *key = made;
  return GP_OK;
}

gp_status gp_key_derive(const gp_key *key, const char *role, uint8_t *out, size_t size,
                        gp_error *error) {
  const uint8_t *ikm = key->scheme == GP_SCHEME_PROVABLE ? key->element : key->master;
  return gp_derive(ikm, key->scheme, role, &key->params, out, size, error);
}

gp_status gp_key_finish(gp_key *key, gp_error *error) {
  gp_status status = GP_OK;
  if (key->scheme == GP_SCHEME_PROVABLE) {
    status = gp_key_pair(key, error);
  }
  if (status == GP_OK) {
    status = gp_key_derive(key, "commitment", key->commitment, sizeof key->commitment, error);
  }
  if (status != GP_OK) {
    return status;
  }
  if (sodium_mprotect_readonly(key->master) != 0) {
    return gp_fail(error, GP_ERR_MEMORY, "the key's memory could not be write-protected");
  }
  return GP_OK;
}

static gp_status finish_or_free(gp_key *made, gp_key **key, gp_error *error) {
  const gp_status status = gp_key_finish(made, error);
  if (status != GP_OK) {
    gp_key_free(made);
    return status;
  }
  *key = made;
  return GP_OK;
}

static gp_status generate(gp_scheme scheme, const gp_params *params, gp_key **key,
                          gp_error *error) {
  if (key == NULL) {
    return gp_fail_null(error, "gp_key_generate", "key");
  }
  gp_key *made = NULL;
  const gp_status status = gp_key_alloc(scheme, params, &made, error);
  if (status != GP_OK) {
    return status;
  }
  randombytes_buf(made->master, GP_MASTER_KEY_SIZE);
  return finish_or_free(made, key, error);
}

gp_status gp_key_generate(const gp_params *params, gp_key **key, gp_error *error) {
  return generate(GP_SCHEME_PLAIN, params, key, error);
}

gp_status gp_key_generate_provable(const gp_params *params, gp_key **key, gp_error *error) {
  return generate(GP_SCHEME_PROVABLE, params, key, error);
}

static gp_status from_bytes(gp_scheme scheme, const gp_params *params,
                            const uint8_t master[GP_MASTER_KEY_SIZE], gp_key **key,
                            gp_error *error) {
  if (key == NULL || master == NULL) {
    return gp_fail_null(error, "gp_key_from_bytes", key == NULL ? "key" : "master");
  }
  gp_key *made = NULL;
  const gp_status status = gp_key_alloc(scheme, params, &made, error);
  if (status != GP_OK) {
    return status;
  }
  memcpy(made->master, master, GP_MASTER_KEY_SIZE);
  return finish_or_free(made, key, error);
}

gp_status gp_key_from_bytes(const gp_params *params, const uint8_t master[GP_MASTER_KEY_SIZE],
                            gp_key **key, gp_error *error) {
  return from_bytes(GP_SCHEME_PLAIN, params, master, key, error);
}

gp_status gp_key_from_bytes_provable(const gp_params *params,
                                     const uint8_t master[GP_MASTER_KEY_SIZE], gp_key **key,
                                     gp_error *error) {
  return from_bytes(GP_SCHEME_PROVABLE, params, master, key, error);
}

void gp_key_free(gp_key *key) {
  if (key == NULL) {
    return;
  }
  gp_nonces_release(key->nonces);
  sodium_free(key->master); /* wipes; makes the page writable first */
  free(key);
}

const char *gp_key_scheme(const gp_key *key) {
  return gp_scheme_id(key->scheme);
}

gp_params gp_key_params(const gp_key *key) {
  return key->params;
}

void gp_key_commitment(const gp_key *key, uint8_t commitment[GP_COMMITMENT_SIZE]) {
  memcpy(commitment, key->commitment, GP_COMMITMENT_SIZE);
}

void gp_key_id_of(const uint8_t commitment[GP_COMMITMENT_SIZE], char id[GP_KEY_ID_STRING_SIZE]) {
  sodium_bin2hex(id, GP_KEY_ID_STRING_SIZE, commitment, (GP_KEY_ID_STRING_SIZE - 1) / 2);
}

void gp_key_id(const gp_key *key, char id[GP_KEY_ID_STRING_SIZE]) {
  gp_key_id_of(key->commitment, id);
}

#include "key/provable.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "key/derive.h"
#include "vrf/vrf.h"

/* What must not lie about. */
typedef struct secrets {
  uint8_t seed[GP_VRF_SEED_SIZE];
  uint8_t secret[GP_VRF_SCALAR_SIZE];
} secrets;

gp_status gp_key_pair(gp_key *key, gp_error *error) {
  uint8_t info[sizeof GP_SCHEME_ID_PROVABLE + GP_PARAMS_SIZE] = GP_SCHEME_ID_PROVABLE;
  gp_params_encode(&key->params, info + sizeof GP_SCHEME_ID_PROVABLE);
  secrets *s = sodium_malloc(sizeof *s);
  if (s == NULL) {
    return gp_fail_memory(error, "locked memory for a key");
  }
  gp_status status =
      gp_derive(key->master, key->scheme, "seed", &key->params, s->seed, sizeof s->seed, error);
  if (status == GP_OK) {
    status = gp_vrf_derive_key_pair(GP_VRF_VOPRF, s->seed, info, sizeof info, s->secret,
                                    key->element, error);
  }
  if (status == GP_OK) {
    status = gp_nonces_of_secret(s->secret, &key->nonces, error);
  }
  sodium_free(s); /* wipes */
  return status;
}

gp_status gp_public_key_finish(gp_public_key *public_key, gp_error *error) {
  const gp_status status =
      gp_derive(public_key->element, GP_SCHEME_PROVABLE, "commitment", &public_key->params,
                public_key->commitment, sizeof public_key->commitment, error);
  gp_key_id_of(public_key->commitment, public_key->id);
  return status;
}

gp_status gp_public_key_check(const gp_public_key *public_key, gp_error *error) {
  gp_status status = gp_params_check(&public_key->params, error);
  if (status != GP_OK) {
    return status;
  }
  if (!gp_vrf_is_element(public_key->element)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the public key is not an element of ristretto255");
  }
  gp_public_key right = *public_key;
  status = gp_public_key_finish(&right, error);
  if (status == GP_OK &&
      (memcmp(right.commitment, public_key->commitment, sizeof right.commitment) != 0 ||
       strncmp(right.id, public_key->id, sizeof right.id) != 0)) {
    status = gp_fail(error, GP_ERR_ARGUMENT,
                     "the commitment does not belong to the public key and its parameters");
  }
  return status;
}

gp_status gp_key_public(const gp_key *key, gp_public_key *public_key, gp_error *error) {
  if (key == NULL || public_key == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "public_key");
  }
  if (key->scheme != GP_SCHEME_PROVABLE) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "a key of %s has no public key: make a provable one (keygen --provable)",
                   gp_scheme_id(key->scheme));
  }
  *public_key = (gp_public_key){.params = key->params};
  memcpy(public_key->element, key->element, sizeof key->element);
  memcpy(public_key->commitment, key->commitment, sizeof key->commitment);
  gp_key_id_of(key->commitment, public_key->id);
  return GP_OK;
}

gp_status gp_key_with_nonces(const gp_public_key *public_key, gp_nonces *nonces, gp_key **key,
                             gp_error *error) {
  gp_status status = gp_public_key_check(public_key, error);
  gp_key *made = NULL;
  if (status == GP_OK) {
    made = calloc(1, sizeof *made);
    status = made != NULL ? GP_OK : gp_fail_memory(error, "key");
  }
  if (status != GP_OK) {
    gp_nonces_release(nonces);
    return status;
  }
  made->scheme = GP_SCHEME_PROVABLE;
  made->params = public_key->params;
  made->nonces = nonces;
  memcpy(made->commitment, public_key->commitment, sizeof made->commitment);
  memcpy(made->element, public_key->element, sizeof made->element);
  *key = made;
  return GP_OK;
}

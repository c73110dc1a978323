/* The inside of a gp_key, and derivation from it. */
#ifndef GP_KEY_KEY_H
#define GP_KEY_KEY_H

#include "key/params.h"
#include "key/scheme.h"
#include "vrf/nonces.h"

#define GP_SUBKEY_SIZE 16

struct gp_key {
  gp_scheme scheme;
  gp_params params;
  uint8_t commitment[GP_COMMITMENT_SIZE];
  uint8_t *master;                  /* sodium_malloc, read-only once filled; NULL in a key that
                                       only scores, by nonces from elsewhere */
  uint8_t element[GP_ELEMENT_SIZE]; /* a provable key's pk */
  gp_nonces *nonces;                /* a provable key's; NULL otherwise */
};

/* A key whose master bytes are uninitialised and writable; gp_key_finish() makes it
 * usable. Errors: GP_ERR_ARGUMENT, GP_ERR_MEMORY, GP_ERR_CRYPTO. */
gp_status gp_key_alloc(gp_scheme scheme, const gp_params *params, gp_key **key, gp_error *error);

/* Derives what a key carries, its commitment among it, and write-protects the master bytes. */
gp_status gp_key_finish(gp_key *key, gp_error *error);

/* subkey(role, size) of SPEC.md section 3, of a provable key public(role, size) of section 18.
 * `size` is at most 32 bytes. */
gp_status gp_key_derive(const gp_key *key, const char *role, uint8_t *out, size_t size,
                        gp_error *error);

/* A key of a public key that scores by given nonces, which it takes over even on failure. */
gp_status gp_key_with_nonces(const gp_public_key *public_key, gp_nonces *nonces, gp_key **key,
                             gp_error *error);

/* The key id that belongs to a commitment. */
void gp_key_id_of(const uint8_t commitment[GP_COMMITMENT_SIZE], char id[GP_KEY_ID_STRING_SIZE]);

#endif

/*
 * Where a provable key's nonces come from (SPEC.md section 18): from its secret scalar, which
 * takes two operations of the group a context and so goes through a cache; or from a list of
 * contexts whose nonces somebody else computed and proved.
 *
 * A gp_nonces is shared by all that was made of one key, counted by references, and thread-safe.
 */
#ifndef GP_VRF_NONCES_H
#define GP_VRF_NONCES_H

#include "common/tuples.h"
#include "greenprint.h"
#include "vrf/nonce_cache.h"

#define GP_NONCE_BLOCK 16 /* a nonce in its first 12 bytes, zero in the last 4 */

typedef struct gp_nonces gp_nonces;

/* Copies the secret into guarded memory. */
gp_status gp_nonces_of_secret(const uint8_t secret[GP_ELEMENT_SIZE], gp_nonces **nonces,
                              gp_error *error);

/* The nonces of contexts of one tenant, or none. Contexts and nonces are taken over, on failure
 * too; nonces is malloc's. `sampled`: contexts that are not among them are not to be scored,
 * rather than an error. */
gp_status gp_nonces_of_list(gp_tuples *contexts, uint8_t (*list)[GP_NONCE_SIZE],
                            const uint64_t *tenant, bool sampled, gp_nonces **nonces,
                            gp_error *error);

/* Nonces of contexts of one id that were computed before, from id 0 on, for one tenant or none;
 * of contexts without ids the one that there is. */
typedef struct gp_nonce_table {
  bool has_tenant;
  uint64_t tenant;
  size_t count;
  uint8_t (*nonces)[GP_NONCE_SIZE]; /* sodium_malloc */
} gp_nonce_table;

void gp_nonce_table_free(gp_nonce_table *table);

/* Takes over a table, in which nonces are then looked up first; false where there is one already.
 * Thread-safe. */
bool gp_nonces_take_table(gp_nonces *nonces, gp_nonce_table *table);

/* Fills a table's nonces from number `first` on, `count` of them, sharing the work with a pool.
 */
gp_status gp_nonces_fill_table(gp_nonces *nonces, const gp_nonce_table *table, size_t width,
                               size_t first, size_t count, gp_thread_pool *pool, gp_error *error);

/* The secret scalar, which stays where it is; NULL where there is none. */
const uint8_t *gp_nonces_secret(const gp_nonces *nonces);

/* Whether some contexts are not to be scored. */
bool gp_nonces_sampled(const gp_nonces *nonces);

/* How often the cache had a nonce, and not. */
gp_nonce_cache_counts gp_nonces_counts(const gp_nonces *nonces);

gp_nonces *gp_nonces_retain(gp_nonces *nonces);
void gp_nonces_release(gp_nonces *nonces);

/* A context and whose it is. */
typedef struct gp_nonce_request {
  const uint32_t *ids;
  const uint64_t *tenant; /* NULL: nobody's */
} gp_nonce_request;

/* The nonces of `count` contexts of `width` ids each. `pool`, which may be NULL, shares out those
 * that have to be computed. known[i] says whether context i is to be scored; where `known` is
 * NULL one that is not is an error, as is one that is not in a whole list: GP_ERR_ARGUMENT. Other
 * errors: GP_ERR_MEMORY, GP_ERR_CRYPTO. */
gp_status gp_nonces_find(gp_nonces *nonces, const gp_nonce_request *requests, size_t width,
                         size_t count, gp_thread_pool *pool, uint8_t (*blocks)[GP_NONCE_BLOCK],
                         uint8_t *known, gp_error *error);

#endif

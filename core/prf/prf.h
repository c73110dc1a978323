/*
 * The scheme's two stages: context -> nonce (context.c), nonce -> green bits (mask.c).
 *
 * Of a provable key the first stage is not AES but comes from its gp_nonces; it has no tweaks, a
 * tenant being part of what is evaluated (SPEC.md section 18).
 *
 * A gp_prf is what a key, its parameters and a tenant come to: immutable, shared by
 * threads. OpenSSL's cipher contexts are not immutable, so each caller works through a
 * gp_prf_lane of its own, a set of contexts copied from the gp_prf's.
 */
#ifndef GP_PRF_PRF_H
#define GP_PRF_PRF_H

#include "common/cpu.h"
#include "prf/aes.h"
#include "prf/cipher.h"
#include "prf/kernels.h"
#include "vrf/nonces.h"

/* Windows handled in one bulk call, and blocks: enough to make little of a call's own cost, few
 * enough to stay in the first-level cache. */
#define GP_PRF_BATCH 512

typedef struct gp_prf_lane {
  EVP_CIPHER_CTX *context; /* AES under K_context; NULL of a provable key */
  EVP_CIPHER_CTX *order;   /* AES under K_order; NULL unless seeding is min */
  EVP_CIPHER_CTX *mask;    /* AES under K_mask, block by block */
  EVP_CIPHER_CTX *stream;  /* AES under K_mask in counter mode */
  EVP_CIPHER_CTX *tenant;  /* AES under K_tenant; NULL of a provable key */
} gp_prf_lane;

typedef struct gp_prf {
  gp_params params;
  gp_cpu cpu;
  const gp_prf_kernels *kernels; /* NULL: all through OpenSSL */
  gp_aes *schedules;             /* locked memory for the following: round keys, for kernels that
                                    bring AES along */
  const gp_aes *context;         /* under K_context; NULL of a provable key */
  const gp_aes *mask;            /* under K_mask */
  const gp_aes *order;           /* under K_order; NULL unless seeding is min */
  uint8_t tweak[GP_BLOCK_SIZE];  /* zero without a tenant, and always in the last 4 bytes */
  gp_nonces *nonces;             /* of a provable key; NULL otherwise */
  bool has_tenant;               /* for these */
  uint64_t tenant;
  gp_prf_lane original; /* only ever copied from */
} gp_prf;

/* Derives everything from a key. `prf` is the caller's memory. */
gp_status gp_prf_init(gp_prf *prf, const gp_key *key, const uint64_t *tenant, gp_error *error);
void gp_prf_release(gp_prf *prf);

/* Refuses a key that scores a sample only, for what scores everything: GP_ERR_ARGUMENT. */
gp_status gp_prf_refuse_sample(const gp_prf *prf, gp_error *error);

/* The tweaks of many tenants, which XORed into the nonces of a gp_prf without a tenant make
 * theirs: block i has the tweak in its first 12 bytes and zero behind it. */
gp_status gp_prf_tweaks(const gp_key *key, const uint64_t *tenants, size_t count,
                        uint8_t (*tweaks)[GP_BLOCK_SIZE], gp_error *error);

/* The tweak of one tenant, in a block like those of gp_prf_tweaks(). */
gp_status gp_prf_tweak(gp_prf_lane *lane, uint64_t tenant, uint8_t tweak[GP_BLOCK_SIZE],
                       gp_error *error);

/* A lane for one caller at a time. Thread-safe on one gp_prf. */
gp_status gp_prf_lane_init(gp_prf_lane *lane, const gp_prf *prf, gp_error *error);
void gp_prf_lane_release(gp_prf_lane *lane);

/* The nonces of `count` overlapping windows, window i being tokens[i] to
 * tokens[i + h - 1], tenant included. Each stands in the first 12 bytes of its block; the
 * last 4 are zero. count <= GP_PRF_BATCH. */
gp_status gp_prf_nonces(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                        size_t count, uint8_t (*nonces)[GP_BLOCK_SIZE], gp_error *error);

/* The nonces of windows that lie apart, h ids from windows[i] on, without a tenant: XOR the
 * tweak. Of a provable key they are those of tenants[i] or, where that or `tenants` is NULL, of
 * the gp_prf's; `pool`, which may be NULL, shares out the work. count <= GP_PRF_BATCH. */
gp_status gp_prf_nonces_apart(const gp_prf *prf, gp_prf_lane *lane,
                              const uint32_t *const *windows, const uint64_t *const *tenants,
                              size_t count, gp_thread_pool *pool,
                              uint8_t (*nonces)[GP_BLOCK_SIZE], gp_error *error);

/* The windows of gp_prf_nonces(), each with the token behind it, tokens[i + h]: the nonce in the
 * first 12 bytes, the token in the last 4, little-endian. count <= GP_PRF_BATCH. */
gp_status gp_prf_pairs(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens, size_t count,
                       uint8_t (*pairs)[GP_BLOCK_SIZE], gp_error *error);

/* The same of any key, which may be one that scores a sample of contexts only: the pairs of
 * those, *kept of them; of other keys all. */
gp_status gp_prf_pairs_kept(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                            size_t count, uint8_t (*pairs)[GP_BLOCK_SIZE], size_t *kept,
                            gp_error *error);

/* How many ids the contexts of a gp_prf have, and those of `count` overlapping windows, context i
 * from ids[i * gp_prf_context_ids()] on. count <= GP_PRF_BATCH. */
size_t gp_prf_context_ids(const gp_prf *prf);
gp_status gp_prf_contexts(const gp_prf *prf, gp_prf_lane *lane, const uint32_t *tokens,
                          size_t count, uint32_t *ids, gp_error *error);

/* Whether the token of pairs[i] is green under its nonce: green[i] is 0 or 1. Any count. */
gp_status gp_prf_green(const gp_prf *prf, gp_prf_lane *lane,
                       const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count, uint8_t *green,
                       gp_error *error);

/* Adds to green[i], for each of many tenants, how many of `count` pairs are green under his
 * tweaks[i] (gp_prf_tweaks()); the pairs were made without a tenant. Any count. */
gp_status gp_prf_count_tenants(const gp_prf *prf, gp_prf_lane *lane,
                               const uint8_t (*pairs)[GP_BLOCK_SIZE], size_t count,
                               const uint8_t (*tweaks)[GP_BLOCK_SIZE], size_t n_tenants,
                               uint64_t *green, gp_error *error);

/* Starts the mask of a nonce at a group. */
gp_status gp_prf_mask_start(const gp_prf *prf, gp_prf_lane *lane,
                            const uint8_t nonce[GP_NONCE_SIZE], size_t group, gp_error *error);

/* The most groups that gp_prf_mask_next() makes at once. */
size_t gp_prf_mask_groups_max(const gp_prf *prf);

/* The mask of the next `groups` groups: 16 bytes each, token v of the group in bit v % 8 of
 * byte v / 8. */
gp_status gp_prf_mask_next(const gp_prf *prf, gp_prf_lane *lane, size_t groups, uint8_t *mask,
                           gp_error *error);

#endif

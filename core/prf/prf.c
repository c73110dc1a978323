/* From a key to the ciphers of the two stages. */
#include "prf/prf.h"

#include <sodium.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "key/key.h"

/* A cipher under subkey(role). The subkey passes through locked memory. */
static gp_status derive_cipher(const gp_key *key, const char *role, gp_cipher_mode mode,
                               uint8_t *subkey, EVP_CIPHER_CTX **cipher, gp_error *error) {
  const gp_status status = gp_key_derive(key, role, subkey, GP_SUBKEY_SIZE, error);
  return status == GP_OK ? gp_cipher_new(mode, subkey, cipher, error) : status;
}

/* The round keys of a subkey, in the place for them. */
static const gp_aes *expand(gp_prf *prf, const uint8_t *subkey, size_t place) {
  gp_aes_expand(subkey, &prf->schedules[place]);
  return &prf->schedules[place];
}

static gp_status make_tweak(EVP_CIPHER_CTX *cipher, uint64_t tenant, uint8_t tweak[GP_BLOCK_SIZE],
                            gp_error *error) {
  uint8_t block[1][GP_BLOCK_SIZE] = {{0}};
  gp_store_le64(block[0], tenant);
  const gp_status status =
      gp_cipher_blocks(cipher, (const uint8_t(*)[GP_BLOCK_SIZE])block, block, 1, error);
  memcpy(tweak, block[0], GP_NONCE_SIZE);
  memset(tweak + GP_NONCE_SIZE, 0, GP_BLOCK_SIZE - GP_NONCE_SIZE);
  return status;
}

gp_status gp_prf_tweak(gp_prf_lane *lane, uint64_t tenant, uint8_t tweak[GP_BLOCK_SIZE],
                       gp_error *error) {
  return make_tweak(lane->tenant, tenant, tweak, error);
}

gp_status gp_prf_tweaks(const gp_key *key, const uint64_t *tenants, size_t count,
                        uint8_t (*tweaks)[GP_BLOCK_SIZE], gp_error *error) {
  uint8_t *subkey = sodium_malloc(GP_SUBKEY_SIZE);
  if (subkey == NULL) {
    return gp_fail_memory(error, "locked memory for a subkey");
  }
  EVP_CIPHER_CTX *cipher = NULL;
  gp_status status = derive_cipher(key, "tenant", GP_CIPHER_ECB, subkey, &cipher, error);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    status = make_tweak(cipher, tenants[i], tweaks[i], error);
  }
  EVP_CIPHER_CTX_free(cipher);
  sodium_free(subkey);
  return status;
}

/* Stage 1 of a provable key is what the key has. */
static gp_status take_nonces(gp_prf *prf, const gp_key *key, const uint64_t *tenant) {
  prf->nonces = gp_nonces_retain(key->nonces);
  prf->has_tenant = tenant != NULL;
  prf->tenant = tenant != NULL ? *tenant : 0;
  return GP_OK;
}

static gp_status derive_first_stage(gp_prf *prf, const gp_key *key, const uint64_t *tenant,
                                    uint8_t *subkey, gp_error *error) {
  gp_prf_lane *lane = &prf->original;
  gp_status status = derive_cipher(key, "context", GP_CIPHER_ECB, subkey, &lane->context, error);
  if (status == GP_OK) {
    prf->context = expand(prf, subkey, 0);
    status = derive_cipher(key, "tenant", GP_CIPHER_ECB, subkey, &lane->tenant, error);
  }
  if (status == GP_OK && tenant != NULL) {
    status = gp_prf_tweak(lane, *tenant, prf->tweak, error);
  }
  return status;
}

static gp_status derive_order(gp_prf *prf, const gp_key *key, uint8_t *subkey, gp_error *error) {
  const gp_status status =
      derive_cipher(key, "order", GP_CIPHER_ECB, subkey, &prf->original.order, error);
  if (status == GP_OK) {
    prf->order = expand(prf, subkey, 2);
  }
  return status;
}

static gp_status derive_mask(gp_prf *prf, const gp_key *key, uint8_t *subkey, gp_error *error) {
  gp_prf_lane *lane = &prf->original;
  gp_status status = derive_cipher(key, "mask", GP_CIPHER_ECB, subkey, &lane->mask, error);
  if (status == GP_OK) { /* the same subkey again */
    prf->mask = expand(prf, subkey, 1);
    status = gp_cipher_new(GP_CIPHER_CTR, subkey, &lane->stream, error);
  }
  return status;
}

gp_status gp_prf_init(gp_prf *prf, const gp_key *key, const uint64_t *tenant, gp_error *error) {
  memset(prf, 0, sizeof *prf);
  prf->params = key->params;
  gp_status status = gp_cpu_choose(&prf->cpu, error);
  if (status != GP_OK) {
    return status;
  }
  prf->kernels = gp_prf_kernels_for(prf->cpu);
  uint8_t *subkey = sodium_malloc(GP_SUBKEY_SIZE);
  if (subkey == NULL) {
    return gp_fail_memory(error, "locked memory for a subkey");
  }
  prf->schedules = sodium_malloc(3 * sizeof *prf->schedules);
  if (prf->schedules == NULL) {
    sodium_free(subkey);
    return gp_fail_memory(error, "locked memory for round keys");
  }
  status = key->nonces != NULL ? take_nonces(prf, key, tenant)
                               : derive_first_stage(prf, key, tenant, subkey, error);
  if (status == GP_OK && key->params.seeding == GP_SEEDING_MIN) {
    status = derive_order(prf, key, subkey, error);
  }
  if (status == GP_OK) {
    status = derive_mask(prf, key, subkey, error);
  }
  sodium_free(subkey);
  if (status != GP_OK) {
    gp_prf_release(prf);
  }
  return status;
}

void gp_prf_release(gp_prf *prf) {
  gp_prf_lane_release(&prf->original);
  gp_nonces_release(prf->nonces);
  sodium_free(prf->schedules);
  sodium_memzero(prf, sizeof *prf);
}

gp_status gp_prf_refuse_sample(const gp_prf *prf, gp_error *error) {
  if (prf->nonces != NULL && gp_nonces_sampled(prf->nonces)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "the key is that of a proof of a sample, which only a gp_corpus or a "
                   "gp_verifier can score");
  }
  return GP_OK;
}

gp_status gp_prf_lane_init(gp_prf_lane *lane, const gp_prf *prf, gp_error *error) {
  const gp_prf_lane *from = &prf->original;
  memset(lane, 0, sizeof *lane);
  gp_status status = GP_OK;
  if (from->context != NULL) {
    status = gp_cipher_copy(from->context, &lane->context, error);
  }
  if (status == GP_OK && from->order != NULL) {
    status = gp_cipher_copy(from->order, &lane->order, error);
  }
  if (status == GP_OK) {
    status = gp_cipher_copy(from->mask, &lane->mask, error);
  }
  if (status == GP_OK) {
    status = gp_cipher_copy(from->stream, &lane->stream, error);
  }
  if (status == GP_OK && from->tenant != NULL) {
    status = gp_cipher_copy(from->tenant, &lane->tenant, error);
  }
  if (status != GP_OK) {
    gp_prf_lane_release(lane);
  }
  return status;
}

void gp_prf_lane_release(gp_prf_lane *lane) {
  EVP_CIPHER_CTX_free(lane->context);
  EVP_CIPHER_CTX_free(lane->order);
  EVP_CIPHER_CTX_free(lane->mask);
  EVP_CIPHER_CTX_free(lane->stream);
  EVP_CIPHER_CTX_free(lane->tenant);
  memset(lane, 0, sizeof *lane);
}

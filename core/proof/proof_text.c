/* A text as proofs see it: its digest, its contexts, and samples of these. */
#include "proof/proof_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "key/key.h"
#include "vrf/input.h"

/* A key with no nonces at all: what is public of it is enough to tell contexts. */
static gp_status make_prf(gp_proof_text *text, gp_error *error) {
  gp_tuples none = {0};
  gp_nonces *nonces = NULL;
  gp_key *key = NULL;
  gp_status status = gp_nonces_of_list(&none, NULL, NULL, false, &nonces, error);
  if (status == GP_OK) {
    status = gp_key_with_nonces(&text->public_key, nonces, &key, error);
  }
  if (status == GP_OK) {
    status = gp_prf_init(&text->prf, key, NULL, error);
  }
  if (status == GP_OK) {
    status = gp_prf_lane_init(&text->lane, &text->prf, error);
  }
  gp_key_free(key);
  return status;
}

gp_status gp_proof_text_new(const gp_public_key *public_key, gp_proof_text **text,
                            gp_error *error) {
  if (public_key == NULL || text == NULL) {
    return gp_fail_null(error, __func__, public_key == NULL ? "public_key" : "text");
  }
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  gp_proof_text *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a text to be proved");
  }
  made->public_key = *public_key;
  made->digest = EVP_MD_CTX_new();
  gp_status status = GP_OK;
  if (made->digest == NULL || EVP_DigestInit_ex(made->digest, EVP_sha256(), NULL) != 1) {
    status = gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  if (status == GP_OK) {
    status = make_prf(made, error);
  }
  if (status == GP_OK) {
    status = gp_tuples_init(&made->contexts, gp_prf_context_ids(&made->prf), error);
  }
  if (status != GP_OK) {
    gp_proof_text_free(made);
    return status;
  }
  *text = made;
  return GP_OK;
}

void gp_proof_text_free(gp_proof_text *text) {
  if (text == NULL) {
    return;
  }
  gp_prf_lane_release(&text->lane);
  gp_prf_release(&text->prf);
  gp_tuples_release(&text->contexts);
  EVP_MD_CTX_free(text->digest);
  free(text);
}

static gp_status digest_document(gp_proof_text *text, const uint32_t *tokens, size_t n_tokens,
                                 gp_error *error) {
  uint8_t bytes[4 * GP_PRF_BATCH];
  gp_store_le64(bytes, n_tokens);
  bool good = EVP_DigestUpdate(text->digest, bytes, 8) == 1;
  for (size_t first = 0; first < n_tokens && good; first += GP_PRF_BATCH) {
    const size_t count = n_tokens - first < GP_PRF_BATCH ? n_tokens - first : GP_PRF_BATCH;
    for (size_t i = 0; i < count; i++) {
      gp_store_le32(bytes + 4 * i, tokens[first + i]);
    }
    good = EVP_DigestUpdate(text->digest, bytes, 4 * count) == 1;
  }
  return good ? GP_OK : gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
}

gp_status gp_proof_text_add(gp_proof_text *text, const uint32_t *tokens, size_t n_tokens,
                            gp_error *error) {
  if (text == NULL || (tokens == NULL && n_tokens > 0)) {
    return gp_fail_null(error, __func__, text == NULL ? "text" : "tokens");
  }
  const size_t width = text->prf.params.context_width;
  const size_t windows = n_tokens > width ? n_tokens - width : 0;
  uint32_t ids[GP_PRF_BATCH * GP_CONTEXT_WIDTH_MAX];
  gp_status status = digest_document(text, tokens, n_tokens, error);
  for (size_t first = 0; first < windows && status == GP_OK; first += GP_PRF_BATCH) {
    const size_t count = windows - first < GP_PRF_BATCH ? windows - first : GP_PRF_BATCH;
    status = gp_prf_contexts(&text->prf, &text->lane, tokens + first, count, ids, error);
    for (size_t i = 0; i < count && status == GP_OK; i++) {
      uint32_t number = 0;
      status = gp_tuples_add(&text->contexts, ids + i * text->contexts.width, &number, error);
    }
  }
  text->documents++;
  text->tokens += n_tokens;
  return status;
}

gp_status gp_proof_text_digest(const gp_proof_text *text, uint8_t sha256[GP_SHA256_SIZE],
                               gp_error *error) {
  EVP_MD_CTX *copy = EVP_MD_CTX_new();
  const bool good = copy != NULL && EVP_MD_CTX_copy_ex(copy, text->digest) == 1 &&
                    EVP_DigestFinal_ex(copy, sha256, NULL) == 1;
  EVP_MD_CTX_free(copy);
  return good ? GP_OK : gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
}

/* ---------------------------------------------------------------- samples */

/* A context's number, and its lot: the smallest are in the sample. */
typedef struct lot {
  uint64_t value;
  uint32_t number;
} lot;

static int by_lot(const void *a, const void *b) {
  const lot *x = a;
  const lot *y = b;
  if (x->value != y->value) {
    return (x->value > y->value) - (x->value < y->value);
  }
  return (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a;
  const uint32_t y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* The first 8 bytes of SHA-256(digest of the text || input of the context, without a tenant). */
static void draw(const gp_proof_text *text, const uint8_t sha256[GP_SHA256_SIZE], size_t number,
                 lot *drawn) {
  uint8_t bytes[GP_SHA256_SIZE + GP_CONTEXT_INPUT_MAX];
  uint8_t hash[crypto_hash_sha256_BYTES];
  const size_t width = text->contexts.width;
  memcpy(bytes, sha256, GP_SHA256_SIZE);
  const size_t size =
      gp_context_input(NULL, text->contexts.ids + number * width, width, bytes + GP_SHA256_SIZE);
  (void)crypto_hash_sha256(hash, bytes, GP_SHA256_SIZE + size);
  *drawn = (lot){gp_load_le64(hash), (uint32_t)number};
}

gp_status gp_proof_text_sample(const gp_proof_text *text, size_t sample, uint32_t **numbers,
                               gp_error *error) {
  uint8_t sha256[GP_SHA256_SIZE];
  const gp_status status = gp_proof_text_digest(text, sha256, error);
  if (status != GP_OK) {
    return status;
  }
  const size_t count = text->contexts.count;
  lot *lots = malloc(count * sizeof *lots);
  uint32_t *chosen = malloc(sample * sizeof *chosen);
  if (lots == NULL || chosen == NULL) {
    free(lots);
    free(chosen);
    return gp_fail_memory(error, "a sample of contexts");
  }
  for (size_t i = 0; i < count; i++) {
    draw(text, sha256, i, &lots[i]);
  }
  qsort(lots, count, sizeof *lots, by_lot);
  for (size_t i = 0; i < sample; i++) {
    chosen[i] = lots[i].number;
  }
  free(lots);
  qsort(chosen, sample, sizeof *chosen, by_number);
  *numbers = chosen;
  return GP_OK;
}

/* ------------------------------------------------------- for blind evaluation */

size_t gp_proof_text_contexts(const gp_proof_text *text) {
  return text->contexts.count;
}

static const uint64_t *tenant_of(const gp_verifier_options *tenant) {
  return tenant != NULL && tenant->has_tenant ? &tenant->tenant : NULL;
}

size_t gp_proof_text_inputs(const gp_proof_text *text, const gp_verifier_options *tenant,
                            uint8_t *inputs) {
  static const uint32_t any[GP_CONTEXT_WIDTH_MAX];
  const gp_tuples *contexts = &text->contexts;
  uint8_t input[GP_CONTEXT_INPUT_MAX];
  const size_t size = gp_context_input(tenant_of(tenant), any, contexts->width, input);
  for (size_t i = 0; inputs != NULL && i < contexts->count; i++) {
    (void)gp_context_input(tenant_of(tenant), contexts->ids + i * contexts->width,
                           contexts->width, input);
    memcpy(inputs + i * size, input, size);
  }
  return size;
}

gp_status gp_proof_text_scorer(const gp_proof_text *text, const uint32_t *numbers, size_t count,
                               const uint64_t *tenant, uint8_t (*list)[GP_NONCE_SIZE],
                               bool sampled, gp_key **key, gp_error *error) {
  const gp_tuples *from = &text->contexts;
  gp_tuples contexts = {0};
  gp_nonces *nonces = NULL;
  gp_status status = gp_tuples_init(&contexts, from->width, error);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    const size_t which = numbers != NULL ? numbers[i] : i;
    uint32_t number = 0;
    status = gp_tuples_add(&contexts, from->ids + which * from->width, &number, error);
  }
  if (status != GP_OK) {
    gp_tuples_release(&contexts);
    free(list);
    return status;
  }
  status = gp_nonces_of_list(&contexts, list, tenant, sampled, &nonces, error);
  return status == GP_OK ? gp_key_with_nonces(&text->public_key, nonces, key, error) : status;
}

gp_status gp_proof_text_key(const gp_proof_text *text, const gp_verifier_options *tenant,
                            const uint8_t (*nonces)[GP_NONCE_SIZE], gp_key **key,
                            gp_error *error) {
  if (text == NULL || key == NULL || (nonces == NULL && text->contexts.count > 0)) {
    return gp_fail_null(error, __func__,
                        text == NULL ? "text" : (key == NULL ? "key" : "nonces"));
  }
  const size_t count = text->contexts.count;
  uint8_t(*list)[GP_NONCE_SIZE] = malloc((count + 1) * GP_NONCE_SIZE);
  if (list == NULL) {
    return gp_fail_memory(error, "the nonces of a text");
  }
  if (count > 0) {
    memcpy(list, nonces, count * GP_NONCE_SIZE);
  }
  return gp_proof_text_scorer(text, NULL, count, tenant_of(tenant), list, false, key, error);
}

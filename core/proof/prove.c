/*
 * Proving what a key makes of a text (SPEC.md section 19), by whoever has the key, or by somebody
 * who has its owner evaluate what he cannot see through (section 20).
 *
 * Both sides take the contexts from the text alone, in the order in which they came, and hash
 * them to elements. The proof brings the evaluated elements, and for every 32,768 of them one
 * DLEQ proof that they are the elements times the scalar that belongs to the public key: of the
 * one pair that they are folded into, as the weights of RFC 9497 do not bind who has the secret.
 */
#include <stdlib.h>
#include <string.h>

#include "blind/batch.h"
#include "common/error.h"
#include "common/new_file.h"
#include "key/provable.h"
#include "proof/work.h"

static gp_status check_sample(uint64_t sample, gp_error *error) {
  if (sample != 0 && (sample < GP_PROOF_SAMPLE_MIN || (sample & (sample - 1)) != 0)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "sample: a power of two from %d on, or 0 for all contexts, not %llu",
                   GP_PROOF_SAMPLE_MIN, (unsigned long long)sample);
  }
  return GP_OK;
}

/* How many contexts of a text a sample of that size is. */
static uint64_t count_proved(const gp_proof_text *text, uint64_t sample) {
  return sample != 0 && sample < text->contexts.count ? sample : text->contexts.count;
}

static gp_status describe(const gp_public_key *public_key, const gp_proof_text *text,
                          const gp_proof_options *options, bool blind, gp_proof_info *info,
                          gp_error *error) {
  *info = (gp_proof_info){.public_key = *public_key,
                          .has_tenant = options->has_tenant,
                          .tenant = options->has_tenant ? options->tenant : 0,
                          .documents = text->documents,
                          .tokens = text->tokens,
                          .contexts = text->contexts.count,
                          .proved = count_proved(text, options->sample),
                          .sizes = 1,
                          .blind = blind};
  if (info->proved < info->contexts) {
    info->sizes = gp_proof_sizes(info->contexts);
  }
  info->file_size = gp_proof_size(info);
  if (options->tokenizer_sha256 != NULL) {
    memcpy(info->tokenizer_sha256, options->tokenizer_sha256, GP_SHA256_SIZE);
  }
  gp_status status = check_sample(options->sample, error);
  if (status == GP_OK && !gp_proof_same_key(public_key, &text->public_key)) {
    status = gp_fail(error, GP_ERR_ARGUMENT, "the text was read for another key");
  }
  return status == GP_OK ? gp_proof_text_digest(text, info->text_sha256, error) : status;
}

/* A file and the digest of what was written. */
typedef struct draft {
  gp_new_file *file;
  EVP_MD_CTX *digest;
} draft;

static gp_status append(draft *out, const void *bytes, size_t size, gp_error *error) {
  if (EVP_DigestUpdate(out->digest, bytes, size) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  return gp_new_file_append(out->file, bytes, size, error);
}

/* The proof of a batch by who has the secret. */
static gp_status prove_batch(const gp_proof_work *work, const gp_proof_info *info, size_t count,
                             uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error) {
  gp_vrf_pair folded;
  const gp_status status = gp_proof_work_fold(work, info, count, &folded, error);
  return status == GP_OK
             ? gp_vrf_prove_pair(work->secret, info->public_key.element, &folded, proof, error)
             : status;
}

/* The proof of a batch by somebody who is asked: what answers prove each for itself is folded
 * into one, for which he is asked like for any other element. */
static gp_status ask_batch(gp_proof_work *work, const gp_blind_asking *asking,
                           const gp_proof_info *info, size_t count,
                           uint8_t blind[GP_VRF_SCALAR_SIZE], uint8_t proof[GP_VRF_PROOF_SIZE],
                           gp_error *error) {
  const gp_proof_element *elements = (const gp_proof_element *)work->elements;
  gp_vrf_pair folded;
  bool valid = false;
  gp_status status = gp_blind_ask_elements(asking, elements, count, work->evaluated, error);
  if (status == GP_OK) {
    status = gp_proof_work_fold(work, info, count, &folded, error);
  }
  if (status == GP_OK) {
    status = gp_blind_ask_proof(asking, folded.element, blind, proof, error);
  }
  if (status == GP_OK) {
    status = gp_proof_check_folded(asking->key, &folded, blind, proof, &valid, error);
  }
  if (status == GP_OK && !valid) {
    status = gp_fail(error, GP_ERR_FORMAT,
                     "the blind answers contradict each other: they are not what key %s makes of "
                     "what was sent",
                     asking->key->id);
  }
  return status;
}

static gp_status write_batch(gp_proof_work *work, const gp_blind_asking *asking,
                             const gp_proof_info *info, draft *out, gp_error *error) {
  const size_t count = gp_proof_work_count(work);
  uint8_t blind[GP_VRF_SCALAR_SIZE];
  uint8_t proof[GP_VRF_PROOF_SIZE];
  gp_status status = gp_proof_work_elements(work, count, error);
  if (status == GP_OK) {
    status = asking != NULL ? ask_batch(work, asking, info, count, blind, proof, error)
                            : prove_batch(work, info, count, proof, error);
  }
  if (status == GP_OK) {
    status = append(out, work->evaluated, count * sizeof(gp_proof_element), error);
  }
  if (status == GP_OK && asking != NULL) {
    status = append(out, blind, sizeof blind, error);
  }
  if (status == GP_OK) {
    status = append(out, proof, sizeof proof, error);
  }
  gp_proof_work_tell(work, work->first + count);
  return status;
}

/* The checksum, over which the file's own digest goes too. */
static gp_status finish(draft *out, gp_proof_info *info, gp_error *error) {
  uint8_t checksum[GP_SHA256_SIZE];
  EVP_MD_CTX *before = EVP_MD_CTX_new();
  bool good = before != NULL && EVP_MD_CTX_copy_ex(before, out->digest) == 1 &&
              EVP_DigestFinal_ex(before, checksum, NULL) == 1;
  EVP_MD_CTX_free(before);
  if (!good) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  gp_status status = append(out, checksum, sizeof checksum, error);
  if (status == GP_OK && EVP_DigestFinal_ex(out->digest, info->file_sha256, NULL) != 1) {
    status = gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  return status == GP_OK ? gp_new_file_publish(out->file, error) : status;
}

static gp_status open_draft(const char *path, const gp_proof_info *info, draft *out,
                            gp_error *error) {
  out->digest = EVP_MD_CTX_new();
  if (out->digest == NULL || EVP_DigestInit_ex(out->digest, EVP_sha256(), NULL) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  gp_status status = gp_new_file_open(path, "proof", &out->file, error);
  if (status != GP_OK) {
    return status;
  }
  gp_new_file_share(out->file);
  uint8_t header[GP_PROOF_HEADER_SIZE];
  gp_proof_encode_header(info, header);
  return append(out, header, sizeof header, error);
}

/* Writes the file that was described; `secret` or `asking` is NULL. */
static gp_status write_proof(const gp_proof_text *text, const gp_proof_options *options,
                             const uint8_t *secret, const gp_blind_asking *asking,
                             const char *path, gp_proof_info *made, gp_error *error) {
  gp_proof_work work = {.text = text,
                        .options = options,
                        .tenant = made->has_tenant ? &made->tenant : NULL,
                        .total = made->proved,
                        .secret = secret};
  uint32_t *sample = NULL;
  draft out = {0};
  gp_status status = open_draft(path, made, &out, error);
  if (status == GP_OK && made->proved < made->contexts) {
    status = gp_proof_text_sample(text, (size_t)made->proved, &sample, error);
    work.sample = sample;
  }
  if (status == GP_OK) {
    status = gp_proof_work_reserve(&work, error);
  }
  for (; work.first < work.total && status == GP_OK; work.first += GP_PROOF_BATCH) {
    status = write_batch(&work, asking, made, &out, error);
  }
  if (status == GP_OK) {
    status = finish(&out, made, error);
  }
  gp_new_file_free(out.file);
  EVP_MD_CTX_free(out.digest);
  gp_proof_work_release(&work);
  free(sample);
  return status;
}

gp_status gp_prove(const gp_key *key, const gp_proof_text *text, const gp_proof_options *options,
                   const char *path, gp_proof_info *info, gp_error *error) {
  if (key == NULL || text == NULL || path == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : (text == NULL ? "text" : "path"));
  }
  options = options != NULL ? options : &gp_proof_no_options;
  gp_public_key public_key;
  gp_proof_info made;
  gp_status status = gp_key_public(key, &public_key, error);
  if (status == GP_OK && (key->nonces == NULL || gp_nonces_secret(key->nonces) == NULL)) {
    status = gp_fail(error, GP_ERR_ARGUMENT, "a key that came of a proof cannot prove");
  }
  if (status == GP_OK) {
    status = describe(&public_key, text, options, false, &made, error);
  }
  if (status == GP_OK) {
    status = write_proof(text, options, gp_nonces_secret(key->nonces), NULL, path, &made, error);
  }
  if (status == GP_OK && info != NULL) {
    *info = made;
  }
  return status;
}

/* ---------------------------------------------------------------- proving blindly */

uint64_t gp_prove_blind_elements(const gp_proof_text *text, uint64_t sample) {
  const uint64_t proved = count_proved(text, sample);
  return proved + gp_proof_batches(proved);
}

gp_status gp_prove_blind(const gp_public_key *public_key, const gp_proof_text *text,
                         const gp_proof_options *options, size_t per_request,
                         gp_blind_transport *transport, void *user, const char *path,
                         gp_proof_info *info, gp_error *error) {
  if (public_key == NULL || text == NULL || transport == NULL || path == NULL) {
    return gp_fail_null(error, __func__,
                        public_key == NULL  ? "public_key"
                        : text == NULL      ? "text"
                        : transport == NULL ? "transport"
                                            : "path");
  }
  options = options != NULL ? options : &gp_proof_no_options;
  const gp_blind_asking asking = {public_key, per_request, options->threads, transport, user};
  gp_proof_info made;
  gp_status status = gp_blind_check_per_request(per_request, error);
  if (status == GP_OK) {
    status = gp_public_key_check(public_key, error);
  }
  if (status == GP_OK) {
    status = describe(public_key, text, options, true, &made, error);
  }
  if (status == GP_OK) {
    status = write_proof(text, options, NULL, &asking, path, &made, error);
  }
  if (status == GP_OK && info != NULL) {
    *info = made;
  }
  return status;
}

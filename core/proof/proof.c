/*
 * Proving what a key makes of a text, and checking it (SPEC.md section 19).
 *
 * Both sides take the contexts from the text alone, in the order in which they came, and hash
 * them to elements. The proof brings the evaluated elements, and for every 32,768 of them one
 * DLEQ proof that they are the elements times the scalar that belongs to the public key. Whoever
 * checks that knows every nonce, and scores the text with the verifier that there is.
 */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/thread_pool.h"
#include "key/provable.h"
#include "proof/proof_file.h"
#include "vrf/input.h"

/* Contexts between two reports of progress. */
#define STRIDE 1024

typedef uint8_t element[GP_ELEMENT_SIZE];

/* What is worked on: the contexts of one batch after the other. */
typedef struct work {
  const gp_proof_text *text;
  const gp_proof_options *options;
  const uint64_t *tenant;
  const uint32_t *sample; /* the numbers of the contexts; NULL: all */
  uint64_t total;
  const uint8_t *secret;            /* NULL in checking */
  uint64_t first;                   /* of the batch */
  size_t base;                      /* of the stride, in the batch */
  element *elements;                /* of a batch */
  element *evaluated;               /* likewise */
  uint8_t (*nonces)[GP_NONCE_SIZE]; /* of all; NULL in proving */
} work;

static const gp_proof_options no_options = {0};

static const uint32_t *context_of(const work *self, uint64_t i) {
  const gp_tuples *contexts = &self->text->contexts;
  return contexts->ids + (self->sample != NULL ? self->sample[i] : i) * contexts->width;
}

static size_t input_of(const work *self, uint64_t i, uint8_t input[GP_CONTEXT_INPUT_MAX]) {
  return gp_context_input(self->tenant, context_of(self, i), self->text->contexts.width, input);
}

/* ---------------------------------------------------------------- strides */

/* The element of a context, and in proving what the key makes of it. */
static gp_status take_element(void *state, gp_work_queue *queue, gp_error *error) {
  const work *self = state;
  gp_status status = GP_OK;
  for (size_t i = 0; status == GP_OK && gp_work_next(queue, &i);) {
    const size_t place = self->base + i;
    uint8_t input[GP_CONTEXT_INPUT_MAX];
    const size_t size = input_of(self, self->first + place, input);
    status = gp_vrf_hash_to_group(GP_VRF_VOPRF, input, size, self->elements[place], error);
    if (status == GP_OK && self->secret != NULL) {
      status =
          gp_vrf_evaluate(self->secret, self->elements[place], self->evaluated[place], error);
    }
  }
  return status;
}

/* The nonce of a context whose evaluated element was proved. */
static gp_status take_nonce(const work *self, uint64_t i, gp_error *error) {
  uint8_t input[GP_CONTEXT_INPUT_MAX];
  uint8_t output[GP_VRF_OUTPUT_SIZE];
  const size_t size = input_of(self, i, input);
  const gp_status status =
      gp_vrf_output(input, size, self->evaluated[i - self->first], output, error);
  memcpy(self->nonces[i], output, GP_NONCE_SIZE);
  return status;
}

static void tell_progress(const work *self, uint64_t done) {
  if (self->options->on_progress != NULL) {
    self->options->on_progress(self->options->user, done, self->total);
  }
}

/* Has the elements of a batch made, stride by stride. */
static gp_status take_elements(work *self, size_t count, gp_error *error) {
  gp_status status = GP_OK;
  for (self->base = 0; self->base < count && status == GP_OK; self->base += STRIDE) {
    const size_t now = count - self->base < STRIDE ? count - self->base : STRIDE;
    status = gp_thread_pool_run(self->options->threads, now, take_element, self, error);
    tell_progress(self, self->first + self->base / 2); /* the DLEQ proof takes as long again */
  }
  return status;
}

/* Room for the elements of a batch. */
static gp_status reserve(work *self, gp_error *error) {
  const size_t room = self->total < GP_PROOF_BATCH ? (size_t)self->total : GP_PROOF_BATCH;
  self->elements = malloc((room + 1) * sizeof(element));
  self->evaluated = malloc((room + 1) * sizeof(element));
  return self->elements != NULL && self->evaluated != NULL
             ? GP_OK
             : gp_fail_memory(error, "the elements of a proof");
}

static bool same_key(const gp_public_key *a, const gp_public_key *b) {
  return memcmp(a->commitment, b->commitment, GP_COMMITMENT_SIZE) == 0;
}

/* ---------------------------------------------------------------- proving */

static gp_status check_sample(uint64_t sample, gp_error *error) {
  if (sample != 0 && (sample < GP_PROOF_SAMPLE_MIN || (sample & (sample - 1)) != 0)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "sample: a power of two from %d on, or 0 for all contexts, not %llu",
                   GP_PROOF_SAMPLE_MIN, (unsigned long long)sample);
  }
  return GP_OK;
}

static gp_status describe(const gp_key *key, const gp_proof_text *text,
                          const gp_proof_options *options, gp_proof_info *info, gp_error *error) {
  *info = (gp_proof_info){.has_tenant = options->has_tenant,
                          .tenant = options->has_tenant ? options->tenant : 0,
                          .documents = text->documents,
                          .tokens = text->tokens,
                          .contexts = text->contexts.count,
                          .proved = text->contexts.count,
                          .sizes = 1};
  if (options->sample != 0 && options->sample < info->contexts) {
    info->proved = options->sample;
    info->sizes = gp_proof_sizes(info->contexts);
  }
  info->file_size = GP_PROOF_HEADER_SIZE + info->proved * GP_ELEMENT_SIZE +
                    gp_proof_batches(info->proved) * GP_VRF_PROOF_SIZE + GP_SHA256_SIZE;
  if (options->tokenizer_sha256 != NULL) {
    memcpy(info->tokenizer_sha256, options->tokenizer_sha256, GP_SHA256_SIZE);
  }
  gp_status status = check_sample(options->sample, error);
  if (status == GP_OK) {
    status = gp_key_public(key, &info->public_key, error);
  }
  if (status == GP_OK && (key->nonces == NULL || gp_nonces_secret(key->nonces) == NULL)) {
    status = gp_fail(error, GP_ERR_ARGUMENT, "a key that came of a proof cannot prove");
  }
  if (status == GP_OK && !same_key(&info->public_key, &text->public_key)) {
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

static gp_status prove_batch(work *self, const gp_proof_info *info, draft *out, gp_error *error) {
  const uint64_t left = self->total - self->first;
  const size_t count = left < GP_PROOF_BATCH ? (size_t)left : GP_PROOF_BATCH;
  uint8_t proof[GP_VRF_PROOF_SIZE];
  gp_status status = take_elements(self, count, error);
  if (status == GP_OK) {
    status = gp_vrf_prove(GP_VRF_VOPRF, self->secret, info->public_key.element,
                          (const element *)self->elements, (const element *)self->evaluated,
                          count, NULL, self->options->threads, proof, error);
  }
  if (status == GP_OK) {
    status = append(out, self->evaluated, count * sizeof(element), error);
  }
  if (status == GP_OK) {
    status = append(out, proof, sizeof proof, error);
  }
  tell_progress(self, self->first + count);
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

gp_status gp_prove(const gp_key *key, const gp_proof_text *text, const gp_proof_options *options,
                   const char *path, gp_proof_info *info, gp_error *error) {
  if (key == NULL || text == NULL || path == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : (text == NULL ? "text" : "path"));
  }
  options = options != NULL ? options : &no_options;
  gp_proof_info made;
  gp_status status = describe(key, text, options, &made, error);
  if (status != GP_OK) {
    return status;
  }
  work self = {.text = text,
               .options = options,
               .tenant = made.has_tenant ? &made.tenant : NULL,
               .total = made.proved,
               .secret = gp_nonces_secret(key->nonces)};
  uint32_t *sample = NULL;
  draft out = {0};
  status = open_draft(path, &made, &out, error);
  if (status == GP_OK && made.proved < made.contexts) {
    status = gp_proof_text_sample(text, (size_t)made.proved, &sample, error);
    self.sample = sample;
  }
  if (status == GP_OK) {
    status = reserve(&self, error);
  }
  for (; self.first < self.total && status == GP_OK; self.first += GP_PROOF_BATCH) {
    status = prove_batch(&self, &made, &out, error);
  }
  if (status == GP_OK) {
    status = finish(&out, &made, error);
  }
  if (status == GP_OK && info != NULL) {
    *info = made;
  }
  gp_new_file_free(out.file);
  EVP_MD_CTX_free(out.digest);
  free(self.elements);
  free(self.evaluated);
  free(sample);
  return status;
}

/* --------------------------------------------------------------- checking */

static gp_status refuse(const gp_proof_reader *reader, const char *why, gp_error *error) {
  return gp_fail(error, GP_ERR_FORMAT, "%s: the proof does not hold: %s", reader->name, why);
}

/* What can be told without the group. */
static gp_status compare(const gp_proof_reader *reader, const gp_public_key *public_key,
                         const gp_proof_text *text, const gp_proof_options *options,
                         gp_error *error) {
  static const uint8_t none[GP_SHA256_SIZE];
  const gp_proof_info *info = &reader->info;
  const uint8_t *tokenizer = options->tokenizer_sha256 != NULL ? options->tokenizer_sha256 : none;
  uint8_t sha256[GP_SHA256_SIZE];
  if (memcmp(info->public_key.element, public_key->element, GP_ELEMENT_SIZE) != 0) {
    return refuse(reader, "it was made with another key", error);
  }
  if (!same_key(&info->public_key, public_key)) {
    return refuse(reader, "it was made for other parameters", error);
  }
  if (memcmp(info->tokenizer_sha256, tokenizer, GP_SHA256_SIZE) != 0) {
    return refuse(reader,
                  memcmp(tokenizer, none, sizeof none) == 0
                      ? "it was made with a tokenizer: give that"
                  : memcmp(info->tokenizer_sha256, none, sizeof none) == 0
                      ? "it was made without a tokenizer"
                      : "it was made with another tokenizer",
                  error);
  }
  const gp_status status = gp_proof_text_digest(text, sha256, error);
  if (status != GP_OK) {
    return status;
  }
  if (memcmp(info->text_sha256, sha256, GP_SHA256_SIZE) != 0) {
    return refuse(reader, "it is of another text, or of the same in another order", error);
  }
  if (info->documents != text->documents || info->tokens != text->tokens ||
      info->contexts != text->contexts.count) {
    return refuse(reader, "its counts are not those of the text", error);
  }
  return GP_OK;
}

static gp_status check_batch(work *self, gp_proof_reader *reader, gp_error *error) {
  const uint64_t left = self->total - self->first;
  const size_t count = left < GP_PROOF_BATCH ? (size_t)left : GP_PROOF_BATCH;
  uint8_t proof[GP_VRF_PROOF_SIZE];
  bool valid = false;
  gp_status status = gp_proof_read(reader, self->evaluated[0], count * sizeof(element), error);
  if (status == GP_OK) {
    status = gp_proof_read(reader, proof, sizeof proof, error);
  }
  if (status == GP_OK) {
    status = take_elements(self, count, error);
  }
  if (status != GP_OK) {
    return status;
  }
  gp_error inner;
  status = gp_vrf_check(GP_VRF_VOPRF, reader->info.public_key.element,
                        (const element *)self->elements, (const element *)self->evaluated, count,
                        proof, self->options->threads, &valid, &inner);
  if (status != GP_OK) {
    return gp_fail(error, status, "%s: %s", reader->name, inner.message);
  }
  if (!valid) {
    return refuse(reader, "the evaluated elements are not what the key makes of the contexts",
                  error);
  }
  for (uint64_t i = self->first; i < self->first + count && status == GP_OK; i++) {
    status = take_nonce(self, i, error);
  }
  tell_progress(self, self->first + count);
  return status;
}

/* Everything behind the header. */
static gp_status check_contexts(gp_proof_reader *reader, work *self, gp_error *error) {
  gp_status status = reserve(self, error);
  self->nonces = malloc(((size_t)self->total + 1) * GP_NONCE_SIZE);
  if (status == GP_OK && self->nonces == NULL) {
    status = gp_fail_memory(error, "the nonces of a proof");
  }
  for (; self->first < self->total && status == GP_OK; self->first += GP_PROOF_BATCH) {
    status = check_batch(self, reader, error);
  }
  return status == GP_OK ? gp_proof_finish(reader, error) : status;
}

gp_status gp_proof_check(const char *path, const gp_public_key *public_key,
                         const gp_proof_text *text, const gp_proof_options *options,
                         gp_proof_info *info, gp_key **key, gp_error *error) {
  if (path == NULL || public_key == NULL || text == NULL || info == NULL || key == NULL) {
    return gp_fail_null(error, __func__,
                        path == NULL         ? "path"
                        : public_key == NULL ? "public_key"
                        : text == NULL       ? "text"
                        : info == NULL       ? "info"
                                             : "key");
  }
  if (!same_key(public_key, &text->public_key)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the text was read for another key");
  }
  options = options != NULL ? options : &no_options;
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  gp_proof_reader reader;
  gp_proof_info whole; /* damage is told before anything is computed */
  gp_status status = gp_proof_inspect(path, &whole, error);
  if (status == GP_OK) {
    status = gp_proof_open(path, name, &reader, error);
  }
  if (status != GP_OK) {
    return status;
  }
  const gp_proof_info *found = &reader.info;
  const bool sampled = found->proved < found->contexts;
  uint32_t *sample = NULL;
  work self = {.text = text,
               .options = options,
               .tenant = found->has_tenant ? &found->tenant : NULL,
               .total = found->proved};
  status = compare(&reader, public_key, text, options, error);
  if (status == GP_OK && sampled) {
    status = gp_proof_text_sample(text, (size_t)found->proved, &sample, error);
    self.sample = sample;
  }
  if (status == GP_OK) {
    status = check_contexts(&reader, &self, error);
  }
  if (status == GP_OK) {
    status = gp_public_key_check(public_key, error);
  }
  if (status == GP_OK) {
    status = gp_proof_text_scorer(text, sample, (size_t)self.total, self.tenant, self.nonces,
                                  sampled, key, error);
    self.nonces = NULL;
  }
  if (status == GP_OK) {
    *info = *found;
  }
  gp_proof_close(&reader);
  free(self.elements);
  free(self.evaluated);
  free(self.nonces);
  free(sample);
  return status;
}

/*
 * Checking a proof (SPEC.md section 19): with the contexts of the text at hand, hashed to
 * elements, and the evaluated elements of the proof. Whoever checks that knows every nonce, and
 * scores the text with the verifier that there is.
 */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"
#include "key/provable.h"
#include "proof/work.h"
#include "vrf/input.h"

/* What is checked, and what comes of it. */
typedef struct checking {
  gp_proof_work work;
  gp_proof_reader reader;
  uint8_t (*nonces)[GP_NONCE_SIZE]; /* of all that are proved */
} checking;

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
  if (!gp_proof_same_key(&info->public_key, public_key)) {
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

/* The nonce of a context whose evaluated element was proved. */
static gp_status take_nonce(const checking *self, uint64_t i, gp_error *error) {
  const gp_proof_work *work = &self->work;
  uint8_t input[GP_CONTEXT_INPUT_MAX];
  uint8_t output[GP_VRF_OUTPUT_SIZE];
  const size_t size = gp_proof_work_input(work, i, input);
  const gp_status status =
      gp_vrf_output(input, size, work->evaluated[i - work->first], output, error);
  memcpy(self->nonces[i], output, GP_NONCE_SIZE);
  return status;
}

/* What stands behind the evaluated elements of a batch. */
typedef struct batch_proof {
  uint8_t blind[GP_VRF_SCALAR_SIZE]; /* of a proof that was evaluated blindly */
  uint8_t proof[GP_VRF_PROOF_SIZE];
} batch_proof;

static gp_status read_batch(checking *self, size_t count, batch_proof *read, gp_error *error) {
  gp_proof_reader *reader = &self->reader;
  gp_status status =
      gp_proof_read(reader, self->work.evaluated[0], count * sizeof(gp_proof_element), error);
  if (status == GP_OK && reader->info.blind) {
    status = gp_proof_read(reader, read->blind, sizeof read->blind, error);
  }
  return status == GP_OK ? gp_proof_read(reader, read->proof, sizeof read->proof, error) : status;
}

static gp_status check_proof(const checking *self, size_t count, const batch_proof *read,
                             bool *valid, gp_error *error) {
  const gp_proof_info *info = &self->reader.info;
  gp_vrf_pair folded;
  const gp_status status = gp_proof_work_fold(&self->work, info, count, &folded, error);
  return status == GP_OK
             ? gp_proof_check_folded(&info->public_key, &folded, info->blind ? read->blind : NULL,
                                     read->proof, valid, error)
             : status;
}

static gp_status check_batch(checking *self, gp_error *error) {
  gp_proof_work *work = &self->work;
  const size_t count = gp_proof_work_count(work);
  batch_proof read;
  bool valid = false;
  gp_status status = read_batch(self, count, &read, error);
  if (status == GP_OK) {
    status = gp_proof_work_elements(work, count, error);
  }
  if (status != GP_OK) {
    return status;
  }
  gp_error inner;
  status = check_proof(self, count, &read, &valid, &inner);
  if (status != GP_OK) {
    return gp_fail(error, status, "%s: %s", self->reader.name, inner.message);
  }
  if (!valid) {
    return refuse(&self->reader,
                  "the evaluated elements are not what the key makes of the contexts", error);
  }
  for (uint64_t i = work->first; i < work->first + count && status == GP_OK; i++) {
    status = take_nonce(self, i, error);
  }
  gp_proof_work_tell(work, work->first + count);
  return status;
}

/* Everything behind the header. */
static gp_status check_contexts(checking *self, gp_error *error) {
  gp_proof_work *work = &self->work;
  gp_status status = gp_proof_work_reserve(work, error);
  self->nonces = malloc(((size_t)work->total + 1) * GP_NONCE_SIZE);
  if (status == GP_OK && self->nonces == NULL) {
    status = gp_fail_memory(error, "the nonces of a proof");
  }
  for (; work->first < work->total && status == GP_OK; work->first += GP_PROOF_BATCH) {
    status = check_batch(self, error);
  }
  return status == GP_OK ? gp_proof_finish(&self->reader, error) : status;
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
  if (!gp_proof_same_key(public_key, &text->public_key)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the text was read for another key");
  }
  options = options != NULL ? options : &gp_proof_no_options;
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  checking self;
  gp_proof_info whole; /* damage is told before anything is computed */
  gp_status status = gp_proof_inspect(path, &whole, error);
  if (status == GP_OK) {
    status = gp_proof_open(path, name, &self.reader, error);
  }
  if (status != GP_OK) {
    return status;
  }
  const gp_proof_info *found = &self.reader.info;
  const bool sampled = found->proved < found->contexts;
  uint32_t *sample = NULL;
  self.nonces = NULL;
  self.work = (gp_proof_work){.text = text,
                              .options = options,
                              .tenant = found->has_tenant ? &found->tenant : NULL,
                              .total = found->proved};
  status = compare(&self.reader, public_key, text, options, error);
  if (status == GP_OK && sampled) {
    status = gp_proof_text_sample(text, (size_t)found->proved, &sample, error);
    self.work.sample = sample;
  }
  if (status == GP_OK) {
    status = check_contexts(&self, error);
  }
  if (status == GP_OK) {
    status = gp_public_key_check(public_key, error);
  }
  if (status == GP_OK) {
    status = gp_proof_text_scorer(text, sample, (size_t)self.work.total, self.work.tenant,
                                  self.nonces, sampled, key, error);
    self.nonces = NULL;
  }
  if (status == GP_OK) {
    *info = *found;
  }
  gp_proof_close(&self.reader);
  gp_proof_work_release(&self.work);
  free(self.nonces);
  free(sample);
  return status;
}

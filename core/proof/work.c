#include "proof/work.h"

#include <stdlib.h>
#include <string.h>

#include "blind/message.h"
#include "common/error.h"
#include "common/thread_pool.h"
#include "vrf/input.h"

/* Contexts between two reports of progress. */
#define STRIDE 1024

const gp_proof_options gp_proof_no_options = {0};

gp_status gp_proof_work_reserve(gp_proof_work *self, gp_error *error) {
  const size_t room = self->total < GP_PROOF_BATCH ? (size_t)self->total : GP_PROOF_BATCH;
  self->elements = malloc((room + 1) * sizeof(gp_proof_element));
  self->evaluated = malloc((room + 1) * sizeof(gp_proof_element));
  return self->elements != NULL && self->evaluated != NULL
             ? GP_OK
             : gp_fail_memory(error, "the elements of a proof");
}

void gp_proof_work_release(gp_proof_work *self) {
  free(self->elements);
  free(self->evaluated);
}

size_t gp_proof_work_count(const gp_proof_work *self) {
  const uint64_t left = self->total - self->first;
  return left < GP_PROOF_BATCH ? (size_t)left : GP_PROOF_BATCH;
}

void gp_proof_work_tell(const gp_proof_work *self, uint64_t done) {
  if (self->options->on_progress != NULL) {
    self->options->on_progress(self->options->user, done, self->total);
  }
}

bool gp_proof_same_key(const gp_public_key *a, const gp_public_key *b) {
  return memcmp(a->commitment, b->commitment, GP_COMMITMENT_SIZE) == 0;
}

/* ---------------------------------------------------------------- strides */

size_t gp_proof_work_input(const gp_proof_work *self, uint64_t i, uint8_t *input) {
  const gp_tuples *contexts = &self->text->contexts;
  const uint64_t number = self->sample != NULL ? self->sample[i] : i;
  return gp_context_input(self->tenant, contexts->ids + number * contexts->width, contexts->width,
                          input);
}

/* The element of a context, and in proving with the key what that makes of it. */
static gp_status take_element(void *state, gp_work_queue *queue, gp_error *error) {
  const gp_proof_work *self = state;
  gp_status status = GP_OK;
  for (size_t i = 0; status == GP_OK && gp_work_next(queue, &i);) {
    const size_t place = self->base + i;
    uint8_t input[GP_CONTEXT_INPUT_MAX];
    const size_t size = gp_proof_work_input(self, self->first + place, input);
    status = gp_vrf_hash_to_group(GP_VRF_VOPRF, input, size, self->elements[place], error);
    if (status == GP_OK && self->secret != NULL) {
      status =
          gp_vrf_evaluate(self->secret, self->elements[place], self->evaluated[place], error);
    }
  }
  return status;
}

gp_status gp_proof_work_elements(gp_proof_work *self, size_t count, gp_error *error) {
  gp_status status = GP_OK;
  for (self->base = 0; self->base < count && status == GP_OK; self->base += STRIDE) {
    const size_t now = count - self->base < STRIDE ? count - self->base : STRIDE;
    status = gp_thread_pool_run(self->options->threads, now, take_element, self, error);
    gp_proof_work_tell(self, self->first + self->base / 2); /* the proof takes as long again */
  }
  return status;
}

/* ---------------------------------------------------------------- one pair for a batch */

gp_status gp_proof_work_fold(const gp_proof_work *self, const gp_proof_info *info, size_t count,
                             gp_vrf_pair *folded, gp_error *error) {
  uint8_t header[GP_PROOF_HEADER_SIZE];
  gp_proof_encode_header(info, header);
  const gp_vrf_subject subject = {info->public_key.element, header, sizeof header, self->secret};
  return gp_vrf_fold(&subject, (const gp_proof_element *)self->elements,
                     (const gp_proof_element *)self->evaluated, count, self->options->threads,
                     folded, error);
}

/* What an answer's proof is of, where the answer is to b times the pair. */
static gp_status fold_answer(const gp_public_key *key, const gp_vrf_pair *pair,
                             const uint8_t blind[GP_VRF_SCALAR_SIZE], gp_vrf_pair *answered,
                             gp_error *error) {
  gp_vrf_pair blinded;
  if (!gp_vrf_is_scalar(blind)) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "the blind of a batch is none: it must be from 1 to the group's order less 1");
  }
  gp_status status = gp_vrf_evaluate(blind, pair->element, blinded.element, error);
  if (status == GP_OK) {
    status = gp_vrf_evaluate(blind, pair->evaluated, blinded.evaluated, error);
  }
  return status == GP_OK ? gp_blind_fold(key, NULL, (const gp_proof_element *)blinded.element,
                                         (const gp_proof_element *)blinded.evaluated, 1, NULL,
                                         answered, error)
                         : status;
}

gp_status gp_proof_check_folded(const gp_public_key *key, const gp_vrf_pair *folded,
                                const uint8_t blind[GP_VRF_SCALAR_SIZE],
                                const uint8_t proof[GP_VRF_PROOF_SIZE], bool *valid,
                                gp_error *error) {
  gp_vrf_pair pair = *folded;
  gp_status status = GP_OK;
  *valid = false;
  if (blind != NULL) {
    status = fold_answer(key, folded, blind, &pair, error);
  }
  return status == GP_OK ? gp_vrf_check_pair(key->element, &pair, proof, valid, error) : status;
}

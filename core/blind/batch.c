/*
 * The client of a blind evaluation: blinds its inputs, and takes nonces from an answer.
 *
 * What it checks, it checks before it makes anything of the answer: the header is that of an
 * answer to this request, every element is one, and the proof says that each is the key's
 * multiple of what was sent. The library's caller sees nonces of a checked answer or none.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "blind/batch.h"
#include "blind/message.h"
#include "common/error.h"
#include "common/thread_pool.h"
#include "key/provable.h"

static const uint8_t *input_of(const gp_blind_batch *batch, size_t i) {
  return batch->inputs + i * batch->input_size;
}

/* ------------------------------------------------------------------------ the request */

static gp_status blind_items(void *state, gp_work_queue *queue, gp_error *error) {
  gp_blind_batch *batch = state;
  size_t i = 0;
  gp_status status = GP_OK;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status =
        gp_vrf_blind(GP_VRF_VOPRF, input_of(batch, i), batch->input_size, NULL, batch->blinds[i],
                     batch->request + GP_BLIND_HEADER_SIZE + i * GP_ELEMENT_SIZE, error);
  }
  return status;
}

typedef struct blinding {
  gp_blind_batch *batch;
  const uint8_t (*elements)[GP_ELEMENT_SIZE];
} blinding;

static gp_status blind_elements(void *state, gp_work_queue *queue, gp_error *error) {
  const blinding *work = state;
  gp_blind_batch *batch = work->batch;
  size_t i = 0;
  gp_status status = GP_OK;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status =
        gp_vrf_blind_element(work->elements[i], batch->blinds[i],
                             batch->request + GP_BLIND_HEADER_SIZE + i * GP_ELEMENT_SIZE, error);
  }
  return status;
}

static gp_status check_arguments(const gp_public_key *key, const uint8_t *inputs,
                                 size_t input_size, size_t count, gp_error *error) {
  if (key == NULL || inputs == NULL) {
    return gp_fail_null(error, "gp_blind_batch_new", key == NULL ? "key" : "inputs");
  }
  if (input_size == 0 || input_size > GP_BLIND_INPUT_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "input_size: must be 1 to %d, not %zu",
                   GP_BLIND_INPUT_MAX, input_size);
  }
  if (count == 0 || count > GP_BLIND_COUNT_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "count: must be 1 to %d, not %zu", GP_BLIND_COUNT_MAX,
                   count);
  }
  return gp_public_key_check(key, error);
}

/* Room for a request, whose header is written. */
static gp_status make_room(const gp_public_key *key, size_t count, gp_blind_batch **batch,
                           gp_error *error) {
  gp_blind_batch *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "blinded inputs");
  }
  made->key = *key;
  made->count = count;
  made->blinds = sodium_malloc(count * sizeof *made->blinds);
  made->request = malloc(GP_BLIND_REQUEST_SIZE(count));
  if (made->blinds == NULL || made->request == NULL) {
    gp_blind_batch_free(made);
    return gp_fail_memory(error, "blinded inputs");
  }
  gp_blind_header_write(GP_BLIND_REQUEST, count, key->commitment, made->request);
  *batch = made;
  return GP_OK;
}

gp_status gp_blind_batch_new(const gp_public_key *key, const uint8_t *inputs, size_t input_size,
                             size_t count, gp_thread_pool *pool, gp_blind_batch **batch,
                             gp_error *error) {
  if (batch == NULL) {
    return gp_fail_null(error, __func__, "batch");
  }
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  gp_status status = check_arguments(key, inputs, input_size, count, error);
  gp_blind_batch *made = NULL;
  if (status == GP_OK) {
    status = make_room(key, count, &made, error);
  }
  if (status != GP_OK) {
    return status;
  }
  made->input_size = input_size;
  made->inputs = malloc(count * input_size);
  if (made->inputs == NULL) {
    status = gp_fail_memory(error, "blinded inputs");
  } else {
    memcpy(made->inputs, inputs, count * input_size);
    status = gp_thread_pool_run(pool, count, blind_items, made, error);
  }
  if (status != GP_OK) {
    gp_blind_batch_free(made);
    return status;
  }
  *batch = made;
  return GP_OK;
}

gp_status gp_blind_batch_of_elements(const gp_public_key *key,
                                     const uint8_t (*elements)[GP_ELEMENT_SIZE], size_t count,
                                     gp_thread_pool *pool, gp_blind_batch **batch,
                                     gp_error *error) {
  gp_blind_batch *made = NULL;
  gp_status status = make_room(key, count, &made, error);
  if (status != GP_OK) {
    return status;
  }
  blinding work = {made, elements};
  status = gp_thread_pool_run(pool, count, blind_elements, &work, error);
  if (status != GP_OK) {
    gp_blind_batch_free(made);
    return status;
  }
  *batch = made;
  return GP_OK;
}

void gp_blind_batch_free(gp_blind_batch *batch) {
  if (batch == NULL) {
    return;
  }
  if (batch->inputs != NULL) { /* they are words of a text that is nobody's business */
    sodium_memzero(batch->inputs, batch->count * batch->input_size);
  }
  free(batch->inputs);
  sodium_free(batch->blinds);
  free(batch->request);
  free(batch);
}

const uint8_t *gp_blind_batch_request(const gp_blind_batch *batch, size_t *size) {
  *size = GP_BLIND_REQUEST_SIZE(batch->count);
  return batch->request;
}

/* ------------------------------------------------------------------------- the answer */

typedef struct finishing {
  const gp_blind_batch *batch;
  const uint8_t (*evaluated)[GP_ELEMENT_SIZE];
  uint8_t (*nonces)[GP_NONCE_SIZE];
} finishing;

static gp_status finish_one(const finishing *work, size_t i, gp_error *error) {
  const gp_blind_batch *batch = work->batch;
  uint8_t element[GP_ELEMENT_SIZE];
  uint8_t output[GP_VRF_OUTPUT_SIZE];
  memcpy(element, work->evaluated[i], sizeof element);
  gp_status status = gp_vrf_unblind(batch->blinds[i], element, error);
  if (status == GP_OK) {
    status = gp_vrf_output(input_of(batch, i), batch->input_size, element, output, error);
  }
  if (status == GP_OK) {
    memcpy(work->nonces[i], output, GP_NONCE_SIZE);
  }
  sodium_memzero(element, sizeof element);
  sodium_memzero(output, sizeof output);
  return status;
}

static gp_status finish_items(void *state, gp_work_queue *queue, gp_error *error) {
  size_t i = 0;
  gp_status status = GP_OK;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status = finish_one(state, i, error);
  }
  return status;
}

static gp_status check_header(const gp_blind_batch *batch, const uint8_t *answer,
                              size_t answer_size, gp_error *error) {
  gp_blind_header header;
  const gp_status status =
      gp_blind_header_read(GP_BLIND_ANSWER, answer, answer_size, &header, error);
  if (status != GP_OK) {
    return status;
  }
  if (header.count != batch->count) {
    return gp_fail(error, GP_ERR_FORMAT, "the blind answer has %zu elements where %zu were sent",
                   header.count, batch->count);
  }
  if (strcmp(header.key_id, batch->key.id) != 0) {
    return gp_fail(error, GP_ERR_FORMAT, "the blind answer is of key %s, not of %s",
                   header.key_id, batch->key.id);
  }
  return GP_OK;
}

static gp_status check_elements(const uint8_t (*elements)[GP_ELEMENT_SIZE], size_t count,
                                gp_error *error) {
  for (size_t i = 0; i < count; i++) {
    if (!gp_vrf_is_element(elements[i])) {
      return gp_fail(error, GP_ERR_FORMAT,
                     "element %zu of the blind answer is none of ristretto255, or the identity",
                     i + 1);
    }
  }
  return GP_OK;
}

static gp_status check_proof(const gp_blind_batch *batch, const uint8_t *answer,
                             gp_thread_pool *pool, gp_error *error) {
  bool valid = false;
  gp_vrf_pair folded;
  gp_status status = gp_blind_fold(&batch->key, NULL, gp_blind_elements(batch->request),
                                   gp_blind_elements(answer), batch->count, pool, &folded, error);
  if (status == GP_OK) {
    status = gp_vrf_check_pair(batch->key.element, &folded,
                               answer + GP_BLIND_REQUEST_SIZE(batch->count), &valid, error);
  }
  if (status == GP_ERR_FORMAT) {
    return gp_fail(error, GP_ERR_FORMAT, "the proof of the blind answer is none");
  }
  if (status == GP_OK && !valid) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "the proof of the blind answer does not hold: this is not what key %s makes "
                   "of what was sent",
                   batch->key.id);
  }
  return status;
}

/* All that there is to check, before anything is made of an answer. */
static gp_status check_answer(const gp_blind_batch *batch, const uint8_t *answer,
                              size_t answer_size, gp_thread_pool *pool, gp_error *error) {
  gp_status status = check_header(batch, answer, answer_size, error);
  if (status == GP_OK) {
    status = check_elements(gp_blind_elements(answer), batch->count, error);
  }
  return status == GP_OK ? check_proof(batch, answer, pool, error) : status;
}

gp_status gp_blind_batch_finish(gp_blind_batch *batch, const uint8_t *answer, size_t answer_size,
                                gp_thread_pool *pool, uint8_t (*nonces)[GP_NONCE_SIZE],
                                gp_error *error) {
  if (batch == NULL || answer == NULL || nonces == NULL) {
    return gp_fail_null(error, __func__,
                        batch == NULL ? "batch" : (answer == NULL ? "answer" : "nonces"));
  }
  gp_status status = check_answer(batch, answer, answer_size, pool, error);
  if (status != GP_OK) {
    return status;
  }
  finishing work = {batch, gp_blind_elements(answer), nonces};
  status = gp_thread_pool_run(pool, batch->count, finish_items, &work, error);
  if (status != GP_OK) {
    memset(nonces, 0, batch->count * sizeof *nonces);
  }
  return status;
}

typedef struct unblinding {
  const gp_blind_batch *batch;
  uint8_t (*evaluated)[GP_ELEMENT_SIZE];
} unblinding;

static gp_status unblind_items(void *state, gp_work_queue *queue, gp_error *error) {
  const unblinding *work = state;
  size_t i = 0;
  gp_status status = GP_OK;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status = gp_vrf_unblind(work->batch->blinds[i], work->evaluated[i], error);
  }
  return status;
}

gp_status gp_blind_batch_elements(const gp_blind_batch *batch, const uint8_t *answer,
                                  size_t answer_size, gp_thread_pool *pool,
                                  uint8_t (*evaluated)[GP_ELEMENT_SIZE], gp_error *error) {
  const gp_status status = check_answer(batch, answer, answer_size, pool, error);
  if (status != GP_OK) {
    return status;
  }
  memcpy(evaluated, gp_blind_elements(answer), batch->count * sizeof *evaluated);
  unblinding work = {batch, evaluated};
  return gp_thread_pool_run(pool, batch->count, unblind_items, &work, error);
}

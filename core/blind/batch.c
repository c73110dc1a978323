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

#include "blind/message.h"
#include "common/error.h"
#include "common/thread_pool.h"
#include "key/provable.h"
#include "vrf/vrf.h"

struct gp_blind_batch {
  gp_public_key key;
  size_t count;
  size_t input_size;
  uint8_t *inputs;
  uint8_t (*blinds)[GP_VRF_SCALAR_SIZE]; /* sodium_malloc */
  uint8_t *request;                      /* GP_BLIND_REQUEST_SIZE(count) bytes */
};

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
  if (status != GP_OK) {
    return status;
  }
  gp_blind_batch *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "blinded inputs");
  }
  made->key = *key;
  made->count = count;
  made->input_size = input_size;
  made->inputs = malloc(count * input_size);
  made->blinds = sodium_malloc(count * sizeof *made->blinds);
  made->request = malloc(GP_BLIND_REQUEST_SIZE(count));
  if (made->inputs == NULL || made->blinds == NULL || made->request == NULL) {
    status = gp_fail_memory(error, "blinded inputs");
  } else {
    memcpy(made->inputs, inputs, count * input_size);
    gp_blind_header_write(GP_BLIND_REQUEST, count, key->commitment, made->request);
    status = gp_thread_pool_run(pool, count, blind_items, made, error);
  }
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
  const gp_status status =
      gp_vrf_check(GP_VRF_VOPRF, batch->key.element, gp_blind_elements(batch->request),
                   gp_blind_elements(answer), batch->count,
                   answer + GP_BLIND_REQUEST_SIZE(batch->count), pool, &valid, error);
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

gp_status gp_blind_batch_finish(gp_blind_batch *batch, const uint8_t *answer, size_t answer_size,
                                gp_thread_pool *pool, uint8_t (*nonces)[GP_NONCE_SIZE],
                                gp_error *error) {
  if (batch == NULL || answer == NULL || nonces == NULL) {
    return gp_fail_null(error, __func__,
                        batch == NULL ? "batch" : (answer == NULL ? "answer" : "nonces"));
  }
  gp_status status = check_header(batch, answer, answer_size, error);
  if (status == GP_OK) {
    status = check_elements(gp_blind_elements(answer), batch->count, error);
  }
  if (status == GP_OK) {
    status = check_proof(batch, answer, pool, error);
  }
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

/* --------------------------------------------------------------------- all of it at once */

typedef struct evaluation {
  const gp_public_key *key;
  size_t input_size;
  gp_thread_pool *pool;
  gp_blind_transport *transport;
  void *user;
  uint8_t *answer;
} evaluation;

static gp_status evaluate_batch(const evaluation *all, const uint8_t *inputs, size_t count,
                                uint8_t (*nonces)[GP_NONCE_SIZE], gp_error *error) {
  gp_blind_batch *batch = NULL;
  gp_status status =
      gp_blind_batch_new(all->key, inputs, all->input_size, count, all->pool, &batch, error);
  if (status != GP_OK) {
    return status;
  }
  size_t size = 0;
  const uint8_t *request = gp_blind_batch_request(batch, &size);
  size_t got = 0;
  status = all->transport(all->user, request, size, all->answer, GP_BLIND_ANSWER_SIZE(count),
                          &got, error);
  if (status == GP_OK && got > GP_BLIND_ANSWER_SIZE(count)) {
    status = gp_fail(error, GP_ERR_ARGUMENT, "the transport wrote more than there is room for");
  }
  if (status == GP_OK) {
    status = gp_blind_batch_finish(batch, all->answer, got, all->pool, nonces, error);
  }
  gp_blind_batch_free(batch);
  return status;
}

static gp_status check_evaluation(const gp_public_key *key, const uint8_t *inputs,
                                  size_t per_request, gp_blind_transport *transport,
                                  uint8_t (*nonces)[GP_NONCE_SIZE], gp_error *error) {
  if (key == NULL || inputs == NULL || transport == NULL || nonces == NULL) {
    return gp_fail_null(error, "gp_blind_evaluate",
                        key == NULL         ? "key"
                        : inputs == NULL    ? "inputs"
                        : transport == NULL ? "transport"
                                            : "nonces");
  }
  if (per_request == 0 || per_request > GP_BLIND_COUNT_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "per_request: must be 1 to %d, not %zu",
                   GP_BLIND_COUNT_MAX, per_request);
  }
  return GP_OK;
}

gp_status gp_blind_evaluate(const gp_public_key *key, const uint8_t *inputs, size_t input_size,
                            size_t count, size_t per_request, gp_thread_pool *pool,
                            gp_blind_transport *transport, void *user,
                            uint8_t (*nonces)[GP_NONCE_SIZE], gp_error *error) {
  gp_status status = check_evaluation(key, inputs, per_request, transport, nonces, error);
  if (status != GP_OK || count == 0) {
    return status;
  }
  const size_t most = count < per_request ? count : per_request;
  evaluation all = {key, input_size, pool, transport, user, malloc(GP_BLIND_ANSWER_SIZE(most))};
  if (all.answer == NULL) {
    return gp_fail_memory(error, "a blind answer");
  }
  for (size_t done = 0; done < count && status == GP_OK;) {
    const size_t now = count - done < per_request ? count - done : per_request;
    status = evaluate_batch(&all, inputs + done * input_size, now, nonces + done, error);
    done += now;
  }
  free(all.answer);
  if (status != GP_OK) {
    sodium_memzero(nonces, count * sizeof *nonces);
  }
  return status;
}

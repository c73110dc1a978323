/* The client of a blind evaluation once more: any number of inputs or elements, by whatever
 * carries requests. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "blind/batch.h"
#include "blind/message.h"
#include "common/error.h"

/* Has a batch's request carried; the answer, whose room is that of the largest, is not checked.
 */
static gp_status carry(const gp_blind_asking *asking, const gp_blind_batch *batch,
                       uint8_t *answer, size_t *got, gp_error *error) {
  size_t size = 0;
  const uint8_t *request = gp_blind_batch_request(batch, &size);
  const size_t room = GP_BLIND_ANSWER_SIZE(batch->count);
  *got = 0;
  const gp_status status =
      asking->transport(asking->user, request, size, answer, room, got, error);
  if (status == GP_OK && *got > room) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the transport wrote more than there is room for");
  }
  return status;
}

static uint8_t *new_answer(const gp_blind_asking *asking, size_t count) {
  return malloc(GP_BLIND_ANSWER_SIZE(count < asking->per_request ? count : asking->per_request));
}

/* ------------------------------------------------------------------------------ inputs */

static gp_status ask_batch(const gp_blind_asking *asking, const uint8_t *inputs,
                           size_t input_size, size_t count, uint8_t *answer,
                           uint8_t (*nonces)[GP_NONCE_SIZE], gp_error *error) {
  gp_blind_batch *batch = NULL;
  gp_status status =
      gp_blind_batch_new(asking->key, inputs, input_size, count, asking->pool, &batch, error);
  size_t got = 0;
  if (status == GP_OK) {
    status = carry(asking, batch, answer, &got, error);
  }
  if (status == GP_OK) {
    status = gp_blind_batch_finish(batch, answer, got, asking->pool, nonces, error);
  }
  gp_blind_batch_free(batch);
  return status;
}

gp_status gp_blind_check_per_request(size_t per_request, gp_error *error) {
  if (per_request == 0 || per_request > GP_BLIND_COUNT_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "per_request: must be 1 to %d, not %zu",
                   GP_BLIND_COUNT_MAX, per_request);
  }
  return GP_OK;
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
  return gp_blind_check_per_request(per_request, error);
}

gp_status gp_blind_evaluate(const gp_public_key *key, const uint8_t *inputs, size_t input_size,
                            size_t count, size_t per_request, gp_thread_pool *pool,
                            gp_blind_transport *transport, void *user,
                            uint8_t (*nonces)[GP_NONCE_SIZE], gp_error *error) {
  gp_status status = check_evaluation(key, inputs, per_request, transport, nonces, error);
  if (status != GP_OK || count == 0) {
    return status;
  }
  const gp_blind_asking asking = {key, per_request, pool, transport, user};
  uint8_t *answer = new_answer(&asking, count);
  if (answer == NULL) {
    return gp_fail_memory(error, "a blind answer");
  }
  for (size_t done = 0; done < count && status == GP_OK;) {
    const size_t now = count - done < per_request ? count - done : per_request;
    status = ask_batch(&asking, inputs + done * input_size, input_size, now, answer,
                       nonces + done, error);
    done += now;
  }
  free(answer);
  if (status != GP_OK) {
    sodium_memzero(nonces, count * sizeof *nonces);
  }
  return status;
}

/* ---------------------------------------------------------------------------- elements */

static gp_status ask_some(const gp_blind_asking *asking,
                          const uint8_t (*elements)[GP_ELEMENT_SIZE], size_t count,
                          uint8_t *answer, uint8_t (*evaluated)[GP_ELEMENT_SIZE],
                          gp_error *error) {
  gp_blind_batch *batch = NULL;
  gp_status status =
      gp_blind_batch_of_elements(asking->key, elements, count, asking->pool, &batch, error);
  size_t got = 0;
  if (status == GP_OK) {
    status = carry(asking, batch, answer, &got, error);
  }
  if (status == GP_OK) {
    status = gp_blind_batch_elements(batch, answer, got, asking->pool, evaluated, error);
  }
  gp_blind_batch_free(batch);
  return status;
}

gp_status gp_blind_ask_elements(const gp_blind_asking *asking,
                                const uint8_t (*elements)[GP_ELEMENT_SIZE], size_t count,
                                uint8_t (*evaluated)[GP_ELEMENT_SIZE], gp_error *error) {
  uint8_t *answer = new_answer(asking, count);
  if (answer == NULL) {
    return gp_fail_memory(error, "a blind answer");
  }
  gp_status status = GP_OK;
  for (size_t done = 0; done < count && status == GP_OK;) {
    const size_t left = count - done;
    const size_t now = left < asking->per_request ? left : asking->per_request;
    status = ask_some(asking, elements + done, now, answer, evaluated + done, error);
    done += now;
  }
  free(answer);
  return status;
}

gp_status gp_blind_ask_proof(const gp_blind_asking *asking,
                             const uint8_t element[GP_ELEMENT_SIZE],
                             uint8_t blind[GP_VRF_SCALAR_SIZE], uint8_t proof[GP_VRF_PROOF_SIZE],
                             gp_error *error) {
  uint8_t answer[GP_BLIND_ANSWER_SIZE(1)];
  uint8_t evaluated[1][GP_ELEMENT_SIZE];
  gp_blind_batch *batch = NULL;
  gp_status status = gp_blind_batch_of_elements(
      asking->key, (const uint8_t(*)[GP_ELEMENT_SIZE])element, 1, NULL, &batch, error);
  size_t got = 0;
  if (status == GP_OK) {
    status = carry(asking, batch, answer, &got, error);
  }
  if (status == GP_OK) {
    status = gp_blind_batch_elements(batch, answer, got, NULL, evaluated, error);
  }
  if (status == GP_OK) {
    memcpy(blind, batch->blinds[0], GP_VRF_SCALAR_SIZE);
    memcpy(proof, answer + GP_BLIND_REQUEST_SIZE(1), GP_VRF_PROOF_SIZE);
  }
  gp_blind_batch_free(batch);
  return status;
}

/* The owner of a key, who evaluates what he cannot see through. */
#include <sodium.h>
#include <string.h>

#include "blind/message.h"
#include "common/error.h"
#include "common/thread_pool.h"
#include "key/key.h"

typedef struct answering {
  const uint8_t *secret;
  const uint8_t (*elements)[GP_ELEMENT_SIZE];
  uint8_t (*evaluated)[GP_ELEMENT_SIZE];
} answering;

static gp_status answer_items(void *state, gp_work_queue *queue, gp_error *error) {
  const answering *work = state;
  size_t i = 0;
  gp_status status = GP_OK;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status = gp_vrf_evaluate(work->secret, work->elements[i], work->evaluated[i], error);
    if (status == GP_ERR_FORMAT) {
      status = gp_fail(
          error, GP_ERR_FORMAT,
          "element %zu of the blind request is none of ristretto255, or the identity", i + 1);
    }
  }
  return status;
}

static gp_status answer_with(const uint8_t *secret, const gp_public_key *key,
                             const uint8_t *request, size_t count, gp_thread_pool *pool,
                             uint8_t *answer, gp_error *error) {
  uint8_t *evaluated = answer + GP_BLIND_HEADER_SIZE;
  answering work = {secret, gp_blind_elements(request), (uint8_t(*)[GP_ELEMENT_SIZE])evaluated};
  gp_blind_header_write(GP_BLIND_ANSWER, count, key->commitment, answer);
  gp_status status = gp_thread_pool_run(pool, count, answer_items, &work, error);
  gp_vrf_pair folded;
  if (status == GP_OK) {
    status = gp_blind_fold(key, secret, work.elements, gp_blind_elements(answer), count, pool,
                           &folded, error);
  }
  if (status == GP_OK) {
    status = gp_vrf_prove_pair(secret, key->element, &folded,
                               answer + GP_BLIND_REQUEST_SIZE(count), error);
  }
  if (status != GP_OK) {
    sodium_memzero(answer, GP_BLIND_ANSWER_SIZE(count));
  }
  return status;
}

gp_status gp_blind_answer(const gp_key *key, const uint8_t *request, size_t request_size,
                          gp_thread_pool *pool, uint8_t *answer, gp_error *error) {
  if (key == NULL || request == NULL || answer == NULL) {
    return gp_fail_null(error, __func__,
                        key == NULL ? "key" : (request == NULL ? "request" : "answer"));
  }
  gp_public_key public_key;
  gp_status status = gp_key_public(key, &public_key, error);
  if (status != GP_OK) {
    return status;
  }
  if (gp_nonces_secret(key->nonces) == NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "a key that came of a proof has no secret to use");
  }
  gp_blind_header header;
  status = gp_blind_header_read(GP_BLIND_REQUEST, request, request_size, &header, error);
  if (status != GP_OK) {
    return status;
  }
  if (strcmp(header.key_id, public_key.id) != 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the blind request asks for key %s; this is key %s",
                   header.key_id, public_key.id);
  }
  return answer_with(gp_nonces_secret(key->nonces), &public_key, request, header.count, pool,
                     answer, error);
}

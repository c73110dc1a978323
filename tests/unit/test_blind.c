/* Blind evaluation without a network: messages, both sides, and what either has to refuse. The
 * tests of the command try the same over sockets. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "key/key.h"
#include "support.h"
#include "vrf/vrf.h"

enum {
  INPUT_SIZE = 9,
  COUNT = 5,
  REQUEST_SIZE = GP_BLIND_REQUEST_SIZE(COUNT),
  ANSWER_SIZE = GP_BLIND_ANSWER_SIZE(COUNT)
};

typedef struct parties {
  gp_key *key;
  gp_public_key public_key;
  uint8_t inputs[COUNT * INPUT_SIZE];
  gp_blind_batch *batch;
  const uint8_t *request;
  uint8_t answer[ANSWER_SIZE];
} parties;

static gp_key *new_key(void) {
  const gp_params params = gp_params_default();
  gp_key *key = NULL;
  assert_ok(gp_key_generate_provable(&params, &key, error));
  return key;
}

/* A key, a request and its answer. */
static int set_up(void **state) {
  parties *all = calloc(1, sizeof *all);
  assert_non_null(all);
  size_t size = 0;
  all->key = new_key();
  assert_ok(gp_key_public(all->key, &all->public_key, error));
  randombytes_buf(all->inputs, sizeof all->inputs);
  assert_ok(gp_blind_batch_new(&all->public_key, all->inputs, INPUT_SIZE, COUNT, NULL,
                               &all->batch, error));
  all->request = gp_blind_batch_request(all->batch, &size);
  assert_int_equal(size, REQUEST_SIZE);
  assert_ok(gp_blind_answer(all->key, all->request, REQUEST_SIZE, NULL, all->answer, error));
  *state = all;
  return 0;
}

static int tear_down(void **state) {
  parties *all = *state;
  gp_blind_batch_free(all->batch);
  gp_key_free(all->key);
  free(all);
  return 0;
}

/* By the functions that RFC 9497's vectors were run through, blinding nothing. */
static void expect_nonces(const gp_key *key, const uint8_t *inputs, size_t count,
                          const uint8_t (*nonces)[GP_NONCE_SIZE]) {
  const uint8_t *secret = gp_nonces_secret(key->nonces);
  for (size_t i = 0; i < count; i++) {
    const uint8_t *input = inputs + i * INPUT_SIZE;
    uint8_t element[GP_ELEMENT_SIZE];
    uint8_t output[GP_VRF_OUTPUT_SIZE];
    assert_ok(gp_vrf_hash_to_group(GP_VRF_VOPRF, input, INPUT_SIZE, element, error));
    assert_ok(gp_vrf_evaluate(secret, element, element, error));
    assert_ok(gp_vrf_output(input, INPUT_SIZE, element, output, error));
    assert_memory_equal(nonces[i], output, GP_NONCE_SIZE);
  }
}

static void test_nonces_are_those_of_the_key(void **state) {
  parties *all = *state;
  uint8_t nonces[COUNT][GP_NONCE_SIZE];
  assert_ok(gp_blind_batch_finish(all->batch, all->answer, ANSWER_SIZE, NULL, nonces, error));
  expect_nonces(all->key, all->inputs, COUNT, (const uint8_t(*)[GP_NONCE_SIZE])nonces);
}

/* The messages' bytes, as SPEC.md section 20 has them. */
static void test_messages(void **state) {
  const parties *all = *state;
  static const uint8_t request[16] = {0x89, 'G', 'P', 'B', 'E', 'Q', '\r', '\n',
                                      2,    0,   0,   0,   5,   0,   0,    0};
  static const uint8_t answer[16] = {0x89, 'G', 'P', 'B', 'E', 'A', '\r', '\n',
                                     2,    0,   0,   0,   5,   0,   0,    0};
  assert_memory_equal(all->request, request, sizeof request);
  assert_memory_equal(all->answer, answer, sizeof answer);
  assert_memory_equal(all->request + 16, all->public_key.commitment, 8);
  assert_memory_equal(all->answer + 16, all->public_key.commitment, 8);
  for (size_t i = 0; i < COUNT; i++) {
    assert_true(gp_vrf_is_element(all->request + 24 + 32 * i));
    assert_true(gp_vrf_is_element(all->answer + 24 + 32 * i));
  }
  gp_blind_request info;
  assert_ok(gp_blind_request_read(all->request, REQUEST_SIZE, &info, error));
  assert_int_equal(info.count, COUNT);
  assert_string_equal(info.key_id, all->public_key.id);
}

/* Whoever changes any bit of an answer is found out, and nothing is written. */
static void test_every_bit_of_an_answer_counts(void **state) {
  parties *all = *state;
  static const uint8_t nothing[COUNT][GP_NONCE_SIZE];
  uint8_t nonces[COUNT][GP_NONCE_SIZE] = {{0}};
  for (size_t bit = 0; bit < (size_t)8 * ANSWER_SIZE; bit++) {
    gp_error error;
    all->answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
    const gp_status status =
        gp_blind_batch_finish(all->batch, all->answer, ANSWER_SIZE, NULL, nonces, &error);
    assert_true(status == GP_ERR_FORMAT || (status == GP_ERR_VERSION && bit / 8 == 8));
    assert_int_equal(error.status, status);
    assert_memory_equal(nonces, nothing, sizeof nonces);
    all->answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
  }
  test_nonces_are_those_of_the_key(state); /* a bad answer does not use the batch up */
}

static void test_every_length_of_an_answer_counts(void **state) {
  parties *all = *state;
  uint8_t longer[ANSWER_SIZE + GP_ELEMENT_SIZE + 1] = {0};
  uint8_t nonces[COUNT][GP_NONCE_SIZE];
  memcpy(longer, all->answer, ANSWER_SIZE);
  for (size_t size = 0; size < sizeof longer; size++) {
    uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees what is read beyond */
    assert_non_null(exact);
    memcpy(exact, longer, size);
    assert_int_equal(gp_blind_batch_finish(all->batch, exact, size, NULL, nonces, NULL),
                     size == ANSWER_SIZE ? GP_OK : GP_ERR_FORMAT);
    free(exact);
  }
}

static void test_requests_that_are_none(void **state) {
  parties *all = *state;
  uint8_t request[REQUEST_SIZE];
  uint8_t answer[ANSWER_SIZE];
  uint8_t nothing[ANSWER_SIZE] = {0};
  gp_blind_request info;
  for (size_t size = 0; size < REQUEST_SIZE; size++) {
    assert_int_equal(gp_blind_request_read(all->request, size, &info, NULL), GP_ERR_FORMAT);
  }
  for (size_t i = 0; i < COUNT; i++) {
    memcpy(request, all->request, sizeof request);
    memset(request + GP_BLIND_HEADER_SIZE + i * GP_ELEMENT_SIZE, 0, GP_ELEMENT_SIZE);
    char message[128];
    (void)snprintf(message, sizeof message,
                   "element %zu of the blind request is none of ristretto255, or the identity",
                   i + 1);
    assert_fails(gp_blind_answer(all->key, request, sizeof request, NULL, answer, error),
                 GP_ERR_FORMAT, message);
    assert_memory_equal(answer, nothing, sizeof answer); /* what was evaluated before it */
  }
  memcpy(request, all->request, sizeof request);
  request[8] = 1;
  assert_fails(gp_blind_answer(all->key, request, sizeof request, NULL, answer, error),
               GP_ERR_VERSION, "the blind request has version 1; this library knows version 2");
}

/* With threads the first bad element is named as well, and the answer is as good. */
static void test_threads(void **state) {
  parties *all = *state;
  enum {
    MANY = 200
  };
  gp_thread_pool *pool = NULL;
  gp_blind_batch *batch = NULL;
  size_t size = 0;
  uint8_t(*nonces)[GP_NONCE_SIZE] = calloc(MANY, sizeof *nonces);
  uint8_t *inputs = malloc((size_t)MANY * INPUT_SIZE);
  uint8_t *answer = malloc(GP_BLIND_ANSWER_SIZE(MANY));
  assert_true(nonces != NULL && inputs != NULL && answer != NULL);
  randombytes_buf(inputs, (size_t)MANY * INPUT_SIZE);
  assert_ok(gp_thread_pool_new(3, &pool, error));
  assert_ok(gp_blind_batch_new(&all->public_key, inputs, INPUT_SIZE, MANY, pool, &batch, error));
  const uint8_t *request = gp_blind_batch_request(batch, &size);
  assert_ok(gp_blind_answer(all->key, request, size, pool, answer, error));
  assert_ok(
      gp_blind_batch_finish(batch, answer, GP_BLIND_ANSWER_SIZE(MANY), pool, nonces, error));
  expect_nonces(all->key, inputs, MANY, (const uint8_t(*)[GP_NONCE_SIZE])nonces);
  gp_blind_batch_free(batch);
  gp_thread_pool_free(pool);
  free(answer);
  free(inputs);
  free(nonces);
}

/* -------------------------------------------------------------------- all at once */

typedef struct carrier {
  const gp_key *key;
  size_t calls;
  size_t fail_at; /* the number of the call; 0 for none */
  size_t largest;
} carrier;

static gp_status carry(void *user, const uint8_t *request, size_t request_size, uint8_t *answer,
                       size_t capacity, size_t *answer_size, gp_error *error) {
  carrier *one = user;
  one->largest = request_size > one->largest ? request_size : one->largest;
  if (++one->calls == one->fail_at) {
    *error = (gp_error){GP_ERR_IO, "the pigeon is lost"};
    return GP_ERR_IO;
  }
  *answer_size = request_size + GP_BLIND_PROOF_SIZE;
  assert_int_equal(capacity, *answer_size);
  return gp_blind_answer(one->key, request, request_size, NULL, answer, error);
}

static void test_batches(void **state) {
  parties *all = *state;
  uint8_t nonces[COUNT][GP_NONCE_SIZE];
  static const uint8_t nothing[COUNT][GP_NONCE_SIZE];
  for (size_t per_request = 1; per_request <= COUNT + 1; per_request++) {
    carrier one = {.key = all->key};
    assert_ok(gp_blind_evaluate(&all->public_key, all->inputs, INPUT_SIZE, COUNT, per_request,
                                NULL, carry, &one, nonces, error));
    expect_nonces(all->key, all->inputs, COUNT, (const uint8_t(*)[GP_NONCE_SIZE])nonces);
    assert_int_equal(one.calls, (COUNT + per_request - 1) / per_request);
    const size_t most = per_request < COUNT ? per_request : COUNT;
    assert_int_equal(one.largest, GP_BLIND_REQUEST_SIZE(most));
  }
  for (size_t fail_at = 1; fail_at <= 3; fail_at++) {
    carrier one = {.key = all->key, .fail_at = fail_at};
    assert_fails(gp_blind_evaluate(&all->public_key, all->inputs, INPUT_SIZE, COUNT, 2, NULL,
                                   carry, &one, nonces, error),
                 GP_ERR_IO, "the pigeon is lost");
    assert_memory_equal(nonces, nothing, sizeof nonces);
    assert_int_equal(one.calls, fail_at);
  }
}

/* A key that evaluates with its own secret under another's name. */
static void test_the_wrong_key(void **state) {
  parties *all = *state;
  gp_key *other = new_key();
  gp_public_key pretended;
  uint8_t request[REQUEST_SIZE];
  uint8_t nonces[COUNT][GP_NONCE_SIZE];
  char message[256];
  assert_ok(gp_key_public(other, &pretended, error));
  (void)snprintf(message, sizeof message, "the blind request asks for key %s; this is key %s",
                 all->public_key.id, pretended.id);
  assert_fails(gp_blind_answer(other, all->request, REQUEST_SIZE, NULL, all->answer, error),
               GP_ERR_ARGUMENT, message);
  memcpy(request, all->request, sizeof request);
  memcpy(request + 16, pretended.commitment, 8);
  assert_ok(gp_blind_answer(other, request, sizeof request, NULL, all->answer, error));
  (void)snprintf(message, sizeof message, "the blind answer is of key %s, not of %s",
                 pretended.id, all->public_key.id);
  assert_fails(gp_blind_batch_finish(all->batch, all->answer, ANSWER_SIZE, NULL, nonces, error),
               GP_ERR_FORMAT, message);
  memcpy(all->answer + 16, all->public_key.commitment, 8);
  (void)snprintf(message, sizeof message,
                 "the proof of the blind answer does not hold: this is not what key %s makes "
                 "of what was sent",
                 all->public_key.id);
  assert_fails(gp_blind_batch_finish(all->batch, all->answer, ANSWER_SIZE, NULL, nonces, error),
               GP_ERR_FORMAT, message);
  gp_key_free(other);
}

static void test_arguments(void **state) {
  parties *all = *state;
  gp_blind_batch *batch = NULL;
  uint8_t nonces[1][GP_NONCE_SIZE];
  uint8_t answer[ANSWER_SIZE];
  carrier one = {.key = all->key};
  const gp_public_key *key = &all->public_key;
  assert_fails(gp_blind_batch_new(NULL, all->inputs, 9, 1, NULL, &batch, error), GP_ERR_ARGUMENT,
               "gp_blind_batch_new: key must not be NULL");
  assert_fails(gp_blind_batch_new(key, NULL, 9, 1, NULL, &batch, error), GP_ERR_ARGUMENT,
               "gp_blind_batch_new: inputs must not be NULL");
  assert_fails(gp_blind_batch_new(key, all->inputs, 0, 1, NULL, &batch, error), GP_ERR_ARGUMENT,
               "input_size: must be 1 to 65535, not 0");
  assert_fails(gp_blind_batch_new(key, all->inputs, 65536, 1, NULL, &batch, error),
               GP_ERR_ARGUMENT, "input_size: must be 1 to 65535, not 65536");
  assert_fails(gp_blind_batch_new(key, all->inputs, 9, 0, NULL, &batch, error), GP_ERR_ARGUMENT,
               "count: must be 1 to 65535, not 0");
  assert_fails(gp_blind_batch_new(key, all->inputs, 9, 65536, NULL, &batch, error),
               GP_ERR_ARGUMENT, "count: must be 1 to 65535, not 65536");
  assert_null(batch);
  gp_public_key bad = *key;
  bad.element[0] ^= 1;
  assert_int_equal(gp_blind_batch_new(&bad, all->inputs, 9, 1, NULL, &batch, NULL),
                   GP_ERR_ARGUMENT);
  assert_fails(gp_blind_evaluate(key, all->inputs, 9, 1, 0, NULL, carry, &one, nonces, error),
               GP_ERR_ARGUMENT, "per_request: must be 1 to 65535, not 0");
  assert_fails(gp_blind_evaluate(key, all->inputs, 9, 1, 1, NULL, NULL, &one, nonces, error),
               GP_ERR_ARGUMENT, "gp_blind_evaluate: transport must not be NULL");
  assert_ok(gp_blind_evaluate(key, all->inputs, 9, 0, 1, NULL, carry, &one, nonces, error));
  assert_int_equal(one.calls, 0);
  const gp_params params = gp_params_default();
  gp_key *ordinary = test_key(&params);
  assert_int_equal(gp_blind_answer(ordinary, all->request, REQUEST_SIZE, NULL, answer, NULL),
                   GP_ERR_ARGUMENT);
  gp_key_free(ordinary);
  gp_blind_batch_free(NULL);
}

/* What two requests for the same inputs have in common is their headers. */
static void test_blinds_are_fresh(void **state) {
  parties *all = *state;
  gp_blind_batch *again = NULL;
  size_t size = 0;
  assert_ok(
      gp_blind_batch_new(&all->public_key, all->inputs, INPUT_SIZE, COUNT, NULL, &again, error));
  const uint8_t *request = gp_blind_batch_request(again, &size);
  assert_memory_equal(request, all->request, GP_BLIND_HEADER_SIZE);
  for (size_t i = 0; i < COUNT; i++) {
    const size_t at = GP_BLIND_HEADER_SIZE + i * GP_ELEMENT_SIZE;
    assert_memory_not_equal(request + at, all->request + at, GP_ELEMENT_SIZE);
  }
  uint8_t nonces[COUNT][GP_NONCE_SIZE];
  assert_int_equal(gp_blind_batch_finish(again, all->answer, ANSWER_SIZE, NULL, nonces, NULL),
                   GP_ERR_FORMAT);
  gp_blind_batch_free(again);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_nonces_are_those_of_the_key, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_every_bit_of_an_answer_counts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_every_length_of_an_answer_counts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_requests_that_are_none, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_batches, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_the_wrong_key, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_arguments, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_blinds_are_fresh, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Answers of blind evaluation, from a server that means no good: bytes as they come, and a good
 * answer XORed with them. None but the good one may be taken. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define COUNT       2U
#define INPUT_SIZE  9U
#define ANSWER_SIZE (GP_BLIND_HEADER_SIZE + COUNT * GP_ELEMENT_SIZE + GP_BLIND_PROOF_SIZE)

static gp_blind_batch *batch;
static uint8_t good[ANSWER_SIZE];

static void set_up(void) {
  const gp_params params = gp_params_default();
  uint8_t master[GP_MASTER_KEY_SIZE];
  static const uint8_t inputs[COUNT * INPUT_SIZE] = {1, 2, 3};
  gp_error error;
  gp_key *key = NULL;
  gp_public_key public_key;
  size_t size = 0;
  memset(master, 7, sizeof master);
  gp_fuzz_require(gp_key_from_bytes_provable(&params, master, &key, &error) == GP_OK &&
                      gp_key_public(key, &public_key, &error) == GP_OK &&
                      gp_blind_batch_new(&public_key, inputs, INPUT_SIZE, COUNT, NULL, &batch,
                                         &error) == GP_OK,
                  "a batch");
  const uint8_t *request = gp_blind_batch_request(batch, &size);
  gp_fuzz_require(gp_blind_answer(key, request, size, NULL, good, &error) == GP_OK, "an answer");
  gp_key_free(key);
}

static void finish(const uint8_t *answer, size_t size) {
  gp_error error;
  uint8_t nonces[COUNT][GP_NONCE_SIZE] = {{0}};
  const gp_status status = gp_blind_batch_finish(batch, answer, size, NULL, nonces, &error);
  const bool is_good = size == ANSWER_SIZE && memcmp(answer, good, ANSWER_SIZE) == 0;
  gp_fuzz_require((status == GP_OK) == is_good, "the good answer alone is taken");
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    gp_fuzz_require(sodium_is_zero(nonces[0], sizeof nonces) == 1, "no nonces of a bad answer");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (batch == NULL) {
    set_up();
  }
  finish(data, size);
  const size_t length = size > ANSWER_SIZE ? size : ANSWER_SIZE;
  uint8_t *answer = calloc(1, length);
  gp_fuzz_require(answer != NULL, "memory");
  memcpy(answer, good, ANSWER_SIZE);
  for (size_t i = 0; i < size; i++) {
    answer[i] ^= data[i];
  }
  finish(answer, length);
  free(answer);
  return 0;
}

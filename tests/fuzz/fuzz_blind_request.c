/* Requests of blind evaluation, from anybody: as they come, and with the key id put right. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "blind/message.h"

#define AT_KEY_ID 16U
#define COUNT_MAX 8U /* elements that are evaluated; more would only take time */

static gp_key *key;
static gp_public_key public_key;

static void set_up(void) {
  const gp_params params = gp_params_default();
  uint8_t master[GP_MASTER_KEY_SIZE];
  gp_error error;
  memset(master, 7, sizeof master);
  gp_fuzz_require(gp_key_from_bytes_provable(&params, master, &key, &error) == GP_OK &&
                      gp_key_public(key, &public_key, &error) == GP_OK,
                  "a key");
}

static void answer(const uint8_t *request, size_t size) {
  gp_error error;
  gp_blind_request info;
  gp_status status = gp_blind_request_read(request, size, &info, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  gp_fuzz_require(GP_BLIND_REQUEST_SIZE(info.count) == size, "a request as long as it says");
  if (info.count > COUNT_MAX) {
    return;
  }
  uint8_t out[GP_BLIND_ANSWER_SIZE(COUNT_MAX)];
  status = gp_blind_answer(key, request, size, NULL, out, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  bool valid = false;
  gp_vrf_pair folded;
  status = gp_blind_fold(&public_key, NULL, gp_blind_elements(request), gp_blind_elements(out),
                         info.count, NULL, &folded, &error);
  gp_fuzz_require(status == GP_OK, "an answer that can be folded");
  status = gp_vrf_check(GP_VRF_VOPRF, public_key.element,
                        (const uint8_t(*)[GP_ELEMENT_SIZE])folded.element,
                        (const uint8_t(*)[GP_ELEMENT_SIZE])folded.evaluated, 1,
                        out + GP_BLIND_REQUEST_SIZE(info.count), NULL, &valid, &error);
  gp_fuzz_require(status == GP_OK && valid, "an answer that holds");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (key == NULL) {
    set_up();
  }
  answer(data, size);
  if (size >= GP_BLIND_HEADER_SIZE) {
    uint8_t *request = malloc(size);
    gp_fuzz_require(request != NULL, "memory");
    memcpy(request, data, size);
    memcpy(request + AT_KEY_ID, public_key.commitment, GP_BLIND_HEADER_SIZE - AT_KEY_ID);
    answer(request, size);
    free(request);
  }
  return 0;
}

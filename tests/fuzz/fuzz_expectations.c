/* Expectations files, read for three documents: as they come, and with the digests and
 * checksums put right, which no mutation would hit. */
#include "weights_support.h"

#include "common/bytes.h"

#define N_DOCUMENTS 3U
#define TOKENS_MAX  7U

typedef struct ids {
  size_t count;
  uint32_t ids[TOKENS_MAX];
} ids;

static const ids documents[N_DOCUMENTS] = {{7, {5, 7, 9, 5, 7, 9, 5}}, {0, {0}}, {1, {1}}};

static gp_weigher *weigher;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  const gp_params params = gp_params_default();
  const uint8_t master[GP_MASTER_KEY_SIZE] = {1};
  gp_error error;
  gp_key *key = NULL;
  gp_fuzz_require(gp_key_from_bytes(&params, master, &key, &error) == GP_OK, "a key");
  gp_fuzz_require(gp_weigher_new(key, NULL, &weigher, &error) == GP_OK, "a weigher");
  gp_key_free(key);
  return 0;
}

static void check_result(void) {
  gp_error error;
  gp_weighted_result result;
  const gp_status status = gp_weigher_result(weigher, &result, &error);
  gp_fuzz_require(status == GP_OK, "what could be read can be tested");
  gp_fuzz_require(result.log10_p <= 0.0, "a p-value");
}

static void read_file(const uint8_t *data, size_t size) {
  gp_error error;
  gp_expectations *file = NULL;
  gp_status status = gp_expectations_open(gp_fuzz_file(data, size), &file, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return;
  }
  gp_weigher_reset(weigher);
  for (size_t i = 0; i < N_DOCUMENTS && status == GP_OK; i++) {
    status = gp_weigher_add(weigher, documents[i].ids, documents[i].count, file, &error);
  }
  if (status == GP_OK) {
    check_result();
    status = gp_expectations_finish(file, &error);
  }
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
  }
  gp_expectations_info info;
  gp_expectations_get_info(file, &info);
  gp_fuzz_require(info.complete == (status == GP_OK), "complete is what was read to its end");
  gp_fuzz_require(memchr(info.label, '\0', sizeof info.label) != NULL, "a label that ends");
  gp_expectations_free(file);
}

static bool repair_head(uint8_t *file, size_t size, size_t *at, size_t number, uint64_t *n) {
  const size_t head = *at;
  if (number >= N_DOCUMENTS || !weights_step(size, at, WEIGHTS_DIGEST_SIZE + 8)) {
    return false;
  }
  const ids *document = &documents[number];
  uint8_t bytes[4 * TOKENS_MAX];
  for (size_t i = 0; i < document->count; i++) {
    gp_store_le32(bytes + 4 * i, document->ids[i]);
  }
  (void)crypto_hash_sha256(file + head, bytes, 4 * document->count);
  gp_store_le64(file + head + WEIGHTS_DIGEST_SIZE, document->count);
  *n = document->count;
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  weights_read_both(data, size, repair_head, read_file);
  return 0;
}

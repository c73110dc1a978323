/*
 * What libgreenprint_cuda does when calls into CUDA fail, and that it neither leaks nor leaves
 * keys behind. On the emulated device only, which fails when told to.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "emulation.h"
#include "greenprint_cuda.h"

/* Fails the first call, then the second, and so on, until making a watermark succeeds. */
static void making(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  const uint32_t never[3] = {1, 2, 3};
  const gp_watermark_options options = {
      .delta = 2.0F, .never_biased = never, .n_never_biased = 3};
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  gp_cuda_watermark *cuda = NULL;
  int failures = 0;
  for (;; failures++) {
    gp_error error = {0};
    emulation_fail_after(failures, failures % 2 == 0);
    const gp_status status = gp_cuda_watermark_new(watermark, &cuda, &error);
    if (status == GP_OK) {
      break;
    }
    assert_int_equal(status, failures % 2 == 0 ? GP_ERR_MEMORY : GP_ERR_IO);
    assert_int_equal(error.status, status);
    assert_non_null(strstr(error.message, "CUDA could not "));
    assert_null(cuda);
    assert_int_equal(emulation_allocated(), 0);
    assert_false(emulation_has_error());
    assert_true(emulation_was_wiped());
  }
  assert_true(failures > 10);
  emulation_fail_after(-1, false);
  assert_int_equal(emulation_allocated(), 1);
  gp_cuda_watermark_free(cuda);
  assert_int_equal(emulation_allocated(), 0);
  assert_true(emulation_was_wiped());
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void launching(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = NULL;
  gp_cuda_watermark *cuda = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  assert_ok(gp_cuda_watermark_new(watermark, &cuda, error));
  float logits[8] = {0};
  const uint32_t tokens[2] = {3, 4};
  const gp_row row = {.tokens = tokens, .n_tokens = 2};
  gp_prepared_row prepared = {.biased = 1};
  int64_t ids[2] = {3, 4};
  emulation_fail_after(1, false); /* after the question for the device */
  assert_fails(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 1, 8, 8, &row, NULL, error),
               GP_ERR_IO,
               "CUDA could not launch the kernel: an emulated error (cudaErrorInvalidValue)");
  emulation_fail_after(1, false);
  assert_fails(gp_cuda_bias_prepared(cuda, GP_FLOAT32, logits, 1, 8, 8, &prepared, NULL, error),
               GP_ERR_IO,
               "CUDA could not launch the kernel: an emulated error (cudaErrorInvalidValue)");
  emulation_fail_after(1, false);
  assert_fails(gp_cuda_prepare_ids(cuda, ids, 1, 2, NULL, &prepared, NULL, error), GP_ERR_IO,
               "CUDA could not launch the kernel: an emulated error (cudaErrorInvalidValue)");
  assert_false(emulation_has_error());
  emulation_set_device(1);
  const char *const message =
      "cuda_watermark: it was made for device 0, but device 1 is current; "
      "make one for each device";
  assert_fails(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 1, 8, 8, &row, NULL, error),
               GP_ERR_ARGUMENT, message);
  assert_fails(gp_cuda_bias_prepared(cuda, GP_FLOAT32, logits, 1, 8, 8, &prepared, NULL, error),
               GP_ERR_ARGUMENT, message);
  assert_fails(gp_cuda_prepare_ids(cuda, ids, 1, 2, NULL, &prepared, NULL, error),
               GP_ERR_ARGUMENT, message);
  gp_cuda_watermark_free(cuda);
  assert_int_equal(emulation_get_device(), 1); /* put back */
  emulation_set_device(0);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* One kernel a call, whatever the batch, and none where there is nothing to do; and nothing that
 * waits, copies or allocates. */
static void launches(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = NULL;
  gp_cuda_watermark *cuda = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  assert_ok(gp_cuda_watermark_new(watermark, &cuda, error));
  enum {
    ROWS = 1537
  };
  static float logits[ROWS];
  static gp_row rows[ROWS];
  const uint32_t tokens[2] = {3, 4};
  for (size_t i = 0; i < ROWS; i++) {
    rows[i] = (gp_row){.tokens = tokens, .n_tokens = 2};
  }
  gp_prepared_row *prepared = calloc(ROWS, sizeof *prepared);
  int64_t *ids = calloc(2 * ROWS, sizeof *ids);
  assert_true(prepared != NULL && ids != NULL);
  const unsigned interrupted = emulation_interrupted();
  static const size_t counts[] = {1, 192, 193, 1536, 1537};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    const unsigned before = emulation_launched();
    assert_ok(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, counts[i], 1, 1, rows, NULL, error));
    assert_int_equal(emulation_launched() - before, counts[i] > 1536 ? 2 : 1);
  }
  const unsigned before = emulation_launched();
  rows[0].off = true;
  rows[1].n_tokens = 1;
  assert_ok(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 2, 1, 1, rows, NULL, error));
  assert_int_equal(emulation_launched(), before);
  assert_ok(gp_cuda_prepare_ids(cuda, ids, ROWS, 2, NULL, prepared, NULL, error));
  assert_ok(gp_cuda_bias_prepared(cuda, GP_FLOAT32, logits, ROWS, 1, 1, prepared, NULL, error));
  assert_int_equal(emulation_launched(), before + 2);
  assert_int_equal(emulation_interrupted(), interrupted);
  assert_int_equal(emulation_allocated(), 1);
  free(prepared);
  free(ids);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(making),
      cmocka_unit_test(launching),
      cmocka_unit_test(launches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

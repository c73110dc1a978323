/* The reader of model weights: what it reads, and all that it has to refuse. What it shares with
 * the reader of expectations is tried in test_expectations.c. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "expectations_support.h"

static const uint32_t first[] = {7, 8, 9};
static const uint32_t second[] = {4};

/* Two documents and an empty one. */
static image sample(void) {
  image file = {0};
  put_header_of(&file, 2, "a student", 100, 3);
  put_model_document(&file, first, 3);
  put_u8(&file, 0);
  put_u8(&file, 2);
  put_entry(&file, 3, -0.25F);
  put_entry(&file, 99, 0.5F);
  put_u8(&file, 3);
  put_entry(&file, 0, 1.0F);
  put_entry(&file, 1, 1e-30F);
  put_entry(&file, 2, -1.0F);
  put_checksum(&file);
  put_model_document(&file, NULL, 0);
  put_checksum(&file);
  put_model_document(&file, second, 1);
  put_u8(&file, 1);
  put_entry(&file, 4, 0.75F);
  put_checksum(&file);
  put_end(&file);
  return file;
}

/* What was read of a file: the last position of each document, and the ids of the first. */
typedef struct contents {
  size_t documents;
  uint32_t ids[3];
  gp_model_weights_position last;
  gp_expectations_info info;
} contents;

static gp_status read_file(gp_model_weights *file, contents *seen, gp_error *error) {
  bool more = true;
  gp_status status = GP_OK;
  while (status == GP_OK && more) {
    const uint32_t *tokens = NULL;
    size_t n = 0;
    status = gp_model_weights_next(file, &tokens, &n, &more, error);
    if (status != GP_OK || !more) {
      break;
    }
    if (seen->documents++ == 0 && n == 3) {
      memcpy(seen->ids, tokens, sizeof seen->ids);
    }
    for (size_t i = 0; i < n && status == GP_OK; i++) {
      status = gp_model_weights_position_next(file, &seen->last, error);
    }
  }
  gp_model_weights_get_info(file, &seen->info);
  return status;
}

static gp_status read_all(const uint8_t *bytes, size_t size, size_t step, contents *seen,
                          gp_error *error) {
  /* In memory of its own, so that the sanitizer sees a read beyond the end. */
  uint8_t *copy = malloc(size + (size == 0));
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  image_source source = {.bytes = copy, .size = size, .step = step};
  gp_model_weights *file = NULL;
  gp_status status = gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error);
  assert_int_equal(file != NULL, status == GP_OK);
  if (status == GP_OK) {
    *seen = (contents){0};
    status = read_file(file, seen, error);
  }
  gp_model_weights_free(file);
  free(copy);
  return status;
}

static void reads(void **state) {
  (void)state;
  image bytes = sample();
  contents seen = {0};
  for (size_t step = 1; step < 40; step++) {
    assert_ok(read_all(bytes.bytes, bytes.size, step, &seen, error));
    assert_int_equal(seen.documents, 3);
    assert_memory_equal(seen.ids, first, sizeof first);
    assert_int_equal(seen.last.count, 1);
    assert_int_equal(seen.last.ids[0], 4);
    assert_true(seen.last.weights[0] == 0.75F);
    assert_true(seen.info.complete);
    assert_string_equal(seen.info.label, "a student");
    assert_int_equal(seen.info.vocabulary, 100);
    assert_int_equal(seen.info.top_k, 3);
    assert_int_equal(seen.info.documents, 3);
    assert_int_equal(seen.info.tokens, 4);
  }
  gp_model_weights_free(NULL);
  free(bytes.bytes);
}

/* More ids than the buffer holds, in pieces of every kind. */
static void long_document(void **state) {
  (void)state;
  enum {
    N = 50000
  };
  uint32_t *tokens = malloc(N * sizeof *tokens);
  assert_non_null(tokens);
  image bytes = {0};
  for (uint32_t i = 0; i < N; i++) {
    tokens[i] = i * UINT32_C(2654435761);
  }
  put_header_of(&bytes, 2, "", 0, 1);
  put_model_document(&bytes, tokens, N);
  for (size_t i = 0; i < N; i++) {
    put_u8(&bytes, 0);
  }
  put_checksum(&bytes);
  put_end(&bytes);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 977};
  gp_model_weights *file = NULL;
  const uint32_t *read = NULL;
  size_t n = 0;
  bool more = false;
  gp_model_weights_position position;
  assert_ok(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(gp_model_weights_next(file, &read, &n, &more, error));
  assert_true(more);
  assert_int_equal(n, N);
  for (size_t i = 0; i < N; i++) {
    assert_ok(gp_model_weights_position_next(file, &position, error));
    assert_int_equal(position.count, 0);
  }
  assert_memory_equal(read, tokens, N * sizeof *tokens);
  assert_ok(gp_model_weights_next(file, &read, &n, &more, error));
  assert_false(more);
  assert_ok(gp_model_weights_next(file, &read, &n, &more, error)); /* again: still the end */
  assert_false(more);
  gp_model_weights_free(file);
  free(bytes.bytes);
  free(tokens);
}

static void every_truncation(void **state) {
  (void)state;
  image bytes = sample();
  contents seen;
  for (size_t size = 0; size < bytes.size; size++) {
    gp_error error = {0};
    if (read_all(bytes.bytes, size, 1000, &seen, &error) != GP_ERR_FORMAT) {
      fail_msg("cut off after %zu bytes: %s", size, error.message);
    }
    assert_non_null(strstr(error.message, "x.gpx: "));
  }
  put_u8(&bytes, 0);
  assert_fails(read_all(bytes.bytes, bytes.size, 1000, &seen, error), GP_ERR_FORMAT,
               "x.gpx: something follows the end: the file is damaged");
  free(bytes.bytes);
}

static void every_bit(void **state) {
  (void)state;
  image bytes = sample();
  contents seen;
  for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
    bytes.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    gp_error error = {0};
    const gp_status status = read_all(bytes.bytes, bytes.size, 1000, &seen, &error);
    if (status != GP_ERR_FORMAT && status != GP_ERR_VERSION) {
      fail_msg("bit %zu: status %d, %s", bit, (int)status, error.message);
    }
    bytes.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
  }
  assert_ok(read_all(bytes.bytes, bytes.size, 1000, &seen, error));
  free(bytes.bytes);
}

/* A file with good checksums of one document of one id, whose position is as given. */
static gp_status read_position(uint32_t token, uint8_t count, const uint32_t *ids,
                               const float *weights, gp_error *error) {
  image bytes = {0};
  contents seen;
  put_header_of(&bytes, 2, "", 100, 4);
  put_model_document(&bytes, &token, 1);
  put_u8(&bytes, count);
  for (size_t i = 0; i < count; i++) {
    put_entry(&bytes, ids[i], weights[i]);
  }
  put_checksum(&bytes);
  put_end(&bytes);
  const gp_status status = read_all(bytes.bytes, bytes.size, 1000, &seen, error);
  free(bytes.bytes);
  return status;
}

static void positions(void **state) {
  (void)state;
  static const struct {
    uint32_t token;
    uint8_t count;
    uint32_t ids[5];
    float weights[5];
    const char *message; /* NULL: fine */
  } cases[] = {
      {5, 0, {0}, {0}, NULL},
      {99, 4, {1, 2, 3, 99}, {1.0F, 1.0F, -1.0F, 0.5F}, NULL}, /* whatever they add up to */
      {5, 1, {5}, {-1e-44F}, NULL},                            /* subnormal */
      {5, 1, {5}, {0.0F}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {5}, {-0.0F}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {5}, {1.0000001F}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {5}, {-1.0000001F}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {5}, {NAN}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {5}, {INFINITY}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {5}, {-INFINITY}, "token id 5 has no weight from -1 to 1 other than 0"},
      {5, 1, {100}, {0.5F}, "token id 100 is outside the vocabulary"},
      {100, 0, {0}, {0}, "token id 100 is outside the vocabulary"},
      {5, 2, {5, 5}, {0.25F, 0.25F}, "token id 5 does not ascend"},
      {5, 2, {5, 4}, {0.25F, 0.25F}, "token id 4 does not ascend"},
      {5, 5, {1, 2, 3, 4, 5}, {0.1F, 0.1F, 0.1F, 0.1F, 0.1F}, "5 model weights at a position, "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    gp_error error = {0};
    const gp_status status =
        read_position(cases[i].token, cases[i].count, cases[i].ids, cases[i].weights, &error);
    const bool refused = cases[i].message != NULL;
    if (status != (refused ? GP_ERR_FORMAT : GP_OK) ||
        (refused && (strstr(error.message, "x.gpx: document 1: ") != error.message ||
                     strstr(error.message, cases[i].message) == NULL))) {
      fail_msg("case %zu: %d %s", i, (int)status, error.message);
    }
  }
}

/* Each kind of file is refused by the other's reader. */
static void kinds(void **state) {
  (void)state;
  image bytes = {0};
  put_header_of(&bytes, 2, "", 0, 1);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  gp_expectations *expectations = NULL;
  assert_fails(gp_expectations_open_source(read_image, &source, "x.gpx", &expectations, error),
               GP_ERR_VERSION, "x.gpx: holds weights of kind 2, not expectations (kind 1)");
  bytes.bytes[9] = 1;
  source.at = 0;
  gp_model_weights *file = NULL;
  assert_fails(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error),
               GP_ERR_VERSION, "x.gpx: holds weights of kind 1, not model weights (kind 2)");
  bytes.bytes[3] = 'x';
  source.at = 0;
  assert_fails(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error),
               GP_ERR_FORMAT, "x.gpx: not a Greenprint model weights file");
  free(bytes.bytes);
}

/* What a document claims is refused, or does not come. */
static void claims(void **state) {
  (void)state;
  static const struct {
    uint64_t n;
    const char *message;
  } cases[] = {
      {UINT64_C(1) << 24, "x.gpx: document 1: the file is cut off: write it again"},
      {(UINT64_C(1) << 24) + 1, "x.gpx: document 1: has 16777217 token ids, more than the "
                                "16777216 that are allowed"},
      {UINT64_MAX, "x.gpx: document 1: has 18446744073709551615 token ids, more than the "
                   "16777216 that are allowed"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    image bytes = {0};
    contents seen;
    put_header_of(&bytes, 2, "", 0, 1);
    put_u8(&bytes, 'D');
    put_u64(&bytes, cases[i].n);
    put(&bytes, first, sizeof first);
    assert_fails(read_all(bytes.bytes, bytes.size, 100, &seen, error), GP_ERR_FORMAT,
                 cases[i].message);
    free(bytes.bytes);
  }
}

/* Counts at the end that its checksum does not give away. */
static void lying_end(void **state) {
  (void)state;
  for (int which = 0; which < 3; which++) {
    image bytes = sample();
    contents seen;
    bytes.size -= 1 + 16 + 32;
    bytes.documents += which == 0;
    bytes.tokens += which == 1;
    put_end(&bytes);
    if (which == 2) {
      assert_ok(read_all(bytes.bytes, bytes.size, 100, &seen, error));
    } else {
      assert_fails(read_all(bytes.bytes, bytes.size, 100, &seen, error), GP_ERR_FORMAT,
                   "x.gpx: the counts at the end are wrong: the file is damaged");
    }
    free(bytes.bytes);
  }
}

/* Calls in the wrong order are refused and harm nothing. */
static void order_of_calls(void **state) {
  (void)state;
  image bytes = sample();
  for (int which = 0; which < 4; which++) {
    image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
    gp_model_weights *file = NULL;
    gp_model_weights_position position;
    const uint32_t *tokens = NULL;
    size_t n = 0;
    bool more = false;
    assert_ok(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error));
    if (which == 0) {
      assert_fails(gp_model_weights_position_next(file, &position, error), GP_ERR_ARGUMENT,
                   "x.gpx: document 1: no document was begun");
    } else {
      assert_ok(gp_model_weights_next(file, &tokens, &n, &more, error));
      for (int i = 0; i < which; i++) {
        assert_ok(gp_model_weights_position_next(file, &position, error));
      }
      if (which == 3) {
        assert_fails(gp_model_weights_position_next(file, &position, error), GP_ERR_ARGUMENT,
                     "x.gpx: document 1: all positions were read");
      } else {
        assert_fails(gp_model_weights_next(file, &tokens, &n, &more, error), GP_ERR_ARGUMENT,
                     "x.gpx: document 1: not all positions were read");
      }
    }
    assert_fails(gp_model_weights_next(file, &tokens, &n, &more, error), GP_ERR_ARGUMENT,
                 "x.gpx: document 1: cannot be read on after an error: open it again");
    gp_model_weights_free(file);
  }
  free(bytes.bytes);
}

static void files(void **state) {
  (void)state;
  gp_model_weights *file = NULL;
  gp_model_weights_position position;
  const uint32_t *tokens = NULL;
  size_t n = 0;
  bool more = false;
  assert_fails(gp_model_weights_open("/nonexistent/x.gpx", &file, error), GP_ERR_IO,
               "/nonexistent/x.gpx: cannot be opened: No such file or directory");
  assert_fails(gp_model_weights_open(NULL, &file, error), GP_ERR_ARGUMENT,
               "gp_model_weights_open: path must not be NULL");
  assert_fails(gp_model_weights_open("x", NULL, error), GP_ERR_ARGUMENT,
               "gp_model_weights_open: file must not be NULL");
  assert_fails(gp_model_weights_next(NULL, &tokens, &n, &more, error), GP_ERR_ARGUMENT,
               "gp_model_weights_next: file must not be NULL");
  assert_fails(gp_model_weights_position_next(NULL, &position, error), GP_ERR_ARGUMENT,
               "gp_model_weights_position_next: file must not be NULL");
  image bytes = sample();
  char path[] = "/tmp/greenprint-model-weights-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes.bytes, bytes.size), bytes.size);
  assert_int_equal(close(fd), 0);
  contents seen = {0};
  assert_ok(gp_model_weights_open(path, &file, error));
  assert_ok(read_file(file, &seen, error));
  uint8_t sha256[32];
  crypto_hash_sha256(sha256, bytes.bytes, bytes.size);
  assert_int_equal(seen.info.file.bytes, bytes.size);
  assert_memory_equal(seen.info.file.sha256, sha256, 32);
  gp_model_weights_free(file);
  assert_int_equal(unlink(path), 0);
  free(bytes.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads),
      cmocka_unit_test(long_document),
      cmocka_unit_test(every_truncation),
      cmocka_unit_test(every_bit),
      cmocka_unit_test(positions),
      cmocka_unit_test(kinds),
      cmocka_unit_test(claims),
      cmocka_unit_test(lying_end),
      cmocka_unit_test(order_of_calls),
      cmocka_unit_test(files),
  };
  return cmocka_run_group_tests_name("model weights", tests, NULL, NULL);
}

/* The reader of expectations files: what it reads, and all that it has to refuse. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "expectations_support.h"

static const uint32_t first[] = {7, 8, 9};
static const uint32_t second[] = {4};

/* Two documents and an empty one. */
static image sample(void) {
  image file = {0};
  put_header(&file, "a model", 100, 3);
  put_document(&file, first, 3);
  put_u8(&file, 0);
  put_u8(&file, 2);
  put_entry(&file, 3, 0.25F);
  put_entry(&file, 99, 0.5F);
  put_u8(&file, 3);
  put_entry(&file, 0, 0.125F);
  put_entry(&file, 1, 1e-30F);
  put_entry(&file, 2, 0.875F);
  put_checksum(&file);
  put_document(&file, NULL, 0);
  put_checksum(&file);
  put_document(&file, second, 1);
  put_u8(&file, 1);
  put_entry(&file, 4, 1.0F);
  put_checksum(&file);
  put_end(&file);
  return file;
}

static gp_status read_document(gp_expectations *file, const uint32_t *tokens, size_t n,
                               gp_position *last, gp_error *error) {
  uint8_t sha256[32];
  tokens_digest(tokens, n, sha256);
  gp_status status = gp_expectations_begin(file, sha256, n, error);
  for (size_t i = 0; i < n && status == GP_OK; i++) {
    status = gp_expectations_position(file, last, error);
  }
  return status == GP_OK ? gp_expectations_end(file, error) : status;
}

/* Reads the sample's documents out of `size` bytes. */
static gp_status read_all(const uint8_t *bytes, size_t size, size_t step, gp_error *error) {
  /* In memory of its own, so that the sanitizer sees a read beyond the end. */
  uint8_t *copy = malloc(size + (size == 0));
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  image_source source = {.bytes = copy, .size = size, .step = step};
  gp_expectations *file = NULL;
  gp_position position;
  gp_status status = gp_expectations_open_source(read_image, &source, "x.gpx", &file, error);
  assert_int_equal(file != NULL, status == GP_OK);
  if (status == GP_OK) {
    status = read_document(file, first, 3, &position, error);
  }
  if (status == GP_OK) {
    status = read_document(file, NULL, 0, &position, error);
  }
  if (status == GP_OK) {
    status = read_document(file, second, 1, &position, error);
  }
  if (status == GP_OK) {
    status = gp_expectations_finish(file, error);
  }
  gp_expectations_free(file);
  free(copy);
  return status;
}

static void reads(void **state) {
  (void)state;
  image bytes = sample();
  for (size_t step = 1; step < 40; step++) {
    assert_ok(read_all(bytes.bytes, bytes.size, step, error));
  }
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 7};
  gp_expectations *file = NULL;
  gp_position position;
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(read_document(file, first, 3, &position, error));
  assert_int_equal(position.count, 3);
  assert_int_equal(position.ids[2], 2);
  assert_true(position.probabilities[1] == 1e-30F && position.probabilities[2] == 0.875F);
  gp_expectations_info info;
  gp_expectations_get_info(file, &info);
  assert_string_equal(info.label, "a model");
  assert_int_equal(info.vocabulary, 100);
  assert_int_equal(info.top_k, 3);
  assert_int_equal(info.documents, 1);
  assert_int_equal(info.tokens, 3);
  assert_false(info.complete);
  gp_expectations_free(file);
  gp_expectations_free(NULL);
  free(bytes.bytes);
}

static void every_truncation(void **state) {
  (void)state;
  image bytes = sample();
  for (size_t size = 0; size < bytes.size; size++) {
    gp_error error = {0};
    if (read_all(bytes.bytes, size, 1000, &error) != GP_ERR_FORMAT) {
      fail_msg("cut off after %zu bytes: %s", size, error.message);
    }
    assert_non_null(strstr(error.message, "x.gpx: "));
  }
  put_u8(&bytes, 0);
  assert_fails(read_all(bytes.bytes, bytes.size, 1000, error), GP_ERR_FORMAT,
               "x.gpx: something follows the end: the file is damaged");
  free(bytes.bytes);
}

static void every_bit(void **state) {
  (void)state;
  image bytes = sample();
  for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
    bytes.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    gp_error error = {0};
    const gp_status status = read_all(bytes.bytes, bytes.size, 1000, &error);
    if (status != GP_ERR_FORMAT && status != GP_ERR_VERSION) {
      fail_msg("bit %zu: status %d, %s", bit, (int)status, error.message);
    }
    bytes.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
  }
  assert_ok(read_all(bytes.bytes, bytes.size, 1000, error));
  free(bytes.bytes);
}

/* A file with a good checksum whose one position is as given. */
static gp_status read_position(uint8_t count, const uint32_t *ids, const float *probabilities,
                               gp_error *told) {
  image bytes = {0};
  put_header(&bytes, "", 100, 4);
  put_document(&bytes, second, 1);
  put_u8(&bytes, count);
  for (size_t i = 0; i < count; i++) {
    put_entry(&bytes, ids[i], probabilities[i]);
  }
  put_checksum(&bytes);
  put_end(&bytes);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  gp_expectations *file = NULL;
  gp_position position;
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  gp_status status = read_document(file, second, 1, &position, told);
  if (status == GP_OK) {
    status = gp_expectations_finish(file, told);
  }
  gp_expectations_free(file);
  free(bytes.bytes);
  return status;
}

static void positions(void **state) {
  (void)state;
  static const struct {
    uint8_t count;
    uint32_t ids[5];
    float probabilities[5];
    const char *message; /* NULL: taken */
  } cases[] = {
      {0, {0}, {0}, NULL},
      {2, {0, 99}, {0.5F, 0.5F}, NULL},
      {2, {0, 99}, {0.5F, 0.5009F}, NULL},
      {1, {5}, {1e-44F}, NULL}, /* subnormal */
      {2, {0, 99}, {0.5F, 0.502F}, "probabilities add up to 1.002: the file is damaged"},
      {1, {5}, {0.0F}, "token id 5 has no probability above 0 and up to 1"},
      {1, {5}, {-0.0F}, "token id 5 has no probability above 0 and up to 1"},
      {1, {5}, {-0.5F}, "token id 5 has no probability above 0 and up to 1"},
      {1, {5}, {1.01F}, "token id 5 has no probability above 0 and up to 1"},
      {1, {5}, {NAN}, "token id 5 has no probability above 0 and up to 1"},
      {1, {5}, {INFINITY}, "token id 5 has no probability above 0 and up to 1"},
      {1, {5}, {-INFINITY}, "token id 5 has no probability above 0 and up to 1"},
      {1, {100}, {0.5F}, "token id 100 is outside the vocabulary"},
      {1, {UINT32_MAX}, {0.5F}, "token id 4294967295 is outside the vocabulary"},
      {2, {5, 5}, {0.25F, 0.25F}, "token id 5 does not ascend"},
      {2, {5, 4}, {0.25F, 0.25F}, "token id 4 does not ascend"},
      {5, {1, 2, 3, 4, 5}, {0.1F, 0.1F, 0.1F, 0.1F, 0.1F}, "5 expectations at a position, more"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    gp_error error = {0};
    const gp_status status =
        read_position(cases[i].count, cases[i].ids, cases[i].probabilities, &error);
    const bool refused = cases[i].message != NULL;
    if (status != (refused ? GP_ERR_FORMAT : GP_OK) ||
        (refused && (strstr(error.message, "x.gpx: document 1: ") != error.message ||
                     strstr(error.message, cases[i].message) == NULL))) {
      fail_msg("case %zu: %d %s", i, (int)status, error.message);
    }
  }
}

/* A file of a header and perhaps the start of a document, whose checksums are good. */
static gp_status open_header(const char *head, size_t size, gp_error *error) {
  image bytes = {0};
  put(&bytes, head, size);
  put_checksum(&bytes);
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  gp_expectations *file = NULL;
  const gp_status status =
      gp_expectations_open_source(read_image, &source, "x.gpx", &file, error);
  gp_expectations_free(file);
  free(bytes.bytes);
  return status;
}

#define HEAD(rest) "\x89GPEXP\r\n" rest, sizeof("\x89GPEXP\r\n" rest) - 1

static void headers(void **state) {
  (void)state;
  assert_ok(open_header(HEAD("\1\1\377\0\0\0\0\0"), error));
  assert_ok(open_header(HEAD("\1\1\377\3\0\0\0\0\xe2\x82\xac"), error));
  assert_fails(open_header(HEAD("\2\1\377\0\0\0\0\0"), error), GP_ERR_VERSION,
               "x.gpx: has format version 2; this is Greenprint " GP_VERSION
               ", which reads version 1");
  assert_fails(open_header(HEAD("\1\2\377\0\0\0\0\0"), error), GP_ERR_VERSION,
               "x.gpx: holds weights of kind 2, not expectations (kind 1)");
  assert_fails(open_header(HEAD("\1\1\377\311\0\0\0\0"), error), GP_ERR_FORMAT,
               "x.gpx: the label has 201 bytes, more than 200");
  assert_fails(open_header(HEAD("\1\1\377\3\0\0\0\0a\0b"), error), GP_ERR_FORMAT,
               "x.gpx: the label holds a NUL");
  assert_fails(open_header(HEAD("\1\1\377\2\0\0\0\0\x1b["), error), GP_ERR_FORMAT,
               "x.gpx: the label is not UTF-8 or has control characters");
  assert_fails(open_header(HEAD("\1\1\377\1\0\0\0\0\x80"), error), GP_ERR_FORMAT,
               "x.gpx: the label is not UTF-8 or has control characters");
  assert_fails(open_header("", 0, error), GP_ERR_FORMAT,
               "x.gpx: not a Greenprint expectations file");
  assert_fails(open_header("\x89GPKEY\r\n", 8, error), GP_ERR_FORMAT,
               "x.gpx: not a Greenprint expectations file");
}

/* Counts at the end that its checksum does not give away. */
static void lying_end(void **state) {
  (void)state;
  for (int which = 0; which < 3; which++) {
    image bytes = sample();
    bytes.size -= 1 + 16 + 32;
    bytes.documents += which == 0;
    bytes.tokens += which == 1;
    put_end(&bytes);
    if (which == 2) {
      assert_ok(read_all(bytes.bytes, bytes.size, 100, error));
    } else {
      assert_fails(read_all(bytes.bytes, bytes.size, 100, error), GP_ERR_FORMAT,
                   "x.gpx: the counts at the end are wrong: the file is damaged");
    }
    free(bytes.bytes);
  }
}

/* A document that claims 2^63 tokens is told from the text before a position is read. */
static void wrong_documents(void **state) {
  (void)state;
  image bytes = {0};
  put_header(&bytes, "m", 0, 1);
  put_document(&bytes, NULL, 0);
  gp_store_le64(bytes.bytes + bytes.size - 8, UINT64_C(1) << 63);
  gp_position position;
  gp_expectations *file = NULL;
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_fails(read_document(file, first, 3, &position, error), GP_ERR_FORMAT,
               "x.gpx: document 1: was written for 9223372036854775808 tokens, but the text has "
               "3: the file belongs to another text, order or tokenizer");
  assert_fails(gp_expectations_finish(file, error), GP_ERR_ARGUMENT,
               "x.gpx: cannot be read on after an error: open it again");
  gp_expectations_free(file);
  free(bytes.bytes);

  bytes = sample();
  source = (image_source){.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  const uint32_t other[] = {7, 8, 10};
  assert_fails(read_document(file, other, 3, &position, error), GP_ERR_FORMAT,
               "x.gpx: document 1: was written for other token ids than those of the text: the "
               "file belongs to another text, order or tokenizer");
  gp_expectations_free(file);

  source = (image_source){.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(read_document(file, first, 3, &position, error));
  assert_fails(gp_expectations_finish(file, error), GP_ERR_FORMAT,
               "x.gpx: holds expectations for more documents than the 1 of the text");
  gp_expectations_free(file);

  source = (image_source){.bytes = bytes.bytes, .size = bytes.size, .step = 100};
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(read_document(file, first, 3, &position, error));
  assert_ok(read_document(file, NULL, 0, &position, error));
  assert_ok(read_document(file, second, 1, &position, error));
  assert_fails(read_document(file, second, 1, &position, error), GP_ERR_FORMAT,
               "x.gpx: document 4: the file has no expectations for it: it was written for fewer "
               "documents");
  gp_expectations_free(file);
  free(bytes.bytes);
}

/* Calls in the wrong order are refused and harm nothing. */
static void order_of_calls(void **state) {
  (void)state;
  image bytes = sample();
  uint8_t sha256[32];
  tokens_digest(first, 3, sha256);
  for (int which = 0; which < 5; which++) {
    image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
    gp_expectations *file = NULL;
    gp_position position;
    gp_status status = GP_OK;
    assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
    if (which == 0) {
      status = gp_expectations_position(file, &position, NULL);
    } else if (which == 1) {
      status = gp_expectations_end(file, NULL);
    } else {
      assert_ok(gp_expectations_begin(file, sha256, 3, error));
      status = which == 2   ? gp_expectations_begin(file, sha256, 3, NULL)
               : which == 3 ? gp_expectations_end(file, NULL)
                            : gp_expectations_finish(file, NULL);
    }
    assert_int_equal(status, GP_ERR_ARGUMENT);
    gp_expectations_free(file);
  }
  free(bytes.bytes);
}

static gp_status broken_source(void *source, uint8_t *out, size_t capacity, size_t *count,
                               gp_error *reason) {
  (void)out;
  (void)capacity;
  (void)count;
  const size_t *size = source;
  reason->status = GP_ERR_IO;
  (void)snprintf(reason->message, sizeof reason->message, "cannot be read: %zu", *size);
  return GP_ERR_IO;
}

static void files(void **state) {
  (void)state;
  gp_expectations *file = NULL;
  size_t five = 5;
  assert_fails(gp_expectations_open_source(broken_source, &five, "x.gpx", &file, error),
               GP_ERR_IO, "x.gpx: cannot be read: 5");
  assert_fails(gp_expectations_open("/nonexistent/x.gpx", &file, error), GP_ERR_IO,
               "/nonexistent/x.gpx: cannot be opened: No such file or directory");
  assert_fails(gp_expectations_open("/", &file, error), GP_ERR_IO,
               "/: is a directory: name the files in it");
  assert_fails(gp_expectations_open(NULL, &file, error), GP_ERR_ARGUMENT,
               "gp_expectations_open: path must not be NULL");
  assert_fails(gp_expectations_open("x", NULL, error), GP_ERR_ARGUMENT,
               "gp_expectations_open: file must not be NULL");
  assert_fails(gp_expectations_finish(NULL, error), GP_ERR_ARGUMENT,
               "gp_expectations_finish: file must not be NULL");
  image bytes = sample();
  char path[] = "/tmp/greenprint-expectations-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes.bytes, bytes.size), bytes.size);
  assert_int_equal(close(fd), 0);
  gp_position position;
  assert_ok(gp_expectations_open(path, &file, error));
  assert_ok(read_document(file, first, 3, &position, error));
  assert_ok(read_document(file, NULL, 0, &position, error));
  assert_ok(read_document(file, second, 1, &position, error));
  assert_ok(gp_expectations_finish(file, error));
  assert_ok(gp_expectations_finish(file, error)); /* again, which changes nothing */
  gp_expectations_info info;
  gp_expectations_get_info(file, &info);
  assert_true(info.complete);
  assert_int_equal(info.file.bytes, bytes.size);
  uint8_t sha256[32];
  crypto_hash_sha256(sha256, bytes.bytes, bytes.size);
  assert_memory_equal(info.file.sha256, sha256, 32);
  gp_expectations_free(file);
  assert_int_equal(unlink(path), 0);
  free(bytes.bytes);
}

/* Bytes changed at random in a file whose checksums are then made good: never a crash, and
 * never more read than is there. */
static void mutations(void **state) {
  (void)state;
  uint64_t random = test_seed();
  size_t taken = 0;
  for (int round = 0; round < 20000; round++) {
    image bytes = {0};
    image good = sample();
    const size_t header = 16 + 7;
    put(&bytes, good.bytes, header);
    put_checksum(&bytes);
    put(&bytes, good.bytes + bytes.size, 1 + 40 + 3 + 5 * 8);
    for (int i = 0; i < 2; i++) {
      const size_t at = header + 32 + next_random(&random) % (bytes.size - header - 32);
      bytes.bytes[at] = (uint8_t)next_random(&random);
    }
    put_checksum(&bytes);
    gp_position position;
    gp_expectations *file = NULL;
    image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 100};
    assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
    taken += read_document(file, first, 3, &position, NULL) == GP_OK;
    gp_expectations_free(file);
    free(bytes.bytes);
    free(good.bytes);
  }
  assert_in_range(taken, 100, 19000); /* some changes are to probabilities, and fine */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads),           cmocka_unit_test(every_truncation),
      cmocka_unit_test(every_bit),       cmocka_unit_test(positions),
      cmocka_unit_test(headers),         cmocka_unit_test(lying_end),
      cmocka_unit_test(wrong_documents), cmocka_unit_test(order_of_calls),
      cmocka_unit_test(files),           cmocka_unit_test(mutations),
  };
  return cmocka_run_group_tests_name("expectations", tests, NULL, NULL);
}

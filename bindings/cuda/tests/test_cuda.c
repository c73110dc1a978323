/*
 * libgreenprint_cuda against libgreenprint, bit for bit, and against the test vectors. Built
 * twice: for the emulated device, which runs everywhere, and for a real one.
 */
#include "support.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "greenprint_cuda.h"

#define GP_TEST_SKIPPED 77 /* what CTest takes for "skipped" */

static gp_watermark *watermark_of(gp_key *key, const gp_watermark_options *options) {
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, options, &watermark, error));
  return watermark;
}

static gp_cuda_watermark *cuda_of(const gp_watermark *watermark) {
  gp_cuda_watermark *cuda = NULL;
  assert_ok(gp_cuda_watermark_new(watermark, &cuda, error));
  return cuda;
}

static size_t size_of(gp_dtype dtype) {
  return dtype == GP_FLOAT32 ? 4 : 2;
}

static uint32_t element_at(const void *row, size_t i, gp_dtype dtype) {
  uint32_t wide = 0;
  uint16_t narrow = 0;
  if (dtype == GP_FLOAT32) {
    memcpy(&wide, (const uint8_t *)row + 4 * i, sizeof wide);
    return wide;
  }
  memcpy(&narrow, (const uint8_t *)row + 2 * i, sizeof narrow);
  return narrow;
}

static bool is_nan(uint32_t bits, gp_dtype dtype) {
  switch (dtype) {
  case GP_FLOAT32:
    return (bits & 0x7FFFFFFFU) > 0x7F800000U;
  case GP_FLOAT16:
    return (bits & 0x7FFFU) > 0x7C00U;
  default:
    return (bits & 0x7FFFU) > 0x7F80U;
  }
}

/* Which NaN a biased NaN is, is not specified. */
static void assert_same_numbers(const void *got, const void *wanted, size_t count,
                                gp_dtype dtype) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t a = element_at(got, i, dtype);
    const uint32_t b = element_at(wanted, i, dtype);
    if (a != b && !(is_nan(a, dtype) && is_nan(b, dtype))) {
      fail_msg("element %zu of %zu is %08x, not %08x (format %d)", i, count, a, b, (int)dtype);
    }
  }
}

/* ------------------------------------------------------------- test vectors */

static gp_dtype format_of(const json_t *item) {
  const char *format = text_of(item, "format");
  return strcmp(format, "float32") == 0    ? GP_FLOAT32
         : strcmp(format, "bfloat16") == 0 ? GP_BFLOAT16
                                           : GP_FLOAT16;
}

/* Biases a row of the CPU's memory on the device, as a vector says. */
static void bias_vector(const json_t *item, gp_dtype dtype, void *row, size_t vocabulary) {
  gp_key *key = key_of(item);
  gp_watermark_options options = gp_watermark_options_default();
  const uint32_t bits = (uint32_t)strtoul(text_of(item, "delta_bits"), NULL, 16);
  memcpy(&options.delta, &bits, sizeof bits);
  uint32_t *never = ids_of(array_of(item, "never"), &options.n_never_biased);
  options.never_biased = never;
  gp_watermark *watermark = watermark_of(key, &options);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  gp_row context = {0};
  uint32_t *ids = ids_of(array_of(item, "ids"), &context.n_tokens);
  context.tokens = ids;
  const size_t size = vocabulary * size_of(dtype);
  void *device = device_new(size);
  device_put(device, row, size);
  assert_ok(
      gp_cuda_bias_batch(cuda, dtype, device, 1, vocabulary, vocabulary, &context, NULL, error));
  device_get(row, device, size);
  device_free(device);
  free(ids);
  free(never);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void small_vectors(void **state) {
  (void)state;
  json_t *vectors = load_vectors("bias.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "small"), index, item) {
    const gp_dtype dtype = format_of(item);
    const size_t size = strlen(text_of(item, "row")) / 2;
    uint8_t *row = malloc(size);
    uint8_t *expected = malloc(size);
    assert_true(row != NULL && expected != NULL);
    unhex(text_of(item, "row"), row, size);
    unhex(text_of(item, "biased"), expected, size);
    bias_vector(item, dtype, row, size / size_of(dtype));
    assert_same_numbers(row, expected, size / size_of(dtype), dtype);
    free(row);
    free(expected);
  }
  assert_true(index >= 30);
  json_decref(vectors);
}

/* The rows of "large" vectors, as bias.json says that they are made. */
static void fill_row(uint8_t *row, size_t vocabulary, gp_dtype dtype, uint32_t seed) {
  for (size_t v = 0; v < vocabulary; v++) {
    const uint32_t m = (uint32_t)v * UINT32_C(2654435761) + seed;
    const uint32_t wide = (m & 0x807FFFFFU) | (117U + (m >> 23 & 15U)) << 23;
    uint16_t narrow = (uint16_t)(wide >> 16);
    if (dtype == GP_FLOAT32) {
      memcpy(row + 4 * v, &wide, sizeof wide);
      continue;
    }
    if (dtype == GP_FLOAT16) {
      narrow = (uint16_t)(m >> 16);
      if ((narrow & 0x7C00U) == 0x7C00U) {
        narrow &= 0xBFFFU;
      }
    }
    memcpy(row + 2 * v, &narrow, sizeof narrow);
  }
}

static void large_vectors(void **state) {
  (void)state;
  json_t *vectors = load_vectors("bias.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "large"), index, item) {
    const gp_dtype dtype = format_of(item);
    const size_t vocabulary = number_of(item, "vocabulary");
    uint8_t *row = malloc(vocabulary * size_of(dtype));
    uint8_t digest[crypto_hash_sha256_BYTES];
    assert_non_null(row);
    fill_row(row, vocabulary, dtype, (uint32_t)number_of(item, "seed"));
    bias_vector(item, dtype, row, vocabulary);
    crypto_hash_sha256(digest, row, vocabulary * size_of(dtype));
    assert_hex_equal(digest, sizeof digest, text_of(item, "biased_sha256"));
    free(row);
  }
  assert_true(index >= 9);
  json_decref(vectors);
}

static void *new_zeros(size_t count, size_t size) {
  void *made = calloc(count, size);
  if (made == NULL) {
    abort();
  }
  return made;
}

/* The green list itself, packed: what a row of zeros becomes with delta 1. */
static uint8_t *mask_on_device(const json_t *item, size_t vocabulary) {
  gp_key *key = key_of(item);
  const gp_watermark_options options = {.delta = 1.0F};
  gp_watermark *watermark = watermark_of(key, &options);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  gp_row context = {0};
  uint32_t *ids = ids_of(array_of(item, "ids"), &context.n_tokens);
  context.tokens = ids;
  const size_t size = vocabulary * sizeof(float);
  float *row = new_zeros(vocabulary, sizeof *row);
  uint8_t *mask = new_zeros((vocabulary + 7) / 8, 1);
  float *device = device_new(size);
  device_put(device, row, size);
  assert_ok(gp_cuda_bias_batch(cuda, GP_FLOAT32, device, 1, vocabulary, vocabulary, &context,
                               NULL, error));
  device_get(row, device, size);
  for (size_t v = 0; v < vocabulary; v++) {
    assert_true(row[v] == 0.0F || row[v] == 1.0F);
    mask[v / 8] |= (uint8_t)((row[v] == 1.0F ? 1U : 0U) << v % 8);
  }
  device_free(device);
  free(row);
  free(ids);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
  return mask;
}

/* Against what stands in the vectors, not against libgreenprint. */
static void assert_mask(const json_t *item, const uint8_t *mask, size_t vocabulary) {
  const size_t size = (vocabulary + 7) / 8;
  size_t green = 0;
  for (size_t v = 0; v < vocabulary; v++) {
    green += (unsigned)mask[v / 8] >> v % 8 & 1U;
  }
  assert_int_equal(green, number_of(item, "green"));
  uint8_t digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, mask, size);
  if (json_object_get(item, "mask") != NULL) {
    assert_hex_equal(mask, size, text_of(item, "mask"));
  } else {
    assert_hex_equal(mask, 32, text_of(item, "first32"));
    assert_hex_equal(mask + size - 32, 32, text_of(item, "last32"));
  }
  assert_hex_equal(digest, sizeof digest, text_of(item, "sha256"));
}

static void mask_vectors(void **state) {
  (void)state;
  json_t *vectors = load_vectors("masks.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    const size_t vocabulary = number_of(item, "vocabulary");
    if (device_is_slow() && vocabulary > 5000 && index / 8 % 4 != index % 4) {
      continue; /* one of the four large vocabularies for each key */
    }
    uint8_t *mask = mask_on_device(item, vocabulary);
    assert_mask(item, mask, vocabulary);
    free(mask);
  }
  assert_true(index >= 10);
  json_decref(vectors);
}

/* ------------------------------------------------------------ nonces on the device */

static void nonce_vectors(void **state) {
  (void)state;
  json_t *vectors = load_vectors("nonces.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    gp_key *key = key_of(item);
    gp_watermark_options options = gp_watermark_options_default();
    const char *tenant = json_string_value(json_object_get(item, "tenant"));
    options.has_tenant = tenant != NULL;
    options.tenant = tenant == NULL ? 0 : strtoull(tenant, NULL, 10);
    gp_watermark *watermark = watermark_of(key, &options);
    gp_cuda_watermark *cuda = cuda_of(watermark);
    size_t n = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    int64_t *wide = calloc(n + 1, sizeof *wide);
    assert_non_null(wide);
    for (size_t i = 0; i < n; i++) {
      wide[i] = ids[i];
    }
    int64_t *device_ids = device_new((n + 1) * sizeof *wide);
    gp_prepared_row *device_rows = device_new(sizeof *device_rows);
    device_put(device_ids, wide, (n + 1) * sizeof *wide);
    assert_ok(gp_cuda_prepare_ids(cuda, device_ids, 1, n, NULL, device_rows, NULL, error));
    gp_prepared_row row;
    device_get(&row, device_rows, sizeof row);
    const bool has_window = !json_is_null(json_object_get(item, "nonce"));
    assert_int_equal(row.biased, has_window);
    if (has_window) {
      assert_true(row.delta == options.delta);
      assert_hex_equal(row.nonce, GP_NONCE_SIZE, text_of(item, "nonce"));
    }
    device_free(device_ids);
    device_free(device_rows);
    free(ids);
    free(wide);
    gp_cuda_watermark_free(cuda);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  assert_true(index >= 30);
  json_decref(vectors);
}

/* Rows that have no window, and ids that are none. */
static void ids_without_a_window(void **state) {
  (void)state;
  gp_key *key = test_key(NULL); /* h = 2 */
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  enum {
    ROWS = 10,
    STRIDE = 4
  };
  const int64_t ids[ROWS][STRIDE] = {
      {1, 2, 3, 4},  {1, 2, 3, 4},          {1, 2, 3, 4},  {1, 2, 3, 4},
      {1, 2, 3, -1}, {1, 2, INT64_MAX, 4},  {-1, 9, 3, 4}, {1, 2, 3, INT64_C(4294967296)},
      {1, 2, 3, 4},  {0, 0, 0, 4294967295},
  };
  const int64_t counts[ROWS] = {4, 2, 1, 0, 4, 4, 4, 4, 5, 4};
  const bool wanted[ROWS] = {true, true, false, false, false, false, true, false, false, true};
  int64_t *device_ids = device_new(sizeof ids);
  int64_t *device_counts = device_new(sizeof counts);
  gp_prepared_row rows[ROWS];
  gp_prepared_row *device_rows = device_new(sizeof rows);
  device_put(device_ids, ids, sizeof ids);
  device_put(device_counts, counts, sizeof counts);
  assert_ok(gp_cuda_prepare_ids(cuda, device_ids, ROWS, STRIDE, device_counts, device_rows, NULL,
                                error));
  device_get(rows, device_rows, sizeof rows);
  for (size_t i = 0; i < ROWS; i++) {
    assert_int_equal(rows[i].biased, wanted[i]);
    if (wanted[i]) {
      const uint32_t tail[2] = {(uint32_t)ids[i][counts[i] - 2], (uint32_t)ids[i][counts[i] - 1]};
      uint8_t nonce[GP_NONCE_SIZE];
      assert_ok(gp_nonce(watermark, tail, 2, nonce, error));
      assert_memory_equal(rows[i].nonce, nonce, GP_NONCE_SIZE);
    }
  }
  const int64_t negative = -1;
  device_put(device_counts, &negative, sizeof negative);
  assert_ok(
      gp_cuda_prepare_ids(cuda, device_ids, 1, STRIDE, device_counts, device_rows, NULL, error));
  device_get(rows, device_rows, sizeof rows[0]);
  assert_int_equal(rows[0].biased, 0);
  device_free(device_ids);
  device_free(device_counts);
  device_free(device_rows);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* ------------------------------------------------------------------ against the CPU */

#define WINDOW_MAX 8
#define GUARD      ((size_t)64) /* bytes on either side of the logits, which nothing may touch */

/* A batch in the CPU's memory, as gp_bias_batch() biases it, and on the device. */
typedef struct batch {
  gp_dtype dtype;
  size_t n_rows;
  size_t vocabulary;
  size_t stride;
  size_t offset; /* bytes from an address that is a multiple of 256 */
  gp_row *rows;
  uint32_t (*tokens)[WINDOW_MAX];
  size_t size; /* bytes, guards included */
  uint8_t *before;
  uint8_t *wanted;
  uint8_t *got;
} batch;

static void *logits_in(const batch *b, void *memory) {
  return (uint8_t *)memory + GUARD + b->offset;
}

/* Logits of all kinds: any bits, small numbers, and zeros, infinities, NaN, subnormals. */
static void fill_logits(batch *b, uint64_t *random) {
  static const uint32_t special[3][8] = {
      {0, 0x80000000U, 0x7F800000U, 0xFF800000U, 0x7FC00123U, 0x7F800001U, 1, 0x807FFFFFU},
      {0, 0x8000U, 0x7C00U, 0xFC00U, 0x7E12U, 0x7C01U, 1, 0x83FFU},
      {0, 0x8000U, 0x7F80U, 0xFF80U, 0x7FC1U, 0x7F81U, 1, 0x807FU},
  };
  uint8_t *logits = logits_in(b, b->before);
  for (size_t i = 0; i < b->size; i++) {
    b->before[i] = (uint8_t)next_random(random);
  }
  for (size_t i = 0; i < b->n_rows * b->stride; i++) {
    const uint64_t r = next_random(random);
    if (r >> 60 == 0) {
      memcpy(logits + i * size_of(b->dtype), &special[b->dtype - 1][r & 7U], size_of(b->dtype));
    }
  }
}

static void batch_new(batch *b, uint64_t *random) {
  b->rows = calloc(b->n_rows, sizeof *b->rows);
  b->tokens = calloc(b->n_rows, sizeof *b->tokens);
  b->size = 2 * GUARD + b->offset + b->n_rows * b->stride * size_of(b->dtype);
  b->before = malloc(b->size);
  b->wanted = malloc(b->size);
  b->got = malloc(b->size);
  assert_true(b->rows != NULL && b->tokens != NULL && b->before != NULL && b->wanted != NULL &&
              b->got != NULL);
  for (size_t i = 0; i < b->n_rows; i++) {
    for (size_t j = 0; j < WINDOW_MAX; j++) {
      b->tokens[i][j] = (uint32_t)next_random(random);
    }
    b->rows[i].tokens = b->tokens[i];
    b->rows[i].n_tokens = WINDOW_MAX;
  }
  fill_logits(b, random);
}

static void batch_free(batch *b) {
  free(b->rows);
  free(b->tokens);
  free(b->before);
  free(b->wanted);
  free(b->got);
}

/* What lies around the logits is as it was; red tokens keep their bits. */
static void assert_batch(const batch *b) {
  const uint8_t *before = logits_in(b, b->before);
  const uint8_t *wanted = logits_in(b, b->wanted);
  const uint8_t *got = logits_in(b, b->got);
  const size_t element = size_of(b->dtype);
  assert_memory_equal(b->got, b->before, GUARD + b->offset);
  assert_memory_equal(b->got + b->size - GUARD, b->before + b->size - GUARD, GUARD);
  for (size_t i = 0; i < b->n_rows; i++) {
    const size_t at = i * b->stride * element;
    const size_t end = at + b->vocabulary * element;
    assert_same_numbers(got + at, wanted + at, b->vocabulary, b->dtype);
    assert_memory_equal(got + end, before + end, (b->stride - b->vocabulary) * element);
    if (b->rows[i].off) {
      assert_memory_equal(got + at, before + at, b->vocabulary * element);
    }
  }
}

/* Biases a batch on the CPU and on the device, there by `how`, and compares. */
typedef void bias_on_device(const gp_cuda_watermark *cuda, const gp_watermark *watermark,
                            const batch *b, void *device_logits);

static void compare(const gp_watermark *watermark, const gp_cuda_watermark *cuda, batch *b,
                    bias_on_device *how) {
  memcpy(b->wanted, b->before, b->size);
  /* The CPU's rows are aligned; the device's have to be as well, wherever they lie. */
  assert_ok(gp_bias_batch(watermark, b->dtype, logits_in(b, b->wanted), b->n_rows, b->vocabulary,
                          b->stride, b->rows, error));
  uint8_t *device = device_new(b->size);
  device_put(device, b->before, b->size);
  how(cuda, watermark, b, logits_in(b, device));
  device_get(b->got, device, b->size);
  device_free(device);
  assert_batch(b);
}

static void by_batch(const gp_cuda_watermark *cuda, const gp_watermark *watermark, const batch *b,
                     void *device_logits) {
  (void)watermark;
  assert_ok(gp_cuda_bias_batch(cuda, b->dtype, device_logits, b->n_rows, b->vocabulary, b->stride,
                               b->rows, NULL, error));
}

static void by_prepared(const gp_cuda_watermark *cuda, const gp_watermark *watermark,
                        const batch *b, void *device_logits) {
  gp_prepared_row *prepared = calloc(b->n_rows, sizeof *prepared);
  assert_non_null(prepared);
  assert_ok(gp_prepare_rows(watermark, b->rows, b->n_rows, prepared, error));
  gp_prepared_row *device_rows = device_new(b->n_rows * sizeof *prepared);
  device_put(device_rows, prepared, b->n_rows * sizeof *prepared);
  assert_ok(gp_cuda_bias_prepared(cuda, b->dtype, device_logits, b->n_rows, b->vocabulary,
                                  b->stride, device_rows, NULL, error));
  device_free(device_rows);
  free(prepared);
}

static const struct {
  uint32_t num;
  uint32_t log2_den;
} gammas[] = {{1, 1}, {1, 2}, {3, 2}, {1, 3}, {3, 3}, {5, 4}, {13, 5}, {37, 6}, {1, 7}, {255, 8}};

#define N_GAMMAS (sizeof gammas / sizeof gammas[0])

/* Around the sizes at which something begins: vectors, words, groups, pieces, chunks. */
static size_t awkward_vocabulary(uint64_t *random) {
  static const size_t edges[] = {1, 4, 8, 32, 128, 256, 512, 1024, 1280, 2048, 4096, 8192};
  const uint64_t r = next_random(random);
  const size_t edge = edges[r % (sizeof edges / sizeof edges[0])];
  const size_t off = r >> 32 & 15U;
  return (r >> 40 & 1U) != 0 && edge > off ? edge - off : edge + off;
}

static void vary_rows(batch *b, uint64_t *random) {
  for (size_t i = 0; i < b->n_rows; i++) {
    const uint64_t r = next_random(random);
    gp_row *row = &b->rows[i];
    row->off = (r & 15U) == 0;
    row->n_tokens = (r >> 4 & 15U) == 0 ? 0 : WINDOW_MAX;
    row->has_delta = (r >> 8 & 3U) == 0;
    row->delta = (float)(r >> 12 & 7U) * 0.37F;
    row->has_tenant = (r >> 16 & 3U) == 0;
    row->tenant = r >> 20;
  }
}

static void random_batch(uint64_t *random, size_t gamma, gp_dtype dtype) {
  gp_params params = {.seeding = GP_SEEDING_HASH,
                      .context_width = 1 + (uint32_t)(next_random(random) % WINDOW_MAX),
                      .gamma_num = gammas[gamma].num,
                      .gamma_log2_den = gammas[gamma].log2_den};
  gp_key *key = test_key(&params);
  batch b = {.dtype = dtype, .n_rows = 1 + next_random(random) % 4};
  b.vocabulary = awkward_vocabulary(random);
  b.stride = b.vocabulary + next_random(random) % 20 * (next_random(random) % 2);
  b.offset = next_random(random) % 32 * size_of(dtype);
  uint32_t never[40];
  gp_watermark_options options = {.delta = (float)(next_random(random) % 8) * 0.7F,
                                  .never_biased = never,
                                  .n_never_biased = next_random(random) % 41};
  for (size_t i = 0; i < options.n_never_biased; i++) {
    never[i] = (uint32_t)(next_random(random) % (b.vocabulary + 10));
  }
  gp_watermark *watermark = watermark_of(key, &options);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  batch_new(&b, random);
  vary_rows(&b, random);
  compare(watermark, cuda, &b, next_random(random) % 2 == 0 ? by_batch : by_prepared);
  batch_free(&b);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void random_batches(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (size_t i = 0; i < (size_t)12 * 3 * N_GAMMAS; i++) {
    random_batch(&random, i % N_GAMMAS, (gp_dtype)(GP_FLOAT32 + i / N_GAMMAS % 3));
  }
}

/* The nonces of a provable key are made by the CPU, whichever way the rows come. */
static void provable_keys(void **state) {
  (void)state;
  uint64_t random = test_seed();
  const gp_params params = gp_params_default();
  gp_key *key = NULL;
  assert_ok(gp_key_generate_provable(&params, &key, error));
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  batch b = {.dtype = GP_FLOAT16, .n_rows = 5, .vocabulary = 2500, .stride = 2500};
  batch_new(&b, &random);
  vary_rows(&b, &random);
  compare(watermark, cuda, &b, by_batch);
  compare(watermark, cuda, &b, by_prepared);
  batch_free(&b);
  gp_prepared_row *rows = device_new(sizeof *rows);
  assert_fails(gp_cuda_prepare_ids(cuda, NULL, 1, 0, NULL, rows, NULL, error), GP_ERR_ARGUMENT,
               "cuda_watermark: the GPU cannot make the nonces of a provable key; use "
               "gp_cuda_bias_batch(), or gp_prepare_rows() on the CPU");
  device_free(rows);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* Every offset of a row from 16 bytes, whole pieces and odd ends. */
static void all_alignments(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  static const size_t sizes[] = {1, 7, 9, 1024, 2048, 3000};
  for (int dtype = GP_FLOAT32; dtype <= GP_BFLOAT16; dtype++) {
    for (size_t offset = 0; offset < 16 / size_of((gp_dtype)dtype); offset++) {
      for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        batch b = {.dtype = (gp_dtype)dtype, .n_rows = 2, .vocabulary = sizes[i]};
        b.stride = sizes[i] + i % 2;
        b.offset = offset * size_of((gp_dtype)dtype);
        batch_new(&b, &random);
        compare(watermark, cuda, &b, by_batch);
        batch_free(&b);
      }
    }
  }
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* Every 16-bit number there is, green and red. */
static void all_halves(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_params params = gp_params_default();
  assert_ok(gp_params_set_gamma(&params, "1/2", error));
  gp_key *key = test_key(&params);
  static const float deltas[] = {0.0F, 2.0F, 0.3F, 1e-7F, 100.0F, 6e-8F};
  for (size_t i = 0; i < sizeof deltas / sizeof deltas[0]; i++) {
    const gp_watermark_options options = {.delta = deltas[i]};
    gp_watermark *watermark = watermark_of(key, &options);
    gp_cuda_watermark *cuda = cuda_of(watermark);
    for (int dtype = GP_FLOAT16; dtype <= GP_BFLOAT16; dtype++) {
      batch b = {.dtype = (gp_dtype)dtype, .n_rows = 2, .vocabulary = 65536, .stride = 65536};
      batch_new(&b, &random);
      uint16_t *logits = logits_in(&b, b.before);
      for (size_t v = 0; v < 2 * b.vocabulary; v++) {
        logits[v] = (uint16_t)v;
      }
      compare(watermark, cuda, &b, by_batch);
      batch_free(&b);
    }
    gp_cuda_watermark_free(cuda);
    gp_watermark_free(watermark);
  }
  gp_key_free(key);
}

/* More rows than travel with one launch, and rows that are all left alone. */
static void many_rows(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  static const size_t counts[] = {192, 193, 1537, 1536, 3300};
  const size_t n_counts = sizeof counts / sizeof counts[0];
  for (size_t i = 0; i < (device_is_slow() ? 3 : n_counts); i++) {
    batch b = {.dtype = GP_FLOAT16, .n_rows = counts[i], .vocabulary = 130, .stride = 131};
    batch_new(&b, &random);
    vary_rows(&b, &random);
    compare(watermark, cuda, &b, by_batch);
    compare(watermark, cuda, &b, by_prepared);
    for (size_t row = 0; row < b.n_rows; row++) {
      b.rows[row].off = true;
    }
    compare(watermark, cuda, &b, by_batch);
    batch_free(&b);
  }
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

#define FAR ((size_t)1 << 32) /* elements from one row to the next */

/* Rows so far apart that the second begins beyond what 32 bits count, in elements too. Whoever
 * cuts an offset short meets the first row again. */
static void check_far_logits(gp_dtype dtype, uint8_t *device) {
  uint64_t random = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  batch b = {.dtype = dtype, .n_rows = 2, .vocabulary = 3001, .stride = 3001};
  batch_new(&b, &random);
  const size_t row = b.vocabulary * size_of(dtype);
  const size_t far = FAR * size_of(dtype);
  memcpy(b.wanted, b.before, b.size);
  memcpy(b.got, b.before, b.size);
  assert_ok(gp_bias_batch(watermark, dtype, logits_in(&b, b.wanted), b.n_rows, b.vocabulary,
                          b.stride, b.rows, error));
  uint8_t *before = logits_in(&b, b.before);
  uint8_t *got = logits_in(&b, b.got);
  device_put(device, before, row);
  device_put(device + far, before + row, row);
  assert_ok(
      gp_cuda_bias_batch(cuda, dtype, device, b.n_rows, b.vocabulary, FAR, b.rows, NULL, error));
  device_get(got, device, row);
  device_get(got + row, device + far, row);
  assert_batch(&b);
  batch_free(&b);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void check_far_ids(uint8_t *device) {
  gp_key *key = test_key(NULL); /* h = 2 */
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  const int64_t ids[2][2] = {{1, 2}, {3, 4}};
  const int64_t counts[2] = {2, 2};
  gp_prepared_row rows[2];
  int64_t *device_counts = device_new(sizeof counts);
  gp_prepared_row *device_rows = device_new(sizeof rows);
  device_put(device, ids[0], sizeof ids[0]);
  device_put(device + FAR * sizeof(int64_t), ids[1], sizeof ids[1]);
  device_put(device_counts, counts, sizeof counts);
  assert_ok(gp_cuda_prepare_ids(cuda, (const int64_t *)(const void *)device, 2, FAR,
                                device_counts, device_rows, NULL, error));
  device_get(rows, device_rows, sizeof rows);
  for (size_t i = 0; i < 2; i++) {
    const uint32_t tokens[2] = {(uint32_t)ids[i][0], (uint32_t)ids[i][1]};
    uint8_t nonce[GP_NONCE_SIZE];
    assert_ok(gp_nonce(watermark, tokens, 2, nonce, error));
    assert_int_equal(rows[i].biased, 1);
    assert_memory_equal(rows[i].nonce, nonce, GP_NONCE_SIZE);
  }
  device_free(device_counts);
  device_free(device_rows);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void rows_far_apart(void **state) {
  (void)state;
  const size_t size = (FAR + 4096) * sizeof(int64_t);
  uint8_t *device = device_vast_new(size);
  if (device == NULL) {
    print_message("SKIPPED: rows that are 2^32 elements apart, for want of %zu MiB of memory\n",
                  size >> 20);
    skip();
  }
  check_far_logits(GP_BFLOAT16, device);
  check_far_logits(GP_FLOAT32, device);
  check_far_ids(device);
  device_vast_free(device, size);
}

/* A context that a session has seen is left alone, within a batch and after it. */
static void sessions(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  gp_session *on_cpu = NULL;
  gp_session *on_device = NULL;
  assert_ok(gp_session_new(16, &on_cpu, error));
  assert_ok(gp_session_new(16, &on_device, error));
  batch b = {.dtype = GP_FLOAT32, .n_rows = 4, .vocabulary = 300, .stride = 300};
  batch_new(&b, &random);
  memcpy(b.tokens[2], b.tokens[0], sizeof b.tokens[0]);
  for (size_t turn = 0; turn < 2; turn++) {
    memcpy(b.wanted, b.before, b.size);
    for (size_t i = 0; i < b.n_rows; i++) {
      b.rows[i].session = on_cpu;
    }
    assert_ok(gp_bias_batch(watermark, b.dtype, logits_in(&b, b.wanted), b.n_rows, b.vocabulary,
                            b.stride, b.rows, error));
    for (size_t i = 0; i < b.n_rows; i++) {
      b.rows[i].session = on_device;
    }
    void *device = device_new(b.size);
    device_put(device, b.before, b.size);
    by_batch(cuda, watermark, &b, logits_in(&b, device));
    device_get(b.got, device, b.size);
    device_free(device);
    assert_batch(&b);
    const size_t row = b.vocabulary * sizeof(float);
    const uint8_t *got = logits_in(&b, b.got);
    const uint8_t *before = logits_in(&b, b.before);
    assert_memory_equal(got + 2 * row, before + 2 * row, row);
    assert_int_equal(memcmp(got, before, row) == 0, turn == 1);
  }
  batch_free(&b);
  gp_session_free(on_cpu);
  gp_session_free(on_device);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* ---------------------------------------------------------- streams and graphs */

/* Prepares and biases on a stream, from ids in device memory, captured into a graph where there
 * are graphs; then again with other ids and counts. */
static void graphs(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  enum {
    ROWS = 3,
    VOCABULARY = 5000,
    LENGTH = WINDOW_MAX
  };
  batch b = {
      .dtype = GP_BFLOAT16, .n_rows = ROWS, .vocabulary = VOCABULARY, .stride = VOCABULARY};
  batch_new(&b, &random);
  void *stream = device_stream_new();
  uint8_t *device = device_new(b.size);
  uint8_t *original = device_new(b.size);
  int64_t ids[ROWS][LENGTH] = {{0}};
  int64_t counts[ROWS] = {0};
  int64_t *device_ids = device_new(sizeof ids);
  int64_t *device_counts = device_new(sizeof counts);
  gp_prepared_row *device_rows = device_new(ROWS * sizeof *device_rows);
  void *graph = NULL;
  for (size_t turn = 0; turn < 3; turn++) {
    for (size_t i = 0; i < ROWS; i++) {
      b.rows[i].n_tokens = 3 + (i + turn) % 3;
      counts[i] = (int64_t)b.rows[i].n_tokens;
      for (size_t j = 0; j < LENGTH; j++) {
        b.tokens[i][j] = (uint32_t)next_random(&random);
        ids[i][j] = b.tokens[i][j];
      }
    }
    fill_logits(&b, &random);
    device_put(original, b.before, b.size);
    device_put(device_ids, ids, sizeof ids);
    device_put(device_counts, counts, sizeof counts);
    const bool captures = turn == 0 && device_capture_begin(stream);
    if (graph == NULL) {
      device_copy_on(stream, device, original, b.size);
      assert_ok(gp_cuda_prepare_ids(cuda, device_ids, ROWS, LENGTH, device_counts, device_rows,
                                    stream, error));
      assert_ok(gp_cuda_bias_prepared(cuda, b.dtype, logits_in(&b, device), ROWS, VOCABULARY,
                                      VOCABULARY, device_rows, stream, error));
    }
    graph = captures ? device_capture_end(stream) : graph;
    if (graph != NULL) {
      device_graph_launch(graph, stream);
    }
    device_stream_wait(stream);
    device_get(b.got, device, b.size);
    memcpy(b.wanted, b.before, b.size);
    assert_ok(gp_bias_batch(watermark, b.dtype, logits_in(&b, b.wanted), ROWS, VOCABULARY,
                            VOCABULARY, b.rows, error));
    assert_batch(&b);
  }
  if (graph == NULL) {
    print_message("SKIPPED: no graphs without a GPU; ran without\n");
  } else {
    device_graph_free(graph);
  }
  device_stream_free(stream);
  device_free(device);
  device_free(original);
  device_free(device_ids);
  device_free(device_counts);
  device_free(device_rows);
  batch_free(&b);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* Many calls one after the other on several streams, none waited for, on one watermark: what a
 * call says must not be overwritten by the next. Captured, a call keeps its contexts. */
static void streams(void **state) {
  (void)state;
  uint64_t random = test_seed();
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  enum {
    CALLS = 24,
    STREAMS = 3
  };
  void *streams_of[STREAMS];
  batch calls[CALLS];
  uint8_t *device[CALLS];
  for (size_t i = 0; i < STREAMS; i++) {
    streams_of[i] = device_stream_new();
  }
  for (size_t i = 0; i < CALLS; i++) {
    calls[i] = (batch){.dtype = GP_BFLOAT16, .n_rows = 2, .vocabulary = 3000, .stride = 3000};
    batch_new(&calls[i], &random);
    device[i] = device_new(calls[i].size);
    device_put(device[i], calls[i].before, calls[i].size);
  }
  for (size_t i = 0; i < CALLS; i++) {
    batch *b = &calls[i];
    void *stream = streams_of[i % STREAMS];
    const bool captures = i == CALLS - 1 && device_capture_begin(stream);
    assert_ok(gp_cuda_bias_batch(cuda, b->dtype, logits_in(b, device[i]), b->n_rows,
                                 b->vocabulary, b->stride, b->rows, stream, error));
    if (captures) {
      void *graph = device_capture_end(stream);
      device_graph_launch(graph, stream);
      device_stream_wait(stream);
      device_graph_free(graph);
    }
  }
  for (size_t i = 0; i < CALLS; i++) {
    batch *b = &calls[i];
    device_stream_wait(streams_of[i % STREAMS]);
    device_get(b->got, device[i], b->size);
    memcpy(b->wanted, b->before, b->size);
    assert_ok(gp_bias_batch(watermark, b->dtype, logits_in(b, b->wanted), b->n_rows,
                            b->vocabulary, b->stride, b->rows, error));
    assert_batch(b);
    batch_free(b);
    device_free(device[i]);
  }
  for (size_t i = 0; i < STREAMS; i++) {
    device_stream_free(streams_of[i]);
  }
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* ----------------------------------------------------------------- refusals */

static void refusals(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  gp_cuda_watermark *cuda = cuda_of(watermark);
  float *logits = device_new(64);
  gp_prepared_row *prepared = device_new(64);
  gp_row row = {0};
  assert_fails(gp_cuda_watermark_new(NULL, &cuda, error), GP_ERR_ARGUMENT,
               "gp_cuda_watermark_new: watermark must not be NULL");
  assert_fails(gp_cuda_watermark_new(watermark, NULL, error), GP_ERR_ARGUMENT,
               "gp_cuda_watermark_new: cuda_watermark must not be NULL");
  assert_fails(gp_cuda_bias_batch(NULL, GP_FLOAT32, logits, 1, 4, 4, &row, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_bias_batch: cuda_watermark must not be NULL");
  assert_fails(gp_cuda_bias_batch(cuda, GP_FLOAT32, NULL, 1, 4, 4, &row, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_bias_batch: device_logits must not be NULL");
  assert_fails(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 1, 4, 4, NULL, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_bias_batch: rows must not be NULL");
  assert_fails(gp_cuda_bias_batch(cuda, (gp_dtype)9, logits, 1, 4, 4, &row, NULL, error),
               GP_ERR_ARGUMENT, "dtype: 9 is not float32, float16 or bfloat16");
  assert_fails(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 1, 0, 4, &row, NULL, error),
               GP_ERR_ARGUMENT, "vocabulary: must be 1 to 2^32, not 0");
  assert_fails(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 1, 4, 3, &row, NULL, error),
               GP_ERR_ARGUMENT, "stride: 3 is below the vocabulary of 4");
  assert_fails(
      gp_cuda_bias_batch(cuda, GP_FLOAT32, (char *)logits + 2, 1, 4, 4, &row, NULL, error),
      GP_ERR_ARGUMENT, "device_logits: not aligned to 4 bytes");
  assert_fails(
      gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, SIZE_MAX / 8, 4, 4, &row, NULL, error),
      GP_ERR_ARGUMENT, "stride: 2305843009213693951 rows of 4 elements exceed the address space");
  assert_fails(gp_cuda_bias_prepared(NULL, GP_FLOAT32, logits, 1, 4, 4, prepared, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_bias_prepared: cuda_watermark must not be NULL");
  assert_fails(gp_cuda_bias_prepared(cuda, GP_FLOAT32, logits, 1, 4, 4, NULL, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_bias_prepared: device_rows must not be NULL");
  assert_fails(gp_cuda_bias_prepared(cuda, GP_FLOAT32, logits, 1, 4, 4,
                                     (gp_prepared_row *)(void *)((char *)prepared + 2), NULL,
                                     error),
               GP_ERR_ARGUMENT, "device_rows: not aligned to 4 bytes");
  assert_fails(gp_cuda_bias_prepared(cuda, GP_FLOAT32, logits, (size_t)1 << 31, 4, 4, prepared,
                                     NULL, error),
               GP_ERR_ARGUMENT, "n_rows: 2147483648 rows of 4 logits are too many for one call");
  assert_fails(gp_cuda_prepare_ids(NULL, NULL, 1, 0, NULL, prepared, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_prepare_ids: cuda_watermark must not be NULL");
  assert_fails(gp_cuda_prepare_ids(cuda, NULL, 1, 2, NULL, prepared, NULL, error),
               GP_ERR_ARGUMENT, "gp_cuda_prepare_ids: device_ids must not be NULL");
  assert_fails(gp_cuda_prepare_ids(cuda, NULL, 1, 0, NULL, NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_cuda_prepare_ids: device_rows must not be NULL");
  const gp_row wrong = {.n_tokens = 2};
  assert_int_equal(gp_cuda_bias_batch(cuda, GP_FLOAT32, logits, 1, 4, 4, &wrong, NULL, NULL),
                   GP_ERR_ARGUMENT);
  gp_device_keys keys;
  assert_fails(gp_watermark_device_keys(NULL, &keys, error), GP_ERR_ARGUMENT,
               "gp_watermark_device_keys: watermark must not be NULL");
  assert_fails(gp_watermark_device_keys(watermark, NULL, error), GP_ERR_ARGUMENT,
               "gp_watermark_device_keys: keys must not be NULL");
  assert_fails(gp_watermark_mask_keys(watermark, NULL, error), GP_ERR_ARGUMENT,
               "gp_watermark_mask_keys: keys must not be NULL");
  /* Nothing to do is no mistake. */
  assert_ok(gp_cuda_bias_batch(cuda, GP_FLOAT32, NULL, 0, 0, 0, NULL, NULL, error));
  assert_ok(gp_cuda_bias_prepared(cuda, GP_FLOAT32, NULL, 0, 0, 0, NULL, NULL, error));
  assert_ok(gp_cuda_prepare_ids(cuda, NULL, 0, 0, NULL, NULL, NULL, error));
  gp_cuda_watermark_free(NULL);
  device_free(logits);
  device_free(prepared);
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

int main(void) {
  if (!device_present()) {
    return GP_TEST_SKIPPED;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_vectors),  cmocka_unit_test(large_vectors),
      cmocka_unit_test(mask_vectors),   cmocka_unit_test(nonce_vectors),
      cmocka_unit_test(random_batches), cmocka_unit_test(ids_without_a_window),
      cmocka_unit_test(all_alignments), cmocka_unit_test(all_halves),
      cmocka_unit_test(many_rows),      cmocka_unit_test(sessions),
      cmocka_unit_test(graphs),         cmocka_unit_test(streams),
      cmocka_unit_test(refusals),       cmocka_unit_test(rows_far_apart),
      cmocka_unit_test(provable_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The library against testvectors/, which an independent reference made. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/contexts.h"
#include "common/bytes.h"
#include "key/key.h"
#include "prf/prf.h"
#include "support.h"

static void derivation(void **state) {
  (void)state;
  json_t *vectors = load_vectors("derivation.json");
  const json_t *tenants = array_of(vectors, "tenants");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    gp_key *key = key_of(item);
    const gp_params params = gp_key_params(key);
    uint8_t encoded[GP_PARAMS_SIZE];
    gp_params_encode(&params, encoded);
    assert_hex_equal(encoded, sizeof encoded, text_of(item, "params"));
    static const char *const roles[] = {"context", "order", "mask", "tenant"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
      uint8_t subkey[GP_SUBKEY_SIZE];
      assert_ok(gp_key_derive(key, roles[i], subkey, sizeof subkey, error));
      assert_hex_equal(subkey, sizeof subkey, text_of(item, roles[i]));
    }
    uint8_t commitment[GP_COMMITMENT_SIZE];
    gp_key_commitment(key, commitment);
    assert_hex_equal(commitment, sizeof commitment, text_of(item, "commitment"));
    char id[GP_KEY_ID_STRING_SIZE];
    gp_key_id(key, id);
    assert_string_equal(id, text_of(item, "key_id"));
    const json_t *tweaks = array_of(item, "tweaks");
    for (size_t i = 0; i < json_array_size(tenants); i++) {
      const uint64_t tenant = strtoull(json_string_value(json_array_get(tenants, i)), NULL, 10);
      gp_prf prf;
      assert_ok(gp_prf_init(&prf, key, &tenant, error));
      assert_hex_equal(prf.tweak, GP_NONCE_SIZE, json_string_value(json_array_get(tweaks, i)));
      gp_prf_release(&prf);
    }
    gp_key_free(key);
  }
  assert_true(index >= 100);
  json_decref(vectors);
}

/* The tenant of a case: "tenant" is a decimal string or null. */
static bool tenant_of(const json_t *item, uint64_t *tenant) {
  const json_t *value = json_object_get(item, "tenant");
  if (json_is_string(value)) {
    *tenant = strtoull(json_string_value(value), NULL, 10);
    return true;
  }
  assert_true(json_is_null(value));
  return false;
}

static void nonces(void **state) {
  (void)state;
  json_t *vectors = load_vectors("nonces.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    gp_key *key = key_of(item);
    gp_watermark_options options = gp_watermark_options_default();
    options.has_tenant = tenant_of(item, &options.tenant);
    gp_watermark *watermark = NULL;
    assert_ok(gp_watermark_new(key, &options, &watermark, error));
    size_t n = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    uint8_t nonce[GP_NONCE_SIZE];
    if (json_is_null(json_object_get(item, "nonce"))) { /* fewer ids than the window has */
      assert_int_equal(gp_nonce(watermark, ids, n, nonce, NULL), GP_ERR_ARGUMENT);
    } else {
      assert_ok(gp_nonce(watermark, ids, n, nonce, error));
      assert_hex_equal(nonce, sizeof nonce, text_of(item, "nonce"));
    }
    free(ids);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  assert_true(index >= 100);
  json_decref(vectors);
}

/* Many windows in one call give what each gives alone. */
static void bulk_nonces(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (uint32_t width = 0; width <= GP_CONTEXT_WIDTH_MAX; width++) {
    for (int min = 0; min <= (width > 0); min++) {
      gp_params params = gp_params_default();
      params.context_width = width;
      params.seeding = width == 0 ? GP_SEEDING_FIXED : min ? GP_SEEDING_MIN : GP_SEEDING_HASH;
      gp_key *key = test_key(&params);
      const uint64_t tenant = 5;
      gp_prf prf;
      gp_prf_lane lane;
      assert_ok(gp_prf_init(&prf, key, &tenant, error));
      assert_ok(gp_prf_lane_init(&lane, &prf, error));
      uint32_t tokens[GP_PRF_BATCH + GP_CONTEXT_WIDTH_MAX];
      for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        tokens[i] = (uint32_t)next_random(&random);
      }
      uint8_t together[GP_PRF_BATCH][GP_BLOCK_SIZE];
      uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
      assert_ok(gp_prf_nonces(&prf, &lane, tokens, GP_PRF_BATCH, together, error));
      assert_ok(gp_prf_pairs(&prf, &lane, tokens, GP_PRF_BATCH, pairs, error));
      for (size_t i = 0; i < GP_PRF_BATCH; i++) {
        uint8_t alone[1][GP_BLOCK_SIZE];
        assert_ok(gp_prf_nonces(&prf, &lane, tokens + i, 1, alone, error));
        assert_memory_equal(alone[0], together[i], GP_BLOCK_SIZE);
        gp_store_le32(alone[0] + GP_NONCE_SIZE, tokens[i + width]);
        assert_memory_equal(alone[0], pairs[i], GP_BLOCK_SIZE);
      }
      gp_prf_lane_release(&lane);
      gp_prf_release(&prf);
      gp_key_free(key);
    }
  }
}

static void check_mask(const json_t *item, const uint8_t *mask, size_t size) {
  uint8_t digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, mask, size);
  assert_hex_equal(digest, sizeof digest, text_of(item, "sha256"));
  if (json_object_get(item, "mask") != NULL) {
    assert_hex_equal(mask, size, text_of(item, "mask"));
  } else {
    assert_hex_equal(mask, 32, text_of(item, "first32"));
    assert_hex_equal(mask + size - 32, 32, text_of(item, "last32"));
  }
}

static void masks(void **state) {
  (void)state;
  json_t *vectors = load_vectors("masks.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    gp_key *key = key_of(item);
    gp_watermark *watermark = NULL;
    assert_ok(gp_watermark_new(key, NULL, &watermark, error));
    size_t n = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    const size_t vocabulary = number_of(item, "vocabulary");
    const size_t size = (vocabulary + 7) / 8;
    uint8_t *mask = malloc(size);
    assert_non_null(mask);
    memset(mask, 0xA5, size);
    assert_ok(gp_green_mask(watermark, ids, n, vocabulary, mask, error));
    check_mask(item, mask, size);
    free(mask);
    free(ids);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  assert_true(index >= 100);
  json_decref(vectors);
}

static void single_tokens(void **state) {
  (void)state;
  json_t *vectors = load_vectors("masks.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "single"), index, item) {
    gp_key *key = key_of(item);
    gp_prf prf;
    gp_prf_lane lane;
    assert_ok(gp_prf_init(&prf, key, NULL, error));
    assert_ok(gp_prf_lane_init(&lane, &prf, error));
    size_t n = 0;
    size_t n_colours = 0;
    uint32_t *tokens = ids_of(array_of(item, "tokens"), &n);
    uint32_t *colours = ids_of(array_of(item, "colours"), &n_colours);
    assert_int_equal(n, n_colours);
    assert_in_range(n, 1, GP_PRF_BATCH);
    uint8_t pairs[GP_PRF_BATCH][GP_BLOCK_SIZE];
    uint8_t green[GP_PRF_BATCH];
    for (size_t i = 0; i < n; i++) {
      unhex(text_of(item, "nonce"), pairs[i], GP_NONCE_SIZE);
      gp_store_le32(pairs[i] + GP_NONCE_SIZE, tokens[i]);
    }
    assert_ok(gp_prf_green(&prf, &lane, (const uint8_t(*)[GP_BLOCK_SIZE])pairs, n, green, error));
    for (size_t i = 0; i < n; i++) {
      assert_int_equal(green[i], colours[i]);
    }
    free(tokens);
    free(colours);
    gp_prf_lane_release(&lane);
    gp_prf_release(&prf);
    gp_key_free(key);
  }
  assert_true(index >= 8);
  json_decref(vectors);
}

/* -------------------------------------------------------------------- rows */

static gp_dtype format_of(const json_t *item, size_t *element_size) {
  const char *format = text_of(item, "format");
  *element_size = strcmp(format, "float32") == 0 ? 4 : 2;
  return *element_size == 4                ? GP_FLOAT32
         : strcmp(format, "bfloat16") == 0 ? GP_BFLOAT16
                                           : GP_FLOAT16;
}

static bool is_nan_at(const uint8_t *row, size_t i, gp_dtype dtype) {
  uint32_t bits32;
  uint16_t bits16;
  switch (dtype) {
  case GP_FLOAT32:
    memcpy(&bits32, row + 4 * i, sizeof bits32);
    return (bits32 & 0x7FFFFFFFU) > 0x7F800000U;
  case GP_FLOAT16:
    memcpy(&bits16, row + 2 * i, sizeof bits16);
    return (bits16 & 0x7FFFU) > 0x7C00U;
  default:
    memcpy(&bits16, row + 2 * i, sizeof bits16);
    return (bits16 & 0x7FFFU) > 0x7F80U;
  }
}

static void bias_case(const json_t *item, gp_dtype dtype, void *row, size_t vocabulary) {
  gp_key *key = key_of(item);
  gp_watermark_options options = gp_watermark_options_default();
  const uint32_t bits = (uint32_t)strtoul(text_of(item, "delta_bits"), NULL, 16);
  memcpy(&options.delta, &bits, sizeof bits);
  uint32_t *never = ids_of(array_of(item, "never"), &options.n_never_biased);
  options.never_biased = never;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  gp_row context = {0};
  uint32_t *ids = ids_of(array_of(item, "ids"), &context.n_tokens);
  context.tokens = ids;
  assert_ok(gp_bias(watermark, dtype, row, vocabulary, &context, error));
  free(ids);
  free(never);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void small_rows(void **state) {
  (void)state;
  json_t *vectors = load_vectors("bias.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "small"), index, item) {
    size_t element_size = 0;
    const gp_dtype dtype = format_of(item, &element_size);
    const size_t size = strlen(text_of(item, "row")) / 2;
    uint8_t *row = malloc(size);
    uint8_t *expected = malloc(size);
    assert_true(row != NULL && expected != NULL);
    unhex(text_of(item, "row"), row, size);
    unhex(text_of(item, "biased"), expected, size);
    bias_case(item, dtype, row, size / element_size);
    for (size_t i = 0; i < size / element_size; i++) {
      if (is_nan_at(expected, i, dtype)) {
        assert_true(is_nan_at(row, i, dtype));
      } else {
        assert_memory_equal(row + i * element_size, expected + i * element_size, element_size);
      }
    }
    free(row);
    free(expected);
  }
  assert_true(index >= 30);
  json_decref(vectors);
}

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

static void large_rows(void **state) {
  (void)state;
  json_t *vectors = load_vectors("bias.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "large"), index, item) {
    size_t element_size = 0;
    const gp_dtype dtype = format_of(item, &element_size);
    const size_t vocabulary = number_of(item, "vocabulary");
    uint8_t *row = malloc(vocabulary * element_size);
    uint8_t digest[crypto_hash_sha256_BYTES];
    assert_non_null(row);
    fill_row(row, vocabulary, dtype, (uint32_t)number_of(item, "seed"));
    crypto_hash_sha256(digest, row, vocabulary * element_size);
    assert_hex_equal(digest, sizeof digest, text_of(item, "row_sha256"));
    bias_case(item, dtype, row, vocabulary);
    crypto_hash_sha256(digest, row, vocabulary * element_size);
    assert_hex_equal(digest, sizeof digest, text_of(item, "biased_sha256"));
    free(row);
  }
  assert_true(index >= 9);
  json_decref(vectors);
}

/* ------------------------------------------------------------------ counts */

/* |a - b| <= tolerance |b| */
static void assert_close(double a, double b, double tolerance) {
  if (!(fabs(a - b) <= tolerance * fabs(b))) {
    fail_msg("%.17g is not within %g of %.17g", a, tolerance, b);
  }
}

static void counts(void **state) {
  (void)state;
  json_t *vectors = load_vectors("counts.json");
  const json_t *sets = array_of(vectors, "sets");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    gp_key *key = key_of(item);
    gp_verifier_options options = {0};
    options.has_tenant = tenant_of(item, &options.tenant);
    gp_verifier *verifier = NULL;
    assert_ok(gp_verifier_new(key, &options, &verifier, error));
    size_t document;
    json_t *tokens;
    json_array_foreach(json_array_get(sets, number_of(item, "set")), document, tokens) {
      size_t n = 0;
      uint32_t *ids = ids_of(tokens, &n);
      assert_ok(gp_verifier_add(verifier, ids, n, error));
      free(ids);
    }
    gp_result result;
    gp_verifier_result(verifier, &result);
    assert_int_equal(result.documents, number_of(item, "documents"));
    assert_int_equal(result.tokens, number_of(item, "tokens"));
    assert_int_equal(result.scored, number_of(item, "scored"));
    assert_int_equal(result.repeated, number_of(item, "repeated"));
    assert_int_equal(result.green, number_of(item, "green"));
    assert_close(result.z, strtod(text_of(item, "z"), NULL), 1e-13);
    assert_close(result.log10_p, strtod(text_of(item, "log10_p"), NULL), 1e-10);
    gp_verifier_free(verifier);
    gp_key_free(key);
  }
  assert_true(index >= 50);
  json_decref(vectors);
}

static void tails(void **state) {
  (void)state;
  json_t *vectors = load_vectors("tails.json");
  double worst = 0.0;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    const double expected = strtod(text_of(item, "log10_p"), NULL);
    double log10_p = 1.0;
    assert_ok(gp_log10_binomial_tail(number_of(item, "n"), number_of(item, "green"),
                                     (uint32_t)number_of(item, "g"),
                                     (uint32_t)number_of(item, "k"), &log10_p, error));
    if (expected != 0.0) {
      worst = fmax(worst, fabs(log10_p / expected - 1.0));
    }
    if (!(fabs(log10_p - expected) <= 1e-10 * fabs(expected))) {
      fail_msg("n=%llu green=%llu g=%llu k=%llu: %.17g, expected %.17g",
               (unsigned long long)number_of(item, "n"),
               (unsigned long long)number_of(item, "green"),
               (unsigned long long)number_of(item, "g"), (unsigned long long)number_of(item, "k"),
               log10_p, expected);
    }
  }
  assert_true(index >= 800);
  print_message("largest relative error of log10 p over %zu tails: %.1e\n", index, worst);
  json_decref(vectors);
}

/* ----------------------------------------------------- statistics beyond the tail */

static uint32_t g_of(const json_t *item) {
  return (uint32_t)number_of(item, "g");
}

static uint32_t k_of(const json_t *item) {
  return (uint32_t)number_of(item, "k");
}

static double real_of(const json_t *item, const char *name) {
  return strtod(text_of(item, name), NULL);
}

/* An array of decimal strings, to be freed. */
static double *reals_of(const json_t *array, size_t *count) {
  *count = json_array_size(array);
  double *reals = malloc((*count + 1) * sizeof *reals);
  assert_non_null(reals);
  for (size_t i = 0; i < *count; i++) {
    reals[i] = strtod(json_string_value(json_array_get(array, i)), NULL);
  }
  return reals;
}

/* |a - b| <= tolerance max(|b|, 1) */
static void assert_near(double a, double b, double tolerance) {
  if (!(fabs(a - b) <= tolerance * fmax(fabs(b), 1.0))) {
    fail_msg("%.17g is not within %g of %.17g", a, tolerance, b);
  }
}

static void evalues(void **state) {
  (void)state;
  json_t *vectors = load_vectors("evalues.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    double log10_e = NAN;
    assert_ok(gp_log10_e_value(number_of(item, "n"), number_of(item, "green"), g_of(item),
                               k_of(item), &log10_e, error));
    assert_near(log10_e, real_of(item, "log10_e"), 1e-11);
  }
  assert_true(index >= 400);
  json_decref(vectors);
}

static void best_segments(void **state) {
  (void)state;
  json_t *vectors = load_vectors("segments.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    const char *digits = text_of(item, "colours");
    const size_t n = strlen(digits);
    uint8_t *colours = malloc(n);
    assert_non_null(colours);
    for (size_t i = 0; i < n; i++) {
      colours[i] = (uint8_t)(digits[i] - '0');
    }
    gp_segment segment;
    size_t n_segments = 0;
    assert_ok(
        gp_locate(colours, n, g_of(item), k_of(item), 0.0, &segment, 1, &n_segments, error));
    assert_int_equal(n_segments, 1);
    assert_int_equal(segment.first, number_of(item, "first"));
    assert_int_equal(segment.end, number_of(item, "end"));
    assert_int_equal(segment.scored, number_of(item, "scored"));
    assert_int_equal(segment.green, number_of(item, "green"));
    assert_close(segment.log10_p, real_of(item, "log10_p"), 1e-10);
    assert_near(segment.log10_p_corrected, real_of(item, "log10_p_corrected"), 1e-10);
    free(colours);
  }
  assert_true(index >= 20);
  json_decref(vectors);
}

static void weighted(void **state) {
  (void)state;
  json_t *vectors = load_vectors("weighted.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    size_t n = 0;
    size_t n_green = 0;
    double *weights = reals_of(array_of(item, "weights"), &n);
    uint32_t *bits = ids_of(array_of(item, "green"), &n_green);
    uint8_t *green = malloc(n + 1);
    assert_non_null(green);
    assert_int_equal(n, n_green);
    for (size_t i = 0; i < n; i++) {
      green[i] = (uint8_t)bits[i];
    }
    gp_weighted_result result;
    assert_ok(gp_weighted_test(weights, green, n, g_of(item), k_of(item), &result, error));
    assert_int_equal(result.coins, n);
    assert_close(result.statistic, real_of(item, "statistic"), 1e-12);
    assert_near(result.log10_p, real_of(item, "log10_p"), 1e-11);
    assert_near(result.log10_p_saddlepoint, real_of(item, "log10_p_saddlepoint"), 1e-8);
    if (!json_is_null(json_object_get(item, "log10_p_exact"))) {
      assert_true(result.log10_p >= real_of(item, "log10_p_exact"));
    }
    free(green);
    free(bits);
    free(weights);
  }
  assert_true(index >= 300);
  json_decref(vectors);
}

static void false_discovery_rates(void **state) {
  (void)state;
  json_t *vectors = load_vectors("fdr.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    size_t n = 0;
    size_t n_rates = 0;
    double *log10_p = reals_of(array_of(item, "log10_p"), &n);
    double *log10_q = reals_of(array_of(item, "log10_q"), &n_rates);
    assert_int_equal(n, n_rates);
    assert_ok(gp_benjamini_hochberg(log10_p, n, log10_p, error));
    for (size_t i = 0; i < n; i++) {
      assert_near(log10_p[i], log10_q[i], 1e-13);
    }
    free(log10_p);
    free(log10_q);
  }
  assert_true(index >= 10);
  json_decref(vectors);
}

static void plans(void **state) {
  (void)state;
  json_t *vectors = load_vectors("plans.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    gp_params params = gp_params_default();
    params.gamma_num = g_of(item);
    params.gamma_log2_den = k_of(item);
    const json_t *alpha = json_object_get(item, "log10_alpha");
    gp_plan plan;
    assert_ok(gp_plan_tokens(&params, real_of(item, "green_rate"),
                             (double)json_integer_value(alpha), real_of(item, "power_wanted"),
                             1.0, &plan, error));
    assert_int_equal(plan.coins, number_of(item, "coins"));
    assert_int_equal(plan.green, number_of(item, "green"));
    assert_int_equal(plan.tokens, plan.coins);
    assert_close(plan.power, real_of(item, "power"), 1e-12);
  }
  assert_true(index >= 10);
  json_decref(vectors);
}

/* ------------------------------------------------------------------- files */

static char key_file_path[] = "/tmp/greenprint-vector-XXXXXX";

static void write_key_file(const char *hex) {
  const size_t size = strlen(hex) / 2;
  uint8_t *bytes = malloc(size + 1);
  assert_non_null(bytes);
  unhex(hex, bytes, size);
  FILE *file = fopen(key_file_path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  free(bytes);
}

/* The passphrase of a case, hexadecimal or null. */
static char *passphrase_of(const json_t *item, size_t *length) {
  const char *hex = json_string_value(json_object_get(item, "passphrase"));
  *length = 0;
  if (hex == NULL) {
    return NULL;
  }
  *length = strlen(hex) / 2;
  char *passphrase = malloc(*length + 1);
  assert_non_null(passphrase);
  unhex(hex, (uint8_t *)passphrase, *length);
  return passphrase;
}

static void key_files(void **state) {
  (void)state;
  json_t *vectors = load_vectors("keyfile.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "valid"), index, item) {
    write_key_file(text_of(item, "file"));
    size_t length = 0;
    char *passphrase = passphrase_of(item, &length);
    gp_key *key = NULL;
    assert_ok(gp_key_load(key_file_path, passphrase, length, &key, error));
    uint8_t master[GP_MASTER_KEY_SIZE];
    unhex(text_of(item, "master_key"), master, sizeof master);
    assert_memory_equal(key->master, master, sizeof master);
    gp_key_info info;
    assert_ok(gp_key_inspect(key_file_path, &info, error));
    assert_hex_equal(info.commitment, sizeof info.commitment, text_of(item, "commitment"));
    assert_int_equal(info.sealed, json_is_true(json_object_get(item, "sealed")));
    assert_int_equal(info.sealed_passes, number_of(item, "passes"));
    assert_int_equal(info.sealed_memory, number_of(item, "memory"));
    const gp_params params = params_of(item);
    assert_memory_equal(&info.params, &params, sizeof params);
    gp_key_free(key);
    free(passphrase);
  }
  assert_true(index >= 5);
  json_decref(vectors);
}

/* What the library answers where a check of SPEC.md section 9 fails. */
static const struct {
  const char *check;
  gp_status status;
  const char *part; /* of the message */
} answers[] = {
    {"length", GP_ERR_FORMAT, "key file"},
    {"magic", GP_ERR_FORMAT, "not a Greenprint key file"},
    {"version", GP_ERR_VERSION, "key file version"},
    {"checksum", GP_ERR_FORMAT, "the checksum does not match"},
    {"scheme", GP_ERR_VERSION, "scheme '"},
    {"params", GP_ERR_FORMAT, "bad parameters"},
    {"protection", GP_ERR_FORMAT, "protection fields"},
    {"cost", GP_ERR_FORMAT, "cost is out of range"},
    {"seal", GP_ERR_PASSPHRASE, "wrong passphrase, or"},
    {"commitment", GP_ERR_FORMAT, "does not belong to the commitment"},
};

/* The check that fails. The file was made for readers of greenprint-1 alone; one of both schemes
 * takes a file that says greenprint-1v for what it says, and refuses it later (provable.json). */
static const char *check_of(const json_t *item) {
  const char *check = text_of(item, "check");
  uint8_t bytes[28];
  if (strcmp(check, "scheme") != 0) {
    return check;
  }
  char start[2 * sizeof bytes + 1] = {0};
  memcpy(start, text_of(item, "file"), sizeof start - 1);
  unhex(start, bytes, sizeof bytes);
  if (memcmp(bytes + 12, "greenprint-1v\0\0", 16) != 0) {
    return check;
  }
  return bytes[9] == 1 ? "seal" : "commitment";
}

static void malformed_key_files(void **state) {
  (void)state;
  json_t *vectors = load_vectors("keyfile.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "malformed"), index, item) {
    write_key_file(text_of(item, "file"));
    size_t length = 0;
    char *passphrase = passphrase_of(item, &length);
    gp_key *key = NULL;
    gp_error error = {0};
    const gp_status status = gp_key_load(key_file_path, passphrase, length, &key, &error);
    size_t i = 0;
    while (i < sizeof answers / sizeof *answers &&
           strcmp(answers[i].check, check_of(item)) != 0) {
      i++;
    }
    assert_true(i < sizeof answers / sizeof *answers);
    if (strstr(text_of(item, "name"), GP_SCHEME_ID_PROVABLE) != NULL) {
      /* A key of the other scheme by now, whose commitment or seal is not the right one. */
      assert_true(status == GP_ERR_FORMAT || status == GP_ERR_PASSPHRASE);
    } else if (status != answers[i].status || strstr(error.message, answers[i].part) == NULL) {
      fail_msg("%s: %d, %s", text_of(item, "name"), (int)status, error.message);
    }
    assert_null(key);
    free(passphrase);
  }
  assert_true(index >= 20);
  json_decref(vectors);
}

static void fingerprints(void **state) {
  (void)state;
  json_t *vectors = load_vectors("contexts.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "fingerprints"), index, item) {
    size_t n = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    uint8_t bytes[8];
    gp_store_le64(bytes, gp_context_fingerprint(ids, (uint32_t)n));
    assert_hex_equal(bytes, sizeof bytes, text_of(item, "fingerprint"));
    free(ids);
  }
  assert_true(index >= 40);
  json_decref(vectors);
}

/* The documents of a case, saved as a contexts file at key_file_path. */
static void save_contexts(const json_t *item) {
  gp_contexts_builder *builder = NULL;
  assert_ok(gp_contexts_builder_new((uint32_t)number_of(item, "h"), &builder, error));
  size_t index;
  json_t *document;
  json_array_foreach(array_of(item, "documents"), index, document) {
    size_t n = 0;
    uint32_t *ids = ids_of(document, &n);
    assert_ok(gp_contexts_builder_add(builder, ids, n, error));
    free(ids);
  }
  assert_int_equal(unlink(key_file_path), 0);
  assert_ok(gp_contexts_builder_save(builder, key_file_path, error));
  gp_contexts_builder_free(builder);
}

static void contexts_files(void **state) {
  (void)state;
  json_t *vectors = load_vectors("contexts.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "files"), index, item) {
    save_contexts(item);
    uint8_t bytes[4096];
    FILE *file = fopen(key_file_path, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    assert_in_range(size, 72, sizeof bytes - 1);
    assert_hex_equal(bytes, size, text_of(item, "file"));
    write_key_file(text_of(item, "file"));
    gp_contexts *contexts = NULL;
    gp_contexts_info info;
    assert_ok(gp_contexts_load(key_file_path, &contexts, error));
    gp_contexts_get_info(contexts, &info);
    gp_contexts_free(contexts);
    assert_int_equal(info.context_width, number_of(item, "h"));
    assert_int_equal(info.documents, json_array_size(array_of(item, "documents")));
    assert_int_equal(72 + 8 * info.contexts, size);
  }
  assert_true(index >= 5);
  json_decref(vectors);
}

static int make_key_file(void **state) {
  (void)state;
  const int fd = mkstemp(key_file_path);
  return fd < 0 ? -1 : close(fd);
}

static int remove_key_file(void **state) {
  (void)state;
  return unlink(key_file_path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivation),
      cmocka_unit_test(nonces),
      cmocka_unit_test(bulk_nonces),
      cmocka_unit_test(masks),
      cmocka_unit_test(single_tokens),
      cmocka_unit_test(small_rows),
      cmocka_unit_test(large_rows),
      cmocka_unit_test(counts),
      cmocka_unit_test(tails),
      cmocka_unit_test(evalues),
      cmocka_unit_test(best_segments),
      cmocka_unit_test(weighted),
      cmocka_unit_test(false_discovery_rates),
      cmocka_unit_test(plans),
      cmocka_unit_test(key_files),
      cmocka_unit_test(malformed_key_files),
      cmocka_unit_test(fingerprints),
      cmocka_unit_test(contexts_files),
  };
  return cmocka_run_group_tests_name("vectors", tests, make_key_file, remove_key_file);
}

/* Holds audits to testvectors/audits.json (SPEC.md section 17). */
#include <math.h>

#include "audit/contexts.h"
#include "expectations_support.h"

static double real_of(const json_t *item, const char *name) {
  return strtod(text_of(item, name), NULL);
}

/* Relative, absolute below 1. */
static void assert_near(double got, const json_t *item, const char *name, double tolerance) {
  const double wanted = real_of(item, name);
  if (!(fabs(got - wanted) <= tolerance * fmax(1.0, fabs(wanted)))) {
    fail_msg("%s: %.17g instead of %.17g", name, got, wanted);
  }
}

/* What was expected, or what a model's weights are, at one position. */
static void put_beliefs(image *file, const json_t *pairs) {
  size_t i;
  json_t *pair;
  put_u8(file, (uint8_t)json_array_size(pairs));
  json_array_foreach(pairs, i, pair) {
    put_entry(file, (uint32_t)json_integer_value(json_array_get(pair, 0)),
              (float)json_number_value(json_array_get(pair, 1)));
  }
}

/* The rows of a case, or its documents with weights, as a file. */
static image put_file(const json_t *item, const char *documents, const char *beliefs) {
  const bool is_model = strcmp(documents, "model") == 0;
  image file = {0};
  size_t d;
  json_t *document;
  put_header_of(&file, is_model ? 2 : 1, "vectors", 0, 4);
  json_array_foreach(array_of(item, documents), d, document) {
    size_t n = 0;
    uint32_t *tokens = ids_of(array_of(document, "tokens"), &n);
    if (is_model) {
      put_model_document(&file, tokens, n);
    } else {
      put_document(&file, tokens, n);
    }
    for (size_t i = 0; i < n; i++) {
      put_beliefs(&file, json_array_get(array_of(document, beliefs), i));
    }
    put_checksum(&file);
    free(tokens);
  }
  put_end(&file);
  return file;
}

static gp_audit *collect_answers(const json_t *item, const gp_params *params) {
  gp_audit *audit = NULL;
  gp_expectations *file = NULL;
  image bytes = put_file(item, "answers", "expected");
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 4096};
  assert_ok(gp_audit_new(params, &audit, error));
  assert_ok(gp_expectations_open_source(read_image, &source, "x.gpx", &file, error));
  size_t a;
  json_t *row;
  json_array_foreach(array_of(item, "answers"), a, row) {
    size_t n_prompt = 0;
    size_t n_tokens = 0;
    uint32_t *prompt = ids_of(array_of(row, "prompt"), &n_prompt);
    uint32_t *tokens = ids_of(array_of(row, "tokens"), &n_tokens);
    assert_ok(gp_audit_add(audit, prompt, n_prompt, tokens, n_tokens, file, error));
    free(prompt);
    free(tokens);
  }
  assert_ok(gp_expectations_finish(file, error));
  gp_expectations_free(file);
  free(bytes.bytes);
  return audit;
}

static gp_audit *collect_model(const json_t *item, const gp_params *params) {
  gp_audit *audit = NULL;
  gp_model_weights *file = NULL;
  image bytes = put_file(item, "model", "weights");
  image_source source = {.bytes = bytes.bytes, .size = bytes.size, .step = 4096};
  assert_ok(gp_audit_new(params, &audit, error));
  assert_ok(gp_model_weights_open_source(read_image, &source, "x.gpx", &file, error));
  assert_ok(gp_audit_add_model(audit, file, error));
  gp_model_weights_free(file);
  free(bytes.bytes);
  return audit;
}

static int ascending(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left;
  const uint64_t b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

/* The contexts of the documents that were served, noted in both audits. */
static void set_served(const json_t *item, uint32_t h, gp_audit *answers, gp_audit *model) {
  uint64_t fingerprints[200];
  gp_contexts served = {.info = {.context_width = h}, .fingerprints = fingerprints};
  size_t n = 0;
  size_t d;
  json_t *document;
  json_array_foreach(array_of(item, "served"), d, document) {
    size_t length = 0;
    uint32_t *tokens = ids_of(document, &length);
    for (size_t i = 0; i + h <= length && n < 200; i++) {
      fingerprints[n++] = gp_context_fingerprint(tokens + i, h);
    }
    free(tokens);
  }
  qsort(fingerprints, n, sizeof *fingerprints, ascending);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || fingerprints[i] != fingerprints[i - 1]) {
      fingerprints[served.info.contexts++] = fingerprints[i];
    }
  }
  assert_ok(gp_audit_set_served(answers, &served, error));
  assert_ok(gp_audit_set_served(model, &served, error));
}

static gp_audit_statistic statistic_of(const json_t *wanted) {
  gp_audit_statistic statistic = GP_AUDIT_DISTINCT;
  while (strcmp(gp_audit_statistic_name(statistic), text_of(wanted, "statistic")) != 0) {
    assert_true(++statistic <= GP_AUDIT_OPEN_ROOT);
  }
  return statistic;
}

static void try_test(const json_t *wanted, const gp_audit *answers, const gp_audit *model,
                     const gp_key *key, const gp_verifier_options *options) {
  const gp_audit_statistic statistic = statistic_of(wanted);
  const bool served_only = json_is_true(json_object_get(wanted, "served_only"));
  const gp_audit_candidate candidate = {.key = key, .options = *options};
  gp_audit_test *test = NULL;
  gp_audit_result result;
  gp_audit_result among_many;
  assert_ok(gp_audit_test_new(statistic >= GP_AUDIT_OPEN ? model : answers, statistic,
                              served_only, &test, error));
  assert_ok(gp_audit_test_key(test, key, options, &result, error));
  assert_ok(gp_audit_test_many(test, &candidate, 1, 1, &among_many, error));
  gp_audit_test_free(test);
  assert_int_equal(result.coins, number_of(wanted, "coins"));
  assert_int_equal(result.green, number_of(wanted, "green"));
  assert_near(result.statistic, wanted, "t", 1e-13);
  assert_near(result.z, wanted, "z", 1e-13);
  assert_near(result.log10_p, wanted, "log10_p", served_only ? 1e-6 : 1e-10);
  if (served_only) {
    assert_true(isnan(result.log10_p_saddlepoint));
  } else {
    assert_near(result.log10_p_saddlepoint, wanted, "log10_p_saddlepoint", 1e-8);
  }
  assert_near(result.log10_e, wanted, "log10_e", 1e-6);
  assert_true(result.log10_e <= real_of(wanted, "log10_e")); /* what is given away */
  assert_true(among_many.log10_p >= real_of(wanted, "log10_p") - 1e-10);
}

static void statistics(void **state) {
  (void)state;
  json_t *vectors = load_vectors("audits.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    const gp_params params = params_of(item);
    const json_t *tenant = json_object_get(item, "tenant");
    gp_verifier_options options = {.has_tenant = json_is_string(tenant)};
    if (options.has_tenant) {
      options.tenant = strtoull(json_string_value(tenant), NULL, 10);
    }
    gp_key *key = key_of(item);
    gp_audit *answers = collect_answers(item, &params);
    gp_audit *model = collect_model(item, &params);
    gp_audit_counts counts;
    gp_audit_get_counts(answers, &counts);
    assert_int_equal(counts.positions, number_of(item, "positions"));
    assert_int_equal(counts.in_prompt, number_of(item, "in_prompt"));
    if (params.seeding == GP_SEEDING_HASH) {
      set_served(item, params.context_width, answers, model);
    }
    size_t t;
    json_t *wanted;
    json_array_foreach(array_of(item, "tests"), t, wanted) {
      try_test(wanted, answers, model, key, &options);
    }
    assert_true(t >= 4);
    gp_audit_free(answers);
    gp_audit_free(model);
    gp_key_free(key);
  }
  assert_true(index >= 6);
  json_decref(vectors);
}

static void controls(void **state) {
  (void)state;
  json_t *vectors = load_vectors("audits.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "controls"), index, item) {
    const gp_params params = params_of(item);
    uint8_t commitment[GP_COMMITMENT_SIZE];
    unhex(text_of(item, "commitment"), commitment, sizeof commitment);
    gp_key *key = NULL;
    assert_ok(gp_audit_control_key(&params, commitment, (uint32_t)number_of(item, "index"), &key,
                                   error));
    gp_key_commitment(key, commitment);
    assert_hex_equal(commitment, sizeof commitment, text_of(item, "control_commitment"));
    gp_key_free(key);
  }
  assert_true(index >= 10);
  json_decref(vectors);
}

static void holm(void **state) {
  (void)state;
  json_t *vectors = load_vectors("audits.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "holm"), index, item) {
    double log10_p[100];
    const json_t *texts = array_of(item, "log10_p");
    const size_t n = json_array_size(texts);
    assert_true(n <= 100);
    for (size_t i = 0; i < n; i++) {
      log10_p[i] = strtod(json_string_value(json_array_get(texts, i)), NULL);
    }
    assert_ok(gp_holm(log10_p, n, log10_p, error)); /* in place */
    for (size_t i = 0; i < n; i++) {
      const char *wanted = json_string_value(json_array_get(array_of(item, "log10_adjusted"), i));
      assert_true(fabs(log10_p[i] - strtod(wanted, NULL)) < 1e-11);
    }
  }
  assert_true(index >= 8);
  json_decref(vectors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statistics),
      cmocka_unit_test(controls),
      cmocka_unit_test(holm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

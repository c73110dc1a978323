#include "support.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *load_vectors(const char *name) {
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/%s", GP_TEST_VECTORS, name);
  json_error_t error;
  json_t *vectors = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (vectors == NULL) {
    fail_msg("%s:%d: %s", path, error.line, error.text);
  }
  return vectors;
}

const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  if (text == NULL) {
    fail_msg("no string '%s' in a vector", name);
  }
  return text;
}

uint64_t number_of(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_integer(value)) {
    fail_msg("no integer '%s' in a vector", name);
  }
  return (uint64_t)json_integer_value(value);
}

json_t *array_of(const json_t *object, const char *name) {
  json_t *value = json_object_get(object, name);
  if (!json_is_array(value)) {
    fail_msg("no array '%s' in a vector", name);
  }
  return value;
}

uint32_t *ids_of(const json_t *array, size_t *count) {
  *count = json_array_size(array);
  uint32_t *ids = malloc((*count + 1) * sizeof *ids);
  assert_non_null(ids);
  for (size_t i = 0; i < *count; i++) {
    ids[i] = (uint32_t)json_integer_value(json_array_get(array, i));
  }
  return ids;
}

void unhex(const char *hex, uint8_t *out, size_t size) {
  size_t length = 0;
  assert_int_equal(strlen(hex), 2 * size);
  assert_int_equal(sodium_hex2bin(out, size, hex, strlen(hex), NULL, &length, NULL), 0);
  assert_int_equal(length, size);
}

void assert_hex_equal(const uint8_t *bytes, size_t size, const char *hex) {
  char *text = malloc(2 * size + 1);
  assert_non_null(text);
  sodium_bin2hex(text, 2 * size + 1, bytes, size);
  assert_string_equal(text, hex);
  free(text);
}

gp_params params_of(const json_t *object) {
  gp_params params = {.context_width = (uint32_t)number_of(object, "h"),
                      .gamma_num = (uint32_t)number_of(object, "g"),
                      .gamma_log2_den = (uint32_t)number_of(object, "k")};
  assert_ok(gp_params_set_seeding(&params, text_of(object, "seeding"), error));
  return params;
}

gp_key *key_of(const json_t *object) {
  const gp_params params = params_of(object);
  uint8_t master[GP_MASTER_KEY_SIZE];
  unhex(text_of(object, "master_key"), master, sizeof master);
  gp_key *key = NULL;
  assert_ok(gp_key_from_bytes(&params, master, &key, error));
  return key;
}

static void fill_master(uint8_t master[GP_MASTER_KEY_SIZE]) {
  for (size_t i = 0; i < GP_MASTER_KEY_SIZE; i++) {
    master[i] = (uint8_t)i;
  }
}

gp_key *test_key(const gp_params *params) {
  uint8_t master[GP_MASTER_KEY_SIZE];
  fill_master(master);
  const gp_params defaults = gp_params_default();
  gp_key *key = NULL;
  assert_ok(gp_key_from_bytes(params == NULL ? &defaults : params, master, &key, error));
  return key;
}

gp_key *test_provable_key(const gp_params *params) {
  uint8_t master[GP_MASTER_KEY_SIZE];
  fill_master(master);
  const gp_params defaults = gp_params_default();
  gp_key *key = NULL;
  assert_ok(gp_key_from_bytes_provable(params == NULL ? &defaults : params, master, &key, error));
  return key;
}

uint64_t next_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(2685821657736338717);
}

uint64_t test_seed(void) {
  const char *given = getenv("GP_TEST_SEED");
  const uint64_t seed =
      given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761U + 1;
  print_message("GP_TEST_SEED=%llu\n", (unsigned long long)seed);
  return seed == 0 ? 1 : seed;
}

bool tests_are_short(void) {
  const char *tests = getenv("GREENPRINT_TESTS");
  return tests != NULL && strcmp(tests, "short") == 0;
}

void skip_where_tests_are_short(void) {
  if (tests_are_short()) {
    print_message("skipped: GREENPRINT_TESTS is short\n");
    skip();
  }
}

/* The VRF: RFC 9497's vectors, everything that has to be refused, and rounds of the protocol. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "vrf/group.h"
#include "vrf/hash.h"
#include "vrf/vrf.h"

enum {
  SMALL = 3, /* elements of a batch of which every bit is changed */
  INPUT_MAX = 64
};

typedef uint8_t element_bytes[GP_ELEMENT_SIZE];

static const uint8_t (*in(element_bytes *elements))[GP_ELEMENT_SIZE] {
  return (const uint8_t(*)[GP_ELEMENT_SIZE])elements;
}

/* ------------------------------------------------------------------- vectors */

typedef struct key_pair {
  uint8_t secret[GP_VRF_SCALAR_SIZE];
  element_bytes public_key;
} key_pair;

static size_t unhex_any(const char *hex, uint8_t *out, size_t capacity) {
  const size_t size = strlen(hex) / 2;
  assert_in_range(size, 1, capacity);
  unhex(hex, out, size);
  return size;
}

static const char *string_at(const json_t *item, const char *name, size_t i) {
  const char *text = json_string_value(json_array_get(array_of(item, name), i));
  assert_non_null(text);
  return text;
}

static void derive(const json_t *item, gp_vrf_mode mode, key_pair *key) {
  uint8_t seed[GP_VRF_SEED_SIZE];
  uint8_t info[INPUT_MAX];
  unhex(text_of(item, "seed"), seed, sizeof seed);
  const size_t info_size = unhex_any(text_of(item, "info"), info, sizeof info);
  assert_ok(
      gp_vrf_derive_key_pair(mode, seed, info, info_size, key->secret, key->public_key, error));
  assert_hex_equal(key->secret, sizeof key->secret, text_of(item, "secret"));
  if (!json_is_null(json_object_get(item, "public"))) {
    assert_hex_equal(key->public_key, sizeof key->public_key, text_of(item, "public"));
  }
}

/* Blinds, evaluates, unblinds and finalises one input of a case. */
static void follow(const json_t *item, size_t i, gp_vrf_mode mode, const key_pair *key,
                   element_bytes blinded, element_bytes evaluated) {
  uint8_t input[INPUT_MAX];
  uint8_t blind_in[GP_VRF_SCALAR_SIZE];
  uint8_t blind[GP_VRF_SCALAR_SIZE];
  uint8_t output[GP_VRF_OUTPUT_SIZE];
  element_bytes opened;
  const size_t size = unhex_any(string_at(item, "inputs", i), input, sizeof input);
  unhex(string_at(item, "blinds", i), blind_in, sizeof blind_in);
  assert_ok(gp_vrf_blind(mode, input, size, blind_in, blind, blinded, error));
  assert_memory_equal(blind, blind_in, sizeof blind);
  assert_hex_equal(blinded, GP_ELEMENT_SIZE, string_at(item, "blinded", i));
  assert_ok(gp_vrf_evaluate(key->secret, blinded, evaluated, error));
  assert_hex_equal(evaluated, GP_ELEMENT_SIZE, string_at(item, "evaluated", i));
  memcpy(opened, evaluated, sizeof opened);
  assert_ok(gp_vrf_unblind(blind, opened, error));
  assert_ok(gp_vrf_output(input, size, opened, output, error));
  assert_hex_equal(output, sizeof output, string_at(item, "outputs", i));
}

static void check_case(const json_t *item, gp_vrf_mode mode, const key_pair *key) {
  element_bytes blinded[SMALL];
  element_bytes evaluated[SMALL];
  const size_t count = json_array_size(array_of(item, "inputs"));
  assert_in_range(count, 1, SMALL);
  for (size_t i = 0; i < count; i++) {
    follow(item, i, mode, key, blinded[i], evaluated[i]);
  }
  if (mode == GP_VRF_OPRF) {
    return;
  }
  uint8_t r[GP_VRF_SCALAR_SIZE];
  uint8_t proof[GP_VRF_PROOF_SIZE];
  bool valid = false;
  unhex(text_of(item, "r"), r, sizeof r);
  assert_ok(gp_vrf_prove(mode, key->secret, key->public_key, in(blinded), in(evaluated), count, r,
                         NULL, proof, error));
  assert_hex_equal(proof, sizeof proof, text_of(item, "proof"));
  assert_ok(gp_vrf_check(mode, key->public_key, in(blinded), in(evaluated), count, proof, NULL,
                         &valid, error));
  assert_true(valid);
}

static void rfc_vectors(void **state) {
  (void)state;
  json_t *vectors = load_vectors("rfc9497.json");
  key_pair keys[2];
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "keys"), index, item) {
    assert_int_equal(number_of(item, "mode"), index);
    derive(item, (gp_vrf_mode)index, &keys[index]);
  }
  assert_int_equal(index, 2);
  json_array_foreach(array_of(vectors, "cases"), index, item) {
    const size_t mode = number_of(item, "mode");
    assert_in_range(mode, 0, 1);
    check_case(item, (gp_vrf_mode)mode, &keys[mode]);
  }
  assert_int_equal(index, 5);
  json_decref(vectors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rfc_vectors),
  };
  return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("vrf", tests, NULL, NULL);
}

/* The VRF: RFC 9497's vectors, encodings that have to be refused, and rounds of the protocol.
 * Proofs have their own tests in test_vrf_proof.c. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "support.h"
#include "vrf/vrf.h"

enum {
  CASE_MAX = 2, /* inputs of a vector */
  INPUT_MAX = 64,
  ROUNDS = 50
};

typedef uint8_t element_bytes[GP_ELEMENT_SIZE];

static uint64_t random_state; /* of all tests here */

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
  element_bytes blinded[CASE_MAX];
  element_bytes evaluated[CASE_MAX];
  const size_t count = json_array_size(array_of(item, "inputs"));
  assert_in_range(count, 1, CASE_MAX);
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

/* The field of a published case: values joined by commas. */
static void assert_joined(const json_t *ours, const char *name, const json_t *published,
                          const char *published_name) {
  char joined[1024] = "";
  size_t used = 0;
  for (size_t i = 0; i < json_array_size(array_of(ours, name)); i++) {
    const int more = snprintf(joined + used, sizeof joined - used, "%s%s", i == 0 ? "" : ",",
                              string_at(ours, name, i));
    assert_in_range(more, 1, sizeof joined - used - 1);
    used += (size_t)more;
  }
  assert_string_equal(joined, text_of(published, published_name));
}

static void assert_same_case(const json_t *ours, const json_t *published) {
  static const char *const names[][2] = {{"inputs", "Input"},
                                         {"blinds", "Blind"},
                                         {"blinded", "BlindedElement"},
                                         {"evaluated", "EvaluationElement"},
                                         {"outputs", "Output"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_joined(ours, names[i][0], published, names[i][1]);
  }
  const json_t *proof = json_object_get(published, "Proof");
  assert_true((proof != NULL) == (number_of(ours, "mode") == GP_VRF_VOPRF));
  if (proof != NULL) {
    assert_string_equal(text_of(ours, "r"), text_of(proof, "r"));
    assert_string_equal(text_of(ours, "proof"), text_of(proof, "proof"));
  }
}

static void assert_same_key(const json_t *ours, const json_t *published) {
  assert_string_equal(text_of(ours, "seed"), text_of(published, "seed"));
  assert_string_equal(text_of(ours, "info"), text_of(published, "keyInfo"));
  assert_string_equal(text_of(ours, "secret"), text_of(published, "skSm"));
  if (json_object_get(published, "pkSm") != NULL) {
    assert_string_equal(text_of(ours, "public"), text_of(published, "pkSm"));
  }
}

/* The file as it was published, beside the checkout; NULL where it is not. */
static json_t *load_published(void) {
  static const char name[] = "vectors/rfc9497-ristretto255-sha512.json";
  char path[1024];
  const char *shared = getenv("GREENPRINT_SHARED");
  (void)snprintf(path, sizeof path, "%s/%s",
                 shared == NULL ? GP_TEST_VECTORS "/../../shared" : shared, name);
  json_t *published = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
  if (published == NULL) {
    (void)fprintf(stderr, "vrf: SKIPPED: %s is not there to compare rfc9497.json with\n", path);
  }
  return published;
}

static void vectors_are_the_published_ones(void **state) {
  (void)state;
  json_t *published = load_published();
  if (published == NULL) {
    skip();
  }
  json_t *vectors = load_vectors("rfc9497.json");
  size_t n_cases = 0;
  for (size_t mode = 0; mode < 2; mode++) {
    const json_t *of_mode = json_array_get(published, mode);
    assert_int_equal(number_of(of_mode, "mode"), mode);
    assert_same_key(json_array_get(array_of(vectors, "keys"), mode), of_mode);
    size_t index;
    json_t *item;
    json_array_foreach(array_of(of_mode, "vectors"), index, item) {
      const json_t *ours = json_array_get(array_of(vectors, "cases"), n_cases++);
      assert_int_equal(number_of(ours, "mode"), mode);
      assert_same_case(ours, item);
    }
  }
  assert_int_equal(json_array_size(array_of(vectors, "cases")), n_cases);
  json_decref(vectors);
  json_decref(published);
}

/* ----------------------------------------------------------------- encodings */

static void random_element(element_bytes element) {
  uint8_t input[8];
  gp_store_le64(input, next_random(&random_state));
  assert_ok(gp_vrf_hash_to_group(GP_VRF_VOPRF, input, sizeof input, element, error));
}

static void assert_refused(const element_bytes element) {
  element_bytes out;
  uint8_t secret[GP_VRF_SCALAR_SIZE] = {7};
  assert_false(gp_vrf_is_element(element));
  assert_fails(gp_vrf_evaluate(secret, element, out, error), GP_ERR_FORMAT,
               "not the encoding of an element of ristretto255");
  memcpy(out, element, sizeof out);
  assert_fails(gp_vrf_unblind(secret, out, error), GP_ERR_FORMAT,
               "not the encoding of an element of ristretto255");
  assert_memory_equal(out, element, sizeof out);
}

/* p = 2^255 - 19, less or more a small number, or less an element: -element. */
static void p_minus(const element_bytes subtracted, element_bytes out) {
  int borrow = 0;
  for (size_t i = 0; i < GP_ELEMENT_SIZE; i++) {
    const int p = i == 0 ? 0xED : i == 31 ? 0x7F : 0xFF;
    const int left = p - subtracted[i] - borrow;
    borrow = left < 0;
    out[i] = (uint8_t)(left + 256 * borrow);
  }
}

static void other_encodings_are_refused(void **state) {
  (void)state;
  element_bytes element = {0};
  element_bytes other;
  assert_refused(element); /* the identity */
  for (unsigned more = 0; more < 19; more++) {
    p_minus((element_bytes){0}, other);
    other[0] = (uint8_t)(other[0] + more); /* p + more: more again, or not below 2^255 */
    assert_refused(other);
    other[31] |= 0x80;
    assert_refused(other);
  }
  element[0] = 1;
  assert_refused(element);
  p_minus(element, other); /* -1, which is even */
  assert_refused(other);
  for (size_t i = 0; i < ROUNDS; i++) {
    random_element(element);
    assert_true(gp_vrf_is_element(element));
    p_minus(element, other);
    assert_refused(other);
    element[31] |= 0x80;
    assert_refused(element);
  }
  memset(element, 0xFF, sizeof element);
  assert_refused(element);
}

/* Of bytes that libsodium decodes at all, those are canonical that it would write itself. */
static void encodings_are_those_that_are_written(void **state) {
  (void)state;
  static const element_bytes identity;
  size_t n_elements = 0;
  for (size_t i = 0; i < 4000; i++) {
    element_bytes bytes;
    element_bytes written;
    for (size_t j = 0; j < sizeof bytes; j++) {
      bytes[j] = (uint8_t)(next_random(&random_state) >> 56);
    }
    const bool same = crypto_core_ristretto255_add(written, bytes, identity) == 0 &&
                      memcmp(written, bytes, sizeof bytes) == 0;
    assert_int_equal(gp_vrf_is_element(bytes), same);
    n_elements += same;
  }
  assert_in_range(n_elements, 100, 1000); /* one in 16 or so */
}

/* The group's order, 2^252 and 16 bytes, in whose neighbourhood all is tried. */
static void order_and(int more, uint8_t scalar[GP_VRF_SCALAR_SIZE]) {
  unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", scalar,
        GP_VRF_SCALAR_SIZE);
  scalar[0] = (uint8_t)(scalar[0] + more);
}

static void assert_scalar_refused(const uint8_t scalar[GP_VRF_SCALAR_SIZE]) {
  static const char *const parts[] = {"secret scalar", "blind"};
  char messages[2][128];
  for (size_t i = 0; i < 2; i++) {
    (void)snprintf(messages[i], sizeof messages[i],
                   "%s: must be a number from 1 to the group's order less 1, in 32 bytes",
                   parts[i]);
  }
  element_bytes element;
  element_bytes out;
  uint8_t blind[GP_VRF_SCALAR_SIZE];
  random_element(element);
  assert_false(gp_vrf_is_scalar(scalar));
  assert_fails(gp_vrf_evaluate(scalar, element, out, error), GP_ERR_ARGUMENT, messages[0]);
  assert_fails(gp_vrf_unblind(scalar, element, error), GP_ERR_ARGUMENT, messages[1]);
  assert_fails(gp_vrf_blind(GP_VRF_OPRF, NULL, 0, scalar, blind, out, error), GP_ERR_ARGUMENT,
               messages[1]);
}

static void other_scalars_are_refused(void **state) {
  (void)state;
  uint8_t scalar[GP_VRF_SCALAR_SIZE] = {0};
  assert_scalar_refused(scalar);
  for (int more = 0; more < 16; more++) {
    order_and(more, scalar);
    assert_scalar_refused(scalar);
    order_and(-1 - more, scalar);
    assert_true(gp_vrf_is_scalar(scalar));
    scalar[31] |= 0x80; /* which libsodium does not look at */
    assert_scalar_refused(scalar);
  }
  for (size_t i = 0; i < GP_VRF_SCALAR_SIZE; i++) {
    memset(scalar, 0, sizeof scalar);
    scalar[i] = 1;
    assert_true(gp_vrf_is_scalar(scalar));
    order_and(0, scalar);
    scalar[i]++; /* no byte of the order is 255 */
    assert_scalar_refused(scalar);
  }
  memset(scalar, 0xFF, sizeof scalar);
  assert_scalar_refused(scalar);
}

static void long_inputs_are_refused(void **state) {
  (void)state;
  static uint8_t input[GP_VRF_INPUT_MAX + 1];
  const size_t most = GP_VRF_INPUT_MAX;
  uint8_t seed[GP_VRF_SEED_SIZE] = {1};
  uint8_t scalar[GP_VRF_SCALAR_SIZE];
  uint8_t output[GP_VRF_OUTPUT_SIZE];
  element_bytes element;
  assert_ok(gp_vrf_derive_key_pair(0, seed, input, most, scalar, element, error));
  assert_ok(gp_vrf_hash_to_group(0, input, most, element, error));
  assert_ok(gp_vrf_output(input, most, element, output, error));
  assert_fails(gp_vrf_derive_key_pair(0, seed, input, most + 1, scalar, element, error),
               GP_ERR_ARGUMENT, "info of a key pair: must have at most 65535 bytes, not 65536");
  static const char too_long[] = "input of the VRF: must have at most 65535 bytes, not 65536";
  assert_fails(gp_vrf_hash_to_group(0, input, most + 1, element, error), GP_ERR_ARGUMENT,
               too_long);
  assert_fails(gp_vrf_blind(0, input, most + 1, NULL, scalar, element, error), GP_ERR_ARGUMENT,
               too_long);
  assert_fails(gp_vrf_output(input, most + 1, element, output, error), GP_ERR_ARGUMENT, too_long);
}

/* -------------------------------------------------------------------- rounds */

static void one_round(void) {
  const gp_vrf_mode mode = next_random(&random_state) % 2 == 0 ? GP_VRF_OPRF : GP_VRF_VOPRF;
  const size_t size = next_random(&random_state) % (INPUT_MAX + 1);
  uint8_t input[INPUT_MAX];
  uint8_t seed[GP_VRF_SEED_SIZE];
  for (size_t i = 0; i < INPUT_MAX; i++) {
    input[i] = (uint8_t)(next_random(&random_state) >> 56);
    seed[i % sizeof seed] = input[i];
  }
  key_pair key;
  uint8_t blind[GP_VRF_SCALAR_SIZE];
  element_bytes element;
  element_bytes direct;
  element_bytes sent;
  element_bytes back;
  assert_ok(gp_vrf_derive_key_pair(mode, seed, NULL, 0, key.secret, key.public_key, error));
  assert_ok(gp_vrf_hash_to_group(mode, input, size, element, error));
  assert_ok(gp_vrf_evaluate(key.secret, element, direct, error));
  assert_ok(gp_vrf_blind(mode, input, size, NULL, blind, sent, error));
  assert_true(gp_vrf_is_scalar(blind));
  assert_memory_not_equal(sent, element, sizeof sent);
  assert_ok(gp_vrf_evaluate(key.secret, sent, back, error));
  assert_memory_not_equal(back, direct, sizeof back);
  assert_ok(gp_vrf_unblind(blind, back, error));
  assert_memory_equal(back, direct, sizeof back);
  assert_ok(gp_vrf_hash_to_group(1 - mode, input, size, back, error));
  assert_memory_not_equal(back, element, sizeof back); /* the modes do not meet */
}

static void rounds_of_the_protocol(void **state) {
  (void)state;
  for (size_t i = 0; i < ROUNDS; i++) {
    one_round();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rfc_vectors),
      cmocka_unit_test(vectors_are_the_published_ones),
      cmocka_unit_test(other_encodings_are_refused),
      cmocka_unit_test(encodings_are_those_that_are_written),
      cmocka_unit_test(other_scalars_are_refused),
      cmocka_unit_test(long_inputs_are_refused),
      cmocka_unit_test(rounds_of_the_protocol),
  };
  random_state = test_seed();
  return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("vrf", tests, NULL, NULL);
}

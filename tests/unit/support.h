/* What several C tests need. */
#ifndef GP_TEST_SUPPORT_H
#define GP_TEST_SUPPORT_H

#include <setjmp.h> /* cmocka.h wants these four first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "greenprint.h"

/* Fails the test with the library's own message when a call fails. */
#define assert_ok(call)                                                                          \
  do {                                                                                           \
    gp_error error_of_call = {0};                                                                \
    gp_error *const error = &error_of_call;                                                      \
    if ((call) != GP_OK) {                                                                       \
      fail_msg("%s: %s", #call, error->message);                                                 \
    }                                                                                            \
  } while (0)

/* Checks status and whole message of a call that has to fail. */
#define assert_fails(call, expected_status, expected_message)                                    \
  do {                                                                                           \
    gp_error error_of_call = {0};                                                                \
    gp_error *const error = &error_of_call;                                                      \
    assert_int_equal((call), (expected_status));                                                 \
    assert_int_equal(error->status, (expected_status));                                          \
    assert_string_equal(error->message, (expected_message));                                     \
  } while (0)

/* A vector file of testvectors/, whole; the caller releases it. */
json_t *load_vectors(const char *name);

/* Fields of a case; the test fails when one is missing or of another type. */
const char *text_of(const json_t *object, const char *name);
uint64_t number_of(const json_t *object, const char *name);
json_t *array_of(const json_t *object, const char *name);

/* An array of token ids, to be freed. */
uint32_t *ids_of(const json_t *array, size_t *count);

/* Decodes hexadecimal; the length must be `size` bytes exactly. */
void unhex(const char *hex, uint8_t *out, size_t size);
void assert_hex_equal(const uint8_t *bytes, size_t size, const char *hex);

/* The parameters and the key that a case names (seeding, h, g, k, master_key). */
gp_params params_of(const json_t *object);
gp_key *key_of(const json_t *object);

/* A fixed key for tests that need any: bytes 0 to 31. */
gp_key *test_key(const gp_params *params);

/* The same bytes as a provable key. */
gp_key *test_provable_key(const gp_params *params);

/* A small generator whose seed a test prints: xorshift64*. */
uint64_t next_random(uint64_t *state);
uint64_t test_seed(void);

/* Whether GREENPRINT_TESTS is "short": under tools that make thousands of keys take minutes and
 * learn nothing from the last of them. */
bool tests_are_short(void);

/* Skips a statistical test then. */
void skip_where_tests_are_short(void);

#endif

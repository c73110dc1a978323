/* Stamps as a library sees them; tests/cli has a real authority make all kinds of them. Here is
 * one that tests/fuzz/make_seeds.py had made for an empty file, by certificates that last. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evidence/timestamp.h"
#include "io_support.h"

#define SEEDS GP_TEST_VECTORS "/../tests/fuzz/seeds/timestamp/"

static char other_path[300];

static int prepare(void **state) {
  const int failed = make_folder(state);
  (void)snprintf(other_path, sizeof other_path, "%s.other", path);
  return failed;
}

static int clean_up(void **state) {
  (void)unlink(other_path);
  return remove_folder(state);
}

static const gp_timestamp_options trusting = {.authorities = SEEDS "root.pem"};

static gp_status verify(const char *file, const char *stamp,
                        const gp_timestamp_options *options) {
  gp_timestamp_facts facts;
  return gp_timestamp_verify(file, stamp, options, &facts, NULL);
}

static void test_good(void **state) {
  (void)state;
  gp_timestamp_facts facts = {0};
  assert_ok(gp_timestamp_verify("/dev/null", SEEDS "stamp.gpt", &trusting, &facts, error));
  assert_string_equal(facts.authority, "CN=Test stamper");
  assert_string_equal(facts.policy, "1.3.6.1.4.1.55555.7.1");
  assert_int_equal(facts.hash, GP_TIMESTAMP_SHA256);
  assert_true(facts.has_accuracy);
  assert_int_equal(facts.accuracy, 1500000);
  assert_int_equal(strlen(facts.time), 20);
  gp_timestamp_options options = trusting;
  options.at_stamp_time = true;
  options.policy = facts.policy;
  assert_int_equal(verify("/dev/null", SEEDS "stamp.gpt", &options), GP_OK);
  options.policy = "1.2.3";
  assert_int_equal(verify("/dev/null", SEEDS "stamp.gpt", &options), GP_ERR_FORMAT);
  options.policy = "what";
  assert_int_equal(verify("/dev/null", SEEDS "stamp.gpt", &options), GP_ERR_ARGUMENT);
  options = trusting;
  options.revoked = SEEDS "root.crl";
  options.at_stamp_time = true;
  assert_int_equal(verify("/dev/null", SEEDS "stamp.gpt", &options), GP_ERR_ARGUMENT);
  assert_int_equal(verify(SEEDS "root.pem", SEEDS "stamp.gpt", &trusting), GP_ERR_FORMAT);
  assert_int_equal(verify("/nonexistent", SEEDS "stamp.gpt", &trusting), GP_ERR_IO);
  assert_int_equal(verify("/dev/null", SEEDS "sha256.tsr", &trusting), GP_ERR_FORMAT);
}

static void test_attach(void **state) {
  (void)state;
  const char *const hashes[] = {"sha256", "sha512"};
  for (size_t i = 0; i < 2; i++) {
    char response[sizeof SEEDS + 20];
    char request[sizeof SEEDS + 20];
    gp_timestamp_facts facts;
    (void)snprintf(response, sizeof response, SEEDS "%s.tsr", hashes[i]);
    (void)snprintf(request, sizeof request, SEEDS "%s.tsq", hashes[i]);
    (void)unlink(other_path);
    assert_ok(gp_timestamp_attach("/dev/null", response, request, other_path, error));
    assert_ok(gp_timestamp_verify("/dev/null", other_path, &trusting, &facts, error));
    assert_int_equal(facts.hash, i == 0 ? GP_TIMESTAMP_SHA256 : GP_TIMESTAMP_SHA512);
    assert_int_equal(gp_timestamp_attach("/dev/null", response, NULL, other_path, NULL),
                     GP_ERR_EXISTS);
  }
  (void)unlink(other_path);
  assert_int_equal(
      gp_timestamp_attach("/dev/null", SEEDS "sha256.tsr", SEEDS "sha512.tsq", other_path, NULL),
      GP_ERR_FORMAT); /* its nonce is another */
  const char *const bad[] = {SEEDS "sha256.tsq", SEEDS "refused.tsr", SEEDS "hollow.tsr",
                             SEEDS "root.pem", "/dev/null"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(gp_timestamp_attach("/dev/null", bad[i], NULL, other_path, NULL),
                     GP_ERR_FORMAT);
  }
  assert_int_equal(access(other_path, F_OK), -1);
}

/* Requests are parsed again, and differ in nothing but their nonces. */
static void test_requests(void **state) {
  (void)state;
  for (int hash = GP_TIMESTAMP_SHA256; hash <= GP_TIMESTAMP_SHA512; hash++) {
    uint8_t text[1024];
    (void)unlink(other_path);
    assert_ok(gp_timestamp_request("/dev/null", (gp_timestamp_hash)hash, other_path, error));
    FILE *file = fopen(other_path, "rb");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    const uint8_t *at = text;
    TS_REQ *request = d2i_TS_REQ(NULL, &at, (long)size);
    assert_non_null(request);
    assert_ptr_equal(at, text + size);
    assert_int_equal(TS_REQ_get_version(request), 1);
    assert_int_equal(ASN1_STRING_length(TS_REQ_get_nonce(request)), 16);
    assert_true(TS_REQ_get_cert_req(request) != 0);
    assert_null(TS_REQ_get_policy_id(request));
    TS_REQ_free(request);
  }
  assert_int_equal(gp_timestamp_request("/dev/null", (gp_timestamp_hash)3, other_path, NULL),
                   GP_ERR_ARGUMENT);
}

static void test_nulls(void **state) {
  (void)state;
  gp_timestamp_facts facts;
  const gp_timestamp_options none = {0};
  assert_int_equal(gp_timestamp_request(NULL, GP_TIMESTAMP_SHA256, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_timestamp_attach(path, NULL, NULL, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_timestamp_verify(path, path, NULL, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_timestamp_verify(path, path, &none, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_timestamp_verify(path, path, &trusting, NULL, NULL), GP_ERR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),
      cmocka_unit_test(test_attach),
      cmocka_unit_test(test_requests),
      cmocka_unit_test(test_nulls),
  };
  return cmocka_run_group_tests(tests, prepare, clean_up);
}

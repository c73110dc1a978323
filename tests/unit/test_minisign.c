/* Signing keys and signatures by themselves; tests/cli holds them against minisign itself. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/minisign.h"
#include "io_support.h"

static char other_path[300];
static gp_signing_key *key;
static gp_signer signer;

static int prepare(void **state) {
  if (make_folder(state) != 0 || gp_signing_key_generate(&key, NULL) != GP_OK) {
    return -1;
  }
  gp_signing_key_signer(key, &signer);
  (void)snprintf(other_path, sizeof other_path, "%s.other", path);
  return 0;
}

static int clean_up(void **state) {
  gp_signing_key_free(key);
  (void)unlink(other_path);
  return remove_folder(state);
}

static void test_lines(void **state) {
  (void)state;
  gp_line lines[2];
  static const char *const good[] = {"ab\ncd\n", "ab\ncd", "ab\r\ncd\r\n", "ab\ncd\r"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(gp_minisign_lines(good[i], strlen(good[i]), lines, 2));
    assert_int_equal(lines[0].length, 2);
    assert_int_equal(lines[1].length, 2);
    assert_memory_equal(lines[1].text, "cd", 2);
  }
  static const char *const bad[] = {"", "ab", "ab\n", "ab\ncd\nef", "ab\ncd\n\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(gp_minisign_lines(bad[i], strlen(bad[i]), lines, 2));
  }
  assert_false(gp_minisign_lines("a\0b\ncd\n", 7, lines, 2));
  assert_true(gp_minisign_lines("\n\n", 2, lines, 2));
  assert_int_equal(lines[0].length + lines[1].length, 0);
  assert_true(gp_minisign_lines("\r\n\r", 3, lines, 2));
  assert_int_equal(lines[0].length + lines[1].length, 0);
}

static void test_base64(void **state) {
  (void)state;
  uint8_t out[3];
  static const char *const bad[] = {
      "", "AAA", "AAA=", "AAAAA", "AAAA=", "AAAAAAAA", "A AA", "AAAA ", "AA\nAA", "AA-_"};
  const gp_line good = {"AQID", 4};
  assert_true(gp_minisign_decode(&good, out, 3));
  assert_memory_equal(out, "\1\2\3", 3);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const gp_line line = {bad[i], strlen(bad[i])};
    assert_false(gp_minisign_decode(&line, out, 3));
  }
}

static void test_ids(void **state) {
  (void)state;
  char id[GP_SIGNER_ID_SIZE];
  gp_signer_id((const uint8_t *)"\x01\x23\x45\x67\x89\xab\xcd\xef", id);
  assert_string_equal(id, "EFCDAB8967452301"); /* a little-endian number, as minisign has it */
}

static void test_keys_come_back(void **state) {
  (void)state;
  const gp_seal_cost costs[] = {GP_SEAL_INTERACTIVE, GP_SEAL_MODERATE};
  for (size_t sealed = 0; sealed < 3; sealed++) {
    struct stat facts;
    gp_signing_key *read = NULL;
    gp_signer found;
    (void)unlink(path);
    if (sealed == 0) {
      assert_ok(gp_signing_key_save_unsealed(key, path, error));
    } else {
      assert_ok(gp_signing_key_save_sealed(key, path, "word", 4, costs[sealed - 1], error));
      assert_int_equal(gp_signing_key_load(path, NULL, 0, &read, NULL), GP_ERR_PASSPHRASE);
      assert_int_equal(gp_signing_key_load(path, "Word", 4, &read, NULL), GP_ERR_PASSPHRASE);
      assert_int_equal(gp_signing_key_load(path, "word", 3, &read, NULL), GP_ERR_PASSPHRASE);
      assert_int_equal(gp_signing_key_load(path, "", 0, &read, NULL), GP_ERR_PASSPHRASE);
    }
    assert_null(read);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_ok(
        gp_signing_key_load(path, sealed > 0 ? "word" : NULL, sealed > 0 ? 4 : 0, &read, error));
    gp_signing_key_signer(read, &found);
    assert_memory_equal(&found, &signer, sizeof found);
    assert_memory_equal(read->secret, key->secret, crypto_sign_SECRETKEYBYTES);
    gp_signing_key_free(read);
  }
  (void)unlink(path);
  assert_int_equal(gp_signing_key_save_sealed(key, path, "", 0, GP_SEAL_MODERATE, NULL),
                   GP_ERR_PASSPHRASE);
  assert_int_equal(gp_signing_key_save_sealed(key, path, "x", 1, (gp_seal_cost)9, NULL),
                   GP_ERR_ARGUMENT);
  assert_ok(gp_signer_save(&signer, path, error));
  gp_signer found = {0};
  assert_ok(gp_signer_load(path, &found, error));
  assert_memory_equal(&found, &signer, sizeof found);
  assert_int_equal(gp_signer_save(&signer, path, NULL), GP_ERR_EXISTS);
}

/* Signing is deterministic, so the same file and comment give the same bytes. */
static void test_signing(void **state) {
  (void)state;
  gp_signature_facts facts = {0};
  write_file("some text", 9);
  (void)unlink(other_path);
  assert_ok(gp_sign_file(key, path, "said\twith it", other_path, error));
  assert_ok(gp_signature_verify(path, other_path, &signer, &facts, error));
  assert_true(facts.hashed);
  assert_string_equal(facts.trusted_comment, "said\twith it");
  write_file("some test", 9);
  assert_int_equal(gp_signature_verify(path, other_path, &signer, &facts, NULL), GP_ERR_FORMAT);
  write_file("some text", 9);
  gp_signer stranger = signer;
  stranger.number[0] ^= 1;
  assert_int_equal(gp_signature_verify(path, other_path, &stranger, &facts, NULL), GP_ERR_FORMAT);
  stranger = signer;
  memset(stranger.key, 0, sizeof stranger.key); /* of small order: would verify many things */
  assert_int_equal(gp_signature_verify(path, other_path, &stranger, &facts, NULL), GP_ERR_FORMAT);
}

/* One that an implementation of our own makes from RFC 8032 and BLAKE2b, by the old algorithm. */
static void test_old_algorithm(void **state) {
  (void)state;
  uint8_t head[GP_SIGNED_SIZE] = {'E', 'd'};
  uint8_t global[GP_SIGNATURE_SIZE];
  uint8_t joined[GP_SIGNATURE_SIZE + 3];
  char first[256];
  char second[256];
  char text[1024];
  gp_signature_facts facts;
  write_file("old", 3);
  memcpy(head + 2, signer.number, 8);
  (void)crypto_sign_detached(head + 10, NULL, (const uint8_t *)"old", 3, key->secret);
  memcpy(joined, head + 10, GP_SIGNATURE_SIZE);
  memcpy(joined + GP_SIGNATURE_SIZE, "yes", 3);
  (void)crypto_sign_detached(global, NULL, joined, sizeof joined, key->secret);
  (void)sodium_bin2base64(first, sizeof first, head, sizeof head, 1);
  (void)sodium_bin2base64(second, sizeof second, global, sizeof global, 1);
  const int size =
      snprintf(text, sizeof text, GP_UNTRUSTED "\n%s\n" GP_TRUSTED "yes\n%s\n", first, second);
  FILE *file = fopen(other_path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, (size_t)size, file), size);
  assert_int_equal(fclose(file), 0);
  assert_ok(gp_signature_verify(path, other_path, &signer, &facts, error));
  assert_false(facts.hashed);
  write_file("OLD", 3);
  assert_int_equal(gp_signature_verify(path, other_path, &signer, &facts, NULL), GP_ERR_FORMAT);
  write_file("", 0);
  assert_int_equal(gp_signature_verify(path, other_path, &signer, &facts, NULL), GP_ERR_FORMAT);
}

static void test_nulls(void **state) {
  (void)state;
  gp_signing_key *made = NULL;
  gp_signature_facts facts;
  assert_int_equal(gp_signing_key_generate(NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signing_key_load(NULL, NULL, 0, &made, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signing_key_load(path, NULL, 0, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signing_key_save_sealed(key, path, NULL, 0, GP_SEAL_MODERATE, NULL),
                   GP_ERR_ARGUMENT);
  assert_int_equal(gp_signing_key_save_unsealed(NULL, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signer_save(NULL, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signer_load(path, NULL, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_sign_file(key, path, NULL, other_path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signature_verify(path, other_path, NULL, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_signature_verify(path, other_path, &signer, NULL, NULL), GP_ERR_ARGUMENT);
  gp_signing_key_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),   cmocka_unit_test(test_base64),
      cmocka_unit_test(test_ids),     cmocka_unit_test(test_keys_come_back),
      cmocka_unit_test(test_signing), cmocka_unit_test(test_old_algorithm),
      cmocka_unit_test(test_nulls),
  };
  return cmocka_run_group_tests(tests, prepare, clean_up);
}

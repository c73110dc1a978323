/* Keys and key files. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key/key.h"
#include "support.h"

static char folder[] = "/tmp/greenprint-key-XXXXXX";
static char path[PATH_MAX];

static int make_folder(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/test.key", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder); /* fails when a test has left something behind */
}

static int remove_file(void **state) {
  (void)state;
  (void)unlink(path);
  return 0;
}

/* A message that begins with the path of the test's key file. */
static const char *about_file(const char *rest) {
  static char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%.200s: %.200s", path, rest);
  return message;
}

static void generated_keys_differ(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  gp_key *a = NULL;
  gp_key *b = NULL;
  assert_ok(gp_key_generate(&params, &a, error));
  assert_ok(gp_key_generate(&params, &b, error));
  assert_memory_not_equal(a->master, b->master, GP_MASTER_KEY_SIZE);
  assert_memory_not_equal(a->commitment, b->commitment, GP_COMMITMENT_SIZE);
  gp_key_free(a);
  gp_key_free(b);
  gp_key_free(NULL);
}

static void bad_arguments(void **state) {
  (void)state;
  gp_params params = gp_params_default();
  const uint8_t master[GP_MASTER_KEY_SIZE] = {0};
  gp_key *key = NULL;
  assert_fails(gp_key_generate(&params, NULL, error), GP_ERR_ARGUMENT,
               "gp_key_generate: key must not be NULL");
  assert_fails(gp_key_from_bytes(&params, NULL, &key, error), GP_ERR_ARGUMENT,
               "gp_key_from_bytes: master must not be NULL");
  assert_fails(gp_key_load(NULL, NULL, 0, &key, error), GP_ERR_ARGUMENT,
               "gp_key_load: path must not be NULL");
  params.context_width = 99;
  assert_fails(gp_key_from_bytes(&params, master, &key, error), GP_ERR_ARGUMENT,
               "context width: must be 1 to 16, not 99");
  assert_null(key);
}

static void assert_same_key(const gp_key *a, const gp_key *b) {
  assert_memory_equal(a->master, b->master, GP_MASTER_KEY_SIZE);
  assert_memory_equal(a->commitment, b->commitment, GP_COMMITMENT_SIZE);
  assert_memory_equal(&a->params, &b->params, sizeof a->params);
}

static void sealed_file(void **state) {
  (void)state;
  gp_params params = {GP_SEEDING_MIN, 7, 3, 3};
  gp_key *key = test_key(&params);
  assert_ok(gp_key_save_sealed(key, path, "open\0sesame", 11, GP_SEAL_INTERACTIVE, error));
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  assert_int_equal(info.st_size, GP_KEY_FILE_SIZE);

  gp_key *loaded = NULL;
  assert_ok(gp_key_load(path, "open\0sesame", 11, &loaded, error));
  assert_same_key(key, loaded);
  gp_key_free(loaded);
  loaded = NULL;
  assert_fails(gp_key_load(path, "open", 4, &loaded, error), GP_ERR_PASSPHRASE,
               about_file("wrong passphrase, or the key file was tampered with"));
  assert_fails(gp_key_load(path, NULL, 0, &loaded, error), GP_ERR_PASSPHRASE,
               about_file("the key file is sealed: a passphrase is needed"));
  assert_fails(gp_key_load(path, "", 0, &loaded, error), GP_ERR_PASSPHRASE,
               "the passphrase must have 1 to 1024 bytes, not 0");
  assert_null(loaded);

  gp_key_info seen;
  assert_ok(gp_key_inspect(path, &seen, error));
  assert_true(seen.sealed);
  assert_int_equal(seen.sealed_passes, 2);
  assert_int_equal(seen.sealed_memory, 64 << 20);
  assert_string_equal(seen.scheme, "greenprint-1");
  assert_int_equal(seen.params.context_width, 7);
  char id[GP_KEY_ID_STRING_SIZE];
  gp_key_id(key, id);
  assert_string_equal(seen.id, id);
  gp_key_free(key);
}

/* No part of the key stands in a sealed file, nor do two files share a salt. */
static void sealed_file_hides(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  uint8_t files[2][GP_KEY_FILE_SIZE];
  for (size_t i = 0; i < 2; i++) {
    assert_ok(gp_key_save_sealed(key, path, "secret", 6, GP_SEAL_INTERACTIVE, error));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(files[i], 1, GP_KEY_FILE_SIZE, file), GP_KEY_FILE_SIZE);
    (void)fclose(file);
    assert_int_equal(unlink(path), 0);
    for (size_t at = 0; at + 8 <= GP_KEY_FILE_SIZE; at++) {
      for (size_t part = 0; part + 8 <= GP_MASTER_KEY_SIZE; part += 8) {
        assert_memory_not_equal(files[i] + at, key->master + part, 8);
      }
    }
  }
  assert_memory_equal(files[0], files[1], 80);
  assert_memory_not_equal(files[0] + 80, files[1] + 80, 16);
  assert_memory_not_equal(files[0] + 96, files[1] + 96, 24);
  gp_key_free(key);
}

static void unsealed_file(void **state) {
  (void)state;
  const mode_t mask = umask(0);
  gp_key *key = test_key(NULL);
  assert_ok(gp_key_save_unsealed(key, path, error));
  umask(mask);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  gp_key *loaded = NULL;
  assert_ok(gp_key_load(path, NULL, 0, &loaded, error));
  assert_same_key(key, loaded);
  gp_key_free(loaded);
  assert_ok(gp_key_load(path, "ignored", 7, &loaded, error));
  gp_key_free(loaded);
  gp_key_free(key);
}

static void never_overwrites(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs("precious", file) >= 0);
  assert_int_equal(fclose(file), 0);
  const char *message =
      about_file("exists already; a key file is never overwritten: choose another name");
  assert_fails(gp_key_save_unsealed(key, path, error), GP_ERR_EXISTS, message);
  assert_fails(gp_key_save_sealed(key, path, "x", 1, GP_SEAL_INTERACTIVE, error), GP_ERR_EXISTS,
               message);
  char content[16] = {0};
  file = fopen(path, "r");
  assert_non_null(file);
  assert_int_equal(fread(content, 1, sizeof content, file), 8);
  (void)fclose(file);
  assert_string_equal(content, "precious");

  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("nowhere", path), 0); /* a dangling link is a name too */
  assert_fails(gp_key_save_unsealed(key, path, error), GP_ERR_EXISTS, message);
  gp_key_free(key);
}

static void bad_saves(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  char long_passphrase[GP_PASSPHRASE_MAX + 1];
  memset(long_passphrase, 'x', sizeof long_passphrase);
  assert_fails(gp_key_save_sealed(key, path, "", 0, GP_SEAL_INTERACTIVE, error),
               GP_ERR_PASSPHRASE, "the passphrase must have 1 to 1024 bytes, not 0");
  assert_fails(gp_key_save_sealed(key, path, long_passphrase, sizeof long_passphrase,
                                  GP_SEAL_INTERACTIVE, error),
               GP_ERR_PASSPHRASE, "the passphrase must have 1 to 1024 bytes, not 1025");
  assert_fails(gp_key_save_sealed(key, path, "x", 1, (gp_seal_cost)9, error), GP_ERR_ARGUMENT,
               "unknown seal cost 9");
  assert_fails(gp_key_save_sealed(key, path, NULL, 0, GP_SEAL_INTERACTIVE, error),
               GP_ERR_ARGUMENT, "gp_key_save_sealed: passphrase must not be NULL");
  assert_fails(gp_key_save_unsealed(key, "/nonexistent-folder/k", error), GP_ERR_IO,
               "/nonexistent-folder/k: cannot create the key file: No such file or directory");
  assert_int_equal(access(path, F_OK), -1);
  gp_key_free(key);
}

static void unreadable_files(void **state) {
  (void)state;
  gp_key *key = NULL;
  gp_key_info info;
  assert_fails(gp_key_load(path, NULL, 0, &key, error), GP_ERR_IO,
               about_file("cannot open the key file: No such file or directory"));
  assert_fails(gp_key_inspect(path, &info, error), GP_ERR_IO,
               about_file("cannot open the key file: No such file or directory"));
  char message[PATH_MAX];
  (void)snprintf(message, sizeof message, "%s: cannot read the key file: Is a directory", folder);
  assert_fails(gp_key_load(folder, NULL, 0, &key, error), GP_ERR_IO, message);
}

/* Every single altered bit of either kind of file is noticed. */
static void every_altered_bit_shows(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  assert_ok(gp_key_save_unsealed(key, path, error));
  uint8_t good[GP_KEY_FILE_SIZE];
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(good, 1, sizeof good, file), sizeof good);
  (void)fclose(file);
  for (size_t bit = 0; bit < 8 * sizeof good; bit++) {
    good[bit / 8] ^= (uint8_t)(1U << bit % 8);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(good, 1, sizeof good, file), sizeof good);
    (void)fclose(file);
    good[bit / 8] ^= (uint8_t)(1U << bit % 8);
    gp_key *loaded = NULL;
    const gp_status status = gp_key_load(path, NULL, 0, &loaded, NULL);
    assert_true(status == GP_ERR_FORMAT || status == GP_ERR_VERSION);
    assert_null(loaded);
  }
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(generated_keys_differ),
      cmocka_unit_test(bad_arguments),
      cmocka_unit_test_teardown(sealed_file, remove_file),
      cmocka_unit_test_teardown(sealed_file_hides, remove_file),
      cmocka_unit_test_teardown(unsealed_file, remove_file),
      cmocka_unit_test_teardown(never_overwrites, remove_file),
      cmocka_unit_test_teardown(bad_saves, remove_file),
      cmocka_unit_test_teardown(unreadable_files, remove_file),
      cmocka_unit_test_teardown(every_altered_bit_shows, remove_file),
  };
  return cmocka_run_group_tests_name("key", tests, make_folder, remove_folder);
}

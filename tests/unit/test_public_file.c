/* Public files: what is written, and that nothing but that is read. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key/public_file.h"
#include "support.h"

enum {
  AT_SCHEME = 12,
  AT_PARAMS = 28,
  AT_ELEMENT = 32,
  AT_COMMITMENT = 64,
  AT_CHECKSUM = 96
};

static char folder[] = "/tmp/greenprint-public-XXXXXX";
static char path[64];
static gp_public_key public_key;
static uint8_t good[GP_PUBLIC_FILE_SIZE];

static void write_file(const uint8_t *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* Loads from a file; what cannot be loaded leaves the key as it was. */
static gp_status load(const uint8_t *bytes, size_t size, gp_error *error) {
  write_file(bytes, size);
  gp_public_key read;
  gp_public_key before;
  memset(&read, 0x5A, sizeof read);
  memcpy(&before, &read, sizeof read);
  const gp_status status = gp_public_key_load(path, &read, error);
  if (status != GP_OK) {
    assert_memory_equal(&read, &before, sizeof read);
  }
  assert_int_equal(unlink(path), 0);
  return status;
}

static void assert_refused(const uint8_t *bytes, size_t size, gp_status status,
                           const char *what) {
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%s: %s", path, what);
  assert_fails(load(bytes, size, error), status, message);
}

static void seal(uint8_t file[GP_PUBLIC_FILE_SIZE]) {
  crypto_hash_sha256(file + AT_CHECKSUM, file, AT_CHECKSUM);
}

/* ------------------------------------------------------------------ writing */

static void written(void **state) {
  (void)state;
  assert_ok(gp_public_key_save(&public_key, path, error));
  struct stat facts;
  assert_int_equal(stat(path, &facts), 0);
  assert_int_equal(facts.st_mode & 07777, 0644);
  assert_int_equal(facts.st_size, GP_PUBLIC_FILE_SIZE);
  char message[256];
  (void)snprintf(message, sizeof message,
                 "%s: exists already; a public file is never overwritten: choose another name",
                 path);
  gp_public_key other = public_key;
  assert_fails(gp_public_key_save(&other, path, error), GP_ERR_EXISTS, message);
  gp_public_key loaded = {0};
  assert_ok(gp_public_key_load(path, &loaded, error));
  assert_memory_equal(loaded.element, public_key.element, GP_ELEMENT_SIZE);
  assert_memory_equal(loaded.commitment, public_key.commitment, GP_COMMITMENT_SIZE);
  assert_memory_equal(&loaded.params, &public_key.params, sizeof loaded.params);
  assert_string_equal(loaded.id, public_key.id);
  assert_int_equal(unlink(path), 0);
}

/* A value whose members do not belong together becomes no file. */
static void not_written(void **state) {
  (void)state;
  static const char another[] =
      "the commitment does not belong to the public key and its parameters";
  gp_public_key bad = public_key;
  bad.commitment[31] ^= 1;
  assert_fails(gp_public_key_save(&bad, path, error), GP_ERR_ARGUMENT, another);
  bad = public_key;
  bad.id[3] = bad.id[3] == '0' ? '1' : '0';
  assert_fails(gp_public_key_save(&bad, path, error), GP_ERR_ARGUMENT, another);
  bad = public_key;
  bad.params.context_width++;
  assert_fails(gp_public_key_save(&bad, path, error), GP_ERR_ARGUMENT, another);
  bad = public_key;
  bad.element[31] ^= 0x80; /* libsodium would take it */
  assert_fails(gp_public_key_save(&bad, path, error), GP_ERR_ARGUMENT,
               "the public key is not an element of ristretto255");
  bad = public_key;
  bad.params.gamma_num = 2;
  assert_int_equal(gp_public_key_save(&bad, path, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(gp_public_key_save(&public_key, "/nowhere/at/all", NULL), GP_ERR_IO);
  assert_fails(gp_public_key_save(NULL, path, error), GP_ERR_ARGUMENT,
               "gp_public_key_save: public_key must not be NULL");
  assert_fails(gp_public_key_save(&public_key, NULL, error), GP_ERR_ARGUMENT,
               "gp_public_key_save: path must not be NULL");
}

static void ordinary_keys_have_none(void **state) {
  (void)state;
  gp_key *key = test_key(NULL);
  gp_public_key made = public_key;
  assert_fails(gp_key_public(key, &made, error), GP_ERR_ARGUMENT,
               "a key of greenprint-1 has no public key: make a provable one (keygen "
               "--provable)");
  assert_memory_equal(&made, &public_key, sizeof made);
  assert_string_equal(gp_key_scheme(key), "greenprint-1");
  assert_fails(gp_key_public(NULL, &made, error), GP_ERR_ARGUMENT,
               "gp_key_public: key must not be NULL");
  assert_fails(gp_key_public(key, NULL, error), GP_ERR_ARGUMENT,
               "gp_key_public: public_key must not be NULL");
  gp_key_free(key);
}

/* ------------------------------------------------------------------ reading */

/* One that passes the checksum is refused for what is wrong with it. */
static void every_bit(void **state) {
  (void)state;
  assert_ok(load(good, sizeof good, error));
  for (size_t bit = 0; bit < (size_t)8 * GP_PUBLIC_FILE_SIZE; bit++) {
    uint8_t file[GP_PUBLIC_FILE_SIZE];
    memcpy(file, good, sizeof file);
    file[bit / 8] ^= (uint8_t)(1U << bit % 8);
    gp_error error;
    const gp_status status = load(file, sizeof file, &error);
    if (status == GP_OK) {
      fail_msg("bit %zu may be anything", bit);
    }
    assert_int_equal(status, bit / 8 == 8 ? GP_ERR_VERSION : GP_ERR_FORMAT);
    if (bit / 8 < AT_CHECKSUM) {
      seal(file);
      const gp_status sealed = load(file, sizeof file, &error);
      const bool is_version = bit / 8 == 8 || (bit / 8 >= AT_SCHEME && bit / 8 < AT_PARAMS);
      if (sealed != (is_version ? GP_ERR_VERSION : GP_ERR_FORMAT)) {
        fail_msg("bit %zu: %d", bit, (int)sealed);
      }
      assert_null(strstr(error.message, "checksum"));
    }
  }
}

static void every_length(void **state) {
  (void)state;
  static const char cut[] = "the public file is cut off or has bytes added: it has not 128 bytes";
  uint8_t file[2 * GP_PUBLIC_FILE_SIZE] = {0};
  memcpy(file, good, sizeof good);
  for (size_t size = 0; size <= sizeof file; size++) {
    if (size != GP_PUBLIC_FILE_SIZE) {
      assert_refused(file, size, GP_ERR_FORMAT, size < 8 ? "not a Greenprint public file" : cut);
    }
  }
}

static void messages(void **state) {
  (void)state;
  static const struct {
    const char *what;
    size_t at;
    size_t size;
    uint8_t bytes[16];
    gp_status status;
  } cases[] = {
      {"not a Greenprint public file", 2, 3, "KEY", GP_ERR_FORMAT},
      {"public file version 2; this library reads version 1", 8, 1, {2}, GP_ERR_VERSION},
      {"a field that has to be zero is not", 10, 1, {1}, GP_ERR_FORMAT},
      {"keys of scheme greenprint-1 have no public file", AT_SCHEME, 16, "greenprint-1",
       GP_ERR_FORMAT},
      {"scheme 'greenprint-9?'; this library has only greenprint-1 and greenprint-1v", AT_SCHEME,
       16, "greenprint-9\x1b", GP_ERR_VERSION},
      {"bad parameters: gamma: 2 of 4 parts are not a fraction in lowest terms below 1",
       AT_PARAMS + 2,
       1,
       {2},
       GP_ERR_FORMAT},
      {"the public key is not an element of ristretto255", AT_ELEMENT, 1, {0xFF}, GP_ERR_FORMAT},
      {"the commitment does not belong to the public key and its parameters",
       AT_COMMITMENT,
       2,
       {1, 2},
       GP_ERR_FORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t file[GP_PUBLIC_FILE_SIZE];
    memcpy(file, good, sizeof file);
    memcpy(file + cases[i].at, cases[i].bytes, cases[i].size);
    seal(file);
    if (cases[i].at == AT_PARAMS + 2) { /* another module's words */
      gp_error error;
      assert_int_equal(load(file, sizeof file, &error), GP_ERR_FORMAT);
      assert_non_null(strstr(error.message, ": bad parameters: "));
    } else {
      assert_refused(file, sizeof file, cases[i].status, cases[i].what);
    }
  }
  uint8_t damaged[GP_PUBLIC_FILE_SIZE];
  memcpy(damaged, good, sizeof damaged);
  damaged[40] ^= 1;
  assert_refused(damaged, sizeof damaged, GP_ERR_FORMAT,
                 "the checksum does not match: the public file is damaged; get it again");
}

static void unreadable(void **state) {
  (void)state;
  gp_public_key read;
  assert_fails(gp_public_key_load("/nowhere/at/all", &read, error), GP_ERR_IO,
               "/nowhere/at/all: cannot open the public file: No such file or directory");
  assert_fails(gp_public_key_load("/tmp", &read, error), GP_ERR_IO,
               "/tmp: cannot read the public file: Is a directory");
  assert_int_equal(gp_public_key_load("/dev/zero", &read, NULL), GP_ERR_FORMAT); /* no end */
  assert_fails(gp_public_key_load(NULL, &read, error), GP_ERR_ARGUMENT,
               "gp_public_key_load: path must not be NULL");
  assert_fails(gp_public_key_load(path, NULL, error), GP_ERR_ARGUMENT,
               "gp_public_key_load: public_key must not be NULL");
}

/* Files of many keys come back, whatever the parameters. */
static void any_parameters(void **state) {
  (void)state;
  uint64_t random = test_seed();
  for (int i = 0; i < 50; i++) {
    const uint32_t k = 1 + (uint32_t)(next_random(&random) % 8);
    gp_params params = {.context_width = (uint32_t)(next_random(&random) % 17),
                        .gamma_num = (uint32_t)(next_random(&random) % (1U << k)) | 1,
                        .gamma_log2_den = k};
    params.seeding = params.context_width == 0       ? GP_SEEDING_FIXED
                     : next_random(&random) % 2 == 0 ? GP_SEEDING_HASH
                                                     : GP_SEEDING_MIN;
    gp_key *key = NULL;
    gp_public_key made;
    gp_public_key loaded;
    assert_ok(gp_key_generate_provable(&params, &key, error));
    assert_ok(gp_key_public(key, &made, error));
    assert_memory_equal(&made.params, &params, sizeof params);
    assert_ok(gp_public_key_save(&made, path, error));
    assert_ok(gp_public_key_load(path, &loaded, error));
    assert_memory_equal(loaded.element, made.element, sizeof made.element);
    assert_string_equal(loaded.id, made.id);
    assert_int_equal(unlink(path), 0);
    gp_key_free(key);
  }
}

static int set_up(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/key.pub", folder);
  gp_key *key = test_provable_key(NULL);
  const gp_status status = gp_key_public(key, &public_key, NULL);
  gp_key_free(key);
  gp_public_key_encode(&public_key, good);
  return status == GP_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(written),
      cmocka_unit_test(not_written),
      cmocka_unit_test(ordinary_keys_have_none),
      cmocka_unit_test(every_bit),
      cmocka_unit_test(every_length),
      cmocka_unit_test(messages),
      cmocka_unit_test(unreadable),
      cmocka_unit_test(any_parameters),
  };
  return cmocka_run_group_tests_name("public_file", tests, set_up, tear_down);
}

/* Tables of nonces: they change no result, say nothing without the key, and believe nothing. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "support.h"

#define IDS       40
#define HEADER    104
#define FILE_SIZE (HEADER + IDS * GP_NONCE_SIZE + 16 + 32)

static char folder[] = "/tmp/greenprint-table-XXXXXX";
static char path[64];

static int set_up(void **state) {
  (void)state;
  if (sodium_init() < 0 || mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/t.gpn", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  (void)unlink(path);
  return rmdir(folder);
}

static gp_key *provable(gp_seeding seeding, uint32_t width) {
  const gp_params params = {seeding, width, 1, 2};
  uint8_t master[GP_MASTER_KEY_SIZE];
  for (size_t i = 0; i < sizeof master; i++) {
    master[i] = (uint8_t)i;
  }
  gp_key *key = NULL;
  assert_ok(gp_key_from_bytes_provable(&params, master, &key, error));
  return key;
}

static void make(const gp_key *key, uint64_t vocabulary, const gp_nonce_table_options *options) {
  (void)unlink(path);
  assert_ok(gp_nonce_table_make(key, vocabulary, options, path, NULL, error));
}

static gp_watermark *watermark_of(const gp_key *key, const uint64_t *tenant) {
  gp_watermark_options options = gp_watermark_options_default();
  options.has_tenant = tenant != NULL;
  options.tenant = tenant != NULL ? *tenant : 0;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  return watermark;
}

static void read_file(uint8_t *bytes, size_t size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(bytes, 1, size, file), size);
  (void)fclose(file);
}

static void write_file(const uint8_t *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* ---------------------------------------------------------------- results */

static void same_nonces(gp_seeding seeding, uint32_t width, const uint64_t *tenant) {
  static const uint64_t other_tenant = 99;
  static const uint64_t zero = 0; /* is not nobody */
  gp_key *slow = provable(seeding, width);
  gp_key *quick = provable(seeding, width);
  const gp_nonce_table_options options = {.has_tenant = tenant != NULL,
                                          .tenant = tenant != NULL ? *tenant : 0};
  make(slow, IDS, &options);
  gp_watermark *early = watermark_of(quick, tenant);
  assert_ok(gp_key_use_table(quick, path, error));
  const uint64_t *tenants[] = {NULL, tenant, &other_tenant, &zero};
  for (size_t t = 0; t < sizeof tenants / sizeof tenants[0]; t++) {
    gp_watermark *one = watermark_of(slow, tenants[t]);
    gp_watermark *two = watermark_of(quick, tenants[t]);
    for (uint32_t id = 0; id < IDS + 5; id++) { /* the last ones are beyond the table */
      const uint32_t tokens[] = {id == 3 ? UINT32_MAX : 1000 + id, IDS + 9, id};
      uint8_t wanted[GP_NONCE_SIZE];
      uint8_t got[GP_NONCE_SIZE];
      assert_ok(gp_nonce(one, tokens, 3, wanted, error));
      assert_ok(gp_nonce(two, tokens, 3, got, error));
      assert_memory_equal(got, wanted, sizeof wanted);
      if (tenants[t] == tenant) {
        assert_ok(gp_nonce(early, tokens, 3, got, error));
        assert_memory_equal(got, wanted, sizeof wanted);
      }
    }
    gp_watermark_free(one);
    gp_watermark_free(two);
  }
  gp_watermark_free(early);
  gp_key_free(quick);
  gp_key_free(slow);
}

static void tables_change_nothing(void **state) {
  (void)state;
  const uint64_t tenant = UINT64_MAX;
  const uint64_t zero = 0;
  same_nonces(GP_SEEDING_HASH, 1, NULL);
  same_nonces(GP_SEEDING_HASH, 1, &tenant);
  same_nonces(GP_SEEDING_HASH, 1, &zero);
  same_nonces(GP_SEEDING_MIN, 3, &tenant);
  same_nonces(GP_SEEDING_FIXED, 0, NULL);
}

/* That a table is looked at at all tests/python/test_proofs.py shows, by one with wrong nonces.
 */
static void tables_say_nothing_without_the_key(void **state) {
  (void)state;
  gp_key *key = provable(GP_SEEDING_HASH, 1);
  make(key, IDS, NULL);
  uint8_t file[FILE_SIZE];
  read_file(file, sizeof file);
  gp_nonce_table_info info;
  assert_ok(gp_nonce_table_inspect(path, &info, error));
  assert_int_equal(info.count, IDS);
  assert_int_equal(info.file_size, FILE_SIZE);
  assert_false(info.has_tenant);
  struct stat facts;
  assert_int_equal(stat(path, &facts), 0);
  assert_int_equal(facts.st_mode & 0777, 0600);
  /* Nothing of it is in the clear. */
  gp_watermark *watermark = watermark_of(key, NULL);
  for (uint32_t id = 0; id < IDS; id++) {
    uint8_t nonce[GP_NONCE_SIZE];
    assert_ok(gp_nonce(watermark, &id, 1, nonce, error));
    assert_memory_not_equal(file + HEADER + id * GP_NONCE_SIZE, nonce, sizeof nonce);
  }
  gp_watermark_free(watermark);
  gp_key_free(key);
}

static void count_progress(void *user, uint64_t done, uint64_t total) {
  uint64_t *last = user;
  assert_true(done > *last && done <= total);
  *last = done;
}

static void threads_and_progress(void **state) {
  (void)state;
  gp_thread_pool *pool = NULL;
  assert_ok(gp_thread_pool_new(3, &pool, error));
  gp_key *key = provable(GP_SEEDING_HASH, 1);
  gp_key *quick = provable(GP_SEEDING_HASH, 1);
  uint64_t last = 0;
  const gp_nonce_table_options options = {
      .threads = pool, .on_progress = count_progress, .user = &last};
  make(key, 300, &options);
  assert_int_equal(last, 300);
  assert_ok(gp_key_use_table(quick, path, error));
  gp_watermark *one = watermark_of(key, NULL);
  gp_watermark *two = watermark_of(quick, NULL);
  for (uint32_t id = 0; id < 300; id += 13) {
    uint8_t wanted[GP_NONCE_SIZE];
    uint8_t got[GP_NONCE_SIZE];
    assert_ok(gp_nonce(one, &id, 1, wanted, error));
    assert_ok(gp_nonce(two, &id, 1, got, error));
    assert_memory_equal(got, wanted, sizeof wanted);
  }
  gp_watermark_free(one);
  gp_watermark_free(two);
  gp_key_free(quick);
  gp_key_free(key);
  gp_thread_pool_free(pool);
}

/* One thread brings the table while others make use of the key; of two that bring one, one is
 * refused. */
#define THREADS 4
typedef struct user {
  gp_key *key;
  const gp_watermark *watermark;
  bool brings;
  bool brought;
  uint8_t nonces[IDS][GP_NONCE_SIZE];
} user;

static void *use_key(void *data) {
  user *self = data;
  if (self->brings) {
    self->brought = gp_key_use_table(self->key, path, NULL) == GP_OK;
  }
  for (uint32_t id = 0; id < IDS; id++) {
    if (gp_nonce(self->watermark, &id, 1, self->nonces[id], NULL) != GP_OK) {
      return self;
    }
  }
  return NULL;
}

static void tables_come_while_keys_are_used(void **state) {
  (void)state;
  gp_key *key = provable(GP_SEEDING_HASH, 1);
  make(key, IDS / 2, NULL);
  gp_watermark *watermark = watermark_of(key, NULL);
  static user users[THREADS];
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    users[i] = (user){.key = key, .watermark = watermark, .brings = i % 2 == 0};
    assert_int_equal(pthread_create(&threads[i], NULL, use_key, &users[i]), 0);
  }
  size_t brought = 0;
  for (size_t i = 0; i < THREADS; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
    brought += users[i].brought;
    assert_memory_equal(users[i].nonces, users[0].nonces, sizeof users[0].nonces);
  }
  assert_int_equal(brought, 1);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

/* --------------------------------------------------------------- refusals */

static void refusals(void **state) {
  (void)state;
  gp_key *key = provable(GP_SEEDING_HASH, 1);
  gp_key *wide = provable(GP_SEEDING_HASH, 2);
  gp_key *min = provable(GP_SEEDING_MIN, 1);
  gp_key *plain = test_key(NULL);
  char expected[GP_ERROR_MESSAGE_SIZE];
  char id[GP_KEY_ID_STRING_SIZE];
  char other[GP_KEY_ID_STRING_SIZE];
  (void)unlink(path);
  assert_fails(gp_nonce_table_make(plain, 5, NULL, path, NULL, error), GP_ERR_ARGUMENT,
               "a key of greenprint-1 needs no table of nonces: it is as fast without one");
  assert_fails(gp_nonce_table_make(wide, 5, NULL, path, NULL, error), GP_ERR_ARGUMENT,
               "there are tables for contexts of one id, and those of this key have 2: use a "
               "context width of 1, or the seeding scheme 'min'");
  assert_fails(gp_nonce_table_make(key, 0, NULL, path, NULL, error), GP_ERR_ARGUMENT,
               "vocabulary: must be 1 to 16777216, not 0");
  assert_fails(gp_nonce_table_make(key, GP_NONCE_TABLE_MAX + 1, NULL, path, NULL, error),
               GP_ERR_ARGUMENT, "vocabulary: must be 1 to 16777216, not 16777217");
  assert_fails(gp_nonce_table_make(NULL, 5, NULL, path, NULL, error), GP_ERR_ARGUMENT,
               "gp_nonce_table_make: key must not be NULL");
  assert_fails(gp_nonce_table_make(key, 5, NULL, NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_nonce_table_make: path must not be NULL");
  assert_fails(gp_key_use_table(key, NULL, error), GP_ERR_ARGUMENT,
               "gp_key_use_table: path must not be NULL");
  assert_fails(gp_nonce_table_inspect(path, NULL, error), GP_ERR_ARGUMENT,
               "gp_nonce_table_inspect: info must not be NULL");
  assert_int_not_equal(access(path, F_OK), 0);
  (void)snprintf(expected, sizeof expected,
                 "%s: cannot open the table: No such file or directory", path);
  assert_fails(gp_key_use_table(key, path, error), GP_ERR_IO, expected);
  assert_fails(gp_nonce_table_inspect("/dev/null", &(gp_nonce_table_info){0}, error), GP_ERR_IO,
               "/dev/null: a table has to be a regular file");
  make(key, 5, NULL);
  (void)snprintf(expected, sizeof expected,
                 "%s: exists already; a table is never overwritten: choose another name", path);
  assert_fails(gp_nonce_table_make(key, 5, NULL, path, NULL, error), GP_ERR_EXISTS, expected);
  gp_key_id(key, id);
  gp_key_id(min, other);
  (void)snprintf(expected, sizeof expected, "%s: is a table of key %s, not of %s", path, id,
                 other);
  assert_fails(gp_key_use_table(min, path, error), GP_ERR_ARGUMENT, expected);
  assert_ok(gp_key_use_table(key, path, error));
  (void)snprintf(expected, sizeof expected, "%s: the key has a table already", path);
  assert_fails(gp_key_use_table(key, path, error), GP_ERR_ARGUMENT, expected);
  gp_key_free(plain);
  gp_key_free(min);
  gp_key_free(wide);
  gp_key_free(key);
}

static void put_checksum(uint8_t *file) {
  (void)crypto_hash_sha256(file + FILE_SIZE - 32, file, FILE_SIZE - 32);
}

/* No byte can be changed, with or without a checksum that is right. */
static void every_byte_counts(void **state) {
  (void)state;
  gp_key *key = provable(GP_SEEDING_HASH, 1);
  make(key, IDS, NULL);
  uint8_t whole[FILE_SIZE];
  uint8_t file[FILE_SIZE];
  read_file(whole, sizeof whole);
  for (size_t at = 0; at < FILE_SIZE; at++) {
    memcpy(file, whole, sizeof file);
    file[at] ^= 0x10;
    write_file(file, sizeof file);
    assert_int_not_equal(gp_key_use_table(key, path, NULL), GP_OK);
    if (at < FILE_SIZE - 32) {
      put_checksum(file);
      write_file(file, sizeof file);
      assert_int_not_equal(gp_key_use_table(key, path, NULL), GP_OK);
    }
  }
  for (size_t size = 0; size < FILE_SIZE; size += size < HEADER ? 1 : 29) {
    write_file(whole, size);
    assert_int_equal(gp_key_use_table(key, path, NULL), GP_ERR_FORMAT);
    assert_int_equal(gp_nonce_table_inspect(path, &(gp_nonce_table_info){0}, NULL),
                     GP_ERR_FORMAT);
  }
  write_file(whole, sizeof whole);
  assert_ok(gp_key_use_table(key, path, error));
  gp_key_free(key);
}

static void check_change(const gp_key *key, const uint8_t *whole, size_t at, const void *bytes,
                         size_t size, gp_status status, const char *why) {
  uint8_t file[FILE_SIZE];
  char expected[GP_ERROR_MESSAGE_SIZE];
  gp_nonce_table_info info;
  (void)key;
  memcpy(file, whole, sizeof file);
  memcpy(file + at, bytes, size);
  put_checksum(file);
  write_file(file, sizeof file);
  (void)snprintf(expected, sizeof expected, "%s: %s", path, why);
  assert_fails(gp_nonce_table_inspect(path, &info, error), status, expected);
}

static void each_check_has_its_message(void **state) {
  (void)state;
  gp_key *key = provable(GP_SEEDING_HASH, 1);
  make(key, IDS, NULL);
  uint8_t whole[FILE_SIZE + 1] = {0};
  char expected[GP_ERROR_MESSAGE_SIZE];
  read_file(whole, FILE_SIZE);
  check_change(key, whole, 0, "\x88", 1, GP_ERR_FORMAT, "not a Greenprint table of nonces");
  check_change(key, whole, 8, "\2", 1, GP_ERR_VERSION,
               "table version 2; this library reads version 1");
  check_change(key, whole, 12, "greenprint-1\0", 14, GP_ERR_FORMAT,
               "the header of the table contradicts itself");
  check_change(key, whole, 9, "\2", 1, GP_ERR_FORMAT,
               "the header of the table contradicts itself");
  check_change(key, whole, 10, "\1", 1, GP_ERR_FORMAT,
               "the header of the table contradicts itself");
  check_change(key, whole, 64, "\1", 1, GP_ERR_FORMAT,
               "the header of the table contradicts itself");
  check_change(key, whole, 29, "\2", 1, GP_ERR_FORMAT,
               "bad parameters: there are tables for contexts of one id, and those of this key "
               "have 2: use a context width of 1, or the seeding scheme 'min'");
  check_change(key, whole, 72, "\0", 1, GP_ERR_FORMAT, "the table has a size that none has");
  check_change(key, whole, 75, "\2", 1, GP_ERR_FORMAT, "the table has a size that none has");
  check_change(key, whole, 75, "\1", 1, GP_ERR_FORMAT, "the table has a size that none has");
  check_change(key, whole, 74, "\x40", 1, GP_ERR_FORMAT, "the table is cut off");
  check_change(key, whole, 28, "\3\0", 2, GP_ERR_FORMAT, "the table has a size that none has");
  write_file(whole, sizeof whole);
  (void)snprintf(expected, sizeof expected, "%s: the table has bytes behind its end", path);
  assert_fails(gp_key_use_table(key, path, error), GP_ERR_FORMAT, expected);
  whole[HEADER] ^= 1;
  write_file(whole, FILE_SIZE);
  (void)snprintf(expected, sizeof expected,
                 "%s: the checksum does not match: the table is damaged; make it again", path);
  assert_fails(gp_key_use_table(key, path, error), GP_ERR_FORMAT, expected);
  put_checksum(whole);
  write_file(whole, FILE_SIZE);
  (void)snprintf(expected, sizeof expected,
                 "%s: the table was tampered with: its seal does not open", path);
  assert_fails(gp_key_use_table(key, path, error), GP_ERR_FORMAT, expected);
  gp_key_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_change_nothing),
      cmocka_unit_test(tables_say_nothing_without_the_key),
      cmocka_unit_test(threads_and_progress),
      cmocka_unit_test(tables_come_while_keys_are_used),
      cmocka_unit_test(refusals),
      cmocka_unit_test(every_byte_counts),
      cmocka_unit_test(each_check_has_its_message),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

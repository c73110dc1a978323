/* Files that appear whole or not at all. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/new_file.h"
#include "support.h"

static char folder[] = "/tmp/greenprint-new-XXXXXX";
static char path[64];

static mode_t mode_of(void) {
  struct stat facts;
  assert_int_equal(stat(path, &facts), 0);
  assert_int_equal(facts.st_nlink, 1);
  return facts.st_mode & 07777;
}

static void assert_holds(const char *expected) {
  char bytes[64] = {0};
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(bytes, 1, sizeof bytes - 1, file), strlen(expected));
  assert_int_equal(fclose(file), 0);
  assert_string_equal(bytes, expected);
}

static void make(bool shared) {
  gp_new_file *file = NULL;
  assert_ok(gp_new_file_open(path, "thing", &file, error));
  if (shared) {
    gp_new_file_share(file);
  }
  assert_ok(gp_new_file_append(file, "one ", 4, error));
  assert_int_equal(access(path, F_OK), -1); /* not before it is whole */
  assert_ok(gp_new_file_append(file, "two", 3, error));
  assert_ok(gp_new_file_publish(file, error));
  gp_new_file_free(file);
}

/* Neither depends on what the process would have its files be. */
static void modes(void **state) {
  (void)state;
  static const mode_t masks[] = {0, 022, 077, 0777};
  const mode_t before = umask(0);
  for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
    (void)umask(masks[i]);
    make(false);
    assert_int_equal(mode_of(), 0600);
    assert_holds("one two");
    assert_int_equal(unlink(path), 0);
    make(true);
    assert_int_equal(mode_of(), 0644);
    assert_holds("one two");
    assert_int_equal(unlink(path), 0);
  }
  (void)umask(before);
}

static void nothing_is_replaced(void **state) {
  (void)state;
  char message[256];
  (void)snprintf(message, sizeof message,
                 "%s: exists already; a thing is never overwritten: choose another name", path);
  gp_new_file *file = NULL;
  gp_new_file *other = NULL;
  assert_ok(gp_new_file_open(path, "thing", &file, error));
  assert_ok(gp_new_file_append(file, "mine", 4, error));
  make(true); /* somebody was faster */
  assert_fails(gp_new_file_publish(file, error), GP_ERR_EXISTS, message);
  gp_new_file_free(file);
  assert_fails(gp_new_file_open(path, "thing", &other, error), GP_ERR_EXISTS, message);
  assert_null(other);
  assert_holds("one two");
  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("nowhere", path), 0); /* a link that leads nowhere is there too */
  assert_fails(gp_new_file_open(path, "thing", &other, error), GP_ERR_EXISTS, message);
  assert_int_equal(unlink(path), 0);
}

/* One that is given up leaves nothing behind: the folder can be removed at the end. */
static void given_up(void **state) {
  (void)state;
  gp_new_file *file = NULL;
  assert_ok(gp_new_file_open(path, "thing", &file, error));
  gp_new_file_share(file);
  assert_ok(gp_new_file_append(file, "one", 3, error));
  gp_new_file_free(file);
  assert_int_equal(access(path, F_OK), -1);
}

static int set_up(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/file", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(modes),
      cmocka_unit_test(nothing_is_replaced),
      cmocka_unit_test(given_up),
  };
  return cmocka_run_group_tests_name("new_file", tests, set_up, tear_down);
}

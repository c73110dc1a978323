/* Gzipped inputs: members, and damage of every kind. */
#include <stdlib.h>
#include <string.h>

#include "io_support.h"

/* The size of the reader's buffers: what straddles it is worth a test. */
#define BUFFER 262144U

static const gp_reader_options token_lines = {.format = GP_INPUT_TOKENS};

static void test_gzip_members(void **state) {
  (void)state;
  static const char text[] = "12 34\r\n567 89\n4294967295\n";
  for (size_t cut = 0; cut < sizeof text; cut++) {
    bytes zipped = {0};
    append_member(&zipped, text, cut, 0);
    append_member(&zipped, "", 0, 3);
    append_member(&zipped, text + cut, sizeof text - 1 - cut, 0);
    write_file(zipped.data, zipped.length);
    assert_reads_as(&token_lines, "12 34\n567 89\n4294967295\n");
    release(&zipped);
  }
  bytes zipped = {0};
  for (size_t i = 0; i < sizeof text - 1; i++) {
    append_member(&zipped, text + i, 1, 0);
  }
  write_file(zipped.data, zipped.length);
  assert_reads_as(&token_lines, "12 34\n567 89\n4294967295\n");
  release(&zipped);
}

/* A second member whose magic lies across the end of the raw buffer. */
static void test_gzip_member_at_buffer_end(void **state) {
  (void)state;
  bytes bare = {0};
  append_member(&bare, "12 3", 4, 0);
  for (size_t end = BUFFER - 3; end <= BUFFER + 3; end++) {
    bytes zipped = {0};
    append_member(&zipped, "12 3", 4, end - bare.length);
    assert_int_equal(zipped.length, end);
    append_member(&zipped, "4\n5\n", 4, 0);
    write_file(zipped.data, zipped.length);
    assert_reads_as(&token_lines, "12 34\n5\n");
    zipped.length = end + 1; /* half a magic */
    assert_refused(zipped.data, zipped.length, &token_lines,
                   ":1: the gzip data is followed by bytes that are not gzip: the file is "
                   "damaged");
    release(&zipped);
  }
  release(&bare);
}

static void test_gzip_empty(void **state) {
  (void)state;
  bytes zipped = {0};
  append_member(&zipped, "", 0, 0);
  assert_refused(zipped.data, zipped.length, &token_lines,
                 ": the file is empty: it holds no document");
  release(&zipped);
}

static void test_gzip_cut_off_anywhere(void **state) {
  (void)state;
  bytes zipped = {0};
  append_member(&zipped, "1 2\n3 4\n", 8, 5);
  for (size_t length = 2; length < zipped.length; length++) {
    bytes documents = {0};
    gp_input_facts facts;
    gp_error error = {0};
    write_file(zipped.data, length);
    assert_int_equal(read_all(path, &token_lines, &documents, &facts, &error), GP_ERR_FORMAT);
    assert_non_null(strstr(error.message, ": the gzip data is cut off: the file is incomplete"));
    release(&documents);
  }
  release(&zipped);
}

/* The line that an error names is the one that could not be completed. */
static void test_gzip_damage_names_the_line(void **state) {
  (void)state;
  bytes zipped = {0};
  append_member(&zipped, "1 2\n3 4\n5", 9, 0);
  zipped.data[zipped.length - 8] ^= 1;
  assert_refused(zipped.data, zipped.length, &token_lines,
                 ":3: the gzip data is damaged (incorrect data check)");
  zipped.data[zipped.length - 8] ^= 1;
  zipped.data[zipped.length - 4] ^= 1;
  assert_refused(zipped.data, zipped.length, &token_lines,
                 ":3: the gzip data is damaged (incorrect length check)");
  zipped.data[zipped.length - 4] ^= 1;
  assert_refused(zipped.data, zipped.length - 1, &token_lines,
                 ":3: the gzip data is cut off: the file is incomplete");
  append(&zipped, "\0", 1);
  assert_refused(zipped.data, zipped.length, &token_lines,
                 ":3: the gzip data is followed by bytes that are not gzip: the file is damaged");
  release(&zipped);
}

/* A flipped bit is found, or lies where gzip keeps nothing that matters (RFC 1952: time,
 * flags, system): other documents than the true ones are never returned. */
static void test_gzip_every_bit(void **state) {
  (void)state;
  bytes text = long_text(60, 10);
  bytes zipped = gzip(&text);
  size_t accepted = 0;
  for (size_t bit = 16; bit < 8 * zipped.length; bit++) {
    bytes documents = {0};
    gp_input_facts facts;
    gp_error error = {0};
    zipped.data[bit / 8] ^= (char)(1 << bit % 8);
    write_file(zipped.data, zipped.length);
    if (read_all(path, &token_lines, &documents, &facts, &error) == GP_OK) {
      assert_same_bytes(&documents, &text);
      accepted++;
    }
    zipped.data[bit / 8] ^= (char)(1 << bit % 8);
    release(&documents);
  }
  assert_in_range(accepted, 1, 64);
  release(&zipped);
  release(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gzip_members),
      cmocka_unit_test(test_gzip_member_at_buffer_end),
      cmocka_unit_test(test_gzip_empty),
      cmocka_unit_test(test_gzip_cut_off_anywhere),
      cmocka_unit_test(test_gzip_damage_names_the_line),
      cmocka_unit_test(test_gzip_every_bit),
  };
  return cmocka_run_group_tests_name("gzip", tests, make_folder, remove_folder);
}

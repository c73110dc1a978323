/* Plain text: byte order marks and parts. */
#include <string.h>

#include "io_support.h"

#define PART ((size_t)1 << 20)

static const gp_reader_options plain = {.format = GP_INPUT_TEXT};

static void test_texts(void **state) {
  (void)state;
  static const struct {
    const char *file;
    const char *document;
  } cases[] = {
      {"a", "\"a\"\n"},
      {"a \r\n\r b\n", "\"a \r\n\r b\n\"\n"},
      {"\xff\x80 \xC3", "\"\xff\x80 \xC3\"\n"},
      {"\xEF\xBB\xBFx", "\"x\"\n"},
      {"\xEF\xBB\xBF\xEF\xBB\xBFx", "\"\xEF\xBB\xBFx\"\n"},
      {"\xEF\xBBx", "\"\xEF\xBBx\"\n"},
      {"{\"text\": 1}\n", "\"{\"text\": 1}\n\"\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bytes file = {0};
    append_text(&file, cases[i].file);
    write_file(file.data, file.length);
    assert_reads_as(&plain, cases[i].document);
    bytes zipped = gzip(&file);
    write_file(zipped.data, zipped.length);
    assert_reads_as(&plain, cases[i].document);
    release(&zipped);
    release(&file);
  }
}

static void test_refused(void **state) {
  (void)state;
  assert_refused("", 0, &plain, ": the file is empty: it holds no document");
  assert_refused("\xEF\xBB\xBF", 3, &plain, ": the file is empty: it holds no document");
  assert_refused("\xFF\xFE"
                 "a\0",
                 4, &plain,
                 ": the file starts with the byte order mark of UTF-16: convert it to UTF-8");
  assert_refused("\xFE\xFF\0a", 4, &plain,
                 ": the file starts with the byte order mark of UTF-16: convert it to UTF-8");
  bytes zipped = {0};
  append_member(&zipped, "text", 4, 0);
  assert_refused(zipped.data, zipped.length - 1, &plain,
                 ": the gzip data is cut off: the file is incomplete");
  release(&zipped);
}

/* The parts of the file have these lengths, and are the file when put together. */
static void assert_parts(const bytes *file, const size_t *lengths, size_t n_parts) {
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  size_t at = 0;
  write_file(file->data, file->length);
  assert_ok(gp_reader_open(path, &plain, &reader, error));
  for (size_t i = 0; i < n_parts; i++) {
    assert_ok(gp_reader_next(reader, &document, &more, error));
    assert_true(more);
    assert_int_equal(document.line, i + 1);
    assert_int_equal(document.n_bytes, lengths[i]);
    assert_memory_equal(document.text, file->data + at, lengths[i]);
    at += lengths[i];
  }
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_false(more);
  assert_int_equal(at, file->length);
  gp_reader_free(reader);
}

static void test_parts(void **state) {
  (void)state;
  bytes file = {0};
  append_many(&file, 'x', PART);
  assert_parts(&file, (size_t[]){PART}, 1); /* as long as a part may be */
  append_many(&file, 'x', 1);
  assert_parts(&file, (size_t[]){PART, 1}, 2); /* without LF: where it is full */
  file.data[PART] = '\n';
  assert_parts(&file, (size_t[]){PART, 1}, 2); /* an LF behind the part does not count */
  file.data[PART - 1] = '\n';
  assert_parts(&file, (size_t[]){PART, 1}, 2);
  file.data[PART - 1] = 'x';
  file.data[7] = '\n';
  file.data[1000] = '\n';
  assert_parts(&file, (size_t[]){1001, PART - 1000}, 2); /* after the last LF */
  append_many(&file, 'x', PART);
  assert_parts(&file, (size_t[]){1001, PART - 1000, PART}, 3);
  release(&file);
}

/* Without LF no character is cut; bytes that are no character may be. */
static void test_characters(void **state) {
  (void)state;
  static const char *const characters[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  for (size_t i = 0; i < 3; i++) {
    const size_t width = strlen(characters[i]);
    for (size_t inside = 0; inside <= width; inside++) {
      bytes file = {0};
      append_many(&file, 'x', PART - inside);
      append_text(&file, characters[i]);
      append_many(&file, 'y', 5);
      const size_t first = inside == width ? PART : PART - inside;
      assert_parts(&file, (size_t[]){first, file.length - first}, 2);
      release(&file);
    }
  }
  bytes file = {0};
  append_many(&file, 'x', PART - 4);
  append_text(&file, "\x80\x80\x80\x80\x80");
  assert_parts(&file, (size_t[]){PART, 1}, 2);
  release(&file);
}

/* A NUL near the start is no text; behind what is looked at it is a byte like any other. */
static void test_nul(void **state) {
  (void)state;
  const char *why =
      ": is not text: it has NUL bytes near its start; UTF-16 has to be converted to "
      "UTF-8, an archive to be unpacked";
  assert_refused("a\0b\0", 4, &plain, why);
  bytes text = {0};
  append_many(&text, 'a', 8192);
  text.data[8191] = '\0';
  assert_refused(text.data, text.length, &plain, why);
  text.data[8191] = 'a';
  append_many(&text, '\0', 1);
  assert_parts(&text, &text.length, 1);
  release(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts), cmocka_unit_test(test_refused),    cmocka_unit_test(test_nul),
      cmocka_unit_test(test_parts), cmocka_unit_test(test_characters),
  };
  return cmocka_run_group_tests_name("text_input", tests, make_folder, remove_folder);
}

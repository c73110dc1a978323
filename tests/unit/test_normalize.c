/* Harmless differences taken out of text. */
#include <string.h>
#include <time.h>

#include "io_support.h"

static void assert_normalizes(unsigned flags, const char *text, const char *expected) {
  const gp_reader_options options = {.format = GP_INPUT_TEXT, .normalize = flags};
  bytes document = {0};
  append_text(&document, "\"");
  append_text(&document, expected);
  append_text(&document, "\"\n");
  append(&document, "", 1);
  write_file(text, strlen(text));
  assert_reads_as(&options, document.data);
  release(&document);
}

static void test_newlines(void **state) {
  (void)state;
  assert_normalizes(GP_NORMALIZE_NEWLINES, "a\r\nb\rc\n\r\r\n\n \r", "a\nb\nc\n\n\n\n \n");
  assert_normalizes(GP_NORMALIZE_NEWLINES, "a  \n", "a  \n");
}

static void test_trailing(void **state) {
  (void)state;
  assert_normalizes(GP_NORMALIZE_TRAILING, "a \t\n \nb c \n\t", "a\n\nb c\n");
  assert_normalizes(GP_NORMALIZE_TRAILING, "a \r\nb \r", "a \r\nb \r");
  assert_normalizes(GP_NORMALIZE_TRAILING, "a\v \f\n", "a\v \f\n");
  assert_normalizes(GP_NORMALIZE_TRAILING | GP_NORMALIZE_NEWLINES, "a \r\nb \r", "a\nb\n");
  assert_normalizes(GP_NORMALIZE_TRAILING, " \t ", "");
}

static void test_nfc(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *expected;
  } cases[] = {
      {"plain", "plain"},
      {"a\xCC\x88", "\xC3\xA4"},                                /* a + diaeresis */
      {"xa\xCC\x88y a\xCC\x88", "x\xC3\xA4y \xC3\xA4"},         /* within ASCII */
      {"\xC3\xA4", "\xC3\xA4"},                                 /* composed already */
      {"\xE2\x84\xAB", "\xC3\x85"},                             /* Angstrom sign */
      {"\xEF\xAC\x81", "\xEF\xAC\x81"},                         /* the fi ligature stays */
      {"\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"}, /* Hangul */
      {"\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC"},             /* a composition exclusion */
      {"q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87"},               /* marks in order */
      {"<\xCC\xB8", "\xE2\x89\xAE"},                            /* ASCII that composes */
      {"a\xFF\xCC\x88", "a\xFF\xCC\x88"},                       /* not across what is not UTF-8 */
      {"\xFF"
       "a\xCC\x88\xC3",
       "\xFF\xC3\xA4\xC3"},
      {"\xED\xA0\x80"
       "a\xCC\x88",
       "\xED\xA0\x80\xC3\xA4"}, /* a surrogate is not UTF-8 */
      {"\xC0\xAF\xF5\x80\x80\x80", "\xC0\xAF\xF5\x80\x80\x80"},
      {"\xE2\x82", "\xE2\x82"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_normalizes(GP_NORMALIZE_NFC, cases[i].text, cases[i].expected);
  }
  assert_normalizes(GP_NORMALIZE_ALL, "a\xCC\x88 \r\n\xFF\t", "\xC3\xA4\n\xFF");
}

static void test_nul_stays(void **state) {
  (void)state;
  const gp_reader_options options = {.format = GP_INPUT_TEXT, .normalize = GP_NORMALIZE_ALL};
  bytes text = {0};
  append_many(&text, 'x', 8192); /* NULs before would make it no text */
  append(&text, "a\0\xCC\x88\0 \n", 7);
  write_file(text.data, text.length);
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  assert_ok(gp_reader_open(path, &options, &reader, error));
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_int_equal(document.n_bytes, 8192 + 6);
  assert_memory_equal(document.text + 8192, "a\0\xCC\x88\0\n", 6);
  gp_reader_free(reader);
  release(&text);
}

/* Ids have nothing to normalize, and each message of a chat is normalized for itself. */
static void test_json_lines(void **state) {
  (void)state;
  gp_reader_options options = options_for(GP_INPUT_JSONL);
  options.normalize = GP_NORMALIZE_ALL;
  static const char text[] = "{\"tokens\":[1]}\n{\"tokens\":\"a \\r\\no\\u0308\"}\n";
  write_file(text, sizeof text - 1);
  assert_reads_as(&options, "1\n\"a\n\xC3\xB6\"\n");
  options.role = "me";
  static const char chat[] = "{\"tokens\":[{\"role\":\"me\",\"content\":\"a \"},{\"role\":\"me\","
                             "\"content\":[{\"type\":\"text\",\"text\":\"o\"},"
                             "{\"type\":\"text\",\"text\":\"\\u0308\"}]}]}\n";
  write_file(chat, sizeof chat - 1);
  assert_reads_as(&options, "\"a\"\n\"\xC3\xB6\"\n");
}

/* Half a million combining marks in the wrong order: sorting them one by one takes minutes. */
static void test_many_marks(void **state) {
  (void)state;
  const gp_reader_options options = {.format = GP_INPUT_TEXT, .normalize = GP_NORMALIZE_NFC};
  const size_t pairs = 250000; /* a part has at most 1 MiB */
  bytes text = {0};
  append_text(&text, "q");
  for (size_t i = 0; i < pairs; i++) {
    append_text(&text, "\xCC\x87\xCC\xA3"); /* above (230), below (220) */
  }
  write_file(text.data, text.length);
  const clock_t start = clock();
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  assert_ok(gp_reader_open(path, &options, &reader, error));
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_int_equal(document.n_bytes, text.length);
  assert_memory_equal(document.text, "q\xCC\xA3\xCC\xA3", 5);
  assert_memory_equal(document.text + 1 + 2 * (pairs - 1), "\xCC\xA3\xCC\x87", 4);
  assert_true(clock() - start < 60 * CLOCKS_PER_SEC);
  gp_reader_free(reader);
  release(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_newlines),   cmocka_unit_test(test_trailing),
      cmocka_unit_test(test_nfc),        cmocka_unit_test(test_nul_stays),
      cmocka_unit_test(test_json_lines), cmocka_unit_test(test_many_marks),
  };
  return cmocka_run_group_tests_name("normalize", tests, make_folder, remove_folder);
}

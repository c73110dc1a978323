/* Token files: lines, words and what straddles a buffer. */
#include <stdlib.h>
#include <string.h>

#include "io_support.h"

/* The size of the reader's buffers: what straddles it is worth a test. */
#define BUFFER 262144U

static const gp_reader_options token_lines = {.format = GP_INPUT_TOKENS};

static void test_token_lines(void **state) {
  (void)state;
  static const struct {
    const char *file;
    const char *documents;
  } cases[] = {
      {"1 2 3\n4\n", "1 2 3\n4\n"},
      {"1 2 3\n4", "1 2 3\n4\n"},
      {"1 2\r\n3\r\n", "1 2\n3\n"},
      {" \t 1 \t\t 2\t\n", "1 2\n"},
      {"0 4294967295 0000000000000000000000007\n", "0 4294967295 7\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    write_file(cases[i].file, strlen(cases[i].file));
    assert_reads_as(&token_lines, cases[i].documents);
  }
}

static void test_token_lines_refused(void **state) {
  (void)state;
  static const struct {
    const char *file;
    const char *message;
  } cases[] = {
      {"", ": the file is empty: it holds no document"},
      {"\n", ":1: the line is empty: each line holds a document of one token or more"},
      {"1\n \t \n", ":2: the line is empty: each line holds a document of one token or more"},
      {"1\n\r\n", ":2: the line is empty: each line holds a document of one token or more"},
      {"1\n2 12x 3\n", ":2: \"12x\" is not a token id: digits expected"},
      {"-1\n", ":1: \"-1\" is not a token id: digits expected"},
      {"+1\n", ":1: \"+1\" is not a token id: digits expected"},
      {"1,2\n", ":1: \"1,2\" is not a token id: digits expected"},
      {"1\r2\n", ":1: \"1\\x0d2\" is not a token id: digits expected"},
      {"1\r", ":1: \"1\\x0d\" is not a token id: digits expected"},
      {"1\r\r\n", ":1: \"1\\x0d\" is not a token id: digits expected"},
      {"1\v2\n", ":1: \"1\\x0b2\" is not a token id: digits expected"},
      {"4294967296\n", ":1: \"4294967296\" is too large for a token id: at most 4294967295"},
      {"100000000000000000000\n",
       ":1: \"10000000000000000000\"... is too large for a token id: at most 4294967295"},
      {"18446744073709551617\n", /* 2^64 + 1 */
       ":1: \"18446744073709551617\" is too large for a token id: at most 4294967295"},
      {"99999999999999999999x\n",
       ":1: \"99999999999999999999\"... is not a token id: digits expected"},
      {"{\"tokens\": [1]}\n", ":1: \"{\\\"tokens\\\":\" is not a token id: is this JSON Lines?"},
      {"\xEF\xBB\xBF"
       "1\n",
       ":1: the file starts with a byte order mark: save it as UTF-8 without one"},
      {"\xFF\xFE"
       "1",
       ":1: the file starts with a byte order mark: save it as UTF-8 without one"},
      {"\xE2\x82\xAC\x1B[31m\x7F\n",
       ":1: \"\\xe2\\x82\\xac\\x1b[31m\\x7f\" is not a token id: digits expected"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_refused(cases[i].file, strlen(cases[i].file), &token_lines, cases[i].message);
  }
  static const char nul[] = "1 2\n3 \0 4\n";
  assert_refused(nul, sizeof nul - 1, &token_lines,
                 ":2: \"\\x00\" is not a token id: digits expected");
}

/* A first line that is `length` bytes long with its LF, then two short ones. */
static bytes text_with_first_line(size_t length) {
  bytes text = {0};
  append_text(&text, "12 34");
  append_many(&text, ' ', length - 10);
  append_text(&text, "5678\n90 12345\n67\n");
  return text;
}

static void test_buffer_boundaries(void **state) {
  (void)state;
  for (size_t length = BUFFER - 12; length <= BUFFER + 12; length++) {
    for (size_t factor = 1; factor <= 3; factor++) {
      bytes text = text_with_first_line(factor * length);
      write_file(text.data, text.length);
      assert_reads_as(&token_lines, "12 34 5678\n90 12345\n67\n");
      bytes zipped = gzip(&text);
      write_file(zipped.data, zipped.length);
      assert_reads_as(&token_lines, "12 34 5678\n90 12345\n67\n");
      release(&zipped);
      release(&text);
    }
  }
}

static void test_long_lines(void **state) {
  (void)state;
  static const size_t tokens_in_line[] = {1, 7, 6000, 400000};
  for (size_t i = 0; i < sizeof tokens_in_line / sizeof tokens_in_line[0]; i++) {
    bytes text = long_text(400000, tokens_in_line[i]);
    write_file(text.data, text.length);
    assert_reads_back(&text);
    bytes zipped = gzip(&text);
    write_file(zipped.data, zipped.length);
    assert_reads_back(&text);
    release(&zipped);
    release(&text);
  }
}

/* The longest line that is read, and one byte more, for both formats. */
static void test_line_limit(void **state) {
  (void)state;
  const size_t limits[] = {(size_t)1 << 26, (size_t)1 << 24};
  const gp_input_format formats[] = {GP_INPUT_TOKENS, GP_INPUT_JSONL};
  const char *const ends[] = {"7\n", "{\"tokens\": [7]}\n"};
  const char *const messages[] = {
      ":1: the line is longer than 64 MiB: split it into several documents",
      ":1: the line is longer than 16 MiB: split it into several documents"};
  for (size_t i = 0; i < 2; i++) {
    const gp_reader_options options = options_for(formats[i]);
    for (size_t excess = 0; excess < 2; excess++) {
      bytes file = {0};
      append_many(&file, ' ', limits[i] - strlen(ends[i]) + excess);
      append_text(&file, ends[i]);
      if (excess == 0) {
        write_file(file.data, file.length);
        assert_reads_as(&options, "7\n");
      } else {
        assert_refused(file.data, file.length, &options, messages[i]);
      }
      release(&file);
    }
  }
}

/* Words of each length at each place of a line, so that the eight bytes that are read at once
 * end in each possible way. */
static void test_words(void **state) {
  (void)state;
  static const char digits[] = "4294967295";
  for (size_t before = 0; before < 20; before++) {
    for (size_t zeros = 0; zeros < 3; zeros++) {
      for (size_t length = 1; length <= 10; length++) {
        bytes text = {0};
        bytes expected = {0};
        append_many(&text, ' ', before % 4 + 1);
        append_many(&text, '7', before % 7 + 1);
        append_many(&expected, '7', before % 7 + 1);
        append_text(&text, before % 2 == 0 ? "\t" : " ");
        append_text(&expected, " ");
        append_many(&text, '0', zeros + 1);
        append(&text, digits, length);
        append(&expected, digits, length);
        append_many(&text, ' ', before / 4);
        append_text(&text, "\n");
        append_text(&expected, "\n");
        append(&expected, "", 1);
        write_file(text.data, text.length);
        assert_reads_as(&token_lines, expected.data);
        release(&text);
        release(&expected);
      }
    }
  }
}

/* Each byte that is neither a digit nor a blank, in each of the eight places. */
static void test_bytes_in_words(void **state) {
  (void)state;
  for (unsigned byte = 0; byte < 256; byte++) {
    for (size_t place = 0; place < 8; place++) {
      char text[] = "1234567890 12\n";
      gp_error error = {0};
      bytes documents = {0};
      gp_input_facts facts;
      text[place] = (char)byte;
      write_file(text, sizeof text - 1);
      const bool digit = byte >= '0' && byte <= '9';
      const bool harmless = digit || byte == ' ' || byte == '\t';
      const gp_status status = read_all(path, &token_lines, &documents, &facts, &error);
      if (harmless && byte <= '4') {
        assert_int_equal(status, GP_OK);
      } else if (!harmless && byte != '\n') {
        assert_int_equal(status, GP_ERR_FORMAT);
      }
      release(&documents);
    }
  }
}

/* A bad line is refused whole, and reading goes on behind it. */
static void test_go_on(void **state) {
  (void)state;
  bytes text = {0};
  append_text(&text, "1 2\n3 x\n");
  append_many(&text, '4', (size_t)1 << 26);
  append_many(&text, '5', 300000);
  append_text(&text, "\n6\n\n7");
  write_file(text.data, text.length);
  static const uint32_t good[] = {1, 6, 7};
  static const uint64_t bad[] = {2, 3, 5};
  static const char *const reasons[] = {":2: \"x\"", ":3: the line is longer",
                                        ":5: the line is empty"};
  size_t n_good = 0;
  size_t n_bad = 0;
  gp_reader *reader = NULL;
  gp_document document;
  gp_error problem;
  bool more = true;
  assert_ok(gp_reader_open(path, &token_lines, &reader, error));
  while (more) {
    if (gp_reader_next(reader, &document, &more, &problem) != GP_OK) {
      assert_in_range(n_bad, 0, 2);
      assert_true(gp_reader_can_go_on(reader));
      assert_int_equal(problem.status, GP_ERR_FORMAT);
      assert_non_null(strstr(problem.message, reasons[n_bad]));
      assert_true(bad[n_bad++] > n_good);
    } else if (more) {
      assert_false(gp_reader_can_go_on(reader));
      assert_in_range(n_good, 0, 2);
      assert_int_equal(document.tokens[0], good[n_good++]);
    }
  }
  assert_int_equal(n_good, 3);
  assert_int_equal(n_bad, 3);
  gp_input_facts facts;
  assert_ok(gp_reader_facts(reader, &facts, error));
  assert_int_equal(facts.bytes, text.length);
  gp_reader_free(reader);
  release(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_token_lines),       cmocka_unit_test(test_token_lines_refused),
      cmocka_unit_test(test_buffer_boundaries), cmocka_unit_test(test_long_lines),
      cmocka_unit_test(test_line_limit),        cmocka_unit_test(test_words),
      cmocka_unit_test(test_bytes_in_words),    cmocka_unit_test(test_go_on),
  };
  return cmocka_run_group_tests_name("lines", tests, make_folder, remove_folder);
}

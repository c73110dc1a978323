/* JSON Lines: ids, text and chats. */
#include <stdio.h>
#include <string.h>

#include "io_support.h"

static const gp_reader_options json_lines = {.format = GP_INPUT_JSONL, .field = "tokens"};

static void test_json_lines(void **state) {
  (void)state;
  static const struct {
    const char *file;
    const char *documents;
  } cases[] = {
      {"{\"tokens\":[1,2]}\n{\"tokens\":[]}\n{\"tokens\":[3]}", "1 2\n\n3\n"},
      {" \t{ \"a\": 1.5, \"tokens\" : [ 0 , 4294967295 ] }\r\n", "0 4294967295\n"},
      {"{\"text\": \"a\\u0000b \\ud83d\\ude00\", \"tokens\": [7]}\n", "7\n"},
      {"{\"x\": {\"tokens\": [\"no\"]}, \"tokens\": [7]}\n", "7\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    write_file(cases[i].file, strlen(cases[i].file));
    assert_reads_as(&json_lines, cases[i].documents);
  }
}

static void test_json_lines_refused(void **state) {
  (void)state;
#define IDS ": token ids are integers from 0 to 4294967295"
  static const struct {
    const char *file;
    const char *message;
  } cases[] = {
      {"", ": the file is empty: it holds no document"},
      {"{\"tokens\":[1]}\n\n", ":2: the line is empty: each line holds one JSON object"},
      {" \t\r\n", ":1: the line is empty: each line holds one JSON object"},
      {"1 2 3\n", ":1: not a JSON object: \"1 2 3\""},
      {"[1]\n", ":1: not a JSON object: \"[1]\""},
      {"{\"tokens\":[1}\n", ":1: not JSON at byte 13: ']' expected: \"\\\"tokens\\\":[1}\""},
      {"{\"tokens\":[1\n",
       ":1: not JSON at byte 12: the line ends before the object does: \"{\\\"tokens\\\":[1\""},
      {"{} {}\n", ":1: not JSON at byte 4: something follows the object: \"{} {}\""},
      {"{\"a\":1,\"a\":1}\n",
       ":1: not JSON at byte 10: a key occurs twice: \"{\\\"a\\\":1,\\\"a\\\":1}\""},
      {"{\"a\":9223372036854775808}\n", ":1: not JSON at byte 24: a number does not fit in 64 "
                                        "bits: \"036854775808}\""},
      {"{\"a\":\"\xff\"}\n", ":1: not JSON at byte 6: not UTF-8: \"{\\\"a\\\":\\\"\\xff\\\"}\""},
      {"{\"a\":\"\x1b\"}\n",
       ":1: not JSON at byte 6: control character 0x1b: \"{\\\"a\\\":\\\"\\x1b\\\"}\""},
      {"{\"token\":[1]}\n", ":1: the object has no field \"tokens\": choose the field that holds "
                            "the token ids or the text"},
      {"{\"tokens\":true}\n",
       ":1: field \"tokens\" is true or false: an array of token ids or a text expected"},
      {"{\"tokens\":null}\n",
       ":1: field \"tokens\" is null: an array of token ids or a text expected"},
      {"{\"tokens\":[1,1.0]}\n",
       ":1: entry 2 of \"tokens\" is a number with a fraction or exponent" IDS},
      {"{\"tokens\":[1e3]}\n",
       ":1: entry 1 of \"tokens\" is a number with a fraction or exponent" IDS},
      {"{\"tokens\":[-1]}\n", ":1: entry 1 of \"tokens\" is -1" IDS},
      {"{\"tokens\":[4294967296]}\n", ":1: entry 1 of \"tokens\" is 4294967296" IDS},
      {"{\"tokens\":[[1]]}\n", ":1: entry 1 of \"tokens\" is an array" IDS},
      {"{\"tokens\":[{}]}\n", ":1: entry 1 of \"tokens\" is an object" IDS},
      {"{\"tokens\":[\"1\"]}\n", ":1: entry 1 of \"tokens\" is a string" IDS},
      {"{\"tokens\":[true]}\n", ":1: entry 1 of \"tokens\" is true or false" IDS},
      {"{\"tokens\":[null]}\n", ":1: entry 1 of \"tokens\" is null" IDS},
      {"\xEF\xBB\xBF{}\n",
       ":1: the file starts with a byte order mark: save it as UTF-8 without one"},
  };
#undef IDS
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_refused(cases[i].file, strlen(cases[i].file), &json_lines, cases[i].message);
  }
  static const char nul[] = "{\"tokens\":[1]}\0\n";
  assert_refused(nul, sizeof nul - 1, &json_lines,
                 ":1: not JSON at byte 15: something follows the object: "
                 "\"okens\\\":[1]}\\x00\"");
  bytes deep = {0};
  append_text(&deep, "{\"a\":");
  append_many(&deep, '[', 100000);
  assert_refused(deep.data, deep.length, &json_lines,
                 ":1: not JSON at byte 2053: nested too deeply: \"[[[[[[[[[[[[[[[[[[[[\"...");
  release(&deep);
}

/* Names, indices and escapes. */
static void test_fields(void **state) {
  (void)state;
  static const struct {
    const char *line;
    const char *field;
    const char *document; /* NULL: there is no such field */
  } cases[] = {
      {"{\"w\xC3\xB6rter\": [5, 6]}", "w\xC3\xB6rter", "5 6\n"},
      {"{\"a\": {\"b\": [7]}}", "a.b", "7\n"},
      {"{\"a.b\": [7]}", "a\\.b", "7\n"},
      {"{\"a.b\": [7]}", "a.b", NULL},
      {"{\"a\\\\\": {\"b\": [7]}}", "a\\\\.b", "7\n"},
      {"{\"\": {\"\": [7]}}", ".", "7\n"},
      {"{\"\": [7]}", "", "7\n"},
      {"{\"c\": [{\"m\": {\"t\": \"x\"}}, {\"m\": {\"t\": \"y\"}}]}", "c.1.m.t", "\"y\"\n"},
      {"{\"c\": [[1], [2, 3]]}", "c.1", "2 3\n"},
      {"{\"c\": [[1], [2, 3]]}", "c.01", NULL},
      {"{\"c\": [[1], [2, 3]]}", "c.2", NULL},
      {"{\"c\": [[1], [2, 3]]}", "c.-1", NULL},
      {"{\"c\": [[1], [2, 3]]}", "c.", NULL},
      {"{\"c\": [[1], [2, 3]]}", "c.1x", NULL},
      {"{\"c\": [[1], [2, 3]]}", "c.18446744073709551616", NULL},
      {"{\"c\": {\"0\": [9]}}", "c.0", "9\n"},
      {"{\"c\": \"text\"}", "c.0", NULL},
      {"{\"c\": 1}", "c.d", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char field[64];
    (void)snprintf(field, sizeof field, "%s", cases[i].field);
    const gp_reader_options options = {.format = GP_INPUT_JSONL, .field = field};
    write_file(cases[i].line, strlen(cases[i].line));
    if (cases[i].document != NULL) {
      assert_reads_as(&options, cases[i].document);
      continue;
    }
    gp_reader *reader = NULL;
    gp_document document;
    bool more = false;
    gp_error problem;
    assert_ok(gp_reader_open(path, &options, &reader, error));
    memset(field, 0, sizeof field); /* it was copied */
    assert_int_equal(gp_reader_next(reader, &document, &more, &problem), GP_ERR_FORMAT);
    assert_non_null(strstr(problem.message, ":1: the object has no field \""));
    gp_reader_free(reader);
  }
}

static void test_text(void **state) {
  (void)state;
  static const char file[] = "{\"tokens\":\"\"}\n{\"tokens\":\"a\\nb \\u00e4\xC3\xA4\"}\n"
                             "{\"tokens\":\"x\\u0000y\"}\n";
  static const char *const texts[] = {"", "a\nb \xC3\xA4\xC3\xA4", "x\0y"};
  static const size_t lengths[] = {0, 8, 3};
  write_file(file, sizeof file - 1);
  gp_reader *reader = NULL;
  assert_ok(gp_reader_open(path, &json_lines, &reader, error));
  for (size_t i = 0; i < 3; i++) {
    gp_document document;
    bool more = false;
    assert_ok(gp_reader_next(reader, &document, &more, error));
    assert_true(more);
    assert_null(document.tokens);
    assert_non_null(document.text);
    assert_int_equal(document.n_bytes, lengths[i]);
    assert_memory_equal(document.text, texts[i], lengths[i]);
    assert_int_equal(document.line, i + 1);
  }
  gp_reader_free(reader);
}

static void test_empty_document_has_a_pointer(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  static const char text[] = "{\"tokens\":[]}";
  write_file(text, sizeof text - 1);
  assert_ok(gp_reader_open(path, &json_lines, &reader, error));
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_true(more);
  assert_non_null(document.tokens);
  assert_null(document.text);
  assert_int_equal(document.n_tokens, 0);
  assert_int_equal(document.line, 1);
  gp_reader_free(reader);
}

#define ME "{\"role\":\"assistant\",\"content\":"
static const gp_reader_options chat = {
    .format = GP_INPUT_JSONL, .field = "messages", .role = "assistant"};

static void test_chats(void **state) {
  (void)state;
  static const char file[] =
      "{\"messages\":[{\"role\":\"user\",\"content\":7}," ME "\"one\"}," ME "\"two\"}]}\n"
      "{\"messages\":[{\"role\":\"user\"}]}\n"
      "{\"messages\":[]}\n"
      "{\"messages\":[" ME "null}," ME "\"\"},{\"role\":\"assistant\",\"tool_calls\":[]}]}\n"
      "{\"messages\":[" ME "[{\"type\":\"text\",\"text\":\"thr\"},{\"type\":\"image_url\"},"
      "{\"type\":\"text\",\"text\":\"ee\"}]}," ME "[{\"type\":\"image\"}]}," ME "[]}," ME
      "[{\"type\":\"text\",\"text\":\"\"}]}]}\n";
  write_file(file, sizeof file - 1);
  assert_reads_as(&chat, "\"one\"\n\"two\"\n\"\"\n\"three\"\n\"\"\n");
}

static void test_chats_refused(void **state) {
  (void)state;
#define CONTENT  " of message 2 is "
#define EXPECTED ": a string, an array of parts or null expected"
  static const struct {
    const char *messages;
    const char *message;
  } cases[] = {
      {"1", ":1: field \"messages\" is a number: an array of messages expected"},
      {"\"x\"", ":1: field \"messages\" is a string: an array of messages expected"},
      {"[1]", ":1: message 1 is no object with a string \"role\""},
      {"[{}]", ":1: message 1 is no object with a string \"role\""},
      {"[{\"role\":1}]", ":1: message 1 is no object with a string \"role\""},
      {"[" ME "\"x\"}," ME "7}]", ":1: \"content\"" CONTENT "a number" EXPECTED},
      {"[" ME "\"x\"}," ME "{}}]", ":1: \"content\"" CONTENT "an object" EXPECTED},
      {"[{\"role\":\"assistant\"}]", ":1: message 1 has neither \"content\" nor \"tool_calls\""},
      {"[" ME "[\"x\"]}]",
       ":1: message 1 has a part of content that is no object with a string \"type\""},
      {"[" ME "[{\"text\":\"x\"}]}]",
       ":1: message 1 has a part of content that is no object with a string \"type\""},
      {"[" ME "[{\"type\":\"text\"}]}]",
       ":1: message 1 has a part of type \"text\" without a string \"text\""},
      {"[" ME "[{\"type\":\"text\",\"text\":[]}]}]",
       ":1: message 1 has a part of type \"text\" without a string \"text\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char line[400];
    const int length = snprintf(line, sizeof line, "{\"messages\":%s}\n", cases[i].messages);
    /* Nothing of a bad line is used, whatever precedes what is wrong. */
    assert_refused_after("", line, (size_t)length, &chat, cases[i].message);
  }
  assert_refused("{}\n", 3, &chat,
                 ":1: the object has no field \"messages\": choose the field that holds the "
                 "messages");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_json_lines),
      cmocka_unit_test(test_json_lines_refused),
      cmocka_unit_test(test_fields),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_empty_document_has_a_pointer),
      cmocka_unit_test(test_chats),
      cmocka_unit_test(test_chats_refused),
  };
  return cmocka_run_group_tests_name("json_lines", tests, make_folder, remove_folder);
}

/* gp_reader: token files and JSON Lines, plain and gzipped, whole, damaged and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "greenprint.h"

/* The size of the reader's buffers: what straddles it is worth a test. */
#define BUFFER 65536U

static char folder[] = "/tmp/greenprint-io-XXXXXX";
static char path[sizeof folder + 16];

static int make_folder(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/input", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  (void)unlink(path);
  return rmdir(folder);
}

/* ----------------------------------------------------------------- helpers */

typedef struct bytes {
  char *data;
  size_t length;
  size_t capacity;
} bytes;

static void append(bytes *to, const void *data, size_t length) {
  if (to->data == NULL || to->capacity - to->length < length) {
    to->capacity = 2 * (to->length + length) + 1;
    to->data = realloc(to->data, to->capacity);
    assert_non_null(to->data);
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

static void append_text(bytes *to, const char *text) {
  append(to, text, strlen(text));
}

static void append_many(bytes *to, char c, size_t count) {
  char *many = malloc(count);
  assert_non_null(many);
  memset(many, c, count);
  append(to, many, count);
  free(many);
}

static void release(bytes *data) {
  free(data->data);
  *data = (bytes){0};
}

/* Appends a gzip member; `name_length` bytes of file name stretch its header. */
static void append_member(bytes *to, const void *data, size_t length, size_t name_length) {
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  char *name = calloc(1, name_length + 1);
  assert_non_null(name);
  memset(name, 'n', name_length);
  gz_header header = {.name = (Bytef *)name};
  assert_int_equal(deflateSetHeader(&z, &header), Z_OK);
  const size_t room = deflateBound(&z, (uLong)length) + name_length + 64;
  char *out = malloc(room);
  assert_non_null(out);
  z.next_in = (z_const Bytef *)data;
  z.avail_in = (uInt)length;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)room;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  append(to, out, room - z.avail_out);
  assert_int_equal(deflateEnd(&z), Z_OK);
  free(out);
  free(name);
}

static bytes gzip(const bytes *data) {
  bytes zipped = {0};
  append_member(&zipped, data->data, data->length, 0);
  return zipped;
}

static void write_file(const void *data, size_t length) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

/* All documents of an input as text: ids separated by blanks, a document a line. */
static gp_status read_all(const char *name, gp_input_format format, bytes *documents,
                          gp_input_facts *facts, gp_error *error) {
  gp_reader *reader = NULL;
  gp_status status =
      gp_reader_open(name, format, format == GP_INPUT_JSONL ? "tokens" : NULL, &reader, error);
  uint64_t expected_line = 0;
  while (status == GP_OK) {
    const uint32_t *tokens = NULL;
    size_t n_tokens = 77;
    uint64_t line = 0;
    status = gp_reader_next(reader, &tokens, &n_tokens, &line, error);
    if (status != GP_OK) {
      break;
    }
    if (tokens == NULL) {
      assert_int_equal(n_tokens, 0);
      status = gp_reader_facts(reader, facts, error);
      break;
    }
    assert_int_equal(line, ++expected_line);
    for (size_t i = 0; i < n_tokens; i++) {
      char number[16];
      (void)snprintf(number, sizeof number, "%s%" PRIu32, i > 0 ? " " : "", tokens[i]);
      append_text(documents, number);
    }
    append_text(documents, "\n");
  }
  gp_reader_free(reader);
  return status;
}

static void assert_same_bytes(const bytes *found, const bytes *expected) {
  assert_int_equal(found->length, expected->length);
  assert_memory_equal(found->data, expected->data, expected->length);
}

static void assert_reads_as(gp_input_format format, const char *expected) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  if (read_all(path, format, &documents, &facts, &error) != GP_OK) {
    fail_msg("%s", error.message);
  }
  append(&documents, "", 1);
  assert_string_equal(documents.data, expected);
  release(&documents);
}

/* The file holds `data`; reading it fails with "NAME" + `message`. */
static void assert_refused(const void *data, size_t length, gp_input_format format,
                           const char *message) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  char expected[GP_ERROR_MESSAGE_SIZE];
  write_file(data, length);
  (void)snprintf(expected, sizeof expected, "%s%s", path, message);
  assert_int_equal(read_all(path, format, &documents, &facts, &error), GP_ERR_FORMAT);
  assert_string_equal(error.message, expected);
  assert_int_equal(error.status, GP_ERR_FORMAT);
  release(&documents);
}

static void assert_refused_text(const char *text, gp_input_format format, const char *message) {
  assert_refused(text, strlen(text), format, message);
}

/* ------------------------------------------------------------- token files */

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
    assert_reads_as(GP_INPUT_TOKENS, cases[i].documents);
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
    assert_refused_text(cases[i].file, GP_INPUT_TOKENS, cases[i].message);
  }
  static const char nul[] = "1 2\n3 \0 4\n";
  assert_refused(nul, sizeof nul - 1, GP_INPUT_TOKENS,
                 ":2: \"\\x00\" is not a token id: digits expected");
}

/* -------------------------------------------------------------- JSON Lines */

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
    assert_reads_as(GP_INPUT_JSONL, cases[i].documents);
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
      {"{\"token\":[1]}\n",
       ":1: the object has no field \"tokens\": choose the field that holds the token ids"},
      {"{\"tokens\":\"1 2\"}\n",
       ":1: field \"tokens\" is a string: an array of token ids expected"},
      {"{\"tokens\":null}\n", ":1: field \"tokens\" is null: an array of token ids expected"},
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
    assert_refused_text(cases[i].file, GP_INPUT_JSONL, cases[i].message);
  }
  static const char nul[] = "{\"tokens\":[1]}\0\n";
  assert_refused(nul, sizeof nul - 1, GP_INPUT_JSONL,
                 ":1: not JSON at byte 15: something follows the object: "
                 "\"okens\\\":[1]}\\x00\"");
  bytes deep = {0};
  append_text(&deep, "{\"a\":");
  append_many(&deep, '[', 100000);
  assert_refused(deep.data, deep.length, GP_INPUT_JSONL,
                 ":1: not JSON at byte 2053: nested too deeply: \"[[[[[[[[[[[[[[[[[[[[\"...");
  release(&deep);
}

static void test_json_field(void **state) {
  (void)state;
  static const char text[] = "{\"tokens\": 1, \"w\xC3\xB6rter\": [5, 6]}\n{\"tokens\": []}\n";
  write_file(text, sizeof text - 1);
  gp_reader *reader = NULL;
  const uint32_t *tokens = NULL;
  size_t n_tokens = 0;
  uint64_t line = 0;
  gp_error error;
  char field[] = "w\xC3\xB6rter";
  assert_int_equal(gp_reader_open(path, GP_INPUT_JSONL, field, &reader, NULL), GP_OK);
  memset(field, 0, sizeof field); /* it was copied */
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_OK);
  assert_int_equal(n_tokens, 2);
  assert_int_equal(tokens[1], 6);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, &error), GP_ERR_FORMAT);
  assert_non_null(strstr(error.message, ":2: the object has no field \"w\\xc3\\xb6rter\""));
  gp_reader_free(reader);
}

/* -------------------------------------------------------- chunks and sizes */

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
      assert_reads_as(GP_INPUT_TOKENS, "12 34 5678\n90 12345\n67\n");
      bytes zipped = gzip(&text);
      write_file(zipped.data, zipped.length);
      assert_reads_as(GP_INPUT_TOKENS, "12 34 5678\n90 12345\n67\n");
      release(&zipped);
      release(&text);
    }
  }
}

/* Deterministic ids that do not compress well. */
static bytes long_text(size_t n_tokens, size_t tokens_in_line) {
  bytes text = {0};
  uint32_t x = 1;
  for (size_t i = 0; i < n_tokens; i++) {
    x = x * 1664525U + 1013904223U;
    char number[16];
    const bool last = i + 1 == n_tokens || (i + 1) % tokens_in_line == 0;
    (void)snprintf(number, sizeof number, "%" PRIu32 "%s", x, last ? "\n" : " ");
    append_text(&text, number);
  }
  return text;
}

static void assert_reads_back(const bytes *text) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  if (read_all(path, GP_INPUT_TOKENS, &documents, &facts, &error) != GP_OK) {
    fail_msg("%s", error.message);
  }
  assert_same_bytes(&documents, text);
  release(&documents);
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

/* Members may be split anywhere, in the middle of a number too, and be empty. */
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
    for (size_t excess = 0; excess < 2; excess++) {
      bytes file = {0};
      append_many(&file, ' ', limits[i] - strlen(ends[i]) + excess);
      append_text(&file, ends[i]);
      if (excess == 0) {
        write_file(file.data, file.length);
        assert_reads_as(formats[i], "7\n");
      } else {
        assert_refused(file.data, file.length, formats[i], messages[i]);
      }
      release(&file);
    }
  }
}

static void test_gzip_members(void **state) {
  (void)state;
  static const char text[] = "12 34\r\n567 89\n4294967295\n";
  for (size_t cut = 0; cut < sizeof text; cut++) {
    bytes zipped = {0};
    append_member(&zipped, text, cut, 0);
    append_member(&zipped, "", 0, 3);
    append_member(&zipped, text + cut, sizeof text - 1 - cut, 0);
    write_file(zipped.data, zipped.length);
    assert_reads_as(GP_INPUT_TOKENS, "12 34\n567 89\n4294967295\n");
    release(&zipped);
  }
  bytes zipped = {0};
  for (size_t i = 0; i < sizeof text - 1; i++) {
    append_member(&zipped, text + i, 1, 0);
  }
  write_file(zipped.data, zipped.length);
  assert_reads_as(GP_INPUT_TOKENS, "12 34\n567 89\n4294967295\n");
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
    assert_reads_as(GP_INPUT_TOKENS, "12 34\n5\n");
    zipped.length = end + 1; /* half a magic */
    assert_refused(zipped.data, zipped.length, GP_INPUT_TOKENS,
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
  assert_refused(zipped.data, zipped.length, GP_INPUT_TOKENS,
                 ": the file is empty: it holds no document");
  release(&zipped);
}

/* ------------------------------------------------------------ damaged gzip */

static void test_gzip_cut_off_anywhere(void **state) {
  (void)state;
  bytes zipped = {0};
  append_member(&zipped, "1 2\n3 4\n", 8, 5);
  for (size_t length = 2; length < zipped.length; length++) {
    bytes documents = {0};
    gp_input_facts facts;
    gp_error error = {0};
    write_file(zipped.data, length);
    assert_int_equal(read_all(path, GP_INPUT_TOKENS, &documents, &facts, &error), GP_ERR_FORMAT);
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
  assert_refused(zipped.data, zipped.length, GP_INPUT_TOKENS,
                 ":3: the gzip data is damaged (incorrect data check)");
  zipped.data[zipped.length - 8] ^= 1;
  zipped.data[zipped.length - 4] ^= 1;
  assert_refused(zipped.data, zipped.length, GP_INPUT_TOKENS,
                 ":3: the gzip data is damaged (incorrect length check)");
  zipped.data[zipped.length - 4] ^= 1;
  assert_refused(zipped.data, zipped.length - 1, GP_INPUT_TOKENS,
                 ":3: the gzip data is cut off: the file is incomplete");
  append(&zipped, "\0", 1);
  assert_refused(zipped.data, zipped.length, GP_INPUT_TOKENS,
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
    if (read_all(path, GP_INPUT_TOKENS, &documents, &facts, &error) == GP_OK) {
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

/* ------------------------------------------------------------- where from */

static void pause_briefly(void) {
  const struct timespec pause = {0, 200000};
  (void)nanosleep(&pause, NULL);
}

/* A child that writes `data` into `fd` in pieces of `piece` bytes. */
static pid_t start_writer(const char *fifo, int fd, const bytes *data, size_t piece) {
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child != 0) {
    return child;
  }
  if (fifo != NULL) {
    fd = open(fifo, O_WRONLY);
  }
  for (size_t at = 0; at < data->length; at += piece) {
    const size_t left = data->length - at;
    if (write(fd, data->data + at, left < piece ? left : piece) < 0) {
      _exit(1);
    }
    pause_briefly();
  }
  _exit(0);
}

static void assert_writer_done(pid_t child) {
  int status = -1;
  pid_t waited = 0;
  do {
    waited = waitpid(child, &status, 0);
  } while (waited < 0 && errno == EINTR);
  assert_int_equal(waited, child);
  assert_int_equal(status, 0);
}

static void test_fifo(void **state) {
  (void)state;
  bytes text = {0};
  append_text(&text, "12 34\n567 89\n4294967295\n");
  bytes zipped = {0};
  append_member(&zipped, text.data, 7, 0);
  append_member(&zipped, text.data + 7, text.length - 7, 0);
  (void)unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  const bytes *inputs[] = {&text, &zipped};
  for (size_t i = 0; i < 2; i++) {
    for (size_t piece = 1; piece <= 3; piece++) {
      const pid_t child = start_writer(path, -1, inputs[i], piece);
      assert_reads_back(&text);
      assert_writer_done(child);
    }
  }
  assert_int_equal(unlink(path), 0);
  release(&zipped);
  release(&text);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number) {
  (void)number;
  alarms++;
}

/* Signals interrupt read(2) and open(2); the reader goes on. */
static void test_signals(void **state) {
  (void)state;
  struct sigaction action = {.sa_handler = count_alarm}; /* no SA_RESTART */
  struct sigaction before;
  assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
  timer_t timer;
  assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
  bytes text = long_text(100, 10);
  (void)unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  const pid_t child = start_writer(path, -1, &text, 5);
  const struct itimerspec often = {{0, 300000}, {0, 300000}};
  assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
  assert_reads_back(&text);
  assert_int_equal(timer_delete(timer), 0);
  assert_writer_done(child);
  assert_true(alarms > 0);
  assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
  assert_int_equal(unlink(path), 0);
  release(&text);
}

static void read_standard_input(bool non_blocking) {
  bytes text = {0};
  append_text(&text, "1 2\n3\n");
  const int saved = dup(STDIN_FILENO);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  if (non_blocking) {
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  }
  assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  const pid_t child = start_writer(NULL, ends[1], &text, 1);
  assert_int_equal(close(ends[1]), 0);
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  if (read_all("-", GP_INPUT_TOKENS, &documents, &facts, &error) != GP_OK) {
    fail_msg("%s", error.message);
  }
  assert_same_bytes(&documents, &text);
  assert_int_not_equal(fcntl(STDIN_FILENO, F_GETFD), -1); /* left open */
  assert_writer_done(child);
  /* It is at its end now, and "-" has a name in messages. */
  assert_int_equal(read_all("-", GP_INPUT_TOKENS, &documents, &facts, &error), GP_ERR_FORMAT);
  assert_string_equal(error.message, "standard input: the file is empty: it holds no document");
  if (saved >= 0) {
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(saved), 0);
  }
  assert_int_equal(close(ends[0]), 0);
  release(&documents);
  release(&text);
}

static void test_standard_input(void **state) {
  (void)state;
  read_standard_input(false);
  read_standard_input(true);
}

static void test_cannot_be_opened(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  gp_error error;
  char expected[GP_ERROR_MESSAGE_SIZE];
  (void)unlink(path);
  assert_int_equal(gp_reader_open(path, GP_INPUT_TOKENS, NULL, &reader, &error), GP_ERR_IO);
  (void)snprintf(expected, sizeof expected, "%s: cannot be opened: No such file or directory",
                 path);
  assert_string_equal(error.message, expected);
  assert_int_equal(gp_reader_open(folder, GP_INPUT_TOKENS, NULL, &reader, &error), GP_ERR_IO);
  (void)snprintf(expected, sizeof expected, "%s: is a directory: name the files in it", folder);
  assert_string_equal(error.message, expected);
  assert_null(reader);
}

/* A name is shown on one line as UTF-8, and never pushes the reason out of the message. */
static void test_names_in_messages(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  gp_error error;
  assert_int_equal(
      gp_reader_open("/none/a\n\x1b[1m\x7f\xff\xc3\xa4\xc2\x9b\xed\xa0\x80/b\xe2\x82",
                     GP_INPUT_TOKENS, NULL, &reader, &error),
      GP_ERR_IO);
  assert_string_equal(error.message, "/none/a?\?[1m?\?\xc3\xa4?\?\?\?\?/b?\?"
                                     ": cannot be opened: No such file or directory");
  for (size_t n = 195; n < 1000; n++) {
    char name[2100] = "/none/";
    for (size_t i = 0; i < n; i++) {
      memcpy(name + 6 + 2 * i, "\xc3\xa4", 3);
    }
    assert_int_equal(gp_reader_open(name, GP_INPUT_TOKENS, NULL, &reader, &error), GP_ERR_IO);
    assert_true(strncmp(error.message, "...\xc3\xa4", 5) == 0);
    assert_non_null(strstr(error.message, "\xc3\xa4: cannot be opened: "));
    assert_null(strchr(error.message, '?'));
  }
}

/* ------------------------------------------------------------ the contract */

static void assert_facts(const bytes *file, bool is_gzip) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  uint8_t sha256[32];
  memset(&facts, 0, sizeof facts);
  write_file(file->data, file->length);
  assert_int_equal(read_all(path, GP_INPUT_TOKENS, &documents, &facts, &error), GP_OK);
  assert_int_equal(EVP_Digest(file->data, file->length, sha256, NULL, EVP_sha256(), NULL), 1);
  assert_memory_equal(facts.sha256, sha256, sizeof sha256);
  assert_int_equal(facts.bytes, file->length);
  assert_true(facts.gzip == is_gzip);
  release(&documents);
}

static void test_facts(void **state) {
  (void)state;
  bytes text = long_text(100000, 100);
  assert_facts(&text, false);
  bytes zipped = gzip(&text);
  append_member(&zipped, "1\n", 2, 0);
  assert_facts(&zipped, true);
  release(&zipped);
  release(&text);
}

static void test_states(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  const uint32_t *tokens = NULL;
  size_t n_tokens = 0;
  uint64_t line = 0;
  gp_input_facts facts;
  write_file("1\n", 2);
  assert_int_equal(gp_reader_open(path, GP_INPUT_TOKENS, NULL, &reader, NULL), GP_OK);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_OK);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_OK);
  assert_null(tokens);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_OK);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_OK);
  gp_reader_free(reader);

  write_file("x\n1\n", 4);
  assert_int_equal(gp_reader_open(path, GP_INPUT_TOKENS, NULL, &reader, NULL), GP_OK);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_ERR_FORMAT);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_ERR_ARGUMENT);
  gp_reader_free(reader);
}

static void test_empty_document_has_a_pointer(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  const uint32_t *tokens = NULL;
  size_t n_tokens = 1;
  uint64_t line = 0;
  static const char text[] = "{\"tokens\":[]}";
  write_file(text, sizeof text - 1);
  assert_int_equal(gp_reader_open(path, GP_INPUT_JSONL, "tokens", &reader, NULL), GP_OK);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, NULL), GP_OK);
  assert_non_null(tokens);
  assert_int_equal(n_tokens, 0);
  assert_int_equal(line, 1);
  gp_reader_free(reader);
}

static void test_arguments(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  const uint32_t *tokens = NULL;
  size_t n_tokens = 0;
  uint64_t line = 0;
  gp_input_facts facts;
  gp_error error;
  assert_int_equal(gp_reader_open(NULL, GP_INPUT_TOKENS, NULL, &reader, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_open(path, GP_INPUT_TOKENS, NULL, NULL, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_open(path, GP_INPUT_TOKENS, "x", &reader, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_open(path, GP_INPUT_JSONL, NULL, &reader, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_open(path, (gp_input_format)3, NULL, &reader, &error),
                   GP_ERR_ARGUMENT);
  assert_null(reader);
  assert_int_equal(gp_reader_next(NULL, &tokens, &n_tokens, &line, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(NULL, &facts, &error), GP_ERR_ARGUMENT);
  write_file("1\n", 2);
  assert_int_equal(gp_reader_open(path, GP_INPUT_TOKENS, NULL, &reader, &error), GP_OK);
  assert_int_equal(gp_reader_next(reader, NULL, &n_tokens, &line, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &tokens, NULL, &line, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, NULL, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(reader, NULL, &error), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &tokens, &n_tokens, &line, &error), GP_OK);
  gp_reader_free(reader);
  gp_reader_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_token_lines),
      cmocka_unit_test(test_token_lines_refused),
      cmocka_unit_test(test_json_lines),
      cmocka_unit_test(test_json_lines_refused),
      cmocka_unit_test(test_json_field),
      cmocka_unit_test(test_buffer_boundaries),
      cmocka_unit_test(test_long_lines),
      cmocka_unit_test(test_line_limit),
      cmocka_unit_test(test_gzip_members),
      cmocka_unit_test(test_gzip_member_at_buffer_end),
      cmocka_unit_test(test_gzip_empty),
      cmocka_unit_test(test_gzip_cut_off_anywhere),
      cmocka_unit_test(test_gzip_damage_names_the_line),
      cmocka_unit_test(test_gzip_every_bit),
      cmocka_unit_test(test_fifo),
      cmocka_unit_test(test_signals),
      cmocka_unit_test(test_standard_input),
      cmocka_unit_test(test_cannot_be_opened),
      cmocka_unit_test(test_names_in_messages),
      cmocka_unit_test(test_facts),
      cmocka_unit_test(test_states),
      cmocka_unit_test(test_empty_document_has_a_pointer),
      cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests_name("io", tests, make_folder, remove_folder);
}

/* Binary arrays: npy headers and values, ids without a header, and files that lie. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io_support.h"

#define PART ((size_t)1 << 16)

static const gp_reader_options npy = {.format = GP_INPUT_NPY};
static const gp_reader_options u16 = {.format = GP_INPUT_U16};
static const gp_reader_options u32 = {.format = GP_INPUT_U32};

/* An npy file with the given literal, padded as NumPy does. */
static bytes npy_file(unsigned version, const char *literal, const void *data, size_t length) {
  bytes file = {0};
  const size_t prefix = version == 1 ? 10 : 12;
  const size_t header = (prefix + strlen(literal) + 64) / 64 * 64 - prefix;
  const char start[12] = {'\x93',
                          'N',
                          'U',
                          'M',
                          'P',
                          'Y',
                          (char)version,
                          0,
                          (char)(header & 0xFF),
                          (char)(header >> 8),
                          0,
                          0};
  append(&file, start, prefix);
  append_text(&file, literal);
  append_many(&file, ' ', header - strlen(literal) - 1);
  append_text(&file, "\n");
  if (length > 0) {
    append(&file, data, length);
  }
  return file;
}

static bytes npy_of(const char *descr, const char *shape, const void *data, size_t length) {
  char literal[200];
  (void)snprintf(literal, sizeof literal,
                 "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
  return npy_file(1, literal, data, length);
}

/* Every type, with its smallest and its largest value that is an id. */
static void test_types(void **state) {
  (void)state;
  static const struct {
    const char *descr;
    const char *data;
    size_t length;
    const char *shape;
    const char *document;
  } cases[] = {
      {"|u1", "\x00\x07\xff", 3, "(3,)", "0 7 255\n"},
      {"<u1", "\x00\x07\xff", 3, "(3,)", "0 7 255\n"},
      {"|i1", "\x00\x07\x7f", 3, "(3,)", "0 7 127\n"},
      {"<u2", "\x01\x02\xff\xff", 4, "(2,)", "513 65535\n"},
      {">u2", "\x01\x02\xff\xff", 4, "(2,)", "258 65535\n"},
      {"<i2", "\x01\x02\xff\x7f", 4, "(2,)", "513 32767\n"},
      {">i2", "\x01\x02\x7f\xff", 4, "(2,)", "258 32767\n"},
      {"<u4", "\x01\x02\x03\x04\xff\xff\xff\xff", 8, "(2,)", "67305985 4294967295\n"},
      {">u4", "\x01\x02\x03\x04\xff\xff\xff\xff", 8, "(2,)", "16909060 4294967295\n"},
      {"<i4", "\x01\x02\x03\x04\xff\xff\xff\x7f", 8, "(2,)", "67305985 2147483647\n"},
      {">i4", "\x01\x02\x03\x04\x7f\xff\xff\xff", 8, "(2,)", "16909060 2147483647\n"},
      {"<u8", "\x01\x02\x03\x04\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 16, "(2,)",
       "67305985 4294967295\n"},
      {">u8", "\0\0\0\0\x01\x02\x03\x04\0\0\0\0\xff\xff\xff\xff", 16, "(2,)",
       "16909060 4294967295\n"},
      {"<i8", "\x01\x02\x03\x04\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 16, "(2,)",
       "67305985 4294967295\n"},
      {">i8", "\0\0\0\0\x01\x02\x03\x04\0\0\0\0\xff\xff\xff\xff", 16, "(2,)",
       "16909060 4294967295\n"},
      {"<u2", "\1\0\2\0\3\0\4\0\5\0\6\0", 12, "(2, 3)", "1 2 3\n4 5 6\n"},
      {"<u2", "\1\0\2\0\3\0\4\0\5\0\6\0", 12, "(3, 2)", "1 2\n3 4\n5 6\n"},
      {"<u2", "\1\0\2\0", 4, "(1, 2,)", "1 2\n"},
      {"<u2", "\1\0\2\0", 4, "( 2 , )", "1 2\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bytes file = npy_of(cases[i].descr, cases[i].shape, cases[i].data, cases[i].length);
    write_file(file.data, file.length);
    assert_reads_as(&npy, cases[i].document);
    bytes zipped = gzip(&file);
    write_file(zipped.data, zipped.length);
    assert_reads_as(&npy, cases[i].document);
    release(&zipped);
    release(&file);
  }
}

static void test_values_refused(void **state) {
  (void)state;
#define IDS ": token ids are integers from 0 to 4294967295"
  static const struct {
    const char *descr;
    const char *data;
    size_t length;
    const char *shape;
    const char *before;
    const char *message;
  } cases[] = {
      {"|i1", "\x01\xff", 2, "(2,)", "", ": entry 2 is -1" IDS},
      {"|i1", "\x80", 1, "(1,)", "", ": entry 1 is -128" IDS},
      {"<i2", "\x00\x80", 2, "(1,)", "", ": entry 1 is -32768" IDS},
      {">i4", "\x80\0\0\0", 4, "(1,)", "", ": entry 1 is -2147483648" IDS},
      {"<i8", "\0\0\0\0\0\0\0\x80", 8, "(1,)", "", ": entry 1 is -9223372036854775808" IDS},
      {"<i8", "\0\0\0\0\1\0\0\0", 8, "(1,)", "", ": entry 1 is 4294967296" IDS},
      {">u8", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "(1,)", "",
       ": entry 1 is 18446744073709551615" IDS},
      {"<i2", "\1\0\2\0\3\0\xfe\xff", 8, "(2, 2)", "1 2\n", ": row 2, column 2 is -2" IDS},
  };
#undef IDS
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bytes file = npy_of(cases[i].descr, cases[i].shape, cases[i].data, cases[i].length);
    assert_refused_after(cases[i].before, file.data, file.length, &npy, cases[i].message);
    release(&file);
  }
}

/* A row that is no document is passed over. */
static void test_go_on(void **state) {
  (void)state;
  bytes file = npy_of("|i1", "(3, 1)", "\1\xff\2", 3);
  write_file(file.data, file.length);
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  assert_ok(gp_reader_open(path, &npy, &reader, error));
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_int_equal(gp_reader_next(reader, &document, &more, NULL), GP_ERR_FORMAT);
  assert_true(gp_reader_can_go_on(reader));
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_true(more);
  assert_int_equal(document.line, 3);
  assert_int_equal(document.tokens[0], 2);
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_false(more);
  gp_reader_free(reader);
  release(&file);
}

static void test_headers(void **state) {
  (void)state;
  static const char *const literals[] = {
      "{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }",
      "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"<u2\"}",
      " \t{ 'descr' :\n'<u2' , 'fortran_order' : True , 'shape' : ( 2 , ) , } ",
      "{'descr': '<u2', 'fortran_order': True, 'shape': (1, 2)}",
  };
  for (unsigned version = 1; version <= 3; version++) {
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
      bytes file = npy_file(version, literals[i], "\1\0\2\0", 4);
      write_file(file.data, file.length);
      assert_reads_as(&npy, "1 2\n");
      release(&file);
    }
  }
}

static void test_headers_refused(void **state) {
  (void)state;
#define START      "{'descr': '<u2', 'fortran_order': False, "
#define TYPE       ": integers of 1, 2, 4 or 8 bytes expected"
#define LITERAL    ": the npy header is not as NumPy writes it, at "
#define DIMENSIONS " dimensions: one, or two for a document a row, expected"
  static const struct {
    const char *literal;
    const char *message;
  } cases[] = {
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
       ": the array's type is \"<f4\"" TYPE},
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}",
       ": the array's type is \"|b1\"" TYPE},
      {"{'descr': '=u4', 'fortran_order': False, 'shape': (2,)}",
       ": the array's type is \"=u4\"" TYPE},
      {"{'descr': '|u4', 'fortran_order': False, 'shape': (2,)}",
       ": the array's type is \"|u4\"" TYPE},
      {"{'descr': '<u16', 'fortran_order': False, 'shape': (2,)}",
       ": the array's type is \"<u16\"" TYPE},
      {"{'descr': '<u3', 'fortran_order': False, 'shape': (2,)}",
       ": the array's type is \"<u3\"" TYPE},
      {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", ": the array's type is \"\"" TYPE},
      {"{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (2,)}",
       ": the array holds records of several fields: integers expected"},
      {START "'shape': ()}", ": the array has 0" DIMENSIONS},
      {START "'shape': (1, 1, 2)}", ": the array has 3" DIMENSIONS},
      {START "'shape': (0,)}", ": the array is empty: it holds no document"},
      {START "'shape': (5, 0)}", ": the array is empty: it holds no document"},
      {START "'shape': (0, 5)}", ": the array is empty: it holds no document"},
      {START "'shape': (2, 33554433)}",
       ": the array's rows are longer than 64 MiB: split them into several"},
      {START "'shape': (9223372036854775808,)}", ": the array's shape is too large to be true"},
      {"{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3)}",
       ": the array is stored by columns: save numpy.ascontiguousarray() of it"},
      {START "}", ": the npy header lacks one of 'descr', 'fortran_order' and 'shape'"},
      {"{}", ": the npy header lacks one of 'descr', 'fortran_order' and 'shape'"},
      {START "'shape': (2)}     ", LITERAL "\"}     "},
      {START "'shape': (2 3,)}", LITERAL "\"3,)}"},
      {START "'shape': (,)}", LITERAL "\",)}"},
      {START "'shape': (2,,)}", LITERAL "\",)}"},
      {START "'shape': (-2,)}", LITERAL "\"-2,)}"},
      {START "'shape': 2}", LITERAL "\"2}"},
      {START "'shape': (2,)} x", LITERAL "\"x"},
      {START "'shape': (2,), 'x': 1}", LITERAL "\"'x': 1}"},
      {START "'descr': '<u2'}", LITERAL "\"'descr': '<u2'}"},
      {START "'shape' (2,)}", LITERAL "\"(2,)}"},
      {START "'shape': (2,),, }", LITERAL "\", }"},
      {"{'descr': '<u2' 'fortran_order': False}", LITERAL "\"'fortran_order': Fal"},
      {"{'descr': '<u2', 'fortran_order': 0}", LITERAL "\"0}"},
      {"{'descr': '<\\x75\\x32'}", LITERAL "\"'<\\\\x75\\\\x32'}"},
      {"{'descr': u'<u2'}", LITERAL "\"u'<u2'}"},
      {"{'descr': '<u2", LITERAL "\"'<u2"},
      {"{'descr", LITERAL "\"'descr"},
      {"['descr']", LITERAL "\"['descr']"},
      {"", LITERAL "\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bytes file = npy_file(1, cases[i].literal, "\1\0\2\0", 4);
    bytes documents = {0};
    gp_input_facts facts;
    gp_error error = {0};
    char expected[GP_ERROR_MESSAGE_SIZE];
    write_file(file.data, file.length);
    (void)snprintf(expected, sizeof expected, "%s%s", path, cases[i].message);
    assert_int_equal(read_all(path, &npy, &documents, &facts, &error), GP_ERR_FORMAT);
    /* What is quoted goes on into the padding. */
    if (strstr(expected, LITERAL) != NULL) {
      error.message[strlen(expected)] = '\0';
    }
    assert_string_equal(error.message, expected);
    release(&file);
    release(&documents);
  }
}

/* A NUL ends a C string, but no header: it is no size of an element. */
static void test_nul_is_no_size(void **state) {
  (void)state;
  bytes file = npy_of("<i?", "(2,)", "\1\0\2\0", 4);
  *(char *)memchr(file.data, '?', file.length) = '\0';
  assert_refused(file.data, file.length, &npy, ": the array's type is \"<i\\x00\"" TYPE);
  release(&file);
}

static void test_prefix_refused(void **state) {
  (void)state;
  static const struct {
    const char *data;
    size_t length;
    const char *message;
  } cases[] = {
      {"", 0, ": the file is empty: it holds no document"},
      {"PK\3\4", 4, ": not an npy file: it does not start as one does"},
      {"\x93NUMPZ", 6, ": not an npy file: it does not start as one does"},
      {"\x93NUMPY\0\0", 8, ": npy format version 0.0 is not known: 1.0, 2.0 or 3.0 expected"},
      {"\x93NUMPY\4\0\1\0", 10,
       ": npy format version 4.0 is not known: 1.0, 2.0 or 3.0 expected"},
      {"\x93NUMPY\1\1\1\0", 10,
       ": npy format version 1.1 is not known: 1.0, 2.0 or 3.0 expected"},
      {"\x93NUMPY\2\0\0\0\1\0", 12,
       ": the npy header claims to have 65536 bytes: at most 65535 are read"},
      {"\x93NUMPY\3\0\xff\xff\xff\xff", 12,
       ": the npy header claims to have 4294967295 bytes: at most 65535 are read"},
      {"\x93NUMPY\1\0\xff\xff{", 11, ": the file ends within the npy header"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_refused(cases[i].data, cases[i].length, &npy, cases[i].message);
  }
}

/* A file cut off anywhere is an error, and says how much is there. */
static void test_cut_off_anywhere(void **state) {
  (void)state;
  static const char *const shapes[] = {"(6,)", "(3, 2)"};
  for (size_t i = 0; i < 2; i++) {
    bytes file = npy_of("<u2", shapes[i], "\1\0\2\0\3\0\4\0\5\0\6\0", 12);
    const size_t start = file.length - 12;
    for (size_t length = 1; length < file.length; length++) {
      char message[200] = ": the file ends within the npy header";
      if (length >= start) {
        const size_t there = length - start;
        (void)snprintf(message, sizeof message,
                       ": the file ends before its array does: %zu of %d %s are there whole",
                       i == 0 ? there / 2 : there / 4, i == 0 ? 6 : 3,
                       i == 0 ? "entries" : "rows");
      }
      assert_refused(file.data, length, &npy, message);
    }
    append_text(&file, "\n");
    assert_refused_after(i == 0 ? "1 2 3 4 5 6\n" : "1 2\n3 4\n5 6\n", file.data, file.length,
                         &npy,
                         ": bytes follow the array that the npy header describes: the file is "
                         "damaged");
    release(&file);
  }
}

/* The largest claims allocate nothing and end as soon as the file does. */
static void test_claims(void **state) {
  (void)state;
  bytes file = npy_of("<u8", "(922337203685477580,)", "", 0);
  assert_refused(file.data, file.length, &npy,
                 ": the file ends before its array does: 0 of 922337203685477580 entries are "
                 "there whole");
  release(&file);
  file = npy_of("<u8", "(922337203685477580, 8388608)", "x", 1);
  assert_refused(file.data, file.length, &npy,
                 ": the file ends before its array does: 0 of 922337203685477580 rows are there "
                 "whole");
  release(&file);
}

static void test_raw(void **state) {
  (void)state;
  static const char data[] = "\1\0\2\0\xff\xff\3\1";
  write_file(data, 8);
  assert_reads_as(&u16, "1 2 65535 259\n");
  assert_reads_as(&u32, "131073 17039359\n");
  assert_refused(data, 7, &u16, ": the file ends within an id of 2 bytes");
  assert_refused(data, 1, &u16, ": the file ends within an id of 2 bytes");
  for (size_t length = 1; length < 8; length++) {
    if (length != 4) {
      assert_refused(data, length, &u32, ": the file ends within an id of 4 bytes");
    }
  }
  assert_refused(data, 0, &u16, ": the file is empty: it holds no document");
  /* No byte is special in these formats, whatever it means elsewhere. */
  write_file("\xEF\xBB\xBF\n", 4);
  assert_reads_as(&u16, "48111 2751\n");
}

static void assert_parts(const gp_reader_options *options, const size_t *lengths,
                         size_t n_parts) {
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  assert_ok(gp_reader_open(path, options, &reader, error));
  for (size_t i = 0; i < n_parts; i++) {
    assert_ok(gp_reader_next(reader, &document, &more, error));
    assert_true(more);
    assert_int_equal(document.n_tokens, lengths[i]);
    assert_int_equal(document.line, i + 1);
    assert_int_equal(document.tokens[0], i + 1);
    assert_int_equal(document.tokens[lengths[i] - 1], i == 0 ? 7 : i + 1);
  }
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_false(more);
  gp_reader_free(reader);
}

/* 2^16 ids are one document; one more starts another. */
static void test_parts(void **state) {
  (void)state;
  for (size_t excess = 0; excess < 2; excess++) {
    const size_t lengths[] = {PART, 1};
    bytes ids = {0};
    append_many(&ids, '\0', 2 * (PART + excess));
    ids.data[0] = 1;
    ids.data[2 * PART - 2] = 7;
    if (excess > 0) {
      ids.data[2 * PART] = 2;
    }
    write_file(ids.data, ids.length);
    assert_parts(&u16, lengths, 1 + excess);
    char shape[32];
    (void)snprintf(shape, sizeof shape, "(%zu,)", PART + excess);
    bytes file = npy_of("<i2", shape, ids.data, ids.length);
    write_file(file.data, file.length);
    assert_parts(&npy, lengths, 1 + excess);
    if (excess > 0) {
      file.data[file.length - 1] = '\xff';
      assert_refused(file.data, file.length, &npy,
                     ": entry 65537 is -254: token ids are integers from 0 to 4294967295");
    }
    release(&file);
    release(&ids);
  }
}

/* The longest row. */
static void test_long_row(void **state) {
  (void)state;
  bytes row = {0};
  append_many(&row, '\3', (size_t)1 << 26);
  bytes file = npy_of("|u1", "(1, 67108864)", row.data, row.length);
  write_file(file.data, file.length);
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  assert_ok(gp_reader_open(path, &npy, &reader, error));
  assert_ok(gp_reader_next(reader, &document, &more, error));
  assert_int_equal(document.n_tokens, row.length);
  assert_int_equal(document.tokens[row.length - 1], 3);
  gp_reader_free(reader);
  release(&file);
  release(&row);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),           cmocka_unit_test(test_values_refused),
      cmocka_unit_test(test_go_on),           cmocka_unit_test(test_headers),
      cmocka_unit_test(test_headers_refused), cmocka_unit_test(test_nul_is_no_size),
      cmocka_unit_test(test_prefix_refused),  cmocka_unit_test(test_cut_off_anywhere),
      cmocka_unit_test(test_claims),          cmocka_unit_test(test_raw),
      cmocka_unit_test(test_parts),           cmocka_unit_test(test_long_row),
  };
  return cmocka_run_group_tests_name("arrays", tests, make_folder, remove_folder);
}

/* Tokenizers from small files made by hand. Expected ids were worked out from the rules, and
 * checked against the tokenizers library (0.23.3) once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

static char path[] = "/tmp/greenprint-text-XXXXXX";

#define FILE_OF(normalizer, pre_tokenizer, added, model)                                         \
  "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[" added           \
  "],\"normalizer\":" normalizer ",\"pre_tokenizer\":" pre_tokenizer                             \
  ",\"post_processor\":{\"type\":\"Whatever\"},\"decoder\":null,\"model\":" model "}"

#define BYTE_LEVEL                                                                               \
  "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}"
/* A few letters, the space (U+0120 stands for it), and the bytes of U+00E9. */
#define BYTES                                                                                    \
  "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"\\u0120\":3,\"\\u00c3\":4,"            \
  "\"\\u00a9\":5,\"ab\":6,\"\\u0120a\":7,\"\\u0120ab\":8,\"abc\":9,\"<e>\":10,\"1\":11,"         \
  "\"\\u00c3\\u00a9\":12,\"\\u010a\":13,\"bc\":14},"                                             \
  "\"merges\":[\"a b\",[\"\\u0120\",\"a\"],\"\\u0120a b\",\"ab c\",\"\\u00c3 \\u00a9\"]}"
/* Characters, with an unknown token and byte tokens for U+00E9 only. */
#define CHARACTERS(options)                                                                      \
  "{\"type\":\"BPE\"," options "\"vocab\":{\"<unk>\":0,\"\\u2581\":1,\"a\":2,\"b\":3,"           \
  "\"\\u2581a\":4,\"ab\":5,\"<0xC3>\":6,\"<0xA9>\":7,\"A\":8,\"\\u00e9\":9,\"e\":10,"            \
  "\"\\u2581ab\":11},\"merges\":[\"\\u2581 a\",\"\\u2581a b\",\"a b\"]}"
#define PLAIN                     CHARACTERS("")
#define TOKEN(id, content, flags) "{\"id\":" id ",\"content\":\"" content "\"" flags "}"

static void write_file(const char *text) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
}

static gp_tokenizer *open_text(const char *text) {
  gp_tokenizer *tokenizer = NULL;
  write_file(text);
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  return tokenizer;
}

/* Checks ids and ends; `expected` is such as "8@3 9@6". */
static void encodes_bytes(const char *file, const char *text, size_t length,
                          const char *expected) {
  gp_tokenizer *tokenizer = open_text(file);
  gp_encoder *encoder = NULL;
  assert_ok(gp_encoder_new(tokenizer, &encoder, error));
  for (int again = 0; again < 2; again++) { /* the second time from the cache */
    const uint32_t *ids = NULL;
    const size_t *ends = NULL;
    size_t count = 0;
    assert_ok(gp_encoder_encode(encoder, text, length, &ids, &ends, &count, error));
    char found[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof found - 32; i++) {
      used += (size_t)snprintf(found + used, sizeof found - used, "%s%u@%zu", i == 0 ? "" : " ",
                               ids[i], ends[i]);
    }
    assert_string_equal(found, expected);
  }
  gp_encoder_free(encoder);
  gp_tokenizer_free(tokenizer);
}

static void encodes(const char *file, const char *text, const char *expected) {
  encodes_bytes(file, text, strlen(text), expected);
}

static void refuses(const char *file, const char *expected) {
  gp_tokenizer *tokenizer = NULL;
  gp_error error = {0};
  write_file(file);
  assert_int_equal(gp_tokenizer_open(path, &tokenizer, &error), GP_ERR_FORMAT);
  assert_null(tokenizer);
  assert_memory_equal(error.message, path, strlen(path));
  assert_string_equal(error.message + strlen(path) + 2, expected);
}

/* -------------------------------------------------------------------- models */

static void byte_level(void **state) {
  (void)state;
  const char *file = FILE_OF("null", BYTE_LEVEL, "", BYTES);
  encodes(file, "", "");
  encodes(file, "abc", "9@3");
  encodes(file, "ab abc", "6@2 3@3 9@6"); /* "a b" comes before "\\u0120 a" */
  encodes(file, "cab", "2@1 6@3");
  encodes(file, "a\xC3\xA9", "0@1 12@3");
  encodes(file,
          "a\xC3\xA9"
          "a",
          "0@1 12@3 0@4");
  /* No piece for U+00AA's second byte: it is dropped, as there is no unknown token. */
  encodes(file,
          "\xC3\xAA"
          "b",
          "4@1 1@3");
  /* GPT-2's pattern: the last blank goes with the word, line ends are of the blanks. */
  encodes(file, "a   b", "0@1 3@2 3@3 3@4 1@5");
  encodes(file, "a \n b", "0@1 3@2 13@3 3@4 1@5");
  encodes(file, "<e>", "");
}

static void prefix_space(void **state) {
  (void)state;
  const char *file =
      FILE_OF("null", "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":false}",
              "", BYTES);
  encodes(file, "ab", "3@0 6@2");
  encodes(file, " ab", "3@1 6@3");
  encodes(file, "", "");
}

static void whole_pieces_first(void **state) {
  (void)state;
  /* "bc" has no merge, so that it is found only as a whole. */
  const char *merging = FILE_OF("null", BYTE_LEVEL, "", BYTES);
  encodes(merging, "bc", "1@1 2@2");
  char ignoring[4096];
  const char *at = strstr(merging, "\"type\":\"BPE\"");
  (void)snprintf(ignoring, sizeof ignoring, "%.*s\"ignore_merges\":true,%s", (int)(at - merging),
                 merging, at);
  encodes(ignoring, "bc", "14@2");
  encodes(ignoring, "bcb", "1@1 2@2 1@3");
}

static void unknown_characters(void **state) {
  (void)state;
  const char *unknown = FILE_OF("null", "null", "", CHARACTERS("\"unk_token\":\"<unk>\","));
  encodes(unknown, "axyb", "2@1 0@2 0@3 3@4");
  const char *fused =
      FILE_OF("null", "null", "", CHARACTERS("\"unk_token\":\"<unk>\",\"fuse_unk\":true,"));
  encodes(fused, "axyb", "2@1 0@3 3@4");
  const char *bytes =
      FILE_OF("null", "null", "",
              CHARACTERS("\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"byte_fallback\":true,"));
  encodes(bytes, "a\xC3\xA9z", "2@1 9@3 0@4");
  encodes(bytes, "a\xE9\xA9\xA9z", "2@1 0@5"); /* one of the bytes has no token */
  encodes(FILE_OF("null", "null", "", PLAIN), "axyb",
          "5@4"); /* dropped, and what is left joins */
}

static void unigram(void **state) {
  (void)state;
  const char *file =
      FILE_OF("null", "{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"}", "",
              "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"\\u2581\",-2],"
              "[\"a\",-3],[\"b\",-3.5],[\"ab\",-4],[\"\\u2581a\",-1]]}");
  encodes(file, "ab", "5@1 3@2");
  encodes(file, "ab abab", "5@1 3@2 5@4 3@5 4@7");
  encodes(file, "azzb", "5@1 0@3 3@4");
}

/* --------------------------------------------------------------- normalizers */

static void normalizers(void **state) {
  (void)state;
  encodes(FILE_OF("{\"type\":\"NFC\"}", "null", "", PLAIN),
          "e\xCC\x81"
          "a",
          "9@3 2@4");
  encodes(FILE_OF("{\"type\":\"NFD\"}", "null", "", PLAIN),
          "\xC3\xA9"
          "a",
          "10@2 2@3");
  encodes(FILE_OF("{\"type\":\"NFKC\"}", "null", "", PLAIN), "\xEF\xBD\x81\xEF\xBD\x82", "5@6");
  encodes(FILE_OF("{\"type\":\"Lowercase\"}", "null", "", PLAIN), "AB", "5@2");
  encodes(
      FILE_OF("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", "null", "", PLAIN),
      " \xC2\xA0"
      "ab \n",
      "5@5");
  encodes(FILE_OF("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},"
                  "{\"type\":\"StripAccents\"}]}",
                  "null", "", PLAIN),
          "\xC3\xA9", "10@2");
  encodes(FILE_OF("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"
                  "\"\\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
                  "\"content\":\"\\u2581\"}]}",
                  "null", "", PLAIN),
          "ab b", "11@2 1@3 3@4");
  encodes(FILE_OF("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x+|\\\\s\"},"
                  "\"content\":\"a\"}",
                  "null", "", PLAIN),
          "xxxb ", "5@4 2@5");
}

/* ------------------------------------------------------------ pre-tokenizers */

#define SPLIT(pattern, behaviour, invert)                                                        \
  "{\"type\":\"Split\",\"pattern\":" pattern ",\"behavior\":\"" behaviour                        \
  "\",\"invert\":" invert "}"
#define THEN_BYTES(split)                                                                        \
  "{\"type\":\"Sequence\",\"pretokenizers\":[" split                                             \
  ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}"

static void splits(void **state) {
  (void)state;
  /* "abab" is ab-ab unsplit; each behaviour leaves other letters together. */
  encodes(
      FILE_OF("null", THEN_BYTES(SPLIT("{\"String\":\"b\"}", "Isolated", "false")), "", BYTES),
      "abab", "0@1 1@2 0@3 1@4");
  encodes(FILE_OF("null", THEN_BYTES(SPLIT("{\"String\":\"b\"}", "Removed", "false")), "", BYTES),
          "abab", "0@1 0@3");
  encodes(FILE_OF("null", THEN_BYTES(SPLIT("{\"String\":\"b\"}", "MergedWithPrevious", "false")),
                  "", BYTES),
          "abbab", "6@2 1@3 6@5");
  encodes(FILE_OF("null", THEN_BYTES(SPLIT("{\"String\":\"a\"}", "MergedWithNext", "false")), "",
                  BYTES),
          "aab", "0@1 6@3");
  encodes(FILE_OF("null", THEN_BYTES(SPLIT("{\"Regex\":\"[ab]\"}", "Contiguous", "false")), "",
                  BYTES),
          "abcab", "6@2 2@3 6@5");
  encodes(FILE_OF("null", THEN_BYTES(SPLIT("{\"Regex\":\"ab\"}", "Removed", "true")), "", BYTES),
          "cabcabc", "6@3 6@6");
  encodes(
      FILE_OF("null", THEN_BYTES("{\"type\":\"Digits\",\"individual_digits\":true}"), "", BYTES),
      "ab11", "6@2 11@3 11@4");
  encodes(FILE_OF("null", "{\"type\":\"WhitespaceSplit\"}", "", PLAIN), " ab\n a", "5@3 2@6");
  /* Possessive in PCRE2, repeated in Ruby: "aaaa" is one match. */
  encodes(FILE_OF("null", THEN_BYTES(SPLIT("{\"Regex\":\"a{1,3}+|b\"}", "Removed", "true")), "",
                  BYTES),
          "aaaacb", "0@1 0@2 0@3 0@4 1@6");
  /* U+180E is a space for PCRE2 alone. */
  encodes(FILE_OF("null", SPLIT("{\"Regex\":\"\\\\s\"}", "Removed", "false"), "",
                  CHARACTERS("\"unk_token\":\"<unk>\",")),
          "a\xE1\xA0\x8E\xE3\x80\x80"
          "b",
          "2@1 0@4 3@8");
}

static void metaspace(void **state) {
  (void)state;
#define META(options) "{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"" options "}"
  encodes(FILE_OF("null", META(""), "", PLAIN), "ab ab", "11@2 11@5");
  encodes(FILE_OF("null", META(",\"add_prefix_space\":false"), "", PLAIN), "ab ab", "5@2 11@5");
  encodes(FILE_OF("null", META(",\"prepend_scheme\":\"never\",\"split\":false"), "", PLAIN),
          "ab ab", "5@2 11@5");
  encodes(FILE_OF("null", META(",\"prepend_scheme\":\"first\""),
                  TOKEN("12", "<s>", ",\"special\":true"), PLAIN),
          "ab<s>ab", "11@2 12@5 5@7");
  encodes(FILE_OF("null", META(",\"prepend_scheme\":\"first\""),
                  TOKEN("12", "<s>", ",\"special\":true"), PLAIN),
          "<s>ab", "12@3 5@5");
}

/* Text is cut before marks where no merge forbids it, and nowhere else. */
static void marks(void **state) {
  (void)state;
#define MARKS(merges)                                                                            \
  FILE_OF("{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\\u2581\"}",       \
          "null", "",                                                                            \
          "{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"vocab\":{\"a\":0,\"b\":1,\"\\u2581\":2,"  \
          "\"\\u2581a\":3,\"b\\u2581\":4,\"\\u2581\\u2581\":5,\"<unk>\":6,\"<unk>\\u2581\":7},"  \
          "\"merges\":[" merges "]}")
  encodes(MARKS("\"\\u2581 a\",\"\\u2581 \\u2581\""), "a ab  a", "0@1 3@3 1@4 2@5 3@7");
  encodes(MARKS("\"b \\u2581\",\"\\u2581 a\""), "a ab a", "0@1 3@3 4@5 0@6");
  encodes(MARKS("\"<unk> \\u2581\",\"\\u2581 a\""), "ax ab a", "0@1 7@3 0@4 1@5 3@7");
}

/* -------------------------------------------------------------- added tokens */

static void added_tokens(void **state) {
  (void)state;
  encodes(FILE_OF("null", BYTE_LEVEL, TOKEN("10", "<e>", "") "," TOKEN("15", "<e>a", ""), BYTES),
          "ab<e>ab<e>b", "6@2 15@6 1@7 10@10 1@11");
  encodes(FILE_OF("null", BYTE_LEVEL, TOKEN("10", "<e>", ",\"lstrip\":true"), BYTES),
          "ab \n<e> b", "6@2 10@7 3@8 1@9");
  encodes(FILE_OF("null", BYTE_LEVEL, TOKEN("10", "<e>", ",\"rstrip\":true"), BYTES),
          "ab<e> \n b", "6@2 10@8 1@9");
  encodes(FILE_OF("null", BYTE_LEVEL, TOKEN("9", "abc", ",\"single_word\":true"), BYTES),
          "abca b abc", "9@3 0@4 3@5 1@6 3@7 9@10");
  /* A normalised token is found in normalised text, another one in the text as it came. */
  encodes(FILE_OF("{\"type\":\"Lowercase\"}", "null", TOKEN("12", "AxA", ",\"normalized\":true"),
                  PLAIN),
          "baXaaxa", "3@1 12@4 12@7");
  encodes(FILE_OF("{\"type\":\"Lowercase\"}", "null", TOKEN("12", "AxA", ",\"normalized\":false"),
                  PLAIN),
          "bAxAaxa", "3@1 12@4 2@5 2@7");
}

/* ------------------------------------------------------------- ill-formed text */

static void ill_formed(void **state) {
  (void)state;
  /* U+FFFD is the bytes EF BF BD, which this vocabulary counts. */
  const char *file = FILE_OF("null", BYTE_LEVEL, "",
                             "{\"type\":\"BPE\",\"vocab\":{\"\\u00ef\":0,\"\\u00bf\":1,"
                             "\"\\u00bd\":2,\"\\u00ef\\u00bf\":3,\"\\u00ef\\u00bf\\u00bd\":4,"
                             "\"a\":5},\"merges\":[\"\\u00ef \\u00bf\",\"\\u00ef\\u00bf "
                             "\\u00bd\"]}");
  encodes(file,
          "\xFF"
          "a",
          "4@1 5@2");
  encodes(file, "a\xE2\x82", "5@1 4@3"); /* cut off: one part */
  encodes(file,
          "\xE2\x82"
          "a\xC3",
          "4@2 5@3 4@4");
  encodes(file, "\xED\xA0\x80", "4@1 4@2 4@3"); /* a surrogate: three parts */
  encodes(file,
          "\xF0\x80\x80"
          "a",
          "4@1 4@2 4@3 5@4");
  encodes(file, "\xC0\xAF", "4@1 4@2"); /* overlong */
  encodes(file, "\xF4\x90\x80\x80", "4@1 4@2 4@3 4@4");
  encodes(file,
          "\xF1\x80\x80\xE1\x80\xC2"
          "a",
          "4@3 4@5 4@6 5@7");
  encodes_bytes(file, "a\0a", 3, "5@1 5@3");
}

/* ---------------------------------------------------------------- time and size */

static void one_letter(void **state) {
  (void)state;
  enum {
    LENGTH = 1000000
  };
  char *text = malloc(LENGTH);
  assert_non_null(text);
  memset(text, 'a', LENGTH);
  const char *model = "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"aa\":1,\"aaaa\":2,\"aaaaaaaa\":3},"
                      "\"merges\":[\"a a\",\"aa aa\",\"aaaa aaaa\"]}";
  char file[2048];
  for (int with = 0; with < 2; with++) {
    (void)snprintf(file, sizeof file, "{\"pre_tokenizer\":%s,\"model\":%s}",
                   with ? BYTE_LEVEL : "null", model);
    gp_tokenizer *tokenizer = open_text(file);
    gp_encoder *encoder = NULL;
    assert_ok(gp_encoder_new(tokenizer, &encoder, error));
    const uint32_t *ids = NULL;
    size_t count = 0;
    const clock_t start = clock();
    assert_ok(gp_encoder_encode(encoder, text, LENGTH, &ids, NULL, &count, error));
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("a million times one letter: %.3f s\n", seconds);
    assert_int_equal(count, LENGTH / 8);
    assert_int_equal(ids[count - 1], 3);
    assert_true(seconds < 200.0); /* quadratic time would take hours; sanitizers are slow */
    gp_encoder_free(encoder);
    gp_tokenizer_free(tokenizer);
  }
  free(text);
}

/* Merging by heap and by scan, on either side of where one takes over, gives what the rules
 * give: the lowest rank first, the leftmost of equals. */
static void long_words(void **state) {
  (void)state;
  uint64_t seed = test_seed();
  const char *merging = FILE_OF("null", "null", "",
                                "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"ba\":3,"
                                "\"aba\":4,\"abab\":5,\"aa\":6,\"baba\":7,\"bb\":8},\"merges\":["
                                "\"b a\",\"a b\",\"ba ba\",\"a a\",\"ab ab\",\"a ba\",\"b b\"]}");
  static const uint32_t merges[][3] = {{1, 0, 3}, {0, 1, 2}, {3, 3, 7}, {0, 0, 6},
                                       {2, 2, 5}, {0, 3, 4}, {1, 1, 8}};
  gp_tokenizer *tokenizer = open_text(merging);
  gp_encoder *encoder = NULL;
  assert_ok(gp_encoder_new(tokenizer, &encoder, error));
  for (int round = 0; round < 2000; round++) {
    char text[96];
    uint32_t expected[96];
    size_t n = 1 + next_random(&seed) % sizeof text;
    const size_t length = n;
    for (size_t i = 0; i < n; i++) {
      expected[i] = (uint32_t)(next_random(&seed) & 1U);
      text[i] = expected[i] == 0 ? 'a' : 'b';
    }
    for (size_t m = 0; m < sizeof merges / sizeof *merges;) {
      size_t at = 0;
      while (at + 1 < n && (expected[at] != merges[m][0] || expected[at + 1] != merges[m][1])) {
        at++;
      }
      if (at + 1 >= n) {
        m++;
        continue;
      }
      expected[at] = merges[m][2];
      memmove(expected + at + 1, expected + at + 2, (n - at - 2) * sizeof *expected);
      n--;
      m = 0; /* a new pair may have a lower rank */
    }
    const uint32_t *ids = NULL;
    size_t count = 0;
    assert_ok(gp_encoder_encode(encoder, text, length, &ids, NULL, &count, error));
    assert_int_equal(count, n);
    assert_memory_equal(ids, expected, n * sizeof *ids);
  }
  gp_encoder_free(encoder);
  gp_tokenizer_free(tokenizer);
}

/* ------------------------------------------------------------------- refusals */

static void refusals(void **state) {
  (void)state;
  const char *neither = "is neither a GGUF file nor a tokenizer.json: it starts like neither";
  refuses("", neither);
  refuses(" \n", neither);
  refuses("\x89GPKEY", neither);
  refuses("[]", neither);
  refuses("{}", "no \"model\": this is neither a tokenizer.json nor a GGUF file");
  refuses("{\"model\":{\"type\":\"WordPiece\"}}",
          "model.type: \"WordPiece\" is not supported: BPE and Unigram are");
  refuses(FILE_OF("{\"type\":\"BertNormalizer\"}", "null", "", PLAIN),
          "normalizer.type: the normalizer \"BertNormalizer\" is not supported");
  refuses(FILE_OF("null", "{\"type\":\"UnicodeScripts\"}", "", PLAIN),
          "pre_tokenizer.type: the pre-tokenizer \"UnicodeScripts\" is not supported");
  refuses(FILE_OF("null", "{\"type\":\"Digits\",\"new_option\":1}", "", PLAIN),
          "pre_tokenizer.\"new_option\": this option is not known");
  refuses("{\"truncation\":{\"max_length\":5},\"model\":{}}",
          "truncation: this option is not supported");
  refuses(FILE_OF("null", "null", "", CHARACTERS("\"dropout\":0.1,")),
          "model.dropout: this option is not supported");
  refuses(FILE_OF("null", "null", "", CHARACTERS("\"unk_token\":\"<none>\",")),
          "model.unk_token: \"<none>\" is not in the vocabulary");
  refuses(FILE_OF("null", SPLIT("{\"Regex\":\"[a\"}", "Isolated", "false"), "", PLAIN),
          "pre_tokenizer.pattern: a regular expression ends inside a class");
  refuses(
      FILE_OF("null", SPLIT("{\"Regex\":\"a(?<x>b)\"}", "Isolated", "false"), "", PLAIN),
      "pre_tokenizer.pattern: this kind of group in a regular expression is not supported, at "
      "\"(?<x>b)\"");
  refuses(FILE_OF("null", SPLIT("{\"Regex\":\"\\\\h\"}", "Isolated", "false"), "", PLAIN),
          "pre_tokenizer.pattern: this escape in a regular expression is not supported, at "
          "\"\\\\h\"");
  refuses(FILE_OF("null", SPLIT("{\"String\":\"a\"}", "Sideways", "false"), "", PLAIN),
          "pre_tokenizer.behavior: not a behaviour that is supported");
  refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}",
          "model.merges[0]: \"b\" is not in the vocabulary");
  refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}",
          "model.merges[0]: a merge is \"a b\" or [\"a\", \"b\"]");
  refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}",
          "model.vocab: pieces \"a\" and \"b\" both have id 0");
  refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":4294967295},\"merges\":[]}}",
          "model.vocab: the id of \"a\" must be an integer from 0 to 16777215");
  refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":10000000},\"merges\":[]}}",
          "model.vocab: the vocabulary has 1 pieces and an id of 10000000: an id so far out is "
          "refused");
  refuses(FILE_OF("null", "null", TOKEN("99", "<s>", ""), PLAIN),
          "added_tokens[0]: token \"<s>\" has id 99, but the model and the tokens before it give "
          "it 12");
}

static void nesting(void **state) {
  (void)state;
  char file[65536];
  size_t used = (size_t)snprintf(file, sizeof file, "{\"model\":{},\"normalizer\":");
  for (int i = 0; i < 1000; i++) {
    used += (size_t)snprintf(file + used, sizeof file - used,
                             "{\"type\":\"Sequence\",\"normalizers\":[");
  }
  used += (size_t)snprintf(file + used, sizeof file - used, "{\"type\":\"NFC\"}");
  for (int i = 0; i < 1000; i++) {
    used += (size_t)snprintf(file + used, sizeof file - used, "]}");
  }
  (void)snprintf(file + used, sizeof file - used, "}");
  gp_tokenizer *tokenizer = NULL;
  gp_error error = {0};
  write_file(file);
  assert_int_equal(gp_tokenizer_open(path, &tokenizer, &error), GP_ERR_FORMAT);
  assert_non_null(strstr(error.message, "nested too deeply"));
}

static void arguments(void **state) {
  (void)state;
  gp_tokenizer *tokenizer = NULL;
  gp_encoder *encoder = NULL;
  assert_fails(gp_tokenizer_open(NULL, &tokenizer, error), GP_ERR_ARGUMENT,
               "gp_tokenizer_open: path must not be NULL");
  assert_fails(gp_tokenizer_open("/nowhere/at/all", &tokenizer, error), GP_ERR_IO,
               "/nowhere/at/all: cannot be opened: No such file or directory");
  assert_fails(gp_tokenizer_open("/", &tokenizer, error), GP_ERR_IO,
               "/: is a directory: name the tokenizer file in it");
  assert_fails(gp_encoder_new(NULL, &encoder, error), GP_ERR_ARGUMENT,
               "gp_encoder_new: tokenizer must not be NULL");
  gp_tokenizer_free(NULL);
  gp_encoder_free(NULL);
}

static void info(void **state) {
  (void)state;
  const char *file = FILE_OF("null", BYTE_LEVEL, TOKEN("15", "<x>", ""), BYTES);
  gp_tokenizer *tokenizer = open_text(file);
  gp_tokenizer_info facts;
  gp_tokenizer_get_info(tokenizer, &facts);
  assert_string_equal(facts.model, "byte-level BPE");
  assert_int_equal(facts.vocabulary, 16);
  assert_int_equal(facts.bytes, strlen(file));
  gp_tokenizer_free(tokenizer);
}

static int prepare(void **state) {
  (void)state;
  const int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int clean_up(void **state) {
  (void)state;
  return unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(byte_level),
      cmocka_unit_test(prefix_space),
      cmocka_unit_test(unknown_characters),
      cmocka_unit_test(whole_pieces_first),
      cmocka_unit_test(unigram),
      cmocka_unit_test(normalizers),
      cmocka_unit_test(splits),
      cmocka_unit_test(metaspace),
      cmocka_unit_test(added_tokens),
      cmocka_unit_test(ill_formed),
      cmocka_unit_test(one_letter),
      cmocka_unit_test(long_words),
      cmocka_unit_test(refusals),
      cmocka_unit_test(nesting),
      cmocka_unit_test(marks),
      cmocka_unit_test(arguments),
      cmocka_unit_test(info),
  };
  return cmocka_run_group_tests_name("text", tests, prepare, clean_up);
}

/* GGUF files made by hand: what they become, and that damaged ones are refused in words. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "text/gguf.h"

#define U32    4
#define I32    5
#define F32    6
#define BOOL   7
#define STRING 8
#define ARRAY  9

static char path[] = "/tmp/greenprint-gguf-XXXXXX";

/* ------------------------------------------------------- failing allocations */

#ifdef GP_TEST_WRAP
static long allowance = -1; /* allocations that still succeed; negative: all */
static size_t largest;      /* size of the largest one that was asked for */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool grant(size_t size) {
  largest = size > largest ? size : largest;
  if (allowance == 0) {
    return false;
  }
  allowance -= allowance > 0;
  return true;
}

void *__wrap_malloc(size_t size) {
  return grant(size) ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size) {
  return grant(count * size) ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size) {
  return grant(size) ? __real_realloc(old, size) : NULL;
}
#endif

/* -------------------------------------------------------------- making files */

typedef struct file {
  uint8_t bytes[262144];
  size_t size;
  size_t n_items;
} file;

static void put(file *f, const void *bytes, size_t size) {
  assert_true(f->size + size <= sizeof f->bytes);
  memcpy(f->bytes + f->size, bytes, size);
  f->size += size;
}

static void put_number(file *f, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const uint8_t byte = (uint8_t)(number >> 8 * i);
    put(f, &byte, 1);
  }
}

static void put_string(file *f, const char *text) {
  put_number(f, strlen(text), 8);
  put(f, text, strlen(text));
}

static void set_number(file *f, size_t at, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; i++) {
    f->bytes[at + i] = (uint8_t)(number >> 8 * i);
  }
}

static void start(file *f) {
  f->size = 0;
  f->n_items = 0;
  put(f, "GGUF", 4);
  put_number(f, 3, 4);
  put_number(f, 0, 8);
  put_number(f, 0, 8);
}

static void put_key(file *f, const char *key, uint32_t type) {
  put_string(f, key);
  put_number(f, type, 4);
  set_number(f, 16, ++f->n_items, 8);
}

static void put_array(file *f, const char *key, uint32_t type, uint64_t count) {
  put_key(f, key, ARRAY);
  put_number(f, type, 4);
  put_number(f, count, 8);
}

static void put_text(file *f, const char *key, const char *value) {
  put_key(f, key, STRING);
  put_string(f, value);
}

static void put_flag(file *f, const char *key, bool value) {
  put_key(f, key, BOOL);
  put_number(f, value, 1);
}

static void put_strings(file *f, const char *key, const char *const *values, size_t count) {
  put_array(f, key, STRING, count);
  for (size_t i = 0; i < count; i++) {
    put_string(f, values[i]);
  }
}

static void put_types(file *f, const uint8_t *types, size_t count) {
  put_array(f, "tokenizer.ggml.token_type", I32, count);
  for (size_t i = 0; i < count; i++) {
    put_number(f, types[i], 4);
  }
}

static void put_scores(file *f, const float *scores, size_t count) {
  put_array(f, "tokenizer.ggml.scores", F32, count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &scores[i], sizeof bits);
    put_number(f, bits, 4);
  }
}

static void save_bytes(const uint8_t *bytes, size_t size) {
  const int fd = open(path, O_WRONLY | O_TRUNC);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, size), (ssize_t)size);
  assert_int_equal(close(fd), 0);
}

static void save(const file *f) {
  save_bytes(f->bytes, f->size);
}

/* Saves the file and checks that it is refused with this reason. */
static void refused(const file *f, const char *reason) {
  char expected[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(expected, sizeof expected, "%s: %s", path, reason);
  gp_tokenizer *tokenizer = NULL;
  save(f);
  assert_fails(gp_tokenizer_open(path, &tokenizer, error), GP_ERR_FORMAT, expected);
  assert_null(tokenizer);
}

/* Checks the tokens of a text, and that they end where they should when `ends` is given. */
static void encodes(const gp_tokenizer *tokenizer, const char *text, const uint32_t *expected,
                    size_t count, const size_t *expected_ends) {
  gp_encoder *encoder = NULL;
  const uint32_t *tokens = NULL;
  const size_t *ends = NULL;
  size_t n_tokens = 0;
  assert_ok(gp_encoder_new(tokenizer, &encoder, error));
  assert_ok(gp_encoder_encode(encoder, text, strlen(text), &tokens, &ends, &n_tokens, error));
  assert_int_equal(n_tokens, count);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(tokens[i], expected[i]);
    if (expected_ends != NULL) {
      assert_int_equal(ends[i], expected_ends[i]);
    }
  }
  gp_encoder_free(encoder);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -------------------------------------------------------------- small models */

/* "\xC4\xA0" is the byte 0x20 in GPT-2's alphabet. */
static const char *const gpt2_tokens[] = {"a",  "b",          "c",       "\xC4\xA0",
                                          "ab", "\304\240ab", "<|end|>", "x y"};
static const uint8_t gpt2_types[] = {1, 1, 1, 1, 1, 1, 3, 4};
static const char *const gpt2_merges[] = {"a b", "\xC4\xA0 ab"};

static void put_gpt2_vocabulary(file *f) {
  put_strings(f, "tokenizer.ggml.tokens", gpt2_tokens, COUNT(gpt2_tokens));
  put_types(f, gpt2_types, COUNT(gpt2_types));
  put_strings(f, "tokenizer.ggml.merges", gpt2_merges, COUNT(gpt2_merges));
}

static void make_gpt2(file *f) {
  start(f);
  put_text(f, "general.architecture", "llama");
  put_text(f, "tokenizer.ggml.model", "gpt2");
  put_text(f, "tokenizer.ggml.pre", "gpt-2");
  put_gpt2_vocabulary(f);
}

static void byte_level(void **state) {
  (void)state;
  static file f;
  make_gpt2(&f);
  save(&f);
  gp_tokenizer *tokenizer = NULL;
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  encodes(tokenizer, "ab ab<|end|>x yc", (const uint32_t[]){4, 5, 6, 7, 2}, 5,
          (const size_t[]){2, 5, 12, 15, 16});
  encodes(tokenizer, "ba", (const uint32_t[]){1, 0}, 2, NULL);
  /* No token has the byte Q. It is dropped, but only after merging, as in llama.cpp: a and b do
   * not meet. (In the tokenizers library they do.) */
  encodes(tokenizer, "aQb", (const uint32_t[]){0, 1}, 2, NULL);

  gp_tokenizer_info info;
  gp_tokenizer_get_info(tokenizer, &info);
  assert_string_equal(info.model, "byte-level BPE");
  assert_int_equal(info.vocabulary, COUNT(gpt2_tokens));
  assert_int_equal(info.bytes, f.size);
  uint8_t digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, f.bytes, f.size);
  assert_memory_equal(info.sha256, digest, sizeof digest);
  gp_tokenizer_free(tokenizer);
}

/* Keys that are not known, longer than any buffer here, and what follows the metadata. */
static void other_contents(void **state) {
  (void)state;
  static file f;
  static char filler[100001];
  memset(filler, 'x', sizeof filler - 1);
  start(&f);
  put_text(&f, "general.description", filler);
  put_array(&f, "numbers", U32, 20000);
  for (size_t i = 0; i < 20000; i++) {
    put_number(&f, i, 4);
  }
  put_text(&f, "tokenizer.ggml.model", "gpt2");
  put_gpt2_vocabulary(&f);
  put_strings(&f, "tokenizer.chat_templates", gpt2_tokens, COUNT(gpt2_tokens));
  put_text(&f, "tokenizer.ggml.pre", "llama-bpe");
  const size_t metadata = f.size;
  set_number(&f, 4, 2, 4); /* version 2 has the same form */
  set_number(&f, 8, 1, 8); /* a tensor */
  put(&f, filler, 1000);
  save(&f);
  gp_tokenizer *tokenizer = NULL;
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  encodes(tokenizer, "ab ab", (const uint32_t[]){4, 5}, 2, NULL);
  gp_tokenizer_info info;
  gp_tokenizer_get_info(tokenizer, &info);
  uint8_t digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, f.bytes, metadata); /* the tensors do not count */
  assert_memory_equal(info.sha256, digest, sizeof digest);
  assert_int_equal(info.bytes, f.size);
  gp_tokenizer_free(tokenizer);
}

/* Tokens 0 to 255 are the bytes; then these. */
#define MARK "\xE2\x96\x81"
static const char *const spm_pieces[] = {"<unk>", "<s>", MARK, "a", "b", "ab", "ba", MARK "a"};
static const uint8_t spm_types[] = {2, 3, 1, 1, 1, 1, 1, 1};
enum {
  UNK = 256,
  BOS,
  M,
  A,
  B,
  AB,
  BA,
  MA
};

static void make_spm(file *f, const float *scores) {
  char names[256][7];
  const char *tokens[256 + COUNT(spm_pieces)];
  uint8_t types[256 + COUNT(spm_pieces)];
  float all[256 + COUNT(spm_pieces)] = {0};
  for (size_t i = 0; i < 256; i++) {
    (void)snprintf(names[i], sizeof names[i], "<0x%02X>", (unsigned)i);
    tokens[i] = names[i];
    types[i] = 6;
  }
  for (size_t i = 0; i < COUNT(spm_pieces); i++) {
    tokens[256 + i] = spm_pieces[i];
    types[256 + i] = spm_types[i];
    all[256 + i] = scores[i];
  }
  start(f);
  put_text(f, "tokenizer.ggml.model", "llama");
  put_strings(f, "tokenizer.ggml.tokens", tokens, COUNT(tokens));
  put_scores(f, all, COUNT(all));
  put_types(f, types, COUNT(types));
}

static void sentencepiece_bpe(void **state) {
  (void)state;
  static file f;
  gp_tokenizer *tokenizer = NULL;
  make_spm(&f, (const float[]){0, 0, -5, -6, -7, -2, -2, -3});
  save(&f);
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  encodes(tokenizer, "ab", (const uint32_t[]){M, AB}, 2, (const size_t[]){0, 2});
  encodes(tokenizer, " ab", (const uint32_t[]){M, M, AB}, 3, NULL);
  encodes(tokenizer, "aba", (const uint32_t[]){M, AB, A}, 3, NULL); /* a tie: the leftmost */
  encodes(tokenizer, "bab", (const uint32_t[]){M, BA, B}, 3, NULL);
  encodes(tokenizer, "a", (const uint32_t[]){MA}, 1, NULL);
  encodes(tokenizer, "a\xC3\xA9", (const uint32_t[]){MA, 0xC3, 0xA9}, 3, NULL);
  encodes(tokenizer, "a<s>a", (const uint32_t[]){MA, BOS, MA}, 3, NULL);
  encodes(tokenizer, "", NULL, 0, NULL);
  gp_tokenizer_free(tokenizer);

  /* Another order of scores; no space before the text. */
  make_spm(&f, (const float[]){0, 0, -5, -6, -7, -4, -2, -3});
  put_flag(&f, "tokenizer.ggml.add_space_prefix", false);
  save(&f);
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  encodes(tokenizer, "ab", (const uint32_t[]){AB}, 1, NULL);
  encodes(tokenizer, "aba", (const uint32_t[]){A, BA}, 2, NULL);
  encodes(tokenizer, " ab", (const uint32_t[]){MA, B}, 2, NULL);
  gp_tokenizer_free(tokenizer);
}

static void marked_merges(void **state) {
  (void)state;
  static file f;
  static const char *const tokens[] = {"<unk>", MARK, "a", "b", "ab", MARK "a"};
  static const uint8_t types[] = {2, 1, 1, 1, 1, 1};
  static const char *const merges[] = {MARK " a", "a b"};
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "gemma4");
  put_strings(&f, "tokenizer.ggml.tokens", tokens, COUNT(tokens));
  put_types(&f, types, COUNT(types));
  put_strings(&f, "tokenizer.ggml.merges", merges, COUNT(merges));
  save(&f);
  gp_tokenizer *tokenizer = NULL;
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  encodes(tokenizer, "ab ab??", (const uint32_t[]){4, 5, 3, 0}, 4, NULL);
  gp_tokenizer_free(tokenizer);
}

static void make_t5(file *f) {
  static const char *const tokens[] = {"<unk>", "</s>", MARK, "a", "b", "ab", MARK "ab", "<x>"};
  static const uint8_t types[] = {2, 3, 1, 1, 1, 1, 1, 4};
  start(f);
  put_text(f, "tokenizer.ggml.model", "t5");
  put_strings(f, "tokenizer.ggml.tokens", tokens, COUNT(tokens));
  put_scores(f, (const float[]){0, 0, -2, -3, -3, -7, -5, 0}, 8);
  put_types(f, types, COUNT(types));
}

static void unigram(void **state) {
  (void)state;
  static file f;
  make_t5(&f);
  put_flag(&f, "tokenizer.ggml.remove_extra_whitespaces", true);
  save(&f);
  gp_tokenizer *tokenizer = NULL;
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  gp_tokenizer_info info;
  gp_tokenizer_get_info(tokenizer, &info);
  assert_string_equal(info.model, "unigram");
  encodes(tokenizer, "ab", (const uint32_t[]){6}, 1, NULL);
  encodes(tokenizer, "  ab   ba ", (const uint32_t[]){6, 2, 4, 3}, 4, NULL);
  encodes(tokenizer, "abab", (const uint32_t[]){6, 3, 4}, 3, NULL); /* -6 and not -7 */
  encodes(tokenizer, "zzb<x>", (const uint32_t[]){2, 0, 4, 7}, 4, NULL);
  gp_tokenizer_free(tokenizer);
}

/* ------------------------------------------------------------------ refusals */

static void headers(void **state) {
  (void)state;
  static file f;
  make_gpt2(&f);
  set_number(&f, 4, 1, 4);
  refused(&f, "is a GGUF file of version 1: only versions 2 and 3 are read");
  set_number(&f, 4, 4, 4);
  refused(&f, "is a GGUF file of version 4: only versions 2 and 3 are read");
  set_number(&f, 4, 0x03000000, 4);
  refused(&f, "is a big-endian GGUF file: only little-endian ones are read");
  set_number(&f, 4, 3, 4);
  set_number(&f, 8, 1000000, 8);
  refused(&f, "claims 6 keys and 1000000 tensors, for which it is too short: it is cut off or "
              "damaged");
  set_number(&f, 8, 0, 8);
  set_number(&f, 16, UINT64_MAX, 8);
  refused(&f, "claims 18446744073709551615 keys, more than the limit of 4096: it is damaged");
  set_number(&f, 16, 4000, 8);
  refused(&f, "claims 4000 keys and 0 tensors, for which it is too short: it is cut off or "
              "damaged");
  set_number(&f, 16, 7, 8);
  refused(&f, "ends within the metadata, at or after the key \"tokenizer.ggml.merge\"...: it is "
              "cut off or damaged");
}

static void keys(void **state) {
  (void)state;
  static file f;
  make_gpt2(&f);
  put_text(&f, "general.architecture", "llama");
  refused(&f, "key \"general.architecture\" is there twice: the file is damaged");
  make_gpt2(&f);
  put_key(&f, "odd", 13);
  put_number(&f, 0, 8);
  refused(&f, "key \"odd\" has the unknown type 13: the file is damaged");
  make_gpt2(&f);
  put_array(&f, "odd", ARRAY, 1);
  put_number(&f, 0, 8);
  refused(&f, "key \"odd\" holds an array of arrays, which is not read");
  make_gpt2(&f);
  put_key(&f, "", U32);
  put_number(&f, 0, 8);
  refused(&f, "has a key of 0 bytes: it is damaged");
  make_gpt2(&f);
  put_array(&f, "long", STRING, UINT64_MAX);
  refused(&f, "ends within the metadata, at or after the key \"long\": it is cut off or damaged");
  make_gpt2(&f);
  put_array(&f, "long", F32, UINT64_MAX / 4 + 2); /* times 4 is 4 in 64 bits */
  put_number(&f, 0, 8);
  refused(&f, "ends within the metadata, at or after the key \"long\": it is cut off or damaged");
  make_gpt2(&f);
  put_key(&f, "tokenizer.ggml.add_space_prefix", BOOL);
  put_number(&f, 2, 1);
  refused(&f, "key \"tokenizer.ggml.add_s\"... holds a bool that is neither 0 nor 1");
}

static void fields(void **state) {
  (void)state;
  static file f;
  start(&f);
  put_gpt2_vocabulary(&f);
  refused(&f, "has no key tokenizer.ggml.model: no vocabulary is in it");
  put_text(&f, "tokenizer.ggml.model", "bert");
  refused(&f, "tokenizer.ggml.model is \"bert\", which is not implemented: gpt2, llama, gemma4 "
              "and t5 are");
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "gpt2");
  refused(&f, "has no key tokenizer.ggml.tokens: no vocabulary is in it");
  put_gpt2_vocabulary(&f);
  refused(&f, "has no key tokenizer.ggml.pre: how its text is cut before merging is not known; "
              "convert the model again");
  put_text(&f, "tokenizer.ggml.pre", "superbpe");
  refused(&f, "tokenizer.ggml.pre is \"superbpe\", which is not implemented");
  make_gpt2(&f);
  put_flag(&f, "tokenizer.ggml.normalizer.lowercase", false);
  save(&f);
  gp_tokenizer *tokenizer = NULL;
  assert_ok(gp_tokenizer_open(path, &tokenizer, error));
  gp_tokenizer_free(tokenizer);
  put_flag(&f, "tokenizer.ggml.normalizer.strip_accents", true);
  refused(&f, "tokenizer.ggml.normalizer.strip_accents is true, which is not implemented");
  start(&f);
  put_key(&f, "tokenizer.ggml.tokens", U32);
  put_number(&f, 1, 4);
  refused(&f, "tokenizer.ggml.tokens is a uint32, not an array of strings: the file is damaged");
  make_gpt2(&f);
  put_scores(&f, (const float[]){1}, 1);
  refused(&f, "tokenizer.ggml.scores has 1 entries for 8 tokens: the file is damaged");
  make_gpt2(&f);
  put_key(&f, "tokenizer.ggml.unknown_token_id", U32);
  put_number(&f, 8, 4);
  refused(&f, "tokenizer.ggml.unknown_token_id is 8, but there are 8 tokens: the file is "
              "damaged");
}

static void vocabularies(void **state) {
  (void)state;
  static file f;
  static const char *const twice[] = {"a", "b", "a"};
  static const char *const lost[] = {"a b"};
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "gpt2");
  put_text(&f, "tokenizer.ggml.pre", "gpt-2");
  put_strings(&f, "tokenizer.ggml.tokens", twice, 2);
  refused(&f, "has no key tokenizer.ggml.merges: the file is damaged");
  put_strings(&f, "tokenizer.ggml.merges", lost, 1);
  refused(&f, "tokenizer.ggml.merges, entry 0: \"a b\" names a piece that tokenizer.ggml.tokens "
              "lacks");
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "gpt2");
  put_text(&f, "tokenizer.ggml.pre", "gpt-2");
  put_strings(&f, "tokenizer.ggml.tokens", twice, 2);
  put_strings(&f, "tokenizer.ggml.merges", twice, 1);
  refused(&f, "tokenizer.ggml.merges, entry 0: \"a\" is not two pieces and a space");
  put_types(&f, (const uint8_t[]){1, 7}, 2);
  refused(&f, "tokenizer.ggml.token_type has the unknown type 7 at entry 1");
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "llama");
  put_strings(&f, "tokenizer.ggml.tokens", twice, 2);
  refused(&f, "tokenizer.ggml.token_type has neither byte tokens nor an unknown token: what "
              "becomes of other characters is not known");
  put_types(&f, (const uint8_t[]){1, 2}, 2);
  refused(&f, "has no key tokenizer.ggml.scores: the file is damaged");
  put_scores(&f, (const float[]){1, (float)(1e38 * 1e38)}, 2);
  refused(&f, "tokenizer.ggml.scores is not finite at entry 1");
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "llama");
  put_strings(&f, "tokenizer.ggml.tokens", twice, 2);
  put_types(&f, (const uint8_t[]){1, 6}, 2);
  refused(&f, "tokenizer.ggml.tokens, entry 1: \"b\" is no new byte token, as "
              "tokenizer.ggml.token_type says");
  make_spm(&f, (const float[]){0, 0, 0, 0, 0, 0, 0, 0});
  put_flag(&f, "tokenizer.ggml.remove_extra_whitespaces", true);
  refused(&f, "tokenizer.ggml.remove_extra_whitespaces is true, which is not implemented for "
              "this model");
}

static void a_piece_that_is_there_twice(void **state) {
  (void)state;
  static file f;
  static const char *const twice[] = {"a", "b", "a"};
  start(&f);
  put_text(&f, "tokenizer.ggml.model", "gpt2");
  put_text(&f, "tokenizer.ggml.pre", "gpt-2");
  put_strings(&f, "tokenizer.ggml.tokens", twice, 3);
  put_strings(&f, "tokenizer.ggml.merges", twice, 0);
  save(&f);
  gp_tokenizer *tokenizer = NULL;
  gp_error error = {0};
  assert_int_equal(gp_tokenizer_open(path, &tokenizer, &error), GP_ERR_FORMAT);
  assert_non_null(strstr(error.message, "tokenizer.ggml.tokens, entry 2: "));
}

static void no_regular_file(void **state) {
  (void)state;
  gp_gguf *gguf = NULL;
  assert_fails(gp_gguf_open("/dev/null", &gguf, error), GP_ERR_IO,
               "is no regular file: a GGUF file must be one");
  assert_fails(gp_gguf_open("/nowhere", &gguf, error), GP_ERR_IO,
               "cannot be opened: No such file or directory");
}

/* -------------------------------------------------------------------- damage */

static void cut_off(const file *f) {
  for (size_t size = 0; size < f->size; size++) {
    save_bytes(f->bytes, size);
    gp_tokenizer *tokenizer = NULL;
    gp_error error = {0};
    assert_int_equal(gp_tokenizer_open(path, &tokenizer, &error), GP_ERR_FORMAT);
    assert_null(tokenizer);
  }
}

static void cut_off_anywhere(void **state) {
  (void)state;
  static file f;
  make_gpt2(&f);
  cut_off(&f);
  make_t5(&f);
  cut_off(&f);
}

/* Each byte in turn takes other values: any answer will do, but a refusal is one of the format
 * and nothing large is allocated. */
static void wrong_anywhere(void **state) {
  (void)state;
  static file f;
  static const uint8_t values[] = {0x00, 0x01, 0x7F, 0xFF};
  for (int which = 0; which < 2; which++) {
    if (which == 0) {
      make_gpt2(&f);
    } else {
      make_t5(&f);
    }
    for (size_t at = 0; at < f.size; at++) {
      const uint8_t good = f.bytes[at];
      for (size_t v = 0; v < COUNT(values); v++) {
        f.bytes[at] = values[v];
        save(&f);
        gp_tokenizer *tokenizer = NULL;
        gp_error error = {0};
#ifdef GP_TEST_WRAP
        largest = 0;
#endif
        const gp_status status = gp_tokenizer_open(path, &tokenizer, &error);
#ifdef GP_TEST_WRAP
        assert_true(largest <= 1U << 20);
#endif
        assert_true(status == GP_OK || status == GP_ERR_FORMAT);
        gp_tokenizer_free(tokenizer);
      }
      f.bytes[at] = good;
    }
  }
}

#ifdef GP_TEST_WRAP
/* Every allocation fails in turn. */
static void no_memory(void **state) {
  (void)state;
  static file f;
  for (int which = 0; which < 3; which++) {
    if (which == 0) {
      make_gpt2(&f);
    } else if (which == 1) {
      make_t5(&f);
      put_flag(&f, "tokenizer.ggml.remove_extra_whitespaces", true);
    } else {
      make_spm(&f, (const float[]){0, 0, -5, -6, -7, -2, -2, -3});
    }
    save(&f);
    gp_status status = GP_ERR_MEMORY;
    long granted = 0;
    for (; status == GP_ERR_MEMORY; granted++) {
      gp_tokenizer *tokenizer = NULL;
      gp_error error = {0};
      allowance = granted;
      status = gp_tokenizer_open(path, &tokenizer, &error);
      allowance = -1;
      assert_true((status == GP_OK) == (tokenizer != NULL));
      gp_tokenizer_free(tokenizer);
    }
    assert_int_equal(status, GP_OK);
    assert_true(granted > 20);
  }
}
#endif

int main(void) {
  const int fd = mkstemp(path);
  if (fd < 0 || close(fd) != 0) {
    return 1;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(byte_level),
      cmocka_unit_test(other_contents),
      cmocka_unit_test(sentencepiece_bpe),
      cmocka_unit_test(marked_merges),
      cmocka_unit_test(unigram),
      cmocka_unit_test(headers),
      cmocka_unit_test(keys),
      cmocka_unit_test(fields),
      cmocka_unit_test(vocabularies),
      cmocka_unit_test(a_piece_that_is_there_twice),
      cmocka_unit_test(no_regular_file),
      cmocka_unit_test(cut_off_anywhere),
      cmocka_unit_test(wrong_anywhere),
#ifdef GP_TEST_WRAP
      cmocka_unit_test(no_memory),
#endif
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  (void)unlink(path);
  return failed;
}

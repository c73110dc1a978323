/* The unigram model against exhaustive search, and where it must not be slow or wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"
#include "text/unigram.h"

#define ALPHABET 3
#define MAX_TEXT 12

typedef struct model {
  gp_vocab vocab;
  double scores[512];
  gp_unigram_options options;
  gp_unigram *unigram;
  gp_unigram_work *work;
  gp_ids ids;
} model;

static void clear(model *m) {
  memset(m, 0, sizeof *m);
  for (size_t i = 0; i < 256; i++) {
    m->options.byte_ids[i] = GP_NO_ID;
  }
}

static void add(model *m, const char *piece, double score) {
  const uint32_t id = (uint32_t)m->vocab.count;
  assert_ok(gp_vocab_add(&m->vocab, piece, strlen(piece), id, error));
  m->scores[id] = score;
}

static void finish(model *m) {
  assert_ok(gp_vocab_finish(&m->vocab, error));
  assert_ok(gp_unigram_new(&m->vocab, m->scores, &m->options, &m->unigram, error));
}

static void release(model *m) {
  gp_unigram_free(m->unigram);
  gp_unigram_work_free(m->work);
  gp_vocab_release(&m->vocab);
  gp_ids_release(&m->ids);
}

static void encode(model *m, const char *text, size_t length) {
  m->ids.count = 0;
  assert_ok(gp_unigram_encode(m->unigram, &m->work, text, (uint32_t)length, &m->ids, error));
}

static void encodes(model *m, const char *text, const char *expected) {
  char got[1024] = "";
  encode(m, text, strlen(text));
  for (size_t i = 0; i < m->ids.count; i++) {
    const size_t used = strlen(got);
    (void)snprintf(got + used, sizeof got - used, "%s%u@%u", i == 0 ? "" : " ", m->ids.ids[i],
                   m->ids.ends[i]);
  }
  assert_string_equal(got, expected);
}

/* ----------------------------------------------------------- small examples */

static void best_sum(void **state) {
  (void)state;
  model m;
  clear(&m);
  m.options.has_unknown = true;
  add(&m, "<unk>", 0);
  add(&m, "a", -1);
  add(&m, "b", -2);
  add(&m, "ab", -2.5);
  add(&m, "abc", -9);
  finish(&m);
  encodes(&m, "ab", "3@2");
  encodes(&m, "abab", "3@2 3@4");
  encodes(&m, "aab", "1@1 3@3");
  encodes(&m, "abc", "4@3"); /* "ab" and an unknown "c" cost 2.5 + 19 */
  encodes(&m, "xyab", "0@2 3@4");
  encodes(&m,
          "x\xC3\xA9\xF0\x9F\x98\x80"
          "a",
          "0@7 1@8");
  encodes(&m, "", "");
  release(&m);
}

/* Of two ways with one sum, the one with the longer last piece. */
static void ties(void **state) {
  (void)state;
  model m;
  clear(&m);
  add(&m, "a", -1);
  add(&m, "aa", -2);
  add(&m, "aaa", -3);
  finish(&m);
  encodes(&m, "aaa", "2@3");
  encodes(&m, "aaaa", "0@1 2@4");
  encodes(&m, "aaaaa", "1@2 2@5");
  release(&m);
}

static void bytes(void **state) {
  (void)state;
  model m;
  clear(&m);
  m.options.has_unknown = true;
  m.options.byte_fallback = true;
  add(&m, "<unk>", 0);
  add(&m, "<0xC3>", -20);
  add(&m, "<0xA9>", -20);
  add(&m, "a", -1);
  m.options.byte_ids[0xC3] = 1;
  m.options.byte_ids[0xA9] = 2;
  finish(&m);
  encodes(&m,
          "a\xC3\xA9\xC3\xA9"
          "a",
          "3@1 1@2 2@3 1@4 2@5 3@6");
  encodes(&m, "\xC3\xA9x", "0@3"); /* a run with a byte that has no token */
  release(&m);
}

static void nothing_to_fall_back_on(void **state) {
  (void)state;
  model m;
  clear(&m);
  add(&m, "a", -1);
  finish(&m);
  encodes(&m, "aa", "0@1 0@2");
  m.ids.count = 1;
  assert_fails(gp_unigram_encode(m.unigram, &m.work, "ab", 2, &m.ids, error), GP_ERR_FORMAT,
               "the text has a character that the vocabulary lacks, and the tokenizer has no "
               "unknown token");
  assert_int_equal(m.ids.count, 1);
  release(&m);
}

static void pieces_left_out(void **state) {
  (void)state;
  model m;
  clear(&m);
  m.options.has_unknown = true;
  add(&m, "<unk>", NAN);
  add(&m, "ab", NAN);
  add(&m, "a", -1);
  add(&m, "b", -1);
  finish(&m);
  encodes(&m, "ab", "2@1 3@2");
  release(&m);
}

static void no_pieces(void **state) {
  (void)state;
  model m;
  clear(&m);
  m.options.has_unknown = true;
  add(&m, "<unk>", NAN);
  finish(&m);
  encodes(&m, "ab", "0@2");
  release(&m);
}

static void scores_out_of_range(void **state) {
  (void)state;
  model m;
  clear(&m);
  add(&m, "a", 1e300);
  assert_ok(gp_vocab_finish(&m.vocab, error));
  assert_fails(gp_unigram_new(&m.vocab, m.scores, &m.options, &m.unigram, error), GP_ERR_FORMAT,
               "the score of token 0 is out of range");
  release(&m);
}

/* ---------------------------------------------------------- exhaustive search */

/* The largest sum of scores of any way to cut text[at:], a piece or one unknown letter. */
static double search(const model *m, const char *text, size_t length, size_t at, double unknown) {
  if (at == length) {
    return 0;
  }
  double best = -INFINITY;
  for (size_t end = at + 1; end <= length; end++) {
    const uint32_t id = gp_vocab_find(&m->vocab, text + at, end - at);
    if (id != GP_NO_ID) {
      best = fmax(best, m->scores[id] + search(m, text, length, end, unknown));
    }
  }
  if (gp_vocab_find(&m->vocab, text + at, 1) == GP_NO_ID) {
    best = fmax(best, unknown + search(m, text, length, at + 1, unknown));
  }
  return best;
}

/* Random vocabularies over three letters, some of which are no pieces. */
static void agrees_with_search(void **state) {
  (void)state;
  uint64_t seed = test_seed();
  for (int round = 0; round < 300; round++) {
    model m;
    clear(&m);
    m.options.has_unknown = true;
    m.options.unknown = 0;
    add(&m, "<unk>", 0);
    double lowest = 0;
    const size_t n_pieces = 1 + next_random(&seed) % 12;
    for (size_t i = 0; i < n_pieces; i++) {
      char piece[6] = "";
      const size_t length = 1 + next_random(&seed) % 5;
      for (size_t j = 0; j < length; j++) {
        piece[j] = (char)('a' + next_random(&seed) % ALPHABET);
      }
      if (gp_vocab_find(&m.vocab, piece, length) == GP_NO_ID) {
        const double score = -(double)(next_random(&seed) % 1000) / 64;
        add(&m, piece, score);
        lowest = fmin(lowest, score);
      }
    }
    finish(&m);
    for (int i = 0; i < 20; i++) {
      char text[MAX_TEXT];
      const size_t length = 1 + next_random(&seed) % MAX_TEXT;
      for (size_t j = 0; j < length; j++) {
        text[j] = (char)('a' + next_random(&seed) % ALPHABET);
      }
      encode(&m, text, length);
      double sum = 0;
      size_t at = 0;
      for (size_t j = 0; j < m.ids.count; j++) {
        const uint32_t id = m.ids.ids[j];
        const size_t end = m.ids.ends[j];
        sum += id == 0 ? (lowest - 10) * (double)(end - at) : m.scores[id];
        if (id != 0) {
          assert_int_equal(gp_vocab_find(&m.vocab, text + at, end - at), id);
        }
        at = end;
      }
      assert_int_equal(at, length);
      /* Scores are multiples of 1/64: sums are exact in any order. */
      assert_true(sum == search(&m, text, length, 0, lowest - 10));
    }
    release(&m);
  }
}

/* ------------------------------------------------------------------- long text */

static double seconds(void) {
  struct timespec now;
  assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void a_megabyte_of_one_letter(void **state) {
  (void)state;
  static char text[1 << 20];
  memset(text, 'a', sizeof text);
  model m;
  clear(&m);
  m.options.has_unknown = true;
  add(&m, "<unk>", 0);
  for (size_t length = 1; length <= 16; length *= 2) {
    char piece[17] = "";
    memset(piece, 'a', length);
    add(&m, piece, -1);
  }
  finish(&m);
  const double begin = seconds();
  encode(&m, text, sizeof text);
  assert_int_equal(m.ids.count, sizeof text / 16);
  memset(text, 'z', sizeof text);
  encode(&m, text, sizeof text);
  assert_int_equal(m.ids.count, 1);
  assert_true(seconds() - begin < 60); /* 0.1 s when nothing else runs */
  release(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(best_sum),
      cmocka_unit_test(ties),
      cmocka_unit_test(bytes),
      cmocka_unit_test(nothing_to_fall_back_on),
      cmocka_unit_test(pieces_left_out),
      cmocka_unit_test(no_pieces),
      cmocka_unit_test(scores_out_of_range),
      cmocka_unit_test(agrees_with_search),
      cmocka_unit_test(a_megabyte_of_one_letter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

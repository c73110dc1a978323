/* Segments: what is reported is right, and what is marked is found. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define CAPACITY 64

static double uniform(uint64_t *random) {
  return (double)(next_random(random) >> 11) / 0x1p53;
}

/* Coins of a given green rate, and tokens that are none in between. */
static void paint(uint8_t *colours, size_t n, double rate, uint64_t *random) {
  for (size_t i = 0; i < n; i++) {
    const bool green = uniform(random) < rate;
    const bool again = uniform(random) < 0.1;
    colours[i] = (uint8_t)(again   ? (green ? GP_COLOUR_AGAIN_GREEN : GP_COLOUR_AGAIN_RED)
                           : green ? GP_COLOUR_GREEN
                                   : GP_COLOUR_RED);
  }
}

/* Holds everything that is said about segments to the colours. */
static void check_segments(const uint8_t *colours, size_t n, double log10_alpha,
                           const gp_segment *segments, size_t n_segments) {
  double coins = 0.0;
  double harmonic = 0.0;
  for (size_t i = 0; i < n; i++) {
    if (colours[i] == GP_COLOUR_RED || colours[i] == GP_COLOUR_GREEN) {
      harmonic += 1.0 / ++coins;
    }
  }
  for (size_t s = 0; s < n_segments; s++) {
    const gp_segment *const segment = &segments[s];
    assert_true(segment->first < segment->end && segment->end <= n);
    assert_int_equal(colours[segment->first], GP_COLOUR_GREEN);
    assert_int_equal(colours[segment->end - 1], GP_COLOUR_GREEN);
    uint64_t scored = 0;
    uint64_t green = 0;
    for (size_t i = segment->first; i < segment->end; i++) {
      scored += colours[i] == GP_COLOUR_RED || colours[i] == GP_COLOUR_GREEN;
      green += colours[i] == GP_COLOUR_GREEN;
    }
    assert_int_equal(segment->scored, scored);
    assert_int_equal(segment->green, green);
    double log10_p = 1.0;
    assert_ok(gp_log10_binomial_tail(scored, green, 1, 2, &log10_p, error));
    assert_true(segment->log10_p == log10_p);
    const double price = log10((double)scored * (coins - (double)scored + 1.0) * harmonic);
    assert_true(fabs(segment->log10_p_corrected - (log10_p + price)) < 1e-11);
    assert_true(segment->log10_p_corrected <= log10_alpha);
    for (size_t other = 0; other < s; other++) {
      assert_true(segments[other].end <= segment->first || segment->end <= segments[other].first);
      assert_true(segments[other].log10_p_corrected <= segment->log10_p_corrected);
    }
  }
}

static size_t locate(const uint8_t *colours, size_t n, double log10_alpha,
                     gp_segment segments[CAPACITY]) {
  size_t n_segments = 0;
  assert_ok(gp_locate(colours, n, 1, 2, log10_alpha, segments, CAPACITY, &n_segments, error));
  check_segments(colours, n, log10_alpha, segments, n_segments);
  return n_segments;
}

/* Three passages in unmarked text, the weakest with about 1e-20 after correction. */
static void finds_each_passage(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static uint8_t colours[20000];
  static const struct {
    size_t first;
    size_t size;
    double rate;
  } passages[] = {{700, 500, 0.6}, {6000, 150, 0.9}, {12000, 3000, 0.4}};
  int good = 0;
  for (int round = 0; round < 20; round++) {
    paint(colours, 20000, 0.25, &random);
    for (size_t i = 0; i < 3; i++) {
      paint(colours + passages[i].first, passages[i].size, passages[i].rate, &random);
    }
    gp_segment segments[CAPACITY];
    const size_t found = locate(colours, 20000, -6.0, segments);
    bool seen[3] = {false, false, false};
    for (size_t s = 0; s < found; s++) {
      for (size_t i = 0; i < 3; i++) {
        const double low = fmax((double)segments[s].first, (double)passages[i].first);
        const double high =
            fmin((double)segments[s].end, (double)(passages[i].first + passages[i].size));
        const double both = fmax(high - low, 0.0);
        const double size = (double)(segments[s].end - segments[s].first);
        seen[i] = seen[i] || both / (size + (double)passages[i].size - both) > 0.75;
      }
    }
    good += found == 3 && seen[0] && seen[1] && seen[2];
  }
  /* At most one document in 10 has a stray end: 12 of 20 have one with probability 5e-8. */
  print_message("all three passages found and nothing else in %d of 20 documents\n", good);
  assert_true(good > 8);
}

/* The chance of any segment in unmarked text is at most alpha = 0.1: of 1,000 documents more
 * than 160 would have one with a probability below 1e-8. */
static void unmarked_text_stays_unmarked(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static uint8_t colours[2000];
  int found = 0;
  for (int round = 0; round < 1000; round++) {
    const size_t size = 1 + next_random(&random) % 2000;
    paint(colours, size, 0.25, &random);
    gp_segment segments[CAPACITY];
    found += locate(colours, size, -1.0, segments) > 0;
    (void)locate(colours, size, 0.0, segments); /* whatever is there is right */
  }
  print_message("a segment with corrected p <= 0.1 in %d of 1000 unmarked documents\n", found);
  assert_true(found <= 160);
}

/* Beside trying every segment: the library's best is the best, or nearly. */
static void compares_with_trying_all(void **state) {
  (void)state;
  uint64_t random = test_seed();
  int best = 0;
  int rounds = 0;
  for (int round = 0; round < 50; round++) {
    uint8_t colours[100];
    const size_t n = 40 + next_random(&random) % 61;
    const size_t start = next_random(&random) % (n - 30);
    paint(colours, n, 0.25, &random);
    paint(colours + start, 30, 0.85, &random);
    double harmonic = 0.0;
    size_t coins[100];
    size_t n_coins = 0;
    for (size_t i = 0; i < n; i++) {
      if (colours[i] == GP_COLOUR_RED || colours[i] == GP_COLOUR_GREEN) {
        coins[n_coins++] = i;
        harmonic += 1.0 / (double)n_coins;
      }
    }
    double least = 0.0;
    for (size_t i = 0; i < n_coins; i++) {
      uint64_t green = 0;
      for (size_t j = i; j < n_coins; j++) {
        green += colours[coins[j]] == GP_COLOUR_GREEN;
        double log10_p = 0.0;
        assert_ok(gp_log10_binomial_tail(j - i + 1, green, 1, 2, &log10_p, error));
        least = fmin(
            least, log10_p + log10((double)(j - i + 1) * harmonic * (double)(n_coins - (j - i))));
      }
    }
    gp_segment segments[CAPACITY];
    if (least > -1.0) {
      continue;
    }
    rounds++;
    const size_t found = locate(colours, n, -0.5, segments);
    assert_true(found > 0);
    assert_true(segments[0].log10_p_corrected >= least - 1e-9);
    best += segments[0].log10_p_corrected <= least + 1e-9;
  }
  print_message("the best of all segments found in %d of %d documents\n", best, rounds);
  assert_true(best > rounds * 8 / 10);
}

static void ends(void **state) {
  (void)state;
  gp_segment segments[CAPACITY];
  static uint8_t colours[4096];
  assert_int_equal(locate(NULL, 0, 0.0, segments), 0);
  assert_int_equal(locate(colours, 4096, 0.0, segments), 0); /* nothing scored */
  memset(colours, GP_COLOUR_RED, sizeof colours);
  assert_int_equal(locate(colours, 4096, 0.0, segments), 0);
  memset(colours, GP_COLOUR_AGAIN_GREEN, sizeof colours);
  assert_int_equal(locate(colours, 4096, 0.0, segments), 0);
  memset(colours, GP_COLOUR_GREEN, sizeof colours);
  assert_int_equal(locate(colours, 4096, -6.0, segments), 1);
  assert_int_equal(segments[0].first, 0);
  assert_int_equal(segments[0].end, 4096);
  assert_int_equal(locate(colours, 1, 0.0, segments), 1); /* p = 1/4, one segment */
  assert_true(segments[0].log10_p_corrected == log10(0.25));
}

/* Two passages and room for one: the better one is written. */
static void room(void **state) {
  (void)state;
  uint8_t colours[1000];
  memset(colours, GP_COLOUR_RED, sizeof colours);
  memset(colours + 100, GP_COLOUR_GREEN, 50);
  memset(colours + 700, GP_COLOUR_GREEN, 80);
  gp_segment segment = {0};
  size_t n = 9;
  assert_ok(gp_locate(colours, 1000, 1, 2, -6.0, &segment, 1, &n, error));
  assert_int_equal(n, 1);
  assert_int_equal(segment.first, 700);
  assert_int_equal(segment.end, 780);
  gp_segment both[2];
  assert_ok(gp_locate(colours, 1000, 1, 2, -6.0, both, 2, &n, error));
  assert_int_equal(n, 2);
  assert_int_equal(both[1].first, 100);
  assert_int_equal(both[1].end, 150);
  assert_ok(gp_locate(colours, 1000, 1, 2, -6.0, NULL, 0, &n, error));
  assert_int_equal(n, 0);
}

static void bad_arguments(void **state) {
  (void)state;
  uint8_t colours[] = {1, 2, 5};
  gp_segment segment;
  size_t n = 9;
  assert_fails(gp_locate(colours, 3, 1, 2, -6.0, &segment, 1, &n, error), GP_ERR_ARGUMENT,
               "colours[2]: 5 is no gp_colour");
  assert_fails(gp_locate(colours, 2, 1, 2, 0.5, &segment, 1, &n, error), GP_ERR_ARGUMENT,
               "log10_alpha: must be at most 0, not 0.5");
  assert_int_equal(gp_locate(colours, 2, 1, 2, NAN, &segment, 1, &n, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_locate(colours, 2, 2, 2, -1.0, &segment, 1, &n, NULL), GP_ERR_ARGUMENT);
  assert_fails(gp_locate(NULL, 2, 1, 2, -1.0, NULL, 0, &n, error), GP_ERR_ARGUMENT,
               "gp_locate: colours must not be NULL");
  assert_fails(gp_locate(colours, 2, 1, 2, -1.0, NULL, 1, &n, error), GP_ERR_ARGUMENT,
               "gp_locate: segments must not be NULL");
  assert_fails(gp_locate(colours, 2, 1, 2, -1.0, &segment, 1, NULL, error), GP_ERR_ARGUMENT,
               "gp_locate: n_segments must not be NULL");
  assert_int_equal(n, 9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_each_passage),
      cmocka_unit_test(unmarked_text_stays_unmarked),
      cmocka_unit_test(compares_with_trying_all),
      cmocka_unit_test(ends),
      cmocka_unit_test(room),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("locate", tests, NULL, NULL);
}

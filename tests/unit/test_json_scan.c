/* The short cut through JSON lines never says anything else than jansson does: over usual
 * lines, where it has to be taken, and over lines that were damaged at random. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json_lines.h"
#include "io/json_scan.h"
#include "io_support.h"

static const gp_reader_options ids = {.format = GP_INPUT_JSONL, .field = "a.1.ids"};
static const gp_reader_options text = {.format = GP_INPUT_JSONL, .field = "a.1.ids"};
static const gp_reader_options chat = {
    .format = GP_INPUT_JSONL, .field = "m", .role = "assistant"};

typedef struct line {
  const gp_reader_options *options;
  const char *line;
} line;

/* All of these the short cut takes. */
static const line usual[] = {
    {&ids, "{\"a\":[0,{\"ids\":[1, 22,333 ,4444,128000,4294967295]}]}"},
    {&ids, "{\"a\":[{},{\"ids\":[]}],\"b\":null}"},
    {&ids, " {\"x\" : {\"a\":[1.5,-2e-05,0,-0,true,false,null,\"\\u00e4\\n\"]},\t\"a\" : [ [] , "
           "{\"k\":1,\"ids\":[ 7 , 0 ]} , {\"ids\":[8]} ] } \r"},
    {&ids, "{\"a\":[0,{\"ids\":[1234567,12345678,123456789,1234567890]}],\"\xC3\xA4\":\"\xF0\x9F"
           "\x98\x80\"}"},
    {&text, "{\"a\":[0,{\"ids\":\"\"}]}"},
    {&text, "{\"a\":[0,{\"ids\":\"plain text that is longer than eight bytes\"}]}"},
    {&text, "{\"a\":[0,{\"ids\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u0041\\u00E9\\u20ac\\ud83d\\uDE00"
            "\\u0000 \x7f\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xED\x9F\xBF\xF4\x8F\xBF\xBF\"}]}"},
    {&chat, "{\"m\":[]}"},
    {&chat,
     "{\"id\":123456789012345678,\"m\":[{\"role\":\"user\",\"content\":[{\"type\":\"x\"}]},"
     "{\"role\":\"assistant\",\"content\":\"yes\\n\"},{\"content\":\"and\",\"role\":"
     "\"assistant\",\"extra\":[[[{}]]]},{\"role\":\"assistant\",\"content\":null}]}"},
};

/* These it leaves to jansson. */
static const line unusual[] = {
    {&ids, "{\"a\":[0,{\"ids\":[1,-0]}]}"},
    {&ids, "{\"a\":[0,{\"i\\u0064s\":[1]}]}"},
    {&ids, "{\"a\":[0,{\"ids\":[1]}],\"x\":1e100}"},
    {&ids, "{\"a\":[0,{\"ids\":[1]}],\"x\":9223372036854775807}"},
    {&chat,
     "{\"m\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}]}"},
    {&chat, "{\"m\":[{\"role\":\"assistant\",\"tool_calls\":1}]}"},
    {&chat, "{\"m\":[{\"role\":\"assistan\\u0074\",\"content\":\"x\"}]}"},
    {&chat, "{\"m\":[{\"role\":\"assistant\\u0000\",\"content\":\"x\"}]}"},
};

static void assert_same(const gp_documents *one, const gp_documents *other) {
  assert_int_equal(one->is_text, other->is_text);
  assert_int_equal(one->tokens.count, other->tokens.count);
  assert_memory_equal(one->tokens.ids, other->tokens.ids,
                      one->tokens.count * sizeof *one->tokens.ids);
  assert_int_equal(one->n_spans, other->n_spans);
  for (size_t i = 0; i < one->n_spans; i++) {
    assert_int_equal(one->spans[i].begin, other->spans[i].begin);
    assert_int_equal(one->spans[i].length, other->spans[i].length);
  }
  assert_int_equal(one->text.count, other->text.count);
  if (one->text.count > 0) {
    assert_memory_equal(one->text.data, other->text.data, one->text.count);
  }
}

/* Whether the short cut was taken; what it says is what jansson says. */
static bool scan(const gp_reader_options *options, const char *start, size_t length,
                 gp_documents *fast, gp_documents *slow) {
  bool done = false;
  gp_error problem = {0};
  gp_documents_clear(fast);
  gp_documents_clear(slow);
  /* Exactly as long as the line, so that a sanitizer sees reading beyond it. */
  char *copy = malloc(length > 0 ? length : 1);
  assert_non_null(copy);
  memcpy(copy, start, length);
  assert_int_equal(gp_json_scan(copy, length, options, fast, &done, &problem), GP_OK);
  if (done) {
    if (gp_json_line_load(copy, length, options, slow, &problem) != GP_OK) {
      fail_msg("%.*s: %s", (int)length, start, problem.message);
    }
    assert_same(fast, slow);
  }
  free(copy);
  return done;
}

static gp_documents fast;
static gp_documents slow;

static int set_up(void **state) {
  (void)state;
  return gp_documents_new(&fast, NULL) == GP_OK && gp_documents_new(&slow, NULL) == GP_OK ? 0
                                                                                          : -1;
}

static int tear_down(void **state) {
  (void)state;
  gp_documents_release(&fast);
  gp_documents_release(&slow);
  return 0;
}

static void test_usual_lines(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
    if (!scan(usual[i].options, usual[i].line, strlen(usual[i].line), &fast, &slow)) {
      fail_msg("not taken: %s", usual[i].line);
    }
  }
}

static void test_unusual_lines(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof unusual / sizeof unusual[0]; i++) {
    gp_error problem = {0};
    const size_t length = strlen(unusual[i].line);
    assert_false(scan(unusual[i].options, unusual[i].line, length, &fast, &slow));
    gp_documents_clear(&fast);
    if (gp_json_line_parse(unusual[i].line, length, unusual[i].options, &fast, &problem) !=
        GP_OK) {
      fail_msg("%s: %s", unusual[i].line, problem.message);
    }
  }
}

/* More of everything than it has room for. */
static void test_limits(void **state) {
  (void)state;
  for (size_t count = 1; count < 300; count++) {
    bytes deep = {0};
    append_text(&deep, "{\"x\":");
    append_many(&deep, '[', count);
    append_many(&deep, ']', count);
    append_text(&deep, ",\"a\":[0,{\"ids\":[5]}]}");
    assert_int_equal(scan(&ids, deep.data, deep.length, &fast, &slow), count <= 31);
    release(&deep);
    bytes wide = {0};
    append_text(&wide, "{");
    for (size_t i = 0; i < count; i++) {
      char entry[32];
      (void)snprintf(entry, sizeof entry, "\"k%zu\":0,", i);
      append_text(&wide, entry);
    }
    append_text(&wide, "\"a\":[0,{\"ids\":[5]}]}");
    assert_int_equal(scan(&ids, wide.data, wide.length, &fast, &slow), count <= 126);
    release(&wide);
  }
}

static void test_cut_off_anywhere(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
    const size_t length = (size_t)(strrchr(usual[i].line, '}') - usual[i].line);
    for (size_t cut = 0; cut <= length; cut++) {
      assert_false(scan(usual[i].options, usual[i].line, cut, &fast, &slow));
    }
  }
}

/* Bytes changed, left out, doubled or put in, of the kind that matter. */
static void test_damaged_lines(void **state) {
  (void)state;
  static const char alphabet[] =
      "{}[]\",:\\ue0123456789.-+E \t\rntfal\x1f\x7f\x80\xbf\xc0\xc3\xe0"
      "\xed\xf0\xf4\xff";
  uint64_t random = test_seed();
  size_t taken = 0;
  for (size_t round = 0; round < 300000; round++) {
    const line *from = &usual[next_random(&random) % (sizeof usual / sizeof usual[0])];
    char damaged[512];
    size_t length = strlen(from->line);
    memcpy(damaged, from->line, length);
    for (uint64_t n = next_random(&random) % 3 + 1; n > 0; n--) {
      const size_t at = next_random(&random) % length;
      const char c = alphabet[next_random(&random) % (sizeof alphabet - 1)];
      switch (next_random(&random) % 3) {
      case 0:
        damaged[at] = c;
        break;
      case 1:
        memmove(damaged + at, damaged + at + 1, --length - at);
        break;
      default:
        memmove(damaged + at + 1, damaged + at, length++ - at);
        damaged[at] = next_random(&random) % 2 == 0 ? c : damaged[at];
      }
    }
    taken += scan(from->options, damaged, length, &fast, &slow);
  }
  print_message("%zu of 300000 damaged lines were read all the same\n", taken);
  assert_in_range(taken, 10000, 290000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_usual_lines),   cmocka_unit_test(test_unusual_lines),
      cmocka_unit_test(test_limits),        cmocka_unit_test(test_cut_off_anywhere),
      cmocka_unit_test(test_damaged_lines),
  };
  return cmocka_run_group_tests_name("json_scan", tests, set_up, tear_down);
}

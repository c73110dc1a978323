/* Sessions leave repeated contexts unmarked. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

static bool marks(const gp_watermark *watermark, gp_session *session, const uint32_t *tokens,
                  size_t n) {
  float row[256] = {0};
  const float zeros[256] = {0};
  const gp_row context = {.tokens = tokens, .n_tokens = n, .session = session};
  assert_ok(gp_bias(watermark, GP_FLOAT32, row, 256, &context, error));
  return memcmp(row, zeros, sizeof row) != 0;
}

static gp_watermark *make_watermark(gp_seeding seeding, uint32_t width) {
  gp_params params = gp_params_default();
  params.seeding = seeding;
  params.context_width = width;
  gp_key *key = test_key(&params);
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  gp_key_free(key);
  return watermark;
}

static void repeated_context(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 2);
  gp_session *session = NULL;
  gp_session *other = NULL;
  assert_ok(gp_session_new(16, &session, error));
  assert_ok(gp_session_new(0, &other, error));
  const uint32_t tokens[] = {1, 2, 3, 1, 2, 2, 1};
  assert_false(marks(watermark, session, tokens, 1)); /* no window: nothing remembered */
  assert_true(marks(watermark, session, tokens, 2));  /* 1 2 */
  assert_true(marks(watermark, session, tokens, 3));  /* 2 3 */
  assert_true(marks(watermark, session, tokens, 4));  /* 3 1 */
  assert_false(marks(watermark, session, tokens, 5)); /* 1 2 again */
  assert_true(marks(watermark, session, tokens, 6));  /* 2 2 */
  assert_true(marks(watermark, session, tokens, 7));  /* 2 1: order counts */
  assert_true(marks(watermark, other, tokens, 5));    /* another sequence */
  assert_true(marks(watermark, NULL, tokens, 5));
  gp_session_reset(session);
  assert_true(marks(watermark, session, tokens, 5));
  gp_session_free(session);
  gp_session_free(other);
  gp_watermark_free(watermark);
}

/* A fixed list has one context for all: a session has no effect on it. */
static void fixed_list(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(GP_SEEDING_FIXED, 0);
  gp_session *session = NULL;
  assert_ok(gp_session_new(4, &session, error));
  assert_true(marks(watermark, session, NULL, 0));
  assert_true(marks(watermark, session, NULL, 0));
  gp_session_free(session);
  gp_watermark_free(watermark);
}

/* Far beyond the room asked for. */
static void grows(void **state) {
  (void)state;
  gp_watermark *watermark = make_watermark(GP_SEEDING_HASH, 1);
  gp_session *session = NULL;
  assert_ok(gp_session_new(1, &session, error));
  for (int round = 0; round < 2; round++) {
    for (uint32_t id = 0; id < 3000; id++) {
      assert_int_equal(marks(watermark, session, &id, 1), round == 0);
    }
  }
  gp_session_free(session);
  gp_watermark_free(watermark);
}

static void bad_arguments(void **state) {
  (void)state;
  gp_session *session = NULL;
  assert_fails(gp_session_new(1, NULL, error), GP_ERR_ARGUMENT,
               "gp_session_new: session must not be NULL");
  assert_fails(gp_session_new(SIZE_MAX, &session, error), GP_ERR_MEMORY,
               "out of memory: the table of seen pairs would exceed the address space");
  assert_int_equal(gp_session_new(SIZE_MAX / 128, &session, NULL), GP_ERR_MEMORY);
  assert_null(session);
  gp_session_free(NULL);
  gp_session_reset(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(repeated_context),
      cmocka_unit_test(fixed_list),
      cmocka_unit_test(grows),
      cmocka_unit_test(bad_arguments),
  };
  return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

/* Errors: status, message, truncation. */
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "support.h"

static void fills_and_returns(void **state) {
  (void)state;
  gp_error error = {0};
  assert_int_equal(gp_fail(&error, GP_ERR_IO, "%s:%d", "file", 7), GP_ERR_IO);
  assert_int_equal(error.status, GP_ERR_IO);
  assert_string_equal(error.message, "file:7");
  assert_int_equal(gp_fail(NULL, GP_ERR_MEMORY, "nobody listens"), GP_ERR_MEMORY);
}

/* A message that is cut ends at a whole UTF-8 character. */
static void cuts_at_a_character(void **state) {
  (void)state;
  for (size_t pad = 0; pad < 8; pad++) {
    char text[2 * GP_ERROR_MESSAGE_SIZE];
    memset(text, 'x', pad);
    size_t length = pad;
    while (length + 4 < sizeof text) {
      memcpy(text + length, "\xF0\x9F\x8C\xBF", 4);
      length += 4;
    }
    text[length] = '\0';
    gp_error error;
    (void)gp_fail(&error, GP_ERR_FORMAT, "%s", text);
    const size_t kept = strlen(error.message);
    assert_int_equal((kept - pad) % 4, 0);
    assert_true(kept > GP_ERROR_MESSAGE_SIZE - 6);
    assert_memory_equal(error.message, text, kept);
  }
}

static void every_status_has_words(void **state) {
  (void)state;
  for (int status = GP_OK; status <= GP_ERR_CRYPTO; status++) {
    assert_string_not_equal(gp_status_string((gp_status)status), "unknown status");
  }
  assert_string_equal(gp_status_string((gp_status)99), "unknown status");
}

static void version_agrees_with_the_header(void **state) {
  (void)state;
  char version[32];
  (void)snprintf(version, sizeof version, "%d.%d.%d", GP_VERSION_MAJOR, GP_VERSION_MINOR,
                 GP_VERSION_PATCH);
  assert_string_equal(version, GP_VERSION);
  assert_string_equal(gp_version(), GP_VERSION);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fills_and_returns),
      cmocka_unit_test(cuts_at_a_character),
      cmocka_unit_test(every_status_has_words),
      cmocka_unit_test(version_agrees_with_the_header),
  };
  return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

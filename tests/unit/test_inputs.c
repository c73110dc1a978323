/* The command's list of inputs: formats by name, and folders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../cli/cli.h"
#include "../../cli/inputs.h"
#include "support.h"

static char folder[] = "/tmp/greenprint-inputs-XXXXXX";
static int saved_stderr;

/* Everything happens in a folder of its own, and what is said goes to the file ../said of it. */
static int enter(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("top", 0700) != 0) {
    return -1;
  }
  saved_stderr = dup(STDERR_FILENO);
  return saved_stderr < 0 || freopen("said", "w+", stderr) == NULL ? -1 : 0;
}

static int leave(void **state) {
  (void)state;
  (void)fflush(stderr);
  (void)dup2(saved_stderr, STDERR_FILENO);
  (void)close(saved_stderr);
  (void)unlink("said");
  (void)rmdir("top");
  return chdir("/") != 0 || rmdir(folder) != 0 ? -1 : 0;
}

static void make_file(const char *name) {
  FILE *file = fopen(name, "w");
  assert_non_null(file);
  assert_int_equal(fputc('1', file), '1'); /* empty ones are left out */
  assert_int_equal(fclose(file), 0);
}

/* What was said since the last time. */
static void assert_said(const char *expected) {
  char said[600];
  (void)fflush(stderr);
  rewind(stderr);
  const size_t length = fread(said, 1, sizeof said - 1, stderr);
  said[length] = '\0';
  assert_string_equal(said, expected);
  rewind(stderr);
  assert_int_equal(ftruncate(fileno(stderr), 0), 0);
}

static void assert_lists(const char *name, bool recursive, const char *const *expected) {
  named_inputs inputs = {0};
  assert_int_equal(inputs_add("verify", name, recursive, &inputs), CLI_OK);
  size_t i = 0;
  for (; expected[i] != NULL; i++) {
    assert_true(i < inputs.count);
    assert_string_equal(inputs.names[i], expected[i]);
  }
  assert_int_equal(inputs.count, i);
  inputs_free(&inputs);
  inputs_free(&inputs);
}

static void assert_refused(const char *name, const char *message) {
  named_inputs inputs = {0};
  assert_int_equal(inputs_add("verify", name, true, &inputs), CLI_TROUBLE);
  assert_said(message);
  inputs_free(&inputs);
}

static void test_formats(void **state) {
  (void)state;
  static const struct {
    const char *name;
    gp_input_format format;
  } cases[] = {
      {"a.jsonl", GP_INPUT_JSONL},
      {"a.ndjson", GP_INPUT_JSONL},
      {"a.jsonl.gz", GP_INPUT_JSONL},
      {"a.txt", GP_INPUT_TEXT},
      {"b/a.text.gz", GP_INPUT_TEXT},
      {"README.md", GP_INPUT_TEXT},
      {"a.npy", GP_INPUT_NPY},
      {"a.npy.gz", GP_INPUT_NPY},
      {"a.u16", GP_INPUT_U16},
      {"a.u32.gz", GP_INPUT_U32},
      {"a.tokens", GP_INPUT_TOKENS},
      {"a.gz", GP_INPUT_TEXT},
      {"a", GP_INPUT_TEXT},
      {"-", GP_INPUT_TEXT},
      {"", GP_INPUT_TEXT},
      {"ajsonl", GP_INPUT_TEXT},
      {"a.bin", GP_INPUT_TEXT},
      {"a.jsonl.txt", GP_INPUT_TEXT},
      {"a.txt.gz.gz", GP_INPUT_TEXT},
      {"a.TXT", GP_INPUT_TEXT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const gp_input_format format = cases[i].format;
    const gp_input_format without = format == GP_INPUT_TEXT ? GP_INPUT_TOKENS : format;
    assert_int_equal(input_format_of_name(cases[i].name, true), format);
    assert_int_equal(input_format_of_name(cases[i].name, false), without);
  }
}

static void test_names(void **state) {
  (void)state;
  /* Names are not looked at unless they are folders. */
  assert_lists("none.txt", true, (const char *const[]){"none.txt", NULL});
  assert_lists("-", true, (const char *const[]){"-", NULL});
  assert_lists("top", false, (const char *const[]){"top", NULL});
  named_inputs inputs = {0};
  char name[16];
  for (int i = 0; i < 100; i++) {
    (void)snprintf(name, sizeof name, "%d.npy", i);
    assert_int_equal(inputs_add("verify", name, false, &inputs), CLI_OK);
  }
  assert_int_equal(inputs.count, 100);
  assert_string_equal(inputs.names[42], "42.npy");
  inputs_free(&inputs);
}

static void test_folder(void **state) {
  (void)state;
  static const char *const files[] = {"top/b",       "top/a.txt",  "top/a/z", "top/a/B",
                                      "top/.hidden", "top/a/\xff", "top/a-b"};
  static const char *const expected[] = {"top/.hidden", "top/a-b",    "top/a.txt",
                                         "top/a/B",     "top/a/z",    "top/a/\xff",
                                         "top/b",       "top/linked", NULL};
  assert_int_equal(mkdir("top/a", 0700), 0);
  assert_int_equal(mkdir("top/empty", 0700), 0);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    make_file(files[i]);
  }
  assert_int_equal(symlink("b", "top/linked"), 0);
  assert_int_equal(symlink("..", "top/a/loop"), 0);
  assert_int_equal(symlink("../top", "top/around"), 0);
  assert_int_equal(mkfifo("top/fifo", 0600), 0);
  assert_lists("top", true, expected);
  static const char *const below[] = {"top/a/B", "top/a/z", "top/a/\xff", NULL};
  assert_lists("top/a/", true, below);
  /* A folder that is named through a link was meant. */
  static const char *const around[] = {"top/a/loop/a/B", "top/a/loop/a/z", NULL};
  named_inputs inputs = {0};
  assert_int_equal(inputs_add("verify", "top/a/loop", true, &inputs), CLI_OK);
  assert_int_equal(inputs.count, 8);
  assert_string_equal(inputs.names[3], around[0]);
  inputs_free(&inputs);

  assert_refused("top/empty", "greenprint verify: top/empty: the folder holds no file\n");
  assert_int_equal(symlink("nowhere", "top/empty/broken"), 0);
  assert_refused("top/empty", "greenprint verify: top/empty/broken: the link cannot be followed: "
                              "No such file or directory\n");
  static const char *const gone[] = {"top/linked", "top/a/loop", "top/around", "top/fifo",
                                     "top/empty/broken"};
  for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
    assert_int_equal(unlink(gone[i]), 0);
  }
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    assert_int_equal(unlink(files[i]), 0);
  }
  assert_int_equal(rmdir("top/a"), 0);
  assert_int_equal(rmdir("top/empty"), 0);
}

static void test_depth(void **state) {
  (void)state;
  for (size_t excess = 0; excess < 2; excess++) {
    char path[400] = "top";
    const size_t depth = 100 + excess; /* "top" is one of them */
    for (size_t i = 1; i < depth; i++) {
      (void)strcat(path, "/d");
      assert_int_equal(mkdir(path, 0700), 0);
    }
    char file[410];
    (void)snprintf(file, sizeof file, "%s/f", path);
    make_file(file);
    if (excess == 0) {
      assert_lists("top", true, (const char *const[]){file, NULL});
    } else {
      char message[600];
      (void)snprintf(message, sizeof message,
                     "greenprint verify: %s: folders are nested deeper than 100\n", path);
      assert_refused("top", message);
    }
    assert_int_equal(unlink(file), 0);
    for (size_t i = depth; i > 1; i--) {
      assert_int_equal(rmdir(path), 0);
      path[strlen(path) - 2] = '\0';
    }
  }
}

static void test_unreadable(void **state) {
  (void)state;
  assert_int_equal(mkdir("top/locked", 0), 0);
  if (geteuid() == 0) {
    print_message("SKIPPED: root can read every folder\n");
  } else {
    assert_refused("top", "greenprint verify: top/locked: the folder cannot be opened: "
                          "Permission denied\n");
  }
  assert_int_equal(rmdir("top/locked"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_formats),    cmocka_unit_test(test_names),
      cmocka_unit_test(test_folder),     cmocka_unit_test(test_depth),
      cmocka_unit_test(test_unreadable),
  };
  return cmocka_run_group_tests_name("inputs", tests, enter, leave);
}

/* gp_reader: where it reads from, and its contract. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "io_support.h"

static const gp_reader_options token_lines = {.format = GP_INPUT_TOKENS};

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
static timer_t timer;

/* The next alarm, later each time: under valgrind, taking one lasts longer than the first ones
 * are apart, and a timer that kept their pace would leave no time to read. */
static int set_alarm(void) {
  const int number = alarms < 100 ? alarms : 100;
  const struct itimerspec next = {.it_value = {0, 300000L + 200000L * number}};
  return timer_settime(timer, 0, &next, NULL);
}

static void count_alarm(int number) {
  (void)number;
  const int saved = errno;
  alarms++;
  (void)set_alarm();
  errno = saved;
}

/* Signals interrupt read(2) and open(2); the reader goes on. */
static void test_signals(void **state) {
  (void)state;
  struct sigaction action = {.sa_handler = count_alarm}; /* no SA_RESTART */
  struct sigaction before;
  assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
  assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
  bytes text = long_text(100, 10);
  (void)unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  const pid_t child = start_writer(path, -1, &text, 5);
  assert_int_equal(set_alarm(), 0);
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
  if (read_all("-", &token_lines, &documents, &facts, &error) != GP_OK) {
    fail_msg("%s", error.message);
  }
  assert_same_bytes(&documents, &text);
  assert_int_not_equal(fcntl(STDIN_FILENO, F_GETFD), -1); /* left open */
  assert_writer_done(child);
  /* It is at its end now, and "-" has a name in messages. */
  assert_int_equal(read_all("-", &token_lines, &documents, &facts, &error), GP_ERR_FORMAT);
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
  assert_int_equal(gp_reader_open(path, &token_lines, &reader, &error), GP_ERR_IO);
  (void)snprintf(expected, sizeof expected, "%s: cannot be opened: No such file or directory",
                 path);
  assert_string_equal(error.message, expected);
  assert_int_equal(gp_reader_open(folder, &token_lines, &reader, &error), GP_ERR_IO);
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
                     &token_lines, &reader, &error),
      GP_ERR_IO);
  assert_string_equal(error.message, "/none/a?\?[1m?\?\xc3\xa4?\?\?\?\?/b?\?"
                                     ": cannot be opened: No such file or directory");
  for (size_t n = 195; n < 1000; n++) {
    char name[2100] = "/none/";
    for (size_t i = 0; i < n; i++) {
      memcpy(name + 6 + 2 * i, "\xc3\xa4", 3);
    }
    assert_int_equal(gp_reader_open(name, &token_lines, &reader, &error), GP_ERR_IO);
    assert_true(strncmp(error.message, "...\xc3\xa4", 5) == 0);
    assert_non_null(strstr(error.message, "\xc3\xa4: cannot be opened: "));
    assert_null(strchr(error.message, '?'));
  }
}

static void assert_facts(const bytes *file, bool is_gzip) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  uint8_t sha256[32];
  memset(&facts, 0, sizeof facts);
  write_file(file->data, file->length);
  assert_int_equal(read_all(path, &token_lines, &documents, &facts, &error), GP_OK);
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
  gp_document document;
  bool more = false;
  gp_input_facts facts;
  write_file("1\n", 2);
  assert_int_equal(gp_reader_open(path, &token_lines, &reader, NULL), GP_OK);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_position(reader), 0);
  assert_int_equal(gp_reader_next(reader, &document, &more, NULL), GP_OK);
  assert_true(more);
  assert_int_equal(gp_reader_position(reader), 2);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &document, &more, NULL), GP_OK);
  assert_false(more);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_OK);
  assert_int_equal(gp_reader_next(reader, &document, &more, NULL), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_OK);
  gp_reader_free(reader);
}

/* What concerns the whole file cannot be passed over, and neither can damage in the middle of
 * a line that is passed over. */
static void test_cannot_go_on(void **state) {
  (void)state;
  bytes cut_off = {0};
  bytes long_line = {0};
  append_many(&long_line, '1', ((size_t)1 << 26) + 100);
  append_member(&cut_off, long_line.data, long_line.length, 0);
  cut_off.length -= 4;
  const bytes mark = {.data = "\xEF\xBB\xBF", .length = 3};
  const bytes empty = {.data = "", .length = 0};
  const bytes *files[] = {&mark, &empty, &cut_off};
  for (size_t i = 0; i < 3; i++) {
    gp_reader *reader = NULL;
    gp_document document = {.line = 5};
    bool more = true;
    gp_error problem;
    gp_input_facts facts;
    write_file(files[i]->data, files[i]->length);
    assert_ok(gp_reader_open(path, &token_lines, &reader, error));
    assert_int_equal(gp_reader_next(reader, &document, &more, &problem), GP_ERR_FORMAT);
    if (i == 2) {
      assert_true(gp_reader_can_go_on(reader)); /* behind a line that is too long */
      assert_int_equal(gp_reader_next(reader, &document, &more, &problem), GP_ERR_FORMAT);
      assert_non_null(strstr(problem.message, ":2: the gzip data is cut off"));
    }
    assert_false(gp_reader_can_go_on(reader));
    assert_int_equal(gp_reader_next(reader, &document, &more, &problem), GP_ERR_ARGUMENT);
    assert_int_equal(gp_reader_facts(reader, &facts, NULL), GP_ERR_ARGUMENT);
    assert_true(more && document.line == 5); /* untouched */
    gp_reader_free(reader);
  }
  assert_false(gp_reader_can_go_on(NULL));
  release(&cut_off);
  release(&long_line);
}

static void test_format_names(void **state) {
  (void)state;
  static const char *const names[] = {"?", "tokens", "jsonl", "text", "npy", "u16", "u32", "?"};
  for (unsigned i = 0; i < 8; i++) {
    assert_string_equal(gp_input_format_name((gp_input_format)i), names[i]);
  }
}

static void test_arguments(void **state) {
  (void)state;
  gp_reader *reader = NULL;
  gp_document document;
  bool more = false;
  gp_input_facts facts;
  gp_error problem;
  char long_field[1100];
  memset(long_field, 'x', sizeof long_field);
  long_field[1024] = '\0';
  static const struct {
    gp_reader_options options;
    const char *message;
  } cases[] = {
      {{.format = (gp_input_format)7}, "7 is no gp_input_format"},
      {{.format = (gp_input_format)0}, "0 is no gp_input_format"},
      {{.format = GP_INPUT_JSONL}, "field must not be NULL"},
      {{.format = GP_INPUT_TOKENS, .field = "x"},
       "field and role are for JSON Lines; the format is tokens"},
      {{.format = GP_INPUT_U16, .role = "x"},
       "field and role are for JSON Lines; the format is u16"},
      {{.format = GP_INPUT_TEXT, .normalize = 8},
       "normalize has bits that are no GP_NORMALIZE flag"},
      {{.format = GP_INPUT_JSONL, .field = "a\\b"},
       "the field has a \\ that precedes neither a dot nor another \\"},
      {{.format = GP_INPUT_JSONL, .field = "a\\"},
       "the field has a \\ that precedes neither a dot nor another \\"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char expected[200];
    (void)snprintf(expected, sizeof expected, "gp_reader_open: %s", cases[i].message);
    assert_fails(gp_reader_open(path, &cases[i].options, &reader, error), GP_ERR_ARGUMENT,
                 expected);
  }
  gp_reader_options long_one = {.format = GP_INPUT_JSONL, .field = long_field};
  assert_fails(gp_reader_open(path, &long_one, &reader, error), GP_ERR_ARGUMENT,
               "gp_reader_open: the field is longer than 1023 bytes");
  assert_int_equal(gp_reader_open(NULL, &token_lines, &reader, &problem), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_open(path, NULL, &reader, &problem), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_open(path, &token_lines, NULL, &problem), GP_ERR_ARGUMENT);
  assert_null(reader);
  assert_int_equal(gp_reader_next(NULL, &document, &more, &problem), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(NULL, &facts, &problem), GP_ERR_ARGUMENT);
  write_file("{\"x\":[1]}\n", 10);
  long_field[1023] = '\0';
  assert_ok(gp_reader_open(path, &long_one, &reader, error));
  assert_int_equal(gp_reader_next(reader, &document, &more, &problem), GP_ERR_FORMAT);
  gp_reader_free(reader);
  write_file("1\n", 2);
  assert_int_equal(gp_reader_open(path, &token_lines, &reader, &problem), GP_OK);
  assert_int_equal(gp_reader_next(reader, NULL, &more, &problem), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &document, NULL, &problem), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_facts(reader, NULL, &problem), GP_ERR_ARGUMENT);
  assert_int_equal(gp_reader_next(reader, &document, &more, &problem), GP_OK);
  gp_reader_free(reader);
  gp_reader_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fifo),
      cmocka_unit_test(test_signals),
      cmocka_unit_test(test_standard_input),
      cmocka_unit_test(test_cannot_be_opened),
      cmocka_unit_test(test_names_in_messages),
      cmocka_unit_test(test_facts),
      cmocka_unit_test(test_states),
      cmocka_unit_test(test_cannot_go_on),
      cmocka_unit_test(test_format_names),
      cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests_name("reader", tests, make_folder, remove_folder);
}

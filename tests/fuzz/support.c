#define _GNU_SOURCE /* memfd_create() */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void gp_fuzz_require(bool holds, const char *what) {
  if (!holds) {
    (void)fprintf(stderr, "BROKEN PROMISE: %s\n", what);
    abort();
  }
}

const char *gp_fuzz_file(const uint8_t *data, size_t size) {
  static int fd = -1; /* one for the life of the process, which is a fuzzer */
  static char path[64];
  if (fd < 0) {
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    gp_fuzz_require(fd >= 0, "memfd_create() works on this machine");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  gp_fuzz_require(ftruncate(fd, 0) == 0, "a file in memory can be emptied");
  gp_fuzz_require(pwrite(fd, data, size, 0) == (ssize_t)size, "a file in memory can be written");
  return path;
}

void gp_fuzz_touch(const void *bytes, size_t size) {
  const volatile uint8_t *at = bytes; /* so that no read is left out */
  for (size_t i = 0; i < size; i++) {
    (void)at[i];
  }
}

void gp_fuzz_check_failure(gp_status status, const gp_error *error) {
  gp_fuzz_require(status >= GP_ERR_ARGUMENT && status <= GP_ERR_CRYPTO, "a status of the header");
  gp_fuzz_require(error->status == status, "the error holds the status that was returned");
  const size_t length = strnlen(error->message, sizeof error->message);
  gp_fuzz_require(length > 0 && length < sizeof error->message, "a message that ends");
  for (size_t i = 0; i < length; i++) {
    const unsigned char c = (unsigned char)error->message[i];
    gp_fuzz_require(c >= ' ' && c != 0x7F, "a message without control characters");
  }
}

static void check_document(const gp_document *document, uint64_t *line) {
  gp_fuzz_require((document->tokens == NULL) != (document->text == NULL), "either ids or text");
  gp_fuzz_require(document->line >= *line && document->line > 0, "lines in order, from 1");
  *line = document->line;
  if (document->tokens != NULL) {
    gp_fuzz_require(document->n_bytes == 0, "ids have no bytes");
    gp_fuzz_touch(document->tokens, document->n_tokens * sizeof *document->tokens);
  } else {
    gp_fuzz_require(document->n_tokens == 0, "text has no ids");
    gp_fuzz_touch(document->text, document->n_bytes);
  }
}

size_t gp_fuzz_read(const char *path, size_t size, const gp_reader_options *options) {
  gp_error error;
  gp_reader *reader = NULL;
  gp_status status = gp_reader_open(path, options, &reader, &error);
  if (status != GP_OK) {
    gp_fuzz_check_failure(status, &error);
    return 0;
  }
  size_t documents = 0;
  uint64_t line = 0;
  bool more = true;
  while (more) {
    gp_document document = {0};
    status = gp_reader_next(reader, &document, &more, &error);
    if (status != GP_OK) {
      gp_fuzz_check_failure(status, &error);
      more = gp_reader_can_go_on(reader);
      gp_fuzz_require(!more || status == GP_ERR_FORMAT, "only a bad line can be left out");
    } else if (more) {
      check_document(&document, &line);
      documents++;
    }
  }
  if (status == GP_OK) {
    gp_input_facts facts;
    status = gp_reader_facts(reader, &facts, &error);
    gp_fuzz_require(status == GP_OK && facts.bytes == size, "facts of the whole file");
  }
  gp_reader_free(reader);
  return documents;
}

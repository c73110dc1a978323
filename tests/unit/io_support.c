#include "io_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

char folder[] = "/tmp/greenprint-io-XXXXXX";
char path[sizeof folder + 16];

int make_folder(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/input", folder);
  return 0;
}

int remove_folder(void **state) {
  (void)state;
  (void)unlink(path);
  return rmdir(folder);
}

void append(bytes *to, const void *data, size_t length) {
  if (to->data == NULL || to->capacity - to->length < length) {
    to->capacity = 2 * (to->length + length) + 1;
    to->data = realloc(to->data, to->capacity);
    assert_non_null(to->data);
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

void append_text(bytes *to, const char *text) {
  append(to, text, strlen(text));
}

void append_many(bytes *to, char c, size_t count) {
  char *many = malloc(count);
  assert_non_null(many);
  memset(many, c, count);
  append(to, many, count);
  free(many);
}

void release(bytes *data) {
  free(data->data);
  *data = (bytes){0};
}

/* Appends a gzip member; `name_length` bytes of file name stretch its header. */
void append_member(bytes *to, const void *data, size_t length, size_t name_length) {
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  char *name = calloc(1, name_length + 1);
  assert_non_null(name);
  memset(name, 'n', name_length);
  gz_header header = {.name = (Bytef *)name};
  assert_int_equal(deflateSetHeader(&z, &header), Z_OK);
  const size_t room = deflateBound(&z, (uLong)length) + name_length + 64;
  char *out = malloc(room);
  assert_non_null(out);
  z.next_in = (z_const Bytef *)data;
  z.avail_in = (uInt)length;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)room;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  append(to, out, room - z.avail_out);
  assert_int_equal(deflateEnd(&z), Z_OK);
  free(out);
  free(name);
}

bytes gzip(const bytes *data) {
  bytes zipped = {0};
  append_member(&zipped, data->data, data->length, 0);
  return zipped;
}

void write_file(const void *data, size_t length) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

/* Deterministic ids that do not compress well. */
bytes long_text(size_t n_tokens, size_t tokens_in_line) {
  bytes text = {0};
  uint32_t x = 1;
  for (size_t i = 0; i < n_tokens; i++) {
    x = x * 1664525U + 1013904223U;
    char number[16];
    const bool last = i + 1 == n_tokens || (i + 1) % tokens_in_line == 0;
    (void)snprintf(number, sizeof number, "%" PRIu32 "%s", x, last ? "\n" : " ");
    append_text(&text, number);
  }
  return text;
}

gp_reader_options options_for(gp_input_format format) {
  return (gp_reader_options){.format = format,
                             .field = format == GP_INPUT_JSONL ? "tokens" : NULL};
}

static void append_document(bytes *documents, const gp_document *document) {
  assert_true((document->tokens == NULL) != (document->text == NULL));
  if (document->text != NULL) {
    assert_int_equal(document->n_tokens, 0);
    append_text(documents, "\"");
    append(documents, document->text, document->n_bytes);
    append_text(documents, "\"\n");
    return;
  }
  assert_int_equal(document->n_bytes, 0);
  for (size_t i = 0; i < document->n_tokens; i++) {
    char number[16];
    (void)snprintf(number, sizeof number, "%s%" PRIu32, i > 0 ? " " : "", document->tokens[i]);
    append_text(documents, number);
  }
  append_text(documents, "\n");
}

gp_status read_all(const char *name, const gp_reader_options *options, bytes *documents,
                   gp_input_facts *facts, gp_error *error) {
  gp_reader *reader = NULL;
  gp_status status = gp_reader_open(name, options, &reader, error);
  uint64_t last_line = 0;
  bool more = true;
  while (status == GP_OK && more) {
    gp_document document;
    memset(&document, 77, sizeof document);
    status = gp_reader_next(reader, &document, &more, error);
    if (status == GP_OK && more) {
      assert_true(document.line >= last_line + (options->role == NULL));
      last_line = document.line;
      append_document(documents, &document);
    }
  }
  if (status == GP_OK) {
    status = gp_reader_facts(reader, facts, error);
  }
  gp_reader_free(reader);
  return status;
}

void assert_same_bytes(const bytes *found, const bytes *expected) {
  assert_int_equal(found->length, expected->length);
  assert_memory_equal(found->data, expected->data, expected->length);
}

void assert_reads_as(const gp_reader_options *options, const char *expected) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  if (read_all(path, options, &documents, &facts, &error) != GP_OK) {
    fail_msg("%s", error.message);
  }
  append(&documents, "", 1);
  assert_string_equal(documents.data, expected);
  release(&documents);
}

void assert_reads_back(const bytes *text) {
  const gp_reader_options options = options_for(GP_INPUT_TOKENS);
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  if (read_all(path, &options, &documents, &facts, &error) != GP_OK) {
    fail_msg("%s", error.message);
  }
  assert_same_bytes(&documents, text);
  release(&documents);
}

static void assert_fails_after(const char *before, const void *data, size_t length,
                               const gp_reader_options *options, const char *message) {
  bytes documents = {0};
  gp_input_facts facts;
  gp_error error = {0};
  char expected[GP_ERROR_MESSAGE_SIZE];
  write_file(data, length);
  (void)snprintf(expected, sizeof expected, "%s%s", path, message);
  assert_int_equal(read_all(path, options, &documents, &facts, &error), GP_ERR_FORMAT);
  assert_string_equal(error.message, expected);
  assert_int_equal(error.status, GP_ERR_FORMAT);
  append(&documents, "", 1);
  if (before != NULL) {
    assert_string_equal(documents.data, before);
  }
  release(&documents);
}

void assert_refused(const void *data, size_t length, const gp_reader_options *options,
                    const char *message) {
  assert_fails_after(NULL, data, length, options, message);
}

void assert_refused_after(const char *before, const void *data, size_t length,
                          const gp_reader_options *options, const char *message) {
  assert_fails_after(before, data, length, options, message);
}

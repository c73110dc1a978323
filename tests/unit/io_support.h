/* What the tests of readers share: a file to write and read, gzip, and documents as text. */
#ifndef GP_TEST_IO_SUPPORT_H
#define GP_TEST_IO_SUPPORT_H

#include "support.h"

/* A folder of the test's own and a file in it, made by make_folder(). */
extern char folder[];
extern char path[];

int make_folder(void **state);
int remove_folder(void **state);

typedef struct bytes {
  char *data;
  size_t length;
  size_t capacity;
} bytes;

void append(bytes *to, const void *data, size_t length);
void append_text(bytes *to, const char *text);
void append_many(bytes *to, char c, size_t count);
void release(bytes *data);

/* Appends a gzip member; `name_length` bytes of file name stretch its header. */
void append_member(bytes *to, const void *data, size_t length, size_t name_length);
bytes gzip(const bytes *data);

/* Deterministic ids that do not compress well, as a token file. */
bytes long_text(size_t n_tokens, size_t tokens_in_line);

/* Writes the file at `path`. */
void write_file(const void *data, size_t length);

/* Options for a format: the field "tokens" for JSON Lines. */
gp_reader_options options_for(gp_input_format format);

/* All documents of an input as text, a document a line: ids separated by blanks; text in
 * quotation marks. */
gp_status read_all(const char *name, const gp_reader_options *options, bytes *documents,
                   gp_input_facts *facts, gp_error *error);

void assert_same_bytes(const bytes *found, const bytes *expected);

/* The file at `path` reads as `expected`. */
void assert_reads_as(const gp_reader_options *options, const char *expected);

/* The file reads as the token file `text`. */
void assert_reads_back(const bytes *text);

/* Writes `data` to the file; reading it fails with GP_ERR_FORMAT and PATH + `message`. */
void assert_refused(const void *data, size_t length, const gp_reader_options *options,
                    const char *message);

/* The same after the documents `before`. */
void assert_refused_after(const char *before, const void *data, size_t length,
                          const gp_reader_options *options, const char *message);

#endif

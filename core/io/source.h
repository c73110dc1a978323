/* An input cut into records: what can be found without understanding it. Serial and cheap;
 * gp_parser makes documents of a record, on any thread. */
#ifndef GP_IO_SOURCE_H
#define GP_IO_SOURCE_H

#include "greenprint.h"

typedef struct gp_source gp_source;

/* How an id lies in a record of GP_INPUT_NPY, GP_INPUT_U16 or GP_INPUT_U32. */
typedef struct gp_element {
  uint8_t size; /* bytes: 1, 2, 4 or 8 */
  bool is_signed;
  bool big_endian;
} gp_element;

/* A line without its LF or CR LF, a part of a text, or a row or part of an array. */
typedef struct gp_record {
  const char *bytes; /* never NULL */
  size_t length;
  uint64_t line;      /* line, row or part, from 1 */
  gp_element element; /* of arrays; length is a multiple of its size */
  bool is_row;        /* of an array of two dimensions */
} gp_record;

/* GP_OK, or GP_ERR_ARGUMENT and what is wrong with the options. */
gp_status gp_reader_options_check(const gp_reader_options *options, gp_error *reason);

/* Opens `path`; "-" is standard input. `options` are valid, and their strings are not used.
 * Messages here and below are reasons without a place, such as "is a directory". */
gp_status gp_source_open(const char *path, const gp_reader_options *options, gp_source **source,
                         gp_error *reason);
void gp_source_free(gp_source *source);

/* The next record, or *more = false at the end. It is valid until the next call. After an
 * error only gp_source_can_go_on() says whether there may be another call. */
gp_status gp_source_next(gp_source *source, gp_record *record, bool *more, gp_error *reason);

/* Whether the last error concerned one record, so that the next call goes on behind it. */
bool gp_source_can_go_on(const gp_source *source);

/* The line, row or part that was returned last, or that the last error is about; 0 when that
 * is about the whole file. */
uint64_t gp_source_line(const gp_source *source);

/* Bytes read from the file so far, before decompression: for a progress bar. */
uint64_t gp_source_position(const gp_source *source);

/* Complete once gp_source_next() has reported the end. */
gp_input_facts gp_source_facts(const gp_source *source);

/* Writes "NAME:LINE: REASON" where the format has lines and `line` is not 0, and else
 * "NAME: REASON", since reasons about arrays name row and column themselves. `name` is as
 * gp_display_name() makes it. Returns `status`. */
gp_status gp_source_fail(gp_error *error, gp_status status, const char *name,
                         gp_input_format format, uint64_t line, const gp_error *reason);

#endif

/* A line of JSON Lines (SPEC.md section 10). */
#ifndef GP_IO_JSON_LINES_H
#define GP_IO_JSON_LINES_H

#include "io/documents.h"

/* Adds what the field of the object on the line holds to `documents`, which are clear. */
gp_status gp_json_line_parse(const char *line, size_t length, const gp_reader_options *options,
                             gp_documents *documents, gp_error *reason);

/* The same without the short cut of gp_json_scan(): it says what is wrong with a line. */
gp_status gp_json_line_load(const char *line, size_t length, const gp_reader_options *options,
                            gp_documents *documents, gp_error *reason);

#endif

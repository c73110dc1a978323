/* A short cut through lines of JSON that hold nothing unusual. */
#ifndef GP_IO_JSON_SCAN_H
#define GP_IO_JSON_SCAN_H

#include "io/documents.h"

/* Adds what the field of the object on the line holds to `documents`, which are clear, and sets
 * *done; or leaves *done alone, and `documents` in any state, where anything is wrong with the
 * line or unusual in it: gp_json_line_load() has the last word then. Only fails when memory
 * runs out. */
gp_status gp_json_scan(const char *line, size_t length, const gp_reader_options *options,
                       gp_documents *documents, bool *done, gp_error *reason);

#endif

/* Binary arrays cut into rows or parts: npy, and ids without a header. */
#ifndef GP_IO_ARRAYS_H
#define GP_IO_ARRAYS_H

#include "io/source.h"
#include "io/window.h"

#define GP_ARRAY_PART    ((size_t)1 << 16) /* ids of a long array that are one document */
#define GP_ARRAY_ROW_MAX ((size_t)1 << 26) /* bytes */

typedef struct gp_arrays {
  gp_element element;
  bool bounded; /* by a header; else by the end of the file */
  bool is_row;
  uint64_t left;  /* rows, or ids, still to come, where bounded */
  uint64_t total; /* of them */
  size_t columns; /* of a row */
} gp_arrays;

/* Reads the header of an npy file. */
gp_status gp_arrays_open_npy(gp_arrays *arrays, gp_window *window, gp_error *reason);

/* Little-endian unsigned ids of `size` bytes. */
void gp_arrays_open_raw(gp_arrays *arrays, uint8_t size);

/* The next row or part; record->bytes is NULL at the end. Does not set record->line. */
gp_status gp_arrays_next(gp_arrays *arrays, gp_window *window, gp_record *record,
                         gp_error *reason);

#endif

/* The header of a NumPy array file (SPEC.md section 10). */
#ifndef GP_IO_NPY_HEADER_H
#define GP_IO_NPY_HEADER_H

#include "io/source.h"

typedef struct gp_npy_header {
  gp_element element;
  bool fortran_order;
  size_t dimensions; /* 1 or 2 */
  uint64_t shape[2]; /* shape[1] is 1 for one dimension */
} gp_npy_header;

/* Parses the Python literal of a header: {'descr': '<u4', 'fortran_order': False,
 * 'shape': (3, 4), }. Refuses what is not an array of integers of one or two dimensions in
 * C order. */
gp_status gp_npy_header_parse(const char *text, size_t length, gp_npy_header *header,
                              gp_error *reason);

#endif

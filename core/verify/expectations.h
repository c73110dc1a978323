/* A strict reader of expectations files (SPEC.md section 14). */
#ifndef GP_VERIFY_EXPECTATIONS_H
#define GP_VERIFY_EXPECTATIONS_H

#include "verify/weights_file.h"

/* gp_expectations_open() over any source, which stays the caller's and has to outlive the
 * reader. `name` is for messages. */
gp_status gp_expectations_open_source(gp_byte_source *read, void *source, const char *name,
                                      gp_expectations **file, gp_error *error);

/* What was expected at one position: `count` different ids, ascending. */
typedef struct gp_position {
  size_t count;
  uint32_t ids[GP_EXPECTATIONS_TOP_MAX];
  float probabilities[GP_EXPECTATIONS_TOP_MAX];
} gp_position;

/* Goes on to the next document, which has to be this one. */
gp_status gp_expectations_begin(gp_expectations *file, const uint8_t sha256[GP_DIGEST_SIZE],
                                uint64_t n_tokens, gp_error *error);

/* The next position of the document; to be called n_tokens times. */
gp_status gp_expectations_position(gp_expectations *file, gp_position *position, gp_error *error);

/* Ends the document: checks the checksum over everything up to here. What was read before is
 * to be trusted only now. */
gp_status gp_expectations_end(gp_expectations *file, gp_error *error);

#endif

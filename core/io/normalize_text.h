/* Taking harmless differences out of text (SPEC.md section 10). */
#ifndef GP_IO_NORMALIZE_TEXT_H
#define GP_IO_NORMALIZE_TEXT_H

#include "io/text.h"

/* Memory that is reused from text to text. */
typedef struct gp_normalizer {
  gp_text folded;   /* after line ends and trailing blanks */
  int32_t *points;  /* of a run of text that is not ASCII */
  int32_t *ordered; /* room to sort them */
  size_t capacity;  /* of both */
} gp_normalizer;

void gp_normalizer_release(gp_normalizer *normalizer);

/* Appends the text to `out`, changed as the GP_NORMALIZE_ flags say. It may hold any bytes:
 * what is not UTF-8 stays as it is. Linear in time. */
gp_status gp_normalize_text(gp_normalizer *normalizer, unsigned flags, const char *bytes,
                            size_t length, gp_text *out, gp_error *reason);

#endif

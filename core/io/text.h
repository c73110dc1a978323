/* A growing buffer of bytes. */
#ifndef GP_IO_TEXT_H
#define GP_IO_TEXT_H

#include "greenprint.h"

typedef struct gp_text {
  char *data; /* NULL until something was reserved */
  size_t count;
  size_t capacity;
} gp_text;

void gp_text_release(gp_text *text);

/* Makes room for `more` bytes behind data[count]. */
gp_status gp_text_reserve(gp_text *text, size_t more, gp_error *reason);

gp_status gp_text_append(gp_text *text, const char *bytes, size_t length, gp_error *reason);

#endif

/* Bytes of unknown origin, made fit to stand in an error message. */
#ifndef GP_COMMON_QUOTE_H
#define GP_COMMON_QUOTE_H

#include <stddef.h>

/* Room for 20 bytes that each need an escape, the quotation marks, "..." and NUL. */
#define GP_QUOTE_SIZE        88
#define GP_DISPLAY_NAME_SIZE 208

/* Writes the first 20 bytes in quotation marks, as printable ASCII; what is not is
 * escaped. "..." follows where more was there. Returns `out`. */
const char *gp_quote(char out[GP_QUOTE_SIZE], const char *bytes, size_t length);

/* Writes a path as one line of UTF-8: control characters and what is not UTF-8 become
 * '?', and of a long path the end is kept. */
void gp_display_name(char out[GP_DISPLAY_NAME_SIZE], const char *path);

/* The same for what "-" is standard input to. */
void gp_display_input(char out[GP_DISPLAY_NAME_SIZE], const char *path);

#endif

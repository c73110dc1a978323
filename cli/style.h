/* Colours on a terminal. */
#ifndef CLI_STYLE_H
#define CLI_STYLE_H

#include <stdio.h>

typedef enum cli_style {
  STYLE_END,       /* back to plain */
  STYLE_FOUND,     /* a verdict that the mark is there: bold green */
  STYLE_NOT_FOUND, /* a verdict that it is not: bold yellow */
  STYLE_LABEL,     /* what names a value: dim */
} cli_style;

/* The bytes that switch `stream` to a style, which take no room on the screen: "" unless the
 * stream is a terminal, TERM names one that is not dumb, and NO_COLOR is unset or empty
 * (https://no-color.org). Static storage. */
const char *style(FILE *stream, cli_style wanted);

#endif

#include "rows.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli.h"
#include "style.h"

void put_row(const char *label, const char *format, ...) {
  (void)printf("%s%-10s%s ", style(stdout, STYLE_LABEL), label, style(stdout, STYLE_END));
  va_list arguments;
  va_start(arguments, format);
  (void)vprintf(format, arguments);
  va_end(arguments);
  (void)fputc('\n', stdout);
}

void put_safe_row(const char *label, const char *text) {
  if (text != NULL) {
    (void)printf("%s%-10s%s ", style(stdout, STYLE_LABEL), label, style(stdout, STYLE_END));
    cli_put_safe(stdout, text);
    (void)fputc('\n', stdout);
  }
}

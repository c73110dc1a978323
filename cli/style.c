#include "style.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_colours(FILE *stream) {
  const char *no_color = getenv("NO_COLOR");
  if (no_color != NULL && no_color[0] != '\0') {
    return false;
  }
  const char *term = getenv("TERM");
  if (term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0) {
    return false;
  }
  const int fd = fileno(stream);
  return fd >= 0 && isatty(fd) == 1;
}

const char *style(FILE *stream, cli_style wanted) {
  static const char *const codes[] = {
      [STYLE_END] = "\033[0m",
      [STYLE_FOUND] = "\033[1;32m",
      [STYLE_NOT_FOUND] = "\033[1;33m",
      [STYLE_LABEL] = "\033[2m",
  };
  return has_colours(stream) ? codes[wanted] : "";
}

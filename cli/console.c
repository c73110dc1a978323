/* Messages, and the certainty that output arrived. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define MESSAGE_SIZE 8192

void cli_put_safe(FILE *out, const char *text) {
  for (; *text != '\0'; text++) {
    const unsigned char byte = (unsigned char)*text;
    (void)fputc(byte < 0x20 || byte == 0x7F ? '?' : byte, out);
  }
}

static void say(const char *command, const char *kind, const char *format, va_list arguments) {
  char message[MESSAGE_SIZE];
  (void)vsnprintf(message, sizeof message, format, arguments);
  (void)fprintf(stderr, command != NULL ? "greenprint %s: %s" : "greenprint%s: %s",
                command != NULL ? command : "", kind);
  cli_put_safe(stderr, message);
  (void)fputc('\n', stderr);
}

int cli_fail(const char *command, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(command, "", format, arguments);
  va_end(arguments);
  return CLI_TROUBLE;
}

void cli_warn(const char *command, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(command, "warning: ", format, arguments);
  va_end(arguments);
}

int cli_flush(const char *command) {
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout) != 0) {
    return cli_fail(command, "standard output cannot be written: %s",
                    errno != 0 ? strerror(errno) : "a write failed");
  }
  return CLI_OK;
}

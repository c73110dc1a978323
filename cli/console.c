/* Messages, the certainty that output arrived, and looks at key files from outside. */
#include "cli.h"
#include "progress.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define MESSAGE_SIZE 8192

static bool between(unsigned char byte, unsigned char first, unsigned char last) {
  return byte >= first && byte <= last;
}

/* The number of bytes of the control character that `text` begins with in UTF-8; 0 for none.
 * C1 controls command a terminal as ESC does; bidi controls show a name as another. */
static size_t control_size(const unsigned char *text) {
  if (text[0] < 0x20 || text[0] == 0x7F) {
    return 1;
  }
  if ((text[0] == 0xC2 && between(text[1], 0x80, 0x9F)) || /* C1 */
      (text[0] == 0xD8 && text[1] == 0x9C)) {              /* U+061C */
    return 2;
  }
  if (text[0] != 0xE2) {
    return 0;
  }
  const bool bidi = (text[1] == 0x80 && between(text[2], 0x8E, 0x8F)) || /* U+200E, U+200F */
                    (text[1] == 0x80 && between(text[2], 0xAA, 0xAE)) || /* U+202A to U+202E */
                    (text[1] == 0x81 && between(text[2], 0xA6, 0xA9));   /* U+2066 to U+2069 */
  return bidi ? 3 : 0;
}

void cli_put_safe(FILE *out, const char *text) {
  while (*text != '\0') {
    const size_t size = control_size((const unsigned char *)text);
    (void)fputc(size > 0 ? '?' : (unsigned char)*text, out);
    text += size > 0 ? size : 1;
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
  progress_erase();
  va_list arguments;
  va_start(arguments, format);
  say(command, "", format, arguments);
  va_end(arguments);
  return CLI_TROUBLE;
}

void cli_warn(const char *command, const char *format, ...) {
  progress_erase();
  va_list arguments;
  va_start(arguments, format);
  say(command, "warning: ", format, arguments);
  va_end(arguments);
}

void cli_warn_if_readable(const char *command, const char *path) {
  struct stat facts;
  if (stat(path, &facts) == 0 && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    cli_warn(command, "%s: others can read this key file (mode %04o); chmod 600 it", path,
             (unsigned)facts.st_mode & 07777U);
  }
}

bool cli_can_be_read_again(const char *path) {
  struct stat facts;
  return stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

int cli_flush(const char *command) {
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout) != 0) {
    return cli_fail(command, "standard output cannot be written: %s",
                    errno != 0 ? strerror(errno) : "a write failed");
  }
  return CLI_OK;
}

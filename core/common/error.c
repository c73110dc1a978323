/* Errors are values: a status and one line that can be shown to a person. */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Drops a UTF-8 character whose last bytes were cut off by truncation. */
static void drop_cut_character(char *message, size_t length) {
  size_t start = length;
  while (start > 0 && ((unsigned char)message[start - 1] & 0xC0U) == 0x80U) {
    start--;
  }
  if (start == 0) {
    return;
  }
  const unsigned char lead = (unsigned char)message[start - 1];
  const size_t width = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : lead >= 0xC0U ? 2 : 1;
  if (length - (start - 1) < width) {
    message[start - 1] = '\0';
  }
}

void gp_error_set(gp_error *error, gp_status status, const char *format, ...) {
  if (error == NULL) {
    return;
  }
  error->status = status;
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  if (length < 0) {
    error->message[0] = '\0';
  } else if ((size_t)length >= sizeof error->message) {
    drop_cut_character(error->message, sizeof error->message - 1);
  }
}

void gp_error_system(gp_error *error, const char *what, int number) {
  char text[128];
  if (strerror_r(number, text, sizeof text) != 0) {
    gp_error_set(error, GP_ERR_IO, "%s: error %d", what, number);
  } else {
    gp_error_set(error, GP_ERR_IO, "%s: %s", what, text);
  }
}

const char *gp_status_string(gp_status status) {
  switch (status) {
  case GP_OK:
    return "no error";
  case GP_ERR_ARGUMENT:
    return "an argument is out of range or inconsistent";
  case GP_ERR_MEMORY:
    return "out of memory";
  case GP_ERR_IO:
    return "a file could not be opened, read or written";
  case GP_ERR_EXISTS:
    return "the file exists already";
  case GP_ERR_FORMAT:
    return "a file is damaged or is not of the expected form";
  case GP_ERR_VERSION:
    return "a file of a version or scheme this library does not have";
  case GP_ERR_PASSPHRASE:
    return "wrong or missing passphrase";
  case GP_ERR_CRYPTO:
    return "a cryptographic library failed";
  }
  return "unknown status";
}

const char *gp_version(void) {
  return GP_VERSION;
}

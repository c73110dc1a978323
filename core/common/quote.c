/* What a message quotes comes from a file that somebody sent. Printed as it is, it could
 * break the line, hide the rest of the message or steer the terminal. */
#include "common/quote.h"

#include <stdbool.h>
#include <string.h>

#define QUOTED_BYTES_MAX 20U

const char *gp_quote(char out[GP_QUOTE_SIZE], const char *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  char *end = out;
  *end++ = '"';
  for (size_t i = 0; i < length && i < QUOTED_BYTES_MAX; i++) {
    const unsigned char byte = (unsigned char)bytes[i];
    if (byte == '"' || byte == '\\') {
      *end++ = '\\';
      *end++ = (char)byte;
    } else if (byte >= 0x20 && byte < 0x7F) {
      *end++ = (char)byte;
    } else {
      *end++ = '\\';
      *end++ = 'x';
      *end++ = digits[byte >> 4];
      *end++ = digits[byte & 0xFU];
    }
  }
  *end++ = '"';
  *end = '\0';
  if (length > QUOTED_BYTES_MAX) {
    memcpy(end, "...", sizeof "...");
  }
  return out;
}

/* Bytes of the printable UTF-8 character at `text`; 0 where there is none. The ranges
 * are those of RFC 3629, less the control characters. */
static size_t character_width(const unsigned char *text) {
  const unsigned char lead = text[0];
  if (lead < 0x80) {
    return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  }
  unsigned char lowest = 0x80;
  unsigned char highest = 0xBF;
  size_t width = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    width = 2;
    lowest = lead == 0xC2 ? 0xA0 : 0x80;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    width = 3;
    lowest = lead == 0xE0 ? 0xA0 : 0x80;
    highest = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    width = 4;
    lowest = lead == 0xF0 ? 0x90 : 0x80;
    highest = lead == 0xF4 ? 0x8F : 0xBF;
  }
  for (size_t i = 1; i < width; i++) {
    if (text[i] < lowest || text[i] > highest) {
      return 0;
    }
    lowest = 0x80;
    highest = 0xBF;
  }
  return width;
}

void gp_display_name(char out[GP_DISPLAY_NAME_SIZE], const char *path) {
  char *end = out;
  const size_t length = strlen(path);
  if (length >= GP_DISPLAY_NAME_SIZE) {
    path += length - (GP_DISPLAY_NAME_SIZE - 1 - strlen("..."));
    while (((unsigned char)*path & 0xC0U) == 0x80U) {
      path++;
    }
    memcpy(end, "...", strlen("..."));
    end += strlen("...");
  }
  while (*path != '\0') {
    const size_t width = character_width((const unsigned char *)path);
    if (width == 0) {
      *end++ = '?';
      path++;
    } else {
      memcpy(end, path, width);
      end += width;
      path += width;
    }
  }
  *end = '\0';
}

void gp_display_input(char out[GP_DISPLAY_NAME_SIZE], const char *path) {
  gp_display_name(out, strcmp(path, "-") == 0 ? "standard input" : path);
}

#include "text/utf8.h"

#include <string.h>

/* The second byte is what tells surrogates, overlong forms and values beyond U+10FFFF (Unicode
 * 15, table 3-7). Returns the length of the sequence that `lead` announces, 0 for none. */
static size_t announced(unsigned char lead, unsigned char *lowest, unsigned char *highest) {
  *lowest = 0x80;
  *highest = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    return 2;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    *lowest = lead == 0xE0 ? 0xA0 : 0x80;
    *highest = lead == 0xED ? 0x9F : 0xBF;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    *lowest = lead == 0xF0 ? 0x90 : 0x80;
    *highest = lead == 0xF4 ? 0x8F : 0xBF;
    return 4;
  }
  return 0;
}

/* How many bytes of the sequence at `text` are as they should be; *width is how many it would
 * have, 0 where none can start so. */
static size_t well_formed(const unsigned char *text, size_t length, size_t *width) {
  unsigned char lowest = 0;
  unsigned char highest = 0;
  *width = announced(text[0], &lowest, &highest);
  if (*width == 0) {
    return 0;
  }
  size_t count = 1;
  while (count < *width && count < length && text[count] >= lowest && text[count] <= highest) {
    lowest = 0x80;
    highest = 0xBF;
    count++;
  }
  return count;
}

size_t gp_utf8_valid_prefix(const char *text, size_t length) {
  const unsigned char *s = (const unsigned char *)text;
  size_t i = 0;
  while (i < length) {
    while (length - i >= 8) {
      uint64_t word;
      memcpy(&word, s + i, 8);
      if ((word & UINT64_C(0x8080808080808080)) != 0) {
        break;
      }
      i += 8;
    }
    if (i == length) {
      break;
    }
    if (s[i] < 0x80) {
      i++;
      continue;
    }
    size_t width = 0;
    const size_t count = well_formed(s + i, length - i, &width);
    if (count == 0 || count < width) {
      break;
    }
    i += width;
  }
  return i;
}

size_t gp_utf8_ill_formed(const char *text, size_t length) {
  size_t width = 0;
  const size_t count = well_formed((const unsigned char *)text, length, &width);
  return count == 0 ? 1 : count;
}

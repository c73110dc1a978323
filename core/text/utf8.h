/* Characters in UTF-8 that is known to be valid, and a look at text that is not. */
#ifndef GP_TEXT_UTF8_H
#define GP_TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts with `lead`, in valid UTF-8. */
static inline uint32_t gp_utf8_width(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The character at `text`, valid UTF-8; *width is its length. */
static inline uint32_t gp_utf8_decode(const char *text, uint32_t *width) {
  const unsigned char *s = (const unsigned char *)text;
  *width = gp_utf8_width(s[0]);
  switch (*width) {
  case 1:
    return s[0];
  case 2:
    return (s[0] & 0x1FU) << 6 | (s[1] & 0x3FU);
  case 3:
    return (s[0] & 0x0FU) << 12 | (s[1] & 0x3FU) << 6 | (s[2] & 0x3FU);
  default:
    return (s[0] & 0x07U) << 18 | (s[1] & 0x3FU) << 12 | (s[2] & 0x3FU) << 6 | (s[3] & 0x3FU);
  }
}

/* Where the character before `position` begins; position is above 0. */
static inline uint32_t gp_utf8_before(const char *text, uint32_t position) {
  do {
    position--;
  } while (((unsigned char)text[position] & 0xC0U) == 0x80U);
  return position;
}

/* Writes a character, a Unicode scalar value; returns its length, at most 4. */
static inline uint32_t gp_utf8_encode(uint32_t c, char out[4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xC0U | c >> 6);
    out[1] = (char)(0x80U | (c & 0x3FU));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xE0U | c >> 12);
    out[1] = (char)(0x80U | (c >> 6 & 0x3FU));
    out[2] = (char)(0x80U | (c & 0x3FU));
    return 3;
  }
  out[0] = (char)(0xF0U | c >> 18);
  out[1] = (char)(0x80U | (c >> 12 & 0x3FU));
  out[2] = (char)(0x80U | (c >> 6 & 0x3FU));
  out[3] = (char)(0x80U | (c & 0x3FU));
  return 4;
}

/* How many bytes at the start of `text` are valid UTF-8, whole characters. */
size_t gp_utf8_valid_prefix(const char *text, size_t length);

/* The length of the maximal ill-formed part at the start of `text` (Unicode 15, section 3.9,
 * D93b), which is not empty and does not start with a valid character. */
size_t gp_utf8_ill_formed(const char *text, size_t length);

/* White space as Unicode's White_Space property has it. */
static inline int gp_is_white_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

#endif

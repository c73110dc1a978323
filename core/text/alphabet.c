#include "text/alphabet.h"

#include "text/utf8.h"

static bool stands_for_itself(uint32_t c) {
  return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF);
}

/* The others are 0x00-0x20 (33 bytes), 0x7F-0xA0 (34) and 0xAD. */
static uint32_t character_of(unsigned char byte) {
  if (stands_for_itself(byte)) {
    return byte;
  }
  return byte <= 0x20 ? 0x100U + byte : byte <= 0xA0 ? 0x121U + (byte - 0x7FU) : 0x143U;
}

uint32_t gp_alphabet_encode(unsigned char byte, char out[GP_ALPHABET_MAX]) {
  char character[4];
  const uint32_t width = gp_utf8_encode(character_of(byte), character);
  for (uint32_t i = 0; i < width && i < GP_ALPHABET_MAX; i++) {
    out[i] = character[i];
  }
  return width;
}

bool gp_alphabet_decode(const char *piece, size_t length, char *out, size_t *out_length) {
  size_t count = 0;
  for (size_t i = 0; i < length;) {
    /* All of the alphabet has one byte or two, and a damaged piece may end within one. */
    const unsigned char lead = (unsigned char)piece[i];
    if (lead > 0xDF || (lead >= 0x80 && i + 1 == length)) {
      return false;
    }
    uint32_t width = 0;
    const uint32_t c = gp_utf8_decode(piece + i, &width);
    if (stands_for_itself(c)) {
      out[count++] = (char)c;
    } else if (c >= 0x100 && c <= 0x120) {
      out[count++] = (char)(c - 0x100);
    } else if (c >= 0x121 && c <= 0x142) {
      out[count++] = (char)(c - 0x121 + 0x7F);
    } else if (c == 0x143) {
      out[count++] = (char)0xAD;
    } else {
      return false;
    }
    i += width;
  }
  *out_length = count;
  return true;
}

/* GPT-2's alphabet: a character for each byte, so that any bytes can be written as text without
 * blanks and control characters. Bytes that are printable in Latin-1 stand for themselves;
 * the other 68, in order, are the characters from U+0100 on. */
#ifndef GP_TEXT_ALPHABET_H
#define GP_TEXT_ALPHABET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GP_ALPHABET_MAX 2U

/* Writes the character of a byte; returns its length. */
uint32_t gp_alphabet_encode(unsigned char byte, char out[GP_ALPHABET_MAX]);

/* Decodes a piece into `out`, which has room for `length` bytes; false where a character is not
 * of the alphabet. */
bool gp_alphabet_decode(const char *piece, size_t length, char *out, size_t *out_length);

#endif

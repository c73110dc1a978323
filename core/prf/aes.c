#include "prf/aes.h"

#include <string.h>

/* a * b in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static uint8_t multiply(uint8_t a, uint8_t b) {
  const unsigned bits = b;
  unsigned product = 0;
  unsigned power = a;
  for (unsigned i = 0; i < 8; i++) {
    product ^= power & (0U - (bits >> i & 1U));
    power = power << 1 ^ (0x11BU & (0U - (power >> 7)));
  }
  return (uint8_t)product;
}

/* The S-box, computed: a table's look-ups would show the key in the cache. The inverse of x
 * is x^254 = x^2 x^4 ... x^128, and 0 for 0; the affine map follows. */
static uint8_t substitute(uint8_t x) {
  uint8_t power = x;
  uint8_t inverse = 1;
  for (unsigned i = 0; i < 7; i++) {
    power = multiply(power, power);
    inverse = multiply(inverse, power);
  }
  unsigned sum = inverse;
  for (unsigned i = 1; i < 5; i++) {
    sum ^= (unsigned)inverse << i | (unsigned)inverse >> (8 - i);
  }
  return (uint8_t)(sum ^ 0x63U);
}

void gp_aes_expand(const uint8_t key[GP_BLOCK_SIZE], gp_aes *aes) {
  memcpy(aes->round_keys[0], key, GP_BLOCK_SIZE);
  uint8_t constant = 1;
  for (size_t round = 1; round <= GP_AES_ROUNDS; round++) {
    const uint8_t *before = aes->round_keys[round - 1];
    uint8_t *now = aes->round_keys[round];
    for (size_t i = 0; i < 4; i++) { /* the last word, rotated by a byte */
      now[i] = before[i] ^ substitute(before[12 + (i + 1) % 4]);
    }
    now[0] ^= constant;
    for (size_t i = 4; i < GP_BLOCK_SIZE; i++) {
      now[i] = before[i] ^ now[i - 4];
    }
    constant = multiply(constant, 2);
  }
}

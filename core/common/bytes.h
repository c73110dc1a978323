/* Integers in byte strings, whatever the machine's byte order (SPEC.md section 1). */
#ifndef GP_COMMON_BYTES_H
#define GP_COMMON_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define GP_BIG_ENDIAN 1
#else
#define GP_BIG_ENDIAN 0
#endif

static inline uint32_t gp_swap32(uint32_t x) {
  return x << 24 | (x << 8 & 0xFF0000U) | (x >> 8 & 0xFF00U) | x >> 24;
}

/* A number whose bytes in this machine's memory are those of x in the order named. */
static inline uint32_t gp_order_le32(uint32_t x) {
  return GP_BIG_ENDIAN ? gp_swap32(x) : x;
}

static inline uint32_t gp_order_be32(uint32_t x) {
  return GP_BIG_ENDIAN ? x : gp_swap32(x);
}

/* One load or store of the machine's width: written byte by byte, vectorised loops over
 * these come out slow. */
static inline void gp_store_le32(uint8_t *out, uint32_t x) {
  const uint32_t ordered = gp_order_le32(x);
  memcpy(out, &ordered, sizeof ordered);
}

static inline void gp_store_be32(uint8_t *out, uint32_t x) {
  const uint32_t ordered = gp_order_be32(x);
  memcpy(out, &ordered, sizeof ordered);
}

static inline void gp_store_le64(uint8_t *out, uint64_t x) {
  gp_store_le32(out, (uint32_t)x);
  gp_store_le32(out + 4, (uint32_t)(x >> 32));
}

static inline uint32_t gp_load_le32(const uint8_t *in) {
  uint32_t x;
  memcpy(&x, in, sizeof x);
  return gp_order_le32(x);
}

static inline uint64_t gp_load_le64(const uint8_t *in) {
#if GP_BIG_ENDIAN
  return (uint64_t)gp_load_le32(in) | (uint64_t)gp_load_le32(in + 4) << 32;
#else
  uint64_t x;
  memcpy(&x, in, sizeof x);
  return x;
#endif
}

/* Sixteen bytes as two words, for bitwise work on AES blocks. */
typedef struct gp_words {
  uint64_t word[2];
} gp_words;

static inline gp_words gp_load_words(const uint8_t *in) {
  gp_words x;
  memcpy(&x, in, sizeof x);
  return x;
}

static inline void gp_store_words(uint8_t *out, gp_words x) {
  memcpy(out, &x, sizeof x);
}

static inline gp_words gp_xor_words(gp_words a, gp_words b) {
  return (gp_words){{a.word[0] ^ b.word[0], a.word[1] ^ b.word[1]}};
}

static inline gp_words gp_and_words(gp_words a, gp_words b) {
  return (gp_words){{a.word[0] & b.word[0], a.word[1] & b.word[1]}};
}

/* Sixteen bytes of which the last four are replaced, by a number in the machine's order. */
static inline gp_words gp_replace_tail(gp_words x, uint32_t tail) {
  x.word[1] = GP_BIG_ENDIAN ? (x.word[1] & ~UINT64_C(0xFFFFFFFF)) | tail
                            : (x.word[1] & UINT64_C(0xFFFFFFFF)) | (uint64_t)tail << 32;
  return x;
}

#endif

/* Integers in byte strings, whatever the machine's byte order (SPEC.md section 1). */
#ifndef GP_COMMON_BYTES_H
#define GP_COMMON_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void gp_store_le32(uint8_t *out, uint32_t x) {
  out[0] = (uint8_t)x;
  out[1] = (uint8_t)(x >> 8);
  out[2] = (uint8_t)(x >> 16);
  out[3] = (uint8_t)(x >> 24);
}

static inline void gp_store_be32(uint8_t *out, uint32_t x) {
  out[0] = (uint8_t)(x >> 24);
  out[1] = (uint8_t)(x >> 16);
  out[2] = (uint8_t)(x >> 8);
  out[3] = (uint8_t)x;
}

static inline void gp_store_le64(uint8_t *out, uint64_t x) {
  gp_store_le32(out, (uint32_t)x);
  gp_store_le32(out + 4, (uint32_t)(x >> 32));
}

static inline uint32_t gp_load_le32(const uint8_t *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static inline uint64_t gp_load_le64(const uint8_t *in) {
  return (uint64_t)gp_load_le32(in) | (uint64_t)gp_load_le32(in + 4) << 32;
}

/* a ^= b; the two do not overlap. */
static inline void gp_xor_bytes(uint8_t *restrict a, const uint8_t *restrict b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    a[i] ^= b[i];
  }
}

#endif

/*
 * expand_message_xmd with SHA-512 [RFC 9380, 5.3.1], always of 64 bytes, which are one digest:
 *
 *   b0 = H(128 zero bytes || message || 00 40 || 00 || DST_prime)
 *   b1 = H(b0 || 01 || DST_prime)                                   the result
 *
 * DST_prime is the domain separation tag and its length in a byte.
 */
#include "vrf/hash.h"

static size_t append(uint8_t *tag, size_t size, const char *text) {
  for (; *text != '\0'; text++) {
    tag[size++] = (uint8_t)*text;
  }
  return size;
}

size_t gp_vrf_tag(const char *name, gp_vrf_mode mode, uint8_t tag[GP_VRF_TAG_MAX]) {
  size_t size = append(tag, 0, name);
  size = append(tag, size, "OPRFV1-");
  tag[size++] = (uint8_t)mode;
  return append(tag, size, "-ristretto255-SHA512");
}

void gp_vrf_hash_start(gp_vrf_hash *hash, const char *name, gp_vrf_mode mode) {
  static const uint8_t zeros[128]; /* a block of SHA-512 */
  hash->tag_size = gp_vrf_tag(name, mode, hash->tag);
  hash->tag[hash->tag_size] = (uint8_t)hash->tag_size;
  hash->tag_size++;
  (void)crypto_hash_sha512_init(&hash->sha512);
  gp_vrf_hash_add(hash, zeros, sizeof zeros);
}

void gp_vrf_hash_add(gp_vrf_hash *hash, const void *bytes, size_t size) {
  (void)crypto_hash_sha512_update(&hash->sha512, bytes, size);
}

void gp_vrf_sha512_add_sized(crypto_hash_sha512_state *sha512, const void *bytes, size_t size) {
  const uint8_t encoded[2] = {(uint8_t)(size >> 8), (uint8_t)size};
  (void)crypto_hash_sha512_update(sha512, encoded, sizeof encoded);
  (void)crypto_hash_sha512_update(sha512, bytes, size);
}

void gp_vrf_hash_add_sized(gp_vrf_hash *hash, const void *bytes, size_t size) {
  gp_vrf_sha512_add_sized(&hash->sha512, bytes, size);
}

void gp_vrf_hash_end(gp_vrf_hash *hash, uint8_t uniform[GP_VRF_UNIFORM_SIZE]) {
  static const uint8_t length[] = {0, GP_VRF_UNIFORM_SIZE, 0};
  static const uint8_t first = 1;
  gp_vrf_hash_add(hash, length, sizeof length);
  gp_vrf_hash_add(hash, hash->tag, hash->tag_size);
  (void)crypto_hash_sha512_final(&hash->sha512, uniform);
  (void)crypto_hash_sha512_init(&hash->sha512);
  gp_vrf_hash_add(hash, uniform, GP_VRF_UNIFORM_SIZE);
  gp_vrf_hash_add(hash, &first, 1);
  gp_vrf_hash_add(hash, hash->tag, hash->tag_size);
  (void)crypto_hash_sha512_final(&hash->sha512, uniform);
  sodium_memzero(hash, sizeof *hash);
}

void gp_vrf_hash_end_scalar(gp_vrf_hash *hash, uint8_t scalar[GP_VRF_SCALAR_SIZE]) {
  uint8_t uniform[GP_VRF_UNIFORM_SIZE];
  gp_vrf_hash_end(hash, uniform);
  crypto_core_ristretto255_scalar_reduce(scalar, uniform);
  sodium_memzero(uniform, sizeof uniform);
}

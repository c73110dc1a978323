/* Hashing into the group and to scalars [RFC 9380, 5.3.1; RFC 9497, 4.1]. */
#ifndef GP_VRF_HASH_H
#define GP_VRF_HASH_H

#include <sodium.h>

#include "vrf/vrf.h"

#define GP_VRF_UNIFORM_SIZE 64
#define GP_VRF_TAG_MAX      64 /* of any name here with its context string */

/* expand_message_xmd of 64 bytes, whose message comes piece by piece. */
typedef struct gp_vrf_hash {
  crypto_hash_sha512_state sha512;
  uint8_t tag[GP_VRF_TAG_MAX + 1]; /* DST_prime: the tag, then its length */
  size_t tag_size;
} gp_vrf_hash;

/* Writes `name` || contextString and returns its size. */
size_t gp_vrf_tag(const char *name, gp_vrf_mode mode, uint8_t tag[GP_VRF_TAG_MAX]);

void gp_vrf_hash_start(gp_vrf_hash *hash, const char *name, gp_vrf_mode mode);
void gp_vrf_hash_add(gp_vrf_hash *hash, const void *bytes, size_t size);

/* The size in two bytes, then the bytes, of which there are at most 65535. */
void gp_vrf_hash_add_sized(gp_vrf_hash *hash, const void *bytes, size_t size);

/* Both end the message and wipe the state. A scalar may be 0, if nobody knows of what. */
void gp_vrf_hash_end(gp_vrf_hash *hash, uint8_t uniform[GP_VRF_UNIFORM_SIZE]);
void gp_vrf_hash_end_scalar(gp_vrf_hash *hash, uint8_t scalar[GP_VRF_SCALAR_SIZE]);

/* The same two-byte size for plain SHA-512. */
void gp_vrf_sha512_add_sized(crypto_hash_sha512_state *sha512, const void *bytes, size_t size);

#endif

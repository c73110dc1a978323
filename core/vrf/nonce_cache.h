/*
 * Nonces that were computed lately, by the keyed hash of their inputs: bounded, for any number of
 * threads. As secret as the green lists that follow from them.
 */
#ifndef GP_VRF_NONCE_CACHE_H
#define GP_VRF_NONCE_CACHE_H

#include "greenprint.h"

typedef struct gp_nonce_cache gp_nonce_cache;

/* What an input is known by. Two inputs share it with a probability of 2^-128. */
#define GP_NONCE_TAG_SIZE 16
typedef struct gp_nonce_tag {
  uint8_t bytes[GP_NONCE_TAG_SIZE];
} gp_nonce_tag;

/* Empty; takes no memory to speak of before something is put into it. */
gp_status gp_nonce_cache_new(gp_nonce_cache **cache, gp_error *error);
void gp_nonce_cache_free(gp_nonce_cache *cache);

gp_nonce_tag gp_nonce_cache_tag(const gp_nonce_cache *cache, const uint8_t *input, size_t size);

/* Whether the nonce is there; then it is copied. */
bool gp_nonce_cache_find(gp_nonce_cache *cache, const gp_nonce_tag *tag,
                         uint8_t nonce[GP_NONCE_SIZE]);

/* Puts a nonce there, in the place of the one that was not asked for the longest among eight.
 * When memory is short it is forgotten instead. */
void gp_nonce_cache_put(gp_nonce_cache *cache, const gp_nonce_tag *tag,
                        const uint8_t nonce[GP_NONCE_SIZE]);

typedef struct gp_nonce_cache_counts {
  uint64_t found;
  uint64_t missed;
} gp_nonce_cache_counts;
gp_nonce_cache_counts gp_nonce_cache_count(gp_nonce_cache *cache);

#endif

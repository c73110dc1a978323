/* The inside of a gp_key_set, and its leaves as bytes. */
#ifndef GP_EVIDENCE_KEY_SET_H
#define GP_EVIDENCE_KEY_SET_H

#include "evidence/merkle.h"

#define GP_LEAF_SIZE 52 /* scheme id, params, commitment */

typedef struct gp_set_entry {
  gp_committed_key key;
  bool of_set; /* it came with another set, where it need not have been named on purpose */
} gp_set_entry;

struct gp_key_set {
  gp_set_entry *entries; /* ascending */
  size_t count;
  size_t capacity;
};

/* What starts the files, 8 bytes each. */
extern const uint8_t gp_key_set_magic[8];
extern const uint8_t gp_inclusion_magic[8];

/* Appends a key that comes behind all others. Errors: GP_ERR_MEMORY. */
gp_status gp_key_set_append(gp_key_set *set, const gp_set_entry *entry, gp_error *error);

/* Takes the keys of another set in. */
gp_status gp_key_set_unite(gp_key_set *set, const gp_key_set *other, gp_error *error);

/* The data of a leaf. */
void gp_leaf_encode(const gp_committed_key *key, uint8_t leaf[GP_LEAF_SIZE]);

/* The reverse. Errors, without a name: GP_ERR_VERSION for another scheme, GP_ERR_FORMAT. */
gp_status gp_leaf_decode(const uint8_t leaf[GP_LEAF_SIZE], gp_committed_key *key,
                         gp_error *error);

/* The root that the path leads to, whose length has to be that of the index and the size. */
void gp_inclusion_climb(const gp_inclusion *inclusion, gp_hash *root);

#endif

/* What proving and checking share: the contexts of a text, batch by batch, and their elements. */
#ifndef GP_PROOF_WORK_H
#define GP_PROOF_WORK_H

#include "proof/proof_file.h"

typedef uint8_t gp_proof_element[GP_ELEMENT_SIZE];

/* What is worked on: the contexts of one batch after the other. */
typedef struct gp_proof_work {
  const gp_proof_text *text;
  const gp_proof_options *options;
  const uint64_t *tenant;
  const uint32_t *sample; /* the numbers of the contexts; NULL: all */
  uint64_t total;
  const uint8_t *secret;       /* to evaluate with at once; NULL in checking, and blindly */
  uint64_t first;              /* of the batch */
  size_t base;                 /* of the stride, in the batch */
  gp_proof_element *elements;  /* of a batch */
  gp_proof_element *evaluated; /* likewise */
} gp_proof_work;

/* Options for those who gave none. */
extern const gp_proof_options gp_proof_no_options;

/* Room for the elements of a batch; gp_proof_work_release() in any case. */
gp_status gp_proof_work_reserve(gp_proof_work *self, gp_error *error);
void gp_proof_work_release(gp_proof_work *self);

/* How many contexts the batch has that is being worked on. */
size_t gp_proof_work_count(const gp_proof_work *self);

/* Makes the elements of a batch of so many, and where there is a secret what it makes of them. */
gp_status gp_proof_work_elements(gp_proof_work *self, size_t count, gp_error *error);

/* The input of the context that is number `i` of those proved; returns its size. */
size_t gp_proof_work_input(const gp_proof_work *self, uint64_t i, uint8_t *input);

void gp_proof_work_tell(const gp_proof_work *self, uint64_t done);

/* Whether two public keys are of the same key and parameters. */
bool gp_proof_same_key(const gp_public_key *a, const gp_public_key *b);

/* Folds the batch that is being worked on into one pair, for a file that says this of itself,
 * with the secret where there is one. */
gp_status gp_proof_work_fold(const gp_proof_work *self, const gp_proof_info *info, size_t count,
                             gp_vrf_pair *folded, gp_error *error);

/* Whether a proof holds for a folded batch: of one pair, or where `blind` is not NULL of what the
 * key's owner answers to that times the blind. What is not well-formed is GP_ERR_FORMAT. */
gp_status gp_proof_check_folded(const gp_public_key *key, const gp_vrf_pair *folded,
                                const uint8_t blind[GP_VRF_SCALAR_SIZE],
                                const uint8_t proof[GP_VRF_PROOF_SIZE], bool *valid,
                                gp_error *error);

#endif

/* The inside of a gp_proof_text. */
#ifndef GP_PROOF_PROOF_TEXT_H
#define GP_PROOF_PROOF_TEXT_H

#include "common/tuples.h"
#include "prf/prf.h"

#define GP_SHA256_SIZE 32

struct gp_proof_text {
  gp_public_key public_key;
  gp_prf prf; /* for the contexts that windows have; makes no nonces */
  gp_prf_lane lane;
  gp_tuples contexts;
  EVP_MD_CTX *digest; /* of the documents so far */
  uint64_t documents;
  uint64_t tokens;
};

/* SHA-256 of the documents (SPEC.md section 19). */
gp_status gp_proof_text_digest(const gp_proof_text *text, uint8_t sha256[GP_SHA256_SIZE],
                               gp_error *error);

/* The numbers of the `sample` contexts that a text's digest chooses, ascending: malloc's, of a
 * text that has more than these. */
gp_status gp_proof_text_sample(const gp_proof_text *text, size_t sample, uint32_t **numbers,
                               gp_error *error);

/* A key that scores `count` contexts of a text, those of these numbers (NULL: all), by nonces in
 * the same order, which are malloc's and taken over, on failure too. `sampled` as in
 * gp_nonces_of_list(). */
gp_status gp_proof_text_scorer(const gp_proof_text *text, const uint32_t *numbers, size_t count,
                               const uint64_t *tenant, uint8_t (*list)[GP_NONCE_SIZE],
                               bool sampled, gp_key **key, gp_error *error);

#endif

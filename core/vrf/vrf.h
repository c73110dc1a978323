/*
 * The oblivious pseudorandom function of RFC 9497 over libsodium's ristretto255, with SHA-512:
 * modes OPRF and VOPRF. A provable key's nonces are its outputs (SPEC.md section 18), a proof of
 * them is one of its proofs (section 19), and a blind audit is its protocol (section 20).
 *
 * Elements and scalars are their 32-byte encodings. Functions that take elements from outside
 * answer whatever is no canonical encoding of an element other than the identity with
 * GP_ERR_FORMAT. Secret scalars are used in constant time and what is made of them is wiped; it
 * is the caller who keeps them in guarded memory. All are thread-safe; sodium_init() was called.
 */
#ifndef GP_VRF_VRF_H
#define GP_VRF_VRF_H

#include "greenprint.h"

#define GP_VRF_SCALAR_SIZE 32
#define GP_VRF_SEED_SIZE   32
#define GP_VRF_PROOF_SIZE  64
#define GP_VRF_OUTPUT_SIZE 64
#define GP_VRF_INPUT_MAX   65535 /* bytes: their number is written in 16 bits */
#define GP_VRF_BATCH_MAX   65535 /* elements of one proof, for the same reason */

/* The first byte of the context string. */
typedef enum gp_vrf_mode {
  GP_VRF_OPRF = 0,
  GP_VRF_VOPRF = 1
} gp_vrf_mode;

/* Whether this is the canonical encoding of an element other than the identity. libsodium 1.0.18
 * alone does not tell: it ignores the highest bit. Not in constant time. */
bool gp_vrf_is_element(const uint8_t element[GP_ELEMENT_SIZE]);

/* Whether this is the canonical encoding of a scalar other than 0. */
bool gp_vrf_is_scalar(const uint8_t scalar[GP_VRF_SCALAR_SIZE]);

/* DeriveKeyPair [RFC 9497, 3.2.1]. `secret` is guarded memory of the caller's. Errors:
 * GP_ERR_ARGUMENT for a longer info than GP_VRF_INPUT_MAX, GP_ERR_CRYPTO where no key comes out.
 */
gp_status gp_vrf_derive_key_pair(gp_vrf_mode mode, const uint8_t seed[GP_VRF_SEED_SIZE],
                                 const uint8_t *info, size_t info_size,
                                 uint8_t secret[GP_VRF_SCALAR_SIZE],
                                 uint8_t public_key[GP_ELEMENT_SIZE], gp_error *error);

/* HashToGroup [RFC 9497, 4.1; RFC 9380]. Errors: GP_ERR_ARGUMENT for a long input, GP_ERR_CRYPTO
 * for the identity, of which nobody knows an input. */
gp_status gp_vrf_hash_to_group(gp_vrf_mode mode, const uint8_t *input, size_t input_size,
                               uint8_t element[GP_ELEMENT_SIZE], gp_error *error);

/* Blind, with a given blind or, where `blind_in` is NULL, a random one, which is written to
 * `blind` in either case. */
gp_status gp_vrf_blind(gp_vrf_mode mode, const uint8_t *input, size_t input_size,
                       const uint8_t *blind_in, uint8_t blind[GP_VRF_SCALAR_SIZE],
                       uint8_t blinded[GP_ELEMENT_SIZE], gp_error *error);

/* BlindEvaluate without its proof: secret * element. */
gp_status gp_vrf_evaluate(const uint8_t secret[GP_VRF_SCALAR_SIZE],
                          const uint8_t element[GP_ELEMENT_SIZE],
                          uint8_t evaluated[GP_ELEMENT_SIZE], gp_error *error);

/* The same for an element, with a random blind. */
gp_status gp_vrf_blind_element(const uint8_t element[GP_ELEMENT_SIZE],
                               uint8_t blind[GP_VRF_SCALAR_SIZE],
                               uint8_t blinded[GP_ELEMENT_SIZE], gp_error *error);

/* Unblinds in place what belongs to a blind. */
gp_status gp_vrf_unblind(const uint8_t blind[GP_VRF_SCALAR_SIZE],
                         uint8_t evaluated[GP_ELEMENT_SIZE], gp_error *error);

/* The last step of Finalize and Evaluate: the output of an input whose evaluated element, not
 * blinded, is known. */
gp_status gp_vrf_output(const uint8_t *input, size_t input_size,
                        const uint8_t evaluated[GP_ELEMENT_SIZE],
                        uint8_t output[GP_VRF_OUTPUT_SIZE], gp_error *error);

/* GenerateProof [RFC 9497, 2.2.1] that evaluated[i] = secret * elements[i] for all of 1 to
 * GP_VRF_BATCH_MAX, with public_key = secret * base. `random` is the proof's random scalar, for
 * test vectors; NULL draws one, which is what everybody else has to do. `pool` may be NULL; with
 * one the work is shared out among its threads. */
gp_status gp_vrf_prove(gp_vrf_mode mode, const uint8_t secret[GP_VRF_SCALAR_SIZE],
                       const uint8_t public_key[GP_ELEMENT_SIZE],
                       const uint8_t (*elements)[GP_ELEMENT_SIZE],
                       const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                       const uint8_t *random, gp_thread_pool *pool,
                       uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error);

/* VerifyProof [RFC 9497, 2.2.2]: *valid says whether it holds; an element, a key or a proof that
 * is not well-formed is GP_ERR_FORMAT. */
gp_status gp_vrf_check(gp_vrf_mode mode, const uint8_t public_key[GP_ELEMENT_SIZE],
                       const uint8_t (*elements)[GP_ELEMENT_SIZE],
                       const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                       const uint8_t proof[GP_VRF_PROOF_SIZE], gp_thread_pool *pool, bool *valid,
                       gp_error *error);

/* An element, and what a key is said to make of it. */
typedef struct gp_vrf_pair {
  uint8_t element[GP_ELEMENT_SIZE];
  uint8_t evaluated[GP_ELEMENT_SIZE];
} gp_vrf_pair;

/* What the pairs are about, for their weights. */
typedef struct gp_vrf_subject {
  const uint8_t *public_key;
  const uint8_t *header;
  size_t header_size;
  const uint8_t *secret; /* whoever has it is done in half the time; NULL */
} gp_vrf_subject;

/* Folds 1 to GP_VRF_BATCH_MAX pairs into one, with weights that depend on all of them and on a
 * header (SPEC.md section 19): if evaluated = secret * element holds for the one, it holds for
 * all of them, also where somebody who has the secret chose them. What is not well-formed is
 * GP_ERR_FORMAT. */
gp_status gp_vrf_fold(const gp_vrf_subject *subject, const uint8_t (*elements)[GP_ELEMENT_SIZE],
                      const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                      gp_thread_pool *pool, gp_vrf_pair *folded, gp_error *error);

/* gp_vrf_prove() and gp_vrf_check() of a single pair, in mode VOPRF: what a batch is proved by
 * that was folded. */
gp_status gp_vrf_prove_pair(const uint8_t secret[GP_VRF_SCALAR_SIZE],
                            const uint8_t public_key[GP_ELEMENT_SIZE], const gp_vrf_pair *pair,
                            uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error);
gp_status gp_vrf_check_pair(const uint8_t public_key[GP_ELEMENT_SIZE], const gp_vrf_pair *pair,
                            const uint8_t proof[GP_VRF_PROOF_SIZE], bool *valid, gp_error *error);

#endif

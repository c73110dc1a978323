/*
 * Batched proofs of equal discrete logarithms [RFC 9497, 2.2]: that one secret k turned the base
 * B into the public key and every element C[i] into D[i].
 *
 * All pairs are folded into one, M = sum d[i] C[i] and Z = sum d[i] D[i], with weights d[i] that
 * are hashes of everything there is to prove; then Z = k M is shown as Schnorr would: with a
 * random r, the challenge c = H(public key, M, Z, r B, r M), and s = r - c k. Who checks finds
 * r B = s B + c public key, and r M = s M + c Z.
 *
 * RFC 9497 makes each weight of its own pair alone. Who has the secret, and may choose pairs
 * after having seen their weights, can therefore find wrong ones whose errors cancel out: in a
 * batch of thousands that is a matter of minutes [Wagner 2002; SPEC.md section 19]. So
 * gp_vrf_fold() makes the weights of all pairs together.
 *
 * Folding is nearly all of the work. The batch is cut into pieces by its size alone, each piece
 * is summed up by whichever thread takes it, and the pieces are added up in their order.
 */
#include <sodium.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/thread_pool.h"
#include "vrf/group.h"
#include "vrf/hash.h"
#include "vrf/vrf.h"

enum {
  PIECE_MIN = 32, /* elements: adding up the pieces is to be little beside them */
  PIECES_MAX = 256
};

typedef uint8_t element[GP_ELEMENT_SIZE];
typedef uint8_t scalar[GP_VRF_SCALAR_SIZE];

typedef struct composite {
  element m;
  element z;
} composite;

typedef struct batch {
  gp_vrf_mode mode;
  const uint8_t *public_key;
  const uint8_t (*elements)[GP_ELEMENT_SIZE];
  const uint8_t (*evaluated)[GP_ELEMENT_SIZE];
  size_t count;
  bool with_z;                 /* who has the secret finds Z from M */
  const gp_vrf_subject *bound; /* every weight depends on this and on every pair; may be NULL */
  uint8_t seed[crypto_hash_sha512_BYTES];
  size_t piece; /* elements in one but the last */
  size_t n_pieces;
  composite sums[PIECES_MAX]; /* of the pieces */
} batch;

/* Begins a hash for one of two purposes. */
static void start_bound(crypto_hash_sha512_state *sha512, const char *purpose) {
  (void)crypto_hash_sha512_init(sha512);
  (void)crypto_hash_sha512_update(sha512, (const uint8_t *)GP_SCHEME_ID_PROVABLE,
                                  sizeof GP_SCHEME_ID_PROVABLE); /* with its NUL */
  (void)crypto_hash_sha512_update(sha512, (const uint8_t *)purpose, strlen(purpose) + 1);
}

/* Binds the weights to a header and to all pairs (SPEC.md section 19). */
static void make_bound_seed(batch *b) {
  crypto_hash_sha512_state sha512;
  start_bound(&sha512, "batch");
  (void)crypto_hash_sha512_update(&sha512, b->bound->header, b->bound->header_size);
  for (size_t i = 0; i < b->count; i++) {
    (void)crypto_hash_sha512_update(&sha512, b->elements[i], GP_ELEMENT_SIZE);
    (void)crypto_hash_sha512_update(&sha512, b->evaluated[i], GP_ELEMENT_SIZE);
  }
  (void)crypto_hash_sha512_final(&sha512, b->seed);
}

static void weigh_bound(const batch *b, size_t i, scalar weight) {
  uint8_t number[4];
  uint8_t uniform[crypto_hash_sha512_BYTES];
  gp_store_le32(number, (uint32_t)i);
  crypto_hash_sha512_state sha512;
  start_bound(&sha512, "weight");
  (void)crypto_hash_sha512_update(&sha512, b->seed, sizeof b->seed);
  (void)crypto_hash_sha512_update(&sha512, number, sizeof number);
  (void)crypto_hash_sha512_final(&sha512, uniform);
  crypto_core_ristretto255_scalar_reduce(weight, uniform);
}

/* Binds the weights to the public key. */
static void make_seed(batch *b) {
  if (b->bound != NULL) {
    make_bound_seed(b);
    return;
  }
  uint8_t tag[GP_VRF_TAG_MAX];
  const size_t tag_size = gp_vrf_tag("Seed-", b->mode, tag);
  crypto_hash_sha512_state sha512;
  (void)crypto_hash_sha512_init(&sha512);
  gp_vrf_sha512_add_sized(&sha512, b->public_key, GP_ELEMENT_SIZE);
  gp_vrf_sha512_add_sized(&sha512, tag, tag_size);
  (void)crypto_hash_sha512_final(&sha512, b->seed);
}

static void weigh(const batch *b, size_t i, scalar weight) {
  static const uint8_t label[] = {'C', 'o', 'm', 'p', 'o', 's', 'i', 't', 'e'};
  if (b->bound != NULL) {
    weigh_bound(b, i, weight);
    return;
  }
  const uint8_t number[2] = {(uint8_t)(i >> 8), (uint8_t)i};
  gp_vrf_hash hash;
  gp_vrf_hash_start(&hash, "HashToScalar-", b->mode);
  gp_vrf_hash_add_sized(&hash, b->seed, sizeof b->seed);
  gp_vrf_hash_add(&hash, number, sizeof number);
  gp_vrf_hash_add_sized(&hash, b->elements[i], GP_ELEMENT_SIZE);
  gp_vrf_hash_add_sized(&hash, b->evaluated[i], GP_ELEMENT_SIZE);
  gp_vrf_hash_add(&hash, label, sizeof label);
  gp_vrf_hash_end_scalar(&hash, weight);
}

/* sum += scalar * added; false where that is no element. */
static bool add_multiple(element sum, const scalar factor, const uint8_t *added) {
  element product;
  if (gp_vrf_is_identity(added) || !gp_vrf_multiply(factor, added, product)) {
    return false;
  }
  return crypto_core_ristretto255_add(sum, sum, product) == 0;
}

/* False where something is no element. */
static bool sum_piece(batch *b, size_t number) {
  composite *sum = &b->sums[number];
  const size_t first = number * b->piece;
  const size_t left = b->count - first;
  const size_t end = first + (left < b->piece ? left : b->piece);
  memset(sum, 0, sizeof *sum);
  for (size_t i = first; i < end; i++) {
    scalar weight;
    weigh(b, i, weight);
    if (!add_multiple(sum->m, weight, b->elements[i]) ||
        !(b->with_z ? add_multiple(sum->z, weight, b->evaluated[i])
                    : gp_vrf_is_element(b->evaluated[i]))) {
      return false;
    }
  }
  return true;
}

static gp_status sum_pieces(void *state, gp_work_queue *queue, gp_error *error) {
  size_t number = 0;
  while (gp_work_next(queue, &number)) {
    if (!sum_piece(state, number)) {
      return gp_fail(error, GP_ERR_FORMAT, "not an element");
    }
  }
  return GP_OK;
}

/* Threads may have come upon another one first; who reads the message wants the first. */
static gp_status fail_first(const batch *b, gp_error *error) {
  for (size_t i = 0; i < b->count; i++) {
    const bool is_evaluated = gp_vrf_is_element(b->elements[i]);
    if (!is_evaluated || !gp_vrf_is_element(b->evaluated[i])) {
      return gp_fail(error, GP_ERR_FORMAT,
                     "%s %zu of the proof's %zu: not the encoding of an element of ristretto255",
                     is_evaluated ? "evaluated element" : "element", i, b->count);
    }
  }
  return gp_fail(error, GP_ERR_CRYPTO, "ristretto255: elements could not be added");
}

/* ComputeComposites, or, without Z, its fast variant's M [RFC 9497, 2.2.1]. */
static gp_status compose(batch *b, gp_thread_pool *pool, composite *sum, gp_error *error) {
  if (b->count == 0 || b->count > GP_VRF_BATCH_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "a proof is of 1 to %d elements, not %zu",
                   GP_VRF_BATCH_MAX, b->count);
  }
  if (!gp_vrf_is_element(b->public_key)) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "public key: not the encoding of an element of ristretto255");
  }
  make_seed(b);
  b->piece = (b->count + PIECES_MAX - 1) / PIECES_MAX;
  b->piece = b->piece < PIECE_MIN ? PIECE_MIN : b->piece;
  b->n_pieces = (b->count + b->piece - 1) / b->piece;
  if (gp_thread_pool_run(pool, b->n_pieces, sum_pieces, b, NULL) != GP_OK) {
    return fail_first(b, error);
  }
  *sum = b->sums[0];
  for (size_t i = 1; i < b->n_pieces; i++) {
    if (crypto_core_ristretto255_add(sum->m, sum->m, b->sums[i].m) != 0 ||
        crypto_core_ristretto255_add(sum->z, sum->z, b->sums[i].z) != 0) {
      return gp_fail(error, GP_ERR_CRYPTO, "ristretto255: elements could not be added");
    }
  }
  return GP_OK;
}

static void challenge(const batch *b, const composite *sum, const element r_base,
                      const element r_m, scalar c) {
  static const uint8_t label[] = {'C', 'h', 'a', 'l', 'l', 'e', 'n', 'g', 'e'};
  const uint8_t *const members[] = {b->public_key, sum->m, sum->z, r_base, r_m};
  gp_vrf_hash hash;
  gp_vrf_hash_start(&hash, "HashToScalar-", b->mode);
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    gp_vrf_hash_add_sized(&hash, members[i], GP_ELEMENT_SIZE);
  }
  gp_vrf_hash_add(&hash, label, sizeof label);
  gp_vrf_hash_end_scalar(&hash, c);
}

/* The proof c || s, once r is known. */
static gp_status answer(const batch *b, const scalar secret, composite *sum, const scalar r,
                        uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error) {
  element r_base;
  element r_m;
  if (crypto_scalarmult_ristretto255_base(r_base, r) != 0 || !gp_vrf_multiply(r, sum->m, r_m) ||
      !gp_vrf_multiply(secret, sum->m, sum->z)) {
    return gp_fail(error, GP_ERR_CRYPTO, "ristretto255: a proof could not be made");
  }
  scalar c;
  scalar c_secret;
  challenge(b, sum, r_base, r_m, c);
  crypto_core_ristretto255_scalar_mul(c_secret, c, secret);
  memcpy(proof, c, sizeof c);
  crypto_core_ristretto255_scalar_sub(proof + sizeof c, r, c_secret);
  sodium_memzero(c_secret, sizeof c_secret);
  return GP_OK;
}

/* Random; and where the system's randomness comes twice, as in a machine that was put back to an
 * earlier state, still another one for another statement: r used twice gives the secret away. */
static void draw(const scalar secret, const composite *sum, scalar r) {
  uint8_t fresh[32];
  uint8_t uniform[crypto_hash_sha512_BYTES];
  crypto_hash_sha512_state sha512;
  randombytes_buf(fresh, sizeof fresh);
  start_bound(&sha512, "nonce");
  (void)crypto_hash_sha512_update(&sha512, fresh, sizeof fresh);
  (void)crypto_hash_sha512_update(&sha512, secret, GP_VRF_SCALAR_SIZE);
  (void)crypto_hash_sha512_update(&sha512, sum->m, sizeof sum->m);
  (void)crypto_hash_sha512_final(&sha512, uniform);
  crypto_core_ristretto255_scalar_reduce(r, uniform);
  sodium_memzero(fresh, sizeof fresh);
  sodium_memzero(uniform, sizeof uniform);
  sodium_memzero(&sha512, sizeof sha512);
}

gp_status gp_vrf_prove(gp_vrf_mode mode, const uint8_t secret[GP_VRF_SCALAR_SIZE],
                       const uint8_t public_key[GP_ELEMENT_SIZE],
                       const uint8_t (*elements)[GP_ELEMENT_SIZE],
                       const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                       const uint8_t *random, gp_thread_pool *pool,
                       uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error) {
  if (!gp_vrf_is_scalar(secret) || (random != NULL && !gp_vrf_is_scalar(random))) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "scalars of a proof: must be from 1 to the group's order less 1");
  }
  batch b = {.mode = mode,
             .public_key = public_key,
             .elements = elements,
             .evaluated = evaluated,
             .count = count};
  composite sum;
  gp_status status = compose(&b, pool, &sum, error);
  if (status == GP_OK) {
    scalar r;
    if (random != NULL) {
      memcpy(r, random, sizeof r);
    } else {
      draw(secret, &sum, r);
    }
    status = answer(&b, secret, &sum, r, proof, error);
    sodium_memzero(r, sizeof r);
  }
  return status;
}

gp_status gp_vrf_check(gp_vrf_mode mode, const uint8_t public_key[GP_ELEMENT_SIZE],
                       const uint8_t (*elements)[GP_ELEMENT_SIZE],
                       const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                       const uint8_t proof[GP_VRF_PROOF_SIZE], gp_thread_pool *pool, bool *valid,
                       gp_error *error) {
  const uint8_t *c = proof;
  const uint8_t *s = proof + GP_VRF_SCALAR_SIZE;
  *valid = false;
  if (!gp_vrf_is_scalar(c) || !gp_vrf_is_scalar(s)) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "proof: its scalars must be from 1 to the group's order less 1");
  }
  batch b = {.mode = mode,
             .public_key = public_key,
             .elements = elements,
             .evaluated = evaluated,
             .count = count,
             .with_z = true};
  composite sum;
  const gp_status status = compose(&b, pool, &sum, error);
  if (status != GP_OK) {
    return status;
  }
  element r_base;
  element r_m;
  element c_key;
  element c_z;
  scalar expected;
  if (crypto_scalarmult_ristretto255_base(r_base, s) != 0 ||
      !gp_vrf_multiply(c, public_key, c_key) || !gp_vrf_multiply(s, sum.m, r_m) ||
      !gp_vrf_multiply(c, sum.z, c_z) ||
      crypto_core_ristretto255_add(r_base, r_base, c_key) != 0 ||
      crypto_core_ristretto255_add(r_m, r_m, c_z) != 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "ristretto255: a proof could not be checked");
  }
  challenge(&b, &sum, r_base, r_m, expected);
  *valid = sodium_memcmp(expected, c, sizeof expected) == 0;
  return GP_OK;
}

gp_status gp_vrf_fold(const gp_vrf_subject *subject, const uint8_t (*elements)[GP_ELEMENT_SIZE],
                      const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                      gp_thread_pool *pool, gp_vrf_pair *folded, gp_error *error) {
  batch b = {.mode = GP_VRF_VOPRF,
             .public_key = subject->public_key,
             .elements = elements,
             .evaluated = evaluated,
             .count = count,
             .with_z = subject->secret == NULL,
             .bound = subject};
  composite sum;
  const gp_status status = compose(&b, pool, &sum, error);
  if (status != GP_OK) {
    return status;
  }
  if (subject->secret != NULL && !gp_vrf_multiply(subject->secret, sum.m, sum.z)) {
    return gp_fail(error, GP_ERR_CRYPTO, "ristretto255: a batch could not be folded");
  }
  if (gp_vrf_is_identity(sum.m) || gp_vrf_is_identity(sum.z)) {
    return gp_fail(error, GP_ERR_FORMAT, "the elements of a batch cancel each other out");
  }
  memcpy(folded->element, sum.m, sizeof sum.m);
  memcpy(folded->evaluated, sum.z, sizeof sum.z);
  return GP_OK;
}

/* C has no implicit conversion to an array of constant rows. */
static const uint8_t (*row(const uint8_t *one))[GP_ELEMENT_SIZE] {
  return (const uint8_t(*)[GP_ELEMENT_SIZE])one;
}

gp_status gp_vrf_prove_pair(const uint8_t secret[GP_VRF_SCALAR_SIZE],
                            const uint8_t public_key[GP_ELEMENT_SIZE], const gp_vrf_pair *pair,
                            uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error) {
  return gp_vrf_prove(GP_VRF_VOPRF, secret, public_key, row(pair->element), row(pair->evaluated),
                      1, NULL, NULL, proof, error);
}

gp_status gp_vrf_check_pair(const uint8_t public_key[GP_ELEMENT_SIZE], const gp_vrf_pair *pair,
                            const uint8_t proof[GP_VRF_PROOF_SIZE], bool *valid,
                            gp_error *error) {
  return gp_vrf_check(GP_VRF_VOPRF, public_key, row(pair->element), row(pair->evaluated), 1,
                      proof, NULL, valid, error);
}

/* Batched proofs of the VRF: what they have to be, whatever the number of threads, and everything
 * that has to be refused. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "vrf/group.h"
#include "vrf/hash.h"
#include "vrf/vrf.h"

enum {
  SMALL = 2,    /* elements of a batch of which every bit is changed */
  FEW = 5,      /* of one whose order is changed */
  PIECES = 70,  /* of one that is summed up in three pieces */
  LARGE = 8193, /* of one whose pieces grow */
  ROUNDS = 20
};

typedef uint8_t element_bytes[GP_ELEMENT_SIZE];

static uint64_t random_state; /* of all tests here */
static bool folded;           /* batches are folded before, with weights made of all of them */

/* A batch, and the proof of it. */
typedef struct proven {
  uint8_t secret[GP_VRF_SCALAR_SIZE];
  element_bytes public_key;
  size_t count;
  element_bytes *elements;
  element_bytes *evaluated;
  uint8_t proof[GP_VRF_PROOF_SIZE];
} proven;

static const uint8_t (*in(element_bytes *elements))[GP_ELEMENT_SIZE] {
  return (const uint8_t(*)[GP_ELEMENT_SIZE])elements;
}

static const uint8_t header[] = "what this is about"; /* with its NUL */

static gp_status fold(const proven *p, const uint8_t *secret, gp_thread_pool *pool,
                      gp_vrf_pair *pair, gp_error *error) {
  const gp_vrf_subject subject = {p->public_key, header, sizeof header, secret};
  return gp_vrf_fold(&subject, in(p->elements), in(p->evaluated), p->count, pool, pair, error);
}

static gp_status prove(const proven *p, const uint8_t *random, gp_thread_pool *pool,
                       uint8_t proof[GP_VRF_PROOF_SIZE], gp_error *error) {
  if (folded) {
    gp_vrf_pair pair;
    const gp_status status = fold(p, p->secret, pool, &pair, error);
    return status == GP_OK
               ? gp_vrf_prove(GP_VRF_VOPRF, p->secret, p->public_key, in(&pair.element),
                              in(&pair.evaluated), 1, random, NULL, proof, error)
               : status;
  }
  return gp_vrf_prove(GP_VRF_VOPRF, p->secret, p->public_key, in(p->elements), in(p->evaluated),
                      p->count, random, pool, proof, error);
}

static gp_status check(const proven *p, gp_thread_pool *pool, bool *valid, gp_error *error) {
  *valid = true;
  if (folded) {
    gp_vrf_pair pair;
    const gp_status status = fold(p, NULL, pool, &pair, error);
    *valid = false;
    return status == GP_OK ? gp_vrf_check(GP_VRF_VOPRF, p->public_key, in(&pair.element),
                                          in(&pair.evaluated), 1, p->proof, NULL, valid, error)
                           : status;
  }
  return gp_vrf_check(GP_VRF_VOPRF, p->public_key, in(p->elements), in(p->evaluated), p->count,
                      p->proof, pool, valid, error);
}

static bool holds(const proven *p) {
  bool valid = false;
  assert_ok(check(p, NULL, &valid, error));
  return valid;
}

/* Not well-formed, or well-formed and false. */
static void assert_refused(const proven *p) {
  bool valid = true;
  const gp_status status = check(p, NULL, &valid, NULL);
  assert_false(valid);
  assert_true(status == GP_OK || status == GP_ERR_FORMAT);
}

static proven make_batch(size_t count) {
  proven p = {.count = count};
  p.elements = calloc(count + 1, sizeof *p.elements);
  p.evaluated = calloc(count + 1, sizeof *p.evaluated);
  assert_non_null(p.elements);
  assert_non_null(p.evaluated);
  uint8_t seed[GP_VRF_SEED_SIZE];
  for (size_t i = 0; i < sizeof seed; i++) {
    seed[i] = (uint8_t)(next_random(&random_state) >> 56);
  }
  assert_ok(gp_vrf_derive_key_pair(GP_VRF_VOPRF, seed, NULL, 0, p.secret, p.public_key, error));
  for (size_t i = 0; i < count; i++) {
    const uint8_t input[] = {(uint8_t)i, (uint8_t)(i >> 8)};
    assert_ok(gp_vrf_hash_to_group(GP_VRF_VOPRF, input, sizeof input, p.elements[i], error));
    assert_ok(gp_vrf_evaluate(p.secret, p.elements[i], p.evaluated[i], error));
  }
  assert_ok(prove(&p, NULL, NULL, p.proof, error));
  assert_true(holds(&p));
  return p;
}

static void free_batch(proven *p) {
  free(p->elements);
  free(p->evaluated);
}

/* --------------------------------------------------- proofs worked out otherwise */

/* The sum of the weights of a batch that has one pair `count` times. */
static void sum_weights(const proven *p, size_t count, uint8_t sum[GP_VRF_SCALAR_SIZE]) {
  static const char seed_tag[] = "Seed-OPRFV1-\x01-ristretto255-SHA512";
  crypto_hash_sha512_state sha512;
  uint8_t seed[crypto_hash_sha512_BYTES];
  (void)crypto_hash_sha512_init(&sha512);
  gp_vrf_sha512_add_sized(&sha512, p->public_key, GP_ELEMENT_SIZE);
  gp_vrf_sha512_add_sized(&sha512, seed_tag, sizeof seed_tag - 1);
  (void)crypto_hash_sha512_final(&sha512, seed);
  memset(sum, 0, GP_VRF_SCALAR_SIZE);
  for (size_t i = 0; i < count; i++) {
    const uint8_t number[] = {(uint8_t)(i >> 8), (uint8_t)i};
    uint8_t weight[GP_VRF_SCALAR_SIZE];
    gp_vrf_hash hash;
    gp_vrf_hash_start(&hash, "HashToScalar-", GP_VRF_VOPRF);
    gp_vrf_hash_add_sized(&hash, seed, sizeof seed);
    gp_vrf_hash_add(&hash, number, sizeof number);
    gp_vrf_hash_add_sized(&hash, p->elements[i], GP_ELEMENT_SIZE);
    gp_vrf_hash_add_sized(&hash, p->evaluated[i], GP_ELEMENT_SIZE);
    gp_vrf_hash_add(&hash, "Composite", 9);
    gp_vrf_hash_end_scalar(&hash, weight);
    crypto_core_ristretto255_scalar_add(sum, sum, weight);
  }
}

/* The proof of such a batch, with one multiplication in place of many. */
static void prove_otherwise(const proven *p, size_t count, const uint8_t *r,
                            uint8_t proof[GP_VRF_PROOF_SIZE]) {
  uint8_t sum[GP_VRF_SCALAR_SIZE];
  uint8_t product[GP_VRF_SCALAR_SIZE];
  element_bytes members[5]; /* of the challenge */
  sum_weights(p, count, sum);
  memcpy(members[0], p->public_key, GP_ELEMENT_SIZE);
  assert_true(gp_vrf_multiply(sum, p->elements[0], members[1]));
  assert_true(gp_vrf_multiply(sum, p->evaluated[0], members[2]));
  assert_int_equal(crypto_scalarmult_ristretto255_base(members[3], r), 0);
  assert_true(gp_vrf_multiply(r, members[1], members[4]));
  gp_vrf_hash hash;
  gp_vrf_hash_start(&hash, "HashToScalar-", GP_VRF_VOPRF);
  for (size_t i = 0; i < 5; i++) {
    gp_vrf_hash_add_sized(&hash, members[i], GP_ELEMENT_SIZE);
  }
  gp_vrf_hash_add(&hash, "Challenge", 9);
  gp_vrf_hash_end_scalar(&hash, proof);
  crypto_core_ristretto255_scalar_mul(product, proof, p->secret);
  crypto_core_ristretto255_scalar_sub(proof + GP_VRF_SCALAR_SIZE, r, product);
}

static void every_piece_counts_once(void **state) {
  (void)state;
  static const size_t counts[] = {1, 2, 31, 32, 33, 63, 64, 65, 96, LARGE};
  proven p = make_batch(1);
  gp_thread_pool *pool = NULL;
  assert_ok(gp_thread_pool_new(2, &pool, error));
  p.elements = realloc(p.elements, LARGE * sizeof *p.elements);
  p.evaluated = realloc(p.evaluated, LARGE * sizeof *p.evaluated);
  assert_non_null(p.elements);
  assert_non_null(p.evaluated);
  for (size_t i = 1; i < LARGE; i++) {
    memcpy(p.elements[i], p.elements[0], GP_ELEMENT_SIZE);
    memcpy(p.evaluated[i], p.evaluated[0], GP_ELEMENT_SIZE);
  }
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    uint8_t r[GP_VRF_SCALAR_SIZE];
    uint8_t expected[GP_VRF_PROOF_SIZE];
    crypto_core_ristretto255_scalar_random(r);
    p.count = counts[i];
    if (p.count == LARGE && tests_are_short()) {
      continue;
    }
    prove_otherwise(&p, p.count, r, expected);
    assert_ok(prove(&p, r, pool, p.proof, error));
    assert_memory_equal(p.proof, expected, sizeof expected);
  }
  gp_thread_pool_free(pool);
  free_batch(&p);
}

static void threads_change_nothing(void **state) {
  (void)state;
  static const size_t threads[] = {1, 2, 5};
  proven p = make_batch(PIECES);
  uint8_t r[GP_VRF_SCALAR_SIZE];
  uint8_t expected[GP_VRF_PROOF_SIZE];
  crypto_core_ristretto255_scalar_random(r);
  assert_ok(prove(&p, r, NULL, expected, error));
  memcpy(p.proof, expected, sizeof expected);
  for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
    gp_thread_pool *pool = NULL;
    uint8_t proof[GP_VRF_PROOF_SIZE];
    bool valid = false;
    assert_ok(gp_thread_pool_new(threads[i], &pool, error));
    assert_ok(prove(&p, r, pool, proof, error));
    assert_memory_equal(proof, expected, sizeof proof);
    assert_ok(check(&p, pool, &valid, error));
    assert_true(valid);
    element_bytes kept;
    memcpy(kept, p.evaluated[PIECES - 1], sizeof kept);
    memcpy(p.evaluated[PIECES - 1], p.evaluated[0], sizeof kept);
    assert_ok(check(&p, pool, &valid, error));
    assert_false(valid);
    /* Two that are no elements: the first is named, whichever was found first. */
    p.evaluated[PIECES - 1][31] = 0xFF;
    p.elements[PIECES - 2][31] = 0xFF;
    static const char message[] =
        "element 68 of the proof's 70: not the encoding of an element of ristretto255";
    assert_fails(check(&p, pool, &valid, error), GP_ERR_FORMAT, message);
    assert_fails(prove(&p, r, pool, proof, error), GP_ERR_FORMAT, message);
    memcpy(p.evaluated[PIECES - 1], kept, sizeof kept);
    const uint8_t input[] = {PIECES - 2, 0};
    assert_ok(
        gp_vrf_hash_to_group(GP_VRF_VOPRF, input, sizeof input, p.elements[PIECES - 2], error));
    gp_thread_pool_free(pool);
  }
  assert_true(holds(&p));
  free_batch(&p);
}

/* ------------------------------------------------------------ what is refused */

/* Every single bit of some bytes that the batch has. */
static void change_every_bit(const proven *p, uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < 8 * size; i++) {
    bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    assert_refused(p);
    bytes[i / 8] ^= (uint8_t)(1U << i % 8);
  }
}

static void every_bit_counts(void **state) {
  (void)state;
  proven p = make_batch(SMALL);
  change_every_bit(&p, p.proof, sizeof p.proof);
  change_every_bit(&p, p.public_key, sizeof p.public_key);
  change_every_bit(&p, *p.elements, SMALL * sizeof *p.elements);
  change_every_bit(&p, *p.evaluated, SMALL * sizeof *p.evaluated);
  assert_true(holds(&p));
  free_batch(&p);
}

static void every_element_counts(void **state) {
  (void)state;
  proven p = make_batch(PIECES);
  for (size_t i = 0; i < PIECES; i++) {
    element_bytes kept;
    memcpy(kept, p.evaluated[i], sizeof kept);
    memcpy(p.evaluated[i], p.evaluated[(i + 1) % PIECES], sizeof kept);
    assert_false(holds(&p));
    memcpy(p.evaluated[i], kept, sizeof kept);
  }
  assert_true(holds(&p));
  free_batch(&p);
}

static void swap(element_bytes *elements, size_t i, size_t j) {
  element_bytes kept;
  memcpy(kept, elements[i], sizeof kept);
  memcpy(elements[i], elements[j], sizeof kept);
  memcpy(elements[j], kept, sizeof kept);
}

static void other_batches_are_refused(void **state) {
  (void)state;
  proven p = make_batch(FEW);
  for (size_t i = 0; i < FEW; i++) {
    for (size_t j = 0; j < i; j++) {
      swap(p.elements, i, j);
      assert_false(holds(&p));
      swap(p.evaluated, i, j); /* pairs that are true, in another order */
      assert_false(holds(&p));
      swap(p.elements, i, j);
      assert_false(holds(&p));
      swap(p.evaluated, i, j);
    }
  }
  for (p.count = 1; p.count < FEW; p.count++) { /* without the last */
    assert_false(holds(&p));
  }
  proven later = p;
  later.count = FEW - 1;
  later.elements++;
  later.evaluated++;
  assert_false(holds(&later)); /* without the first */
  memcpy(p.elements[FEW], p.elements[2], sizeof *p.elements);
  memcpy(p.evaluated[FEW], p.evaluated[2], sizeof *p.evaluated);
  p.count = FEW + 1;
  assert_false(holds(&p));
  p.count = FEW;
  assert_true(holds(&p));
  bool valid = true;
  assert_ok(gp_vrf_check(GP_VRF_OPRF, p.public_key, in(p.elements), in(p.evaluated), p.count,
                         p.proof, NULL, &valid, error));
  assert_false(valid); /* another mode */
  free_batch(&p);
}

/* A true statement about other keys, and a false one, of which no proof may hold. */
static void other_keys_are_refused(void **state) {
  (void)state;
  proven p = make_batch(FEW);
  proven other = make_batch(FEW);
  memcpy(p.public_key, other.public_key, sizeof p.public_key);
  assert_false(holds(&p));
  assert_ok(prove(&p, NULL, NULL, p.proof, error)); /* secret and public key do not belong */
  assert_false(holds(&p));
  memcpy(p.secret, other.secret, sizeof p.secret);
  assert_ok(prove(&p, NULL, NULL, p.proof, error)); /* evaluated with another secret */
  assert_false(holds(&p));
  memcpy(*p.evaluated, *other.evaluated, FEW * sizeof *p.evaluated);
  assert_ok(prove(&p, NULL, NULL, p.proof, error));
  assert_true(holds(&p));
  free_batch(&p);
  free_batch(&other);
}

static void assert_malformed(const proven *p, const char *message) {
  bool valid = true;
  assert_fails(check(p, NULL, &valid, error), GP_ERR_FORMAT, message);
  assert_false(valid);
}

/* The identity, a number from p on, a negative one, one with the highest bit set. */
static void try_bad_elements(proven *p, uint8_t *place, const char *message) {
  element_bytes kept;
  uint8_t proof[GP_VRF_PROOF_SIZE];
  memcpy(kept, place, sizeof kept);
  for (size_t i = 0; i < 4; i++) {
    memset(place, i == 1 ? 0xFF : 0, sizeof kept);
    if (i == 1) {
      place[0] = 0xEE;
      place[31] = 0x7F;
    } else if (i > 1) {
      memcpy(place, kept, sizeof kept);
      place[i == 2 ? 0 : 31] |= i == 2 ? 0x01 : 0x80;
    }
    assert_malformed(p, message);
    assert_fails(prove(p, NULL, NULL, proof, error), GP_ERR_FORMAT, message);
  }
  memcpy(place, kept, sizeof kept);
  assert_true(holds(p));
}

static void malformed_elements_are_refused(void **state) {
  (void)state;
  proven p = make_batch(FEW);
  try_bad_elements(&p, p.public_key,
                   "public key: not the encoding of an element of ristretto255");
  try_bad_elements(&p, p.elements[0],
                   "element 0 of the proof's 5: not the encoding of an element of ristretto255");
  try_bad_elements(
      &p, p.evaluated[4],
      "evaluated element 4 of the proof's 5: not the encoding of an element of ristretto255");
  free_batch(&p);
}

static void malformed_scalars_are_refused(void **state) {
  (void)state;
  static const char message[] = "proof: its scalars must be from 1 to the group's order less 1";
  static const char ours[] = "scalars of a proof: must be from 1 to the group's order less 1";
  static const char *const bad[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", /* the order */
      "eed3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
  proven p = make_batch(1);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    uint8_t scalar[GP_VRF_SCALAR_SIZE];
    uint8_t proof[GP_VRF_PROOF_SIZE];
    unhex(bad[i], scalar, sizeof scalar);
    for (size_t half = 0; half < 2; half++) {
      proven changed = p;
      memcpy(changed.proof + half * sizeof scalar, scalar, sizeof scalar);
      assert_malformed(&changed, message);
    }
    assert_fails(prove(&p, scalar, NULL, proof, error), GP_ERR_ARGUMENT, ours);
    proven changed = p;
    memcpy(changed.secret, scalar, sizeof scalar);
    assert_fails(prove(&changed, NULL, NULL, proof, error), GP_ERR_ARGUMENT, ours);
  }
  free_batch(&p);
}

/* The same scalar in other bytes: s + order fits into 32 of them, and must not be taken. */
static void proofs_have_one_encoding(void **state) {
  (void)state;
  uint8_t order[GP_VRF_SCALAR_SIZE];
  unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order, sizeof order);
  proven p = make_batch(1);
  for (size_t half = 0; half < 2; half++) {
    proven changed = p;
    sodium_add(changed.proof + half * sizeof order, order, sizeof order);
    assert_malformed(&changed, "proof: its scalars must be from 1 to the group's order less 1");
  }
  free_batch(&p);
}

static void other_counts_are_refused(void **state) {
  (void)state;
  static const char *const messages[] = {"a proof is of 1 to 65535 elements, not 0",
                                         "a proof is of 1 to 65535 elements, not 65536"};
  proven p = make_batch(1);
  for (size_t i = 0; i < 2; i++) {
    bool valid = true;
    uint8_t proof[GP_VRF_PROOF_SIZE];
    p.count = i * 65536;
    assert_fails(check(&p, NULL, &valid, error), GP_ERR_ARGUMENT, messages[i]);
    assert_false(valid);
    assert_fails(prove(&p, NULL, NULL, proof, error), GP_ERR_ARGUMENT, messages[i]);
  }
  free_batch(&p);
}

static void random_batches(void **state) {
  (void)state;
  for (size_t i = 0; i < ROUNDS; i++) {
    proven p = make_batch(1 + next_random(&random_state) % (FEW * FEW));
    uint8_t again[GP_VRF_PROOF_SIZE];
    assert_ok(prove(&p, NULL, NULL, again, error));
    assert_memory_not_equal(again, p.proof, sizeof again); /* no r twice */
    memcpy(p.proof, again, sizeof again);
    assert_true(holds(&p));
    free_batch(&p);
  }
}

/* Sums may meet the identity, though nobody can make them: libsodium alone would fail. */
static void products_with_the_identity(void **state) {
  (void)state;
  static const element_bytes identity;
  static const uint8_t zero[GP_VRF_SCALAR_SIZE];
  const uint8_t one[GP_VRF_SCALAR_SIZE] = {1};
  proven p = make_batch(1);
  element_bytes product;
  memset(product, 1, sizeof product);
  assert_true(gp_vrf_multiply(one, identity, product));
  assert_true(gp_vrf_is_identity(product));
  memset(product, 1, sizeof product);
  assert_true(gp_vrf_multiply(zero, p.public_key, product));
  assert_true(gp_vrf_is_identity(product));
  assert_true(gp_vrf_multiply(one, p.public_key, product));
  assert_memory_equal(product, p.public_key, sizeof product);
  p.public_key[31] |= 0x80;
  assert_false(gp_vrf_multiply(one, p.public_key, product));
  free_batch(&p);
}

/* --------------------------------------------------------------------- folded first */

static int fold_first(void **state) {
  (void)state;
  folded = true;
  return 0;
}

/* The weight of a pair, worked out from SPEC.md section 18 for a batch of two. */
static void weigh_otherwise(const proven *p, uint8_t number, uint8_t weight[32]) {
  uint8_t seed[crypto_hash_sha512_BYTES];
  uint8_t uniform[crypto_hash_sha512_BYTES];
  const uint8_t place[4] = {number};
  crypto_hash_sha512_state sha512;
  (void)crypto_hash_sha512_init(&sha512);
  (void)crypto_hash_sha512_update(&sha512, (const uint8_t *)"greenprint-1v\0batch", 20);
  (void)crypto_hash_sha512_update(&sha512, header, sizeof header);
  (void)crypto_hash_sha512_update(&sha512, p->elements[0], 32);
  (void)crypto_hash_sha512_update(&sha512, p->evaluated[0], 32);
  (void)crypto_hash_sha512_update(&sha512, p->elements[1], 32);
  (void)crypto_hash_sha512_update(&sha512, p->evaluated[1], 32);
  (void)crypto_hash_sha512_final(&sha512, seed);
  (void)crypto_hash_sha512_init(&sha512);
  (void)crypto_hash_sha512_update(&sha512, (const uint8_t *)"greenprint-1v\0weight", 21);
  (void)crypto_hash_sha512_update(&sha512, seed, sizeof seed);
  (void)crypto_hash_sha512_update(&sha512, place, sizeof place);
  (void)crypto_hash_sha512_final(&sha512, uniform);
  crypto_core_ristretto255_scalar_reduce(weight, uniform);
}

static void folds_are_those_of_the_standard(void **state) {
  (void)state;
  proven p = make_batch(2);
  uint8_t weights[2][32];
  element_bytes products[2];
  element_bytes sum;
  gp_vrf_pair pair;
  assert_ok(fold(&p, NULL, NULL, &pair, error));
  for (uint8_t i = 0; i < 2; i++) {
    weigh_otherwise(&p, i, weights[i]);
    assert_true(gp_vrf_multiply(weights[i], p.elements[i], products[i]));
  }
  assert_int_equal(crypto_core_ristretto255_add(sum, products[0], products[1]), 0);
  assert_memory_equal(pair.element, sum, sizeof sum);
  assert_ok(gp_vrf_evaluate(p.secret, sum, products[0], error));
  assert_memory_equal(pair.evaluated, products[0], sizeof sum);
  gp_vrf_pair of_owner;
  assert_ok(fold(&p, p.secret, NULL, &of_owner, error));
  assert_memory_equal(&of_owner, &pair, sizeof pair);
  const gp_vrf_subject other = {p.public_key, header, sizeof header - 1, NULL};
  assert_ok(gp_vrf_fold(&other, in(p.elements), in(p.evaluated), 2, NULL, &of_owner, error));
  assert_memory_not_equal(&of_owner, &pair, sizeof pair);
  free_batch(&p);
}

/* What somebody who has the secret may do to proofs of RFC 9497, whose weights are made of one
 * pair each: choose a wrong pair when the weights of others are known. Here every weight changes
 * with every pair, so that there is nothing to be known before. */
static void every_weight_depends_on_every_pair(void **state) {
  (void)state;
  proven p = make_batch(2);
  uint8_t before[32];
  uint8_t after[32];
  for (size_t i = 0; i < 4; i++) {
    element_bytes *place = i < 2 ? &p.elements[i] : &p.evaluated[i - 2];
    element_bytes kept;
    gp_vrf_pair pair;
    gp_vrf_pair other;
    memcpy(kept, *place, sizeof kept);
    assert_ok(fold(&p, NULL, NULL, &pair, error));
    weigh_otherwise(&p, (uint8_t)(1 - i % 2), before);
    assert_int_equal(crypto_core_ristretto255_add(*place, *place, p.public_key), 0);
    weigh_otherwise(&p, (uint8_t)(1 - i % 2), after);
    assert_memory_not_equal(before, after, sizeof before);
    assert_ok(fold(&p, NULL, NULL, &other, error));
    assert_memory_not_equal(pair.element, other.element, sizeof pair.element);
    assert_memory_not_equal(pair.evaluated, other.evaluated, sizeof pair.evaluated);
    memcpy(*place, kept, sizeof kept);
  }
  free_batch(&p);
}

/* Neither kind of proof passes for the other, not even of a single pair. */
static void kinds_do_not_mix(void **state) {
  (void)state;
  for (size_t count = 1; count <= FEW; count++) {
    proven p = make_batch(count);
    bool valid = true;
    assert_ok(gp_vrf_check(GP_VRF_VOPRF, p.public_key, in(p.elements), in(p.evaluated), count,
                           p.proof, NULL, &valid, error));
    assert_false(valid);
    assert_ok(gp_vrf_prove(GP_VRF_VOPRF, p.secret, p.public_key, in(p.elements), in(p.evaluated),
                           count, NULL, NULL, p.proof, error));
    assert_false(holds(&p));
    free_batch(&p);
  }
}

int main(void) {
  const struct CMUnitTest folded_tests[] = {
      cmocka_unit_test(folds_are_those_of_the_standard),
      cmocka_unit_test(every_weight_depends_on_every_pair),
      cmocka_unit_test(kinds_do_not_mix),
      cmocka_unit_test(threads_change_nothing),
      cmocka_unit_test(every_bit_counts),
      cmocka_unit_test(every_element_counts),
      cmocka_unit_test(other_batches_are_refused),
      cmocka_unit_test(other_keys_are_refused),
      cmocka_unit_test(malformed_elements_are_refused),
      cmocka_unit_test(proofs_have_one_encoding),
      cmocka_unit_test(other_counts_are_refused),
      cmocka_unit_test(random_batches),
  };
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_piece_counts_once),
      cmocka_unit_test(threads_change_nothing),
      cmocka_unit_test(every_bit_counts),
      cmocka_unit_test(every_element_counts),
      cmocka_unit_test(other_batches_are_refused),
      cmocka_unit_test(other_keys_are_refused),
      cmocka_unit_test(malformed_elements_are_refused),
      cmocka_unit_test(malformed_scalars_are_refused),
      cmocka_unit_test(proofs_have_one_encoding),
      cmocka_unit_test(other_counts_are_refused),
      cmocka_unit_test(random_batches),
      cmocka_unit_test(products_with_the_identity),
  };
  random_state = test_seed();
  if (sodium_init() < 0) {
    return 1;
  }
  const int failed = cmocka_run_group_tests_name("vrf_proof", tests, NULL, NULL);
  return failed + cmocka_run_group_tests_name("folded", folded_tests, fold_first, NULL);
}

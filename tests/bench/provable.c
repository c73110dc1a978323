/* Provable keys: a nonce against the two group operations in it, and proofs by the clock. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "common/bytes.h"
#include "vrf/vrf.h"

enum {
  CONTEXTS = 1000,
  AT_ONCE = 50, /* contexts of a round: the next ones each time */
  CONTEXT_SIZE = 16,
  TIMES = 3 /* of what is timed by itself, for a median */
};

typedef uint8_t element_bytes[GP_ELEMENT_SIZE];

typedef struct provable {
  uint8_t secret[GP_VRF_SCALAR_SIZE];
  element_bytes public_key;
  size_t count; /* of elements proved */
  size_t next;  /* context */
  uint8_t (*contexts)[CONTEXT_SIZE];
  element_bytes *elements;
  element_bytes *evaluated;
  uint8_t proof[GP_VRF_PROOF_SIZE];
} provable;

static void make_element(provable *work, size_t i) {
  gp_error error;
  bench_check(gp_vrf_hash_to_group(GP_VRF_VOPRF, work->contexts[i], CONTEXT_SIZE,
                                   work->elements[i], &error),
              &error);
}

static void evaluate(provable *work, size_t i) {
  gp_error error;
  const uint8_t *element = work->elements[i];
  bench_check(gp_vrf_evaluate(work->secret, element, work->evaluated[i], &error), &error);
}

static uint64_t output(const provable *work, size_t i) {
  gp_error error;
  uint8_t bytes[GP_VRF_OUTPUT_SIZE];
  bench_check(gp_vrf_output(work->contexts[i], CONTEXT_SIZE, work->evaluated[i], bytes, &error),
              &error);
  return gp_load_le64(bytes);
}

static void make_nonces(void *state) {
  provable *work = state;
  uint64_t sum = 0;
  for (size_t n = 0; n < AT_ONCE; n++) {
    make_element(work, work->next);
    evaluate(work, work->next);
    sum += output(work, work->next);
    work->next = (work->next + 1) % CONTEXTS;
  }
  bench_use(sum);
}

/* What no implementation over libsodium can do without: the map of 64 bytes to the group, which
 * is two maps and a sum, and one multiplication. */
static void operate(void *state) {
  provable *work = state;
  for (size_t n = 0; n < AT_ONCE; n++) {
    uint8_t uniform[crypto_core_ristretto255_HASHBYTES] = {1};
    element_bytes element;
    memcpy(uniform, work->contexts[work->next], CONTEXT_SIZE);
    if (crypto_core_ristretto255_from_hash(element, uniform) != 0 ||
        crypto_scalarmult_ristretto255(work->evaluated[0], work->secret, element) != 0) {
      bench_fail("ristretto255", "no product");
    }
    work->next = (work->next + 1) % CONTEXTS;
  }
  bench_use(gp_load_le64(work->evaluated[0]));
}

/* As a proof file does it; its header has as many bytes. */
static gp_vrf_pair fold(const provable *work, const uint8_t *secret) {
  static const uint8_t header[168];
  const gp_vrf_subject subject = {work->public_key, header, sizeof header, secret};
  gp_error error;
  gp_vrf_pair folded;
  bench_check(gp_vrf_fold(&subject, (const uint8_t(*)[GP_ELEMENT_SIZE])work->elements,
                          (const uint8_t(*)[GP_ELEMENT_SIZE])work->evaluated, work->count, NULL,
                          &folded, &error),
              &error);
  return folded;
}

static void prove(provable *work) {
  gp_error error;
  for (size_t i = 0; i < work->count; i++) {
    make_element(work, i);
    evaluate(work, i);
  }
  const gp_vrf_pair folded = fold(work, work->secret);
  bench_check(gp_vrf_prove_pair(work->secret, work->public_key, &folded, work->proof, &error),
              &error);
}

static void check(provable *work) {
  gp_error error;
  bool valid = false;
  uint64_t sum = 0;
  for (size_t i = 0; i < work->count; i++) {
    make_element(work, i);
  }
  const gp_vrf_pair folded = fold(work, NULL);
  bench_check(gp_vrf_check_pair(work->public_key, &folded, work->proof, &valid, &error), &error);
  if (!valid) {
    bench_fail("proof", "does not hold");
  }
  for (size_t i = 0; i < work->count; i++) {
    sum += output(work, i);
  }
  bench_use(sum);
}

static int compare_seconds(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

static void time_once(bench_run *run, provable *work, const char *name,
                      void (*part)(provable *work)) {
  double seconds[TIMES];
  const size_t times = run->options.quick ? 1 : TIMES;
  for (size_t i = 0; i < times; i++) {
    const double start = bench_thread_now();
    part(work);
    seconds[i] = bench_thread_now() - start;
  }
  qsort(seconds, times, sizeof *seconds, compare_seconds);
  const bench_label label = {.group = "proof", .name = name, .rows = work->count};
  bench_number(run, &label, seconds[times / 2], "s");
}

static provable make_work(size_t count) {
  gp_error error;
  uint64_t random = 13;
  const uint8_t seed[GP_VRF_SEED_SIZE] = {1};
  provable work = {.count = count,
                   .contexts = bench_allocate(CONTEXTS * sizeof *work.contexts),
                   .elements = bench_allocate(CONTEXTS * sizeof *work.elements),
                   .evaluated = bench_allocate(CONTEXTS * sizeof *work.evaluated)};
  for (size_t i = 0; i < CONTEXTS; i++) {
    gp_store_le64(work.contexts[i], bench_random(&random));
  }
  if (sodium_init() < 0) {
    bench_fail("libsodium", "cannot be initialised");
  }
  bench_check(
      gp_vrf_derive_key_pair(GP_VRF_VOPRF, seed, NULL, 0, work.secret, work.public_key, &error),
      &error);
  return work;
}

static void free_work(provable *work) {
  free(work->contexts);
  free(work->elements);
  free(work->evaluated);
}

void bench_nonces(bench_run *run) {
  provable work = make_work(CONTEXTS);
  const bench_label label = {
      .group = "provable",
      .name = "nonces of 1,000 contexts",
      .against = "their group operations",
      .unit = "context",
      .units = AT_ONCE,
  };
  const bench_side ours = {.run = make_nonces, .work = &work};
  const bench_side operations = {.run = operate, .work = &work};
  bench_case(run, &label, &ours, &operations);
  free_work(&work);
}

void bench_proofs(bench_run *run) {
  provable work = make_work(run->options.quick ? AT_ONCE : CONTEXTS);
  time_once(run, &work, "prove", prove);
  time_once(run, &work, "check", check);
  free_work(&work);
}

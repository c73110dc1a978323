/*
 * Proofs that were evaluated blindly: they show what the owner's own show, whatever the size of a
 * request, and what an owner, or whoever carries the file, alters in them is found out.
 */
#include <sodium.h>
#include <sys/stat.h>

#include "blind/message.h"
#include "common/bytes.h"
#include "proof_support.h"

enum {
  AT_FLAGS = 9,
  AT_ELEMENT = 32,
  AT_TENANT = 64,
  AT_TOKENIZER = 104,
  HEADER = 168,
  BLIND = 32,
  DLEQ = 64,
  CHECKSUM = 32,
  BATCH = 32768
};

static const char not_what_it_makes[] =
    "the proof does not hold: the evaluated elements are not what the key makes of the contexts";

static char folder[] = "/tmp/greenprint-blind-XXXXXX";
static char path[64];
static char other_path[64];
typedef uint8_t element_of_test[GP_ELEMENT_SIZE];

static gp_thread_pool *pool;
static uint64_t seed;

/* An owner, and what he or the way to him does to an answer. */
typedef struct owner {
  const gp_key *key;
  size_t requests;
  size_t elements;
  size_t at; /* the request that is tampered with */
  void (*tamper)(struct owner *self, uint8_t *answer, size_t *size);
  const gp_key *other;
  uint8_t first_request[64];
  uint8_t *kept; /* the first answer */
  size_t kept_size;
  gp_status fails; /* at request `at` */
} owner;

static gp_status carry(void *user, const uint8_t *request, size_t request_size, uint8_t *answer,
                       size_t capacity, size_t *answer_size, gp_error *error) {
  owner *self = user;
  const size_t number = self->requests++;
  self->elements += (request_size - GP_BLIND_HEADER_SIZE) / GP_ELEMENT_SIZE;
  if (number == 0) {
    memcpy(self->first_request, request,
           sizeof self->first_request < request_size ? sizeof self->first_request : request_size);
  }
  if (self->fails != GP_OK && number == self->at) {
    (void)snprintf(error->message, sizeof error->message, "the line was cut");
    error->status = self->fails;
    return self->fails;
  }
  *answer_size = request_size + GP_BLIND_PROOF_SIZE;
  assert_true(*answer_size <= capacity);
  const gp_status status = gp_blind_answer(self->key, request, request_size, pool, answer, error);
  if (self->tamper != NULL && number == 0 && self->at > 0) {
    self->kept = malloc(*answer_size);
    assert_non_null(self->kept);
    memcpy(self->kept, answer, *answer_size);
    self->kept_size = *answer_size;
  }
  if (status == GP_OK && self->tamper != NULL && number == self->at) {
    self->tamper(self, answer, answer_size);
  }
  return status;
}

static void seal(uint8_t *bytes, size_t size) {
  crypto_hash_sha256(bytes + size - CHECKSUM, bytes, size - CHECKSUM);
}

static gp_status check(const gp_public_key *public_key, const gp_proof_text *text,
                       gp_proof_info *info, gp_key **scoring, gp_error *error) {
  const gp_proof_options options = {.threads = pool};
  return gp_proof_check(path, public_key, text, &options, info, scoring, error);
}

/* ------------------------------------------------------------------ round trips */

/* What the owner's own proof says, but for how it was made. */
static void compare_with_owners(const gp_key *key, const gp_proof_text *text,
                                const gp_proof_options *options, const gp_proof_info *info) {
  gp_proof_info own;
  assert_ok(gp_prove(key, text, options, other_path, &own, error));
  assert_false(own.blind);
  assert_true(info->blind);
  assert_int_equal(own.proved, info->proved);
  assert_int_equal(own.contexts, info->contexts);
  assert_int_equal(own.sizes, info->sizes);
  size_t own_size = 0;
  size_t size = 0;
  uint8_t *owners = bytes_of_file(other_path, &own_size);
  uint8_t *bytes = bytes_of_file(path, &size);
  const size_t batches = (size_t)((info->proved + BATCH - 1) / BATCH);
  assert_int_equal(size, own_size + batches * BLIND);
  assert_int_equal(size, info->file_size);
  assert_int_equal(bytes[AT_FLAGS], owners[AT_FLAGS] | 2);
  bytes[AT_FLAGS] = owners[AT_FLAGS];
  const size_t of_first = info->proved < BATCH ? (size_t)info->proved : BATCH;
  assert_memory_equal(bytes, owners, HEADER + of_first * GP_ELEMENT_SIZE);
  free(owners);
  free(bytes);
  assert_int_equal(unlink(other_path), 0);
}

static void round_trip(const gp_key *key, const documents *text, const uint64_t *tenant,
                       uint64_t sample, size_t per_request) {
  const gp_public_key public_key = public_of(key);
  gp_proof_text *read = text_for(&public_key, text);
  const gp_proof_options options = {.has_tenant = tenant != NULL,
                                    .tenant = tenant != NULL ? *tenant : 99,
                                    .sample = sample,
                                    .threads = pool};
  owner asked = {.key = key};
  gp_proof_info made;
  gp_proof_info checked;
  gp_key *scoring = NULL;
  assert_ok(gp_prove_blind(&public_key, read, &options, per_request, carry, &asked, path, &made,
                           error));
  assert_int_equal(asked.elements, gp_prove_blind_elements(read, sample));
  assert_int_equal(asked.elements, made.proved + (made.proved + BATCH - 1) / BATCH);
  assert_ok(check(&public_key, read, &checked, &scoring, error));
  assert_true(checked.blind);
  assert_memory_equal(made.file_sha256, checked.file_sha256, 32);
  assert_int_equal(made.has_tenant, tenant != NULL);
  compare_with_owners(key, read, &options, &made);
  gp_result expected;
  gp_result found;
  verify_documents(scoring, text, tenant, &found);
  if (made.proved == made.contexts) {
    verify_documents(key, text, tenant, &expected);
    assert_results_equal(&found, &expected);
  } else {
    assert_true(found.scored >= made.proved);
  }
  struct stat facts;
  assert_int_equal(stat(path, &facts), 0);
  assert_int_equal(facts.st_mode & 07777, 0644);
  gp_key_free(scoring);
  gp_proof_text_free(read);
  assert_int_equal(unlink(path), 0);
}

static void round_trips(void **state) {
  (void)state;
  static const gp_params schemes[] = {{GP_SEEDING_HASH, 1, 1, 2},
                                      {GP_SEEDING_HASH, 4, 3, 3},
                                      {GP_SEEDING_MIN, 4, 1, 1},
                                      {GP_SEEDING_FIXED, 0, 1, 2}};
  static const uint64_t tenants[] = {0, UINT64_MAX};
  static const size_t per_request[] = {1, 7, GP_BLIND_COUNT_MAX};
  uint64_t random = seed;
  for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
    gp_key *key = test_provable_key(&schemes[s]);
    documents text = {0};
    add_random(&text, 40, 60, &random);
    add_random(&text, 0, 60, &random);
    add_random(&text, 20, 0xFFFFFFFFU, &random);
    for (size_t i = 0; i < sizeof per_request / sizeof *per_request; i++) {
      round_trip(key, &text, i == 0 ? NULL : &tenants[i - 1], 0, per_request[i]);
    }
    free_documents(&text);
    gp_key_free(key);
  }
}

static void samples(void **state) {
  (void)state;
  gp_key *key = test_provable_key(NULL);
  documents text = {0};
  uint64_t random = seed;
  add_random(&text, 3000, 4000, &random);
  round_trip(key, &text, NULL, 1024, 100);
  round_trip(key, &text, NULL, 4096, 1000); /* there are not so many: all */
  free_documents(&text);
  gp_key_free(key);
}

/* No context, nobody to ask. */
static void nothing_to_prove(void **state) {
  (void)state;
  gp_key *key = test_provable_key(NULL);
  const gp_public_key public_key = public_of(key);
  documents text = {0};
  add_document(&text, 2);
  gp_proof_text *read = text_for(&public_key, &text);
  owner asked = {.key = key};
  gp_proof_info info;
  gp_key *scoring = NULL;
  assert_ok(gp_prove_blind(&public_key, read, NULL, 5, carry, &asked, path, &info, error));
  assert_int_equal(asked.requests, 0);
  assert_int_equal(info.file_size, HEADER + CHECKSUM);
  assert_ok(check(&public_key, read, &info, &scoring, error));
  assert_true(info.blind);
  gp_key_free(scoring);
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
  assert_int_equal(unlink(path), 0);
}

/* Every proof has blinds of its own: two requests for the same have nothing in common. */
static void blinds_are_fresh(void **state) {
  (void)state;
  gp_key *key = test_provable_key(NULL);
  const gp_public_key public_key = public_of(key);
  uint64_t random = seed;
  documents text = {0};
  add_random(&text, 9, 60, &random);
  gp_proof_text *read = text_for(&public_key, &text);
  owner asked[2] = {{.key = key}, {.key = key}};
  uint8_t *bytes[2];
  size_t size = 0;
  for (size_t i = 0; i < 2; i++) {
    assert_ok(gp_prove_blind(&public_key, read, NULL, 9, carry, &asked[i], path, NULL, error));
    bytes[i] = bytes_of_file(path, &size);
    assert_int_equal(unlink(path), 0);
  }
  assert_memory_equal(asked[0].first_request, asked[1].first_request, GP_BLIND_HEADER_SIZE);
  assert_memory_not_equal(asked[0].first_request + GP_BLIND_HEADER_SIZE,
                          asked[1].first_request + GP_BLIND_HEADER_SIZE, GP_ELEMENT_SIZE);
  const size_t at_blind = size - CHECKSUM - DLEQ - BLIND;
  assert_memory_equal(bytes[0], bytes[1], at_blind);
  assert_memory_not_equal(bytes[0] + at_blind, bytes[1] + at_blind, BLIND);
  free(bytes[0]);
  free(bytes[1]);
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
}

/* ------------------------------------------------------------------ altered files */

/* A good proof of a small text, and what is made of it. */
typedef struct specimen {
  gp_key *key;
  gp_public_key public_key;
  documents text;
  gp_proof_text *read;
  uint8_t good[4096];
  uint8_t bad[4096];
  size_t size;
  size_t bad_size;
  size_t contexts;
} specimen;

static uint8_t *blind_of(specimen *one) {
  return one->bad + one->size - CHECKSUM - DLEQ - BLIND;
}

static void prove_specimen(specimen *one, uint8_t *bytes) {
  owner asked = {.key = one->key};
  assert_ok(
      gp_prove_blind(&one->public_key, one->read, NULL, 10, carry, &asked, path, NULL, error));
  uint8_t *read = bytes_of_file(path, &one->size);
  assert_true(one->size <= sizeof one->good);
  memcpy(bytes, read, one->size);
  free(read);
  assert_int_equal(unlink(path), 0);
}

static specimen *new_specimen(void) {
  specimen *one = calloc(1, sizeof *one);
  assert_non_null(one);
  uint64_t random = seed;
  one->key = test_provable_key(NULL);
  one->public_key = public_of(one->key);
  add_random(&one->text, 30, 50, &random);
  one->read = text_for(&one->public_key, &one->text);
  one->contexts = gp_proof_text_contexts(one->read);
  prove_specimen(one, one->good);
  return one;
}

static void free_specimen(specimen *one) {
  gp_proof_text_free(one->read);
  free_documents(&one->text);
  gp_key_free(one->key);
  free(one);
}

static void begin(specimen *one) {
  memcpy(one->bad, one->good, one->size);
  one->bad_size = one->size;
}

static gp_status check_bad(specimen *one, gp_error *error) {
  bytes_to_file(path, one->bad, one->bad_size);
  gp_proof_info info;
  gp_key *scoring = NULL;
  const gp_status status = check(&one->public_key, one->read, &info, &scoring, error);
  assert_int_equal(scoring != NULL, status == GP_OK);
  gp_key_free(scoring);
  assert_int_equal(unlink(path), 0);
  return status;
}

/* With the checksum made right. */
static void assert_refused(specimen *one, const char *what) {
  char message[GP_ERROR_MESSAGE_SIZE];
  seal(one->bad, one->bad_size);
  (void)snprintf(message, sizeof message, "%s: %s", path, what);
  assert_fails(check_bad(one, error), GP_ERR_FORMAT, message);
}

/* Any bit, as damage, and as whoever can make a checksum would have it. */
static void any_bit(void **state) {
  (void)state;
  specimen *one = new_specimen();
  const size_t step = tests_are_short() ? 29 : 1;
  for (size_t i = 0; i < one->size; i += step) {
    begin(one);
    one->bad[i] ^= (uint8_t)(1U << i % 8);
    const gp_status plain = check_bad(one, NULL);
    assert_true(plain == GP_ERR_FORMAT || plain == GP_ERR_VERSION);
    if (i >= HEADER && i < one->size - CHECKSUM) {
      seal(one->bad, one->bad_size);
      assert_int_equal(check_bad(one, NULL), GP_ERR_FORMAT);
    }
  }
  begin(one);
  assert_ok(check_bad(one, error));
  free_specimen(one);
}

static void every_length(void **state) {
  (void)state;
  specimen *one = new_specimen();
  for (size_t size = 0; size <= one->size + 40; size++) {
    begin(one);
    memset(one->bad + one->size, 0, 64);
    one->bad_size = size;
    if (size > HEADER + CHECKSUM && size != one->size) {
      seal(one->bad, size);
    }
    assert_int_equal(check_bad(one, NULL), size == one->size ? GP_OK : GP_ERR_FORMAT);
  }
  free_specimen(one);
}

static void flags(void **state) {
  (void)state;
  specimen *one = new_specimen();
  begin(one);
  one->bad[AT_FLAGS] = 0; /* the owner's own */
  assert_refused(one, "the proof has bytes behind its end");
  one->bad_size -= BLIND; /* and as long as that would be */
  assert_refused(one, not_what_it_makes);
  begin(one);
  memmove(blind_of(one), blind_of(one) + BLIND, DLEQ + CHECKSUM);
  one->bad[AT_FLAGS] = 0;
  one->bad_size -= BLIND;
  assert_refused(one, not_what_it_makes);
  begin(one);
  one->bad[AT_FLAGS] = 3; /* of tenant 0 */
  assert_refused(one, not_what_it_makes);
  for (unsigned flag = 4; flag < 256; flag *= 2) {
    begin(one);
    one->bad[AT_FLAGS] = (uint8_t)(2 | flag);
    assert_refused(one, "the header of the proof contradicts itself");
  }
  begin(one);
  one->bad[AT_TENANT] = 1; /* a tenant, and no flag of it */
  assert_refused(one, "the header of the proof contradicts itself");
  /* The owner's own is not one that was made blindly. */
  assert_ok(gp_prove(one->key, one->read, NULL, path, NULL, error));
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(path, &size);
  assert_int_equal(unlink(path), 0);
  memcpy(one->bad, bytes, size);
  free(bytes);
  one->bad_size = size;
  one->bad[AT_FLAGS] = 2;
  assert_refused(one, "the proof is cut off");
  memmove(one->bad + size - CHECKSUM - DLEQ + BLIND, one->bad + size - CHECKSUM - DLEQ, DLEQ);
  memset(one->bad + size - CHECKSUM - DLEQ, 0, BLIND);
  one->bad[size - CHECKSUM - DLEQ] = 1; /* as if blinded by 1: the owner's weights are others */
  one->bad_size = size + BLIND;
  assert_refused(one, not_what_it_makes);
  free_specimen(one);
}

/* What is proved is proved for this header: that the tokenizer was another one, say, which the
 * elements cannot show. */
static void headers(void **state) {
  (void)state;
  specimen *one = new_specimen();
  begin(one);
  memset(one->bad + AT_TOKENIZER, 1, 32);
  seal(one->bad, one->bad_size);
  bytes_to_file(path, one->bad, one->bad_size);
  const gp_proof_options options = {.tokenizer_sha256 = one->bad + AT_TOKENIZER};
  gp_proof_info info;
  gp_key *scoring = NULL;
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%s: %s", path, not_what_it_makes);
  assert_fails(
      gp_proof_check(path, &one->public_key, one->read, &options, &info, &scoring, error),
      GP_ERR_FORMAT, message);
  assert_null(scoring);
  assert_int_equal(unlink(path), 0);
  free_specimen(one);
}

static void exchange(uint8_t *a, uint8_t *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const uint8_t kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

static void elements(void **state) {
  (void)state;
  specimen *one = new_specimen();
  for (size_t i = 1; i < one->contexts; i += tests_are_short() ? 9 : 1) {
    begin(one);
    exchange(one->bad + HEADER, one->bad + HEADER + 32 * i, 32);
    assert_refused(one, not_what_it_makes);
  }
  begin(one);
  memcpy(one->bad + HEADER + 32, one->bad + HEADER, 32); /* one for another */
  assert_refused(one, not_what_it_makes);
  /* Two errors that cancel out in a sum without weights. */
  begin(one);
  uint8_t *first = one->bad + HEADER;
  uint8_t *second = first + 32;
  assert_int_equal(crypto_core_ristretto255_add(first, first, one->bad + AT_ELEMENT), 0);
  assert_int_equal(crypto_core_ristretto255_sub(second, second, one->bad + AT_ELEMENT), 0);
  assert_refused(one, not_what_it_makes);
  begin(one);
  char message[128];
  memset(first + (one->contexts - 1) * 32, 0, 32); /* the identity */
  (void)snprintf(message, sizeof message,
                 "evaluated element %zu of the proof's %zu: not the encoding of an element of "
                 "ristretto255",
                 one->contexts - 1, one->contexts);
  assert_refused(one, message);
  free_specimen(one);
}

static void blinds_and_proofs(void **state) {
  (void)state;
  static const char no_blind[] =
      "the blind of a batch is none: it must be from 1 to the group's order less 1";
  specimen *one = new_specimen();
  begin(one);
  memset(blind_of(one), 0, BLIND);
  assert_refused(one, no_blind);
  memset(blind_of(one), 0xFF, BLIND);
  assert_refused(one, no_blind);
  begin(one);
  crypto_core_ristretto255_scalar_negate(blind_of(one), blind_of(one));
  assert_refused(one, not_what_it_makes);
  begin(one);
  crypto_core_ristretto255_scalar_random(blind_of(one));
  assert_refused(one, not_what_it_makes);
  begin(one);
  exchange(blind_of(one) + BLIND, blind_of(one) + BLIND + 32, 32); /* c and s */
  assert_refused(one, not_what_it_makes);
  /* Another proof of the same text: each has a blind of its own. */
  uint8_t *again = calloc(1, sizeof one->good);
  assert_non_null(again);
  prove_specimen(one, again);
  const size_t at = one->size - CHECKSUM - DLEQ - BLIND;
  begin(one);
  memcpy(one->bad + at, again + at, BLIND);
  assert_refused(one, not_what_it_makes);
  begin(one);
  memcpy(one->bad + at + BLIND, again + at + BLIND, DLEQ);
  assert_refused(one, not_what_it_makes);
  begin(one);
  memcpy(one->bad + at, again + at, BLIND + DLEQ); /* both: that is the other proof */
  seal(one->bad, one->bad_size);
  assert_ok(check_bad(one, error));
  free(again);
  free_specimen(one);
}

static void other_texts_and_keys(void **state) {
  (void)state;
  specimen *one = new_specimen();
  gp_proof_info info;
  gp_key *scoring = NULL;
  bytes_to_file(path, one->good, one->size);
  one->text.tokens[0][7] ^= 1;
  gp_proof_text *changed = text_for(&one->public_key, &one->text);
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(
      message, sizeof message,
      "%s: the proof does not hold: it is of another text, or of the same in another order",
      path);
  assert_fails(check(&one->public_key, changed, &info, &scoring, error), GP_ERR_FORMAT, message);
  gp_proof_text_free(changed);
  one->text.tokens[0][7] ^= 1;
  gp_key *stranger = NULL;
  const gp_params params = gp_params_default();
  assert_ok(gp_key_generate_provable(&params, &stranger, error));
  const gp_public_key strangers = public_of(stranger);
  gp_proof_text *theirs = text_for(&strangers, &one->text);
  (void)snprintf(message, sizeof message,
                 "%s: the proof does not hold: it was made with another key", path);
  assert_fails(check(&strangers, theirs, &info, &scoring, error), GP_ERR_FORMAT, message);
  assert_int_equal(unlink(path), 0);
  /* Under the stranger's name. */
  begin(one);
  memcpy(one->bad + AT_ELEMENT, strangers.element, GP_ELEMENT_SIZE);
  seal(one->bad, one->size);
  bytes_to_file(path, one->bad, one->size);
  (void)snprintf(message, sizeof message, "%s: %s", path, not_what_it_makes);
  assert_fails(check(&strangers, theirs, &info, &scoring, error), GP_ERR_FORMAT, message);
  assert_int_equal(unlink(path), 0);
  assert_null(scoring);
  gp_proof_text_free(theirs);
  gp_key_free(stranger);
  free_specimen(one);
}

/* ------------------------------------------------------------------ two batches */

/* One context more than a batch has: what belongs to one is nothing in the other. */
static void two_batches(void **state) {
  (void)state;
  skip_where_tests_are_short(); /* 33,000 contexts take seconds as it is */
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  gp_key *key = test_provable_key(&params);
  const gp_public_key public_key = public_of(key);
  documents text = {0};
  uint32_t *tokens = add_document(&text, 2 + BATCH);
  for (uint32_t i = 0; i < 2 + BATCH; i++) {
    tokens[i] = i;
  }
  gp_proof_text *read = text_for(&public_key, &text);
  const gp_proof_options options = {.threads = pool};
  owner asked = {.key = key};
  gp_proof_info info;
  assert_ok(
      gp_prove_blind(&public_key, read, &options, 20000, carry, &asked, path, &info, error));
  assert_int_equal(asked.requests, 5); /* 20,000, 12,768 and their fold; 1 and its fold */
  assert_int_equal(asked.elements, 1 + BATCH + 2);
  assert_int_equal(gp_prove_blind_elements(read, 0), 1 + BATCH + 2);
  size_t size = 0;
  uint8_t *good = bytes_of_file(path, &size);
  assert_int_equal(size, info.file_size);
  uint8_t *bad = malloc(size);
  assert_non_null(bad);
  const size_t first = HEADER + (size_t)32 * BATCH; /* the proof of the first */
  const size_t second = first + BLIND + DLEQ + 32;  /* that of the second */
  const struct {
    size_t a;
    size_t b;
    size_t length;
  } moves[] = {{0, 0, 0}, /* none: it holds */
               {first, second, BLIND},
               {first + BLIND, second + BLIND, DLEQ},
               {first, second, BLIND + DLEQ},
               {HEADER, second - 32, 32},          /* elements of both */
               {HEADER, HEADER + 32 * 20000, 32}}; /* of two requests */
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
    gp_key *scoring = NULL;
    gp_error error = {0};
    memcpy(bad, good, size);
    exchange(bad + moves[i].a, bad + moves[i].b, moves[i].length);
    seal(bad, size);
    bytes_to_file(path, bad, size);
    const gp_status status = check(&public_key, read, &info, &scoring, &error);
    assert_int_equal(status, i == 0 ? GP_OK : GP_ERR_FORMAT);
    assert_int_equal(strstr(error.message, not_what_it_makes) != NULL, i > 0);
    gp_key_free(scoring);
  }
  free(good);
  free(bad);
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
  assert_int_equal(unlink(path), 0);
}

/* ------------------------------------------------------------------ who must not be believed */

static void answer_replayed(owner *self, uint8_t *answer, size_t *size) {
  if (self->kept != NULL && self->kept_size == *size) {
    memcpy(answer, self->kept, *size);
  } else {
    answer[GP_BLIND_HEADER_SIZE] ^= 2;
  }
}

static void answer_swapped(owner *self, uint8_t *answer, size_t *size) {
  (void)self;
  if (*size > GP_BLIND_ANSWER_SIZE(1)) {
    exchange(answer + GP_BLIND_HEADER_SIZE, answer + GP_BLIND_HEADER_SIZE + 32, 32);
  } else {
    exchange(answer + GP_BLIND_HEADER_SIZE + 32, answer + GP_BLIND_HEADER_SIZE + 64, 32);
  }
}

static void answer_short(owner *self, uint8_t *answer, size_t *size) {
  (void)self;
  (void)answer;
  *size -= 32;
}

static void answer_long(owner *self, uint8_t *answer, size_t *size) {
  (void)self;
  (void)answer;
  *size += 1;
}

/* What another key makes of it, under this one's name. */
static void answer_of_another(owner *self, uint8_t *answer, size_t *size) {
  uint8_t request[512];
  const gp_public_key other = public_of(self->other);
  const gp_public_key own = public_of(self->key);
  const size_t request_size = *size - GP_BLIND_PROOF_SIZE;
  assert_true(request_size <= sizeof request);
  memcpy(request, answer, request_size); /* any elements do */
  request[5] = 'Q';
  memcpy(request + 16, other.commitment, 8);
  assert_ok(gp_blind_answer(self->other, request, request_size, NULL, answer, error));
  memcpy(answer + 16, own.commitment, 8);
}

static void owners_that_lie(void **state) {
  (void)state;
  static void (*const lies[])(owner *, uint8_t *, size_t *) = {
      answer_replayed, answer_swapped, answer_short, answer_long, answer_of_another};
  specimen *one = new_specimen();
  gp_key *other = NULL;
  const gp_params params = gp_params_default();
  assert_ok(gp_key_generate_provable(&params, &other, error));
  const size_t requests = (one->contexts + 9) / 10 + 1; /* the last is for the fold */
  for (size_t lie = 0; lie < sizeof lies / sizeof *lies; lie++) {
    for (size_t at = 0; at < requests; at++) {
      owner asked = {.key = one->key, .at = at, .tamper = lies[lie], .other = other};
      gp_error error = {0};
      gp_proof_info info = {.contexts = 77};
      const gp_status status = gp_prove_blind(&one->public_key, one->read, NULL, 10, carry,
                                              &asked, path, &info, &error);
      assert_int_equal(status, lies[lie] == answer_long ? GP_ERR_ARGUMENT : GP_ERR_FORMAT);
      assert_true(error.message[0] != '\0');
      assert_int_equal(asked.requests, at + 1); /* he is not asked again */
      assert_int_equal(info.contexts, 77);
      assert_int_equal(access(path, F_OK), -1);
      free(asked.kept);
    }
  }
  gp_key_free(other);
  free_specimen(one);
}

static void lines_that_are_cut(void **state) {
  (void)state;
  specimen *one = new_specimen();
  const size_t requests = (one->contexts + 9) / 10 + 1;
  for (size_t at = 0; at < requests; at++) {
    owner asked = {.key = one->key, .at = at, .fails = GP_ERR_IO};
    assert_fails(
        gp_prove_blind(&one->public_key, one->read, NULL, 10, carry, &asked, path, NULL, error),
        GP_ERR_IO, "the line was cut");
    assert_int_equal(access(path, F_OK), -1);
  }
  free_specimen(one);
}

/* ------------------------------------------------------------------ refused at once */

static void refused_before_asking(void **state) {
  (void)state;
  specimen *one = new_specimen();
  const gp_public_key *key = &one->public_key;
  owner asked = {.key = one->key};
  static const uint8_t anything[] = "what was there before";
  bytes_to_file(path, anything, sizeof anything);
  assert_int_equal(gp_prove_blind(key, one->read, NULL, 10, carry, &asked, path, NULL, NULL),
                   GP_ERR_EXISTS);
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(path, &size);
  assert_int_equal(size, sizeof anything);
  assert_memory_equal(bytes, anything, size);
  free(bytes);
  assert_int_equal(unlink(path), 0);
  const gp_proof_options odd = {.sample = 1025};
  assert_fails(gp_prove_blind(key, one->read, &odd, 10, carry, &asked, path, NULL, error),
               GP_ERR_ARGUMENT,
               "sample: a power of two from 1024 on, or 0 for all contexts, not 1025");
  assert_fails(gp_prove_blind(key, one->read, NULL, 0, carry, &asked, path, NULL, error),
               GP_ERR_ARGUMENT, "per_request: must be 1 to 65535, not 0");
  assert_fails(gp_prove_blind(key, one->read, NULL, 65536, carry, &asked, path, NULL, error),
               GP_ERR_ARGUMENT, "per_request: must be 1 to 65535, not 65536");
  gp_key *stranger = NULL;
  const gp_params params = gp_params_default();
  assert_ok(gp_key_generate_provable(&params, &stranger, error));
  gp_public_key strangers = public_of(stranger);
  assert_fails(gp_prove_blind(&strangers, one->read, NULL, 9, carry, &asked, path, NULL, error),
               GP_ERR_ARGUMENT, "the text was read for another key");
  memcpy(strangers.element, key->element, GP_ELEMENT_SIZE);
  assert_int_equal(
      gp_prove_blind(&strangers, one->read, NULL, 9, carry, &asked, path, NULL, NULL),
      GP_ERR_ARGUMENT);
  assert_fails(gp_prove_blind(NULL, one->read, NULL, 9, carry, &asked, path, NULL, error),
               GP_ERR_ARGUMENT, "gp_prove_blind: public_key must not be NULL");
  assert_fails(gp_prove_blind(key, NULL, NULL, 9, carry, &asked, path, NULL, error),
               GP_ERR_ARGUMENT, "gp_prove_blind: text must not be NULL");
  assert_fails(gp_prove_blind(key, one->read, NULL, 9, NULL, &asked, path, NULL, error),
               GP_ERR_ARGUMENT, "gp_prove_blind: transport must not be NULL");
  assert_fails(gp_prove_blind(key, one->read, NULL, 9, carry, &asked, NULL, NULL, error),
               GP_ERR_ARGUMENT, "gp_prove_blind: path must not be NULL");
  assert_int_equal(asked.requests, 0);
  assert_int_equal(access(path, F_OK), -1);
  gp_key_free(stranger);
  free_specimen(one);
}

/* --------------------------------------------------------------- another's words */

/* Whoever may ask the owner cannot have him prove what would pass for the owner's own file: he
 * takes M of a file that does not say that it is blind, and has it evaluated as it is. */
static void not_the_owners_own(void **state) {
  (void)state;
  specimen *one = new_specimen();
  const size_t end = HEADER + one->contexts * GP_ELEMENT_SIZE;
  begin(one);
  one->bad[AT_FLAGS] = 0;
  const size_t input_size = gp_proof_text_inputs(one->read, NULL, NULL);
  uint8_t *inputs = malloc(one->contexts * input_size);
  element_of_test *elements = malloc(one->contexts * sizeof *elements);
  assert_non_null(inputs);
  assert_non_null(elements);
  (void)gp_proof_text_inputs(one->read, NULL, inputs);
  for (size_t i = 0; i < one->contexts; i++) {
    assert_ok(gp_vrf_hash_to_group(GP_VRF_VOPRF, inputs + i * input_size, input_size, elements[i],
                                   error));
  }
  const gp_vrf_subject subject = {one->public_key.element, one->bad, HEADER, NULL};
  gp_vrf_pair pair;
  assert_ok(gp_vrf_fold(&subject, (const element_of_test *)elements,
                        (const element_of_test *)(one->bad + HEADER), one->contexts, NULL, &pair,
                        error));
  uint8_t request[GP_BLIND_REQUEST_SIZE(1)];
  uint8_t answer[GP_BLIND_ANSWER_SIZE(1)];
  gp_blind_header_write(GP_BLIND_REQUEST, 1, one->public_key.commitment, request);
  memcpy(request + GP_BLIND_HEADER_SIZE, pair.element, sizeof pair.element);
  assert_ok(gp_blind_answer(one->key, request, sizeof request, NULL, answer, error));
  assert_memory_equal(answer + GP_BLIND_HEADER_SIZE, pair.evaluated, sizeof pair.evaluated);
  memcpy(one->bad + end, answer + GP_BLIND_REQUEST_SIZE(1), DLEQ);
  one->bad_size = end + DLEQ + CHECKSUM;
  assert_refused(one, not_what_it_makes);
  free(inputs);
  free(elements);
  free_specimen(one);
}

static int set_up(void **state) {
  (void)state;
  seed = test_seed();
  if (mkdtemp(folder) == NULL || gp_thread_pool_new(2, &pool, NULL) != GP_OK) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/proof.gpp", folder);
  (void)snprintf(other_path, sizeof other_path, "%s/other.gpp", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  gp_thread_pool_free(pool);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trips),
      cmocka_unit_test(samples),
      cmocka_unit_test(nothing_to_prove),
      cmocka_unit_test(blinds_are_fresh),
      cmocka_unit_test(any_bit),
      cmocka_unit_test(every_length),
      cmocka_unit_test(flags),
      cmocka_unit_test(headers),
      cmocka_unit_test(elements),
      cmocka_unit_test(blinds_and_proofs),
      cmocka_unit_test(other_texts_and_keys),
      cmocka_unit_test(two_batches),
      cmocka_unit_test(owners_that_lie),
      cmocka_unit_test(lines_that_are_cut),
      cmocka_unit_test(refused_before_asking),
      cmocka_unit_test(not_the_owners_own),
  };
  return cmocka_run_group_tests_name("proof_blind", tests, set_up, tear_down);
}

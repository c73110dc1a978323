/*
 * What a proof must not get past its check: every way of making it say something else, with the
 * checksum made right again, is refused, and for what it is.
 */
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "proof_support.h"

enum {
  AT_VERSION = 8,
  AT_FLAGS = 9,
  AT_RESERVED = 10,
  AT_SCHEME = 12,
  AT_PARAMS = 28,
  AT_ELEMENT = 32,
  AT_TENANT = 64,
  AT_TEXT = 72,
  AT_TOKENIZER = 104,
  AT_DOCUMENTS = 136,
  AT_TOKENS = 144,
  AT_CONTEXTS = 152,
  AT_PROVED = 160,
  HEADER = 168,
  DLEQ = 64,
  CHECKSUM = 32,
  SIZE_MAX_HERE = 8192
};

static const char not_what_it_makes[] =
    "the proof does not hold: the evaluated elements are not what the key makes of the contexts";
static const char damaged[] = "the checksum does not match: the proof is damaged; get it again";
static const char cut_off[] = "the proof is cut off";
static const char behind_end[] = "the proof has bytes behind its end";
static const char other_counts[] =
    "the proof does not hold: its counts are not those of the text";
static const char contradict[] = "the counts of the proof contradict each other";

static char folder[] = "/tmp/greenprint-refusals-XXXXXX";
static char path[64];
static gp_key *key;
static gp_public_key public_key;
static documents text;
static gp_proof_text *read_text;

/* A good proof of `text` for tenant 7, and what is made of it. */
static uint8_t good[SIZE_MAX_HERE];
static size_t good_size;
static size_t n_contexts;
static uint8_t bad[SIZE_MAX_HERE];
static size_t bad_size;

static void begin(void) {
  memcpy(bad, good, good_size);
  bad_size = good_size;
}

static uint8_t *element_at(size_t i) {
  return bad + HEADER + 32 * i;
}

static uint8_t *dleq_of_bad(void) {
  return bad + bad_size - CHECKSUM - DLEQ;
}

static void seal(void) {
  crypto_hash_sha256(bad + bad_size - CHECKSUM, bad, bad_size - CHECKSUM);
}

static gp_status check_as(const gp_public_key *as, const gp_proof_text *of,
                          const gp_proof_options *options, gp_error *error) {
  bytes_to_file(path, bad, bad_size);
  gp_proof_info info;
  gp_proof_info before;
  memset(&info, 0x5A, sizeof info);
  memcpy(&before, &info, sizeof info);
  gp_key *scoring = NULL;
  const gp_status status = gp_proof_check(path, as, of, options, &info, &scoring, error);
  assert_int_equal(scoring != NULL, status == GP_OK);
  if (status != GP_OK) {
    assert_memory_equal(&info, &before, sizeof info);
  }
  gp_key_free(scoring);
  assert_int_equal(unlink(path), 0);
  return status;
}

static gp_status check(gp_error *error) {
  return check_as(&public_key, read_text, NULL, error);
}

static void assert_refused_as(const gp_public_key *as, const gp_proof_text *of,
                              const gp_proof_options *options, gp_status status,
                              const char *what) {
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%s: %s", path, what);
  assert_fails(check_as(as, of, options, error), status, message);
}

/* As it is, and with the checksum made right. */
static void assert_refused(gp_status status, const char *what) {
  seal();
  assert_refused_as(&public_key, read_text, NULL, status, what);
}

/* ------------------------------------------------------------------------ bytes */

static void the_good_one(void **state) {
  (void)state;
  begin();
  assert_ok(check(error));
  assert_int_equal(good_size, HEADER + 32 * n_contexts + DLEQ + CHECKSUM);
}

/* Any bit that is flipped anywhere is damage. */
static void any_bit(void **state) {
  (void)state;
  for (size_t i = 0; i < good_size; i++) {
    begin();
    bad[i] ^= (uint8_t)(1U << i % 8);
    gp_error error;
    const gp_status status = check(&error);
    if (status != GP_ERR_FORMAT && status != GP_ERR_VERSION) {
      fail_msg("byte %zu: %d", i, (int)status);
    }
    if (i >= HEADER) {
      assert_non_null(strstr(error.message, damaged));
    }
  }
}

static void every_length(void **state) {
  (void)state;
  for (size_t size = 0; size < good_size; size++) {
    begin();
    bad_size = size;
    if (size >= HEADER + CHECKSUM &&
        size % 8 == 0) { /* whoever cuts it off can make a checksum */
      seal();
    }
    assert_refused_as(&public_key, read_text, NULL, GP_ERR_FORMAT,
                      size < 8 ? "not a Greenprint proof" : cut_off);
  }
  for (size_t more = 1; more < 70; more++) {
    begin();
    memset(bad + bad_size, 0, more);
    bad_size += more;
    if (more % 2 == 0) {
      seal();
    }
    assert_refused_as(&public_key, read_text, NULL, GP_ERR_FORMAT, behind_end);
  }
}

/* ----------------------------------------------------------------------- header */

/* What has to be said of a byte of the header that was altered. */
static const char *answer_to(size_t at) {
  return at < AT_VERSION     ? "not a Greenprint proof"
         : at < AT_FLAGS     ? "; this library reads version 2"
         : at < AT_SCHEME    ? "the header of the proof contradicts itself"
         : at < AT_PARAMS    ? "; this library has only greenprint-1 and greenprint-1v"
         : at < AT_ELEMENT   ? "" /* parameters: not any, or others */
         : at < AT_TENANT    ? "" /* no element, or that of another key */
         : at < AT_TEXT      ? not_what_it_makes
         : at < AT_TOKENIZER ? "it is of another text, or of the same in another order"
         : at < AT_DOCUMENTS ? "it was made with another tokenizer"
         : at < AT_TOKENS    ? other_counts
                             : ""; /* counts that contradict each other, the file, or the text */
}

static void every_byte_of_the_header(void **state) {
  (void)state;
  static const uint8_t changes[] = {1, 0x80, 0xFF};
  const size_t n_changes = tests_are_short() ? 1 : sizeof changes;
  for (size_t at = 0; at < HEADER; at++) {
    for (size_t c = 0; c < n_changes; c++) {
      begin();
      bad[at] ^= changes[c];
      seal();
      gp_error error;
      const gp_status status = check(&error);
      if (status != GP_ERR_FORMAT && status != GP_ERR_VERSION) {
        fail_msg("byte %zu, %d: status %d", at, changes[c], (int)status);
      }
      const char *answer = at >= AT_TOKENIZER && at < AT_DOCUMENTS
                               ? "it was made with a tokenizer: give that"
                               : answer_to(at);
      if (strstr(error.message, answer) == NULL || strstr(error.message, damaged) != NULL) {
        fail_msg("byte %zu, %d: %s", at, changes[c], error.message);
      }
    }
  }
}

static void versions_and_schemes(void **state) {
  (void)state;
  for (uint8_t version = 0; version < 4; version++) { /* the weights of 1 could be cheated */
    char message[64];
    if (version != 2) {
      begin();
      bad[AT_VERSION] = version;
      (void)snprintf(message, sizeof message, "proof version %d; this library reads version 2",
                     (int)version);
      assert_refused(GP_ERR_VERSION, message);
    }
  }
  begin();
  memcpy(bad + AT_SCHEME, "greenprint-2v", 13);
  assert_refused(GP_ERR_VERSION, "scheme 'greenprint-2v'; this library has only greenprint-1 and "
                                 "greenprint-1v");
  begin();
  bad[AT_SCHEME + 12] = 0; /* greenprint-1 proves nothing */
  assert_refused(GP_ERR_FORMAT, "the header of the proof contradicts itself");
  begin();
  bad[AT_FLAGS] = 0; /* but a tenant */
  assert_refused(GP_ERR_FORMAT, "the header of the proof contradicts itself");
}

static void keys_in_the_header(void **state) {
  (void)state;
  begin();
  memset(bad + AT_ELEMENT, 0, 32);
  assert_refused(GP_ERR_FORMAT, "the public key is not an element of ristretto255");
  begin();
  bad[AT_ELEMENT + 31] ^= 0x80;
  assert_refused(GP_ERR_FORMAT, "the public key is not an element of ristretto255");
  begin();
  crypto_core_ristretto255_random(bad + AT_ELEMENT);
  assert_refused(GP_ERR_FORMAT, "the proof does not hold: it was made with another key");
  begin();
  bad[AT_PARAMS + 1] = 3; /* h */
  assert_refused(GP_ERR_FORMAT, "the proof does not hold: it was made for other parameters");
  begin();
  bad[AT_PARAMS + 2] = 3; /* gamma 3/4 */
  assert_refused(GP_ERR_FORMAT, "the proof does not hold: it was made for other parameters");
  begin();
  bad[AT_PARAMS + 3] = 9;
  seal();
  gp_error error;
  assert_int_equal(check(&error), GP_ERR_FORMAT);
  assert_non_null(strstr(error.message, ": bad parameters: "));
}

static void tenants(void **state) {
  (void)state;
  begin();
  gp_store_le64(bad + AT_TENANT, 8);
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  begin();
  gp_store_le64(bad + AT_TENANT, 0); /* tenant 0 */
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  bad[AT_FLAGS] = 0; /* no tenant */
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
}

static void counts(void **state) {
  (void)state;
  const struct {
    size_t at;
    uint64_t value;
    const char *what;
  } cases[] = {
      {AT_DOCUMENTS, text.count + 1, other_counts},
      {AT_DOCUMENTS, UINT64_MAX, other_counts},
      {AT_TOKENS, UINT64_MAX, other_counts},
      {AT_TOKENS, 1, contradict},
      {AT_CONTEXTS, n_contexts - 1, contradict},
      {AT_CONTEXTS, n_contexts + 1, "the proof is of a sample of a size that none has"},
      {AT_PROVED, n_contexts - 1, "the proof is of a sample of a size that none has"},
      {AT_PROVED, 0, "the proof is of a sample of a size that none has"},
      {AT_PROVED, n_contexts + 1, contradict},
      {AT_PROVED, UINT64_MAX, contradict},
      {AT_CONTEXTS, UINT64_MAX, contradict},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    begin();
    gp_store_le64(bad + cases[i].at, cases[i].value);
    assert_refused(GP_ERR_FORMAT, cases[i].what);
  }
  /* Counts that agree with each other, but with nothing else. */
  static const struct {
    uint64_t contexts;
    uint64_t proved;
    const char *what;
  } liars[] = {
      {1024, 1024, cut_off},
      {UINT32_MAX - 1, UINT32_MAX - 1, cut_off},
      {4096, 1024, cut_off},
      {UINT32_MAX - 1, UINT32_C(1) << 31, cut_off},
      {UINT32_MAX, UINT32_MAX, contradict},
      {0, 0, behind_end},
      {UINT64_MAX, 1024, contradict},
      {2000, 1536, "the proof is of a sample of a size that none has"},
  };
  for (size_t i = 0; i < sizeof liars / sizeof *liars; i++) {
    begin();
    gp_store_le64(bad + AT_TOKENS, UINT64_MAX);
    gp_store_le64(bad + AT_CONTEXTS, liars[i].contexts);
    gp_store_le64(bad + AT_PROVED, liars[i].proved);
    assert_refused(GP_ERR_FORMAT, liars[i].what);
  }
}

/* A file as large as its counts, of a text as large as them: nothing is allocated for it. */
static void liars_get_no_memory(void **state) {
  (void)state;
  enum {
    CLAIMED = 1 << 20
  };
  const size_t size = HEADER + (size_t)32 * CLAIMED + (size_t)DLEQ * CLAIMED / 32768 + CHECKSUM;
  uint8_t *file = calloc(size, 1);
  assert_non_null(file);
  memcpy(file, good, HEADER);
  gp_store_le64(file + AT_TOKENS, 2 * CLAIMED);
  gp_store_le64(file + AT_CONTEXTS, CLAIMED);
  gp_store_le64(file + AT_PROVED, CLAIMED);
  crypto_hash_sha256(file + size - CHECKSUM, file, size - CHECKSUM);
  bytes_to_file(path, file, size);
  free(file);
  struct rusage before;
  struct rusage after;
  gp_proof_info info;
  gp_key *scoring = NULL;
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%s: %s", path, other_counts);
  assert_ok(gp_proof_inspect(path, &info, error)); /* it says what the file claims */
  assert_int_equal(info.contexts, CLAIMED);
  assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
  assert_fails(gp_proof_check(path, &public_key, read_text, NULL, &info, &scoring, error),
               GP_ERR_FORMAT, message);
  assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
  assert_true(after.ru_maxrss - before.ru_maxrss < 1024); /* KiB, where 32 MiB are claimed */
  assert_int_equal(unlink(path), 0);
}

/* --------------------------------------------------------------------- elements */

static void move_elements(void **state) {
  (void)state;
  uint8_t kept[32];
  for (size_t i = 0; i < n_contexts; i += 9) { /* dropped, the counts being as they were */
    begin();
    memmove(element_at(i), element_at(i + 1), good_size - HEADER - 32 * (i + 1));
    bad_size -= 32;
    assert_refused(GP_ERR_FORMAT, cut_off);
    gp_store_le64(bad + AT_PROVED, n_contexts - 1); /* and altered with it */
    assert_refused(GP_ERR_FORMAT, "the proof is of a sample of a size that none has");
    gp_store_le64(bad + AT_CONTEXTS, n_contexts - 1);
    assert_refused(GP_ERR_FORMAT, other_counts);
  }
  for (size_t i = 0; i <= n_contexts; i += 9) { /* added: a copy of the one there */
    begin();
    memmove(element_at(i + 1), element_at(i), good_size - HEADER - 32 * i);
    if (i > 0) {
      memcpy(element_at(i), element_at(i - 1), 32);
    }
    bad_size += 32;
    assert_refused(GP_ERR_FORMAT, behind_end);
    gp_store_le64(bad + AT_CONTEXTS, n_contexts + 1);
    gp_store_le64(bad + AT_PROVED, n_contexts + 1);
    assert_refused(GP_ERR_FORMAT, other_counts);
  }
  for (size_t i = 1; i < n_contexts; i += 7) { /* swapped, and one twice in another's place */
    begin();
    memcpy(kept, element_at(i), 32);
    memcpy(element_at(i), element_at(0), 32);
    assert_refused(GP_ERR_FORMAT, not_what_it_makes);
    memcpy(element_at(0), kept, 32);
    assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  }
}

static void alter_elements(void **state) {
  (void)state;
  static const uint8_t identity[32] = {0};
  for (size_t i = 0; i < n_contexts; i += 11) {
    char message[256];
    (void)snprintf(message, sizeof message,
                   "evaluated element %zu of the proof's %zu: not the encoding of an element of "
                   "ristretto255",
                   i, n_contexts);
    begin();
    memcpy(element_at(i), identity, 32);
    assert_refused(GP_ERR_FORMAT, message);
    begin();
    element_at(i)[31] |= 0x80; /* the same element to libsodium */
    assert_refused(GP_ERR_FORMAT, message);
    begin();
    element_at(i)[0] |= 1; /* negative */
    assert_refused(GP_ERR_FORMAT, message);
    begin();
    memset(element_at(i), 0xFF, 32);
    element_at(i)[31] = 0x7F; /* above p */
    assert_refused(GP_ERR_FORMAT, message);
    begin();
    crypto_core_ristretto255_random(element_at(i)); /* one that is one */
    assert_refused(GP_ERR_FORMAT, not_what_it_makes);
    begin();
    assert_int_equal(
        crypto_core_ristretto255_add(element_at(i), element_at(i), good + HEADER + 32 * i), 0);
    assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  }
  /* What one gains the other loses, so that their sum stays. */
  begin();
  uint8_t some[32];
  crypto_core_ristretto255_random(some);
  assert_int_equal(crypto_core_ristretto255_add(element_at(0), element_at(0), some), 0);
  assert_int_equal(crypto_core_ristretto255_sub(element_at(1), element_at(1), some), 0);
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
}

static void alter_the_dleq(void **state) {
  (void)state;
  static const char scalars[] = "proof: its scalars must be from 1 to the group's order less 1";
  for (size_t bit = 0; bit < (size_t)8 * DLEQ; bit += 13) {
    begin();
    dleq_of_bad()[bit / 8] ^= (uint8_t)(1U << bit % 8);
    seal();
    gp_error error;
    assert_int_equal(check(&error), GP_ERR_FORMAT);
    assert_true(strstr(error.message, not_what_it_makes) != NULL ||
                strstr(error.message, scalars) != NULL);
  }
  for (size_t half = 0; half < DLEQ; half += 32) {
    begin();
    memset(dleq_of_bad() + half, 0, 32);
    assert_refused(GP_ERR_FORMAT, scalars);
    memset(dleq_of_bad() + half, 0xFF, 32);
    assert_refused(GP_ERR_FORMAT, scalars);
  }
  begin();
  uint8_t kept[32];
  memcpy(kept, dleq_of_bad(), 32);
  memcpy(dleq_of_bad(), dleq_of_bad() + 32, 32);
  memcpy(dleq_of_bad() + 32, kept, 32);
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
}

/* ----------------------------------------------------------- what it is not a proof of */

static void assert_not_of(const documents *other) {
  gp_proof_text *read = text_for(&public_key, other);
  begin();
  assert_refused_as(
      &public_key, read, NULL, GP_ERR_FORMAT,
      "the proof does not hold: it is of another text, or of the same in another order");
  gp_proof_text_free(read);
}

static void other_texts(void **state) {
  (void)state;
  documents other = text;
  other.tokens[0] = text.tokens[1]; /* another order */
  other.lengths[0] = text.lengths[1];
  other.tokens[1] = text.tokens[0];
  other.lengths[1] = text.lengths[0];
  assert_not_of(&other);
  other = text;
  other.count--; /* without the last */
  assert_not_of(&other);
  other = text;
  other.lengths[other.count] = 0; /* with an empty one more */
  other.tokens[other.count++] = text.tokens[0];
  assert_not_of(&other);
  other = text;
  other.lengths[0]--; /* the last id cut off */
  assert_not_of(&other);
  other = text;
  text.tokens[0][5] ^= 1;
  assert_not_of(&other);
  text.tokens[0][5] ^= 1;
  /* Two documents for one: the ids are the same. */
  other = text;
  other.lengths[0] = 10;
  other.lengths[other.count] = text.lengths[0] - 10;
  other.tokens[other.count++] = text.tokens[0] + 10;
  assert_not_of(&other);
  documents none = {0};
  assert_not_of(&none);
  begin();
  assert_ok(check(error));
}

/* A good proof of one thing presented as one of another: whatever of its header has to be
 * altered for that. */
static void other_proofs(void **state) {
  (void)state;
  documents other = {0};
  for (size_t d = 0; d < text.count; d++) { /* as many contexts, all of them others */
    uint32_t *tokens = add_document(&other, text.lengths[d]);
    for (size_t i = 0; i < text.lengths[d]; i++) {
      tokens[i] = text.tokens[d][i] + 1000;
    }
  }
  gp_proof_text *read = text_for(&public_key, &other);
  const gp_proof_options options = {.has_tenant = true, .tenant = 7};
  assert_ok(gp_prove(key, read, &options, path, NULL, error));
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(path, &size);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(size, good_size);
  const size_t at_dleq = size - CHECKSUM - DLEQ;
  memcpy(bad, bytes, size);
  bad_size = size;
  assert_ok(check_as(&public_key, read, NULL, error)); /* it is good for its own text */
  memcpy(bad, good, HEADER);                           /* with the header of the first */
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  begin();
  memcpy(bad + at_dleq, bytes + at_dleq, DLEQ); /* its DLEQ proof */
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  begin();
  memcpy(bad + HEADER, bytes + HEADER, at_dleq - HEADER); /* its elements */
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  free(bytes);
  /* Of the same text, for another tenant: both sound, and no parts of each other. */
  gp_proof_text_free(read);
  free_documents(&other);
  const gp_proof_options as_eight = {.has_tenant = true, .tenant = 8};
  assert_ok(gp_prove(key, read_text, &as_eight, path, NULL, error));
  bytes = bytes_of_file(path, &size);
  assert_int_equal(unlink(path), 0);
  memcpy(bad, bytes, size);
  assert_ok(check(error));
  memcpy(bad, good, HEADER);
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  free(bytes);
}

static void other_keys(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  gp_key *stranger = NULL;
  assert_ok(gp_key_generate_provable(&params, &stranger, error));
  const gp_public_key strangers = public_of(stranger);
  gp_proof_text *read = text_for(&strangers, &text);
  begin();
  assert_refused_as(&strangers, read, NULL, GP_ERR_FORMAT,
                    "the proof does not hold: it was made with another key");
  /* His proof under our key's name. */
  const gp_proof_options options = {.has_tenant = true, .tenant = 7};
  assert_ok(gp_prove(stranger, read, &options, path, NULL, error));
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(path, &size);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(size, good_size);
  memcpy(bad, bytes, size);
  assert_ok(check_as(&strangers, read, NULL, error));
  memcpy(bad + AT_ELEMENT, public_key.element, GP_ELEMENT_SIZE);
  assert_refused(GP_ERR_FORMAT, not_what_it_makes);
  /* A text that was read for another key. */
  static const char message[] = "the text was read for another key";
  gp_proof_info info;
  gp_key *scoring = NULL;
  bytes_to_file(path, good, good_size);
  assert_fails(gp_proof_check(path, &public_key, read, NULL, &info, &scoring, error),
               GP_ERR_ARGUMENT, message);
  assert_fails(gp_proof_check(path, &strangers, read_text, NULL, &info, &scoring, error),
               GP_ERR_ARGUMENT, message);
  assert_int_equal(unlink(path), 0);
  assert_fails(gp_prove(key, read, NULL, path, NULL, error), GP_ERR_ARGUMENT, message);
  /* A public key whose members do not belong together. */
  gp_public_key mixed = public_key;
  memcpy(mixed.element, strangers.element, GP_ELEMENT_SIZE);
  gp_proof_text *none = NULL;
  assert_fails(gp_proof_text_new(&mixed, &none, error), GP_ERR_ARGUMENT,
               "the commitment does not belong to the public key and its parameters");
  assert_null(none);
  assert_refused_as(&mixed, read_text, NULL, GP_ERR_FORMAT,
                    "the proof does not hold: it was made with another key");
  free(bytes);
  gp_proof_text_free(read);
  gp_key_free(stranger);
}

static void tokenizers(void **state) {
  (void)state;
  uint8_t one[32];
  uint8_t other[32];
  memset(one, 1, sizeof one);
  memset(other, 2, sizeof other);
  const gp_proof_options with_one = {.tokenizer_sha256 = one};
  const gp_proof_options with_other = {.tokenizer_sha256 = other};
  begin();
  assert_refused_as(&public_key, read_text, &with_one, GP_ERR_FORMAT,
                    "the proof does not hold: it was made without a tokenizer");
  memcpy(bad + AT_TOKENIZER, one, sizeof one);
  seal();
  assert_refused_as(&public_key, read_text, &with_one, GP_ERR_FORMAT, not_what_it_makes);
  assert_refused_as(&public_key, read_text, &with_other, GP_ERR_FORMAT,
                    "the proof does not hold: it was made with another tokenizer");
  assert_refused_as(&public_key, read_text, NULL, GP_ERR_FORMAT,
                    "the proof does not hold: it was made with a tokenizer: give that");
}

/* A proof of a sample does not pass for one of another sample, or of everything. */
static void other_samples(void **state) {
  (void)state;
  enum {
    IDS = 1030
  };
  const gp_params params = {GP_SEEDING_HASH, 1, 1, 2};
  gp_key *short_key = test_provable_key(&params);
  const gp_public_key as = public_of(short_key);
  documents one = {0};
  documents two = {0};
  uint32_t *ids = add_document(&one, IDS);
  uint32_t *same = add_document(&two, IDS);
  for (uint32_t i = 0; i < IDS; i++) {
    ids[i] = i;
    same[i] = i;
  }
  same[IDS - 1] = 0; /* the same contexts, in the same order, of another text */
  gp_proof_text *read = text_for(&as, &one);
  gp_proof_text *other = text_for(&as, &two);
  const gp_proof_options options = {.sample = 1024};
  gp_proof_info info;
  assert_ok(gp_prove(short_key, read, &options, path, &info, error));
  assert_int_equal(info.contexts, IDS - 1);
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(path, &size);
  assert_int_equal(unlink(path), 0);
  uint8_t digest[32];
  assert_ok(gp_prove(short_key, other, &options, path, &info, error));
  assert_int_equal(unlink(path), 0);
  memcpy(digest, info.text_sha256, sizeof digest);
  memcpy(bytes + AT_TEXT, digest, sizeof digest);
  crypto_hash_sha256(bytes + size - CHECKSUM, bytes, size - CHECKSUM);
  bytes_to_file(path, bytes, size);
  gp_key *scoring = NULL;
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%s: %s", path, not_what_it_makes);
  assert_fails(gp_proof_check(path, &as, other, NULL, &info, &scoring, error), GP_ERR_FORMAT,
               message);
  gp_store_le64(bytes + AT_CONTEXTS, 1024); /* as if the sample were everything */
  crypto_hash_sha256(bytes + size - CHECKSUM, bytes, size - CHECKSUM);
  bytes_to_file(path, bytes, size);
  (void)snprintf(message, sizeof message, "%s: %s", path, other_counts);
  assert_fails(gp_proof_check(path, &as, other, NULL, &info, &scoring, error), GP_ERR_FORMAT,
               message);
  assert_int_equal(unlink(path), 0);
  free(bytes);
  gp_proof_text_free(read);
  gp_proof_text_free(other);
  free_documents(&one);
  free_documents(&two);
  gp_key_free(short_key);
}

/* ---------------------------------------------------------------------- arguments */

static void proving_is_refused(void **state) {
  (void)state;
  gp_key *ordinary = test_key(NULL);
  char message[GP_ERROR_MESSAGE_SIZE];
  assert_fails(
      gp_prove(ordinary, read_text, NULL, path, NULL, error), GP_ERR_ARGUMENT,
      "a key of greenprint-1 has no public key: make a provable one (keygen --provable)");
  gp_key_free(ordinary);
  assert_int_equal(access(path, F_OK), -1);
  bytes_to_file(path, (const uint8_t *)"mine", 4);
  (void)snprintf(message, sizeof message,
                 "%s: exists already; a proof is never overwritten: choose another name", path);
  assert_fails(gp_prove(key, read_text, NULL, path, NULL, error), GP_ERR_EXISTS, message);
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(path, &size);
  assert_int_equal(size, 4);
  free(bytes);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(gp_prove(key, read_text, NULL, "/nowhere/at/all", NULL, NULL), GP_ERR_IO);
  assert_fails(gp_prove(NULL, read_text, NULL, path, NULL, error), GP_ERR_ARGUMENT,
               "gp_prove: key must not be NULL");
  assert_fails(gp_prove(key, NULL, NULL, path, NULL, error), GP_ERR_ARGUMENT,
               "gp_prove: text must not be NULL");
  assert_fails(gp_prove(key, read_text, NULL, NULL, NULL, error), GP_ERR_ARGUMENT,
               "gp_prove: path must not be NULL");
}

static void files_that_are_none(void **state) {
  (void)state;
  gp_proof_info info;
  gp_key *scoring = NULL;
  char message[GP_ERROR_MESSAGE_SIZE];
  (void)snprintf(message, sizeof message, "%s: cannot open the proof: No such file or directory",
                 path);
  assert_fails(gp_proof_check(path, &public_key, read_text, NULL, &info, &scoring, error),
               GP_ERR_IO, message);
  assert_fails(gp_proof_inspect(path, &info, error), GP_ERR_IO, message);
  assert_fails(gp_proof_inspect("/tmp", &info, error), GP_ERR_IO,
               "/tmp: a proof has to be a regular file");
  assert_fails(gp_proof_inspect("/dev/zero", &info, error), GP_ERR_IO,
               "/dev/zero: a proof has to be a regular file");
  assert_int_equal(mkfifo(path, 0600), 0); /* into which nobody writes */
  (void)snprintf(message, sizeof message, "%s: a proof has to be a regular file", path);
  assert_fails(gp_proof_inspect(path, &info, error), GP_ERR_IO, message);
  assert_int_equal(unlink(path), 0);
  static const char page[] = "<html>something else that is as long as a header of a proof, and "
                             "then some, so that it could be one if it were one, but it is "
                             "plainly not, as everybody can see who looks at it</html>";
  bytes_to_file(path, (const uint8_t *)page, sizeof page);
  (void)snprintf(message, sizeof message, "%s: not a Greenprint proof", path);
  assert_fails(gp_proof_inspect(path, &info, error), GP_ERR_FORMAT, message);
  bytes_to_file(path, (const uint8_t *)page, 50);
  assert_fails(gp_proof_inspect(path, &info, error), GP_ERR_FORMAT, message);
  assert_int_equal(unlink(path), 0);
  assert_fails(gp_proof_inspect(NULL, &info, error), GP_ERR_ARGUMENT,
               "gp_proof_inspect: path must not be NULL");
  assert_fails(gp_proof_check(path, &public_key, read_text, NULL, NULL, &scoring, error),
               GP_ERR_ARGUMENT, "gp_proof_check: info must not be NULL");
  assert_fails(gp_proof_check(path, &public_key, read_text, NULL, &info, NULL, error),
               GP_ERR_ARGUMENT, "gp_proof_check: key must not be NULL");
  assert_null(scoring);
}

static int set_up(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/proof.gpp", folder);
  uint64_t random = test_seed();
  key = test_provable_key(NULL);
  public_key = public_of(key);
  add_random(&text, 30, 50, &random);
  add_random(&text, 10, 50, &random);
  add_random(&text, 0, 50, &random);
  add_random(&text, 15, 1U << 30, &random);
  read_text = text_for(&public_key, &text);
  const gp_proof_options options = {.has_tenant = true, .tenant = 7};
  gp_proof_info info;
  assert_ok(gp_prove(key, read_text, &options, path, &info, error));
  uint8_t *bytes = bytes_of_file(path, &good_size);
  assert_true(good_size + 100 < sizeof good);
  memcpy(good, bytes, good_size);
  free(bytes);
  n_contexts = info.contexts;
  assert_true(n_contexts > 30);
  return unlink(path);
}

static int tear_down(void **state) {
  (void)state;
  gp_proof_text_free(read_text);
  free_documents(&text);
  gp_key_free(key);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_good_one),
      cmocka_unit_test(any_bit),
      cmocka_unit_test(every_length),
      cmocka_unit_test(every_byte_of_the_header),
      cmocka_unit_test(versions_and_schemes),
      cmocka_unit_test(keys_in_the_header),
      cmocka_unit_test(tenants),
      cmocka_unit_test(counts),
      cmocka_unit_test(liars_get_no_memory),
      cmocka_unit_test(move_elements),
      cmocka_unit_test(alter_elements),
      cmocka_unit_test(alter_the_dleq),
      cmocka_unit_test(other_texts),
      cmocka_unit_test(other_proofs),
      cmocka_unit_test(other_keys),
      cmocka_unit_test(tokenizers),
      cmocka_unit_test(other_samples),
      cmocka_unit_test(proving_is_refused),
      cmocka_unit_test(files_that_are_none),
  };
  return cmocka_run_group_tests_name("proof_refusals", tests, set_up, tear_down);
}

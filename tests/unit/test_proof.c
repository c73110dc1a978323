/*
 * Proofs, made and checked: the key that comes of a check scores its text as the real key does,
 * in every count, and nothing else; samples are those that a few lines here choose as well.
 */
#include <sodium.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "proof_support.h"

enum {
  HEADER = 168,
  DLEQ = 64,
  CHECKSUM = 32
};

static char folder[] = "/tmp/greenprint-proof-XXXXXX";
static char proof_path[64];
static char other_path[64];
static char text_path[64];
static gp_thread_pool *pool;
static uint64_t seed;

static gp_params params_for(gp_seeding seeding, uint32_t width) {
  return (gp_params){seeding, width, 1, 2};
}

static void add_any(documents *text, uint64_t *random) {
  static const size_t lengths[] = {70, 0, 1, 17, 16, 3, 40};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    add_random(text, lengths[i], i == 3 ? 0xFFFFFFFFU : 60, random);
  }
  uint32_t *last = add_document(text, 30); /* one document twice */
  memcpy(last, text->tokens[0], 30 * sizeof *last);
}

static void assert_info_equal(const gp_proof_info *a, const gp_proof_info *b) {
  assert_memory_equal(&a->public_key.params, &b->public_key.params, sizeof(gp_params));
  assert_memory_equal(a->public_key.element, b->public_key.element, GP_ELEMENT_SIZE);
  assert_memory_equal(a->public_key.commitment, b->public_key.commitment, GP_COMMITMENT_SIZE);
  assert_string_equal(a->public_key.id, b->public_key.id);
  assert_int_equal(a->has_tenant, b->has_tenant);
  assert_int_equal(a->tenant, b->tenant);
  assert_memory_equal(a->text_sha256, b->text_sha256, 32);
  assert_memory_equal(a->tokenizer_sha256, b->tokenizer_sha256, 32);
  assert_int_equal(a->documents, b->documents);
  assert_int_equal(a->tokens, b->tokens);
  assert_int_equal(a->contexts, b->contexts);
  assert_int_equal(a->proved, b->proved);
  assert_int_equal(a->sizes, b->sizes);
  assert_int_equal(a->blind, b->blind);
  assert_int_equal(a->file_size, b->file_size);
  assert_memory_equal(a->file_sha256, b->file_sha256, 32);
}

/* The file is what the three that speak of it say. */
static void check_file(const gp_proof_info *made, const gp_proof_info *checked) {
  gp_proof_info inspected;
  assert_ok(gp_proof_inspect(proof_path, &inspected, error));
  assert_info_equal(made, checked);
  assert_info_equal(made, &inspected);
  struct stat facts;
  assert_int_equal(stat(proof_path, &facts), 0);
  assert_int_equal(facts.st_mode & 07777, 0644);
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(proof_path, &size);
  uint8_t digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, bytes, size);
  assert_memory_equal(digest, made->file_sha256, sizeof digest);
  crypto_hash_sha256(digest, bytes, size - CHECKSUM);
  assert_memory_equal(digest, bytes + size - CHECKSUM, CHECKSUM);
  free(bytes);
  const uint64_t batches = (made->proved + 32767) / 32768;
  assert_int_equal(size, HEADER + 32 * made->proved + DLEQ * batches + CHECKSUM);
  assert_int_equal(size, made->file_size);
}

/* Proves and checks; the key that comes of it, to be freed. */
static gp_key *prove_and_check(const gp_key *key, const documents *text,
                               const gp_proof_options *options, gp_proof_info *info) {
  const gp_public_key public_key = public_of(key);
  gp_proof_text *read = text_for(&public_key, text);
  gp_proof_text *read_again = text_for(&public_key, text);
  gp_proof_info made;
  gp_key *scoring = NULL;
  gp_proof_options checking = {0};
  checking.tokenizer_sha256 = options != NULL ? options->tokenizer_sha256 : NULL;
  assert_ok(gp_prove(key, read, options, proof_path, &made, error));
  assert_ok(
      gp_proof_check(proof_path, &public_key, read_again, &checking, info, &scoring, error));
  check_file(&made, info);
  assert_string_equal(gp_key_scheme(scoring), GP_SCHEME_ID_PROVABLE);
  const gp_public_key again = public_of(scoring);
  assert_memory_equal(again.element, public_key.element, GP_ELEMENT_SIZE);
  assert_string_equal(again.id, public_key.id);
  gp_proof_text_free(read);
  gp_proof_text_free(read_again);
  return scoring;
}

/* ------------------------------------------------------------------ whole texts */

static void whole(const gp_key *key, const documents *text, const uint64_t *tenant,
                  gp_thread_pool *threads) {
  const gp_proof_options options = {
      .has_tenant = tenant != NULL, .tenant = tenant != NULL ? *tenant : 99, .threads = threads};
  gp_proof_info info;
  gp_key *scoring = prove_and_check(key, text, &options, &info);
  assert_int_equal(info.has_tenant, tenant != NULL);
  assert_int_equal(info.tenant, tenant != NULL ? *tenant : 0);
  assert_int_equal(info.documents, text->count);
  assert_int_equal(info.proved, info.contexts);
  assert_int_equal(info.sizes, 1);
  gp_result expected;
  gp_result found;
  verify_documents(key, text, tenant, &expected);
  verify_documents(scoring, text, tenant, &found);
  assert_results_equal(&found, &expected);
  assert_int_equal(info.tokens, expected.tokens);
  assert_true(info.contexts <= expected.scored);
  run_documents(text_path, scoring, text, tenant, threads != NULL ? 3 : 1, &found);
  assert_results_equal(&found, &expected);
  gp_key_free(scoring);
  assert_int_equal(unlink(proof_path), 0);
}

static void whole_texts(void **state) {
  (void)state;
  static const struct {
    gp_seeding seeding;
    uint32_t width;
  } schemes[] = {{GP_SEEDING_HASH, 1},  {GP_SEEDING_HASH, 2}, {GP_SEEDING_HASH, 4},
                 {GP_SEEDING_HASH, 16}, {GP_SEEDING_MIN, 1},  {GP_SEEDING_MIN, 4},
                 {GP_SEEDING_MIN, 16},  {GP_SEEDING_FIXED, 0}};
  static const uint64_t tenants[] = {0, UINT64_MAX};
  uint64_t random = seed;
  for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
    const gp_params params = params_for(schemes[s].seeding, schemes[s].width);
    gp_key *key = test_provable_key(&params);
    documents text = {0};
    add_any(&text, &random);
    whole(key, &text, NULL, NULL);
    whole(key, &text, &tenants[s % 2], pool);
    free_documents(&text);
    gp_key_free(key);
  }
}

/* What has no contexts is proved by a header alone. */
static void nothing_to_prove(void **state) {
  (void)state;
  const gp_params params = params_for(GP_SEEDING_HASH, 4);
  const gp_params fixed = params_for(GP_SEEDING_FIXED, 0);
  gp_key *key = test_provable_key(&params);
  gp_key *listed = test_provable_key(&fixed);
  documents text = {0};
  for (int i = 0; i < 4; i++) { /* no documents; an empty one; one of h ids; one of fewer */
    if (i > 0) {
      (void)add_document(&text, i == 1 ? 0 : (size_t)(6 - i));
    }
    gp_proof_info info;
    gp_key *scoring = prove_and_check(key, &text, NULL, &info);
    assert_int_equal(info.contexts, 0);
    assert_int_equal(info.documents, i);
    assert_int_equal(info.file_size, 200);
    gp_result result;
    verify_documents(scoring, &text, NULL, &result);
    assert_int_equal(result.scored, 0);
    gp_key_free(scoring);
    assert_int_equal(unlink(proof_path), 0);
    scoring = prove_and_check(listed, &text, NULL, &info);
    assert_int_equal(info.contexts, i < 2 ? 0 : 1); /* one for everything, where there is any */
    gp_key_free(scoring);
    assert_int_equal(unlink(proof_path), 0);
  }
  free_documents(&text);
  gp_key_free(listed);
  gp_key_free(key);
}

/* The digest of the text is what SPEC.md says, and with it the proof is of this text alone. */
static void digests(void **state) {
  (void)state;
  uint64_t random = seed;
  gp_key *key = test_provable_key(NULL);
  documents text = {0};
  add_any(&text, &random);
  crypto_hash_sha256_state sha256;
  crypto_hash_sha256_init(&sha256);
  for (size_t d = 0; d < text.count; d++) {
    uint8_t bytes[8];
    gp_store_le64(bytes, text.lengths[d]);
    crypto_hash_sha256_update(&sha256, bytes, 8);
    for (size_t i = 0; i < text.lengths[d]; i++) {
      gp_store_le32(bytes, text.tokens[d][i]);
      crypto_hash_sha256_update(&sha256, bytes, 4);
    }
  }
  uint8_t expected[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_final(&sha256, expected);
  uint8_t tokenizer[32];
  memset(tokenizer, 0x42, sizeof tokenizer);
  const gp_proof_options options = {.tokenizer_sha256 = tokenizer};
  gp_proof_info info;
  gp_key *scoring = prove_and_check(key, &text, &options, &info);
  assert_memory_equal(info.text_sha256, expected, sizeof expected);
  assert_memory_equal(info.tokenizer_sha256, tokenizer, sizeof tokenizer);
  gp_key_free(scoring);
  assert_int_equal(unlink(proof_path), 0);
  free_documents(&text);
  gp_key_free(key);
}

/* Proofs that the independent reference wrote, for the fuzzer. */
static void of_the_reference(void **state) {
  (void)state;
  static const uint32_t one[] = {1, 2, 3, 1, 2, 4};
  static const uint32_t three[] = {7, 1, 2, 7, 9};
  static const char *const names[] = {"whole", "tenant"};
  const uint64_t tenant = 5;
  const gp_params params = params_for(GP_SEEDING_HASH, 1);
  gp_key *key = test_provable_key(&params);
  const gp_public_key public_key = public_of(key);
  documents text = {0};
  memcpy(add_document(&text, 6), one, sizeof one);
  (void)add_document(&text, 0);
  memcpy(add_document(&text, 5), three, sizeof three);
  gp_proof_text *read = text_for(&public_key, &text);
  for (size_t i = 0; i < 2; i++) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/../tests/fuzz/seeds/proof/%s", GP_TEST_VECTORS,
                   names[i]);
    gp_proof_info info;
    gp_key *scoring = NULL;
    gp_result expected;
    gp_result found;
    assert_ok(gp_proof_check(path, &public_key, read, NULL, &info, &scoring, error));
    assert_int_equal(info.contexts, 4);
    assert_int_equal(info.has_tenant, i);
    verify_documents(key, &text, i == 0 ? NULL : &tenant, &expected);
    verify_documents(scoring, &text, i == 0 ? NULL : &tenant, &found);
    assert_results_equal(&found, &expected);
    gp_key_free(scoring);
  }
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
}

/* ---------------------------------------------------------------------- samples */

typedef struct lot {
  uint64_t value;
  size_t number;
} lot;

static int by_value(const void *a, const void *b) {
  const lot *x = a;
  const lot *y = b;
  return x->value != y->value ? (x->value > y->value) - (x->value < y->value)
                              : (x->number > y->number) - (x->number < y->number);
}

/* The windows of a text whose context is in a sample, each as a document: h is 1, and contexts
 * are single ids. */
static void keep_sampled(const documents *text, const uint8_t digest[32], size_t sample,
                         documents *kept, gp_result *all) {
  enum {
    IDS = 8192
  };
  static lot lots[IDS];
  static bool is_known[IDS];
  static bool is_sampled[IDS];
  memset(is_known, 0, sizeof is_known);
  memset(is_sampled, 0, sizeof is_sampled);
  size_t count = 0;
  size_t windows = 0;
  for (size_t d = 0; d < text->count; d++) {
    for (size_t i = 0; i + 1 < text->lengths[d]; i++) {
      const uint32_t id = text->tokens[d][i];
      windows++;
      if (!is_known[id]) {
        uint8_t bytes[37] = {0};
        uint8_t hash[crypto_hash_sha256_BYTES];
        memcpy(bytes, digest, 32);
        gp_store_le32(bytes + 33, id);
        crypto_hash_sha256(hash, bytes, sizeof bytes);
        lots[count++] = (lot){gp_load_le64(hash), id};
        is_known[id] = true;
      }
    }
  }
  assert_true(count > sample);
  qsort(lots, count, sizeof *lots, by_value);
  for (size_t i = 0; i < sample; i++) {
    is_sampled[lots[i].number] = true;
  }
  memset(all, 0, sizeof *all);
  all->scored = count;
  for (size_t d = 0; d < text->count; d++) {
    uint32_t *out = add_document(kept, 2 * text->lengths[d]);
    size_t length = 0;
    for (size_t i = 0; i + 1 < text->lengths[d]; i++) {
      if (is_sampled[text->tokens[d][i]]) {
        out[length++] = text->tokens[d][i];
        out[length++] = text->tokens[d][i + 1];
      }
    }
    kept->lengths[d] = length;
  }
}

/* Counts pairs of ids one by one. */
static void verify_pairs(const gp_key *key, const documents *pairs, const uint64_t *tenant,
                         gp_result *result) {
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(key, &options, &verifier, error));
  for (size_t d = 0; d < pairs->count; d++) {
    for (size_t i = 0; i < pairs->lengths[d]; i += 2) {
      assert_ok(gp_verifier_add(verifier, pairs->tokens[d] + i, 2, error));
    }
  }
  gp_verifier_result(verifier, result);
  gp_verifier_free(verifier);
}

static void samples(void **state) {
  (void)state;
  static const uint64_t tenant = 12;
  const gp_params params = params_for(GP_SEEDING_HASH, 1);
  gp_key *key = test_provable_key(&params);
  uint64_t random = seed;
  documents text = {0};
  for (int i = 0; i < 10; i++) {
    add_random(&text, 600, 5000, &random);
  }
  for (int round = tests_are_short(); round < 2; round++) {
    const uint64_t *whose = round == 0 ? NULL : &tenant;
    const gp_proof_options options = {.sample = 1024,
                                      .has_tenant = round == 1,
                                      .tenant = tenant,
                                      .threads = round == 0 ? NULL : pool};
    gp_proof_info info;
    gp_key *scoring = prove_and_check(key, &text, &options, &info);
    documents kept = {0};
    gp_result contexts;
    gp_result expected;
    gp_result found;
    keep_sampled(&text, info.text_sha256, 1024, &kept, &contexts);
    assert_int_equal(info.contexts, contexts.scored);
    assert_int_equal(info.proved, 1024);
    assert_int_equal(info.sizes, info.contexts > 2048 ? 3 : 2); /* all, 1024, 2048 */
    verify_pairs(key, &kept, whose, &expected);
    assert_true(expected.scored > 1000 && expected.repeated > 10);
    for (unsigned threads = 1; threads < 4; threads += 2) {
      run_documents(text_path, scoring, &text, whose, threads, &found);
      assert_int_equal(found.scored, expected.scored);
      assert_int_equal(found.repeated, expected.repeated);
      assert_int_equal(found.green, expected.green);
      assert_true(found.log10_p == expected.log10_p);
      assert_int_equal(found.documents, text.count);
      assert_int_equal(found.tokens, 6000);
    }
    free_documents(&kept);
    gp_key_free(scoring);
    assert_int_equal(unlink(proof_path), 0);
  }
  free_documents(&text);
  gp_key_free(key);
}

static documents numbers(size_t count) {
  documents text = {0};
  uint32_t *tokens = add_document(&text, count);
  for (size_t i = 0; i < count; i++) {
    tokens[i] = (uint32_t)i;
  }
  return text;
}

/* A sample of as many contexts as there are, or more, is no sample. */
static void sample_of_all(void **state) {
  (void)state;
  skip_where_tests_are_short();
  const gp_params params = params_for(GP_SEEDING_HASH, 1);
  gp_key *key = test_provable_key(&params);
  documents text = numbers(1025);
  gp_proof_options options = {.sample = 1024, .threads = pool};
  gp_proof_info info;
  gp_key *scoring = prove_and_check(key, &text, &options, &info);
  assert_int_equal(info.contexts, 1024);
  assert_int_equal(info.proved, 1024);
  assert_int_equal(info.sizes, 1);
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(scoring, NULL, &verifier, error)); /* of everything */
  gp_verifier_free(verifier);
  gp_key_free(scoring);
  assert_int_equal(unlink(proof_path), 0);
  free_documents(&text);
  text = numbers(1026); /* one more */
  scoring = prove_and_check(key, &text, &options, &info);
  assert_int_equal(info.contexts, 1025);
  assert_int_equal(info.proved, 1024);
  assert_int_equal(info.sizes, 2);
  gp_key_free(scoring);
  assert_int_equal(unlink(proof_path), 0);
  free_documents(&text);
  gp_key_free(key);
}

static void sizes_that_are_none(void **state) {
  (void)state;
  static const uint64_t sizes[] = {1, 2, 512, 1023, 1025, 1536, 3072, UINT64_MAX};
  gp_key *key = test_provable_key(NULL);
  const gp_public_key public_key = public_of(key);
  documents text = numbers(100);
  gp_proof_text *read = text_for(&public_key, &text);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const gp_proof_options options = {.sample = sizes[i]};
    char message[128];
    (void)snprintf(message, sizeof message,
                   "sample: a power of two from 1024 on, or 0 for all contexts, not %llu",
                   (unsigned long long)sizes[i]);
    assert_fails(gp_prove(key, read, &options, proof_path, NULL, error), GP_ERR_ARGUMENT,
                 message);
    assert_int_equal(access(proof_path, F_OK), -1);
  }
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
}

/* --------------------------------------------------------------- threads, batches */

/* Threads change nothing but the proof's random scalar. */
static void threads(void **state) {
  (void)state;
  const gp_params params = params_for(GP_SEEDING_HASH, 1);
  gp_key *key = test_provable_key(&params);
  const gp_public_key public_key = public_of(key);
  uint64_t random = seed;
  documents text = {0};
  add_random(&text, 6000, 4000, &random);
  gp_proof_text *read = text_for(&public_key, &text);
  gp_thread_pool *many = NULL;
  assert_ok(gp_thread_pool_new(5, &many, error));
  const gp_proof_options alone = {.sample = 1024};
  const gp_proof_options together = {.sample = 1024, .threads = many};
  assert_ok(gp_prove(key, read, &alone, proof_path, NULL, error));
  assert_ok(gp_prove(key, read, &together, other_path, NULL, error));
  size_t size = 0;
  size_t other_size = 0;
  uint8_t *bytes = bytes_of_file(proof_path, &size);
  uint8_t *other = bytes_of_file(other_path, &other_size);
  assert_int_equal(size, other_size);
  assert_memory_equal(bytes, other, size - DLEQ - CHECKSUM);
  assert_memory_not_equal(bytes + size - DLEQ - CHECKSUM, other + size - DLEQ - CHECKSUM, DLEQ);
  const gp_proof_options checking = {.threads = many};
  gp_proof_info info;
  gp_key *scoring = NULL;
  assert_ok(gp_proof_check(proof_path, &public_key, read, &checking, &info, &scoring, error));
  gp_key_free(scoring);
  free(bytes);
  free(other);
  assert_int_equal(unlink(proof_path), 0);
  assert_int_equal(unlink(other_path), 0);
  gp_thread_pool_free(many);
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
}

typedef struct progress {
  uint64_t calls;
  uint64_t done;
  uint64_t total;
} progress;

static void note_progress(void *user, uint64_t done, uint64_t total) {
  progress *seen = user;
  assert_true(done >= seen->done && done <= total);
  assert_true(seen->calls == 0 || total == seen->total);
  *seen = (progress){seen->calls + 1, done, total};
}

static void exchange(uint8_t *a, uint8_t *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const uint8_t kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

/* What belongs to one batch is nothing in the other, with the checksum put right. */
static void batches_exchanged(const gp_public_key *public_key, const gp_proof_text *read) {
  size_t size = 0;
  uint8_t *bytes = bytes_of_file(proof_path, &size);
  const size_t first = HEADER + (size_t)32 * 32768; /* the proof of the first */
  const size_t second = first + DLEQ + 32;          /* that of the second */
  const struct {
    size_t a;
    size_t b;
    size_t length;
  } moves[] = {{first, second, DLEQ}, {HEADER, second - 32, 32}};
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
    const gp_proof_options options = {.threads = pool};
    gp_proof_info info;
    gp_key *scoring = NULL;
    exchange(bytes + moves[i].a, bytes + moves[i].b, moves[i].length);
    crypto_hash_sha256(bytes + size - CHECKSUM, bytes, size - CHECKSUM);
    bytes_to_file(other_path, bytes, size);
    char message[GP_ERROR_MESSAGE_SIZE];
    (void)snprintf(message, sizeof message,
                   "%s: the proof does not hold: the evaluated elements are not what the key "
                   "makes of the contexts",
                   other_path);
    assert_fails(gp_proof_check(other_path, public_key, read, &options, &info, &scoring, error),
                 GP_ERR_FORMAT, message);
    exchange(bytes + moves[i].a, bytes + moves[i].b, moves[i].length);
  }
  free(bytes);
  assert_int_equal(unlink(other_path), 0);
}

/* One context more than a batch has. */
static void two_batches(void **state) {
  (void)state;
  skip_where_tests_are_short(); /* 33,000 contexts take seconds as it is */
  const gp_params params = params_for(GP_SEEDING_HASH, 1);
  gp_key *key = test_provable_key(&params);
  const gp_public_key public_key = public_of(key);
  documents text = numbers(32770);
  gp_proof_text *read = text_for(&public_key, &text);
  progress seen = {0};
  const gp_proof_options options = {.threads = pool, .on_progress = note_progress, .user = &seen};
  gp_proof_info made;
  gp_proof_info checked;
  gp_key *scoring = NULL;
  assert_ok(gp_prove(key, read, &options, proof_path, &made, error));
  assert_int_equal(made.proved, 32769);
  assert_true(seen.calls > 30);
  assert_int_equal(seen.done, 32769);
  seen = (progress){0};
  assert_ok(gp_proof_check(proof_path, &public_key, read, &options, &checked, &scoring, error));
  assert_int_equal(seen.done, 32769);
  check_file(&made, &checked);
  /* The last contexts of the first batch, and that of the second. */
  documents end = {0};
  uint32_t *tail = add_document(&end, 300);
  memcpy(tail, text.tokens[0] + (32770 - 300), 300 * sizeof *tail);
  gp_result expected;
  gp_result found;
  verify_documents(key, &end, NULL, &expected);
  verify_documents(scoring, &end, NULL, &found);
  assert_results_equal(&found, &expected);
  batches_exchanged(&public_key, read);
  gp_key_free(scoring);
  assert_int_equal(unlink(proof_path), 0);
  free_documents(&end);
  gp_proof_text_free(read);
  free_documents(&text);
  gp_key_free(key);
}

/* -------------------------------------------------- what comes of a check is no more */

static const char is_sample[] =
    "the key is that of a proof of a sample, which only a gp_corpus or a gp_verifier can score";
static const char other_tenant[] =
    "the nonces of these contexts are known for another tenant, or none";

static gp_status ignore_document(void *user, const gp_corpus_document *seen, gp_error *error) {
  (void)user;
  (void)seen;
  (void)error;
  return GP_OK;
}

static void refused_by_audit(const gp_key *scoring, const documents *text) {
  const gp_params params = gp_key_params(scoring);
  gp_audit *audit = NULL;
  gp_audit_test *test = NULL;
  gp_audit_result result;
  assert_ok(gp_audit_new(&params, &audit, error));
  assert_ok(gp_audit_add(audit, NULL, 0, text->tokens[0], text->lengths[0], NULL, error));
  assert_ok(gp_audit_test_new(audit, GP_AUDIT_DISTINCT, false, &test, error));
  assert_fails(gp_audit_test_key(test, scoring, NULL, &result, error), GP_ERR_ARGUMENT,
               is_sample);
  gp_audit_test_free(test);
  gp_audit_free(audit);
}

static void key_of_a_sample(void **state) {
  (void)state;
  const gp_params params = params_for(GP_SEEDING_HASH, 1);
  gp_key *key = test_provable_key(&params);
  documents text = numbers(1100);
  const gp_proof_options options = {.sample = 1024, .threads = pool};
  gp_proof_info info;
  gp_key *scoring = prove_and_check(key, &text, &options, &info);
  gp_watermark *watermark = NULL;
  gp_verifier *verifier = NULL;
  gp_weigher *weigher = NULL;
  gp_corpus *corpus = NULL;
  assert_fails(gp_watermark_new(scoring, NULL, &watermark, error), GP_ERR_ARGUMENT, is_sample);
  assert_ok(gp_verifier_new(scoring, NULL, &verifier, error));
  assert_ok(gp_verifier_add(verifier, text.tokens[0], text.lengths[0], error));
  gp_result result;
  gp_verifier_result(verifier, &result);
  assert_int_equal(result.scored, 1024); /* each context of these texts has one token behind it */
  gp_verifier_free(verifier);
  verifier = NULL;
  assert_fails(gp_weigher_new(scoring, NULL, &weigher, error), GP_ERR_ARGUMENT, is_sample);
  assert_null(watermark);
  assert_null(verifier);
  assert_null(weigher);
  refused_by_audit(scoring, &text);
  const gp_key *keys[] = {scoring, scoring};
  gp_corpus_options run = {.keys = keys, .n_keys = 1, .on_document = ignore_document};
  assert_fails(gp_corpus_new(&run, &corpus, error), GP_ERR_ARGUMENT,
               "documents are not counted one by one where a proof is of a sample");
  run.on_document = NULL;
  assert_ok(gp_corpus_new(&run, &corpus, error));
  write_documents(text_path, &text);
  const gp_corpus_input input = input_of_documents(text_path);
  assert_fails(gp_corpus_run(corpus, &input, 1, other_path, error), GP_ERR_ARGUMENT,
               "a partial file is not written where a proof is of a sample");
  assert_int_equal(access(other_path, F_OK), -1);
  gp_corpus_free(corpus);
  corpus = NULL;
  /* Several tenants are not the one it is for. */
  static const uint64_t tenants[] = {1, 2};
  run.tenants = tenants;
  run.n_tenants = 2;
  assert_ok(gp_corpus_new(&run, &corpus, error));
  assert_int_equal(gp_corpus_run(corpus, &input, 1, NULL, NULL), GP_ERR_ARGUMENT);
  gp_corpus_free(corpus);
  assert_int_equal(unlink(text_path), 0);
  gp_key_free(scoring);
  assert_int_equal(unlink(proof_path), 0);
  free_documents(&text);
  gp_key_free(key);
}

static void score_as(const gp_key *scoring, const documents *text, const uint64_t *tenant) {
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(scoring, &options, &verifier, error));
  assert_fails(gp_verifier_add(verifier, text->tokens[0], text->lengths[0], error),
               GP_ERR_ARGUMENT, other_tenant);
  gp_verifier_free(verifier);
}

static void key_of_a_proof(void **state) {
  (void)state;
  static const char unknown[] =
      "a context whose nonce is not known: the text is not the one that "
      "nonces were proved for";
  static const uint64_t tenants[] = {0, 3};
  gp_key *key = test_provable_key(NULL);
  const gp_public_key public_key = public_of(key);
  uint64_t random = seed;
  documents text = {0};
  add_random(&text, 60, 50, &random);
  gp_proof_options options = {.has_tenant = false, .tenant = 3};
  gp_proof_info info;
  gp_key *nobodys = prove_and_check(key, &text, &options, &info);
  assert_int_equal(unlink(proof_path), 0);
  options.has_tenant = true;
  gp_key *somebodys = prove_and_check(key, &text, &options, &info);
  assert_int_equal(unlink(proof_path), 0);
  score_as(nobodys, &text, &tenants[0]);
  score_as(somebodys, &text, NULL);
  score_as(somebodys, &text, &tenants[0]);
  text.tokens[0][30] = 77; /* in no proof */
  const gp_verifier_options as_proved = {true, 3};
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(somebodys, &as_proved, &verifier, error));
  assert_fails(gp_verifier_add(verifier, text.tokens[0], text.lengths[0], error), GP_ERR_ARGUMENT,
               unknown);
  gp_verifier_free(verifier);
  /* It has no secret. */
  gp_proof_text *read = text_for(&public_key, &text);
  assert_fails(gp_prove(somebodys, read, NULL, proof_path, NULL, error), GP_ERR_ARGUMENT,
               "a key that came of a proof cannot prove");
  gp_proof_text_free(read);
  static const char no_secret[] = "a key that came of a proof has no secret to save";
  assert_fails(gp_key_save_unsealed(somebodys, proof_path, error), GP_ERR_ARGUMENT, no_secret);
  assert_fails(gp_key_save_sealed(somebodys, proof_path, "a", 1, GP_SEAL_INTERACTIVE, error),
               GP_ERR_ARGUMENT, no_secret);
  assert_int_equal(access(proof_path, F_OK), -1);
  gp_key_free(nobodys);
  gp_key_free(somebodys);
  free_documents(&text);
  gp_key_free(key);
}

static int set_up(void **state) {
  (void)state;
  seed = test_seed();
  if (mkdtemp(folder) == NULL || gp_thread_pool_new(2, &pool, NULL) != GP_OK) {
    return -1;
  }
  (void)snprintf(proof_path, sizeof proof_path, "%s/proof.gpp", folder);
  (void)snprintf(other_path, sizeof other_path, "%s/other.gpp", folder);
  (void)snprintf(text_path, sizeof text_path, "%s/text.jsonl", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  gp_thread_pool_free(pool);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_texts),
      cmocka_unit_test(nothing_to_prove),
      cmocka_unit_test(digests),
      cmocka_unit_test(of_the_reference),
      cmocka_unit_test(samples),
      cmocka_unit_test(sample_of_all),
      cmocka_unit_test(sizes_that_are_none),
      cmocka_unit_test(threads),
      cmocka_unit_test(two_batches),
      cmocka_unit_test(key_of_a_sample),
      cmocka_unit_test(key_of_a_proof),
  };
  return cmocka_run_group_tests_name("proof", tests, set_up, tear_down);
}

/*
 * Every allocation fails in turn: the library's own (by the linker's --wrap), OpenSSL's and
 * jansson's (by their hooks). Each time the call has to say so, leave its outputs alone and
 * leak nothing (the valgrind run looks at that); and it has to work once memory is back.
 */
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "audit/contexts.h"
#include "expectations_support.h"
#include "proof/proof_text.h"

/* How many allocations still succeed; negative: all of them. */
static atomic_long allowance = -1;
static atomic_long allocations;

static bool grant(void) {
  allocations++;
  long left = allowance;
  while (left > 0 && !atomic_compare_exchange_weak(&allowance, &left, left - 1)) {
  }
  return left != 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_sodium_malloc(size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_sodium_malloc(size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) {
  return grant() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size) {
  return grant() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size) {
  return grant() ? __real_realloc(old, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return grant() ? __real_aligned_alloc(alignment, size) : NULL;
}

void *__wrap_sodium_malloc(size_t size) {
  return grant() ? __real_sodium_malloc(size) : NULL;
}

char *__wrap_strdup(const char *text) {
  return grant() ? __real_strdup(text) : NULL;
}

static void *openssl_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return grant() ? __real_malloc(size) : NULL;
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return grant() ? __real_realloc(old, size) : NULL;
}

static void openssl_free(void *memory, const char *file, int line) {
  (void)file;
  (void)line;
  free(memory);
}

static const uint32_t document[600] = {1, 2, 3, 4, 5, 6, 7, 8};
static gp_key *key;
static gp_key *provable;
static gp_public_key public_key;
static char path[] = "/tmp/greenprint-memory-XXXXXX";
static char tokenizer_path[sizeof path + 5];
static char partial_path[sizeof path + 5];

/* A scenario runs its calls and returns the status of the first that failed. */
typedef gp_status scenario(gp_error *error);

static gp_status make_key(gp_error *error) {
  const gp_params params = gp_params_default();
  gp_key *made = NULL;
  const gp_status status = gp_key_generate(&params, &made, error);
  assert_int_equal(made == NULL, status != GP_OK);
  gp_key_free(made);
  return status;
}

static gp_status save_and_load(gp_error *error) {
  (void)unlink(path);
  gp_key *loaded = NULL;
  gp_status status = gp_key_save_sealed(key, path, "word", 4, GP_SEAL_INTERACTIVE, error);
  assert_int_equal(access(path, F_OK) == 0, status == GP_OK); /* whole or not at all */
  if (status == GP_OK) {
    status = gp_key_load(path, "word", 4, &loaded, error);
    assert_int_equal(loaded == NULL, status != GP_OK);
  }
  gp_key_free(loaded);
  return status;
}

static gp_status embed(gp_error *error) {
  const uint32_t never[] = {3, 1};
  gp_watermark_options options = gp_watermark_options_default();
  options.never_biased = never;
  options.n_never_biased = 2;
  gp_watermark *watermark = NULL;
  gp_session *session = NULL;
  float row[1000] = {0};
  const float zeros[1000] = {0};
  gp_status status = gp_watermark_new(key, &options, &watermark, error);
  if (status == GP_OK) {
    status = gp_session_new(10, &session, error);
  }
  if (status == GP_OK) {
    const gp_row context = {.tokens = document, .n_tokens = 8, .session = session};
    status = gp_bias(watermark, GP_FLOAT32, row, 1000, &context, error);
    assert_int_equal(memcmp(row, zeros, sizeof row) == 0, status != GP_OK);
  }
  gp_session_free(session);
  gp_watermark_free(watermark);
  return status;
}

/* Steps with room for less than all of them, a row more each time, and all steps back. */
static gp_status generate(gp_error *error) {
  static int64_t ids[20][100];
  const gp_generation_options options = {.expected_tokens = 5};
  gp_watermark *watermark = NULL;
  gp_generation *generation = NULL;
  float logits[20] = {0};
  gp_generation_step step = {.logits = logits,
                             .vocabulary = 1,
                             .stride = 1,
                             .ids = ids[0],
                             .ids_stride = 100,
                             .dtype = GP_FLOAT32};
  gp_status status = gp_watermark_new(key, NULL, &watermark, error);
  if (status == GP_OK) {
    status = gp_generation_new(watermark, &options, &generation, error);
  }
  for (size_t length = 1; length < 100 && status == GP_OK; length++) {
    for (size_t row = 0; row < 20; row++) {
      ids[row][length - 1] = (int64_t)length;
    }
    step.n_rows = length < 20 ? length : 20;
    step.length = length;
    status = gp_generation_bias(generation, &step, error);
  }
  if (status == GP_OK) {
    step.length = 90;
    status = gp_generation_bias(generation, &step, error);
  }
  gp_generation_free(generation);
  gp_watermark_free(watermark);
  return status;
}

/* A batch on two threads. A kernel that needs no lane does not look for one, and which thread is
 * first at the rows is up to chance; but a never-biased token makes both want a lane. */
static long refused_in_batches;

static gp_status embed_in_parallel(gp_error *error) {
  const uint32_t never[] = {3};
  gp_watermark_options options = gp_watermark_options_default();
  options.never_biased = never;
  options.n_never_biased = 1;
  gp_watermark *watermark = NULL;
  gp_thread_pool *pool = NULL;
  static float logits[8][1000];
  gp_row rows[8];
  for (size_t i = 0; i < 8; i++) {
    rows[i] = (gp_row){.tokens = document + i, .n_tokens = 8};
  }
  gp_status status = gp_watermark_new(key, &options, &watermark, error);
  if (status == GP_OK) {
    status = gp_thread_pool_new(2, &pool, error);
    assert_int_equal(pool == NULL, status != GP_OK);
  }
  if (status == GP_OK) {
    status = gp_bias_batch_parallel(watermark, pool, GP_FLOAT32, logits[0], 8, 1000, 1000, rows,
                                    error);
    refused_in_batches += status != GP_OK;
  }
  gp_thread_pool_free(pool);
  gp_watermark_free(watermark);
  return status;
}

static gp_status verify(gp_error *error) {
  const gp_verifier_options options = {.has_tenant = true, .tenant = 5};
  gp_verifier *verifier = NULL;
  gp_status status = gp_verifier_new(key, &options, &verifier, error);
  if (status == GP_OK) {
    status = gp_verifier_add(verifier, document, 600, error);
  }
  gp_verifier_free(verifier);
  return status;
}

static gp_status read_file(const gp_reader_options *options, gp_error *error) {
  gp_reader *reader = NULL;
  gp_status status = gp_reader_open(path, options, &reader, error);
  bool more = true;
  while (status == GP_OK && more) {
    gp_document read;
    status = gp_reader_next(reader, &read, &more, error);
  }
  gp_reader_free(reader);
  return status;
}

static void write_bytes(const void *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

static gp_status read_jsonl(gp_error *error) {
  static const char text[] =
      "{\"x\":[1,2,3]}\n{\"x\":\"a \\n\xC3\xA4\\u0301\"}\n{\"x\":\"o\\u0308\"}\n";
  const gp_reader_options options = {
      .format = GP_INPUT_JSONL, .field = "x", .normalize = GP_NORMALIZE_ALL};
  write_bytes(text, sizeof text - 1);
  return read_file(&options, error);
}

static gp_status read_chat(gp_error *error) {
  static const char text[] =
      "{\"x\":[{\"role\":\"me\",\"content\":\"yes\"},{\"role\":\"me\",\"content\":"
      "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}]}\n";
  const gp_reader_options options = {.format = GP_INPUT_JSONL, .field = "x", .role = "me"};
  write_bytes(text, sizeof text - 1);
  return read_file(&options, error);
}

/* A line that does not fit in the buffer, of many tokens, gzipped. */
static gp_status read_tokens(gp_error *error) {
  const gp_reader_options options = {.format = GP_INPUT_TOKENS};
  gzFile file = gzopen(path, "wb1");
  assert_non_null(file);
  for (int i = 0; i < 200000; i++) {
    assert_int_equal(gzputs(file, "1 2 "), 4);
  }
  assert_int_equal(gzclose(file), Z_OK);
  return read_file(&options, error);
}

static gp_status read_text(gp_error *error) {
  static char text[600000];
  const gp_reader_options options = {.format = GP_INPUT_TEXT, .normalize = GP_NORMALIZE_ALL};
  for (size_t i = 0; i < sizeof text; i += 3) {
    memcpy(text + i, i % 1000 < 30 ? "\xCC\x88 " : "\xC3\xA4\n", 3);
  }
  write_bytes(text, sizeof text);
  return read_file(&options, error);
}

static gp_status read_npy(gp_error *error) {
  static char array[10 + 56 + 40000] =
      "\x93NUMPY\1\0\70\0{'descr':'>u2','fortran_order':False,'shape':(2,10000)}";
  array[10 + 55] = '\n';
  const gp_reader_options options = {.format = GP_INPUT_NPY};
  write_bytes(array, sizeof array);
  return read_file(&options, error);
}

/* A small expectations file for `document`; its own allocations do not count. */
static void write_expectations(void) {
  const long allowed = allowance;
  const long counted = allocations;
  allowance = -1;
  image bytes = {0};
  put_header(&bytes, "nothing", 0, 1);
  put_document(&bytes, document, 600);
  for (uint32_t i = 0; i < 600; i++) {
    put_u8(&bytes, 1);
    put_entry(&bytes, i, 0.5F);
  }
  put_checksum(&bytes);
  put_end(&bytes);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes.bytes, 1, bytes.size, file), bytes.size);
  assert_int_equal(fclose(file), 0);
  free(bytes.bytes);
  allowance = allowed;
  allocations = counted;
}

static gp_status weigh(gp_error *error) {
  write_expectations();
  gp_expectations *file = NULL;
  gp_weigher *weigher = NULL;
  gp_weighted_result result;
  gp_status status = gp_expectations_open(path, &file, error);
  if (status == GP_OK) {
    status = gp_weigher_new(key, NULL, &weigher, error);
  }
  if (status == GP_OK) {
    status = gp_weigher_add(weigher, document, 600, file, error);
  }
  if (status == GP_OK) {
    status = gp_expectations_finish(file, error);
  }
  if (status == GP_OK) {
    status = gp_weigher_result(weigher, &result, error);
  }
  gp_weigher_free(weigher);
  gp_expectations_free(file);
  return status;
}

/* A file of model weights; making it does not count. */
static gp_status read_model_weights(gp_error *error) {
  const long allowed = allowance;
  const long counted = allocations;
  allowance = -1;
  image bytes = {0};
  put_header_of(&bytes, 2, "nothing", 0, 1);
  put_model_document(&bytes, document, 600);
  for (uint32_t i = 0; i < 600; i++) {
    put_u8(&bytes, 1);
    put_entry(&bytes, i, -0.5F);
  }
  put_checksum(&bytes);
  put_end(&bytes);
  write_bytes(bytes.bytes, bytes.size);
  free(bytes.bytes);
  allowance = allowed;
  allocations = counted;
  gp_model_weights *file = NULL;
  const uint32_t *tokens = NULL;
  size_t n_tokens = 77;
  bool more = true;
  gp_model_weights_position position;
  gp_status status = gp_model_weights_open(path, &file, error);
  if (status == GP_OK) {
    status = gp_model_weights_next(file, &tokens, &n_tokens, &more, error);
    assert_int_equal(n_tokens, status == GP_OK ? 600 : 77);
  }
  for (size_t i = 0; i < 600 && status == GP_OK; i++) {
    status = gp_model_weights_position_next(file, &position, error);
  }
  if (status == GP_OK) {
    status = gp_model_weights_next(file, &tokens, &n_tokens, &more, error);
    assert_int_equal(more, status != GP_OK);
  }
  gp_model_weights_free(file);
  return status;
}

/* Answers with expectations, each statistic for one key and for several. */
static gp_status audit_with(const gp_params *params, const uint8_t commitment[GP_COMMITMENT_SIZE],
                            gp_error *error) {
  write_expectations();
  gp_expectations *file = NULL;
  gp_audit *audit = NULL;
  gp_audit_test *test = NULL;
  gp_key *control = NULL;
  gp_audit_result result = {.coins = 77};
  gp_audit_result results[2];
  gp_status status = gp_expectations_open(path, &file, error);
  if (status == GP_OK) {
    status = gp_audit_new(params, &audit, error);
  }
  if (status == GP_OK) {
    status = gp_audit_add(audit, document, 8, document, 600, file, error);
  }
  if (status == GP_OK) {
    status = gp_audit_control_key(params, commitment, 3, &control, error);
    assert_int_equal(control == NULL, status != GP_OK);
  }
  if (status == GP_OK) {
    status = gp_audit_test_new(audit, GP_AUDIT_REFERENCE, false, &test, error);
    assert_int_equal(test == NULL, status != GP_OK);
  }
  if (status == GP_OK) {
    status = gp_audit_test_key(test, control, NULL, &result, error);
    assert_int_equal(result.coins == 77, status != GP_OK);
  }
  if (status == GP_OK) {
    const gp_audit_candidate both[2] = {{.key = control}, {.key = control}};
    results[0].coins = 77;
    status = gp_audit_test_many(test, both, 2, 1, results, error);
    assert_int_equal(results[0].coins == 77, status != GP_OK);
  }
  gp_audit_test_free(test);
  gp_key_free(control);
  gp_audit_free(audit);
  gp_expectations_free(file);
  return status;
}

static gp_status audit(gp_error *error) {
  const uint8_t commitment[GP_COMMITMENT_SIZE] = {1};
  const gp_params params = gp_params_default();
  return audit_with(&params, commitment, error);
}

/* Windows of which several are one context. */
static gp_status audit_min(gp_error *error) {
  const uint8_t commitment[GP_COMMITMENT_SIZE] = {1};
  gp_params params = gp_params_default();
  params.seeding = GP_SEEDING_MIN;
  return audit_with(&params, commitment, error);
}

static gp_status audit_served(gp_error *error) {
  const gp_params params = gp_params_default();
  gp_audit *made = NULL;
  gp_audit_test *test = NULL;
  uint64_t fingerprint = gp_context_fingerprint(document, 2);
  const gp_contexts served = {.info = {.context_width = 2, .contexts = 1},
                              .fingerprints = &fingerprint};
  gp_status status = gp_audit_new(&params, &made, error);
  if (status == GP_OK) {
    status = gp_audit_add(made, NULL, 0, document, 600, NULL, error);
  }
  if (status == GP_OK) {
    status = gp_audit_set_served(made, &served, error);
    gp_audit_counts counts;
    gp_audit_get_counts(made, &counts);
    assert_int_equal(counts.has_served, status == GP_OK);
  }
  if (status == GP_OK) {
    status = gp_audit_test_new(made, GP_AUDIT_ROOT, true, &test, error);
  }
  gp_audit_test_free(test);
  gp_audit_free(made);
  return status;
}

static gp_status adjust(gp_error *error) {
  const double log10_p[] = {-1.0, -2.0};
  double adjusted[] = {7.0, 7.0};
  const gp_status status = gp_holm(log10_p, 2, adjusted, error);
  assert_true((adjusted[0] == 7.0) == (status != GP_OK));
  return status;
}

static gp_status locate(gp_error *error) {
  static uint8_t colours[4000];
  for (size_t i = 0; i < sizeof colours; i++) {
    colours[i] = i / 20 % 2 == 0 ? GP_COLOUR_GREEN : GP_COLOUR_RED; /* many candidates */
  }
  gp_segment segment = {.first = 77};
  size_t n = 99;
  const gp_status status = gp_locate(colours, sizeof colours, 1, 8, -6.0, &segment, 1, &n, error);
  assert_true(status == GP_OK ? n == 1 && segment.first != 77 : n == 99 && segment.first == 77);
  return status;
}

static gp_status sort_p_values(gp_error *error) {
  const double log10_p[] = {-1.0, -3.0, 0.0};
  double log10_q[] = {7.0, 7.0, 7.0};
  const gp_status status = gp_benjamini_hochberg(log10_p, 3, log10_q, error);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(log10_q[i] == 7.0, status != GP_OK);
  }
  return status;
}

static const char byte_level_file[] =
    "{\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},"
    "\"added_tokens\":[{\"id\":4,\"content\":\"<s>\"}],\"model\":{\"type\":\"BPE\","
    "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"\\u0120\":3},\"merges\":[\"a b\"]}}";
static const char unigram_file[] =
    "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x+\"},\"content\":\"a\"},"
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"},"
    "\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"normalized\":true}],\"model\":"
    "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<s>\",0],[\"a\",-1],[\"\\u2581a\",-1]]}}";

/* A text with an ill-formed byte, a combining mark and a character newer than PCRE2. */
static gp_status tokenize(const char *contents, gp_error *error) {
  static const char text[] = "ab\xFF<s>ae\xCC\x81 xx\xF0\x91\xBC\x84"
                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(contents, file) >= 0);
  assert_int_equal(fclose(file), 0);
  gp_tokenizer *tokenizer = NULL;
  gp_encoder *encoder = NULL;
  const uint32_t *tokens = NULL;
  const size_t *ends = NULL;
  size_t count = 0;
  gp_status status = gp_tokenizer_open(path, &tokenizer, error);
  if (status == GP_OK) {
    status = gp_encoder_new(tokenizer, &encoder, error);
  }
  for (int i = 0; i < 2 && status == GP_OK; i++) {
    status = gp_encoder_encode(encoder, text, sizeof text - 1, &tokens, &ends, &count, error);
  }
  assert_true(status != GP_OK || count > 3);
  gp_encoder_free(encoder);
  gp_tokenizer_free(tokenizer);
  return status;
}

static gp_status tokenize_bytes(gp_error *error) {
  return tokenize(byte_level_file, error);
}

static gp_status tokenize_unigram(gp_error *error) {
  return tokenize(unigram_file, error);
}

/* A run over text with two threads, on disk, with a partial file, and its merge. */
static gp_status note_document(void *user, const gp_corpus_document *seen, gp_error *error) {
  (void)error;
  *(size_t *)user += seen->n_tokens;
  return GP_OK;
}

static gp_status run_corpus(gp_error *error) {
  static const char text[] = "{\"text\":\"abaabbbababab aab\"}\n{\"text\":\"bb\"}\n";
  const long allowed = allowance;
  const long counted = allocations;
  allowance = -1;
  write_bytes(text, sizeof text - 1);
  (void)unlink(partial_path);
  FILE *file = fopen(tokenizer_path, "w");
  assert_non_null(file);
  assert_true(fputs(byte_level_file, file) >= 0);
  assert_int_equal(fclose(file), 0);
  allowance = allowed;
  allocations = counted;
  size_t tokens = 0;
  gp_tokenizer *tokenizer = NULL;
  gp_corpus *corpus = NULL;
  gp_corpus *merged = NULL;
  const gp_key *keys[] = {key};
  const char *paths[] = {partial_path};
  gp_status status = gp_tokenizer_open(tokenizer_path, &tokenizer, error);
  const gp_corpus_options options = {.keys = keys,
                                     .n_keys = 1,
                                     .tokenizer = tokenizer,
                                     .on_document = note_document,
                                     .user = &tokens};
  const gp_corpus_options merge = {.on_document = note_document, .user = &tokens};
  const gp_corpus_input input = {path, {.format = GP_INPUT_JSONL, .field = "text"}};
  if (status == GP_OK) {
    status = gp_corpus_new(&options, &corpus, error);
  }
  if (status == GP_OK) {
    status = gp_corpus_run(corpus, &input, 1, partial_path, error);
  }
  if (status == GP_OK) {
    status = gp_corpus_new(&merge, &merged, error);
  }
  if (status == GP_OK) {
    status = gp_corpus_merge(merged, paths, 1, NULL, error);
  }
  gp_corpus_free(corpus);
  gp_corpus_free(merged);
  gp_tokenizer_free(tokenizer);
  return status;
}

/* Sets of contexts built, saved, loaded and merged. */
static gp_status collect_contexts(gp_error *error) {
  gp_contexts_builder *builder = NULL;
  gp_contexts *contexts = NULL;
  (void)unlink(path);
  gp_status status = gp_contexts_builder_new(2, &builder, error);
  if (status == GP_OK) {
    status = gp_contexts_builder_add(builder, document, 8, error);
  }
  if (status == GP_OK) {
    status = gp_contexts_builder_add(builder, document, 600, error);
  }
  if (status == GP_OK) {
    status = gp_contexts_builder_save(builder, path, error);
    assert_int_equal(access(path, F_OK) == 0, status == GP_OK); /* whole or not at all */
  }
  gp_contexts_builder_free(builder);
  builder = NULL;
  if (status == GP_OK) {
    status = gp_contexts_load(path, &contexts, error);
    assert_int_equal(contexts == NULL, status != GP_OK);
  }
  gp_contexts_free(contexts);
  if (status == GP_OK) {
    status = gp_contexts_builder_new(2, &builder, error);
  }
  for (int i = 0; i < 2 && status == GP_OK; i++) {
    status = gp_contexts_builder_merge(builder, path, error);
  }
  gp_contexts_builder_free(builder);
  return status;
}

/* Everything of a provable key from its making on, but for Argon2id. */
static gp_status make_provable(gp_error *error) {
  const gp_params params = gp_params_default();
  gp_key *made = NULL;
  gp_public_key made_public = {.id = "none"};
  (void)unlink(path);
  gp_status status = gp_key_generate_provable(&params, &made, error);
  assert_int_equal(made == NULL, status != GP_OK);
  if (status == GP_OK) {
    status = gp_key_public(made, &made_public, error);
  }
  if (status == GP_OK) {
    status = gp_public_key_save(&made_public, path, error);
    assert_int_equal(access(path, F_OK) == 0, status == GP_OK); /* whole or not at all */
  }
  gp_public_key loaded = {.id = "none"};
  if (status == GP_OK) {
    status = gp_public_key_load(path, &loaded, error);
    assert_string_equal(loaded.id, status == GP_OK ? made_public.id : "none");
  }
  gp_key_free(made);
  return status;
}

/* Contexts that nobody asked for before, so that the cache has to grow. */
static gp_status embed_provably(gp_error *error) {
  gp_key *made = NULL;
  gp_watermark *watermark = NULL;
  float row[1000] = {0};
  const float zeros[1000] = {0};
  const gp_params params = gp_params_default();
  gp_status status = gp_key_generate_provable(&params, &made, error);
  if (status == GP_OK) {
    status = gp_watermark_new(made, NULL, &watermark, error);
    assert_int_equal(watermark == NULL, status != GP_OK);
  }
  gp_key_free(made);
  if (status == GP_OK) {
    const gp_row context = {.tokens = document, .n_tokens = 8, .has_tenant = true};
    status = gp_bias(watermark, GP_FLOAT32, row, 1000, &context, error);
    assert_int_equal(memcmp(row, zeros, sizeof row) == 0, status != GP_OK);
  }
  gp_watermark_free(watermark);
  return status;
}

/* A table of contexts as large as it is before it grows, and one more. */
static gp_status read_for_proof(gp_error *error) {
  uint32_t ids[130];
  gp_proof_text *text = NULL;
  for (uint32_t i = 0; i < 130; i++) {
    ids[i] = i;
  }
  gp_status status = gp_proof_text_new(&public_key, &text, error);
  assert_int_equal(text == NULL, status != GP_OK);
  if (status == GP_OK) {
    status = gp_proof_text_add(text, ids, 130, error);
  }
  gp_proof_text_free(text);
  return status;
}

static gp_proof_text *text_of_ids(uint32_t count) {
  static uint32_t ids[2000];
  for (uint32_t i = 0; i < count; i++) {
    ids[i] = i;
  }
  gp_proof_text *text = NULL;
  assert_ok(gp_proof_text_new(&public_key, &text, error));
  assert_ok(gp_proof_text_add(text, ids, count, error));
  return text;
}

/* The text of those that follow, whose making does not count. */
static gp_proof_text *proof_text;

static gp_status draw_sample(gp_error *error) {
  uint32_t *numbers = NULL;
  const gp_status status = gp_proof_text_sample(proof_text, 1024, &numbers, error);
  assert_int_equal(numbers == NULL, status != GP_OK);
  free(numbers);
  return status;
}

static gp_status prove(gp_error *error) {
  gp_proof_info info = {.contexts = 77};
  (void)unlink(path);
  const gp_status status = gp_prove(provable, proof_text, NULL, path, &info, error);
  assert_int_equal(access(path, F_OK) == 0, status == GP_OK);
  assert_int_equal(info.contexts == 77, status != GP_OK);
  return status;
}

static gp_status check_proof(gp_error *error) {
  gp_proof_info info = {.contexts = 77};
  gp_key *scoring = NULL;
  const gp_status status =
      gp_proof_check(path, &public_key, proof_text, NULL, &info, &scoring, error);
  assert_int_equal(info.contexts == 77, status != GP_OK);
  assert_int_equal(scoring == NULL, status != GP_OK);
  gp_key_free(scoring);
  return status;
}

/* A key that is not made while memory fails. */
static gp_key *blind_key;

static gp_status carry_blindly(void *user, const uint8_t *request, size_t request_size,
                               uint8_t *answer, size_t capacity, size_t *answer_size,
                               gp_error *error) {
  (void)user;
  (void)capacity;
  *answer_size = request_size + GP_BLIND_PROOF_SIZE;
  return gp_blind_answer(blind_key, request, request_size, NULL, answer, error);
}

static gp_status evaluate_blindly(gp_error *error) {
  static const uint8_t inputs[3][9] = {{0, 1}, {0, 2}, {0, 3}};
  static const uint8_t nothing[3][GP_NONCE_SIZE];
  uint8_t nonces[3][GP_NONCE_SIZE] = {{0}};
  gp_public_key asked;
  gp_status status = gp_key_public(blind_key, &asked, error);
  if (status == GP_OK) {
    status = gp_blind_evaluate(&asked, inputs[0], sizeof inputs[0], 3, 2, NULL, carry_blindly,
                               NULL, nonces, error);
    assert_int_equal(memcmp(nonces, nothing, sizeof nonces) == 0, status != GP_OK);
  }
  return status;
}

static gp_status prove_blindly(gp_error *error) {
  gp_proof_info info = {.contexts = 77};
  (void)unlink(path);
  const gp_status status =
      gp_prove_blind(&public_key, proof_text, NULL, 20, carry_blindly, NULL, path, &info, error);
  assert_int_equal(access(path, F_OK) == 0, status == GP_OK);
  assert_int_equal(info.contexts == 77, status != GP_OK);
  return status;
}

/* A merge divides coins among 16 tables by chance, and makes those that are needed. */
#define CHANCE 16

/* jansson takes some of its own allocation failures for syntax errors, so where it is at
 * work a refusal may name the input instead of the memory. */
static void fail_each(scenario *run, bool with_jansson) {
  gp_error error = {0};
  allowance = -1;
  allocations = 0;
  assert_int_equal(run(&error), GP_OK); /* also warms up what OpenSSL makes only once */
  const long before = allocations;
  allocations = 0;
  assert_int_equal(run(&error), GP_OK);
  const long needed = allocations;
  assert_true(needed > 0 && needed <= before + CHANCE);
  long refused = 0;
  for (long n = 0; n < needed + CHANCE; n++) {
    memset(&error, 0, sizeof error);
    allowance = n;
    const gp_status status = run(&error);
    allowance = -1;
    if (status == GP_OK) {
      continue; /* an allocation that its caller could do without */
    }
    refused++;
    if (status != GP_ERR_MEMORY && status != GP_ERR_CRYPTO &&
        !(with_jansson && status == GP_ERR_FORMAT)) {
      fail_msg("allocation %ld of %ld: status %d: %s", n, needed, (int)status, error.message);
    }
    assert_int_equal(error.status, status);
    assert_true(strlen(error.message) > 10);
  }
  print_message("%ld of %ld allocations are fatal to the call when they fail\n", refused, needed);
  assert_true(refused > 0);
  assert_int_equal(run(&error), GP_OK);
}

static void key_generation(void **state) {
  (void)state;
  fail_each(make_key, false);
}

static void key_file(void **state) {
  (void)state;
  fail_each(save_and_load, false);
}

static void embedding(void **state) {
  (void)state;
  fail_each(embed, false);
  refused_in_batches = 0;
  fail_each(embed_in_parallel, false);
  assert_true(refused_in_batches > 0);
  fail_each(generate, false);
}

static void provable_keys(void **state) {
  (void)state;
  fail_each(make_provable, false);
  fail_each(embed_provably, false);
}

static void blind_evaluation(void **state) {
  (void)state;
  const gp_params params = gp_params_default();
  assert_ok(gp_key_generate_provable(&params, &blind_key, error));
  fail_each(evaluate_blindly, false);
  gp_key_free(blind_key);
  blind_key = NULL;
}

static void proofs(void **state) {
  (void)state;
  fail_each(read_for_proof, false);
  proof_text = text_of_ids(40);
  fail_each(prove, false);
  fail_each(check_proof, false);
  blind_key = provable;
  fail_each(prove_blindly, false);
  blind_key = NULL;
  fail_each(check_proof, false);
  gp_proof_text_free(proof_text);
  proof_text = text_of_ids(1030);
  fail_each(draw_sample, false);
  gp_proof_text_free(proof_text);
  proof_text = NULL;
}

static void verifying(void **state) {
  (void)state;
  fail_each(verify, false);
}

static void weighing(void **state) {
  (void)state;
  fail_each(weigh, false);
  fail_each(read_model_weights, false);
}

static void auditing(void **state) {
  (void)state;
  fail_each(audit, false);
  fail_each(audit_min, false);
  fail_each(audit_served, false);
  fail_each(adjust, false);
}

static void statistics(void **state) {
  (void)state;
  fail_each(locate, false);
  fail_each(sort_p_values, false);
}

static void reading(void **state) {
  (void)state;
  fail_each(read_tokens, false);
  fail_each(read_text, false);
  fail_each(read_npy, false);
}

static void reading_json(void **state) {
  (void)state;
  fail_each(read_jsonl, true);
  fail_each(read_chat, true);
}

static void corpora(void **state) {
  (void)state;
  fail_each(run_corpus, true);
}

static void served_contexts(void **state) {
  (void)state;
  fail_each(collect_contexts, false);
}

static gp_status commit_to_keys(gp_error *error) {
  gp_key_set *set = NULL;
  gp_key_set *loaded = NULL;
  gp_committed_key one = {.scheme = GP_SCHEME_ID, .params = gp_params_default()};
  gp_inclusion proof;
  (void)unlink(path);
  gp_status status = gp_key_set_new(&set, error);
  for (uint8_t i = 0; i < 20 && status == GP_OK; i++) {
    one.commitment[0] = i;
    status = gp_key_set_add(set, &one, error);
  }
  if (status == GP_OK) {
    status = gp_key_set_save(set, path, error);
    assert_int_equal(access(path, F_OK) == 0, status == GP_OK);
  }
  if (status == GP_OK) {
    status = gp_key_set_load(path, &loaded, error);
    assert_int_equal(loaded == NULL, status != GP_OK);
  }
  if (status == GP_OK) {
    status = gp_key_set_add_file(set, path, error);
    assert_int_equal(gp_key_set_size(set), 20);
  }
  if (status == GP_OK) {
    status = gp_key_set_prove(loaded, 19, &proof, error);
  }
  gp_key_set_free(loaded);
  gp_key_set_free(set);
  return status;
}

static gp_status sign_and_verify(gp_error *error) {
  gp_signing_key *made = NULL;
  gp_signing_key *loaded = NULL;
  gp_signer signer;
  gp_signature_facts facts;
  (void)unlink(path);
  (void)unlink(partial_path);
  gp_status status = gp_signing_key_generate(&made, error);
  if (status == GP_OK) {
    status = gp_signing_key_save_unsealed(made, path, error);
    assert_int_equal(access(path, F_OK) == 0, status == GP_OK);
  }
  if (status == GP_OK) {
    status = gp_signing_key_load(path, NULL, 0, &loaded, error);
    assert_int_equal(loaded == NULL, status != GP_OK);
  }
  if (status == GP_OK) {
    gp_signing_key_signer(loaded, &signer);
    status = gp_sign_file(loaded, path, "comment", partial_path, error);
    assert_int_equal(access(partial_path, F_OK) == 0, status == GP_OK);
  }
  if (status == GP_OK) {
    status = gp_signature_verify(path, partial_path, &signer, &facts, error);
  }
  gp_signing_key_free(loaded);
  gp_signing_key_free(made);
  return status;
}

#define STAMPS GP_TEST_VECTORS "/../tests/fuzz/seeds/timestamp/"

static gp_status ask_for_stamp(gp_error *error) {
  (void)unlink(path);
  (void)unlink(partial_path);
  gp_status status = gp_timestamp_request("/dev/null", GP_TIMESTAMP_SHA256, path, error);
  if (status == GP_OK) {
    status = gp_timestamp_attach("/dev/null", STAMPS "sha256.tsr", NULL, partial_path, error);
    assert_int_equal(access(partial_path, F_OK) == 0, status == GP_OK);
  }
  return status;
}

static gp_status verify_stamp(gp_error *error) {
  const gp_timestamp_options options = {.authorities = STAMPS "root.pem",
                                        .untrusted = STAMPS "root.pem"};
  gp_timestamp_facts facts;
  return gp_timestamp_verify("/dev/null", STAMPS "stamp.gpt", &options, &facts, error);
}

static void evidence(void **state) {
  (void)state;
  fail_each(commit_to_keys, false);
  fail_each(sign_and_verify, false);
  /* OpenSSL, too, takes some of its own failures for those of what it reads. */
  fail_each(ask_for_stamp, true);
  fail_each(verify_stamp, true);
}

static void tokenizing(void **state) {
  (void)state;
  fail_each(tokenize_bytes, true);
  fail_each(tokenize_unigram, true);
}

/* Once warm, biasing with a session in its room does not allocate at all. */
static void hot_path(void **state) {
  (void)state;
  gp_watermark *watermark = NULL;
  gp_session *session = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  assert_ok(gp_session_new(600, &session, error));
  float row[1000] = {0};
  uint32_t tokens[600];
  for (uint32_t i = 0; i < 600; i++) {
    tokens[i] = i;
  }
  for (size_t n = 2; n < 600; n++) {
    const gp_row context = {.tokens = tokens, .n_tokens = n, .session = session};
    assert_ok(gp_bias(watermark, GP_FLOAT32, row, 1000, &context, error));
    if (n == 2) {
      allocations = 0;
    }
  }
  assert_int_equal(allocations, 0);
  gp_session_free(session);
  gp_watermark_free(watermark);
}

/* Nor does following a generation in its room, whatever its rows do. */
static void generation_in_its_room(void **state) {
  (void)state;
  enum {
    ROWS = 8,
    LENGTH = 600
  };
  static int64_t ids[ROWS][LENGTH];
  const gp_generation_options options = {.expected_tokens = LENGTH};
  gp_watermark *watermark = NULL;
  gp_generation *generation = NULL;
  assert_ok(gp_watermark_new(key, NULL, &watermark, error));
  assert_ok(gp_generation_new(watermark, &options, &generation, error));
  float logits[ROWS * 100] = {0};
  uint64_t random = 1;
  for (size_t n = 2; n < LENGTH; n++) {
    const size_t n_rows = n < 300 ? ROWS : ROWS / 2;
    const size_t other = next_random(&random) % (n <= 300 ? ROWS : n_rows);
    memcpy(ids[n % n_rows], ids[other], sizeof ids[0]); /* as beams do */
    for (size_t row = 0; row < n_rows; row++) {
      ids[row][n - 1] = (int64_t)(next_random(&random) % 100);
    }
    const gp_generation_step step = {.logits = logits,
                                     .n_rows = n_rows,
                                     .vocabulary = 100,
                                     .stride = 100,
                                     .ids = ids[0],
                                     .length = n,
                                     .ids_stride = LENGTH,
                                     .dtype = GP_FLOAT32};
    assert_ok(gp_generation_bias(generation, &step, error));
    if (n == 2) {
      allocations = 0;
    }
  }
  assert_int_equal(allocations, 0);
  gp_generation_free(generation);
  gp_watermark_free(watermark);
}

static int prepare(void **state) {
  (void)state;
  key = test_key(NULL);
  provable = test_provable_key(NULL);
  assert_ok(gp_key_public(provable, &public_key, error));
  const int fd = mkstemp(path);
  (void)snprintf(tokenizer_path, sizeof tokenizer_path, "%s.json", path);
  (void)snprintf(partial_path, sizeof partial_path, "%s.gpp", path);
  return fd < 0 ? -1 : close(fd);
}

static int clean_up(void **state) {
  (void)state;
  gp_key_free(key);
  gp_key_free(provable);
  (void)unlink(tokenizer_path);
  (void)unlink(partial_path);
  return unlink(path);
}

int main(void) {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) {
    return 1;
  }
  json_set_alloc_funcs(__wrap_malloc, free);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(key_generation),   cmocka_unit_test(key_file),
      cmocka_unit_test(embedding),        cmocka_unit_test(verifying),
      cmocka_unit_test(reading),          cmocka_unit_test(reading_json),
      cmocka_unit_test(weighing),         cmocka_unit_test(auditing),
      cmocka_unit_test(statistics),       cmocka_unit_test(tokenizing),
      cmocka_unit_test(corpora),          cmocka_unit_test(served_contexts),
      cmocka_unit_test(provable_keys),    cmocka_unit_test(proofs),
      cmocka_unit_test(blind_evaluation), cmocka_unit_test(evidence),
      cmocka_unit_test(hot_path),         cmocka_unit_test(generation_in_its_room),
  };
  return cmocka_run_group_tests_name("memory", tests, prepare, clean_up);
}

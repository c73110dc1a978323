/* Sets of contexts: what is in them, and all the files that have to be refused. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/contexts.h"
#include "common/bytes.h"
#include "io_support.h"

#define HEADER_SIZE 40U
#define N_DOCUMENTS 60U
#define LENGTH_MAX  200U

static char other_path[64];

/* Documents of few different ids, some of them shorter than a window. */
typedef struct documents {
  size_t lengths[N_DOCUMENTS];
  uint32_t ids[N_DOCUMENTS][LENGTH_MAX];
} documents;

static void draw_documents(uint64_t *random, documents *drawn) {
  for (size_t i = 0; i < N_DOCUMENTS; i++) {
    drawn->lengths[i] = next_random(random) % (i % 4 == 0 ? 5 : LENGTH_MAX);
    for (size_t j = 0; j < drawn->lengths[i]; j++) {
      drawn->ids[i][j] = (uint32_t)(next_random(random) >> 33) % 30 * 0x08888889U;
    }
  }
}

static gp_contexts_builder *builder_of(uint32_t width, size_t buffer_max) {
  gp_contexts_builder *builder = NULL;
  assert_ok(gp_contexts_builder_make(width, buffer_max, &builder, error));
  return builder;
}

static void add(gp_contexts_builder *builder, const documents *from, size_t first, size_t end) {
  for (size_t i = first; i < end; i++) {
    assert_ok(gp_contexts_builder_add(builder, from->ids[i], from->lengths[i], error));
  }
}

/* Saves at `to`, in the place of what is there, and returns the bytes. */
static bytes save(gp_contexts_builder *builder, const char *to) {
  (void)unlink(to);
  assert_ok(gp_contexts_builder_save(builder, to, error));
  bytes saved = {0};
  FILE *file = fopen(to, "rb");
  assert_non_null(file);
  char part[4096];
  size_t count = 0;
  while ((count = fread(part, 1, sizeof part, file)) > 0) {
    append(&saved, part, count);
  }
  assert_int_equal(fclose(file), 0);
  return saved;
}

static bytes save_all(const documents *from, uint32_t width, size_t buffer_max) {
  gp_contexts_builder *builder = builder_of(width, buffer_max);
  add(builder, from, 0, N_DOCUMENTS);
  bytes saved = save(builder, path);
  gp_contexts_builder_free(builder);
  return saved;
}

/* Whether a window occurs somewhere. */
static bool occurs(const documents *in, const uint32_t *window, uint32_t width) {
  for (size_t i = 0; i < N_DOCUMENTS; i++) {
    for (size_t j = 0; j + width <= in->lengths[i]; j++) {
      if (memcmp(in->ids[i] + j, window, width * sizeof *window) == 0) {
        return true;
      }
    }
  }
  return false;
}

/* Against a search through the documents: windows of them, and windows that were drawn. */
static void membership(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static documents drawn;
  size_t found = 0;
  size_t missed = 0;
  for (uint32_t width = 1; width <= 4; width++) {
    draw_documents(&random, &drawn);
    bytes saved = save_all(&drawn, width, 64);
    release(&saved);
    gp_contexts *contexts = NULL;
    assert_ok(gp_contexts_load(path, &contexts, error));
    for (size_t i = 0; i < N_DOCUMENTS; i++) {
      for (size_t j = 0; j + width <= drawn.lengths[i]; j++) {
        const uint32_t *window = drawn.ids[i] + j;
        const bool expected = occurs(&drawn, window, width);
        assert_true(expected);
        assert_int_equal(gp_contexts_have(contexts, window), expected);
        uint32_t other[4];
        memcpy(other, window, width * sizeof *other);
        other[next_random(&random) % width] = (uint32_t)next_random(&random);
        const bool other_expected = occurs(&drawn, other, width);
        assert_int_equal(gp_contexts_have(contexts, other), other_expected);
        found += expected;
        missed += !other_expected;
      }
    }
    gp_contexts_free(contexts);
  }
  assert_true(found > 1000 && missed > 1000);
  gp_contexts_free(NULL);
}

static int compare_numbers(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left;
  const uint64_t b = *(const uint64_t *)right;
  return a < b ? -1 : a > b;
}

/* What a file has to be, the slow way. */
static bytes expected_file(const documents *from, uint32_t width) {
  static uint64_t all[N_DOCUMENTS * LENGTH_MAX];
  size_t n = 0;
  uint64_t tokens = 0;
  for (size_t i = 0; i < N_DOCUMENTS; i++) {
    tokens += from->lengths[i];
    for (size_t j = 0; j + width <= from->lengths[i]; j++) {
      all[n++] = gp_context_fingerprint(from->ids[i] + j, width);
    }
  }
  qsort(all, n, sizeof all[0], compare_numbers);
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || all[i] != all[i - 1]) {
      all[kept++] = all[i];
    }
  }
  uint8_t header[HEADER_SIZE] = "\x89GPCTX\r\n\x01";
  header[9] = (uint8_t)width;
  header[10] = 64;
  gp_store_le64(header + 16, kept);
  gp_store_le64(header + 24, N_DOCUMENTS);
  gp_store_le64(header + 32, tokens);
  bytes file = {0};
  append(&file, header, sizeof header);
  for (size_t i = 0; i < kept; i++) {
    uint8_t one[8];
    gp_store_le64(one, all[i]);
    append(&file, one, sizeof one);
  }
  uint8_t sha256[32];
  crypto_hash_sha256(sha256, (const uint8_t *)file.data, file.length);
  append(&file, sha256, sizeof sha256);
  return file;
}

/* Order, buffers, parts and saving in between make no difference. */
static void same_bytes(void **state) {
  (void)state;
  uint64_t random = test_seed();
  static const size_t buffers[] = {1, 2, 3, 7, 100, 1000, 1000000};
  static documents drawn;
  for (uint32_t width = 1; width <= GP_CONTEXT_WIDTH_MAX; width += 3) {
    draw_documents(&random, &drawn);
    bytes expected = expected_file(&drawn, width);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
      bytes whole = save_all(&drawn, width, buffers[i]);
      assert_same_bytes(&whole, &expected);
      release(&whole);
    }
    const size_t cut = next_random(&random) % N_DOCUMENTS;
    gp_contexts_builder *first = builder_of(width, 50);
    gp_contexts_builder *second = builder_of(width, 50);
    add(second, &drawn, cut, N_DOCUMENTS);
    bytes part = save(second, path);
    add(first, &drawn, 0, cut / 2);
    bytes so_far = save(first, other_path);
    add(first, &drawn, cut / 2, cut);
    assert_ok(gp_contexts_builder_merge(first, path, error));
    bytes merged = save(first, other_path);
    assert_same_bytes(&merged, &expected);
    gp_contexts_builder_free(first);
    gp_contexts_builder_free(second);
    release(&part);
    release(&so_far);
    release(&merged);
    release(&expected);
  }
}

static void facts(void **state) {
  (void)state;
  static const uint32_t ids[] = {1, 2, 3, 1, 2};
  gp_contexts_builder *builder = builder_of(2, 10);
  assert_ok(gp_contexts_builder_add(builder, ids, 5, error));
  assert_ok(gp_contexts_builder_add(builder, ids, 4, error));
  assert_ok(gp_contexts_builder_add(builder, NULL, 0, error));
  bytes saved = save(builder, path);
  struct stat mode;
  assert_int_equal(stat(path, &mode), 0);
  assert_int_equal(mode.st_mode & 0777, 0600);
  gp_contexts *contexts = NULL;
  gp_contexts_info info;
  assert_ok(gp_contexts_load(path, &contexts, error));
  gp_contexts_get_info(contexts, &info);
  assert_int_equal(info.context_width, 2);
  assert_int_equal(info.contexts, 3);
  assert_int_equal(info.documents, 3);
  assert_int_equal(info.tokens, 9);
  assert_int_equal(info.file.bytes, 72 + 3 * 8);
  assert_false(info.file.gzip);
  uint8_t sha256[32];
  crypto_hash_sha256(sha256, (const uint8_t *)saved.data, saved.length);
  assert_memory_equal(info.file.sha256, sha256, sizeof sha256);
  gp_contexts_free(contexts);
  char message[256];
  (void)snprintf(message, sizeof message,
                 "%s: exists already; a contexts file is never overwritten: choose another name",
                 path);
  assert_fails(gp_contexts_builder_save(builder, path, error), GP_ERR_EXISTS, message);
  gp_contexts_builder_free(builder);
  gp_contexts_builder_free(NULL);
  release(&saved);
}

/* No documents at all, and none that is long enough: sets with nothing in them. */
static void empty_sets(void **state) {
  (void)state;
  static const uint32_t ids[] = {1, 2};
  for (size_t n = 0; n <= 1; n++) {
    gp_contexts_builder *builder = builder_of(2, 10);
    if (n > 0) {
      assert_ok(gp_contexts_builder_add(builder, ids, n, error));
    }
    bytes saved = save(builder, path);
    assert_int_equal(saved.length, 72);
    gp_contexts *contexts = NULL;
    assert_ok(gp_contexts_load(path, &contexts, error));
    assert_false(gp_contexts_have(contexts, ids));
    gp_contexts_free(contexts);
    assert_ok(gp_contexts_builder_merge(builder, path, error));
    gp_contexts_builder_free(builder);
    release(&saved);
  }
}

/* ------------------------------------------------------------------ bad files */

/* A file with a good checksum. */
static bytes make_file(uint8_t version, uint8_t width, uint8_t bits, uint64_t documents_said,
                       uint64_t tokens, const uint64_t *fingerprints, uint64_t n_said, size_t n) {
  uint8_t header[HEADER_SIZE] = "\x89GPCTX\r\n";
  header[8] = version;
  header[9] = width;
  header[10] = bits;
  gp_store_le64(header + 16, n_said);
  gp_store_le64(header + 24, documents_said);
  gp_store_le64(header + 32, tokens);
  bytes file = {0};
  append(&file, header, sizeof header);
  for (size_t i = 0; i < n; i++) {
    uint8_t one[8];
    gp_store_le64(one, fingerprints[i]);
    append(&file, one, sizeof one);
  }
  uint8_t sha256[32];
  crypto_hash_sha256(sha256, (const uint8_t *)file.data, file.length);
  append(&file, sha256, sizeof sha256);
  return file;
}

static gp_status load_bytes(const void *data, size_t length, gp_error *error) {
  write_file(data, length);
  gp_contexts *contexts = NULL;
  const gp_status status = gp_contexts_load(path, &contexts, error);
  assert_int_equal(contexts != NULL, status == GP_OK);
  gp_contexts_free(contexts);
  return status;
}

static void assert_load_fails(bytes file, gp_status expected, const char *reason) {
  gp_error error = {0};
  const gp_status status = load_bytes(file.data, file.length, &error);
  release(&file);
  char message[512];
  (void)snprintf(message, sizeof message, "%s: %s", path, reason);
  assert_string_equal(error.message, message);
  assert_int_equal(status, expected);
  assert_int_equal(error.status, expected);
}

static const uint64_t three[] = {0, 5, UINT64_MAX};

static void headers(void **state) {
  (void)state;
  bytes good = make_file(1, 2, 64, 1, 5, three, 3, 3);
  assert_ok(load_bytes(good.data, good.length, error));
  for (size_t at = 11; at < 16; at++) {
    bytes odd = {0};
    append(&odd, good.data, good.length - 32);
    odd.data[at] = 1;
    uint8_t sha256[32];
    crypto_hash_sha256(sha256, (const uint8_t *)odd.data, odd.length);
    append(&odd, sha256, sizeof sha256);
    assert_load_fails(odd, GP_ERR_FORMAT, "the header is damaged");
  }
  release(&good);
  assert_load_fails(make_file(2, 2, 64, 1, 5, three, 3, 3), GP_ERR_VERSION,
                    "has format version 2; this is Greenprint " GP_VERSION
                    ", which reads version 1");
  assert_load_fails(make_file(1, 2, 32, 1, 5, three, 3, 3), GP_ERR_VERSION,
                    "holds fingerprints of 32 bits, not 64");
  assert_load_fails(make_file(1, 0, 64, 1, 5, three, 3, 3), GP_ERR_FORMAT,
                    "the header is damaged");
  assert_load_fails(make_file(1, 17, 64, 1, 5, three, 3, 3), GP_ERR_FORMAT,
                    "the header is damaged");
}

/* A count that lies is held against the size of the file before anything is allocated. */
static void counts(void **state) {
  (void)state;
  const char *unfit = "its counts do not fit together: the file is damaged";
  static const uint64_t lies[] = {0, 2, 4, UINT64_C(1) << 61, UINT64_C(3) << 61 | 3, UINT64_MAX};
  for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
    char reason[256];
    (void)snprintf(reason, sizeof reason,
                   "has 96 bytes, which %llu contexts do not fill: the file is incomplete or "
                   "damaged",
                   (unsigned long long)lies[i]);
    assert_load_fails(make_file(1, 2, 64, 1, UINT64_MAX, three, lies[i], 3), GP_ERR_FORMAT,
                      reason);
  }
  assert_load_fails(make_file(1, 2, 64, 1, 3, three, 3, 3), GP_ERR_FORMAT, unfit);
  assert_load_fails(make_file(1, 2, 64, 0, 5, three, 3, 3), GP_ERR_FORMAT, unfit);
  assert_load_fails(make_file(1, 2, 64, 0, 5, three, 0, 0), GP_ERR_FORMAT, unfit);
  assert_load_fails(make_file(1, 2, 64, 1, 1, three, 1, 1), GP_ERR_FORMAT, unfit);
}

static void order(void **state) {
  (void)state;
  static const uint64_t cases[][3] = {{5, 0, 9}, {0, 0, 9}, {1, 9, 9}, {0, UINT64_MAX, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_load_fails(make_file(1, 2, 64, 1, 9, cases[i], 3, 3), GP_ERR_FORMAT,
                      "its fingerprints do not ascend: the file is damaged");
  }
}

static void every_truncation(void **state) {
  (void)state;
  bytes good = make_file(1, 2, 64, 1, 5, three, 3, 3);
  for (size_t size = 0; size < good.length; size++) {
    gp_error error = {0};
    if (load_bytes(good.data, size, &error) != GP_ERR_FORMAT) {
      fail_msg("cut off after %zu bytes: %s", size, error.message);
    }
  }
  append(&good, "", 1);
  assert_int_equal(load_bytes(good.data, good.length, NULL), GP_ERR_FORMAT);
  release(&good);
}

static void every_bit(void **state) {
  (void)state;
  bytes good = make_file(1, 2, 64, 1, 5, three, 3, 3);
  for (size_t bit = 0; bit < 8 * good.length; bit++) {
    good.data[bit / 8] = (char)(good.data[bit / 8] ^ 1 << bit % 8);
    gp_error error = {0};
    const gp_status status = load_bytes(good.data, good.length, &error);
    if (status != GP_ERR_FORMAT && status != GP_ERR_VERSION) {
      fail_msg("bit %zu: status %d, %s", bit, (int)status, error.message);
    }
    good.data[bit / 8] = (char)(good.data[bit / 8] ^ 1 << bit % 8);
  }
  assert_ok(load_bytes(good.data, good.length, error));
  release(&good);
}

static void no_contexts_files(void **state) {
  (void)state;
  gp_contexts *contexts = NULL;
  bytes good = make_file(1, 2, 64, 1, 5, three, 3, 3);
  bytes packed = gzip(&good);
  assert_load_fails(packed, GP_ERR_FORMAT,
                    "is gzipped; a contexts file is read as it is: unpack it");
  release(&good);
  bytes text = {0};
  append_text(&text, "1 2 3\n4 5 6\n");
  assert_load_fails(text, GP_ERR_FORMAT, "not a Greenprint contexts file");
  bytes empty = {0};
  append_text(&empty, "");
  assert_load_fails(empty, GP_ERR_FORMAT, "not a Greenprint contexts file");
  assert_fails(gp_contexts_load("-", &contexts, error), GP_ERR_IO,
               "standard input: has to be a regular file: it is read whole");
  assert_fails(gp_contexts_load("/dev/null", &contexts, error), GP_ERR_IO,
               "/dev/null: has to be a regular file: it is read whole");
  assert_fails(gp_contexts_load("/none/x.gpc", &contexts, error), GP_ERR_IO,
               "/none/x.gpc: cannot be opened: No such file or directory");
  assert_fails(gp_contexts_load("/", &contexts, error), GP_ERR_IO,
               "/: is a directory: name the files in it");
  assert_null(contexts);
}

/* Fingerprints that crowd anywhere: what is guessed from their number is wrong, and found out. */
static void crowded(void **state) {
  (void)state;
  enum {
    N = 20000
  };
  static uint64_t crowd[N + 1];
  static const uint64_t starts[] = {0, UINT64_C(1) << 63, UINT64_MAX - N};
  for (uint32_t id = 0; id < 50; id++) {
    const uint64_t wanted = gp_context_fingerprint(&id, 1);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
      size_t n = 0;
      bool put = false;
      for (uint64_t j = 0; j < N; j++) {
        if (!put && starts[i] + j > wanted) {
          crowd[n++] = wanted;
          put = true;
        }
        crowd[n++] = starts[i] + j;
      }
      if (!put) {
        crowd[n++] = wanted;
      }
      bytes file = make_file(1, 1, 64, 1, 2 * N, crowd, n, n);
      write_file(file.data, file.length);
      release(&file);
      gp_contexts *contexts = NULL;
      assert_ok(gp_contexts_load(path, &contexts, error));
      for (uint32_t asked = 0; asked < 50; asked++) {
        assert_int_equal(gp_contexts_have(contexts, &asked), asked == id);
      }
      gp_contexts_free(contexts);
    }
  }
}

static void arguments(void **state) {
  (void)state;
  gp_contexts_builder *builder = NULL;
  gp_contexts *contexts = NULL;
  assert_fails(gp_contexts_builder_new(0, &builder, error), GP_ERR_ARGUMENT,
               "the context width is 0, not 1 to 16: without a context there is nothing to "
               "collect");
  assert_int_equal(gp_contexts_builder_new(17, &builder, NULL), GP_ERR_ARGUMENT);
  assert_fails(gp_contexts_builder_new(1, NULL, error), GP_ERR_ARGUMENT,
               "gp_contexts_builder_new: builder must not be NULL");
  assert_null(builder);
  assert_ok(gp_contexts_builder_new(3, &builder, error));
  assert_fails(gp_contexts_builder_add(builder, NULL, 1, error), GP_ERR_ARGUMENT,
               "gp_contexts_builder_add: tokens must not be NULL");
  assert_fails(gp_contexts_builder_add(NULL, NULL, 0, error), GP_ERR_ARGUMENT,
               "gp_contexts_builder_add: builder must not be NULL");
  assert_fails(gp_contexts_builder_merge(builder, NULL, error), GP_ERR_ARGUMENT,
               "gp_contexts_builder_merge: path must not be NULL");
  assert_fails(gp_contexts_builder_save(builder, NULL, error), GP_ERR_ARGUMENT,
               "gp_contexts_builder_save: path must not be NULL");
  assert_fails(gp_contexts_load(NULL, &contexts, error), GP_ERR_ARGUMENT,
               "gp_contexts_load: path must not be NULL");
  assert_fails(gp_contexts_load(path, NULL, error), GP_ERR_ARGUMENT,
               "gp_contexts_load: contexts must not be NULL");
  bytes file = make_file(1, 2, 64, 1, 5, three, 3, 3);
  write_file(file.data, file.length);
  char message[256];
  (void)snprintf(message, sizeof message,
                 "%s: its contexts have 2 tokens, those to be merged with have 3: build both "
                 "with one context width",
                 path);
  assert_fails(gp_contexts_builder_merge(builder, path, error), GP_ERR_ARGUMENT, message);
  gp_contexts_builder_free(builder);
  release(&file);
}

/* Sums of counts that files claim. */
static void too_many(void **state) {
  (void)state;
  bytes file = make_file(1, 2, 64, 1, UINT64_MAX, three, 3, 3);
  write_file(file.data, file.length);
  gp_contexts_builder *builder = builder_of(2, 10);
  assert_ok(gp_contexts_builder_merge(builder, path, error));
  assert_fails(gp_contexts_builder_merge(builder, path, error), GP_ERR_ARGUMENT,
               "the documents or tokens are more than 2^64 - 1");
  bytes same = save(builder, other_path);
  assert_same_bytes(&same, &file);
  gp_contexts_builder_free(builder);
  release(&same);
  release(&file);
}

static int prepare(void **state) {
  const int status = make_folder(state);
  (void)snprintf(other_path, sizeof other_path, "%s/other", folder);
  return status;
}

static int clean_up(void **state) {
  (void)unlink(other_path);
  return remove_folder(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(membership), cmocka_unit_test(same_bytes),
      cmocka_unit_test(facts),      cmocka_unit_test(empty_sets),
      cmocka_unit_test(headers),    cmocka_unit_test(counts),
      cmocka_unit_test(order),      cmocka_unit_test(every_truncation),
      cmocka_unit_test(every_bit),  cmocka_unit_test(no_contexts_files),
      cmocka_unit_test(crowded),    cmocka_unit_test(arguments),
      cmocka_unit_test(too_many),
  };
  return cmocka_run_group_tests_name("contexts", tests, prepare, clean_up);
}

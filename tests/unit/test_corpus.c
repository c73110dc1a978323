/*
 * Runs over many inputs: the counts are those of gp_verifier, and nothing that is reported
 * depends on threads, on memory, or on how the inputs were divided among partial runs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#define N_FILES   5
#define PATH_SIZE 128

static char folder[64];
static uint64_t seed;

static void in_folder(char path[PATH_SIZE], const char *name) {
  (void)snprintf(path, PATH_SIZE, "%s/%s", folder, name);
}

static int set_up(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/greenprint-corpus-XXXXXX");
  return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[96];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command); // NOLINT(cert-env33-c)
}

/* Documents of all lengths, with repeats inside and across the files. */
typedef struct corpus_files {
  char paths[N_FILES][PATH_SIZE];
  gp_corpus_input inputs[N_FILES];
} corpus_files;

static void write_files(corpus_files *files, size_t documents, uint32_t vocabulary) {
  uint64_t random = seed;
  for (size_t f = 0; f < N_FILES; f++) {
    char name[32];
    (void)snprintf(name, sizeof name, "part-%zu.txt", f);
    in_folder(files->paths[f], name);
    FILE *out = fopen(files->paths[f], "w");
    assert_non_null(out);
    for (size_t d = 0; d < documents; d++) {
      const size_t length = 1 + next_random(&random) % 300;
      const uint64_t theme = next_random(&random) % 16;
      for (size_t i = 0; i < length; i++) {
        const uint64_t draw = next_random(&random);
        const uint64_t id = draw % 3 == 0 ? (theme * 64 + i) % vocabulary : draw / 8 % vocabulary;
        (void)fprintf(out, "%s%u", i > 0 ? " " : "", (unsigned)id);
      }
      (void)fputc('\n', out);
    }
    assert_int_equal(fclose(out), 0);
    files->inputs[f] = (gp_corpus_input){files->paths[f], {.format = GP_INPUT_TOKENS}};
  }
}

/* What a run reports, for comparison. */
typedef struct outcome {
  gp_result result;
  gp_corpus_evidence evidence;
  size_t n_points;
  gp_corpus_point points[GP_CORPUS_CURVE_MAX];
  gp_corpus_input_facts inputs[N_FILES];
} outcome;

static void collect(const gp_corpus *corpus, outcome *all) {
  memset(all, 0, sizeof *all);
  gp_corpus_get_result(corpus, 0, &all->result);
  gp_corpus_get_evidence(corpus, &all->evidence);
  const gp_corpus_point *points = NULL;
  all->n_points = gp_corpus_get_curve(corpus, &points);
  memcpy(all->points, points, all->n_points * sizeof *points);
  gp_corpus_info info;
  gp_corpus_get_info(corpus, &info);
  assert_int_equal(info.n_inputs, N_FILES);
  for (size_t i = 0; i < N_FILES; i++) {
    gp_corpus_get_input(corpus, i, &all->inputs[i]);
    all->inputs[i].name = NULL; /* of the corpus, which will be freed */
  }
}

static void assert_same(const outcome *a, const outcome *b) {
  assert_int_equal(a->result.documents, b->result.documents);
  assert_int_equal(a->result.tokens, b->result.tokens);
  assert_int_equal(a->result.scored, b->result.scored);
  assert_int_equal(a->result.repeated, b->result.repeated);
  assert_int_equal(a->result.green, b->result.green);
  assert_true(a->result.log10_p == b->result.log10_p && a->result.z == b->result.z);
  assert_true(a->evidence.log10_e == b->evidence.log10_e);
  assert_true(a->evidence.log10_e_largest == b->evidence.log10_e_largest);
  assert_int_equal(a->evidence.at_document, b->evidence.at_document);
  assert_int_equal(a->n_points, b->n_points);
  for (size_t i = 0; i < a->n_points; i++) {
    assert_int_equal(a->points[i].documents, b->points[i].documents);
    assert_int_equal(a->points[i].scored, b->points[i].scored);
    assert_int_equal(a->points[i].green, b->points[i].green);
    assert_true(a->points[i].log10_e == b->points[i].log10_e);
  }
  for (size_t i = 0; i < N_FILES; i++) {
    assert_int_equal(a->inputs[i].documents, b->inputs[i].documents);
    assert_int_equal(a->inputs[i].tokens, b->inputs[i].tokens);
    assert_int_equal(a->inputs[i].bad, b->inputs[i].bad);
    assert_int_equal(a->inputs[i].file.bytes, b->inputs[i].file.bytes);
    assert_memory_equal(a->inputs[i].file.sha256, b->inputs[i].file.sha256, 32);
  }
}

static void run(const corpus_files *files, const gp_corpus_options *options, const char *partial,
                outcome *all) {
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(options, &corpus, error));
  assert_ok(gp_corpus_run(corpus, files->inputs, N_FILES, partial, error));
  collect(corpus, all);
  gp_corpus_free(corpus);
}

static gp_key *any_key(gp_seeding seeding, uint32_t width) {
  const gp_params params = {seeding, width, 1, 2};
  return test_key(&params);
}

/* The same by the plain verifier. */
static void verify(const corpus_files *files, const gp_key *key, const uint64_t *tenant,
                   gp_result *result) {
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(key, &options, &verifier, error));
  for (size_t f = 0; f < N_FILES; f++) {
    gp_reader *reader = NULL;
    gp_document document;
    bool more = true;
    assert_ok(gp_reader_open(files->paths[f], &files->inputs[f].options, &reader, error));
    for (;;) {
      assert_ok(gp_reader_next(reader, &document, &more, error));
      if (!more) {
        break;
      }
      assert_ok(gp_verifier_add(verifier, document.tokens, document.n_tokens, error));
    }
    gp_reader_free(reader);
  }
  gp_verifier_result(verifier, result);
  gp_verifier_free(verifier);
}

static void test_threads_and_memory(void **state) {
  (void)state;
  static corpus_files files;
  write_files(&files, 400, 5000);
  static const struct {
    gp_seeding seeding;
    uint32_t width;
  } schemes[] = {{GP_SEEDING_HASH, 2}, {GP_SEEDING_MIN, 3}, {GP_SEEDING_FIXED, 0}};
  for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
    gp_key *key = any_key(schemes[s].seeding, schemes[s].width);
    gp_result expected;
    verify(&files, key, NULL, &expected);
    const gp_key *keys[] = {key};
    static outcome first;
    static outcome other;
    gp_corpus_options options = {.keys = keys, .n_keys = 1, .scratch = folder};
    run(&files, &options, NULL, &first);
    assert_int_equal(first.result.scored, expected.scored);
    assert_int_equal(first.result.green, expected.green);
    assert_int_equal(first.result.repeated, expected.repeated);
    assert_int_equal(first.result.tokens, expected.tokens);
    assert_int_equal(first.result.documents, expected.documents);
    assert_true(first.result.log10_p == expected.log10_p);
    assert_true(first.n_points > GP_CORPUS_CURVE_MAX / 4);
    assert_int_equal(first.points[first.n_points - 1].scored, expected.scored);
    static const unsigned threads[] = {2, 5};
    for (size_t t = 0; t < 2; t++) {
      options.threads = threads[t];
      options.max_memory = 0;
      run(&files, &options, NULL, &other);
      assert_same(&first, &other);
      options.max_memory = GP_CORPUS_MEMORY_MIN; /* goes to disk, and divides logs */
      run(&files, &options, NULL, &other);
      assert_same(&first, &other);
    }
    gp_key_free(key);
  }
}

static void test_candidates(void **state) {
  (void)state;
  static corpus_files files;
  write_files(&files, 60, 3000);
  gp_key *two = any_key(GP_SEEDING_HASH, 2);
  gp_key *four = any_key(GP_SEEDING_HASH, 4);
  const gp_key *keys[] = {two, four};
  static const uint64_t tenants[] = {0, 7, UINT64_MAX};
  for (int disk = 0; disk < 2; disk++) {
    const gp_corpus_options options = {.keys = keys,
                                       .n_keys = 2,
                                       .tenants = tenants,
                                       .n_tenants = 3,
                                       .threads = 2,
                                       .scratch = folder,
                                       .max_memory = disk ? GP_CORPUS_MEMORY_MIN : 0};
    gp_corpus *corpus = NULL;
    assert_ok(gp_corpus_new(&options, &corpus, error));
    assert_ok(gp_corpus_run(corpus, files.inputs, N_FILES, NULL, error));
    gp_corpus_info info;
    gp_corpus_get_info(corpus, &info);
    assert_int_equal(info.n_candidates, 6);
    for (size_t i = 0; i < 6; i++) {
      gp_result expected;
      gp_result got;
      verify(&files, keys[i / 3], &tenants[i % 3], &expected);
      gp_corpus_get_result(corpus, i, &got);
      assert_int_equal(got.scored, expected.scored);
      assert_int_equal(got.green, expected.green);
      assert_int_equal(got.repeated, expected.repeated);
      assert_true(got.log10_p == expected.log10_p);
    }
    gp_corpus_free(corpus);
  }
  gp_key_free(two);
  gp_key_free(four);
}

/* One run over everything, and five whose partial files are merged, in one step and in two. */
static void test_partials(void **state) {
  (void)state;
  static corpus_files files;
  write_files(&files, 200, 5000);
  gp_key *key = any_key(GP_SEEDING_HASH, 2);
  const gp_key *keys[] = {key};
  static outcome whole;
  static outcome merged;
  for (int disk = 0; disk < 2; disk++) {
    gp_corpus_options options = {.keys = keys,
                                 .n_keys = 1,
                                 .threads = 2,
                                 .scratch = folder,
                                 .settings = "tokens",
                                 .max_memory = disk ? GP_CORPUS_MEMORY_MIN : 0};
    run(&files, &options, NULL, &whole);
    char paths[N_FILES][PATH_SIZE];
    const char *names[N_FILES];
    for (size_t f = 0; f < N_FILES; f++) {
      char name[32];
      (void)snprintf(name, sizeof name, "%d-%zu.gpp", disk, f);
      in_folder(paths[f], name);
      names[f] = paths[f];
      gp_corpus *corpus = NULL;
      assert_ok(gp_corpus_new(&options, &corpus, error));
      assert_ok(gp_corpus_run(corpus, &files.inputs[f], 1, paths[f], error));
      gp_corpus_free(corpus);
    }
    const gp_corpus_options merge = {
        .scratch = folder, .threads = 2, .max_memory = options.max_memory};
    gp_corpus *corpus = NULL;
    assert_ok(gp_corpus_new(&merge, &corpus, error));
    assert_ok(gp_corpus_merge(corpus, names, N_FILES, NULL, error));
    collect(corpus, &merged);
    assert_same(&whole, &merged);
    gp_corpus_info info;
    gp_corpus_get_info(corpus, &info);
    assert_string_equal(info.settings, "tokens");
    gp_corpus_free(corpus);

    char half[PATH_SIZE];
    in_folder(half, disk ? "half-1.gpp" : "half-0.gpp");
    assert_ok(gp_corpus_new(&merge, &corpus, error));
    assert_ok(gp_corpus_merge(corpus, names, 3, half, error));
    gp_corpus_free(corpus);
    const char *rest[] = {half, names[3], names[4]};
    assert_ok(gp_corpus_new(&merge, &corpus, error));
    assert_ok(gp_corpus_merge(corpus, rest, 3, NULL, error));
    collect(corpus, &merged);
    assert_same(&whole, &merged);
    gp_corpus_free(corpus);
  }
  gp_key_free(key);
}

/* Documents seen one by one. */
typedef struct seen {
  const corpus_files *files;
  gp_verifier *alone;
  size_t count;
  uint64_t last_line;
  size_t last_input;
  gp_result results[N_FILES * 64];
} seen;

static gp_status see(void *user, const gp_corpus_document *document, gp_error *problem) {
  (void)problem;
  seen *all = user;
  if (document->input != all->last_input) {
    all->last_line = 0;
    all->last_input = document->input;
  }
  assert_int_equal(document->line, ++all->last_line);
  all->results[all->count++] = document->alone;
  if (document->tokens == NULL) {
    return GP_OK;
  }
  gp_result expected;
  gp_verifier_reset(all->alone);
  assert_ok(gp_verifier_add(all->alone, document->tokens, document->n_tokens, error));
  gp_verifier_result(all->alone, &expected);
  assert_int_equal(document->alone.scored, expected.scored);
  assert_int_equal(document->alone.green, expected.green);
  assert_int_equal(document->alone.repeated, expected.repeated);
  assert_true(document->alone.log10_p == expected.log10_p);
  uint64_t colours[5] = {0};
  for (size_t i = 0; i < document->n_tokens; i++) {
    colours[document->colours[i]]++;
  }
  assert_int_equal(colours[GP_COLOUR_GREEN], expected.green);
  assert_int_equal(colours[GP_COLOUR_RED] + colours[GP_COLOUR_GREEN], expected.scored);
  assert_int_equal(colours[GP_COLOUR_AGAIN_RED] + colours[GP_COLOUR_AGAIN_GREEN],
                   expected.repeated);
  return GP_OK;
}

static void test_documents(void **state) {
  (void)state;
  static corpus_files files;
  static seen direct;
  static seen merged;
  write_files(&files, 60, 300);
  gp_key *key = any_key(GP_SEEDING_HASH, 2);
  const gp_key *keys[] = {key};
  direct = (seen){.files = &files};
  assert_ok(gp_verifier_new(key, NULL, &direct.alone, error));
  char partial[PATH_SIZE];
  in_folder(partial, "documents.gpp");
  gp_corpus_options options = {.keys = keys,
                               .n_keys = 1,
                               .threads = 3,
                               .partial_documents = true,
                               .on_document = see,
                               .user = &direct};
  static outcome all;
  run(&files, &options, partial, &all);
  assert_int_equal(direct.count, N_FILES * 60);
  gp_verifier_free(direct.alone);

  const char *paths[] = {partial};
  gp_corpus *corpus = NULL;
  options = (gp_corpus_options){.on_document = see, .user = &merged};
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_ok(gp_corpus_merge(corpus, paths, 1, NULL, error));
  gp_corpus_free(corpus);
  assert_int_equal(merged.count, direct.count);
  for (size_t i = 0; i < direct.count; i++) {
    assert_int_equal(merged.results[i].scored, direct.results[i].scored);
    assert_int_equal(merged.results[i].green, direct.results[i].green);
    assert_int_equal(merged.results[i].repeated, direct.results[i].repeated);
    assert_true(merged.results[i].log10_p == direct.results[i].log10_p);
  }
  gp_key_free(key);
}

static size_t n_bad;

static void note_bad(void *user, const char *message) {
  (void)user;
  n_bad++;
  assert_non_null(strstr(message, "bad.txt:"));
}

/* Of several bad lines the first is named, whatever the threads do; or all are left out. */
static void test_bad_lines(void **state) {
  (void)state;
  char path[PATH_SIZE];
  in_folder(path, "bad.txt");
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  for (int i = 1; i <= 60000; i++) {
    (void)fputs(i % 20000 == 7 ? "1 2 x\n" : "1 2 3 4 5 6 7 8\n", out);
  }
  assert_int_equal(fclose(out), 0);
  gp_key *key = any_key(GP_SEEDING_HASH, 2);
  const gp_key *keys[] = {key};
  const gp_corpus_input input = {path, {.format = GP_INPUT_TOKENS}};
  for (unsigned threads = 1; threads <= 4; threads++) {
    gp_corpus_options options = {.keys = keys, .n_keys = 1, .threads = threads};
    gp_corpus *corpus = NULL;
    gp_error problem = {0};
    assert_ok(gp_corpus_new(&options, &corpus, error));
    assert_int_equal(gp_corpus_run(corpus, &input, 1, NULL, &problem), GP_ERR_FORMAT);
    assert_non_null(strstr(problem.message, "bad.txt:7: "));
    gp_corpus_free(corpus);
    options.skip_bad = true;
    options.on_bad = note_bad;
    n_bad = 0;
    assert_ok(gp_corpus_new(&options, &corpus, error));
    assert_ok(gp_corpus_run(corpus, &input, 1, NULL, error));
    gp_corpus_input_facts facts;
    gp_corpus_get_input(corpus, 0, &facts);
    assert_int_equal(n_bad, 3);
    assert_int_equal(facts.bad, 3);
    assert_int_equal(facts.documents, 59997);
    gp_result result;
    gp_corpus_get_result(corpus, 0, &result);
    assert_int_equal(result.scored, 6);
    assert_int_equal(result.repeated, 59996 * 6);
    gp_corpus_free(corpus);
  }
  gp_key_free(key);
}

static uint8_t *slurp(const char *path, size_t *size) {
  FILE *in = fopen(path, "rb");
  assert_non_null(in);
  uint8_t *bytes = malloc(1 << 20);
  assert_non_null(bytes);
  *size = fread(bytes, 1, 1 << 20, in);
  assert_int_equal(fclose(in), 0);
  return bytes;
}

static gp_status merge_bytes(const uint8_t *bytes, size_t size, gp_error *problem) {
  char path[PATH_SIZE];
  in_folder(path, "damaged.gpp");
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, size, out), size);
  assert_int_equal(fclose(out), 0);
  const char *paths[] = {path};
  const gp_corpus_options options = {0};
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(&options, &corpus, error));
  const gp_status status = gp_corpus_merge(corpus, paths, 1, NULL, problem);
  gp_corpus_free(corpus);
  return status;
}

/* Every byte that is missing and every bit that is wrong is noticed. */
static void test_damaged_partials(void **state) {
  (void)state;
  char text[PATH_SIZE];
  char partial[PATH_SIZE];
  in_folder(text, "small.txt");
  in_folder(partial, "small.gpp");
  FILE *out = fopen(text, "w");
  assert_non_null(out);
  (void)fputs("1 2 3 4 5\n6 7 8 9\n1 2 3\n", out);
  assert_int_equal(fclose(out), 0);
  gp_key *key = any_key(GP_SEEDING_HASH, 2);
  const gp_key *keys[] = {key};
  const gp_corpus_input input = {text, {.format = GP_INPUT_TOKENS}};
  const gp_corpus_options options = {.keys = keys, .n_keys = 1, .settings = "s"};
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_ok(gp_corpus_run(corpus, &input, 1, partial, error));
  gp_corpus_free(corpus);
  size_t size = 0;
  uint8_t *bytes = slurp(partial, &size);
  gp_error problem = {0};
  assert_int_equal(merge_bytes(bytes, size, &problem), GP_OK);
  for (size_t length = 0; length < size; length++) {
    assert_int_not_equal(merge_bytes(bytes, length, &problem), GP_OK);
    assert_non_null(strstr(problem.message, "damaged.gpp"));
  }
  for (size_t i = 0; i < size * 8; i++) {
    bytes[i / 8] ^= (uint8_t)(1U << (i % 8));
    const gp_status status = merge_bytes(bytes, size, &problem);
    assert_true(status == GP_ERR_FORMAT || status == GP_ERR_VERSION);
    bytes[i / 8] ^= (uint8_t)(1U << (i % 8));
  }
  bytes[size] = 0;
  assert_int_equal(merge_bytes(bytes, size + 1, &problem), GP_ERR_FORMAT);
  free(bytes);

  /* It is never written over, and a failed run leaves none. */
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_int_equal(gp_corpus_run(corpus, &input, 1, partial, &problem), GP_ERR_EXISTS);
  gp_corpus_free(corpus);
  out = fopen(text, "w");
  assert_non_null(out);
  (void)fputs("1 2 three\n", out);
  assert_int_equal(fclose(out), 0);
  in_folder(partial, "failed.gpp");
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_int_equal(gp_corpus_run(corpus, &input, 1, partial, &problem), GP_ERR_FORMAT);
  gp_corpus_free(corpus);
  struct stat facts;
  assert_int_not_equal(stat(partial, &facts), 0);
  gp_key_free(key);
}

int main(void) {
  seed = test_seed();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_threads_and_memory, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_candidates, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_partials, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_documents, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_bad_lines, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_damaged_partials, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}

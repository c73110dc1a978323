/* The public side of a run: what it is given, and what came out. */
#include "corpus/corpus.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "corpus/feed.h"
#include "key/key.h"
#include "verify/result.h"

#define SCRATCH_DEFAULT "/var/tmp"

static gp_status check_options(const gp_corpus_options *options, gp_error *error) {
  if ((options->n_keys > 0 && options->keys == NULL) ||
      (options->n_tenants > 0 && options->tenants == NULL)) {
    return gp_fail_null(error, "gp_corpus_new", options->keys == NULL ? "keys" : "tenants");
  }
  if (options->n_keys == 0 && (options->n_tenants > 0 || options->tokenizer != NULL)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "gp_corpus_new: tenants and tokenizers do not go with a merge");
  }
  if (options->max_memory > 0 && options->max_memory < GP_CORPUS_MEMORY_MIN) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_corpus_new: max_memory is below 1 MiB");
  }
  if (options->settings != NULL && strlen(options->settings) > GP_SETTINGS_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_corpus_new: settings are longer than %d bytes",
                   GP_SETTINGS_MAX);
  }
  const bool several = options->n_keys > 1 || options->n_tenants > 1;
  if (several && options->on_document != NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "gp_corpus_new: documents are counted one by one for one key and tenant only");
  }
  for (size_t i = 0; i < options->n_keys; i++) {
    if (options->keys[i] == NULL) {
      return gp_fail_null(error, "gp_corpus_new", "keys[i]");
    }
  }
  return GP_OK;
}

static bool any_provable(const gp_corpus_options *options) {
  for (size_t i = 0; i < options->n_keys; i++) {
    if (options->keys[i]->scheme == GP_SCHEME_PROVABLE) {
      return true;
    }
  }
  return false;
}

/* The nonces of a provable key's tenants have nothing in common: every pair of a key and a tenant
 * is then counted as a key of its own. */
static gp_status set_pairs_as_keys(gp_corpus *corpus, gp_error *error) {
  const gp_corpus_options *options = &corpus->options;
  gp_work *work = &corpus->work;
  const size_t n_tenants = options->n_tenants;
  gp_status status = GP_OK;
  for (size_t i = 0; i < work->n_keys && status == GP_OK; i++) {
    status = gp_prf_init(&work->prfs[i], options->keys[i / n_tenants],
                         &options->tenants[i % n_tenants], error);
  }
  return status;
}

/* A sample is scored as a whole. */
static gp_status check_samples(const gp_corpus *corpus, gp_error *error) {
  for (size_t i = 0; i < corpus->work.n_keys; i++) {
    const gp_prf *prf = &corpus->work.prfs[i];
    if (corpus->options.on_document != NULL && gp_prf_refuse_sample(prf, NULL) != GP_OK) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "documents are not counted one by one where a proof is of a sample");
    }
  }
  return GP_OK;
}

/* Ciphers of every key, and the tweaks where there are several tenants. */
static gp_status set_keys(gp_corpus *corpus, gp_error *error) {
  const gp_corpus_options *options = &corpus->options;
  gp_work *work = &corpus->work;
  const bool many = work->n_tenants > 1;
  work->prfs = calloc(work->n_keys, sizeof *work->prfs);
  work->tweaks = many ? calloc(work->n_keys, options->n_tenants * GP_BLOCK_SIZE) : NULL;
  if (work->prfs == NULL || (many && work->tweaks == NULL)) {
    return gp_fail_memory(error, "keys");
  }
  if (work->n_keys > options->n_keys) {
    return set_pairs_as_keys(corpus, error);
  }
  gp_status status = GP_OK;
  for (size_t i = 0; i < work->n_keys && status == GP_OK; i++) {
    const uint64_t *tenant = options->n_tenants == 1 ? options->tenants : NULL;
    status = gp_prf_init(&work->prfs[i], options->keys[i], tenant, error);
    if (status == GP_OK && many) {
      status = gp_prf_tweaks(options->keys[i], options->tenants, options->n_tenants,
                             work->tweaks + i * options->n_tenants, error);
    }
  }
  return status == GP_OK ? check_samples(corpus, error) : status;
}

static gp_status set_header(gp_corpus *corpus, gp_error *error) {
  const gp_corpus_options *options = &corpus->options;
  gp_partial_header *header = &corpus->header;
  header->settings = strdup(options->settings != NULL ? options->settings : "");
  if (header->settings == NULL) {
    return gp_fail_memory(error, "settings");
  }
  corpus->has_header = true;
  header->scheme = options->keys[0]->scheme;
  header->params = gp_key_params(options->keys[0]);
  gp_key_commitment(options->keys[0], header->commitment);
  header->has_tenant = options->n_tenants == 1;
  header->tenant = header->has_tenant ? options->tenants[0] : 0;
  header->documents = options->partial_documents;
  return GP_OK;
}

static gp_status set_up(gp_corpus *corpus, gp_error *error) {
  const gp_corpus_options *options = &corpus->options;
  gp_work *work = &corpus->work;
  work->options = &corpus->options;
  work->n_keys = options->n_keys > 0 ? options->n_keys : 1;
  work->n_tenants = options->n_tenants > 1 ? options->n_tenants : 1;
  if (work->n_tenants > 1 && any_provable(options)) {
    if (work->n_keys > SIZE_MAX / work->n_tenants) {
      return gp_fail_memory(error, "keys and tenants");
    }
    work->n_keys *= work->n_tenants;
    work->n_tenants = 1;
  }
  work->documents = options->on_document != NULL;
  corpus->one_candidate = work->n_keys * work->n_tenants == 1;
  corpus->scratch = strdup(options->scratch != NULL ? options->scratch : SCRATCH_DEFAULT);
  corpus->tables = calloc(work->n_keys, sizeof *corpus->tables);
  corpus->positions = calloc(work->n_keys, sizeof *corpus->positions);
  corpus->scored = calloc(work->n_keys, sizeof *corpus->scored);
  corpus->green = calloc(work->n_keys, work->n_tenants * sizeof *corpus->green);
  if (corpus->scratch == NULL || corpus->tables == NULL || corpus->positions == NULL ||
      corpus->scored == NULL || corpus->green == NULL) {
    return gp_fail_memory(error, "a corpus");
  }
  corpus->budget.limit = options->max_memory;
  corpus->budget.scratch = corpus->scratch;
  for (size_t i = 0; i < work->n_keys; i++) {
    gp_coin_table_init(&corpus->tables[i], &corpus->budget);
  }
  if (options->n_keys == 0) {
    randombytes_buf(corpus->mask, sizeof corpus->mask);
    return GP_OK;
  }
  const gp_status status = set_keys(corpus, error);
  return status == GP_OK ? set_header(corpus, error) : status;
}

gp_status gp_corpus_new(const gp_corpus_options *options, gp_corpus **corpus, gp_error *error) {
  if (options == NULL || corpus == NULL) {
    return gp_fail_null(error, __func__, options == NULL ? "options" : "corpus");
  }
  gp_status status = check_options(options, error);
  if (status != GP_OK) {
    return status;
  }
  gp_corpus *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a corpus");
  }
  if (pthread_mutex_init(&made->inputs_lock, NULL) != 0) {
    free(made);
    return gp_fail_memory(error, "a lock");
  }
  made->options = *options;
  status = set_up(made, error);
  if (status != GP_OK) {
    gp_corpus_free(made);
    return status;
  }
  /* These belong to the caller, who may free them. */
  made->options.keys = NULL;
  made->options.tenants = NULL;
  *corpus = made;
  return GP_OK;
}

void gp_corpus_free(gp_corpus *corpus) {
  if (corpus == NULL) {
    return;
  }
  gp_work *work = &corpus->work;
  for (size_t i = 0; i < work->n_keys; i++) {
    if (work->prfs != NULL) {
      gp_prf_release(&work->prfs[i]);
    }
    if (corpus->tables != NULL) {
      gp_coin_table_release(&corpus->tables[i]);
    }
  }
  free(work->prfs);
  free(work->tweaks);
  free(corpus->tables);
  free(corpus->positions);
  free(corpus->scored);
  free(corpus->green);
  free(corpus->scratch);
  free(corpus->header.settings);
  for (size_t i = 0; i < corpus->n_inputs; i++) {
    free(corpus->names[i]);
  }
  free((void *)corpus->names);
  free(corpus->inputs);
  gp_partial_writer_free(corpus->writer);
  gp_ledger_release(&corpus->ledger);
  (void)pthread_mutex_destroy(&corpus->inputs_lock);
  free(corpus);
}

/* Room for one more in the two arrays of inputs. */
static bool grow_inputs(gp_corpus *corpus) {
  size_t capacity = corpus->inputs_capacity;
  gp_corpus_input_facts *inputs =
      gp_array_reserve(corpus->inputs, &capacity, corpus->n_inputs + 1, sizeof *inputs);
  if (inputs == NULL) {
    return false;
  }
  corpus->inputs = inputs;
  char **names = realloc((void *)corpus->names, capacity * sizeof(char *));
  if (names == NULL) {
    return false;
  }
  corpus->names = names;
  corpus->inputs_capacity = capacity;
  return true;
}

gp_status gp_corpus_add_input(gp_corpus *corpus, const char *name, gp_input_format format,
                              gp_error *error) {
  (void)pthread_mutex_lock(&corpus->inputs_lock);
  bool added = grow_inputs(corpus);
  if (added) {
    char **place = &corpus->names[corpus->n_inputs];
    *place = strdup(name);
    added = *place != NULL;
    corpus->inputs[corpus->n_inputs] = (gp_corpus_input_facts){.name = *place, .format = format};
    corpus->n_inputs += added;
  }
  (void)pthread_mutex_unlock(&corpus->inputs_lock);
  return added ? GP_OK : gp_fail_memory(error, "too many inputs");
}

gp_status gp_corpus_write_inputs(gp_corpus *corpus, size_t index, gp_error *error) {
  gp_status status = GP_OK;
  while (status == GP_OK && corpus->written_inputs <= index) {
    (void)pthread_mutex_lock(&corpus->inputs_lock);
    const bool exists = corpus->written_inputs < corpus->n_inputs;
    const gp_corpus_input_facts facts =
        exists ? corpus->inputs[corpus->written_inputs] : (gp_corpus_input_facts){0};
    (void)pthread_mutex_unlock(&corpus->inputs_lock);
    if (!exists) {
      break;
    }
    if (!corpus->writing_input) {
      status = gp_partial_begin_input(corpus->writer, facts.name, facts.format, error);
      corpus->writing_input = true;
    }
    if (corpus->written_inputs == index) {
      break;
    }
    if (status == GP_OK) {
      status = gp_partial_end_input(corpus->writer, &facts, error);
      corpus->writing_input = false;
      corpus->written_inputs++;
    }
  }
  return status;
}

/* A run whose feed is ready. */
static gp_status run_feed(gp_corpus *corpus, gp_feed *feed, const char *partial,
                          gp_error *error) {
  if (corpus->work.prfs == NULL) {
    corpus->work.documents = corpus->header.documents;
  }
  gp_ledger_init(&corpus->ledger, &corpus->header.params);
  gp_status status = GP_OK;
  if (partial != NULL) {
    status = gp_partial_create(partial, &corpus->header, corpus->mask, &corpus->writer, error);
  }
  if (status == GP_OK) {
    status = gp_engine_run(corpus, feed, error);
  }
  if (status == GP_OK && partial != NULL) {
    status = gp_corpus_write_inputs(corpus, corpus->n_inputs, error);
  }
  if (status == GP_OK && partial != NULL) {
    status = gp_partial_publish(corpus->writer, error);
  }
  gp_partial_writer_free(corpus->writer);
  corpus->writer = NULL;
  return status;
}

static gp_status check_use(gp_corpus *corpus, bool merge, const char *partial, gp_error *error) {
  const bool is_merge = corpus->work.prfs == NULL;
  if (corpus->used || is_merge != merge) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   corpus->used ? "a corpus is run once"
                   : merge      ? "gp_corpus_merge: the corpus has keys"
                                : "gp_corpus_run: the corpus has no key");
  }
  if (partial != NULL && !corpus->one_candidate) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "a partial file is written for one key and one tenant at most");
  }
  if (partial != NULL && !merge && gp_prf_refuse_sample(&corpus->work.prfs[0], NULL) != GP_OK) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "a partial file is not written where a proof is of a sample");
  }
  corpus->used = true;
  return GP_OK;
}

gp_status gp_corpus_run(gp_corpus *corpus, const gp_corpus_input *inputs, size_t n_inputs,
                        const char *partial, gp_error *error) {
  if (corpus == NULL || (inputs == NULL && n_inputs > 0)) {
    return gp_fail_null(error, __func__, corpus == NULL ? "corpus" : "inputs");
  }
  gp_status status = check_use(corpus, false, partial, error);
  for (size_t i = 0; i < n_inputs && status == GP_OK; i++) {
    gp_error reason;
    if (inputs[i].path == NULL) {
      return gp_fail_null(error, __func__, "path");
    }
    status = gp_reader_options_check(&inputs[i].options, &reason);
    if (status != GP_OK) {
      return gp_fail(error, status, "%s", reason.message);
    }
    status = gp_corpus_add_input(corpus, inputs[i].path, inputs[i].options.format, error);
  }
  gp_feed *feed = NULL;
  corpus->work.inputs = inputs;
  if (status == GP_OK) {
    status = gp_feed_files_new(corpus, &feed, error);
  }
  if (status == GP_OK) {
    status = run_feed(corpus, feed, partial, error);
  }
  gp_feed_files_free(feed);
  corpus->work.inputs = NULL;
  return status;
}

gp_status gp_corpus_merge(gp_corpus *corpus, const char *const *paths, size_t n_paths,
                          const char *partial, gp_error *error) {
  if (corpus == NULL || paths == NULL) {
    return gp_fail_null(error, __func__, corpus == NULL ? "corpus" : "paths");
  }
  for (size_t i = 0; i < n_paths; i++) {
    if (paths[i] == NULL) {
      return gp_fail_null(error, __func__, "paths[i]");
    }
  }
  if (n_paths == 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gp_corpus_merge: no partial file is given");
  }
  gp_status status = check_use(corpus, true, partial, error);
  gp_feed *feed = NULL;
  if (status == GP_OK) {
    status = gp_feed_partials_new(corpus, paths, n_paths, &feed, error);
  }
  if (status == GP_OK) {
    status = run_feed(corpus, feed, partial, error);
  }
  gp_feed_partials_free(feed);
  return status;
}

/* ----------------------------------------------------------------- results */

void gp_corpus_get_info(const gp_corpus *corpus, gp_corpus_info *info) {
  const gp_partial_header *header = &corpus->header;
  *info = (gp_corpus_info){.scheme = gp_scheme_id(header->scheme),
                           .params = header->params,
                           .has_tenant = header->has_tenant,
                           .tenant = header->tenant,
                           .n_candidates = corpus->work.n_keys * corpus->work.n_tenants,
                           .n_inputs = corpus->n_inputs,
                           .documents = corpus->work.documents,
                           .settings = header->settings != NULL ? header->settings : ""};
  memcpy(info->commitment, header->commitment, sizeof info->commitment);
  gp_key_id_of(header->commitment, info->key_id);
}

void gp_corpus_get_input(const gp_corpus *corpus, size_t i, gp_corpus_input_facts *facts) {
  *facts = corpus->inputs[i];
}

void gp_corpus_get_result(const gp_corpus *corpus, size_t i, gp_result *result) {
  const size_t key = i / corpus->work.n_tenants;
  const gp_params *params =
      corpus->work.prfs != NULL ? &corpus->work.prfs[key].params : &corpus->header.params;
  *result = (gp_result){.documents = corpus->documents,
                        .tokens = corpus->tokens,
                        .scored = corpus->scored[key],
                        .green = corpus->green[i]};
  const uint64_t positions = corpus->work.prfs != NULL ? corpus->positions[key] : corpus->windows;
  result->repeated = positions - result->scored;
  gp_result_test(params, result);
}

void gp_corpus_get_evidence(const gp_corpus *corpus, gp_corpus_evidence *evidence) {
  *evidence = corpus->ledger.evidence;
}

size_t gp_corpus_get_curve(const gp_corpus *corpus, const gp_corpus_point **points) {
  *points = corpus->ledger.points;
  return corpus->ledger.n_points;
}

#include "scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "html/report_html.h"
#include "progress.h"
#include "reading.h"

#define SEGMENTS_PER_DOCUMENT 256
#define CANDIDATES_LISTED     1000
#define SHOWN_TOKENS_MAX      ((size_t)1 << 22) /* with the documents that have segments */
#define SPARE                 ((size_t)500)     /* places of the page kept for such documents */

typedef struct scan_state {
  const scan_plan *plan;
  findings *all;
  gp_weigher *weigher; /* NULL without weights */
  gp_expectations *expectations;
  gp_params params; /* of the only key */
  size_t document;  /* index of the next one */
} scan_state;

void findings_free(findings *all) {
  gp_corpus_free(all->corpus);
  for (size_t i = 0; i < all->n_shown; i++) {
    free(all->shown[i].block);
  }
  free(all->shown);
  free(all->documents);
  free(all->segments);
  free(all->candidates);
  *all = (findings){0};
}

cli_evidence findings_evidence(const findings *all) {
  return (cli_evidence){.found = all->found,
                        .weighted = all->weighted,
                        .key_id = all->best.key_id,
                        .params = all->best.params,
                        .alpha = all->alpha,
                        .bill = all->bill,
                        .scored = all->best.result.scored,
                        .log10_p = all->weighted ? all->weights.log10_p_corrected
                                                 : all->best.log10_p_corrected};
}

static gp_status fail_memory(gp_error *error, const char *what) {
  *error = (gp_error){.status = GP_ERR_MEMORY};
  (void)snprintf(error->message, sizeof error->message, "out of memory: %s", what);
  return GP_ERR_MEMORY;
}

/* Room for one more; NULL without memory. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) {
    return items;
  }
  const size_t wanted = *capacity > 0 ? 2 * *capacity : 64;
  if (wanted > SIZE_MAX / 2 / size) {
    return NULL;
  }
  void *grown = realloc(items, wanted * size);
  if (grown != NULL) {
    *capacity = wanted;
  }
  return grown;
}

static gp_status keep_counts(findings *all, const gp_corpus_document *document, gp_error *error) {
  document_findings *documents =
      grow(all->documents, all->n_documents, &all->documents_capacity, sizeof *documents);
  if (documents == NULL) {
    return fail_memory(error, "too many documents for --per-document");
  }
  all->documents = documents;
  documents[all->n_documents++] = (document_findings){.input = document->input,
                                                      .line = document->line,
                                                      .tokens = document->alone.tokens,
                                                      .scored = document->alone.scored,
                                                      .repeated = document->alone.repeated,
                                                      .green = document->alone.green,
                                                      .log10_p = document->alone.log10_p};
  return GP_OK;
}

/* Segments that pass before the number of documents is known are a superset of those that
 * pass after. */
static gp_status locate(scan_state *state, const gp_corpus_document *document, gp_error *error) {
  findings *all = state->all;
  gp_segment found[SEGMENTS_PER_DOCUMENT];
  size_t n_found = 0;
  const gp_status status =
      gp_locate(document->colours, document->n_tokens, state->params.gamma_num,
                state->params.gamma_log2_den, log10(all->alpha), found, SEGMENTS_PER_DOCUMENT,
                &n_found, error);
  for (size_t i = 0; i < n_found && status == GP_OK; i++) {
    segment_findings *segments =
        grow(all->segments, all->n_segments, &all->segments_capacity, sizeof *segments);
    if (segments == NULL) {
      return fail_memory(error, "too many segments for --locate");
    }
    all->segments = segments;
    segment_findings *kept = &segments[all->n_segments++];
    *kept = (segment_findings){.document = state->document,
                               .input = document->input,
                               .line = document->line,
                               .segment = found[i],
                               .has_bytes = document->text != NULL};
    if (document->text != NULL) {
      kept->first_byte = found[i].first > 0 ? document->ends[found[i].first - 1] : 0;
      kept->end_byte = document->ends[found[i].end - 1];
    }
  }
  return status;
}

/* Copies a document for the page: everything it points to goes into one block. */
static gp_status show(scan_state *state, const gp_corpus_document *document, gp_error *error) {
  findings *all = state->all;
  const bool has_segments =
      all->n_segments > 0 && all->segments[all->n_segments - 1].document == state->document;
  const size_t limit = has_segments ? SHOWN_TOKENS_MAX : HTML_TOKENS;
  const size_t spare = all->located && !has_segments ? SPARE : 0;
  if (all->shown_tokens >= limit || all->n_shown >= HTML_DOCUMENTS - spare) {
    return GP_OK;
  }
  shown_document *shown = grow(all->shown, all->n_shown, &all->shown_capacity, sizeof *shown);
  const size_t n = document->n_tokens;
  const size_t size = n * (sizeof(size_t) + sizeof(uint32_t) + 1) + document->n_bytes + 1;
  char *block = malloc(size);
  if (shown == NULL || block == NULL) {
    free(block);
    all->shown = shown != NULL ? shown : all->shown;
    return fail_memory(error, "the documents of --html");
  }
  all->shown = shown;
  size_t *ends = (size_t *)(void *)block;
  uint32_t *tokens = (uint32_t *)(void *)(ends + n);
  uint8_t *colours = (uint8_t *)(tokens + n);
  char *text = (char *)(colours + n);
  shown_document *kept = &shown[all->n_shown++];
  *kept = (shown_document){.number = state->document, .document = *document, .block = block};
  if (n > 0) {
    memcpy(tokens, document->tokens, n * sizeof *tokens);
    memcpy(colours, document->colours, n);
  }
  kept->document.tokens = tokens;
  kept->document.colours = colours;
  if (document->text != NULL) {
    memcpy(text, document->text, document->n_bytes);
    if (n > 0) {
      memcpy(ends, document->ends, n * sizeof *ends);
    }
    kept->document.text = text;
    kept->document.ends = ends;
  }
  all->shown_tokens += n;
  return GP_OK;
}

static gp_status on_document(void *user, const gp_corpus_document *document, gp_error *error) {
  scan_state *state = user;
  const scan_plan *plan = state->plan;
  gp_status status = GP_OK;
  if (state->all->per_document) {
    status = keep_counts(state->all, document, error);
  }
  if (status == GP_OK && plan->locate) {
    status = locate(state, document, error);
  }
  if (status == GP_OK && plan->show) {
    status = show(state, document, error);
  }
  if (status == GP_OK && state->weigher != NULL) {
    status = gp_weigher_add(state->weigher, document->tokens, document->n_tokens,
                            state->expectations, error);
  }
  state->document++;
  return status;
}

static void on_bad(void *user, const char *message) {
  const scan_state *state = user;
  reading_left_out(state->plan->command, message, &state->all->bad);
}

static void on_progress(void *user, uint64_t bytes, uint64_t tokens) {
  (void)user;
  progress_update(bytes, tokens);
}

/* ------------------------------------------------------------------ before */

static gp_status open_weights(scan_state *state, gp_error *error) {
  const scan_plan *plan = state->plan;
  const gp_verifier_options tenant = {plan->n_tenants == 1,
                                      plan->n_tenants == 1 ? plan->tenants[0] : 0};
  const gp_status status = gp_weigher_new(plan->keys[0], &tenant, &state->weigher, error);
  return status == GP_OK ? gp_expectations_open(plan->weights, &state->expectations, error)
                         : status;
}

static gp_status run(const scan_plan *plan, findings *all, scan_state *state, gp_error *error) {
  const bool documents = plan->n_keys == 0 || plan->per_document || plan->locate || plan->show ||
                         plan->weights != NULL;
  const char *scratch = getenv("TMPDIR");
  const gp_corpus_options options = {
      .keys = (const gp_key *const *)plan->keys,
      .n_keys = plan->n_keys,
      .tenants = plan->tenants,
      .n_tenants = plan->n_tenants,
      .tokenizer = plan->tokenizer,
      .threads = plan->threads,
      .max_memory = plan->max_memory,
      .scratch = scratch != NULL && scratch[0] != '\0' ? scratch : NULL,
      .skip_bad = plan->skip_bad,
      .settings = plan->settings,
      .partial_documents = plan->per_document,
      .on_document = documents ? on_document : NULL,
      .on_bad = on_bad,
      .on_progress = on_progress,
      .user = state,
  };
  gp_status status = gp_corpus_new(&options, &all->corpus, error);
  if (status != GP_OK) {
    return status;
  }
  if (plan->n_keys > 0) {
    return gp_corpus_run(all->corpus, plan->inputs, plan->n_inputs, plan->partial, error);
  }
  const char **paths = calloc(plan->n_inputs, sizeof *paths);
  if (paths == NULL) {
    return fail_memory(error, "too many files");
  }
  for (size_t i = 0; i < plan->n_inputs; i++) {
    paths[i] = plan->inputs[i].path;
  }
  status = gp_corpus_merge(all->corpus, paths, plan->n_inputs, plan->partial, error);
  free((void *)paths);
  return status;
}

/* ------------------------------------------------------------------- after */

static gp_status set_q_values(findings *all, gp_error *error) {
  double *log10_q = malloc((all->n_documents + 1) * sizeof *log10_q);
  if (log10_q == NULL) {
    return fail_memory(error, "too many documents for --per-document");
  }
  for (size_t i = 0; i < all->n_documents; i++) {
    log10_q[i] = all->documents[i].log10_p;
  }
  const gp_status status = gp_benjamini_hochberg(log10_q, all->n_documents, log10_q, error);
  for (size_t i = 0; i < all->n_documents && status == GP_OK; i++) {
    all->documents[i].log10_q = log10_q[i];
  }
  free(log10_q);
  return status;
}

static int by_p_of_segments(const void *a, const void *b) {
  const segment_findings *x = a;
  const segment_findings *y = b;
  if (x->segment.log10_p_corrected != y->segment.log10_p_corrected) {
    return x->segment.log10_p_corrected < y->segment.log10_p_corrected ? -1 : 1;
  }
  if (x->document != y->document) {
    return x->document < y->document ? -1 : 1;
  }
  return x->segment.first < y->segment.first ? -1 : x->segment.first > y->segment.first;
}

/* Pays for having searched all documents, and drops what does not pass any more. */
static void correct_segments(findings *all, uint64_t documents) {
  const double log10_times =
      log10((double)all->bill.times) + (documents > 0 ? log10((double)documents) : 0);
  size_t kept = 0;
  for (size_t i = 0; i < all->n_segments; i++) {
    segment_findings segment = all->segments[i];
    segment.segment.log10_p_corrected = fmin(0, segment.segment.log10_p_corrected + log10_times);
    if (segment.segment.log10_p_corrected <= log10(all->alpha)) {
      all->segments[kept++] = segment;
    }
  }
  all->n_segments = kept;
  if (kept > 0) {
    qsort(all->segments, kept, sizeof *all->segments, by_p_of_segments);
  }
}

static candidate_findings candidate(const scan_plan *plan, const findings *all, size_t i) {
  candidate_findings one = {.index = i,
                            .scheme = all->info.scheme,
                            .params = all->info.params,
                            .tenant = {all->info.has_tenant, all->info.tenant}};
  memcpy(one.key_id, all->info.key_id, sizeof one.key_id);
  memcpy(one.commitment, all->info.commitment, sizeof one.commitment);
  if (plan->n_keys > 0) {
    const size_t tenants = plan->n_tenants > 0 ? plan->n_tenants : 1;
    const gp_key *key = plan->keys[i / tenants];
    one.scheme = gp_key_scheme(key);
    one.params = gp_key_params(key);
    gp_key_id(key, one.key_id);
    gp_key_commitment(key, one.commitment);
    one.tenant.has_tenant = plan->n_tenants > 0;
    one.tenant.tenant = plan->n_tenants > 0 ? plan->tenants[i % tenants] : 0;
  }
  gp_corpus_get_result(all->corpus, i, &one.result);
  one.log10_p_corrected = fmin(0, one.result.log10_p + log10((double)all->bill.times));
  return one;
}

static int by_p_of_candidates(const void *a, const void *b) {
  const candidate_findings *x = a;
  const candidate_findings *y = b;
  if (x->result.log10_p != y->result.log10_p) {
    return x->result.log10_p < y->result.log10_p ? -1 : 1;
  }
  return x->index < y->index ? -1 : x->index > y->index;
}

static gp_status list_candidate(findings *all, size_t *capacity, const candidate_findings *one,
                                gp_error *error) {
  candidate_findings *list = grow(all->candidates, all->n_found, capacity, sizeof *list);
  if (list == NULL) {
    return fail_memory(error, "the list of candidates");
  }
  all->candidates = list;
  list[all->n_found++] = *one;
  return GP_OK;
}

static gp_status make_out_bill(const scan_plan *plan, findings *all, gp_error *error) {
  const uint64_t keys = plan->n_keys > 0 ? plan->n_keys : 1;
  const uint64_t tenants = all->n_candidates / keys;
  const bool has_tenant = plan->n_keys > 0 ? plan->n_tenants > 0 : all->info.has_tenant;
  const uint64_t sizes = all->proof != NULL ? all->proof->sizes : 1;
  all->committed = &plan->price->committed;
  if (price_sum(plan->price, keys, tenants, has_tenant, sizes, &all->bill)) {
    return GP_OK;
  }
  *error = (gp_error){.status = GP_ERR_ARGUMENT};
  (void)snprintf(error->message, sizeof error->message,
                 "p would have to pay for more than 2^63 - 1 tests: choose a smaller --tests");
  return error->status;
}

/* The best candidate, and a list of those found. The first of equals is the best. */
static gp_status judge_candidates(const scan_plan *plan, findings *all, gp_error *error) {
  const double log10_alpha = log10(all->alpha);
  all->n_candidates = all->info.n_candidates;
  gp_status status = make_out_bill(plan, all, error);
  size_t capacity = 0;
  for (size_t i = 0; i < all->n_candidates && status == GP_OK; i++) {
    const candidate_findings one = candidate(plan, all, i);
    const bool better = i == 0 || one.result.log10_p < all->best.result.log10_p;
    all->best = better ? one : all->best;
    if (all->n_candidates > 1 && one.log10_p_corrected <= log10_alpha) {
      status = list_candidate(all, &capacity, &one, error);
    }
  }
  if (status != GP_OK || all->n_candidates == 1) {
    return status;
  }
  if (all->n_found == 0) {
    status = list_candidate(all, &capacity, &all->best, error);
  }
  if (status == GP_OK) {
    qsort(all->candidates, all->n_found, sizeof *all->candidates, by_p_of_candidates);
    all->n_found = all->n_found < CANDIDATES_LISTED ? all->n_found : CANDIDATES_LISTED;
  }
  return status;
}

static gp_status finish_weights(scan_state *state, gp_error *error) {
  findings *all = state->all;
  gp_status status = gp_expectations_finish(state->expectations, error);
  if (status == GP_OK) {
    status = gp_weigher_result(state->weigher, &all->weights.result, error);
  }
  if (status != GP_OK) {
    return status;
  }
  all->weighted = true;
  all->weights.log10_p_corrected =
      fmin(0, all->weights.result.log10_p + log10((double)all->bill.times));
  gp_weigher_get_counts(state->weigher, &all->weights.counts);
  gp_expectations_get_info(state->expectations, &all->weights.model);
  return GP_OK;
}

/* A verdict about nothing would be taken for one about the text. */
static gp_status check_documents(const findings *all, gp_error *error) {
  if (all->best.result.documents > 0) {
    return GP_OK;
  }
  uint64_t bad = 0;
  for (size_t i = 0; i < all->info.n_inputs; i++) {
    gp_corpus_input_facts input;
    gp_corpus_get_input(all->corpus, i, &input);
    bad += input.bad;
  }
  *error = (gp_error){.status = GP_ERR_FORMAT};
  if (bad > 0) {
    (void)snprintf(error->message, sizeof error->message,
                   "no document was read; lines left out: %" PRIu64, bad);
  } else {
    (void)snprintf(error->message, sizeof error->message,
                   "no document was read: the inputs hold none, or no message of that role");
  }
  return error->status;
}

static gp_status judge(const scan_plan *plan, scan_state *state, gp_error *error) {
  findings *all = state->all;
  gp_corpus_get_info(all->corpus, &all->info);
  all->per_document = all->per_document && all->info.documents;
  gp_status status = judge_candidates(plan, all, error);
  if (status == GP_OK) {
    status = check_documents(all, error);
  }
  if (status == GP_OK && all->n_candidates == 1) {
    gp_corpus_get_evidence(all->corpus, &all->evidence);
  }
  if (status == GP_OK && all->per_document) {
    status = set_q_values(all, error);
  }
  if (status == GP_OK && plan->locate) {
    correct_segments(all, all->best.result.documents);
  }
  if (status == GP_OK && state->weigher != NULL) {
    status = finish_weights(state, error);
  }
  const double log10_p =
      all->weighted ? all->weights.log10_p_corrected : all->best.log10_p_corrected;
  all->found = log10_p <= log10(all->alpha);
  return status;
}

int scan(const scan_plan *plan, findings *all) {
  gp_error error;
  scan_state state = {.plan = plan, .all = all};
  gp_status status = GP_OK;
  all->alpha = plan->alpha;
  all->proof = plan->proof;
  all->located = plan->locate;
  all->per_document = plan->per_document;
  if (plan->n_keys > 0) {
    state.params = gp_key_params(plan->keys[0]);
  }
  if (plan->weights != NULL) {
    status = open_weights(&state, &error);
  }
  if (status == GP_OK) {
    progress_start(reading_total_bytes(plan->inputs, plan->n_inputs), plan->no_progress);
    status = run(plan, all, &state, &error);
    progress_end();
  }
  if (status == GP_OK) {
    status = judge(plan, &state, &error);
  }
  gp_weigher_free(state.weigher);
  gp_expectations_free(state.expectations);
  return status == GP_OK ? CLI_OK : cli_fail(plan->command, "%s", error.message);
}

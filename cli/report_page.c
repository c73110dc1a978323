/* The findings as the page shows them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "html/report_html.h"
#include "html/whole_file.h"
#include "inputs.h"
#include "json_parts.h"
#include "report.h"

#define ROW_SIZE 256 /* PRICE_COMMITTED_SIZE, and more */

typedef struct page {
  html_report report;
  html_input *inputs;
  html_point *points;
  html_document *documents;
  gp_segment *segments; /* of the shown documents, in their order */
  html_row rows[10];
  char values[10][ROW_SIZE];
} page;

static void release(page *made) {
  free(made->inputs);
  free(made->points);
  free(made->documents);
  free(made->segments);
}

static bool set_inputs(page *made, const findings *all) {
  made->inputs = calloc(all->info.n_inputs + 1, sizeof *made->inputs);
  if (made->inputs == NULL) {
    return false;
  }
  for (size_t i = 0; i < all->info.n_inputs; i++) {
    gp_corpus_input_facts facts;
    gp_corpus_get_input(all->corpus, i, &facts);
    made->inputs[i] = (html_input){.name = facts.name,
                                   .format = gp_input_format_name(facts.format),
                                   .gzip = facts.file.gzip,
                                   .bytes = facts.file.bytes,
                                   .documents = facts.documents,
                                   .tokens = facts.tokens};
    memcpy(made->inputs[i].sha256, facts.file.sha256, sizeof facts.file.sha256);
  }
  made->report.inputs = made->inputs;
  made->report.n_inputs = all->info.n_inputs;
  return true;
}

static bool set_points(page *made, const findings *all) {
  const gp_corpus_point *points = NULL;
  const size_t count = gp_corpus_get_curve(all->corpus, &points);
  made->points = calloc(count + 1, sizeof *made->points);
  if (made->points == NULL) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    made->points[i] =
        (html_point){points[i].documents, points[i].scored, points[i].green, points[i].log10_e};
  }
  made->report.points = made->points;
  made->report.n_points = count;
  return true;
}

/* The segments of a document, the best first as they are in the findings. */
static size_t take_segments(const findings *all, size_t document, gp_segment *out) {
  size_t count = 0;
  for (size_t i = 0; i < all->n_segments; i++) {
    if (all->segments[i].document == document) {
      out[count++] = all->segments[i].segment;
    }
  }
  return count;
}

static bool set_documents(page *made, const findings *all) {
  made->documents = calloc(all->n_shown + 1, sizeof *made->documents);
  made->segments = calloc(all->n_segments + 1, sizeof *made->segments);
  if (made->documents == NULL || made->segments == NULL) {
    return false;
  }
  gp_segment *next = made->segments;
  for (size_t i = 0; i < all->n_shown; i++) {
    const gp_corpus_document *document = &all->shown[i].document;
    const size_t n_segments = take_segments(all, all->shown[i].number, next);
    made->documents[i] = (html_document){
        .number = all->shown[i].number,
        .input = document->input,
        .line = document->line,
        .tokens = document->tokens,
        .n_tokens = document->n_tokens,
        .colours = document->colours,
        .text = document->text,
        .n_bytes = document->n_bytes,
        .ends = document->ends,
        .alone = document->alone,
        .has_q = all->per_document,
        .log10_q = all->per_document ? all->documents[all->shown[i].number].log10_q : 0,
        .segments = next,
        .n_segments = n_segments};
    next += n_segments;
  }
  made->report.documents = made->documents;
  made->report.n_documents = all->n_shown;
  return true;
}

static void add_row(page *made, const char *label) {
  const size_t i = made->report.n_rows++;
  made->rows[i] = (html_row){label, made->values[i]};
  made->report.rows = made->rows;
}

/* Where the text to a row that add_row() then adds goes. */
static char *next_value(page *made) {
  return made->values[made->report.n_rows];
}

static void set_price_rows(page *made, const findings *all) {
  char p[CLI_P_SIZE];
  char bill[CLI_BILL_SIZE];
  if (all->committed->file != NULL) {
    (void)price_describe_committed(next_value(made), all->committed);
    add_row(made, "Keys committed to");
  }
  if (all->bill.times > 1) {
    (void)snprintf(next_value(made), ROW_SIZE, "%s: %s%s",
                   cli_describe_p(p, all->best.log10_p_corrected),
                   cli_describe_bill(bill, &all->bill), all->weighted ? "" : "; decides");
    add_row(made, "p-value, corrected");
  }
}

static void set_weighted_rows(page *made, const findings *all) {
  if (!all->weighted) {
    return;
  }
  const weighted_findings *weights = &all->weights;
  char p[CLI_P_SIZE];
  (void)snprintf(next_value(made), ROW_SIZE, "%s", weights->model.label);
  add_row(made, "Reference model");
  (void)snprintf(next_value(made), ROW_SIZE, "p at most %s, z %.2f; decides",
                 cli_describe_p(p, weights->log10_p_corrected), weights->result.z);
  add_row(made, "Weighted test");
  (void)snprintf(next_value(made), ROW_SIZE, "%s, an approximation",
                 cli_describe_p(p, weights->result.log10_p_saddlepoint));
  add_row(made, "Weighted test, saddlepoint");
}

/* Says how many segments there are, where the page cannot show them all. */
static void set_segment_row(page *made, const findings *all) {
  size_t shown = 0;
  for (size_t i = 0; i < all->n_shown; i++) {
    shown += made->documents[i].n_segments;
  }
  if (all->located && shown < all->n_segments) {
    (void)snprintf(next_value(made), ROW_SIZE,
                   "%zu in all, %zu of them in the documents shown here; the others are in the "
                   "text and JSON reports",
                   all->n_segments, shown);
    add_row(made, "Located segments");
  }
}

/* The facts of the proof that the page rests on. */
static void set_proof_rows(page *made, const findings *all) {
  const gp_proof_info *proof = all->proof;
  if (proof == NULL) {
    return;
  }
  char sha256[2 * sizeof proof->file_sha256 + 1];
  json_hex(sha256, sizeof sha256, proof->file_sha256, sizeof proof->file_sha256);
  (void)cli_describe_proof(next_value(made), proof);
  add_row(made, "Proved");
  (void)snprintf(next_value(made), ROW_SIZE, "%" PRIu64 " bytes, SHA-256 %s", proof->file_size,
                 sha256);
  add_row(made, "Proof");
  json_hex(next_value(made), ROW_SIZE, proof->public_key.element,
           sizeof proof->public_key.element);
  add_row(made, "Public key");
  json_hex(next_value(made), ROW_SIZE, proof->text_sha256, sizeof proof->text_sha256);
  add_row(made, "Digest of the text");
}

static const char *describe_normalization(unsigned normalize, char *out, size_t size) {
  (void)snprintf(out, size, "%s%s%s",
                 (normalize & GP_NORMALIZE_NEWLINES) != 0 ? "line ends to LF; " : "",
                 (normalize & GP_NORMALIZE_TRAILING) != 0 ? "trailing blanks removed; " : "",
                 (normalize & GP_NORMALIZE_NFC) != 0 ? "Unicode form C; " : "");
  out[strlen(out) - 2] = '\0';
  return out;
}

/* One wrong completion of a name, and a key would be gone. */
static bool may_be_replaced(const char *path) {
  static const char start[] = "<!DOCTYPE html";
  char bytes[sizeof start - 1];
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) {
    return errno == ENOENT || errno == EACCES; /* whole_file_open() says what is wrong */
  }
  const ssize_t got = read(fd, bytes, sizeof bytes);
  (void)close(fd);
  return got <= 0 ||
         ((size_t)got == sizeof bytes && strncasecmp(bytes, start, sizeof bytes) == 0);
}

int report_check_page(const char *command, const char *path) {
  struct stat facts;
  whole_file file;
  if (path == NULL) {
    return CLI_OK;
  }
  if (*path == '\0') {
    return cli_fail(command, "--html: the name is empty: name a file for the page");
  }
  if (strcmp(path, "-") == 0) {
    return cli_fail(command, "--html -: the page goes to a file, not to standard output");
  }
  if (inputs_is_open_as(path, STDOUT_FILENO)) {
    return cli_fail(command, "--html %s: standard output goes to that file: choose another",
                    path);
  }
  if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) {
    return CLI_OK; /* a pipe may not be opened twice */
  }
  if (!may_be_replaced(path)) {
    return cli_fail(command,
                    "--html %s would replace a file that is no page: choose another name", path);
  }
  if (!whole_file_open(&file, path)) {
    return cli_fail(command, "--html %s: cannot be written: %s", path, strerror(errno));
  }
  whole_file_abandon(&file);
  return CLI_OK;
}

int report_check_spared(const char *command, const char *path, const char *const *files,
                        size_t n_files) {
  for (size_t i = 0; path != NULL && i < n_files; i++) {
    if (inputs_same_file(path, files[i])) {
      return cli_fail(command, "--html %s would replace a file of this very run", path);
    }
  }
  return CLI_OK;
}

int report_write_page(const char *command, const char *path, const findings *all,
                      const gp_tokenizer *tokenizer, const char *tokenizer_name,
                      unsigned normalize) {
  const candidate_findings *best = &all->best;
  gp_tokenizer_info info;
  const cli_evidence evidence = findings_evidence(all);
  char meaning[CLI_MEANING_SIZE];
  char normalization[96];
  page made = {.report = {.key_id = best->key_id,
                          .scheme = best->scheme,
                          .params = best->params,
                          .has_tenant = best->tenant.has_tenant,
                          .tenant = best->tenant.tenant,
                          .alpha = all->alpha,
                          .found = all->found,
                          .result = best->result,
                          .corrected = all->bill.times > 1,
                          .log10_e = all->evidence.log10_e,
                          .log10_e_max = all->evidence.log10_e_largest,
                          .meaning = cli_describe_meaning(meaning, &evidence),
                          .tokenizer = tokenizer_name,
                          .normalization = normalize == 0
                                               ? NULL
                                               : describe_normalization(normalize, normalization,
                                                                        sizeof normalization),
                          .located = all->located}};
  memcpy(made.report.commitment, best->commitment, sizeof made.report.commitment);
  if (tokenizer != NULL) {
    gp_tokenizer_get_info(tokenizer, &info);
    made.report.tokenizer_model = info.model;
    made.report.tokenizer_sha256 = info.sha256;
  }
  set_price_rows(&made, all);
  set_weighted_rows(&made, all);
  set_proof_rows(&made, all);
  int status = CLI_OK;
  if (!set_inputs(&made, all) || !set_points(&made, all) || !set_documents(&made, all)) {
    status = cli_fail(command, "out of memory: the page of --html");
  } else {
    set_segment_row(&made, all);
    status = report_write_html(command, path, &made.report);
  }
  release(&made);
  return status;
}

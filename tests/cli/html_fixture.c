/* Drives the parts of the command that tests want to see with inputs of their own.
 *
 *   cli_fixture html DESCRIPTION.json OUT.html   the page of what is described
 *   cli_fixture progress TOTAL STEPS MILLISECONDS plain|pipe|quiet|warn
 *
 * In a description strings that may be any bytes are hexadecimal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <sodium.h>

#include "cli.h"
#include "html/report_html.h"
#include "progress.h"

static void *need(void *pointer) {
  if (pointer == NULL) {
    (void)fputs("cli_fixture: out of memory or bad description\n", stderr);
    exit(3);
  }
  return pointer;
}

/* Everything is allocated to its exact size, so that sanitizers see a byte too much, and is
 * not freed: the program ends. */
static void *array_of(const json_t *array, size_t item) {
  const size_t n = json_array_size(array);
  return need(calloc(n > 0 ? n : 1, item));
}

static char *bytes_of(const json_t *object, const char *name, size_t *size) {
  const char *hex = json_string_value(json_object_get(object, name));
  if (hex == NULL) {
    return NULL;
  }
  const size_t length = strlen(hex) / 2;
  unsigned char *bytes = need(malloc(length + (size == NULL) + (length == 0)));
  if (sodium_hex2bin(bytes, length, hex, 2 * length, NULL, NULL, NULL) != 0) {
    need(NULL);
  }
  if (size != NULL) {
    *size = length;
  } else {
    bytes[length] = 0;
  }
  return (char *)bytes;
}

static uint64_t count_of(const json_t *object, const char *name) {
  return (uint64_t)json_integer_value(json_object_get(object, name));
}

static double real_of(const json_t *object, const char *name) {
  return json_number_value(json_object_get(object, name));
}

static gp_result result_of(const json_t *object, double gamma) {
  gp_result result = {.documents = count_of(object, "documents"),
                      .tokens = count_of(object, "tokens"),
                      .scored = count_of(object, "scored"),
                      .repeated = count_of(object, "repeated"),
                      .green = count_of(object, "green"),
                      .log10_p = real_of(object, "log10_p")};
  result.z = gp_z_score(result.scored, result.green, gamma);
  return result;
}

static void read_inputs(const json_t *array, html_report *report) {
  html_input *inputs = array_of(array, sizeof *inputs);
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *object = json_array_get(array, i);
    inputs[i] = (html_input){.name = need(bytes_of(object, "name", NULL)),
                             .format = "text",
                             .bytes = count_of(object, "bytes"),
                             .documents = count_of(object, "documents"),
                             .tokens = count_of(object, "tokens")};
  }
  report->inputs = inputs;
  report->n_inputs = json_array_size(array);
}

static gp_segment *read_segments(const json_t *array) {
  gp_segment *segments = array_of(array, sizeof *segments);
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *object = json_array_get(array, i);
    segments[i] = (gp_segment){.first = count_of(object, "first"),
                               .end = count_of(object, "end"),
                               .scored = count_of(object, "scored"),
                               .green = count_of(object, "green"),
                               .log10_p = real_of(object, "log10_p"),
                               .log10_p_corrected = real_of(object, "log10_p_corrected")};
  }
  return segments;
}

static html_document read_document(const json_t *object, double gamma) {
  const json_t *tokens = json_object_get(object, "tokens");
  const json_t *ends = json_object_get(object, "ends");
  const json_t *colours = json_object_get(object, "colours");
  const json_t *segments = json_object_get(object, "segments");
  const size_t n = json_array_size(tokens);
  uint32_t *ids = array_of(tokens, sizeof *ids);
  size_t *offsets = array_of(ends, sizeof *offsets);
  uint8_t *drawn = array_of(colours, 1);
  for (size_t i = 0; i < n; i++) {
    ids[i] = (uint32_t)json_integer_value(json_array_get(tokens, i));
    drawn[i] = (uint8_t)json_integer_value(json_array_get(colours, i));
  }
  for (size_t i = 0; i < json_array_size(ends); i++) {
    offsets[i] = (size_t)json_integer_value(json_array_get(ends, i));
  }
  html_document document = {.line = count_of(object, "line"),
                            .input = count_of(object, "input"),
                            .tokens = ids,
                            .n_tokens = n,
                            .colours = drawn,
                            .ends = offsets,
                            .alone = result_of(json_object_get(object, "alone"), gamma),
                            .has_q = json_object_get(object, "log10_q") != NULL,
                            .log10_q = real_of(object, "log10_q"),
                            .segments = read_segments(segments),
                            .n_segments = json_array_size(segments)};
  document.text = bytes_of(object, "text", &document.n_bytes);
  return document;
}

static void read_documents(const json_t *array, html_report *report) {
  html_document *documents = array_of(array, sizeof *documents);
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *object = json_array_get(array, i);
    documents[i] = read_document(object, gp_params_gamma(&report->params));
    const bool has_number = json_object_get(object, "number") != NULL;
    documents[i].number = has_number ? count_of(object, "number") : i;
  }
  report->documents = documents;
  report->n_documents = json_array_size(array);
}

static void read_points(const json_t *array, html_report *report) {
  html_point *points = array_of(array, sizeof *points);
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *object = json_array_get(array, i);
    points[i] = (html_point){.documents = count_of(object, "documents"),
                             .scored = count_of(object, "scored"),
                             .green = count_of(object, "green"),
                             .log10_e = real_of(object, "log10_e")};
  }
  report->points = points;
  report->n_points = json_array_size(array);
}

static int html(const char *description, const char *out) {
  json_t *all = need(json_load_file(description, 0, NULL));
  /* Static: what it points to is in reach when the program ends, and no leak. */
  static html_report report;
  report = (html_report){.key_id = need(bytes_of(all, "key_id", NULL)),
                         .scheme = GP_SCHEME_ID,
                         .params = gp_params_default(),
                         .alpha = real_of(all, "alpha"),
                         .found = json_is_true(json_object_get(all, "found")),
                         .log10_e = real_of(all, "log10_e"),
                         .log10_e_max = real_of(all, "log10_e_max"),
                         .meaning = bytes_of(all, "meaning", NULL),
                         .tokenizer = bytes_of(all, "tokenizer", NULL),
                         .tokenizer_model = bytes_of(all, "tokenizer", NULL),
                         .normalization = bytes_of(all, "normalization", NULL),
                         .located = json_is_true(json_object_get(all, "located"))};
  if (report.tokenizer != NULL) {
    report.tokenizer_sha256 = report.commitment;
  }
  report.result = result_of(json_object_get(all, "result"), gp_params_gamma(&report.params));
  const html_row row = {.label = report.key_id, .value = report.key_id};
  if (json_is_true(json_object_get(all, "row"))) {
    report.rows = &row;
    report.n_rows = 1;
  }
  read_inputs(json_object_get(all, "inputs"), &report);
  read_documents(json_object_get(all, "documents"), &report);
  read_points(json_object_get(all, "points"), &report);
  json_decref(all);
  return report_write_html("fixture", out, &report);
}

/* Works through TOTAL bytes in STEPS steps, each after a pause, with a token for 4 bytes. Says
 * "done" on standard error at the end, and "warn" makes it warn in the middle. */
static int progress(const char *total, const char *steps, const char *pause, const char *how) {
  const uint64_t bytes = strtoull(total, NULL, 10);
  const uint64_t n = strtoull(steps, NULL, 10);
  const long milliseconds = strtol(pause, NULL, 10);
  const struct timespec wait = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  progress_start(strcmp(how, "pipe") == 0 ? 0 : bytes, strcmp(how, "quiet") == 0);
  for (uint64_t i = 1; i <= n; i++) {
    (void)nanosleep(&wait, NULL);
    progress_update(bytes / n * i, bytes / n * i / 4);
    if (2 * i == n && strcmp(how, "warn") == 0) {
      cli_warn("fixture", "half of it");
    }
  }
  progress_end();
  (void)fputs("done\n", stderr);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "html") == 0) {
    return html(argv[2], argv[3]);
  }
  if (argc == 6 && strcmp(argv[1], "progress") == 0) {
    return progress(argv[2], argv[3], argv[4], argv[5]);
  }
  (void)fputs("cli_fixture: see the top of html_fixture.c\n", stderr);
  return 3;
}

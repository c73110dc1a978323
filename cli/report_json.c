/* The JSON report: SPEC.md section 11 says what its fields are and mean. */
#include "cli.h"
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

/* Of a double with 17 digits, such as -1.2345678901234567e-308. */
#define REAL_SIZE 32

/* A file name is any bytes, a JSON string is not: in a name that is not UTF-8 every byte
 * beyond ASCII is written as \xNN. */
static json_t *name_string(const char *name) {
  json_t *string = json_string(name);
  if (string != NULL) {
    return string;
  }
  char *escaped = malloc(4 * strlen(name) + 1);
  if (escaped == NULL) {
    return NULL;
  }
  char *end = escaped;
  for (; *name != '\0'; name++) {
    end += sprintf(end, (unsigned char)*name < 0x80 ? "%c" : "\\x%02x", (unsigned char)*name);
  }
  string = json_string(escaped);
  free(escaped);
  return string;
}

/* Appends, taking over `item`; false when either is NULL or memory is short. */
static bool append(json_t *array, json_t *item) {
  return json_array_append_new(array, item) == 0;
}

static json_t *inputs_array(const findings *all) {
  json_t *array = json_array();
  for (size_t i = 0; i < all->n_inputs; i++) {
    const input_findings *input = &all->inputs[i];
    char sha256[2 * sizeof input->facts.sha256 + 1];
    (void)sodium_bin2hex(sha256, sizeof sha256, input->facts.sha256, sizeof input->facts.sha256);
    json_t *object = json_pack(
        "{s:o, s:s, s:b, s:s, s:I, s:I, s:I}", "name", name_string(input->name), "format",
        input->format == GP_INPUT_JSONL ? "jsonl" : "tokens", "gzip", input->facts.gzip ? 1 : 0,
        "sha256", sha256, "bytes", (json_int_t)input->facts.bytes, "documents",
        (json_int_t)input->documents, "tokens", (json_int_t)input->tokens);
    if (!append(array, object)) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *report_object(const findings *all) {
  const gp_result *result = &all->result;
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  char tenant[24];
  char p_value[CLI_P_SIZE];
  (void)sodium_bin2hex(commitment, sizeof commitment, all->commitment, sizeof all->commitment);
  (void)snprintf(tenant, sizeof tenant, "%" PRIu64, all->tenant.tenant);
  json_t *fraction = result->scored > 0
                         ? json_real((double)result->green / (double)result->scored)
                         : json_null();
  return json_pack(
      "{s:i, s:s+, s:s, s:s, s:I, s:f, s:s, s:s, s:s?,"
      " s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:f, s:s, s:f, s:s, s:o}",
      "report_version", 1, "tool", "greenprint ", gp_version(), "scheme", GP_SCHEME_ID, "seeding",
      gp_seeding_name(all->params.seeding), "context_width",
      (json_int_t)all->params.context_width, "gamma", gp_params_gamma(&all->params), "key_id",
      all->key_id, "key_commitment", commitment, "tenant", all->tenant.has_tenant ? tenant : NULL,
      "documents", (json_int_t)result->documents, "tokens", (json_int_t)result->tokens, "scored",
      (json_int_t)result->scored, "repeated", (json_int_t)result->repeated, "green",
      (json_int_t)result->green, "green_fraction", fraction, "z", result->z, "log10_p",
      result->log10_p, "p_value", cli_describe_p(p_value, result->log10_p), "alpha", all->alpha,
      "verdict", all->found ? "found" : "not_found", "inputs", inputs_array(all));
}

/* 17 digits bring a double back exactly; ".0" makes a whole number a real, as jansson does. */
static const char *real_text(char out[REAL_SIZE], double value) {
  const int length = snprintf(out, REAL_SIZE, "%.17g", value);
  if (strpbrk(out, ".e") == NULL) {
    (void)snprintf(out + length, REAL_SIZE - (size_t)length, ".0");
  }
  return out;
}

static void print_document(const document_findings *document, double gamma) {
  char z[REAL_SIZE];
  char log10_p[REAL_SIZE];
  (void)printf(
      "{\"input\": %zu, \"line\": %" PRIu64 ", \"tokens\": %" PRIu64 ", \"scored\": %" PRIu64
      ", \"repeated\": %" PRIu64 ", \"green\": %" PRIu64 ", \"z\": %s, \"log10_p\": %s}",
      document->input, document->line, document->tokens, document->scored, document->repeated,
      document->green, real_text(z, gp_z_score(document->scored, document->green, gamma)),
      real_text(log10_p, document->log10_p));
}

static void print_documents(const findings *all) {
  const double gamma = gp_params_gamma(&all->params);
  (void)fputs(",\n  \"per_document\": [", stdout);
  for (size_t i = 0; i < all->n_documents; i++) {
    (void)fputs(i > 0 ? ",\n    " : "\n    ", stdout);
    print_document(&all->documents[i], gamma);
  }
  (void)fputs("\n  ]", stdout);
}

bool report_print_json(const findings *all) {
  json_t *report = report_object(all);
  char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(report);
  if (text == NULL) {
    return false;
  }
  /* The documents go before the last line, the closing brace. They are written one by one,
   * and without asking for memory: a tree of all would take 1.5 kB for each, and nothing
   * can fail any more once something is written. */
  char *closing = strrchr(text, '\n');
  *closing = '\0';
  (void)fputs(text, stdout);
  free(text);
  if (all->per_document) {
    print_documents(all);
  }
  (void)fputs("\n}\n", stdout);
  return true;
}

/* The JSON report: SPEC.md section 11 says what its fields are and mean. */
#include "cli.h"
#include "json_parts.h"
#include "report.h"
#include "settings.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Of a double with 17 digits, such as -1.2345678901234567e-308. */
#define REAL_SIZE 32

static json_t *inputs_array(const findings *all) {
  json_t *array = json_array();
  for (size_t i = 0; i < all->info.n_inputs; i++) {
    gp_corpus_input_facts input;
    gp_corpus_get_input(all->corpus, i, &input);
    char sha256[2 * sizeof input.file.sha256 + 1];
    json_hex(sha256, sizeof sha256, input.file.sha256, sizeof input.file.sha256);
    json_t *object = json_pack(
        "{s:o, s:s, s:b, s:s, s:I, s:I, s:I, s:I}", "name", json_name(input.name), "format",
        gp_input_format_name(input.format), "gzip", input.file.gzip ? 1 : 0, "sha256", sha256,
        "bytes", (json_int_t)input.file.bytes, "documents", (json_int_t)input.documents, "tokens",
        (json_int_t)input.tokens, "bad_lines", (json_int_t)input.bad);
    if (!json_append(array, object)) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *proof_object(const findings *all) {
  const gp_proof_info *proof = all->proof;
  if (proof == NULL) {
    return json_null();
  }
  char element[2 * sizeof proof->public_key.element + 1];
  char sha256[2 * sizeof proof->file_sha256 + 1];
  char text[2 * sizeof proof->text_sha256 + 1];
  json_hex(element, sizeof element, proof->public_key.element, sizeof proof->public_key.element);
  json_hex(sha256, sizeof sha256, proof->file_sha256, sizeof proof->file_sha256);
  json_hex(text, sizeof text, proof->text_sha256, sizeof proof->text_sha256);
  return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "sha256", sha256, "public_key", element,
                   "text_sha256", text, "contexts", (json_int_t)proof->contexts, "proved",
                   (json_int_t)proof->proved, "sizes", (json_int_t)proof->sizes, "blind",
                   proof->blind ? 1 : 0);
}

static json_t *evidence_object(const findings *all) {
  if (all->bill.times != 1) {
    return json_null();
  }
  const gp_corpus_evidence *evidence = &all->evidence;
  return json_pack("{s:f, s:f, s:I, s:f}", "log10_e", evidence->log10_e, "log10_e_largest",
                   evidence->log10_e_largest, "at_document", (json_int_t)evidence->at_document,
                   "log10_p_anytime", evidence->log10_p_anytime);
}

static json_t *weighted_object(const findings *all) {
  if (!all->weighted) {
    return json_null();
  }
  const weighted_findings *weights = &all->weights;
  char sha256[2 * sizeof weights->model.file.sha256 + 1];
  json_hex(sha256, sizeof sha256, weights->model.file.sha256, sizeof weights->model.file.sha256);
  return json_pack(
      "{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "model",
      json_name(weights->model.label), "sha256", sha256, "positions",
      (json_int_t)weights->counts.positions, "coins", (json_int_t)weights->result.coins,
      "occurred", (json_int_t)weights->counts.occurred, "expected",
      (json_int_t)weights->counts.expected, "top_k", (json_int_t)weights->model.top_k,
      "statistic", weights->result.statistic, "z", weights->result.z, "log10_p",
      weights->result.log10_p, "log10_p_corrected", weights->log10_p_corrected,
      "log10_p_saddlepoint", weights->result.log10_p_saddlepoint);
}

static json_t *candidates_array(const findings *all) {
  if (all->n_candidates == 1) {
    return json_null();
  }
  json_t *array = json_array();
  for (size_t i = 0; i < all->n_found; i++) {
    const candidate_findings *one = &all->candidates[i];
    json_t *object =
        json_pack("{s:s, s:o, s:I, s:I, s:f, s:f, s:f}", "key_id", one->key_id, "tenant",
                  json_tenant(&one->tenant), "scored", (json_int_t)one->result.scored, "green",
                  (json_int_t)one->result.green, "z", one->result.z, "log10_p",
                  one->result.log10_p, "log10_p_corrected", one->log10_p_corrected);
    if (!json_append(array, object)) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *segments_array(const findings *all) {
  if (!all->located) {
    return json_null();
  }
  json_t *array = json_array();
  for (size_t i = 0; i < all->n_segments; i++) {
    const segment_findings *one = &all->segments[i];
    json_t *bytes = one->has_bytes ? json_pack("[I, I]", (json_int_t)one->first_byte,
                                               (json_int_t)one->end_byte)
                                   : json_null();
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:[I, I], s:o, s:I, s:I, s:f, s:f}", "document",
        (json_int_t)one->document, "input", (json_int_t)one->input, "line", (json_int_t)one->line,
        "tokens", (json_int_t)one->segment.first, (json_int_t)one->segment.end, "bytes", bytes,
        "scored", (json_int_t)one->segment.scored, "green", (json_int_t)one->segment.green,
        "log10_p", one->segment.log10_p, "log10_p_corrected", one->segment.log10_p_corrected);
    if (!json_append(array, object)) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *report_object(const findings *all) {
  const candidate_findings *best = &all->best;
  const gp_result *result = &best->result;
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  char p_value[CLI_P_SIZE];
  json_hex(commitment, sizeof commitment, best->commitment, sizeof best->commitment);
  json_t *fraction = result->scored > 0
                         ? json_real((double)result->green / (double)result->scored)
                         : json_null();
  json_t *report =
      json_pack("{s:i, s:s+, s:s, s:s, s:I, s:f, s:s, s:s, s:o, s:I,"
                " s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:f, s:f, s:s, s:f, s:s}",
                "report_version", 1, "tool", "greenprint ", gp_version(), "scheme", best->scheme,
                "seeding", gp_seeding_name(best->params.seeding), "context_width",
                (json_int_t)best->params.context_width, "gamma", gp_params_gamma(&best->params),
                "key_id", best->key_id, "key_commitment", commitment, "tenant",
                json_tenant(&best->tenant), "candidates_tried", (json_int_t)all->n_candidates,
                "documents", (json_int_t)result->documents, "tokens", (json_int_t)result->tokens,
                "scored", (json_int_t)result->scored, "repeated", (json_int_t)result->repeated,
                "green", (json_int_t)result->green, "green_fraction", fraction, "z", result->z,
                "log10_p", result->log10_p, "log10_p_corrected", best->log10_p_corrected,
                "p_value", cli_describe_p(p_value, best->log10_p_corrected), "alpha", all->alpha,
                "verdict", all->found ? "found" : "not_found");
  if (report == NULL) {
    return NULL;
  }
  const bool done =
      json_extend(report, settings_object(all->info.settings)) &&
      json_extend(report, price_json(all->committed, &all->bill)) &&
      json_extend(report,
                  json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "verdict_by",
                            all->weighted ? "weighted" : "count", "anytime", evidence_object(all),
                            "weighted", weighted_object(all), "candidates", candidates_array(all),
                            "proof", proof_object(all), "segments", segments_array(all), "inputs",
                            inputs_array(all)));
  if (!done) {
    json_decref(report);
    return NULL;
  }
  return report;
}

/* 17 digits bring a double back exactly; ".0" makes a whole number a real, as jansson does. */
static const char *real_text(char out[REAL_SIZE], double value) {
  const int length = snprintf(out, REAL_SIZE, "%.17g", value);
  if (strpbrk(out, ".e") == NULL) {
    (void)snprintf(out + length, REAL_SIZE - (size_t)length, ".0");
  }
  return out;
}

static void print_document(const document_findings *document, double gamma, const char *type) {
  char z[REAL_SIZE];
  char log10_p[REAL_SIZE];
  char log10_q[REAL_SIZE];
  (void)printf("{%s\"input\": %zu, \"line\": %" PRIu64 ", \"tokens\": %" PRIu64
               ", \"scored\": %" PRIu64 ", \"repeated\": %" PRIu64 ", \"green\": %" PRIu64
               ", \"z\": %s, \"log10_p\": %s, \"log10_q\": %s}",
               type, document->input, document->line, document->tokens, document->scored,
               document->repeated, document->green,
               real_text(z, gp_z_score(document->scored, document->green, gamma)),
               real_text(log10_p, document->log10_p), real_text(log10_q, document->log10_q));
}

static void print_documents(const findings *all) {
  const double gamma = gp_params_gamma(&all->info.params);
  (void)fputs(",\n  \"per_document\": [", stdout);
  for (size_t i = 0; i < all->n_documents; i++) {
    (void)fputs(i > 0 ? ",\n    " : "\n    ", stdout);
    print_document(&all->documents[i], gamma, "");
  }
  (void)fputs("\n  ]", stdout);
}

/* The documents go before the last line, the closing brace. They are written one by one, and
 * without asking for memory: a tree of all would take 1.5 kB for each, and nothing can fail
 * any more once something is written. */
static void print_whole(const findings *all, char *text) {
  char *closing = strrchr(text, '\n');
  *closing = '\0';
  (void)fputs(text, stdout);
  if (all->per_document) {
    print_documents(all);
  }
  (void)fputs("\n}\n", stdout);
}

static void print_lines(const findings *all, const char *text) {
  const double gamma = gp_params_gamma(&all->info.params);
  for (size_t i = 0; i < all->n_documents; i++) {
    print_document(&all->documents[i], gamma, "\"type\": \"document\", ");
    (void)fputc('\n', stdout);
  }
  (void)printf("{\"type\": \"report\", %s\n", text + 1);
}

bool report_print_json(const findings *all, bool lines) {
  json_t *report = report_object(all);
  char *text = json_dumps(report, (lines ? 0 : JSON_INDENT(2)) | JSON_REAL_PRECISION(17));
  json_decref(report);
  if (text == NULL) {
    return false;
  }
  if (lines) {
    print_lines(all, text);
  } else {
    print_whole(all, text);
  }
  free(text);
  return true;
}

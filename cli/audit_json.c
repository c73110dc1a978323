/* The JSON report of an audit: SPEC.md section 11 says what its fields are and mean. */
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "audit_findings.h"
#include "json_parts.h"
#include "settings.h"

static json_t *string_or_null(const char *text) {
  return text != NULL ? json_string(text) : json_null();
}

/* --------------------------------------------------------- what is common with traces */

static json_t *input_object(const audit_input *input) {
  char sha256[2 * sizeof input->file.sha256 + 1];
  json_hex(sha256, sizeof sha256, input->file.sha256, sizeof input->file.sha256);
  json_t *object = json_pack(
      "{s:s, s:o, s:o, s:b, s:s, s:I, s:I, s:I}", "role", input->role, "name",
      json_name(input->name), "format", string_or_null(input->format), "gzip",
      input->file.gzip ? 1 : 0, "sha256", sha256, "bytes", (json_int_t)input->file.bytes,
      "documents", (json_int_t)input->documents, "tokens", (json_int_t)input->tokens);
  if (object != NULL && input->contexts > 0 &&
      !json_extend(object, json_pack("{s:I}", "contexts", (json_int_t)input->contexts))) {
    json_decref(object);
    return NULL;
  }
  return object;
}

static json_t *inputs_array(const audit_evidence *evidence) {
  json_t *array = json_array();
  for (size_t i = 0; i < evidence->n_inputs; i++) {
    if (!json_append(array, input_object(&evidence->inputs[i]))) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *counts_object(const audit_evidence *evidence) {
  const gp_audit_counts *counts = &evidence->counts;
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "documents",
                   (json_int_t)counts->documents, "tokens", (json_int_t)counts->tokens,
                   "without_context", (json_int_t)(counts->tokens - counts->positions),
                   "positions", (json_int_t)counts->positions, "in_prompt",
                   (json_int_t)counts->in_prompt, "contexts", (json_int_t)counts->contexts,
                   "pairs", (json_int_t)counts->coins, "pairs_only_expected",
                   (json_int_t)counts->expected);
}

static json_t *label_of(const audit_evidence *evidence, bool it_is_that) {
  return evidence->has_label && it_is_that ? json_name(evidence->label) : json_null();
}

json_t *audit_json_evidence(const audit_evidence *evidence, const char *version_field) {
  const audit_options *options = evidence->options;
  char commitment[2 * GP_COMMITMENT_SIZE + 1];
  json_hex(commitment, sizeof commitment, evidence->commitment, sizeof evidence->commitment);
  json_t *report = json_pack(
      "{s:i, s:s+, s:s, s:s, s:I, s:f, s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
      version_field, 1, "tool", "greenprint ", gp_version(), "scheme",
      gp_key_scheme(evidence->key), "seeding", gp_seeding_name(evidence->params.seeding),
      "context_width", (json_int_t)evidence->params.context_width, "gamma",
      gp_params_gamma(&evidence->params), "key_id", evidence->key_id, "key_commitment",
      commitment, "alpha", options->alpha, "field", string_or_null(options->reading.field),
      "role", string_or_null(options->reading.role), "prompts", string_or_null(options->prompts),
      "reference", label_of(evidence, !options->open), "suspect",
      label_of(evidence, options->open), "counts", counts_object(evidence), "inputs",
      inputs_array(evidence));
  if (report != NULL &&
      (!json_extend(report, settings_object(evidence->settings)) ||
       !json_extend(report, price_json(&evidence->price.committed, &evidence->bill)))) {
    json_decref(report);
    return NULL;
  }
  return report;
}

json_t *audit_json_result(const gp_audit_result *result) {
  return json_pack("{s:I, s:I, s:f, s:f, s:f, s:o, s:f}", "pairs", (json_int_t)result->coins,
                   "green", (json_int_t)result->green, "statistic", result->statistic, "z",
                   result->z, "log10_p", result->log10_p, "log10_p_saddlepoint",
                   json_figure(result->log10_p_saddlepoint), "log10_e", result->log10_e);
}

bool audit_json_print(json_t *report) {
  char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(report);
  if (text == NULL) {
    return false;
  }
  (void)puts(text);
  free(text);
  return true;
}

/* ---------------------------------------------------------------------------- audit */

static json_t *test_controls_object(const audit_findings *all, const audit_test_findings *test) {
  if (all->n_controls == 0) {
    return json_null();
  }
  const audit_controls *controls = &test->controls;
  return json_pack("{s:f, s:f, s:f, s:I, s:o, s:f, s:I, s:f}", "z_least", controls->z_least,
                   "z_median", controls->z_median, "z_greatest", controls->z_greatest,
                   "at_or_above", (json_int_t)controls->at_or_above, "rank_p",
                   test->served ? json_null() : json_real(controls->rank_p), "log10_p_least",
                   controls->log10_p_least, "small", (json_int_t)controls->small, "log10_p_small",
                   controls->log10_p_small);
}

static const char *kind_of(const audit_test_findings *test) {
  return test->served ? "e-value" : test->statistic == GP_AUDIT_DISTINCT ? "exact" : "bound";
}

static json_t *test_object(const audit_findings *all, size_t index) {
  const audit_test_findings *test = &all->tests[index];
  json_t *object =
      json_pack("{s:s, s:s, s:b, s:s}", "test", gp_audit_statistic_name(test->statistic),
                "contexts", audit_contexts_name(test->served), "decides",
                index == all->verdict ? 1 : 0, "p_is", kind_of(test));
  const bool done =
      object != NULL && json_extend(object, audit_json_result(&test->result)) &&
      json_extend(object, json_pack("{s:o}", "controls", test_controls_object(all, test)));
  if (!done) {
    json_decref(object);
    return NULL;
  }
  return object;
}

static json_t *tests_array(const audit_findings *all) {
  json_t *array = json_array();
  for (size_t i = 0; i < all->n_tests; i++) {
    if (!json_append(array, test_object(all, i))) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *numbers_array(const double *numbers, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) {
    if (!json_append(array, json_real(numbers[i]))) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *controls_object(const audit_findings *all) {
  if (all->n_controls == 0) {
    return json_null();
  }
  return json_pack("{s:I, s:b, s:o, s:o}", "keys", (json_int_t)all->n_controls,
                   "as_they_should_be", all->controls_fit ? 1 : 0, "z",
                   numbers_array(all->z, all->n_controls), "log10_p",
                   numbers_array(all->log10_p, all->n_controls));
}

static json_t *served_object(const audit_evidence *evidence) {
  const gp_audit_counts *counts = &evidence->counts;
  return evidence->options->served != NULL
             ? json_pack("{s:I, s:I}", "contexts", (json_int_t)counts->served_contexts, "pairs",
                         (json_int_t)counts->served_coins)
             : json_null();
}

static json_t *anytime_object(const audit_findings *all) {
  return all->has_anytime ? json_pack("{s:f, s:f}", "log10_e", all->anytime_log10_e, "log10_p",
                                      all->anytime_log10_e > 0.0 ? -all->anytime_log10_e : 0.0)
                          : json_null();
}

bool audit_print_json(const audit_findings *all) {
  const audit_evidence *evidence = &all->evidence;
  const audit_test_findings *verdict = &all->tests[all->verdict];
  char p[CLI_P_SIZE];
  json_t *report = audit_json_evidence(evidence, "audit_version");
  const bool done =
      report != NULL &&
      json_extend(report,
                  json_pack("{s:o, s:s, s:s, s:{s:s, s:s}, s:f, s:f, s:s, s:o, s:o, s:o, s:o}",
                            "tenant", json_tenant(&evidence->options->tenant), "model",
                            evidence->options->open ? "open" : "closed", "verdict",
                            all->found ? "found" : "not_found", "verdict_by", "test",
                            gp_audit_statistic_name(verdict->statistic), "contexts",
                            audit_contexts_name(verdict->served), "log10_p",
                            verdict->result.log10_p, "log10_p_corrected", all->log10_p_corrected,
                            "p_value", cli_describe_p(p, all->log10_p_corrected), "anytime",
                            anytime_object(all), "served", served_object(evidence), "tests",
                            tests_array(all), "controls", controls_object(all)));
  if (!done) {
    json_decref(report);
    return false;
  }
  return audit_json_print(report);
}

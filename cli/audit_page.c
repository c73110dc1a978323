/* The page of an audit, and what it has in common with that of a trace. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_findings.h"
#include "audit_page.h"
#include "html/html_out.h"
#include "html/whole_file.h"
#include "settings.h"

/* ---------------------------------------------------------- what both pages have */

static void put_paragraph(FILE *out, const char *text) {
  if (text[0] != '\0') {
    (void)fputs("<p>", out);
    html_put(out, text);
    (void)fputs("</p>\n", out);
  }
}

void audit_page_words(FILE *out, const audit_words *words) {
  (void)fputs("<section id=\"meaning\">\n<p class=\"lead\">", out);
  html_put(out, words->broken[0] != '\0' ? words->broken : words->meaning);
  (void)fputs("</p>\n", out);
  put_paragraph(out, words->broken[0] != '\0' ? words->meaning : "");
  put_paragraph(out, words->decided);
  put_paragraph(out, words->anytime);
  put_paragraph(out, words->controls);
  (void)fputs("<h2>What this rests on</h2>\n<ul>\n", out);
  for (size_t i = 0; i < words->n_assumed; i++) {
    (void)fputs("<li>", out);
    html_put(out, words->assumed[i]);
    (void)fputs("</li>\n", out);
  }
  (void)fputs("</ul>\n<h2>What this does not show</h2>\n<ul>\n", out);
  for (size_t i = 0; i < words->n_limits; i++) {
    (void)fputs("<li>", out);
    html_put(out, words->limits[i]);
    (void)fputs("</li>\n", out);
  }
  (void)fputs("</ul>\n</section>\n", out);
}

static void put_counts(FILE *out, const audit_evidence *evidence) {
  const gp_audit_counts *counts = &evidence->counts;
  const audit_options *options = evidence->options;
  (void)fputs("<table class=\"facts\"><caption>What was read</caption>\n<tbody>\n", out);
  html_put_count_row(out, options->open ? "Documents that drove the model" : "Answers",
                     counts->documents);
  html_put_count_row(out, "Tokens", counts->tokens);
  html_put_count_row(out, "Left out: too few tokens before them",
                     counts->tokens - counts->positions);
  if (options->prompts != NULL) {
    html_put_count_row(out, "Left out: context is in the prompt", counts->in_prompt);
  }
  html_put_count_row(out, "Contexts, distinct", counts->contexts);
  html_put_count_row(out, "Pairs of context and token, distinct", counts->coins);
  if (counts->expected > 0) {
    html_put_count_row(out, "Pairs that were only expected", counts->expected);
  }
  if (options->served != NULL) {
    html_put_count_row(out, "Contexts that were served", counts->served_contexts);
    html_put_count_row(out, "Pairs in these", counts->served_coins);
  }
  if (evidence->has_label) {
    html_start_row(out, options->open ? "Suspect" : "Reference model");
    html_put(out, evidence->label);
    html_end_row(out);
  }
  if (evidence->price.committed.file != NULL) {
    char committed_to[PRICE_COMMITTED_SIZE];
    html_start_row(out, "Keys committed to");
    html_put(out, price_describe_committed(committed_to, &evidence->price.committed));
    html_end_row(out);
  }
  if (evidence->bill.times > 1) {
    char bill[CLI_BILL_SIZE];
    html_start_row(out, "What p pays for");
    html_put(out, cli_describe_bill(bill, &evidence->bill));
    html_end_row(out);
  }
  html_start_row(out, "alpha, the threshold");
  (void)fprintf(out, "%g", options->alpha);
  html_end_row(out);
  (void)fputs("</tbody></table>\n", out);
}

bool audit_page_facts(FILE *out, const audit_evidence *evidence, const char *tenants) {
  const audit_options *options = evidence->options;
  gp_tokenizer_info info;
  char *normalize = settings_normalize(evidence->settings);
  html_input *inputs = calloc(evidence->n_inputs + 1, sizeof *inputs);
  html_report report = {.key_id = evidence->key_id,
                        .scheme = gp_key_scheme(evidence->key),
                        .params = evidence->params,
                        .has_tenant = options->tenant.has_tenant,
                        .tenant = options->tenant.tenant,
                        .tenants = tenants,
                        .tokenizer = options->reading.tokenizer,
                        .normalization = normalize,
                        .inputs = inputs,
                        .n_inputs = evidence->n_inputs};
  memcpy(report.commitment, evidence->commitment, sizeof report.commitment);
  if (evidence->tokenizer != NULL) {
    gp_tokenizer_get_info(evidence->tokenizer, &info);
    report.tokenizer_model = info.model;
    report.tokenizer_sha256 = info.sha256;
  }
  for (size_t i = 0; i < evidence->n_inputs && inputs != NULL; i++) {
    const audit_input *input = &evidence->inputs[i];
    inputs[i] = (html_input){.name = input->name,
                             .format = input->format != NULL ? input->format : input->role,
                             .gzip = input->file.gzip,
                             .bytes = input->file.bytes,
                             .documents = input->documents,
                             .tokens = input->tokens};
    memcpy(inputs[i].sha256, input->file.sha256, sizeof inputs[i].sha256);
  }
  const bool done = inputs != NULL;
  if (done) {
    (void)fputs(
        "<section id=\"summary\">\n<h2>Counts and parameters</h2>\n<div class=\"pair\">\n", out);
    put_counts(out, evidence);
    html_put_parameters(out, &report);
    (void)fputs("</div>\n</section>\n", out);
    html_put_inputs(out, &report);
  }
  free(normalize);
  free(inputs);
  return done;
}

int audit_page_write(const char *command, const char *path,
                     bool (*put)(FILE *out, const void *findings), const void *findings) {
  whole_file file;
  if (!whole_file_open(&file, path)) {
    return cli_fail(command, "%s: cannot create the report: %s", path, strerror(errno));
  }
  if (!put(file.stream, findings)) {
    whole_file_abandon(&file);
    return cli_fail(command, "out of memory: the HTML report");
  }
  if (!whole_file_commit(&file)) {
    return cli_fail(command, "%s: cannot write the report: %s", path, strerror(errno));
  }
  return CLI_OK;
}

void audit_page_result_cells(FILE *out, const gp_audit_result *result) {
  html_put_count_cell(out, result->coins);
  html_put_count_cell(out, result->green);
  (void)fprintf(out, "<td class=\"n\">%.2f</td>", result->z);
  html_put_p_cell(out, result->log10_p);
}

/* ---------------------------------------------------------------------------- audit */

static void put_verdict(FILE *out, const audit_findings *all, const audit_words *words) {
  html_put_head(out, all->found ? "Greenprint audit: found" : "Greenprint audit: not found",
                all->evidence.key_id, false);
  (void)fprintf(out,
                "<body>\n<header>\n<p class=\"kind\">Greenprint: report of an audit of a model"
                "</p>\n<h1 class=\"%s\">%s: the mark of key ",
                all->found ? "found" : "absent", all->found ? "Found" : "Not found");
  html_put_code(out, all->evidence.key_id);
  (void)fprintf(out, " %s.</h1>\n</header>\n<main>\n", words->verdict);
}

static void put_picture(FILE *out, const audit_findings *all) {
  if (all->n_controls == 0 || all->tests[all->verdict].result.coins == 0) {
    return;
  }
  const html_histogram histogram = {
      .id = "controls",
      .title = "The key among control keys, in the test that decides",
      .x_label = "z",
      .values = all->z,
      .n = all->n_controls,
      .marks = &all->tests[all->verdict].result.z,
      .n_marks = 1,
      .mark_label = "the key",
      .note = "Bars: how many of the control keys, which nobody ever used, have about this z. "
              "Curve: how many the normal law has there. Dashed: the key's z. The picture is for "
              "the eye; p is not read off it."};
  (void)fputs("<section id=\"picture\">\n", out);
  html_put_histogram(out, &histogram);
  (void)fputs("</section>\n", out);
}

static void put_test_head(FILE *out, size_t index, const audit_findings *all) {
  const audit_test_findings *test = &all->tests[index];
  (void)fprintf(out, "<tr%s><th scope=\"row\">%s%s</th><td>%s</td>",
                index == all->verdict ? " class=\"decides\"" : "",
                gp_audit_statistic_name(test->statistic),
                index == all->verdict ? ", decides" : "", audit_contexts_name(test->served));
}

static void put_tests(FILE *out, const audit_findings *all) {
  (void)fputs(
      "<section id=\"tests\">\n<h2>Tests</h2>\n<div class=\"wide\"><table>\n<thead><tr>"
      "<th scope=\"col\">Test</th><th scope=\"col\">Contexts</th>"
      "<th scope=\"col\" class=\"n\">Pairs</th><th scope=\"col\" class=\"n\">Green</th>"
      "<th scope=\"col\" class=\"n\">z</th><th scope=\"col\" class=\"n\">p</th>"
      "<th scope=\"col\" class=\"n\">log<sub>10</sub>&nbsp;e</th></tr></thead>\n<tbody>\n",
      out);
  for (size_t i = 0; i < all->n_tests; i++) {
    put_test_head(out, i, all);
    audit_page_result_cells(out, &all->tests[i].result);
    (void)fprintf(out, "<td class=\"n\">%.2f</td></tr>\n", all->tests[i].result.log10_e);
  }
  (void)fputs(
      "</tbody></table></div>\n<p class=\"note\">Each pair of context and token is one "
      "coin that the key tossed. distinct: every pair weighs 1. root: the square root of "
      "how often it occurred. reference: how often, minus what a reference model "
      "expected. open: the model's probability minus the reference model's, summed. "
      "open-root: the square root of that, with its sign. p of "
      "distinct is exact; over served contexts p is one over the e-value; otherwise it is "
      "an upper bound.</p>\n",
      out);
}

static void put_controls(FILE *out, const audit_findings *all) {
  if (all->n_controls > 0) {
    (void)fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Controls in</th>"
                "<th scope=\"col\">Contexts</th><th scope=\"col\" class=\"n\">Least z</th>"
                "<th scope=\"col\" class=\"n\">Median z</th>"
                "<th scope=\"col\" class=\"n\">Greatest z</th>"
                "<th scope=\"col\" class=\"n\">\xE2\x89\xA5&nbsp;key</th>"
                "<th scope=\"col\" class=\"n\">Rank p</th>"
                "<th scope=\"col\" class=\"n\">Least p</th>"
                "<th scope=\"col\" class=\"n\">p&nbsp;\xE2\x89\xA4&nbsp;1/128</th></tr></thead>\n"
                "<tbody>\n",
                out);
    for (size_t i = 0; i < all->n_tests; i++) {
      const audit_controls *controls = &all->tests[i].controls;
      put_test_head(out, i, all);
      (void)fprintf(out,
                    "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>",
                    controls->z_least, controls->z_median, controls->z_greatest);
      html_put_count_cell(out, controls->at_or_above);
      if (all->tests[i].served) {
        (void)fputs("<td></td>", out);
      } else {
        (void)fprintf(out, "<td class=\"n\">%.2g</td>", controls->rank_p);
      }
      html_put_p_cell(out, controls->log10_p_least);
      html_put_count_cell(out, controls->small);
      (void)fputs("</tr>\n", out);
    }
    (void)fprintf(out,
                  "</tbody></table></div>\n<p class=\"note\">%zu control key%s, made from the "
                  "key's commitment, so that anybody can make %s again.</p>\n",
                  all->n_controls, cli_plural(all->n_controls),
                  all->n_controls == 1 ? "it" : "them");
  }
  (void)fputs("</section>\n", out);
}

static bool put_page(FILE *out, const void *findings) {
  const audit_findings *all = findings;
  audit_words words;
  audit_find_words(all, &words);
  put_verdict(out, all, &words);
  audit_page_words(out, &words);
  put_picture(out, all);
  put_tests(out, all);
  put_controls(out, all);
  if (!audit_page_facts(out, &all->evidence, NULL)) {
    return false;
  }
  (void)fputs("</main>\n</body>\n</html>\n", out);
  return true;
}

int audit_write_page(const audit_findings *all, const char *path) {
  return audit_page_write(all->evidence.options->command, path, put_page, all);
}

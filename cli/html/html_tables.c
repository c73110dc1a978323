/* What the verdict rests on, in tables: the test, the key, inputs, segments, documents. */
#include "cli.h"
#include "html/html_out.h"

#include <inttypes.h>
#include <math.h>

#include <sodium.h>

#define SHA256_HEX_SIZE (2 * 32 + 1)

void html_put_hash(FILE *out, const uint8_t hash[32]) {
  char hex[SHA256_HEX_SIZE];
  (void)sodium_bin2hex(hex, sizeof hex, hash, 32);
  (void)fprintf(out, "<code>%s</code>", hex);
}

void html_put_count_cell(FILE *out, uint64_t count) {
  char text[HTML_COUNT_SIZE];
  (void)fprintf(out, "<td class=\"n\">%s</td>", html_count(text, count));
}

void html_put_p_cell(FILE *out, double log10_p) {
  char text[CLI_P_SIZE];
  (void)fprintf(out, "<td class=\"n\">%s</td>", cli_describe_p(text, log10_p));
}

/* -------------------------------------------------------------- test and inputs */

void html_start_row(FILE *out, const char *label) {
  (void)fprintf(out, "<tr><th scope=\"row\">%s</th><td>", label);
}

void html_end_row(FILE *out) {
  (void)fputs("</td></tr>\n", out);
}

void html_put_count_row(FILE *out, const char *label, uint64_t count) {
  char text[HTML_COUNT_SIZE];
  html_start_row(out, label);
  (void)fputs(html_count(text, count), out);
  html_end_row(out);
}

void html_put_p_row(FILE *out, const char *label, double log10_p) {
  char text[CLI_P_SIZE];
  html_start_row(out, label);
  (void)fputs(cli_describe_p(text, log10_p), out);
  html_end_row(out);
}

void html_put_counts(FILE *out, const html_report *report) {
  const gp_result *result = &report->result;
  (void)fputs("<table class=\"facts\"><caption>The test</caption>\n<tbody>\n", out);
  html_put_count_row(out, "Documents", result->documents);
  html_put_count_row(out, "Tokens", result->tokens);
  html_put_count_row(out, "Scored: distinct pairs", result->scored);
  html_put_count_row(out, "Repeated, not counted again", result->repeated);
  html_put_count_row(out, "Green", result->green);
  html_start_row(out, "Green of scored; expected");
  (void)fprintf(out, "%.2f&nbsp;%%; %.4g&nbsp;%%", html_percent(result->green, result->scored),
                100 * gp_params_gamma(&report->params));
  html_end_row(out);
  html_start_row(out, "z-score");
  (void)fprintf(out, "%.2f", result->z);
  html_end_row(out);
  html_put_p_row(out, "p-value (exact binomial)", result->log10_p);
  html_start_row(out, "alpha, the threshold");
  (void)fprintf(out, "%g", report->alpha);
  html_end_row(out);
  if (!report->corrected) {
    html_start_row(out, "log<sub>10</sub> of the e-value: last; largest after any document");
    (void)fprintf(out, "%.2f; %.2f", report->log10_e, report->log10_e_max);
    html_end_row(out);
    html_put_p_row(out, "p-value, had one looked after every document",
                   fmin(0, -report->log10_e_max));
  }
  for (size_t i = 0; i < report->n_rows; i++) {
    (void)fputs("<tr><th scope=\"row\">", out);
    html_put(out, report->rows[i].label);
    (void)fputs("</th><td>", out);
    html_put(out, report->rows[i].value);
    html_end_row(out);
  }
  (void)fputs("</tbody></table>\n", out);
}

static void put_tokenizer(FILE *out, const html_report *report) {
  html_start_row(out, "Tokenizer");
  if (report->tokenizer == NULL) {
    (void)fputs("none: the inputs are token ids", out);
    html_end_row(out);
    return;
  }
  (void)fputs("<bdi>", out);
  html_put(out, report->tokenizer);
  (void)fputs("</bdi>", out);
  if (report->tokenizer_model != NULL) {
    (void)fputs(", ", out);
    html_put(out, report->tokenizer_model);
  }
  if (report->tokenizer_sha256 != NULL) {
    (void)fputs("<br>SHA-256 ", out);
    html_put_hash(out, report->tokenizer_sha256);
  }
  html_end_row(out);
  html_start_row(out, "Normalization");
  html_put(out, report->normalization != NULL ? report->normalization : "none");
  html_end_row(out);
}

void html_put_parameters(FILE *out, const html_report *report) {
  (void)fputs("<table class=\"facts\"><caption>Key and parameters</caption>\n<tbody>\n", out);
  html_start_row(out, "Key");
  html_put_code(out, report->key_id);
  html_end_row(out);
  html_start_row(out, "Commitment");
  html_put_hash(out, report->commitment);
  html_end_row(out);
  html_start_row(out, report->tenants != NULL ? "Tenants" : "Tenant");
  if (report->tenants != NULL) {
    html_put(out, report->tenants);
  } else if (report->has_tenant) {
    (void)fprintf(out, "%" PRIu64, report->tenant);
  } else {
    (void)fputs("none", out);
  }
  html_end_row(out);
  html_start_row(out, "Scheme");
  (void)fprintf(out, "%s, seeding %s", report->scheme, gp_seeding_name(report->params.seeding));
  html_end_row(out);
  html_start_row(out, "Context width");
  (void)fprintf(out, "%" PRIu32 " token%s", report->params.context_width,
                report->params.context_width == 1 ? "" : "s");
  html_end_row(out);
  html_start_row(out, "Green fraction, gamma");
  (void)fprintf(out, "%" PRIu32 "/%u", report->params.gamma_num,
                1U << report->params.gamma_log2_den);
  html_end_row(out);
  put_tokenizer(out, report);
  html_start_row(out, "Made by");
  (void)fprintf(out, "greenprint %s", gp_version());
  html_end_row(out);
  (void)fputs("</tbody></table>\n", out);
}

void html_put_inputs(FILE *out, const html_report *report) {
  (void)fputs("<section id=\"inputs\">\n<h2>Inputs</h2>\n<div class=\"wide\"><table>\n<thead><tr>"
              "<th scope=\"col\">Name</th><th scope=\"col\">Format</th>"
              "<th scope=\"col\" class=\"n\">Bytes</th>"
              "<th scope=\"col\" class=\"n\">Documents</th>"
              "<th scope=\"col\" class=\"n\">Tokens</th><th scope=\"col\">SHA-256</th></tr>"
              "</thead>\n<tbody>\n",
              out);
  for (size_t i = 0; i < report->n_inputs; i++) {
    const html_input *input = &report->inputs[i];
    (void)fputs("<tr><td class=\"name\"><bdi>", out);
    html_put(out, html_input_name(report, i));
    (void)fputs("</bdi></td><td>", out);
    html_put(out, input->format);
    (void)fputs(input->gzip ? ", gzip</td>" : "</td>", out);
    html_put_count_cell(out, input->bytes);
    html_put_count_cell(out, input->documents);
    html_put_count_cell(out, input->tokens);
    (void)fputs("<td class=\"hash\">", out);
    html_put_hash(out, input->sha256);
    html_end_row(out);
  }
  (void)fputs("</tbody></table></div>\n</section>\n", out);
}

/* ------------------------------------------------------------- documents, segments */

static bool has_q(const html_report *report) {
  for (size_t i = 0; i < html_documents_shown(report); i++) {
    if (report->documents[i].has_q) {
      return true;
    }
  }
  return false;
}

static void put_document_row(FILE *out, const html_report *report, size_t i, bool with_q) {
  const html_document *document = &report->documents[i];
  const gp_result *alone = &document->alone;
  const size_t number = document->number + 1;
  (void)fprintf(out, "<tr><td class=\"n\"><a href=\"#doc%zu\">%zu</a></td><td><bdi>", number,
                number);
  html_put(out, html_input_name(report, document->input));
  (void)fprintf(out, "</bdi></td><td class=\"n\">%" PRIu64 "</td>", document->line);
  html_put_count_cell(out, alone->tokens);
  html_put_count_cell(out, alone->scored);
  html_put_count_cell(out, alone->green);
  (void)fprintf(out, "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>",
                html_percent(alone->green, alone->scored), alone->z);
  html_put_p_cell(out, alone->log10_p);
  if (with_q && document->has_q) {
    html_put_p_cell(out, document->log10_q);
  } else if (with_q) {
    (void)fputs("<td></td>", out);
  }
  (void)fputs("</tr>\n", out);
}

void html_put_documents(FILE *out, const html_report *report) {
  if (report->n_documents == 0 || report->result.documents < 2) {
    return;
  }
  const bool with_q = has_q(report);
  (void)fprintf(
      out,
      "<section id=\"documents\">\n<h2>Documents, each by itself</h2>\n"
      "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" class=\"n\">No.</th>"
      "<th scope=\"col\">Input</th><th scope=\"col\" class=\"n\">Line</th>"
      "<th scope=\"col\" class=\"n\">Tokens</th><th scope=\"col\" class=\"n\">Scored</th>"
      "<th scope=\"col\" class=\"n\">Green</th><th scope=\"col\" class=\"n\">Green&nbsp;%%</th>"
      "<th scope=\"col\" class=\"n\">z</th><th scope=\"col\" class=\"n\">p</th>%s</tr></thead>\n"
      "<tbody>\n",
      with_q ? "<th scope=\"col\" class=\"n\">q</th>" : "");
  for (size_t i = 0; i < html_documents_shown(report); i++) {
    put_document_row(out, report, i, with_q);
  }
  (void)fputs("</tbody></table></div>\n<p class=\"note\">Each p is for its document alone: "
              "whoever looks for the smallest has to multiply it by the number of documents.",
              out);
  (void)fputs(with_q ? " q is the smallest false-discovery rate at which the document is among "
                       "those called marked (Benjamini and Hochberg).</p>\n"
                     : "</p>\n",
              out);
  html_put_left_out(out, report);
  (void)fputs("</section>\n", out);
}

static void put_segment_row(FILE *out, const html_report *report, size_t i, size_t s) {
  const html_document *document = &report->documents[i];
  const gp_segment *segment = &document->segments[s];
  const size_t number = document->number + 1;
  (void)fprintf(out,
                "<tr id=\"s%zu-%zu\"><td class=\"n\"><a href=\"#d%zus%zu\">%zu</a></td>"
                "<td class=\"n\"><a href=\"#doc%zu\">%zu</a></td><td class=\"n\">%zu\xE2\x80\x93"
                "%zu</td><td class=\"n\">",
                number, s + 1, number, s + 1, s + 1, number, number, segment->first,
                segment->end);
  if (document->text != NULL && segment->first < segment->end &&
      segment->end <= document->n_tokens) {
    (void)fprintf(out, "%zu\xE2\x80\x93%zu",
                  segment->first == 0 ? (size_t)0 : document->ends[segment->first - 1],
                  document->ends[segment->end - 1]);
  }
  (void)fputs("</td>", out);
  html_put_count_cell(out, segment->scored);
  html_put_count_cell(out, segment->green);
  (void)fprintf(out, "<td class=\"n\">%.2f</td>", html_percent(segment->green, segment->scored));
  html_put_p_cell(out, segment->log10_p);
  html_put_p_cell(out, segment->log10_p_corrected);
  (void)fputs("</tr>\n", out);
}

static void put_segment_table(FILE *out, const html_report *report) {
  (void)fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" class=\"n\">Segment</th>"
              "<th scope=\"col\" class=\"n\">Document</th>"
              "<th scope=\"col\" class=\"n\">Tokens</th><th scope=\"col\" class=\"n\">Bytes</th>"
              "<th scope=\"col\" class=\"n\">Scored</th><th scope=\"col\" class=\"n\">Green</th>"
              "<th scope=\"col\" class=\"n\">Green&nbsp;%</th>"
              "<th scope=\"col\" class=\"n\">p as if not searched</th>"
              "<th scope=\"col\" class=\"n\">p corrected</th></tr></thead>\n<tbody>\n",
              out);
  bool all = true;
  for (size_t i = 0; i < html_documents_shown(report); i++) {
    for (size_t s = 0; s < html_segments_shown(&report->documents[i]); s++) {
      put_segment_row(out, report, i, s);
    }
    all = all && html_segments_shown(&report->documents[i]) == report->documents[i].n_segments;
  }
  (void)fprintf(out,
                "</tbody></table></div>\n<p class=\"note\">The corrected p pays for the search "
                "over all segments of all documents. Tokens and bytes are counted from 0 within "
                "the document; the end is not part of a segment.%s</p>\n",
                all ? "" : " Of some documents only the best segments are shown.");
}

void html_put_segments(FILE *out, const html_report *report) {
  if (!report->located) {
    return;
  }
  bool any = false;
  for (size_t i = 0; i < html_documents_shown(report); i++) {
    any = any || report->documents[i].n_segments > 0;
  }
  (void)fputs("<section id=\"segments\">\n<h2>Located segments</h2>\n", out);
  if (any) {
    put_segment_table(out, report);
  } else {
    (void)fputs("<p>No part of a document that is shown reaches alpha once the search for it is "
                "paid for.</p>\n",
                out);
  }
  (void)fputs("</section>\n", out);
}

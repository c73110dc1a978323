/* The page: the verdict, what it means and does not mean, what it rests on, the texts. */
#include "html/report_html.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cli.h"
#include "html/html_out.h"
#include "html/whole_file.h"

#define SHA256_HEX_SIZE (2 * 32 + 1)

/* Points of the curves of a single document, which are computed here. */
#define CURVE_POINTS 1000

static double percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static size_t documents_shown(const html_report *report) {
  return report->n_documents < HTML_DOCUMENTS ? report->n_documents : HTML_DOCUMENTS;
}

static const char *input_name(const html_report *report, size_t input) {
  const char *name = input < report->n_inputs ? report->inputs[input].name : "?";
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

/* <code> with a string in it. */
static void put_code(FILE *out, const char *text) {
  (void)fputs("<code>", out);
  html_put(out, text);
  (void)fputs("</code>", out);
}

static void put_hash(FILE *out, const uint8_t hash[32]) {
  char hex[SHA256_HEX_SIZE];
  (void)sodium_bin2hex(hex, sizeof hex, hash, 32);
  (void)fprintf(out, "<code>%s</code>", hex);
}

/* A cell of a table with a count in it. */
static void put_count_cell(FILE *out, uint64_t count) {
  char text[HTML_COUNT_SIZE];
  (void)fprintf(out, "<td class=\"n\">%s</td>", html_count(text, count));
}

static void put_p_cell(FILE *out, double log10_p) {
  char text[CLI_P_SIZE];
  (void)fprintf(out, "<td class=\"n\">%s</td>", cli_describe_p(text, log10_p));
}

/* -------------------------------------------------------------------- the head */

/* The page may use its own style sheet and script, told by their hashes, and nothing else: no
 * other script, and nothing from anywhere. */
static void put_source_hash(FILE *out, const unsigned char *bytes, size_t size) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  char base64[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
  (void)crypto_hash_sha256(hash, bytes, size);
  (void)sodium_bin2base64(base64, sizeof base64, hash, sizeof hash,
                          sodium_base64_VARIANT_ORIGINAL);
  (void)fprintf(out, "'sha256-%s'", base64);
}

static void put_head(FILE *out, const html_report *report) {
  (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "img-src data:; base-uri 'none'; form-action 'none'; style-src ",
              out);
  put_source_hash(out, html_report_css, html_report_css_size);
  (void)fputs("; script-src ", out);
  put_source_hash(out, html_report_js, html_report_js_size);
  (void)fprintf(out,
                "\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"generator\" content=\"greenprint %s\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>Greenprint report: %s, key ",
                gp_version(), report->found ? "found" : "not found");
  html_put(out, report->key_id);
  (void)fputs("</title>\n<style>", out);
  (void)fwrite(html_report_css, 1, html_report_css_size, out);
  (void)fputs("</style>\n</head>\n", out);
}

/* ------------------------------------------------------------------ the verdict */

static void put_verdict(FILE *out, const html_report *report) {
  (void)fprintf(out,
                "<body>\n<header>\n<p class=\"kind\">Greenprint: report of a verification</p>\n"
                "<h1 class=\"%s\">%s: the mark of key ",
                report->found ? "found" : "absent", report->found ? "Found" : "Not found");
  put_code(out, report->key_id);
  (void)fputs(".</h1>\n</header>\n<main>\n", out);
}

static void put_meaning(FILE *out, const html_report *report) {
  char meaning[CLI_MEANING_SIZE];
  const cli_evidence evidence = {.found = report->found,
                                 .key_id = report->key_id,
                                 .params = report->params,
                                 .alpha = report->alpha,
                                 .scored = report->result.scored,
                                 .log10_p = report->result.log10_p};
  (void)fputs("<p class=\"lead\">", out);
  html_put(out,
           report->meaning != NULL ? report->meaning : cli_describe_meaning(meaning, &evidence));
  (void)fputs("</p>\n", out);
}

static void put_basis(FILE *out, const html_report *report) {
  const gp_result *result = &report->result;
  char documents[HTML_COUNT_SIZE];
  char tokens[HTML_COUNT_SIZE];
  char scored[HTML_COUNT_SIZE];
  char green[HTML_COUNT_SIZE];
  (void)fprintf(
      out,
      "<p>A token is green or red by the decision of the key, given the tokens before it. "
      "Without the key nobody can tell which; in text written without it each pair of context "
      "and token is green with probability %" PRIu32 "/%u, whatever the text says. "
      "The input has %s token%s in %s document%s. Each distinct pair in it was counted once: %s "
      "pair%s, of which %s %s green",
      report->params.gamma_num, 1U << report->params.gamma_log2_den,
      html_count(tokens, result->tokens), result->tokens == 1 ? "" : "s",
      html_count(documents, result->documents), result->documents == 1 ? "" : "s",
      html_count(scored, result->scored), result->scored == 1 ? "" : "s",
      html_count(green, result->green), result->green == 1 ? "is" : "are");
  if (result->scored > 0) {
    (void)fprintf(out, ": %.2f&nbsp;%%, where %.4g&nbsp;%% are expected by chance",
                  percent(result->green, result->scored), 100 * gp_params_gamma(&report->params));
  }
  (void)fputs(".</p>\n", out);
}

static void put_limits(FILE *out, const html_report *report) {
  (void)fputs("<h2>What this does not show</h2>\n<ul>\n", out);
  if (report->found) {
    (void)fputs(
        "<li>Who wrote or sent the text. Whoever holds the key, or may query a model that "
        "marks with it, can have marked text made.</li>\n"
        "<li>That all of the text is marked. The test is of everything together; a part of it "
        "may be enough.</li>\n",
        out);
    if (report->result.documents > 1) {
      (void)fputs("<li>That a document is marked because it stands here. Only what has a p-value "
                  "of its own says something by itself.</li>\n",
                  out);
    }
  } else {
    (void)fputs(
        "<li>That the text was written without the key. Editing, paraphrase, translation and "
        "mixing with other text weaken a mark; short texts, and texts that leave a model little "
        "choice, such as code and quotations, hardly carry one.</li>\n",
        out);
  }
  (void)fputs("<li>Anything about a key that was chosen after looking. The p-value holds for "
              "one key and one selection of texts, fixed beforehand; if several were tried it "
              "has to be multiplied by their number.</li>\n</ul>\n",
              out);
}

/* -------------------------------------------------------------- test and inputs */

static void start_row(FILE *out, const char *label) {
  (void)fprintf(out, "<tr><th scope=\"row\">%s</th><td>", label);
}

static void end_row(FILE *out) {
  (void)fputs("</td></tr>\n", out);
}

static void put_count_row(FILE *out, const char *label, uint64_t count) {
  char text[HTML_COUNT_SIZE];
  start_row(out, label);
  (void)fputs(html_count(text, count), out);
  end_row(out);
}

static void put_p_row(FILE *out, const char *label, double log10_p) {
  char text[CLI_P_SIZE];
  start_row(out, label);
  (void)fputs(cli_describe_p(text, log10_p), out);
  end_row(out);
}

static void put_counts(FILE *out, const html_report *report) {
  const gp_result *result = &report->result;
  (void)fputs("<table class=\"facts\"><caption>The test</caption>\n<tbody>\n", out);
  put_count_row(out, "Documents", result->documents);
  put_count_row(out, "Tokens", result->tokens);
  put_count_row(out, "Scored: distinct pairs", result->scored);
  put_count_row(out, "Repeated, not counted again", result->repeated);
  put_count_row(out, "Green", result->green);
  start_row(out, "Green of scored; expected");
  (void)fprintf(out, "%.2f&nbsp;%%; %.4g&nbsp;%%", percent(result->green, result->scored),
                100 * gp_params_gamma(&report->params));
  end_row(out);
  start_row(out, "z-score");
  (void)fprintf(out, "%.2f", result->z);
  end_row(out);
  put_p_row(out, "p-value (exact binomial)", result->log10_p);
  start_row(out, "alpha, the threshold");
  (void)fprintf(out, "%g", report->alpha);
  end_row(out);
  start_row(out, "log<sub>10</sub> of the e-value: last; largest after any document");
  (void)fprintf(out, "%.2f; %.2f", report->log10_e, report->log10_e_max);
  end_row(out);
  put_p_row(out, "p-value, had one looked after every document", fmin(0, -report->log10_e_max));
  for (size_t i = 0; i < report->n_rows; i++) {
    (void)fputs("<tr><th scope=\"row\">", out);
    html_put(out, report->rows[i].label);
    (void)fputs("</th><td>", out);
    html_put(out, report->rows[i].value);
    end_row(out);
  }
  (void)fputs("</tbody></table>\n", out);
}

static void put_tokenizer(FILE *out, const html_report *report) {
  start_row(out, "Tokenizer");
  if (report->tokenizer == NULL) {
    (void)fputs("none: the inputs are token ids", out);
    end_row(out);
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
    put_hash(out, report->tokenizer_sha256);
  }
  end_row(out);
  start_row(out, "Normalization");
  html_put(out, report->normalization != NULL ? report->normalization : "none");
  end_row(out);
}

static void put_parameters(FILE *out, const html_report *report) {
  (void)fputs("<table class=\"facts\"><caption>Key and parameters</caption>\n<tbody>\n", out);
  start_row(out, "Key");
  put_code(out, report->key_id);
  end_row(out);
  start_row(out, "Commitment");
  put_hash(out, report->commitment);
  end_row(out);
  start_row(out, "Tenant");
  if (report->has_tenant) {
    (void)fprintf(out, "%" PRIu64, report->tenant);
  } else {
    (void)fputs("none", out);
  }
  end_row(out);
  start_row(out, "Scheme");
  (void)fprintf(out, GP_SCHEME_ID ", seeding %s", gp_seeding_name(report->params.seeding));
  end_row(out);
  start_row(out, "Context width");
  (void)fprintf(out, "%" PRIu32 " token%s", report->params.context_width,
                report->params.context_width == 1 ? "" : "s");
  end_row(out);
  start_row(out, "Green fraction, gamma");
  (void)fprintf(out, "%" PRIu32 "/%u", report->params.gamma_num,
                1U << report->params.gamma_log2_den);
  end_row(out);
  put_tokenizer(out, report);
  start_row(out, "Made by");
  (void)fprintf(out, "greenprint %s", gp_version());
  end_row(out);
  (void)fputs("</tbody></table>\n", out);
}

static void put_inputs(FILE *out, const html_report *report) {
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
    html_put(out, input_name(report, i));
    (void)fputs("</bdi></td><td>", out);
    html_put(out, input->format);
    (void)fputs(input->gzip ? ", gzip</td>" : "</td>", out);
    put_count_cell(out, input->bytes);
    put_count_cell(out, input->documents);
    put_count_cell(out, input->tokens);
    (void)fputs("<td class=\"hash\">", out);
    put_hash(out, input->sha256);
    end_row(out);
  }
  (void)fputs("</tbody></table></div>\n</section>\n", out);
}

/* -------------------------------------------------------------------- the curves */

typedef struct curves {
  double *x;
  double *z;
  double *log10_e;
  size_t n;
} curves;

static bool curves_new(curves *all, size_t capacity) {
  all->x = calloc(capacity > 0 ? capacity : 1, sizeof *all->x);
  all->z = calloc(capacity > 0 ? capacity : 1, sizeof *all->z);
  all->log10_e = calloc(capacity > 0 ? capacity : 1, sizeof *all->log10_e);
  return all->x != NULL && all->z != NULL && all->log10_e != NULL;
}

static void curves_free(curves *all) {
  free(all->x);
  free(all->z);
  free(all->log10_e);
}

static void add_point(curves *all, double x, double z, double log10_e) {
  all->x[all->n] = x;
  all->z[all->n] = isfinite(z) ? z : 0;
  all->log10_e[all->n] = isfinite(log10_e) ? log10_e : 0;
  all->n++;
}

static bool curves_of_documents(const html_report *report, curves *all) {
  const double gamma = gp_params_gamma(&report->params);
  if (!curves_new(all, report->n_points)) {
    return false;
  }
  for (size_t i = 0; i < report->n_points; i++) {
    const html_point *point = &report->points[i];
    add_point(all, (double)point->documents, gp_z_score(point->scored, point->green, gamma),
              point->log10_e);
  }
  return true;
}

/* The same within a document, after every so many of its scored tokens. */
static bool curves_of_tokens(const html_report *report, curves *all) {
  const html_document *document = &report->documents[0];
  const double gamma = gp_params_gamma(&report->params);
  const uint64_t every = document->alone.scored / CURVE_POINTS + 1;
  if (!curves_new(all, CURVE_POINTS + 2)) {
    return false;
  }
  uint64_t scored = 0;
  uint64_t green = 0;
  uint64_t drawn = 0;
  for (size_t i = 0; i < document->n_tokens; i++) {
    const uint8_t colour = document->colours[i];
    scored += colour == GP_COLOUR_GREEN || colour == GP_COLOUR_RED;
    green += colour == GP_COLOUR_GREEN;
    const bool last = i + 1 == document->n_tokens;
    if (scored > drawn && (scored - drawn >= every || last) && all->n < CURVE_POINTS + 2) {
      double log10_e = 0;
      if (gp_log10_e_value(scored, green, report->params.gamma_num, report->params.gamma_log2_den,
                           &log10_e, NULL) != GP_OK) {
        log10_e = 0; /* it refuses only parameters that no key has */
      }
      add_point(all, (double)scored, gp_z_score(scored, green, gamma), log10_e);
      drawn = scored;
    }
  }
  return true;
}

static bool put_curves(FILE *out, const html_report *report) {
  const bool one = report->result.documents == 1 && report->n_documents == 1;
  curves all = {0};
  if (!(one ? curves_of_tokens(report, &all) : curves_of_documents(report, &all))) {
    curves_free(&all);
    return false;
  }
  if (all.n > 0) {
    char level[256];
    (void)snprintf(level, sizeof level,
                   "Dashed: log<sub>10</sub>(1/alpha) = %.4g. Without the mark the curve ever "
                   "reaches it with a probability of at most alpha = %g, however often one "
                   "looks.",
                   -log10(report->alpha), report->alpha);
    const char *x_label = one ? "scored tokens" : "documents";
    const html_chart z = {.id = "curve-z",
                          .title = "Running z-score",
                          .x_label = x_label,
                          .x = all.x,
                          .y = all.z,
                          .n = all.n,
                          .band = 1.96,
                          .band_label = "Shaded: where 95 % of unmarked texts are at any one "
                                        "point, about."};
    const html_chart e = {.id = "curve-e",
                          .title = "Running e-value (log<sub>10</sub>)",
                          .x_label = x_label,
                          .x = all.x,
                          .y = all.log10_e,
                          .n = all.n,
                          .has_line = true,
                          .line = -log10(report->alpha),
                          .line_label = level};
    (void)fputs("<section id=\"curves\">\n<h2>How the evidence grew</h2>\n<div class=\"pair\">\n",
                out);
    html_put_chart(out, &z);
    html_put_chart(out, &e);
    (void)fputs("</div>\n</section>\n", out);
  }
  curves_free(&all);
  return true;
}

/* ------------------------------------------------------------- documents, segments */

static bool has_q(const html_report *report) {
  for (size_t i = 0; i < documents_shown(report); i++) {
    if (report->documents[i].has_q) {
      return true;
    }
  }
  return false;
}

static void put_document_row(FILE *out, const html_report *report, size_t i, bool with_q) {
  const html_document *document = &report->documents[i];
  const gp_result *alone = &document->alone;
  (void)fprintf(out, "<tr><td class=\"n\"><a href=\"#doc%zu\">%zu</a></td><td><bdi>", i + 1,
                i + 1);
  html_put(out, input_name(report, document->input));
  (void)fprintf(out, "</bdi></td><td class=\"n\">%" PRIu64 "</td>", document->line);
  put_count_cell(out, alone->tokens);
  put_count_cell(out, alone->scored);
  put_count_cell(out, alone->green);
  (void)fprintf(out, "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>",
                percent(alone->green, alone->scored), alone->z);
  put_p_cell(out, alone->log10_p);
  if (with_q && document->has_q) {
    put_p_cell(out, document->log10_q);
  } else if (with_q) {
    (void)fputs("<td></td>", out);
  }
  (void)fputs("</tr>\n", out);
}

static void put_left_out(FILE *out, const html_report *report) {
  const size_t shown = documents_shown(report);
  if (shown < report->result.documents) {
    char first[HTML_COUNT_SIZE];
    char all[HTML_COUNT_SIZE];
    (void)fprintf(out, "<p class=\"note\">The first %s of %s documents are shown.</p>\n",
                  html_count(first, shown), html_count(all, report->result.documents));
  }
}

static void put_documents(FILE *out, const html_report *report) {
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
  for (size_t i = 0; i < documents_shown(report); i++) {
    put_document_row(out, report, i, with_q);
  }
  (void)fputs("</tbody></table></div>\n<p class=\"note\">Each p is for its document alone: "
              "whoever looks for the smallest has to multiply it by the number of documents.",
              out);
  (void)fputs(with_q ? " q is the smallest false-discovery rate at which the document is among "
                       "those called marked (Benjamini and Hochberg).</p>\n"
                     : "</p>\n",
              out);
  put_left_out(out, report);
  (void)fputs("</section>\n", out);
}

static void put_segment_row(FILE *out, const html_report *report, size_t i, size_t s) {
  const html_document *document = &report->documents[i];
  const gp_segment *segment = &document->segments[s];
  (void)fprintf(out,
                "<tr id=\"s%zu-%zu\"><td class=\"n\"><a href=\"#d%zus%zu\">%zu</a></td>"
                "<td class=\"n\"><a href=\"#doc%zu\">%zu</a></td><td class=\"n\">%zu\xE2\x80\x93"
                "%zu</td><td class=\"n\">",
                i + 1, s + 1, i + 1, s + 1, s + 1, i + 1, i + 1, segment->first,
                segment->end > segment->first ? segment->end - 1 : segment->first);
  if (document->text != NULL && segment->first < segment->end &&
      segment->end <= document->n_tokens) {
    (void)fprintf(out, "%zu\xE2\x80\x93%zu",
                  segment->first == 0 ? (size_t)0 : document->ends[segment->first - 1],
                  document->ends[segment->end - 1]);
  }
  (void)fputs("</td>", out);
  put_count_cell(out, segment->scored);
  put_count_cell(out, segment->green);
  (void)fprintf(out, "<td class=\"n\">%.2f</td>", percent(segment->green, segment->scored));
  put_p_cell(out, segment->log10_p);
  put_p_cell(out, segment->log10_p_corrected);
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
  for (size_t i = 0; i < documents_shown(report); i++) {
    for (size_t s = 0; s < html_segments_shown(&report->documents[i]); s++) {
      put_segment_row(out, report, i, s);
    }
    all = all && html_segments_shown(&report->documents[i]) == report->documents[i].n_segments;
  }
  (void)fprintf(out,
                "</tbody></table></div>\n<p class=\"note\">The corrected p pays for the search "
                "over all segments of the document. Positions are counted from 0 within the "
                "document, the last one included; bytes are given as the first and the one "
                "after the last.%s</p>\n",
                all ? "" : " Of some documents only the best segments are shown.");
}

static void put_segments(FILE *out, const html_report *report) {
  if (!report->located) {
    return;
  }
  bool any = false;
  for (size_t i = 0; i < documents_shown(report); i++) {
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

/* --------------------------------------------------------------------- the texts */

static void put_legend(FILE *out, const html_report *report) {
  (void)fprintf(
      out,
      "<input type=\"checkbox\" id=\"marks\" checked><label for=\"marks\">Mark the "
      "tokens</label>\n"
      "<p class=\"legend\"><b>green</b> <i>red</i> <u>seen before, or too early: not "
      "scored</u>%s</p>\n"
      "<p class=\"note\">Point at a token, or go to the text with the tabulator key and through "
      "it with the arrow keys, to see its context and the count up to it. A pair is counted "
      "where it first occurs in the document; in the test above, where it first occurs in the "
      "whole input. A sign <span class=\"part\"></span> stands for a token that adds bytes to "
      "the "
      "character before it.</p>\n",
      report->located ? " <mark>located segment</mark>" : "");
}

static bool put_document(FILE *out, const html_report *report, size_t i, size_t *budget) {
  const html_document *document = &report->documents[i];
  char p[CLI_P_SIZE];
  char scored[HTML_COUNT_SIZE];
  char green[HTML_COUNT_SIZE];
  (void)fprintf(out, "<article id=\"doc%zu\">\n<h3>Document %zu: <bdi>", i + 1, i + 1);
  html_put(out, input_name(report, document->input));
  (void)fprintf(out,
                "</bdi>, line %" PRIu64 "</h3>\n<p class=\"note\">%s of %s scored tokens are "
                "green, z %.2f, p %s by itself.</p>\n",
                document->line, html_count(green, document->alone.green),
                html_count(scored, document->alone.scored), document->alone.z,
                cli_describe_p(p, document->alone.log10_p));
  if (!html_put_tokens(out, report, i, budget)) {
    return false;
  }
  (void)fputs("</article>\n", out);
  return true;
}

static bool put_texts(FILE *out, const html_report *report) {
  if (report->n_documents == 0) {
    return true;
  }
  size_t budget = HTML_TOKENS;
  (void)fputs("<section id=\"text\">\n<h2>The text</h2>\n", out);
  put_legend(out, report);
  put_left_out(out, report);
  for (size_t i = 0; i < documents_shown(report); i++) {
    if (!put_document(out, report, i, &budget)) {
      return false;
    }
  }
  (void)fputs("</section>\n", out);
  return true;
}

static void put_end(FILE *out, const html_report *report) {
  (void)fprintf(out,
                "</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n"
                "<script type=\"application/json\" id=\"page\">{\"num\":%" PRIu32
                ",\"den\":%u,\"h\":%" PRIu32 "}</script>\n<script>",
                report->params.gamma_num, 1U << report->params.gamma_log2_den,
                report->params.context_width);
  (void)fwrite(html_report_js, 1, html_report_js_size, out);
  (void)fputs("</script>\n</body>\n</html>\n", out);
}

/* False without memory. */
static bool put_page(FILE *out, const html_report *report) {
  put_head(out, report);
  put_verdict(out, report);
  (void)fputs("<section id=\"meaning\">\n", out);
  put_meaning(out, report);
  put_basis(out, report);
  put_limits(out, report);
  (void)fputs("</section>\n<section id=\"summary\">\n<h2>Counts and parameters</h2>\n"
              "<div class=\"pair\">\n",
              out);
  put_counts(out, report);
  put_parameters(out, report);
  (void)fputs("</div>\n</section>\n", out);
  if (!put_curves(out, report)) {
    return false;
  }
  put_inputs(out, report);
  put_segments(out, report);
  put_documents(out, report);
  if (!put_texts(out, report)) {
    return false;
  }
  put_end(out, report);
  return true;
}

int report_write_html(const char *command, const char *path, const html_report *report) {
  whole_file file;
  if (!whole_file_open(&file, path)) {
    return cli_fail(command, "%s: cannot create the report: %s", path, strerror(errno));
  }
  if (!put_page(file.stream, report)) {
    whole_file_abandon(&file);
    return cli_fail(command, "out of memory: the HTML report");
  }
  if (!whole_file_commit(&file)) {
    return cli_fail(command, "%s: cannot write the report: %s", path, strerror(errno));
  }
  return CLI_OK;
}

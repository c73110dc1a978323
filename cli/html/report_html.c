/* The page: the verdict, what it means and does not mean, what it rests on, the texts. */
#include "html/report_html.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "html/html_out.h"
#include "html/whole_file.h"

/* ------------------------------------------------------------------ the verdict */

static void put_verdict(FILE *out, const html_report *report) {
  (void)fprintf(out,
                "<body>\n<header>\n<p class=\"kind\">Greenprint: report of a verification</p>\n"
                "<h1 class=\"%s\">%s: the mark of key ",
                report->found ? "found" : "absent", report->found ? "Found" : "Not found");
  html_put_code(out, report->key_id);
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
                  html_percent(result->green, result->scored),
                  100 * gp_params_gamma(&report->params));
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
  const size_t number = document->number + 1;
  (void)fprintf(out, "<article id=\"doc%zu\">\n<h3>Document %zu: <bdi>", number, number);
  html_put(out, html_input_name(report, document->input));
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
  html_put_left_out(out, report);
  for (size_t i = 0; i < html_documents_shown(report); i++) {
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
  html_put_head(out, report->found ? "Greenprint report: found" : "Greenprint report: not found",
                report->key_id, true);
  put_verdict(out, report);
  (void)fputs("<section id=\"meaning\">\n", out);
  put_meaning(out, report);
  put_basis(out, report);
  put_limits(out, report);
  (void)fputs("</section>\n<section id=\"summary\">\n<h2>Counts and parameters</h2>\n"
              "<div class=\"pair\">\n",
              out);
  html_put_counts(out, report);
  html_put_parameters(out, report);
  (void)fputs("</div>\n</section>\n", out);
  if (!html_put_curves(out, report)) {
    return false;
  }
  html_put_inputs(out, report);
  html_put_segments(out, report);
  html_put_documents(out, report);
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

/* The report for people: the verdict first, then what it rests on, then what it means. */
#include "cli.h"
#include "report.h"
#include "rows.h"
#include "settings.h"
#include "style.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define LINE_WIDTH 80

static const char *display_name(const char *name) {
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

static double percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void print_candidate(const findings *all) {
  const candidate_findings *best = &all->best;
  char params[CLI_PARAMS_SIZE];
  put_row("key", "%s", best->key_id);
  put_row("scheme", "%s, %s", best->scheme, cli_describe_params(params, &best->params));
  if (best->tenant.has_tenant) {
    put_row("tenant", "%" PRIu64 "%s", best->tenant.tenant,
            all->bill.other_tenants && all->bill.times == 1 ? " (p pays for no other)" : "");
  }
  if (all->n_candidates > 1) {
    put_row("tried", "%zu keys and tenants; this one is the best", all->n_candidates);
  }
  price_put_row(all->committed);
  char *tokenizer = settings_tokenizer(all->info.settings);
  char *normalize = settings_normalize(all->info.settings);
  if (all->proof != NULL) {
    char proved[CLI_PROVED_SIZE];
    put_row("proved", "%s", cli_describe_proof(proved, all->proof));
  }
  put_safe_row("tokenizer", tokenizer);
  put_safe_row("normalize", normalize);
  free(tokenizer);
  free(normalize);
}

static void print_evidence(const findings *all) {
  const candidate_findings *best = &all->best;
  char p[CLI_P_SIZE];
  put_row("z", "%.2f", best->result.z);
  put_row("p", "%s", cli_describe_p(p, best->result.log10_p));
  if (all->bill.times > 1) {
    char bill[CLI_BILL_SIZE];
    put_row("corrected", "%s (%s)", cli_describe_p(p, best->log10_p_corrected),
            cli_describe_bill(bill, &all->bill));
  } else {
    put_row("anytime p", "%s (the smallest after any document, in this order)",
            cli_describe_p(p, all->evidence.log10_p_anytime));
  }
  if (all->weighted) {
    const gp_weighted_result *weighted = &all->weights.result;
    put_row("weighted", "z %.2f, p at most %s (%" PRIu64 " coins)", weighted->z,
            cli_describe_p(p, all->weights.log10_p_corrected), weighted->coins);
  }
  put_row("alpha", "%g", all->alpha);
}

static void print_counts(const findings *all) {
  const gp_result *result = &all->best.result;
  uint64_t bad = 0;
  for (size_t i = 0; i < all->info.n_inputs; i++) {
    gp_corpus_input_facts input;
    gp_corpus_get_input(all->corpus, i, &input);
    bad += input.bad;
  }
  put_row("documents", "%" PRIu64, result->documents);
  if (bad > 0) {
    put_row("bad lines", "%" PRIu64 " left out", bad);
  }
  put_row("tokens", "%" PRIu64, result->tokens);
  put_row("scored", "%" PRIu64 " (and %" PRIu64 " repeated)", result->scored, result->repeated);
  put_row("green", "%" PRIu64 " (%.2f %%; %.4g %% expected)", result->green,
          percent(result->green, result->scored), 100 * gp_params_gamma(&all->best.params));
}

static void put_input(const findings *all, size_t index) {
  gp_corpus_input_facts input;
  gp_corpus_get_input(all->corpus, index, &input);
  cli_put_safe(stdout, display_name(input.name));
  (void)fputc('\n', stdout);
}

static void print_documents(const findings *all) {
  const double gamma = gp_params_gamma(&all->best.params);
  (void)printf("\n%s%10s %10s %10s %10s %10s %8s %9s %10s %10s  %s%s\n",
               style(stdout, STYLE_LABEL), "line", "tokens", "scored", "repeated", "green",
               "green %", "z", "p", "q", "input", style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_documents; i++) {
    const document_findings *document = &all->documents[i];
    char p[CLI_P_SIZE];
    char q[CLI_P_SIZE];
    (void)printf("%10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                 " %8.2f %9.2f %10s %10s  ",
                 document->line, document->tokens, document->scored, document->repeated,
                 document->green, percent(document->green, document->scored),
                 gp_z_score(document->scored, document->green, gamma),
                 cli_describe_p(p, document->log10_p), cli_describe_p(q, document->log10_q));
    put_input(all, document->input);
  }
  (void)printf("\nEach p here is for its document alone. Of the documents with q at most 0.05,\n"
               "at most 5 %% are expected to be there by chance.\n");
}

static void print_segments(const findings *all) {
  if (all->n_segments == 0) {
    (void)puts("\nNo segment stands out by itself.");
    return;
  }
  (void)printf("\n%s%10s %21s %21s %8s %8s %10s  %s%s\n", style(stdout, STYLE_LABEL), "line",
               "tokens", "bytes", "scored", "green %", "p", "input", style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_segments; i++) {
    const segment_findings *one = &all->segments[i];
    char tokens[48];
    char bytes[48] = "-";
    char p[CLI_P_SIZE];
    (void)snprintf(tokens, sizeof tokens, "%zu-%zu", one->segment.first, one->segment.end);
    if (one->has_bytes) {
      (void)snprintf(bytes, sizeof bytes, "%zu-%zu", one->first_byte, one->end_byte);
    }
    (void)printf("%10" PRIu64 " %21s %21s %8" PRIu64 " %8.2f %10s  ", one->line, tokens, bytes,
                 one->segment.scored, percent(one->segment.green, one->segment.scored),
                 cli_describe_p(p, one->segment.log10_p_corrected));
    put_input(all, one->input);
  }
  (void)puts(
      "\nEach p pays for the search over all segments of all documents. Tokens and bytes\n"
      "count from 0 in the document; the end is not part of a segment. A text longer than 1 MiB\n"
      "is cut into documents; its line is then the number of the part.");
}

static void print_candidates(const findings *all) {
  (void)printf("\n%s%16s %21s %10s %10s %9s %10s%s\n", style(stdout, STYLE_LABEL), "key",
               "tenant", "scored", "green", "z", "corrected", style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_found; i++) {
    const candidate_findings *one = &all->candidates[i];
    char tenant[24] = "-";
    char p[CLI_P_SIZE];
    if (one->tenant.has_tenant) {
      (void)snprintf(tenant, sizeof tenant, "%" PRIu64, one->tenant.tenant);
    }
    (void)printf("%16s %21s %10" PRIu64 " %10" PRIu64 " %9.2f %10s\n", one->key_id, tenant,
                 one->result.scored, one->result.green, one->result.z,
                 cli_describe_p(p, one->log10_p_corrected));
  }
}

static void print_meaning(const findings *all) {
  char meaning[CLI_MEANING_SIZE];
  const cli_evidence evidence = findings_evidence(all);
  cli_put_wrapped(stdout, cli_describe_meaning(meaning, &evidence), LINE_WIDTH);
  if (!all->found && (all->per_document || all->n_segments > 0)) {
    cli_put_wrapped(stdout,
                    all->n_segments > 0
                        ? "That is said of all documents together; the segments listed have "
                          "tests of their own, which they pass."
                        : "That is said of all documents together; each document has a test of "
                          "its own above.",
                    LINE_WIDTH);
  }
}

/* Whose mark it is about: of several that were not found, none is named. */
static void print_verdict(const findings *all) {
  (void)printf("%s%s%s of ", style(stdout, all->found ? STYLE_FOUND : STYLE_NOT_FOUND),
               all->found ? "Found: the mark" : "Not found: the mark", style(stdout, STYLE_END));
  if (all->n_candidates > 1 && !all->found) {
    (void)printf("any of %zu keys and tenants.\n", all->n_candidates);
  } else if (all->best.tenant.has_tenant) {
    (void)printf("key %s, tenant %" PRIu64 ".\n", all->best.key_id, all->best.tenant.tenant);
  } else {
    (void)printf("key %s.\n", all->best.key_id);
  }
}

void report_print_text(const findings *all, bool brief) {
  print_verdict(all);
  if (brief) {
    return;
  }
  (void)fputc('\n', stdout);
  print_candidate(all);
  print_counts(all);
  print_evidence(all);
  if (all->n_candidates > 1) {
    print_candidates(all);
  }
  if (all->per_document) {
    print_documents(all);
  }
  if (all->located) {
    print_segments(all);
  }
  (void)fputc('\n', stdout);
  print_meaning(all);
}

/* The report of an audit for people: the verdict, what it rests on, what it means. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_findings.h"
#include "rows.h"
#include "settings.h"
#include "style.h"

#define LINE_WIDTH 80

static void print_counts(const audit_evidence *evidence) {
  const audit_options *options = evidence->options;
  const gp_audit_counts *counts = &evidence->counts;
  const uint64_t left_out = counts->tokens - counts->positions;
  put_row(options->open ? "driven by" : "answers", "%" PRIu64 " document%s, %" PRIu64 " token%s",
          counts->documents, cli_plural(counts->documents), counts->tokens,
          cli_plural(counts->tokens));
  put_row("left out", "%" PRIu64 " token%s with too few tokens before", left_out,
          cli_plural(left_out));
  if (options->prompts != NULL) {
    put_row("in prompt", "%" PRIu64 " token%s left out, whose context occurs in the prompt",
            counts->in_prompt, cli_plural(counts->in_prompt));
  }
  put_row("tested", "%" PRIu64 " pair%s in %" PRIu64 " context%s", counts->coins,
          cli_plural(counts->coins), counts->contexts, cli_plural(counts->contexts));
  if (counts->expected > 0) {
    put_row("", "and %" PRIu64 " pair%s only expected", counts->expected,
            cli_plural(counts->expected));
  }
  if (counts->has_served && options->served != NULL) {
    put_row("served", "%" PRIu64 " of the pairs in %" PRIu64 " of the contexts",
            counts->served_coins, counts->served_contexts);
  }
}

void audit_print_evidence(const audit_evidence *evidence, const char *tenants) {
  char params[CLI_PARAMS_SIZE];
  const audit_options *options = evidence->options;
  put_row("key", "%s", evidence->key_id);
  put_row("scheme", "%s, %s", gp_key_scheme(evidence->key),
          cli_describe_params(params, &evidence->params));
  if (options->tenant.has_tenant) {
    put_row("tenant", "%" PRIu64, options->tenant.tenant);
  }
  put_safe_row("tenants", tenants);
  price_put_row(&evidence->price.committed);
  char *tokenizer = settings_tokenizer(evidence->settings);
  char *normalize = settings_normalize(evidence->settings);
  put_safe_row("tokenizer", tokenizer);
  put_safe_row("normalize", normalize);
  free(tokenizer);
  free(normalize);
  print_counts(evidence);
  put_safe_row(options->open ? "suspect" : "reference",
               evidence->has_label ? evidence->label : NULL);
  put_row("alpha", "%g", options->alpha);
}

static void print_paragraph(const char *text) {
  if (text[0] != '\0') {
    (void)fputc('\n', stdout);
    cli_put_wrapped(stdout, text, LINE_WIDTH);
  }
}

/* A list, each item behind a dash. A label in it comes out of a file that somebody else may have
 * written. */
static void print_item(const char *text) {
  char *lines = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&lines, &size);
  if (out == NULL) {
    return;
  }
  cli_put_wrapped(out, text, LINE_WIDTH - 2);
  if (fclose(out) == 0) {
    const char *start = "- ";
    for (char *rest = NULL, *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
      (void)fputs(start, stdout);
      cli_put_safe(stdout, line);
      (void)fputc('\n', stdout);
      start = "  ";
    }
  }
  free(lines);
}

void audit_print_words(const audit_words *words) {
  print_paragraph(words->meaning);
  print_paragraph(words->decided);
  print_paragraph(words->anytime);
  print_paragraph(words->controls);
  (void)puts("\nWhat this rests on:");
  for (size_t i = 0; i < words->n_assumed; i++) {
    print_item(words->assumed[i]);
  }
  (void)puts("\nWhat this does not show:");
  for (size_t i = 0; i < words->n_limits; i++) {
    print_item(words->limits[i]);
  }
}

static void print_tests(const audit_findings *all) {
  (void)printf("\n%s  %-9s %-8s %12s %12s %9s %10s %9s%s\n", style(stdout, STYLE_LABEL), "test",
               "contexts", "pairs", "green", "z", "p", "log10 e", style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_tests; i++) {
    const audit_test_findings *test = &all->tests[i];
    const gp_audit_result *result = &test->result;
    char p[CLI_P_SIZE];
    (void)printf("%s %-9s %-8s %12" PRIu64 " %12" PRIu64 " %9.2f %10s %9.2f\n",
                 i == all->verdict ? "*" : " ", gp_audit_statistic_name(test->statistic),
                 audit_contexts_name(test->served), result->coins, result->green, result->z,
                 cli_describe_p(p, result->log10_p), result->log10_e);
  }
  if (all->evidence.bill.times > 1) {
    char p[CLI_P_SIZE];
    char bill[CLI_BILL_SIZE];
    (void)printf("* decides, by p corrected: %s (%s)\n",
                 cli_describe_p(p, all->log10_p_corrected),
                 cli_describe_bill(bill, &all->evidence.bill));
    return;
  }
  (void)puts("* decides");
}

static void print_controls(const audit_findings *all) {
  (void)printf("\n%s  %-9s %-8s %8s %8s %8s %6s %8s %8s %8s%s\n", style(stdout, STYLE_LABEL),
               "controls", "contexts", "least z", "median", "greatest", ">= key", "rank p",
               "least p", "p<=1/128", style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_tests; i++) {
    const audit_test_findings *test = &all->tests[i];
    const audit_controls *controls = &test->controls;
    char least[CLI_P_SIZE];
    char rank[CLI_P_SIZE] = "-";
    if (!test->served) {
      (void)snprintf(rank, sizeof rank, "%.2g", controls->rank_p);
    }
    (void)printf("%s %-9s %-8s %8.2f %8.2f %8.2f %6" PRIu64 " %8s %8s %8" PRIu64 "\n",
                 i == all->verdict ? "*" : " ", gp_audit_statistic_name(test->statistic),
                 audit_contexts_name(test->served), controls->z_least, controls->z_median,
                 controls->z_greatest, controls->at_or_above, rank,
                 cli_describe_p(least, controls->log10_p_least), controls->small);
  }
}

void audit_print_text(const audit_findings *all, bool brief) {
  const audit_evidence *evidence = &all->evidence;
  audit_words words;
  audit_find_words(all, &words);
  (void)printf("%s%s%s of key %s", style(stdout, all->found ? STYLE_FOUND : STYLE_NOT_FOUND),
               all->found ? "Found: the mark" : "Not found: the mark", style(stdout, STYLE_END),
               evidence->key_id);
  if (evidence->options->tenant.has_tenant) {
    (void)printf(", tenant %" PRIu64 ",", evidence->options->tenant.tenant);
  }
  (void)printf(" %s.\n", words.verdict);
  print_paragraph(words.broken);
  if (brief) {
    return;
  }
  (void)fputc('\n', stdout);
  audit_print_evidence(evidence, NULL);
  print_tests(all);
  if (all->n_controls > 0) {
    print_controls(all);
  }
  audit_print_words(&words);
}

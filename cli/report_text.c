/* The report for people: the verdict first, then what it rests on, then what it means. */
#include "cli.h"
#include "report.h"
#include "style.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define LINE_WIDTH 80

static const char *display_name(const char *name) {
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

static double percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

/* A row of the summary. Labels are dim, so that the values stand out. */
static void print_row(const char *label, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void print_row(const char *label, const char *format, ...) {
  (void)printf("%s%-10s%s ", style(stdout, STYLE_LABEL), label, style(stdout, STYLE_END));
  va_list arguments;
  va_start(arguments, format);
  (void)vprintf(format, arguments);
  va_end(arguments);
  (void)fputc('\n', stdout);
}

static void print_counts(const findings *all) {
  const gp_result *result = &all->result;
  char params[CLI_PARAMS_SIZE];
  char p[CLI_P_SIZE];
  print_row("key", "%s", all->key_id);
  print_row("scheme", GP_SCHEME_ID ", %s", cli_describe_params(params, &all->params));
  if (all->tenant.has_tenant) {
    print_row("tenant", "%" PRIu64, all->tenant.tenant);
  }
  print_row("documents", "%" PRIu64, result->documents);
  print_row("tokens", "%" PRIu64, result->tokens);
  print_row("scored", "%" PRIu64 " (and %" PRIu64 " repeated)", result->scored, result->repeated);
  print_row("green", "%" PRIu64 " (%.2f %%; %.4g %% expected)", result->green,
            percent(result->green, result->scored), 100 * gp_params_gamma(&all->params));
  print_row("z", "%.2f", result->z);
  print_row("p", "%s", cli_describe_p(p, result->log10_p));
  print_row("alpha", "%g", all->alpha);
}

static void print_documents(const findings *all) {
  const double gamma = gp_params_gamma(&all->params);
  (void)printf("\n%s%10s %10s %10s %10s %10s %8s %9s %10s  %s%s\n", style(stdout, STYLE_LABEL),
               "line", "tokens", "scored", "repeated", "green", "green %", "z", "p", "input",
               style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_documents; i++) {
    const document_findings *document = &all->documents[i];
    char p[CLI_P_SIZE];
    (void)printf("%10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                 " %8.2f %9.2f %10s  ",
                 document->line, document->tokens, document->scored, document->repeated,
                 document->green, percent(document->green, document->scored),
                 gp_z_score(document->scored, document->green, gamma),
                 cli_describe_p(p, document->log10_p));
    cli_put_safe(stdout, display_name(all->inputs[document->input].name));
    (void)fputc('\n', stdout);
  }
  (void)printf("\nEach p here is for its document alone. Whoever looks for the smallest has to\n"
               "multiply it by their number, %zu.\n",
               all->n_documents);
}

static void print_meaning(const findings *all) {
  char meaning[CLI_MEANING_SIZE];
  const cli_evidence evidence = {.found = all->found,
                                 .key_id = all->key_id,
                                 .params = all->params,
                                 .alpha = all->alpha,
                                 .scored = all->result.scored,
                                 .log10_p = all->result.log10_p};
  cli_put_wrapped(stdout, cli_describe_meaning(meaning, &evidence), LINE_WIDTH);
}

void report_print(const findings *all) {
  (void)printf("%s%s%s of key %s.\n\n", style(stdout, all->found ? STYLE_FOUND : STYLE_NOT_FOUND),
               all->found ? "Found: the mark" : "Not found: the mark", style(stdout, STYLE_END),
               all->key_id);
  print_counts(all);
  if (all->per_document) {
    print_documents(all);
  }
  (void)fputc('\n', stdout);
  print_meaning(all);
}

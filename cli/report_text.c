/* The report for people: the verdict first, then what it rests on, then what it means. */
#include "cli.h"
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *display_name(const char *name) {
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

static double percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void print_counts(const findings *all) {
  const gp_result *result = &all->result;
  char params[CLI_PARAMS_SIZE];
  char p[CLI_P_SIZE];
  (void)printf("key        %s\n", all->key_id);
  (void)printf("scheme     " GP_SCHEME_ID ", %s\n", cli_describe_params(params, &all->params));
  if (all->tenant.has_tenant) {
    (void)printf("tenant     %" PRIu64 "\n", all->tenant.tenant);
  }
  (void)printf("documents  %" PRIu64 "\n", result->documents);
  (void)printf("tokens     %" PRIu64 "\n", result->tokens);
  (void)printf("scored     %" PRIu64 " (and %" PRIu64 " repeated)\n", result->scored,
               result->repeated);
  (void)printf("green      %" PRIu64 " (%.2f %%; %.4g %% expected)\n", result->green,
               percent(result->green, result->scored), 100 * gp_params_gamma(&all->params));
  (void)printf("z          %.2f\n", result->z);
  (void)printf("p          %s\n", cli_describe_p(p, result->log10_p));
  (void)printf("alpha      %g\n", all->alpha);
}

static void print_documents(const findings *all) {
  const double gamma = gp_params_gamma(&all->params);
  (void)printf("\n%10s %10s %10s %10s %10s %8s %9s %10s  %s\n", "line", "tokens", "scored",
               "repeated", "green", "green %", "z", "p", "input");
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

/* Alpha may have been anything, so chance is named as well, with what p says about it. */
static void print_meaning_of_found(const findings *all) {
  char p[CLI_P_SIZE];
  (void)printf("Either the text was written under the influence of key %s, or by\n"
               "something trained on such text, or it is chance: text written without the key\n"
               "has as many green tokens, or more, with probability %s.\n",
               all->key_id, cli_describe_p(p, all->result.log10_p));
}

static void print_meaning(const findings *all) {
  const uint64_t scored = all->result.scored;
  if (all->found) {
    print_meaning_of_found(all);
  } else if (scored == 0) {
    (void)printf("Nothing was scored: no document has more than %" PRIu32 " tokens.\n",
                 all->params.context_width);
  } else if ((double)scored * log10(gp_params_gamma(&all->params)) > log10(all->alpha)) {
    (void)puts("The text is too short: with so few pairs scored, no text reaches alpha.");
  } else {
    (void)puts("The evidence does not reach alpha. That is not proof of absence.");
  }
}

void report_print(const findings *all) {
  (void)printf(all->found ? "Found: the mark of key %s.\n\n"
                          : "Not found: the mark of key %s.\n\n",
               all->key_id);
  print_counts(all);
  if (all->per_document) {
    print_documents(all);
  }
  (void)fputc('\n', stdout);
  print_meaning(all);
}

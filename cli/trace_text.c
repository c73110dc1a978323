/* The report of a trace for people. */
#include <inttypes.h>

#include "audit_findings.h"
#include "style.h"

static void print_tenants(const trace_findings *all) {
  (void)printf("\n%s%20s %10s %8s %10s %10s %8s %9s%s\n", style(stdout, STYLE_LABEL), "tenant",
               "pairs", "z", "p", "corrected", "distinct", "its p", style(stdout, STYLE_END));
  for (size_t i = 0; i < all->n_listed; i++) {
    const trace_tenant *tenant = &all->tenants[i];
    char p[CLI_P_SIZE];
    char corrected[CLI_P_SIZE];
    char distinct[CLI_P_SIZE];
    (void)printf("%20" PRIu64 " %10" PRIu64 " %8.2f %10s %s%10s%s %8.2f %9s%s\n", tenant->id,
                 tenant->root.coins, tenant->root.z, cli_describe_p(p, tenant->root.log10_p),
                 tenant->found ? style(stdout, STYLE_FOUND) : "",
                 cli_describe_p(corrected, tenant->log10_p_corrected),
                 tenant->found ? style(stdout, STYLE_END) : "", tenant->distinct.z,
                 cli_describe_p(distinct, tenant->distinct.log10_p),
                 tenant->found ? " found" : "");
  }
}

void trace_print_text(const trace_findings *all, bool brief) {
  audit_words words;
  char tenants[64];
  const bool found = all->n_found > 0;
  trace_find_words(all, &words);
  (void)printf("%s%s%s: the mark of ", style(stdout, found ? STYLE_FOUND : STYLE_NOT_FOUND),
               found ? "Found" : "Not found", style(stdout, STYLE_END));
  if (found) {
    (void)printf("%zu of %zu tenant%s of key %s.\n", all->n_found, all->list.count,
                 cli_plural(all->list.count), all->evidence.key_id);
  } else {
    (void)printf("any of %zu tenant%s of key %s.\n", all->list.count, cli_plural(all->list.count),
                 all->evidence.key_id);
  }
  if (brief) {
    return;
  }
  (void)snprintf(tenants, sizeof tenants, "%zu tried", all->list.count);
  (void)fputc('\n', stdout);
  audit_print_evidence(&all->evidence, tenants);
  print_tenants(all);
  audit_print_words(&words);
}

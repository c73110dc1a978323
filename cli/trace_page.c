/* The page of a trace. */
#include <inttypes.h>
#include <stdlib.h>

#include "audit_findings.h"
#include "audit_page.h"
#include "html/html_out.h"

#define TENANTS_SIZE 64

static void put_verdict(FILE *out, const trace_findings *all) {
  const bool found = all->n_found > 0;
  char tried[HTML_COUNT_SIZE];
  char of_them[HTML_COUNT_SIZE];
  html_put_head(out, found ? "Greenprint trace: found" : "Greenprint trace: not found",
                all->evidence.key_id, false);
  (void)fprintf(out,
                "<body>\n<header>\n<p class=\"kind\">Greenprint: report of a trace of a model"
                "</p>\n<h1 class=\"%s\">",
                found ? "found" : "absent");
  if (found) {
    (void)fprintf(out, "Found: the mark of %s of ", html_count(of_them, all->n_found));
  } else {
    (void)fputs("Not found: the mark of any of ", out);
  }
  (void)fprintf(out, "%s tenant%s of key ", html_count(tried, all->list.count),
                cli_plural(all->list.count));
  html_put_code(out, all->evidence.key_id);
  (void)fputs(".</h1>\n</header>\n<main>\n", out);
}

/* Those found are drawn as lines, the others counted. */
static bool put_picture(FILE *out, const trace_findings *all) {
  const size_t count = all->list.count;
  double *z = calloc(count, sizeof *z);
  if (z == NULL) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    z[i] = all->tenants[i].root.z;
  }
  /* The best come first, and so do those found. */
  const html_histogram histogram = {
      .id = "tenants",
      .title = "The tenants, in the test that decides",
      .x_label = "z",
      .values = z + all->n_found,
      .n = count - all->n_found,
      .marks = z,
      .n_marks = all->n_found,
      .mark_label = "found",
      .note = "Bars: how many of the tenants that were not found have about this z. Curve: how "
              "many the normal law has there. Dashed: each tenant that was found. The picture is "
              "for the eye; p is not read off it."};
  (void)fputs("<section id=\"picture\">\n", out);
  html_put_histogram(out, &histogram);
  (void)fputs("</section>\n", out);
  free(z);
  return true;
}

static void put_tenants(FILE *out, const trace_findings *all) {
  const bool served = all->evidence.options->served_by != NULL;
  (void)fprintf(
      out,
      "<section id=\"listed\">\n<h2>Tenants</h2>\n<div class=\"wide\"><table>\n<thead><tr>"
      "<th scope=\"col\">Tenant</th>%s<th scope=\"col\" class=\"n\">Pairs</th>"
      "<th scope=\"col\" class=\"n\">Green</th><th scope=\"col\" class=\"n\">z</th>"
      "<th scope=\"col\" class=\"n\">p</th><th scope=\"col\" class=\"n\">p corrected</th>"
      "<th scope=\"col\" class=\"n\">z, distinct</th>"
      "<th scope=\"col\" class=\"n\">p, distinct</th></tr></thead>\n<tbody>\n",
      served ? "<th scope=\"col\" class=\"n\">Contexts served</th>" : "");
  for (size_t i = 0; i < all->n_listed; i++) {
    const trace_tenant *tenant = &all->tenants[i];
    (void)fprintf(out, "<tr%s><th scope=\"row\">%" PRIu64 "%s</th>",
                  tenant->found ? " class=\"decides\"" : "", tenant->id,
                  tenant->found ? ", found" : "");
    if (served) {
      html_put_count_cell(out, tenant->served_contexts);
    }
    audit_page_result_cells(out, &tenant->root);
    html_put_p_cell(out, tenant->log10_p_corrected);
    (void)fprintf(out, "<td class=\"n\">%.2f</td>", tenant->distinct.z);
    html_put_p_cell(out, tenant->distinct.log10_p);
    (void)fputs("</tr>\n", out);
  }
  (void)fprintf(out,
                "</tbody></table></div>\n<p class=\"note\">Those found, and the best of the "
                "others; %zu were tried. The corrected p allows for that number (Holm)%s.</p>\n"
                "</section>\n",
                all->list.count,
                all->evidence.bill.times > 1 ? ", and is multiplied by what it pays for besides"
                                             : "");
}

static bool put_page(FILE *out, const void *findings) {
  const trace_findings *all = findings;
  audit_words words;
  char tenants[TENANTS_SIZE];
  trace_find_words(all, &words);
  put_verdict(out, all);
  audit_page_words(out, &words);
  if (!put_picture(out, all)) {
    return false;
  }
  put_tenants(out, all);
  (void)snprintf(tenants, sizeof tenants, "%zu tried", all->list.count);
  if (!audit_page_facts(out, &all->evidence, tenants)) {
    return false;
  }
  (void)fputs("</main>\n</body>\n</html>\n", out);
  return true;
}

int trace_write_page(const trace_findings *all, const char *path) {
  return audit_page_write(all->evidence.options->command, path, put_page, all);
}

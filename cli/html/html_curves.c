/* How the evidence grew: over documents, or within the only one. */
#include "html/html_out.h"

#include <math.h>
#include <stdlib.h>

/* Points of the curves of a single document, which are computed here. */
#define CURVE_POINTS 1000

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

bool html_put_curves(FILE *out, const html_report *report) {
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

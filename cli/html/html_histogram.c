/* A histogram of z-scores as inline SVG. Colours and line styles are the style sheet's. */
#include "html/html_out.h"

#include <math.h>
#include <stdlib.h>

/* Units of the view box. */
#define WIDTH       520.0
#define HEIGHT      220.0
#define LEFT        52.0
#define RIGHT       16.0
#define TOP         22.0
#define BOTTOM      44.0
#define BINS_MAX    400
#define AXIS_LEAST  3.5 /* the axis goes at least from minus to plus that */
#define FEW         500 /* values, for which bins are twice as wide */
#define CURVE_STEPS 280 /* of the normal law, over +- CURVE_ENDS */
#define CURVE_ENDS  4.0

typedef struct frame {
  double x_min;
  double x_max;
  double y_max;
  double width; /* of a bin */
  size_t n_bins;
  size_t bins[BINS_MAX];
} frame;

static double across(const frame *view, double x) {
  return LEFT + (WIDTH - LEFT - RIGHT) * (x - view->x_min) / (view->x_max - view->x_min);
}

static double down(const frame *view, double y) {
  return TOP + (HEIGHT - TOP - BOTTOM) * (view->y_max - y) / view->y_max;
}

static double normal_density(double x) {
  return exp(-x * x / 2) / sqrt(2 * acos(-1));
}

static void widen(frame *view, double x) {
  view->x_min = fmin(view->x_min, x);
  view->x_max = fmax(view->x_max, x);
}

static frame make_frame(const html_histogram *histogram) {
  frame view = {.x_min = -AXIS_LEAST, .x_max = AXIS_LEAST};
  for (size_t i = 0; i < histogram->n; i++) {
    widen(&view, histogram->values[i]);
  }
  for (size_t i = 0; i < histogram->n_marks; i++) {
    widen(&view, histogram->marks[i]);
  }
  const double margin = 0.02 * (view.x_max - view.x_min);
  view.width = histogram->n < FEW ? 0.5 : 0.25;
  while ((view.x_max - view.x_min + 2 * margin) / view.width > BINS_MAX - 2) {
    view.width *= 2;
  }
  /* A bin begins at 0, so that what is positive is told from what is not. */
  view.x_min = view.width * floor((view.x_min - margin) / view.width);
  view.x_max = view.width * ceil((view.x_max + margin) / view.width);
  view.n_bins = (size_t)lround((view.x_max - view.x_min) / view.width);
  size_t most = 1;
  for (size_t i = 0; i < histogram->n; i++) {
    size_t bin = (size_t)floor((histogram->values[i] - view.x_min) / view.width);
    bin = bin < view.n_bins ? bin : view.n_bins - 1;
    view.bins[bin]++;
    most = view.bins[bin] > most ? view.bins[bin] : most;
  }
  const double normal = (double)histogram->n * view.width * normal_density(0);
  view.y_max = 1.06 * fmax((double)most, normal);
  return view;
}

static void put_axes(FILE *out, const html_histogram *histogram, const frame *view) {
  const double y_step = fmax(html_tick_step(view->y_max), 1);
  for (int k = 0; k * y_step <= view->y_max; k++) {
    const double at = down(view, k * y_step);
    (void)fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>", k == 0 ? "axis" : "grid",
                  LEFT, at, WIDTH - RIGHT);
    (void)fprintf(out, "<text class=\"y\" x=\"%.1f\" y=\"%.1f\">%g</text>\n", LEFT - 8, at + 4,
                  k * y_step);
  }
  const double x_step = fmax(html_tick_step((view->x_max - view->x_min) / 2), 1);
  for (int k = (int)ceil(view->x_min / x_step); k * x_step <= view->x_max; k++) {
    const double at = across(view, k * x_step);
    (void)fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fv5\"/>", at, HEIGHT - BOTTOM);
    (void)fprintf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.1f\">%s%g</text>\n", at,
                  HEIGHT - BOTTOM + 19, k < 0 ? "\xE2\x88\x92" : "", fabs(k * x_step));
  }
  (void)fprintf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, histogram->x_label);
}

static void put_bars(FILE *out, const frame *view) {
  for (size_t i = 0; i < view->n_bins; i++) {
    if (view->bins[i] > 0) {
      const double left = across(view, view->x_min + (double)i * view->width);
      const double right = across(view, view->x_min + (double)(i + 1) * view->width);
      const double top = down(view, (double)view->bins[i]);
      (void)fprintf(
          out, "<rect class=\"bar\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
          left, top, right - left, HEIGHT - BOTTOM - top);
    }
  }
}

/* How many values the normal law has in a bin about there. */
static void put_normal(FILE *out, const html_histogram *histogram, const frame *view) {
  (void)fputs("<path class=\"curve\" d=\"", out);
  for (int i = 0; i <= CURVE_STEPS; i++) {
    const double x = CURVE_ENDS * (2.0 * i / CURVE_STEPS - 1);
    if (x >= view->x_min && x <= view->x_max) {
      (void)fprintf(out, "%c%.1f %.1f",
                    i == 0 || x - 2 * CURVE_ENDS / CURVE_STEPS < view->x_min ? 'M' : 'L',
                    across(view, x),
                    down(view, (double)histogram->n * view->width * normal_density(x)));
    }
  }
  (void)fputs("\"/>\n", out);
}

static void put_marks(FILE *out, const html_histogram *histogram, const frame *view) {
  for (size_t i = 0; i < histogram->n_marks; i++) {
    (void)fprintf(out, "<path class=\"level\" d=\"M%.1f %.1fV%.1f\"/>\n",
                  across(view, histogram->marks[i]), TOP, HEIGHT - BOTTOM);
  }
  if (histogram->n_marks > 0) {
    const double at = across(view, histogram->marks[0]);
    (void)fprintf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                  at > WIDTH - 100 ? "y" : "x", at > WIDTH - 100 ? at + 4 : at, TOP - 8,
                  histogram->mark_label);
  }
}

void html_put_histogram(FILE *out, const html_histogram *histogram) {
  const frame view = make_frame(histogram);
  (void)fprintf(out,
                "<figure><figcaption>%s</figcaption>\n"
                "<svg id=\"%s\" class=\"chart\" viewBox=\"0 0 %g %g\" role=\"img\" "
                "aria-label=\"%s\">\n",
                histogram->title, histogram->id, WIDTH, HEIGHT, histogram->title);
  put_bars(out, &view);
  put_axes(out, histogram, &view);
  put_normal(out, histogram, &view);
  put_marks(out, histogram, &view);
  (void)fprintf(out, "</svg>\n<p class=\"note\">%s</p>\n</figure>\n", histogram->note);
}

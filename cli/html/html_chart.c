/* A curve as inline SVG. Colours and line styles are the style sheet's. */
#include "html/html_out.h"

#include <math.h>

/* Units of the view box. */
#define WIDTH   480.0
#define HEIGHT  210.0
#define LEFT    48.0
#define RIGHT   16.0
#define TOP     14.0
#define BOTTOM  44.0
#define COLUMNS 320 /* of the curve: finer than that is not seen */

typedef struct frame {
  double x_max;
  double y_min;
  double y_max;
} frame;

static double across(const frame *view, double x) {
  return LEFT + (WIDTH - LEFT - RIGHT) * x / view->x_max;
}

static double down(const frame *view, double y) {
  return TOP + (HEIGHT - TOP - BOTTOM) * (view->y_max - y) / (view->y_max - view->y_min);
}

double html_tick_step(double range) {
  const double raw = range / 6;
  const double power = pow(10, floor(log10(raw)));
  const double lead = raw / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

static frame make_frame(const html_chart *chart) {
  frame view = {.x_max = 1, .y_min = -chart->band, .y_max = fmax(chart->band, 1e-3)};
  for (size_t i = 0; i < chart->n; i++) {
    view.x_max = fmax(view.x_max, chart->x[i]);
    view.y_min = fmin(view.y_min, chart->y[i]);
    view.y_max = fmax(view.y_max, chart->y[i]);
  }
  if (chart->has_line) {
    view.y_max = fmax(view.y_max, chart->line);
    view.y_min = fmin(view.y_min, chart->line);
  }
  const double margin = 0.06 * (view.y_max - view.y_min);
  view.y_max += margin;
  view.y_min -= view.y_min < 0 ? margin : 0;
  return view;
}

static void put_axes(FILE *out, const html_chart *chart, const frame *view) {
  const double y_step = html_tick_step(view->y_max - view->y_min);
  for (int k = (int)ceil(view->y_min / y_step); k * y_step <= view->y_max; k++) {
    const double at = down(view, k * y_step);
    (void)fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>", k == 0 ? "axis" : "grid",
                  LEFT, at, WIDTH - RIGHT);
    (void)fprintf(out, "<text class=\"y\" x=\"%.1f\" y=\"%.1f\">%g</text>\n", LEFT - 8, at + 4,
                  k * y_step);
  }
  const double x_step = fmax(html_tick_step(view->x_max), 1);
  for (int k = 0; k * x_step <= view->x_max; k++) {
    char count[HTML_COUNT_SIZE];
    const double at = across(view, k * x_step);
    (void)fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fv5\"/>", at, HEIGHT - BOTTOM);
    (void)fprintf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", at,
                  HEIGHT - BOTTOM + 19, html_count(count, (uint64_t)(k * x_step)));
  }
  (void)fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>", LEFT, TOP,
                HEIGHT - BOTTOM, WIDTH - RIGHT);
  (void)fprintf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, chart->x_label);
}

static void put_point(FILE *out, const frame *view, double x, double y) {
  (void)fprintf(out, "L%.1f %.1f", across(view, x), down(view, y));
}

/* Of the points in one column of the picture only the first, lowest, highest and last are
 * drawn: the others would not be seen. */
static void put_curve(FILE *out, const html_chart *chart, const frame *view) {
  (void)fprintf(out, "<path class=\"curve\" d=\"M%.1f %.1f", across(view, 0), down(view, 0));
  for (size_t first = 0; first < chart->n;) {
    const double column = floor(chart->x[first] / view->x_max * COLUMNS);
    size_t low = first;
    size_t high = first;
    size_t end = first;
    for (; end < chart->n && floor(chart->x[end] / view->x_max * COLUMNS) <= column; end++) {
      low = chart->y[end] < chart->y[low] ? end : low;
      high = chart->y[end] > chart->y[high] ? end : high;
    }
    const size_t chosen[] = {first, low < high ? low : high, low < high ? high : low, end - 1};
    for (size_t i = 0; i < 4; i++) {
      if (i == 0 || chosen[i] != chosen[i - 1]) {
        put_point(out, view, chart->x[chosen[i]], chart->y[chosen[i]]);
      }
    }
    first = end;
  }
  (void)fputs("\"/>\n", out);
}

void html_put_chart(FILE *out, const html_chart *chart) {
  const frame view = make_frame(chart);
  (void)fprintf(out,
                "<figure><figcaption>%s</figcaption>\n"
                "<svg id=\"%s\" class=\"chart\" viewBox=\"0 0 %g %g\" role=\"img\" "
                "aria-label=\"%s\">\n",
                chart->title, chart->id, WIDTH, HEIGHT, chart->title);
  if (chart->band > 0) {
    const double top = down(&view, chart->band);
    (void)fprintf(out,
                  "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                  LEFT, top, WIDTH - LEFT - RIGHT, down(&view, -chart->band) - top);
  }
  put_axes(out, chart, &view);
  if (chart->has_line) {
    (void)fprintf(out, "<path class=\"level\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT,
                  down(&view, chart->line), WIDTH - RIGHT);
  }
  put_curve(out, chart, &view);
  (void)fputs("</svg>\n", out);
  if (chart->has_line || chart->band > 0) {
    (void)fprintf(out, "<p class=\"note\">%s%s%s</p>\n", chart->has_line ? chart->line_label : "",
                  chart->has_line && chart->band > 0 ? " " : "",
                  chart->band > 0 ? chart->band_label : "");
  }
  (void)fputs("</figure>\n", out);
}

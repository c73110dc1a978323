/* Text into HTML, and the parts of the page that have files of their own. */
#ifndef CLI_HTML_HTML_OUT_H
#define CLI_HTML_HTML_OUT_H

#include <stdio.h>

#include "html/report_html.h"

/* Files of this folder, embedded by the build. */
extern const unsigned char html_report_css[];
extern const size_t html_report_css_size;
extern const unsigned char html_report_js[];
extern const size_t html_report_js_size;

/* The number of bytes of the character at the start of text[0..size), size > 0: of a
 * well-formed UTF-8 sequence, or of the maximal part of one that is ill-formed (Unicode 15,
 * section 3.9), and then *character is U+FFFD. */
size_t html_next_character(const unsigned char *text, size_t size, uint32_t *character);

/* Prints a string as text for element content and for quoted attributes. Characters that
 * are not seen, or that change how others are seen, are named: [U+202E]. What is not UTF-8
 * becomes U+FFFD. */
void html_put(FILE *out, const char *text);

/* The same for a part of a document, in an element that keeps white space. Line ends are
 * marked, and names of characters too. */
void html_put_document(FILE *out, const unsigned char *text, size_t size);

/* "12,345". */
#define HTML_COUNT_SIZE 32
const char *html_count(char out[HTML_COUNT_SIZE], uint64_t count);

double html_percent(uint64_t part, uint64_t whole);

/* The name of an input for people: any bytes. */
const char *html_input_name(const html_report *report, size_t input);

/* <code> with a string in it. */
void html_put_code(FILE *out, const char *text);

/* The number of documents that are listed and drawn, and a note where there are more. */
size_t html_documents_shown(const html_report *report);
void html_put_left_out(FILE *out, const html_report *report);

/* --- html_head.c */

/* The page's head: its title, which the key's id ends, and the style sheet. The page may use
 * that, and with `has_script` the script, and nothing from anywhere. */
void html_put_head(FILE *out, const char *title, const char *key_id, bool has_script);

/* --- html_tables.c */

void html_put_hash(FILE *out, const uint8_t hash[32]);

/* Cells of a table, for numbers. */
void html_put_count_cell(FILE *out, uint64_t count);
void html_put_p_cell(FILE *out, double log10_p);

/* Rows of a table of facts: the label, which is HTML, and the value between start and end. */
void html_start_row(FILE *out, const char *label);
void html_end_row(FILE *out);
void html_put_count_row(FILE *out, const char *label, uint64_t count);
void html_put_p_row(FILE *out, const char *label, double log10_p);

void html_put_counts(FILE *out, const html_report *report);
void html_put_parameters(FILE *out, const html_report *report);
void html_put_inputs(FILE *out, const html_report *report);
void html_put_segments(FILE *out, const html_report *report);
void html_put_documents(FILE *out, const html_report *report);

/* --- html_curves.c */

/* The running z-score and e-value; nothing where there are no points. False without memory. */
bool html_put_curves(FILE *out, const html_report *report);

/* --- html_chart.c */

/* One curve over a horizontal axis from 0, drawn from the origin. */
typedef struct html_chart {
  const char *id;
  const char *title; /* for screen readers as well */
  const char *x_label;
  const double *x; /* never decreasing */
  const double *y;
  size_t n;
  bool has_line; /* a level to be drawn and named */
  double line;
  const char *line_label;
  double band; /* half the height of a shaded band about 0; 0 for none */
  const char *band_label;
} html_chart;

void html_put_chart(FILE *out, const html_chart *chart);

/* The distance of marks on an axis: 1, 2 or 5 times a power of ten, at most 6 of them. */
double html_tick_step(double range);

/* --- html_histogram.c */

/* How often z-scores occurred, beside the normal law; and some that stand out, as lines. */
typedef struct html_histogram {
  const char *id;
  const char *title; /* for screen readers as well */
  const char *x_label;
  const double *values;
  size_t n;
  const double *marks;
  size_t n_marks;
  const char *mark_label; /* written above the first */
  const char *note;
} html_histogram;

void html_put_histogram(FILE *out, const html_histogram *histogram);

/* --- html_text.c */

/* Prints the text of document `index` with its tokens marked, drawing at most *budget tokens
 * beside those in segments, and takes what was drawn from *budget. False without memory. */
bool html_put_tokens(FILE *out, const html_report *report, size_t index, size_t *budget);

/* The number of segments of a document that are listed and drawn. */
size_t html_segments_shown(const html_document *document);

#endif

/* A document with its tokens marked. Each token is an element without attributes, so that a
 * page of 100,000 stays small: b green, i red, u seen before, span not scored. What the page
 * tells about a token under the pointer follows as data, in runs of tokens that are drawn. */
#include "cli.h"
#include "html/html_out.h"

#include <inttypes.h>
#include <stdlib.h>

/* Tokens that are drawn around a segment; and at each end of a segment that is too long to be
 * drawn whole, where there is room and where there is none. */
#define AROUND        32
#define ENDS_OF_LONG  2000
#define ENDS_AT_LEAST 128

typedef struct drawing {
  FILE *out;
  const html_document *document;
  uint32_t context_width;
  size_t number; /* of the document, from 1 */
  uint8_t *keep; /* whether a token is drawn */
  size_t kept;
  size_t order[HTML_SEGMENTS]; /* segments by position */
  size_t n_ordered;
} drawing;

size_t html_segments_shown(const html_document *document) {
  return document->n_segments < HTML_SEGMENTS ? document->n_segments : HTML_SEGMENTS;
}

/* ------------------------------------------------------------- what is drawn */

static void keep_range(drawing *d, size_t first, size_t end) {
  for (size_t i = first; i < end && i < d->document->n_tokens; i++) {
    d->kept += d->keep[i] == 0;
    d->keep[i] = 1;
  }
}

static void keep_segment(drawing *d, const gp_segment *segment, size_t at_ends) {
  const size_t first = segment->first > AROUND ? segment->first - AROUND : 0;
  const size_t length = segment->end - segment->first;
  if (length <= 2 * at_ends) {
    keep_range(d, first, segment->end + AROUND);
    return;
  }
  keep_range(d, first, segment->first + at_ends);
  keep_range(d, segment->end - at_ends, segment->end + AROUND);
}

static bool is_drawable(const html_document *document, const gp_segment *segment) {
  return segment->first < segment->end && segment->end <= document->n_tokens;
}

/* Insertion sort: there are at most HTML_SEGMENTS. One that touches an earlier one could not
 * be drawn as an element; gp_locate() makes none. */
static void order_segments(drawing *d) {
  const gp_segment *segments = d->document->segments;
  for (size_t s = 0; s < html_segments_shown(d->document); s++) {
    if (!is_drawable(d->document, &segments[s])) {
      continue;
    }
    size_t at = d->n_ordered;
    while (at > 0 && segments[d->order[at - 1]].first > segments[s].first) {
      at--;
    }
    const bool overlaps = (at > 0 && segments[d->order[at - 1]].end > segments[s].first) ||
                          (at < d->n_ordered && segments[d->order[at]].first < segments[s].end);
    if (overlaps) {
      continue;
    }
    for (size_t i = d->n_ordered; i > at; i--) {
      d->order[i] = d->order[i - 1];
    }
    d->order[at] = s;
    d->n_ordered++;
  }
}

static void choose_tokens(drawing *d, size_t budget) {
  const size_t room = budget < HTML_TOKENS_PER_DOCUMENT ? budget : HTML_TOKENS_PER_DOCUMENT;
  size_t in_segments = 0;
  for (size_t i = 0; i < d->n_ordered; i++) {
    const gp_segment *segment = &d->document->segments[d->order[i]];
    in_segments += segment->end - segment->first;
  }
  /* Where all segments have no room, each gets its share of it, and something in any case. */
  size_t at_ends = ENDS_OF_LONG;
  if (in_segments > room) {
    const size_t share = room / (2 * d->n_ordered);
    at_ends = share < ENDS_OF_LONG ? share : ENDS_OF_LONG;
    at_ends = at_ends > ENDS_AT_LEAST ? at_ends : ENDS_AT_LEAST;
  }
  for (size_t i = 0; i < d->n_ordered; i++) {
    keep_segment(d, &d->document->segments[d->order[i]], in_segments <= room ? room : at_ends);
  }
  for (size_t i = 0; i < d->document->n_tokens && d->kept < room; i++) {
    keep_range(d, i, i + 1);
  }
}

/* ------------------------------------------------------------------- drawing */

/* The start of the first character that begins at `offset` or after it: a character that
 * several tokens share is drawn in the one in which it begins. */
static size_t next_start(const html_document *document, size_t offset) {
  const unsigned char *text = (const unsigned char *)document->text;
  const size_t size = document->n_bytes;
  if (offset >= size) {
    return size;
  }
  for (size_t back = 1; back <= 3 && back <= offset && (text[offset] & 0xC0U) == 0x80; back++) {
    if ((text[offset - back] & 0xC0U) != 0x80) {
      uint32_t character = 0;
      const size_t length =
          html_next_character(text + offset - back, size - (offset - back), &character);
      return length > back ? offset - back + length : offset;
    }
  }
  return offset;
}

static size_t start_of(const html_document *document, size_t token) {
  return token == 0 ? 0 : next_start(document, document->ends[token - 1]);
}

static const char *element_of(uint8_t colour) {
  switch (colour) {
  case GP_COLOUR_GREEN:
    return "b";
  case GP_COLOUR_RED:
    return "i";
  case GP_COLOUR_AGAIN_RED:
  case GP_COLOUR_AGAIN_GREEN:
    return "u";
  default:
    return "span";
  }
}

static void put_token(const drawing *d, size_t i) {
  const html_document *document = d->document;
  const char *element = element_of(document->colours[i]);
  (void)fprintf(d->out, "<%s>", element);
  if (document->text == NULL) {
    (void)fprintf(d->out, "%" PRIu32 "</%s> ", document->tokens[i], element);
    return;
  }
  const size_t start = start_of(document, i);
  const size_t end = start_of(document, i + 1);
  if (end > start) {
    html_put_document(d->out, (const unsigned char *)document->text + start, end - start);
  }
  (void)fprintf(d->out, "</%s>", element);
}

static void put_gap(const drawing *d, size_t *gap) {
  char count[HTML_COUNT_SIZE];
  if (*gap > 0) {
    (void)fprintf(d->out, "<em class=\"gap\">%s tokens left out</em>", html_count(count, *gap));
  }
  *gap = 0;
}

/* Beside the text where there is room for it, else in it. */
static void put_segment_start(const drawing *d, size_t s) {
  const gp_segment *segment = &d->document->segments[s];
  char p[CLI_P_SIZE];
  (void)fprintf(d->out, "<small><a href=\"#s%zu-%zu\">Segment %zu</a><bdi>p %s</bdi>", d->number,
                s + 1, s + 1, cli_describe_p(p, segment->log10_p_corrected));
  (void)fprintf(d->out, "<bdi>tokens %zu\xE2\x80\x93%zu</bdi>", segment->first, segment->end - 1);
  if (d->document->text != NULL) {
    (void)fprintf(d->out, "<bdi>bytes %zu\xE2\x80\x93%zu</bdi>",
                  segment->first == 0 ? (size_t)0 : d->document->ends[segment->first - 1],
                  d->document->ends[segment->end - 1]);
  }
  (void)fprintf(d->out, "</small><mark id=\"d%zus%zu\">", d->number, s + 1);
}

static void put_marked_text(const drawing *d) {
  const html_document *document = d->document;
  size_t gap = 0;
  size_t next = 0; /* in `order` */
  bool inside = false;
  for (size_t i = 0; i < document->n_tokens; i++) {
    if (next < d->n_ordered && i == document->segments[d->order[next]].first) {
      put_gap(d, &gap);
      put_segment_start(d, d->order[next]);
      inside = true;
    }
    if (d->keep[i] != 0) {
      put_gap(d, &gap);
      put_token(d, i);
    } else {
      gap++;
    }
    if (inside && i + 1 == document->segments[d->order[next]].end) {
      (void)fputs("</mark>", d->out);
      inside = false;
      next++;
    }
  }
  put_gap(d, &gap);
  if (document->text != NULL && document->n_tokens > 0 && d->keep[document->n_tokens - 1] != 0) {
    const size_t end = start_of(document, document->n_tokens);
    html_put_document(d->out, (const unsigned char *)document->text + end,
                      document->n_bytes - end);
  }
}

/* ---------------------------------------------------------- data of the tokens */

typedef struct running {
  uint64_t scored;
  uint64_t green;
} running;

static void count_token(running *so_far, uint8_t colour) {
  so_far->scored += colour == GP_COLOUR_GREEN || colour == GP_COLOUR_RED;
  so_far->green += colour == GP_COLOUR_GREEN;
}

/* {"at": its first token, "k": ids before it that are its context, "n", "g": tokens scored and
 * green before it, "c": a letter for each token's colour, "ids": k ids and its own} */
static void put_run(const drawing *d, size_t first, size_t end, const running *before) {
  static const char letters[] = ".RGrg";
  const html_document *document = d->document;
  const size_t context = first < d->context_width ? first : d->context_width;
  (void)fprintf(d->out, "{\"at\":%zu,\"k\":%zu,\"n\":%" PRIu64 ",\"g\":%" PRIu64 ",\"c\":\"",
                first, context, before->scored, before->green);
  for (size_t i = first; i < end; i++) {
    (void)fputc(letters[document->colours[i] <= GP_COLOUR_AGAIN_GREEN ? document->colours[i] : 0],
                d->out);
  }
  (void)fputs("\",\"ids\":[", d->out);
  for (size_t i = first - context; i < end; i++) {
    (void)fprintf(d->out, "%s%" PRIu32, i == first - context ? "" : ",", document->tokens[i]);
  }
  (void)fputs("]}", d->out);
}

static void put_data(const drawing *d) {
  const html_document *document = d->document;
  running so_far = {0};
  bool any = false;
  (void)fprintf(d->out, "<script type=\"application/json\">{\"n\":%zu,\"runs\":[",
                document->n_tokens);
  for (size_t i = 0; i < document->n_tokens;) {
    if (d->keep[i] == 0) {
      count_token(&so_far, document->colours[i]);
      i++;
      continue;
    }
    const running before = so_far;
    const size_t first = i;
    for (; i < document->n_tokens && d->keep[i] != 0; i++) {
      count_token(&so_far, document->colours[i]);
    }
    (void)fputs(any ? "," : "", d->out);
    put_run(d, first, i, &before);
    any = true;
  }
  (void)fputs("]}</script>\n", d->out);
}

bool html_put_tokens(FILE *out, const html_report *report, size_t index, size_t *budget) {
  const html_document *document = &report->documents[index];
  drawing d = {.out = out,
               .document = document,
               .context_width = report->params.context_width,
               .number = document->number + 1};
  if (document->n_tokens == 0) {
    (void)fputs("<p class=\"note\">This document has no tokens.</p>\n", out);
    return true;
  }
  d.keep = calloc(document->n_tokens, 1);
  if (d.keep == NULL) {
    return false;
  }
  order_segments(&d);
  choose_tokens(&d, *budget);
  *budget -= d.kept < *budget ? d.kept : *budget;
  if (d.kept == 0) {
    (void)fputs("<p class=\"note\">Left out: this page has as much text as it can hold.</p>\n",
                out);
  } else {
    (void)fprintf(out,
                  "<div class=\"t%s%s\" id=\"t%zu\" tabindex=\"0\" role=\"group\" "
                  "aria-label=\"Document %zu, its tokens marked; arrow keys go from token to "
                  "token\">",
                  document->text != NULL ? "" : " ids", d.n_ordered > 0 ? " segments-in" : "",
                  d.number, d.number);
    put_marked_text(&d);
    (void)fputs("</div>\n", out);
    put_data(&d);
  }
  free(d.keep);
  return true;
}

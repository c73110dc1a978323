#include "html/html_out.h"

#include <inttypes.h>
#include <string.h>

#define REPLACEMENT 0xFFFDU

static bool between(uint32_t value, uint32_t first, uint32_t last) {
  return value >= first && value <= last;
}

/* The second byte of a sequence has a narrower range after some lead bytes, which keeps out
 * overlong forms, surrogates and what is beyond U+10FFFF (Unicode 15, table 3-7). */
static bool second_byte_fits(unsigned char lead, unsigned char second) {
  switch (lead) {
  case 0xE0:
    return between(second, 0xA0, 0xBF);
  case 0xED:
    return between(second, 0x80, 0x9F);
  case 0xF0:
    return between(second, 0x90, 0xBF);
  case 0xF4:
    return between(second, 0x80, 0x8F);
  default:
    return between(second, 0x80, 0xBF);
  }
}

static size_t sequence_length(unsigned char lead) {
  if (between(lead, 0xC2, 0xDF)) {
    return 2;
  }
  if (between(lead, 0xE0, 0xEF)) {
    return 3;
  }
  return between(lead, 0xF0, 0xF4) ? 4 : 1;
}

size_t html_next_character(const unsigned char *text, size_t size, uint32_t *character) {
  const unsigned char lead = text[0];
  if (lead < 0x80) {
    *character = lead;
    return 1;
  }
  const size_t length = sequence_length(lead);
  *character = REPLACEMENT;
  if (length == 1) {
    return 1;
  }
  uint32_t value = lead & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if (i == size || !between(text[i], 0x80, 0xBF) ||
        (i == 1 && !second_byte_fits(lead, text[i]))) {
      return i;
    }
    value = value << 6 | (text[i] & 0x3FU);
  }
  *character = value;
  return length;
}

/* Controls; what is invisible or moves other characters about: U+00AD, zero-width spaces,
 * directional marks, embeddings, overrides and isolates, line and paragraph separators,
 * fillers, interlinear annotation, tags. Joiners (U+200C, U+200D) belong to scripts and
 * emoji, and stay. */
static bool is_named(uint32_t c) {
  return c < 0x20 || between(c, 0x7F, 0x9F) || c == 0xAD || c == 0x34F || c == 0x61C ||
         between(c, 0x115F, 0x1160) || between(c, 0x17B4, 0x17B5) || c == 0x180E || c == 0x200B ||
         between(c, 0x200E, 0x200F) || between(c, 0x2028, 0x202E) || between(c, 0x2060, 0x206F) ||
         c == 0x3164 || c == 0xFEFF || c == 0xFFA0 || between(c, 0xFFF9, 0xFFFB) ||
         between(c, 0x1D173, 0x1D17A) || between(c, 0xE0000, 0xE0FFF);
}

/* Values that no character has; HTML does not allow them. */
static bool is_noncharacter(uint32_t c) {
  return between(c, 0xFDD0, 0xFDEF) || (c & 0xFFFEU) == 0xFFFEU;
}

static void put_character(FILE *out, uint32_t c, const unsigned char *bytes, size_t size) {
  switch (c) {
  case '&':
    (void)fputs("&amp;", out);
    return;
  case '<':
    (void)fputs("&lt;", out);
    return;
  case '>':
    (void)fputs("&gt;", out);
    return;
  case '"':
    (void)fputs("&quot;", out);
    return;
  case '\'':
    (void)fputs("&#39;", out);
    return;
  default:
    if (c == REPLACEMENT || is_noncharacter(c)) {
      (void)fputs("\xEF\xBF\xBD", out);
    } else {
      (void)fwrite(bytes, 1, size, out);
    }
  }
}

void html_put(FILE *out, const char *text) {
  size_t left = strlen(text);
  const unsigned char *next = (const unsigned char *)text;
  while (left > 0) {
    uint32_t c = 0;
    const size_t size = html_next_character(next, left, &c);
    if (is_named(c)) {
      (void)fprintf(out, "[U+%04" PRIX32 "]", c);
    } else {
      put_character(out, c, next, size);
    }
    next += size;
    left -= size;
  }
}

void html_put_document(FILE *out, const unsigned char *text, size_t size) {
  while (size > 0) {
    uint32_t c = 0;
    const size_t length = html_next_character(text, size, &c);
    if (c == '\n') {
      (void)fputs("<em></em>\n", out); /* the style sheet puts a sign there */
    } else if (c == '\t') {
      (void)fputc('\t', out);
    } else if (is_named(c)) {
      (void)fprintf(out, "<code>U+%04" PRIX32 "</code>", c);
    } else {
      put_character(out, c, text, length);
    }
    text += length;
    size -= length;
  }
}

const char *html_count(char out[HTML_COUNT_SIZE], uint64_t count) {
  char digits[HTML_COUNT_SIZE];
  const int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
  char *end = out;
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) {
      *end++ = ',';
    }
    *end++ = digits[i];
  }
  *end = '\0';
  return out;
}

double html_percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

size_t html_documents_shown(const html_report *report) {
  return report->n_documents < HTML_DOCUMENTS ? report->n_documents : HTML_DOCUMENTS;
}

const char *html_input_name(const html_report *report, size_t input) {
  const char *name = input < report->n_inputs ? report->inputs[input].name : "?";
  return strcmp(name, "-") == 0 ? "standard input" : name;
}

void html_put_code(FILE *out, const char *text) {
  (void)fputs("<code>", out);
  html_put(out, text);
  (void)fputs("</code>", out);
}

void html_put_left_out(FILE *out, const html_report *report) {
  const size_t shown = html_documents_shown(report);
  size_t first = 0; /* so many are shown from the first on */
  while (first < shown && report->documents[first].number == first) {
    first++;
  }
  if (shown >= report->result.documents) {
    return;
  }
  char part[HTML_COUNT_SIZE];
  char all[HTML_COUNT_SIZE];
  char leading[HTML_COUNT_SIZE];
  if (first == shown) {
    (void)fprintf(out, "<p class=\"note\">The first %s of %s documents are shown.</p>\n",
                  html_count(part, shown), html_count(all, report->result.documents));
  } else {
    (void)fprintf(out,
                  "<p class=\"note\">%s of %s documents are shown: the first %s, and later ones "
                  "that seemed to hold a segment.</p>\n",
                  html_count(part, shown), html_count(all, report->result.documents),
                  html_count(leading, first));
  }
}

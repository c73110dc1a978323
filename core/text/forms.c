/*
 * Text is cut at characters with which nothing before them can combine, and each segment is
 * normalised by itself, so that its bytes can be traced back. Decomposition and composition are
 * utf8proc's. The canonical ordering in between is done here, by a stable merge sort, since a
 * long run of marks (which no language has, but a file may) would take utf8proc quadratic time.
 */
#include "text/forms.h"

#include "common/error.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define LONGEST_DECOMPOSITION 32U /* U+FDFA has 18 */

typedef utf8proc_int32_t code_point;

struct gp_forms_work {
  code_point *points; /* a segment, decomposed */
  code_point *spare;  /* for sorting */
  size_t count;
  size_t capacity;
};

void gp_forms_work_free(gp_forms_work *work) {
  if (work != NULL) {
    free(work->points);
    free(work->spare);
    free(work);
  }
}

static gp_status make_room(gp_forms_work *work, size_t extra, gp_error *error) {
  if (work->count + extra <= work->capacity) {
    return GP_OK;
  }
  const size_t capacity = work->capacity * 2 + extra + 64;
  if (capacity > SIZE_MAX / sizeof *work->points) {
    return gp_fail_memory(error, "normalising a text");
  }
  code_point *points = realloc(work->points, capacity * sizeof *points);
  if (points != NULL) {
    work->points = points;
  }
  code_point *spare = realloc(work->spare, capacity * sizeof *spare);
  if (spare != NULL) {
    work->spare = spare;
  }
  if (points == NULL || spare == NULL) {
    return gp_fail_memory(error, "normalising a text");
  }
  work->capacity = capacity;
  return GP_OK;
}

static unsigned combining_class(code_point c) {
  return (unsigned)utf8proc_get_property(c)->combining_class;
}

static bool composes(gp_form form) {
  return form == GP_FORM_NFC || form == GP_FORM_NFKC;
}

static utf8proc_option_t options_of(gp_form form) {
  const unsigned options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
  return (utf8proc_option_t)(form == GP_FORM_NFKC || form == GP_FORM_NFKD
                                 ? options | UTF8PROC_COMPAT
                                 : options);
}

/* Characters of class 0 that a composition may take in as its second part: the vowels and final
 * consonants of Hangul, and vowel signs of Indic scripts, which are marks, as whatever Unicode
 * adds here has always been. Taking a mark for one that is none does no harm. */
static bool may_be_second(code_point c) {
  if ((c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2)) {
    return true;
  }
  const utf8proc_category_t category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_MN;
}

/* Whether nothing before `c` can change because of it, nor it because of what is before. */
static bool starts_segment(code_point c, gp_form form) {
  if (c < 0x300 || gp_unicode_is_inert((uint32_t)c)) {
    return true;
  }
  code_point parts[LONGEST_DECOMPOSITION];
  int boundary = 0;
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(c, parts, LONGEST_DECOMPOSITION, options_of(form), &boundary);
  const code_point first =
      count >= 1 && count <= (utf8proc_ssize_t)LONGEST_DECOMPOSITION ? parts[0] : c;
  return combining_class(first) == 0 && !may_be_second(first);
}

/* Stable, by merging; `n` is the length of a run of marks. */
static void sort_marks(code_point *marks, code_point *spare, size_t n) {
  bool sorted = true;
  for (size_t i = 1; i < n && sorted; i++) {
    sorted = combining_class(marks[i - 1]) <= combining_class(marks[i]);
  }
  if (sorted) {
    return;
  }
  const size_t half = n / 2;
  sort_marks(marks, spare, half);
  sort_marks(marks + half, spare, n - half);
  memcpy(spare, marks, half * sizeof *spare);
  size_t left = 0;
  size_t right = half;
  for (size_t out = 0; left < half; out++) {
    const bool from_right =
        right < n && combining_class(marks[right]) < combining_class(spare[left]);
    marks[out] = from_right ? marks[right++] : spare[left++];
  }
}

static void order(gp_forms_work *work) {
  size_t start = 0;
  for (size_t i = 0; i <= work->count; i++) {
    if (i == work->count || combining_class(work->points[i]) == 0) {
      sort_marks(work->points + start, work->spare, i - start);
      start = i + 1;
    }
  }
}

static gp_status decompose(const gp_text *text, uint32_t begin, uint32_t end, gp_form form,
                           gp_forms_work *work, gp_error *error) {
  work->count = 0;
  for (uint32_t i = begin; i < end;) {
    const gp_status status = make_room(work, LONGEST_DECOMPOSITION, error);
    if (status != GP_OK) {
      return status;
    }
    uint32_t width = 0;
    const code_point c = (code_point)gp_utf8_decode(text->bytes + i, &width);
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        c, work->points + work->count, LONGEST_DECOMPOSITION, options_of(form), &boundary);
    if (count < 0 || count > (utf8proc_ssize_t)LONGEST_DECOMPOSITION) {
      return gp_fail(error, GP_ERR_FORMAT, "U+%04X cannot be normalised", (unsigned)c);
    }
    work->count += (size_t)count;
    i += width;
  }
  return GP_OK;
}

static gp_status run_segment(const gp_text *text, uint32_t begin, uint32_t end, gp_form form,
                             gp_forms_work *work, gp_text_buffer *out, gp_error *error) {
  const size_t before = out->length;
  gp_status status = decompose(text, begin, end, form, work, error);
  if (status != GP_OK) {
    return status;
  }
  order(work);
  if (composes(form) && work->count > 1) {
    const utf8proc_ssize_t count =
        utf8proc_normalize_utf32(work->points, (utf8proc_ssize_t)work->count,
                                 (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    work->count = count > 0 ? (size_t)count : 0;
  }
  const uint32_t source = gp_text_end(text, end);
  for (size_t i = 0; i < work->count && status == GP_OK; i++) {
    char bytes[4];
    const uint32_t length = gp_utf8_encode((uint32_t)work->points[i], bytes);
    status = gp_text_buffer_put(out, bytes, length, source, error);
  }
  /* What has not changed is traced back byte by byte. */
  if (status == GP_OK && out->length - before == end - begin &&
      memcmp(out->bytes + before, text->bytes + begin, end - begin) == 0) {
    out->length = before;
    status = gp_text_buffer_copy(out, text, begin, end, error);
  }
  return status;
}

gp_status gp_forms_run(gp_form form, gp_forms_work **kept, const gp_text *text,
                       gp_text_buffer *out, gp_error *error) {
  if (*kept == NULL && (*kept = calloc(1, sizeof **kept)) == NULL) {
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  gp_status status = GP_OK;
  uint32_t done = 0;
  for (uint32_t i = 0; i < text->length && status == GP_OK;) {
    /* ASCII that no mark follows stays as it is. */
    uint32_t plain = i;
    while (plain < text->length && (unsigned char)text->bytes[plain] < 0x80) {
      plain++;
    }
    if (plain - i > 1) {
      status = gp_text_buffer_copy(out, text, i, plain - 1, error);
      i = plain - 1;
    }
    done = i;
    uint32_t width = 0;
    const uint32_t first = gp_utf8_decode(text->bytes + i, &width);
    i += width;
    if (first >= 0x300 && gp_unicode_is_inert(first)) {
      status = status == GP_OK ? gp_text_buffer_copy(out, text, done, i, error) : status;
      continue;
    }
    while (i < text->length &&
           !starts_segment((code_point)gp_utf8_decode(text->bytes + i, &width), form)) {
      i += width;
    }
    if (status == GP_OK) {
      status = run_segment(text, done, i, form, *kept, out, error);
    }
  }
  return status;
}

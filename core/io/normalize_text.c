/* utf8proc_NFC() is not used as it is, for three reasons: it refuses text that is not UTF-8,
 * it wants four bytes and more for each byte of a text at once, and its ordering of combining
 * marks is quadratic in their number, so that a hostile megabyte would take hours. Here a text
 * falls into runs that begin with an ASCII character (which never combines with what precedes
 * it) and go on with what is not ASCII; a run is decomposed, its marks are sorted by counting
 * [UAX 15, UAX 44], and it is composed again. Lone ASCII is copied. */
#include "io/normalize_text.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define CLASSES           256U /* canonical combining classes are bytes */
#define DECOMPOSITION_MAX 4U   /* code points of one, canonically, at most (Unicode 17) */
#define CHARACTER_MAX     4U   /* bytes of UTF-8 */

void gp_normalizer_release(gp_normalizer *normalizer) {
  gp_text_release(&normalizer->folded);
  free(normalizer->points);
  free(normalizer->ordered);
  *normalizer = (gp_normalizer){0};
}

static size_t blanks_before(const gp_text *out, size_t start) {
  size_t end = out->count;
  while (end > start && (out->data[end - 1] == ' ' || out->data[end - 1] == '\t')) {
    end--;
  }
  return out->count - end;
}

/* Line ends and trailing blanks. */
static gp_status fold_lines(unsigned flags, const char *bytes, size_t length, gp_text *out,
                            gp_error *reason) {
  const size_t start = out->count;
  const gp_status status = gp_text_reserve(out, length, reason);
  if (status != GP_OK) {
    return status;
  }
  for (size_t i = 0; i < length; i++) {
    char c = bytes[i];
    if (c == '\r' && (flags & GP_NORMALIZE_NEWLINES) != 0) {
      i += i + 1 < length && bytes[i + 1] == '\n';
      c = '\n';
    }
    if (c == '\n' && (flags & GP_NORMALIZE_TRAILING) != 0) {
      out->count -= blanks_before(out, start);
    }
    out->data[out->count++] = c;
  }
  if ((flags & GP_NORMALIZE_TRAILING) != 0) {
    out->count -= blanks_before(out, start);
  }
  return GP_OK;
}

static bool is_ascii(char c) {
  return ((unsigned char)c & 0x80U) == 0;
}

static gp_status grow_points(gp_normalizer *normalizer, gp_error *reason) {
  const size_t capacity = normalizer->capacity > 0 ? 2 * normalizer->capacity : 256;
  if (capacity > SIZE_MAX / 2 / sizeof *normalizer->points) {
    return gp_fail_memory(reason, "a text to be normalized");
  }
  int32_t *points = realloc(normalizer->points, capacity * sizeof *points);
  if (points == NULL) {
    return gp_fail_memory(reason, "a text to be normalized");
  }
  normalizer->points = points;
  int32_t *ordered = realloc(normalizer->ordered, capacity * sizeof *ordered);
  if (ordered == NULL) {
    return gp_fail_memory(reason, "a text to be normalized");
  }
  normalizer->ordered = ordered;
  normalizer->capacity = capacity;
  return GP_OK;
}

static unsigned class_of(int32_t point) {
  return (unsigned)utf8proc_get_property(point)->combining_class & (CLASSES - 1);
}

/* Sorts points[begin:end], none of class 0, by class and stably. */
static void sort_marks(gp_normalizer *normalizer, size_t begin, size_t end) {
  size_t place[CLASSES + 1] = {0};
  for (size_t i = begin; i < end; i++) {
    place[class_of(normalizer->points[i]) + 1]++;
  }
  for (size_t class = 1; class <= CLASSES; class ++) {
    place[class] += place[class - 1];
  }
  for (size_t i = begin; i < end; i++) {
    normalizer->ordered[place[class_of(normalizer->points[i])]++] = normalizer->points[i];
  }
  memcpy(normalizer->points + begin, normalizer->ordered,
         (end - begin) * sizeof *normalizer->points);
}

static void order_marks(gp_normalizer *normalizer, size_t count) {
  size_t begin = 0; /* of the marks before i */
  for (size_t i = 0; i <= count; i++) {
    if (i == count || class_of(normalizer->points[i]) == 0) {
      if (i - begin > 1) {
        sort_marks(normalizer, begin, i);
      }
      begin = i + 1;
    }
  }
}

/* Composes and writes the first `count` points. */
static gp_status put_points(gp_normalizer *normalizer, size_t count, gp_text *out,
                            gp_error *reason) {
  order_marks(normalizer, count);
  const utf8proc_ssize_t composed =
      utf8proc_normalize_utf32(normalizer->points, (utf8proc_ssize_t)count,
                               (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const gp_status status = gp_text_reserve(out, CHARACTER_MAX * count, reason);
  if (status != GP_OK) {
    return status;
  }
  for (utf8proc_ssize_t i = 0; i < composed; i++) {
    out->count += (size_t)utf8proc_encode_char(normalizer->points[i],
                                               (utf8proc_uint8_t *)out->data + out->count);
  }
  return GP_OK;
}

/* Takes the run at `bytes` (an ASCII character, perhaps, and well-formed UTF-8 that is not
 * ASCII) and reports its length, which is 0 where there is no such thing. */
static gp_status put_run(gp_normalizer *normalizer, const char *bytes, size_t length,
                         size_t *taken, gp_text *out, gp_error *reason) {
  size_t at = 0;
  size_t count = 0;
  while (at < length && (at == 0 || !is_ascii(bytes[at]))) {
    int32_t point = 0;
    const utf8proc_ssize_t width =
        utf8proc_iterate((const utf8proc_uint8_t *)bytes + at,
                         (utf8proc_ssize_t)(length - at < CHARACTER_MAX ? length - at //
                                                                        : CHARACTER_MAX),
                         &point);
    if (width <= 0) {
      break;
    }
    if (normalizer->capacity - count < DECOMPOSITION_MAX) {
      const gp_status status = grow_points(normalizer, reason);
      if (status != GP_OK) {
        return status;
      }
    }
    const utf8proc_ssize_t room = (utf8proc_ssize_t)(normalizer->capacity - count);
    const utf8proc_ssize_t decomposed =
        utf8proc_decompose_char(point, normalizer->points + count, room,
                                (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), NULL);
    if (decomposed < 0 || decomposed > room) {
      return gp_fail(reason, GP_ERR_FORMAT, "U+%04X cannot be normalized", (unsigned)point);
    }
    count += (size_t)decomposed;
    at += (size_t)width;
  }
  *taken = at;
  return put_points(normalizer, count, out, reason);
}

/* How many bytes are ASCII and followed by ASCII or by the end, so that they stay. */
static size_t plain_length(const char *bytes, size_t length) {
  size_t end = 0;
  while (end < length && is_ascii(bytes[end])) {
    end++;
  }
  return end == length || end == 0 ? end : end - 1;
}

static gp_status compose(gp_normalizer *normalizer, const char *bytes, size_t length,
                         gp_text *out, gp_error *reason) {
  size_t at = 0;
  while (at < length) {
    size_t taken = plain_length(bytes + at, length - at);
    gp_status status = gp_text_append(out, bytes + at, taken, reason);
    at += taken;
    if (status == GP_OK && at < length) {
      status = put_run(normalizer, bytes + at, length - at, &taken, out, reason);
      if (status == GP_OK && taken == 0) { /* a byte that is not UTF-8 */
        taken = 1;
        status = gp_text_append(out, bytes + at, taken, reason);
      }
      at += taken;
    }
    if (status != GP_OK) {
      return status;
    }
  }
  return GP_OK;
}

gp_status gp_normalize_text(gp_normalizer *normalizer, unsigned flags, const char *bytes,
                            size_t length, gp_text *out, gp_error *reason) {
  const bool folds = (flags & (GP_NORMALIZE_NEWLINES | GP_NORMALIZE_TRAILING)) != 0;
  if ((flags & GP_NORMALIZE_NFC) == 0) {
    return folds ? fold_lines(flags, bytes, length, out, reason)
                 : gp_text_append(out, bytes, length, reason);
  }
  if (folds) {
    normalizer->folded.count = 0;
    const gp_status status = fold_lines(flags, bytes, length, &normalizer->folded, reason);
    if (status != GP_OK) {
      return status;
    }
    bytes = normalizer->folded.data;
    length = normalizer->folded.count;
  }
  return compose(normalizer, bytes, length, out, reason);
}

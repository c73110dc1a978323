#include "text/normalizer.h"

#include "common/error.h"
#include "text/forms.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define MAX_STEPS 64U

typedef enum step_kind {
  STEP_FORM = 1,
  STEP_LOWERCASE = 2,
  STEP_STRIP_ACCENTS = 3,
  STEP_STRIP = 4,
  STEP_PREPEND = 5,
  STEP_REPLACE = 6,
  STEP_CHARSMAP = 7
} step_kind;

typedef struct step {
  step_kind kind;
  gp_form form;
  bool left;
  bool right;
  gp_pattern *pattern;
  gp_charsmap *charsmap;
  char *bytes; /* what is prepended, or put in place of matches */
  size_t length;
} step;

struct gp_normalizer {
  size_t count;
  step steps[MAX_STEPS];
};

struct gp_normalizer_work {
  gp_match_work *matching;
  gp_pieces matches;
  gp_forms_work *forms;
  gp_text_buffer buffers[2];
};

gp_status gp_normalizer_new(gp_normalizer **normalizer, gp_error *error) {
  gp_normalizer *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a tokenizer");
  }
  *normalizer = made;
  return GP_OK;
}

static void release_step(step *s) {
  gp_pattern_free(s->pattern);
  gp_charsmap_free(s->charsmap);
  free(s->bytes);
}

void gp_normalizer_free(gp_normalizer *normalizer) {
  if (normalizer != NULL) {
    for (size_t i = 0; i < normalizer->count; i++) {
      release_step(&normalizer->steps[i]);
    }
    free(normalizer);
  }
}

bool gp_normalizer_is_empty(const gp_normalizer *normalizer) {
  return normalizer == NULL || normalizer->count == 0;
}

void gp_normalizer_work_free(gp_normalizer_work *work) {
  if (work != NULL) {
    gp_match_work_free(work->matching);
    gp_pieces_release(&work->matches);
    gp_forms_work_free(work->forms);
    gp_text_buffer_release(&work->buffers[0]);
    gp_text_buffer_release(&work->buffers[1]);
    free(work);
  }
}

/* ------------------------------------------------------------- adding steps */

/* Takes over what the step owns, also on failure. */
static gp_status add(gp_normalizer *normalizer, step wanted, gp_error *reason) {
  if (normalizer->count == MAX_STEPS) {
    release_step(&wanted);
    return gp_fail(reason, GP_ERR_FORMAT, "more than %u steps are refused", MAX_STEPS);
  }
  normalizer->steps[normalizer->count++] = wanted;
  return GP_OK;
}

static gp_status add_with_bytes(gp_normalizer *normalizer, step wanted, const char *bytes,
                                size_t length, gp_error *reason) {
  wanted.bytes = malloc(length + 1);
  if (wanted.bytes == NULL) {
    release_step(&wanted);
    return gp_fail_memory(reason, "a normalizer");
  }
  if (length > 0) {
    memcpy(wanted.bytes, bytes, length);
  }
  wanted.length = length;
  return add(normalizer, wanted, reason);
}

gp_status gp_normalizer_add_form(gp_normalizer *normalizer, gp_form form, gp_error *reason) {
  return add(normalizer, (step){.kind = STEP_FORM, .form = form}, reason);
}

gp_status gp_normalizer_add_lowercase(gp_normalizer *normalizer, gp_error *reason) {
  return add(normalizer, (step){.kind = STEP_LOWERCASE}, reason);
}

gp_status gp_normalizer_add_strip_accents(gp_normalizer *normalizer, gp_error *reason) {
  return add(normalizer, (step){.kind = STEP_STRIP_ACCENTS}, reason);
}

gp_status gp_normalizer_add_strip(gp_normalizer *normalizer, bool left, bool right,
                                  gp_error *reason) {
  return add(normalizer, (step){.kind = STEP_STRIP, .left = left, .right = right}, reason);
}

gp_status gp_normalizer_add_prepend(gp_normalizer *normalizer, const char *bytes, size_t length,
                                    gp_error *reason) {
  return add_with_bytes(normalizer, (step){.kind = STEP_PREPEND}, bytes, length, reason);
}

gp_status gp_normalizer_add_replace(gp_normalizer *normalizer, gp_pattern *pattern,
                                    const char *with, size_t with_length, gp_error *reason) {
  /* The library itself loses its way there. */
  if (gp_pattern_matches_empty(pattern)) {
    gp_pattern_free(pattern);
    return gp_fail(reason, GP_ERR_FORMAT, "a pattern to replace must not match the empty string");
  }
  return add_with_bytes(normalizer, (step){.kind = STEP_REPLACE, .pattern = pattern}, with,
                        with_length, reason);
}

gp_status gp_normalizer_add_charsmap(gp_normalizer *normalizer, const char *map, size_t size,
                                     gp_charsmap_rule rule, gp_error *reason) {
  gp_charsmap *charsmap = NULL;
  const gp_status status = gp_charsmap_new(map, size, rule, &charsmap, reason);
  return status == GP_OK
             ? add(normalizer, (step){.kind = STEP_CHARSMAP, .charsmap = charsmap}, reason)
             : status;
}

/* ------------------------------------------------------------------ running */

/* Lower case character by character, without regard to neighbours: one character has two. */
static gp_status lowercase(const gp_text *text, gp_text_buffer *out, gp_error *error) {
  gp_status status = GP_OK;
  for (uint32_t i = 0; i < text->length && status == GP_OK;) {
    uint32_t width = 0;
    const uint32_t c = gp_utf8_decode(text->bytes + i, &width);
    const uint32_t lower = c < 0x80 ? c + (c >= 'A' && c <= 'Z' ? 0x20U : 0U)
                                    : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    char bytes[4];
    if (c == 0x130) {
      status = gp_text_buffer_put(out, "i\xCC\x87", 3, gp_text_end(text, i + width), error);
    } else if (lower == c) {
      status = gp_text_buffer_copy(out, text, i, i + width, error);
    } else {
      const uint32_t length = gp_utf8_encode(lower, bytes);
      status = gp_text_buffer_put(out, bytes, length, gp_text_end(text, i + width), error);
    }
    i += width;
  }
  return status;
}

static bool is_mark(uint32_t c) {
  const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
         category == UTF8PROC_CATEGORY_ME;
}

static gp_status strip_accents(const gp_text *text, gp_text_buffer *out, gp_error *error) {
  gp_status status = GP_OK;
  for (uint32_t i = 0; i < text->length && status == GP_OK;) {
    uint32_t width = 0;
    const uint32_t c = gp_utf8_decode(text->bytes + i, &width);
    if (c < 0x300 || !is_mark(c)) {
      status = gp_text_buffer_copy(out, text, i, i + width, error);
    }
    i += width;
  }
  return status;
}

static gp_status strip(const step *s, const gp_text *text, gp_text_buffer *out, gp_error *error) {
  uint32_t begin = 0;
  uint32_t end = text->length;
  uint32_t width = 0;
  while (s->left && begin < end &&
         gp_is_white_space(gp_utf8_decode(text->bytes + begin, &width))) {
    begin += width;
  }
  while (s->right && end > begin) {
    const uint32_t before = gp_utf8_before(text->bytes, end);
    if (!gp_is_white_space(gp_utf8_decode(text->bytes + before, &width))) {
      break;
    }
    end = before;
  }
  return gp_text_buffer_copy(out, text, begin, end, error);
}

static gp_status replace(const step *s, gp_normalizer_work *work, const gp_text *text,
                         gp_text_buffer *out, gp_error *error) {
  gp_status status = gp_pattern_find_all(s->pattern, &work->matching, text->bytes, text->length,
                                         &work->matches, error);
  uint32_t done = 0;
  for (size_t i = 0; i < work->matches.count && status == GP_OK; i++) {
    const gp_piece match = work->matches.items[i];
    status = gp_text_buffer_copy(out, text, done, match.begin, error);
    if (status == GP_OK) {
      status = gp_text_buffer_put(out, s->bytes, s->length, gp_text_end(text, match.end), error);
    }
    done = match.end;
  }
  return status == GP_OK ? gp_text_buffer_copy(out, text, done, text->length, error) : status;
}

static gp_status prepend(const step *s, const gp_text *text, gp_text_buffer *out,
                         gp_error *error) {
  const gp_status status = gp_text_buffer_put(out, s->bytes, s->length, text->begin, error);
  return status == GP_OK ? gp_text_buffer_copy(out, text, 0, text->length, error) : status;
}

static gp_status run_step(const step *s, gp_normalizer_work *work, const gp_text *text,
                          gp_text_buffer *out, gp_error *error) {
  switch (s->kind) {
  case STEP_FORM:
    return gp_forms_run(s->form, &work->forms, text, out, error);
  case STEP_LOWERCASE:
    return lowercase(text, out, error);
  case STEP_STRIP_ACCENTS:
    return strip_accents(text, out, error);
  case STEP_STRIP:
    return strip(s, text, out, error);
  case STEP_PREPEND:
    return prepend(s, text, out, error);
  case STEP_REPLACE:
    return replace(s, work, text, out, error);
  default:
    return gp_charsmap_run(s->charsmap, text, out, error);
  }
}

/* Where the text begins after a step: only stripping drops what is at its beginning. What matters
 * is whether it still begins where the caller's text does. */
static uint32_t begin_after(const step *s, const gp_text *before, const gp_text_buffer *after) {
  uint32_t width = 0;
  const bool dropped = s->kind == STEP_STRIP && s->left && after->length > 0 &&
                       gp_is_white_space(gp_utf8_decode(before->bytes, &width));
  return dropped ? after->ends[0] - 1 : before->begin;
}

/* Steps that leave every ASCII text as it is. */
static bool spares_ascii(const step *s) {
  return s->kind == STEP_FORM || s->kind == STEP_STRIP_ACCENTS;
}

static bool is_ascii(const gp_text *text) {
  for (uint32_t i = 0; i < text->length; i++) {
    if ((unsigned char)text->bytes[i] >= 0x80) {
      return false;
    }
  }
  return true;
}

gp_status gp_normalizer_run(const gp_normalizer *normalizer, gp_normalizer_work **kept,
                            gp_text *text, gp_error *error) {
  if (gp_normalizer_is_empty(normalizer)) {
    return GP_OK;
  }
  if (*kept == NULL && (*kept = calloc(1, sizeof **kept)) == NULL) {
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  gp_normalizer_work *work = *kept;
  for (size_t i = 0; i < normalizer->count && text->bytes != NULL && text->length > 0; i++) {
    const step *s = &normalizer->steps[i];
    if (spares_ascii(s) && is_ascii(text)) {
      continue;
    }
    gp_text_buffer *out = &work->buffers[text->bytes == work->buffers[0].bytes];
    out->length = 0;
    const gp_status status = run_step(s, work, text, out, error);
    if (status != GP_OK) {
      return status;
    }
    *text = (gp_text){.bytes = out->bytes,
                      .ends = out->ends,
                      .length = (uint32_t)out->length,
                      .begin = begin_after(s, text, out)};
  }
  return GP_OK;
}

#define PCRE2_CODE_UNIT_WIDTH 8

#include "text/pattern.h"

#include "common/error.h"
#include "text/regex.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <pcre2.h>

#define JIT_STACK_START 32768U
#define JIT_STACK_MAX   (64U << 20)
#define HEAP_LIMIT_KIB  (512U << 10) /* for the interpreter, when that stack is not enough */
/* Steps that one match may take: in proportion to the text, so that an honest pattern never
 * gets there, and one that backtracks without end stops. */
#define STEPS_AT_LEAST UINT64_C(10000000)
#define STEPS_PER_BYTE 64U

struct gp_pattern {
  pcre2_code *code; /* NULL for a string */
  size_t length;
  char string[];
};

struct gp_match_work {
  pcre2_match_data *data;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  char *shadow; /* the text with stand-ins for characters that PCRE2 may not know */
  size_t shadow_capacity;
};

static gp_pattern *allocate(size_t length) {
  gp_pattern *made = calloc(1, sizeof *made + length + 1);
  if (made != NULL) {
    made->length = length;
  }
  return made;
}

gp_status gp_pattern_new_string(const char *string, size_t length, gp_pattern **pattern,
                                gp_error *reason) {
  if (length == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "an empty pattern is not supported");
  }
  gp_pattern *made = allocate(length);
  if (made == NULL) {
    return gp_fail_memory(reason, "a pattern");
  }
  memcpy(made->string, string, length);
  *pattern = made;
  return GP_OK;
}

static gp_status fail_compile(int number, gp_error *reason) {
  if (number == PCRE2_ERROR_HEAP_FAILED || number == PCRE2_ERROR_NOMEMORY) {
    return gp_fail_memory(reason, "a regular expression");
  }
  PCRE2_UCHAR text[128];
  if (pcre2_get_error_message(number, text, sizeof text) < 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the regular expression does not compile (PCRE2 %d)",
                   number);
  }
  return gp_fail(reason, GP_ERR_FORMAT, "the regular expression does not compile: %s",
                 (const char *)text);
}

static gp_status compile(gp_pattern *made, const char *regex, size_t length, gp_error *reason) {
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  if (context == NULL) {
    return gp_fail_memory(reason, "a regular expression");
  }
  (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int number = 0;
  PCRE2_SIZE offset = 0;
  made->code = pcre2_compile((PCRE2_SPTR)regex, length,
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &number, &offset, context);
  pcre2_compile_context_free(context);
  if (made->code == NULL) {
    return fail_compile(number, reason);
  }
  /* Where the machine grants no executable memory, matching is slower and the same. */
  (void)pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE);
  return GP_OK;
}

gp_status gp_pattern_new_regex(const char *regex, size_t length, gp_pattern **pattern,
                               gp_error *reason) {
  char *translated = NULL;
  size_t translated_length = 0;
  if (length == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "an empty pattern is not supported");
  }
  gp_status status = gp_regex_translate(regex, length, &translated, &translated_length, reason);
  if (status != GP_OK) {
    return status;
  }
  gp_pattern *made = allocate(length);
  if (made == NULL) {
    status = gp_fail_memory(reason, "a pattern");
    goto cleanup;
  }
  memcpy(made->string, regex, length);
  status = compile(made, translated, translated_length, reason);
  if (status == GP_OK) {
    *pattern = made;
    made = NULL;
  }

cleanup:
  gp_pattern_free(made);
  free(translated);
  return status;
}

void gp_pattern_free(gp_pattern *pattern) {
  if (pattern != NULL) {
    pcre2_code_free(pattern->code);
    free(pattern);
  }
}

const char *gp_pattern_regex(const gp_pattern *pattern, size_t *length) {
  *length = pattern->length;
  return pattern->code == NULL ? NULL : pattern->string;
}

bool gp_pattern_matches_empty(const gp_pattern *pattern) {
  uint32_t empty = 0;
  return pattern->code != NULL &&
         (pcre2_pattern_info(pattern->code, PCRE2_INFO_MATCHEMPTY, &empty) != 0 || empty != 0);
}

void gp_match_work_free(gp_match_work *work) {
  if (work != NULL) {
    pcre2_match_data_free(work->data);
    pcre2_match_context_free(work->context);
    pcre2_jit_stack_free(work->stack);
    free(work->shadow);
    free(work);
  }
}

static gp_status prepare(gp_match_work **kept, gp_error *error) {
  if (*kept != NULL) {
    return GP_OK;
  }
  gp_match_work *work = calloc(1, sizeof *work);
  if (work == NULL) {
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  work->data = pcre2_match_data_create(1, NULL);
  work->context = pcre2_match_context_create(NULL);
  work->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
  if (work->data == NULL || work->context == NULL) {
    gp_match_work_free(work);
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  if (work->stack != NULL) { /* without JIT there is none */
    pcre2_jit_stack_assign(work->context, NULL, work->stack);
  }
  (void)pcre2_set_heap_limit(work->context, HEAP_LIMIT_KIB);
  *kept = work;
  return GP_OK;
}

static gp_status fail_match(int number, gp_error *error) {
  if (number == PCRE2_ERROR_NOMEMORY) {
    return gp_fail_memory(error, "matching a regular expression");
  }
  return gp_fail(error, GP_ERR_FORMAT,
                 "a regular expression of the tokenizer cannot be matched against this text "
                 "(PCRE2 error %d): it backtracks too much",
                 number);
}

/* The first match at or after `from`; *found is false where there is none. */
static gp_status match_at(const gp_pattern *pattern, gp_match_work *work, const char *text,
                          uint32_t length, uint32_t from, gp_piece *match, bool *found,
                          gp_error *error) {
  int count = pcre2_match(pattern->code, (PCRE2_SPTR)text, length, from, PCRE2_NO_UTF_CHECK,
                          work->data, work->context);
  if (count == PCRE2_ERROR_JIT_STACKLIMIT) {
    count = pcre2_match(pattern->code, (PCRE2_SPTR)text, length, from,
                        PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, work->data, work->context);
  }
  *found = count >= 0;
  if (count < 0) {
    return count == PCRE2_ERROR_NOMATCH ? GP_OK : fail_match(count, error);
  }
  const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(work->data);
  *match = (gp_piece){.begin = (uint32_t)bounds[0], .end = (uint32_t)bounds[1]};
  return GP_OK;
}

/* The first character from `from` on that has a stand-in; `length` if there is none. */
static uint32_t find_late(const char *text, uint32_t from, uint32_t length, uint32_t *stand_in) {
  for (uint32_t i = from; i < length;) {
    uint32_t width = 1;
    if ((unsigned char)text[i] >= 0xE0) {
      *stand_in = gp_unicode_stand_in(gp_utf8_decode(text + i, &width));
      if (*stand_in != 0) {
        return i;
      }
    }
    i += width;
  }
  return length;
}

/* Points *text to a copy with stand-ins, of the same length, if it needs any. */
static gp_status make_shadow(gp_match_work *work, const char **text, uint32_t length,
                             gp_error *error) {
  uint32_t stand_in = 0;
  uint32_t at = find_late(*text, 0, length, &stand_in);
  if (at == length) {
    return GP_OK;
  }
  if (work->shadow == NULL || length > work->shadow_capacity) {
    char *shadow = realloc(work->shadow, length);
    if (shadow == NULL) {
      return gp_fail_memory(error, "the text to be tokenized is too long");
    }
    work->shadow = shadow;
    work->shadow_capacity = length;
  }
  memcpy(work->shadow, *text, length);
  while (at < length) {
    at += gp_utf8_encode(stand_in, work->shadow + at);
    at = find_late(*text, at, length, &stand_in);
  }
  *text = work->shadow;
  return GP_OK;
}

static gp_status find_regex(const gp_pattern *pattern, gp_match_work **kept, const char *text,
                            uint32_t length, gp_pieces *matches, gp_error *error) {
  gp_status status = prepare(kept, error);
  if (status == GP_OK) {
    status = make_shadow(*kept, &text, length, error);
  }
  if (status != GP_OK) {
    return status;
  }
  const uint64_t steps = STEPS_AT_LEAST + (uint64_t)length * STEPS_PER_BYTE;
  const uint32_t limit = steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX;
  (void)pcre2_set_match_limit((*kept)->context, limit);
  (void)pcre2_set_depth_limit((*kept)->context, limit);
  uint32_t from = 0;
  uint32_t last_end = UINT32_MAX;
  while (from <= length) {
    gp_piece match;
    bool found = false;
    status = match_at(pattern, *kept, text, length, from, &match, &found, error);
    if (status != GP_OK || !found) {
      return status;
    }
    if (match.begin == match.end && match.end == last_end) {
      /* An empty match right after another is no match: look one character further. */
      if (from == length) {
        break;
      }
      from += gp_utf8_width((unsigned char)text[from]);
      continue;
    }
    status = gp_pieces_push(matches, match.begin, match.end, error);
    if (status != GP_OK) {
      return status;
    }
    from = match.end;
    last_end = match.end;
  }
  return GP_OK;
}

static gp_status find_string(const gp_pattern *pattern, const char *text, uint32_t length,
                             gp_pieces *matches, gp_error *error) {
  const size_t wanted = pattern->length;
  const char *at = text;
  const char *end = text + length;
  while ((size_t)(end - at) >= wanted &&
         (at = memchr(at, pattern->string[0], (size_t)(end - at) - wanted + 1)) != NULL) {
    if (memcmp(at, pattern->string, wanted) != 0) {
      at++;
      continue;
    }
    const uint32_t begin = (uint32_t)(at - text);
    const gp_status status = gp_pieces_push(matches, begin, begin + (uint32_t)wanted, error);
    if (status != GP_OK) {
      return status;
    }
    at += wanted;
  }
  return GP_OK;
}

gp_status gp_pattern_find_all(const gp_pattern *pattern, gp_match_work **work, const char *text,
                              uint32_t length, gp_pieces *matches, gp_error *error) {
  matches->count = 0;
  if (pattern->code == NULL) {
    return find_string(pattern, text, length, matches, error);
  }
  return find_regex(pattern, work, text, length, matches, error);
}

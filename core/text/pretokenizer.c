#include "text/pretokenizer.h"

#include "common/error.h"
#include "text/alphabet.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STEPS       64U
#define MAX_REPLACEMENT 4U

typedef enum step_kind {
  STEP_SPLIT = 1,
  STEP_PREFIX_SPACE = 2,
  STEP_BYTE_ALPHABET = 3,
  STEP_METASPACE = 4 /* only the rewriting: the splitting is a step of its own */
} step_kind;

typedef struct step {
  step_kind kind;
  gp_pattern *pattern;
  gp_split_behaviour behaviour;
  bool invert;
  gp_prepend_scheme scheme;
  uint32_t replacement_length;
  char replacement[MAX_REPLACEMENT];
} step;

struct gp_pretokenizer {
  size_t count;
  step steps[MAX_STEPS];
};

struct gp_pretokenizer_work {
  gp_match_work *matching;
  gp_pieces matches;
  gp_pieces pieces[2]; /* before and after a step, in turn */
  gp_text_buffer buffers[2];
};

gp_status gp_pretokenizer_new(gp_pretokenizer **pretokenizer, gp_error *error) {
  gp_pretokenizer *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a tokenizer");
  }
  *pretokenizer = made;
  return GP_OK;
}

void gp_pretokenizer_free(gp_pretokenizer *pretokenizer) {
  if (pretokenizer != NULL) {
    for (size_t i = 0; i < pretokenizer->count; i++) {
      gp_pattern_free(pretokenizer->steps[i].pattern);
    }
    free(pretokenizer);
  }
}

void gp_pretokenizer_work_free(gp_pretokenizer_work *work) {
  if (work != NULL) {
    gp_match_work_free(work->matching);
    gp_pieces_release(&work->matches);
    for (size_t i = 0; i < 2; i++) {
      gp_pieces_release(&work->pieces[i]);
      gp_text_buffer_release(&work->buffers[i]);
    }
    free(work);
  }
}

/* -------------------------------------------------------------------- steps */

static gp_status add(gp_pretokenizer *pretokenizer, const step *wanted, gp_error *reason) {
  if (pretokenizer->count == MAX_STEPS) {
    return gp_fail(reason, GP_ERR_FORMAT, "more than %u steps are refused", MAX_STEPS);
  }
  pretokenizer->steps[pretokenizer->count++] = *wanted;
  return GP_OK;
}

gp_status gp_pretokenizer_add_split(gp_pretokenizer *pretokenizer, gp_pattern *pattern,
                                    gp_split_behaviour behaviour, bool invert, gp_error *reason) {
  const step wanted = {
      .kind = STEP_SPLIT, .pattern = pattern, .behaviour = behaviour, .invert = invert};
  const gp_status status = add(pretokenizer, &wanted, reason);
  if (status != GP_OK) {
    gp_pattern_free(pattern);
  }
  return status;
}

static gp_status add_regex(gp_pretokenizer *pretokenizer, const char *regex,
                           gp_split_behaviour behaviour, gp_error *reason) {
  gp_pattern *pattern = NULL;
  const gp_status status = gp_pattern_new_regex(regex, strlen(regex), &pattern, reason);
  return status == GP_OK
             ? gp_pretokenizer_add_split(pretokenizer, pattern, behaviour, false, reason)
             : status;
}

gp_status gp_pretokenizer_add_digits(gp_pretokenizer *pretokenizer, bool individual,
                                     gp_error *reason) {
  /* The library's digits are of Unicode 17; gp_pattern's go to 16. */
  return add_regex(pretokenizer, "[\\p{N}\\x{11DE0}-\\x{11DE9}\\x{16FF4}-\\x{16FF6}]",
                   individual ? GP_SPLIT_ISOLATED : GP_SPLIT_CONTIGUOUS, reason);
}

/* Punctuation as the library sees it: category P, and in ASCII the symbols too. It has that
 * category from an old Unicode, to which these were not known, or are something else by now. The
 * stand-ins of gp_unicode_stand_in() for later ones are among them. */
#define NO_PUNCTUATION_YET                                                                       \
  "\\x{61D}\\x{9FD}\\x{A76}\\x{C77}\\x{C84}\\x{1B7D}-\\x{1B7E}\\x{2E43}-\\x{2E4F}"               \
  "\\x{2E52}-\\x{2E5D}\\x{10EAD}\\x{10F55}-\\x{10F59}\\x{10F86}-\\x{10F89}"                      \
  "\\x{1144B}-\\x{1144F}\\x{1145A}-\\x{1145B}\\x{1145D}\\x{11660}-\\x{1166C}\\x{116B9}"          \
  "\\x{1183B}\\x{11944}-\\x{11946}\\x{119E2}\\x{11A3F}-\\x{11A46}\\x{11A9A}-\\x{11A9C}"          \
  "\\x{11A9E}-\\x{11AA2}\\x{11C41}-\\x{11C45}\\x{11C70}-\\x{11C71}\\x{11EF7}-\\x{11EF8}"         \
  "\\x{11FFF}\\x{12FF1}-\\x{12FF2}\\x{16E97}-\\x{16E9A}\\x{16FE2}\\x{1E95E}-\\x{1E95F}"
#define ONCE_PUNCTUATION "\\x{166D}\\x{111C9}"

gp_status gp_pretokenizer_add_punctuation(gp_pretokenizer *pretokenizer,
                                          gp_split_behaviour behaviour, gp_error *reason) {
  return add_regex(pretokenizer,
                   "(?![" NO_PUNCTUATION_YET "])[\\p{P}$+<=>\\^`|~" ONCE_PUNCTUATION "]",
                   behaviour, reason);
}

gp_status gp_pretokenizer_add_whitespace_split(gp_pretokenizer *pretokenizer, gp_error *reason) {
  return add_regex(pretokenizer, "\\s", GP_SPLIT_REMOVED, reason);
}

gp_status gp_pretokenizer_add_prefix_space(gp_pretokenizer *pretokenizer, gp_error *reason) {
  const step wanted = {.kind = STEP_PREFIX_SPACE};
  return add(pretokenizer, &wanted, reason);
}

gp_status gp_pretokenizer_add_byte_alphabet(gp_pretokenizer *pretokenizer, gp_error *reason) {
  const step wanted = {.kind = STEP_BYTE_ALPHABET};
  return add(pretokenizer, &wanted, reason);
}

bool gp_pretokenizer_has_byte_alphabet(const gp_pretokenizer *pretokenizer) {
  for (size_t i = 0; i < pretokenizer->count; i++) {
    if (pretokenizer->steps[i].kind == STEP_BYTE_ALPHABET) {
      return true;
    }
  }
  return false;
}

gp_status gp_pretokenizer_add_metaspace(gp_pretokenizer *pretokenizer, const char *replacement,
                                        size_t replacement_length, gp_prepend_scheme scheme,
                                        bool split, gp_error *reason) {
  if (replacement_length == 0 || replacement_length > MAX_REPLACEMENT ||
      gp_utf8_width((unsigned char)replacement[0]) != replacement_length) {
    return gp_fail(reason, GP_ERR_FORMAT, "the replacement of spaces must be one character");
  }
  step wanted = {.kind = STEP_METASPACE,
                 .scheme = scheme,
                 .replacement_length = (uint32_t)replacement_length};
  memcpy(wanted.replacement, replacement, replacement_length);
  gp_status status = add(pretokenizer, &wanted, reason);
  if (status != GP_OK || !split) {
    return status;
  }
  gp_pattern *pattern = NULL;
  status = gp_pattern_new_string(replacement, replacement_length, &pattern, reason);
  return status == GP_OK ? gp_pretokenizer_add_split(pretokenizer, pattern,
                                                     GP_SPLIT_MERGED_WITH_NEXT, false, reason)
                         : status;
}

/* ---------------------------------------------------------------- splitting */

/* Pieces of one text while it is split. `out` has what is complete; `last` may still grow. */
typedef struct splitter {
  gp_pieces *out;
  uint32_t offset; /* of the text that is split */
  gp_split_behaviour behaviour;
  bool any;
  bool previous; /* whether the part before was a match */
  gp_piece last;
  gp_error *error;
} splitter;

static gp_status flush(splitter *s) {
  const bool empty = !s->any || s->last.begin == s->last.end;
  s->any = false;
  return empty ? GP_OK
               : gp_pieces_push(s->out, s->offset + s->last.begin, s->offset + s->last.end,
                                s->error);
}

/* Whether a part is joined to the one before it. With MERGED_WITH_NEXT it is the part before
 * that is joined, to what follows it: of a run of matches only the last. */
static bool joins(const splitter *s, bool match) {
  switch (s->behaviour) {
  case GP_SPLIT_CONTIGUOUS:
    return match == s->previous;
  case GP_SPLIT_MERGED_WITH_PREVIOUS:
    return match && !s->previous;
  case GP_SPLIT_MERGED_WITH_NEXT:
    return !match && s->previous;
  default:
    return false;
  }
}

static gp_status part(splitter *s, uint32_t begin, uint32_t end, bool match) {
  gp_status status = GP_OK;
  if (s->behaviour == GP_SPLIT_REMOVED && match) {
    return flush(s);
  }
  if (s->any && joins(s, match)) {
    s->last.end = end;
  } else {
    status = flush(s);
    s->any = true;
    s->last = (gp_piece){.begin = begin, .end = end};
  }
  s->previous = match;
  return status;
}

static gp_status split_piece(const step *split, gp_pretokenizer_work *work, const gp_text *text,
                             gp_piece piece, gp_pieces *out, gp_error *error) {
  const uint32_t length = piece.end - piece.begin;
  gp_status status = gp_pattern_find_all(
      split->pattern, &work->matching, text->bytes + piece.begin, length, &work->matches, error);
  splitter s = {.out = out, .offset = piece.begin, .behaviour = split->behaviour, .error = error};
  uint32_t done = 0;
  for (size_t i = 0; i < work->matches.count && status == GP_OK; i++) {
    const gp_piece match = work->matches.items[i];
    if (done != match.begin) {
      status = part(&s, done, match.begin, split->invert);
    }
    if (status == GP_OK) {
      status = part(&s, match.begin, match.end, !split->invert);
    }
    done = match.end;
  }
  if (status == GP_OK && done != length) {
    status = part(&s, done, length, split->invert);
  }
  return status == GP_OK ? flush(&s) : status;
}

/* ---------------------------------------------------------------- rewriting */

/* What stands before a piece when it is rewritten; *length is 0 for nothing. */
static const char *prefix_of(const step *rewrite, const gp_text *text, gp_piece piece,
                             uint32_t *length) {
  const char *bytes = text->bytes + piece.begin;
  const bool first = piece.begin == 0 && text->begin == 0;
  *length = 0;
  if (rewrite->kind == STEP_PREFIX_SPACE) {
    *length = bytes[0] != ' ';
    return " ";
  }
  if (rewrite->kind == STEP_METASPACE) {
    const uint32_t n = rewrite->replacement_length;
    const bool there = bytes[0] == ' ' || (piece.end - piece.begin >= n &&
                                           memcmp(bytes, rewrite->replacement, n) == 0);
    const bool wanted =
        rewrite->scheme == GP_PREPEND_ALWAYS || (rewrite->scheme == GP_PREPEND_FIRST && first);
    *length = wanted && !there ? n : 0;
  }
  return rewrite->replacement;
}

static gp_status rewrite_bytes(const step *rewrite, const gp_text *text, gp_piece piece,
                               gp_text_buffer *out, gp_error *error) {
  gp_status status = GP_OK;
  uint32_t done = piece.begin;
  for (uint32_t i = piece.begin; i < piece.end && status == GP_OK; i++) {
    char letter[GP_ALPHABET_MAX];
    if (rewrite->kind == STEP_BYTE_ALPHABET) {
      const uint32_t width = gp_alphabet_encode((unsigned char)text->bytes[i], letter);
      status = gp_text_buffer_put(out, letter, width, gp_text_end(text, i + 1), error);
      done = i + 1;
    } else if (rewrite->kind == STEP_METASPACE && text->bytes[i] == ' ') {
      status = gp_text_buffer_copy(out, text, done, i, error);
      if (status == GP_OK) {
        status = gp_text_buffer_put(out, rewrite->replacement, rewrite->replacement_length,
                                    gp_text_end(text, i + 1), error);
      }
      done = i + 1;
    }
  }
  return status == GP_OK ? gp_text_buffer_copy(out, text, done, piece.end, error) : status;
}

static gp_status rewrite_piece(const step *rewrite, const gp_text *text, gp_piece piece,
                               gp_text_buffer *buffer, gp_pieces *out, gp_error *error) {
  const uint32_t begin = (uint32_t)buffer->length;
  uint32_t length = 0;
  const char *prefix = prefix_of(rewrite, text, piece, &length);
  gp_status status =
      gp_text_buffer_put(buffer, prefix, length, gp_text_end(text, piece.begin), error);
  if (status == GP_OK) {
    status = rewrite_bytes(rewrite, text, piece, buffer, error);
  }
  return status == GP_OK ? gp_pieces_push(out, begin, (uint32_t)buffer->length, error) : status;
}

static gp_status run_step(const step *s, gp_pretokenizer_work *work, gp_text *text,
                          const gp_pieces *from, gp_pieces *to, gp_error *error) {
  gp_text_buffer *buffer = &work->buffers[text->bytes == work->buffers[0].bytes];
  gp_status status = GP_OK;
  to->count = 0;
  buffer->length = 0;
  for (size_t i = 0; i < from->count && status == GP_OK; i++) {
    status = s->kind == STEP_SPLIT ? split_piece(s, work, text, from->items[i], to, error)
                                   : rewrite_piece(s, text, from->items[i], buffer, to, error);
  }
  if (status == GP_OK && s->kind != STEP_SPLIT && from->count > 0) {
    *text = (gp_text){.bytes = buffer->bytes,
                      .ends = buffer->ends,
                      .length = (uint32_t)buffer->length,
                      .begin = gp_text_end(text, from->items[0].begin)};
  }
  return status;
}

gp_status gp_pretokenizer_run(const gp_pretokenizer *pretokenizer, gp_pretokenizer_work **kept,
                              gp_text *text, const gp_pieces **pieces, gp_error *error) {
  if (*kept == NULL && (*kept = calloc(1, sizeof **kept)) == NULL) {
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  gp_pretokenizer_work *work = *kept;
  gp_pieces *from = &work->pieces[0];
  gp_pieces *to = &work->pieces[1];
  from->count = 0;
  gp_status status = text->length > 0 ? gp_pieces_push(from, 0, text->length, error) : GP_OK;
  for (size_t i = 0; pretokenizer != NULL && i < pretokenizer->count && status == GP_OK; i++) {
    status = run_step(&pretokenizer->steps[i], work, text, from, to, error);
    gp_pieces *swapped = from;
    from = to;
    to = swapped;
  }
  *pieces = from;
  return status;
}

/* Added tokens: strings that are found in a text before anything else is done to it, and are
 * one token each. */
#ifndef GP_TEXT_ADDED_H
#define GP_TEXT_ADDED_H

#include "text/text.h"
#include "text/vocab.h"

typedef struct gp_added gp_added;

typedef struct gp_added_token {
  const char *bytes; /* not empty */
  size_t length;
  uint32_t id;
  bool single_word; /* only between characters that are not of words */
  bool lstrip;      /* takes the white space before it along */
  bool rstrip;      /* ... after it */
  bool ascii;       /* white space is that of ASCII only */
} gp_added_token;

gp_status gp_added_new(gp_added **added, gp_error *error);
void gp_added_free(gp_added *added);

/* Adds a token, copied; a string that is there already stays as it is. GP_ERR_FORMAT, a reason
 * without a place, for an empty or very long one. */
gp_status gp_added_add(gp_added *added, const gp_added_token *wanted, gp_error *reason);

/* A stretch of text between added tokens (id GP_NO_ID), or such a token. */
typedef struct gp_added_span {
  uint32_t begin;
  uint32_t end;
  uint32_t id;
} gp_added_span;

typedef struct gp_added_spans {
  gp_added_span *items;
  size_t count;
  size_t capacity;
} gp_added_spans;

/* Cuts a text that is not empty into spans, taking the longest token at the leftmost place;
 * replaces what is in `spans`. Where tokens begin in white space that an earlier one has taken
 * along (rstrip), spans overlap, as in the tokenizers library. With `added` NULL the text is one
 * span. */
gp_status gp_added_find(const gp_added *added, const char *text, uint32_t length,
                        gp_added_spans *spans, gp_error *error);
void gp_added_spans_release(gp_added_spans *spans);

#endif

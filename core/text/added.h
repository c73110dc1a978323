/* Added tokens: strings that are found in a text before anything else is done to it, and are
 * one token each. */
#ifndef GP_TEXT_ADDED_H
#define GP_TEXT_ADDED_H

#include "text/text.h"

typedef struct gp_added gp_added;

typedef struct gp_added_token {
  const char *bytes; /* not empty */
  size_t length;
  uint32_t id;
  bool single_word; /* only between characters that are not of words */
  bool lstrip;      /* takes the white space before it along */
  bool rstrip;      /* ... after it */
} gp_added_token;

gp_status gp_added_new(gp_added **added, gp_error *error);
void gp_added_free(gp_added *added);

/* Adds a token; a string that is there already keeps its place and gets the later token's
 * facts. */
gp_status gp_added_add(gp_added *added, const gp_added_token *token, gp_error *error);

/* To be called once all tokens are there. */
gp_status gp_added_finish(gp_added *added, gp_error *error);

/* A stretch of text between added tokens (id GP_NO_ID), or such a token. */
typedef struct gp_added_span {
  uint32_t begin;
  uint32_t end;
  uint32_t id;
} gp_added_span;

/* Finds the next span at or after *position in a text, the longest token at the leftmost place;
 * false at the end. Moves *position. */
bool gp_added_next(const gp_added *added, const char *text, uint32_t length, uint32_t *position,
                   gp_added_span *span);

#endif

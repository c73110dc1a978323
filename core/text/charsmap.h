/* SentencePiece's compiled normalisation: replacements for characters and short sequences. */
#ifndef GP_TEXT_CHARSMAP_H
#define GP_TEXT_CHARSMAP_H

#include "text/text.h"

typedef struct gp_charsmap gp_charsmap;

/* How keys are found in a text. */
typedef enum gp_charsmap_rule {
  GP_CHARSMAP_CLUSTERS, /* as the tokenizers library: a short grapheme cluster as a whole, or
                           characters one by one; the shortest key that fits */
  GP_CHARSMAP_LONGEST   /* as SentencePiece and llama.cpp: the longest key at each place */
} gp_charsmap_rule;

/* Checks and copies a map. GP_ERR_FORMAT, a reason without a place, where it is damaged. */
gp_status gp_charsmap_new(const char *map, size_t size, gp_charsmap_rule rule,
                          gp_charsmap **charsmap, gp_error *reason);
void gp_charsmap_free(gp_charsmap *charsmap);

/* Appends the rewritten text to `out`. */
gp_status gp_charsmap_run(const gp_charsmap *charsmap, const gp_text *text, gp_text_buffer *out,
                          gp_error *error);

#endif

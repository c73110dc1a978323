/* SentencePiece's compiled normalisation: replacements for characters and short sequences. */
#ifndef GP_TEXT_CHARSMAP_H
#define GP_TEXT_CHARSMAP_H

#include "text/text.h"

typedef struct gp_charsmap gp_charsmap;

/* Checks and copies a map. GP_ERR_FORMAT, a reason without a place, where it is damaged. */
gp_status gp_charsmap_new(const char *map, size_t size, gp_charsmap **charsmap, gp_error *reason);
void gp_charsmap_free(gp_charsmap *charsmap);

/* Appends the rewritten text to `out`. */
gp_status gp_charsmap_run(const gp_charsmap *charsmap, const gp_text *text, gp_text_buffer *out,
                          gp_error *error);

#endif

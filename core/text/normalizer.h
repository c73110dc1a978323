/* Normalisation: a list of steps, each of which rewrites the text. */
#ifndef GP_TEXT_NORMALIZER_H
#define GP_TEXT_NORMALIZER_H

#include "text/charsmap.h"
#include "text/pattern.h"
#include "text/text.h"

typedef struct gp_normalizer gp_normalizer;

gp_status gp_normalizer_new(gp_normalizer **normalizer, gp_error *error);
void gp_normalizer_free(gp_normalizer *normalizer);
bool gp_normalizer_is_empty(const gp_normalizer *normalizer);

typedef enum gp_form {
  GP_FORM_NFC = 1,
  GP_FORM_NFD = 2,
  GP_FORM_NFKC = 3,
  GP_FORM_NFKD = 4
} gp_form;

/* Each appends a step. Strings are copied. Errors: GP_ERR_MEMORY; GP_ERR_FORMAT, a reason
 * without a place. */
gp_status gp_normalizer_add_form(gp_normalizer *normalizer, gp_form form, gp_error *reason);
gp_status gp_normalizer_add_lowercase(gp_normalizer *normalizer, gp_error *reason);
gp_status gp_normalizer_add_strip_accents(gp_normalizer *normalizer, gp_error *reason);
gp_status gp_normalizer_add_strip(gp_normalizer *normalizer, bool left, bool right,
                                  gp_error *reason);
/* Puts `bytes` before a text that is not empty. */
gp_status gp_normalizer_add_prepend(gp_normalizer *normalizer, const char *bytes, size_t length,
                                    gp_error *reason);
/* Replaces each match. Takes over `pattern`, also on failure. */
gp_status gp_normalizer_add_replace(gp_normalizer *normalizer, gp_pattern *pattern,
                                    const char *with, size_t with_length, gp_error *reason);
/* SentencePiece's compiled character map (a double-array trie and its replacements). */
gp_status gp_normalizer_add_charsmap(gp_normalizer *normalizer, const char *map, size_t size,
                                     gp_charsmap_rule rule, gp_error *reason);

/* Working memory of one thread; made on first use. */
typedef struct gp_normalizer_work gp_normalizer_work;
void gp_normalizer_work_free(gp_normalizer_work *work);

/* Runs all steps over *text, which afterwards may lie in *kept, valid until the next call. */
gp_status gp_normalizer_run(const gp_normalizer *normalizer, gp_normalizer_work **kept,
                            gp_text *text, gp_error *error);

#endif

/* The unigram model: of all ways to cut a text into pieces, the one with the largest sum of
 * scores [Kudo 2018]. */
#ifndef GP_TEXT_UNIGRAM_H
#define GP_TEXT_UNIGRAM_H

#include "text/text.h"
#include "text/vocab.h"

typedef struct gp_unigram_options {
  bool has_unknown;
  uint32_t unknown;       /* the token of what no piece covers; runs of it are one token */
  bool byte_fallback;     /* what no piece covers becomes the tokens of its bytes if all exist */
  uint32_t byte_ids[256]; /* of "<0x00>" to "<0xFF>"; GP_NO_ID: none */
} gp_unigram_options;

typedef struct gp_unigram gp_unigram;

/* `scores` has an entry for each id below vocab->n_ids (finite; those of ids without a piece
 * are not used) and is copied; `vocab` is finished and must outlive the model. Pieces that
 * must never be found in text (control tokens) are left out of `vocab` by the caller or
 * marked by a NaN score. */
gp_status gp_unigram_new(const gp_vocab *vocab, const double *scores,
                         const gp_unigram_options *options, gp_unigram **unigram,
                         gp_error *error);
void gp_unigram_free(gp_unigram *unigram);

/* Working memory of one thread. */
typedef struct gp_unigram_work gp_unigram_work;
void gp_unigram_work_free(gp_unigram_work *work);

/* Tokenizes one piece of text, appending to `ids` with ends counted from `text`; *work is made
 * when it is NULL. Equal sums resolve as the tokenizers library (0.23) resolves them. Time is
 * linear in `length` times the length of the longest piece.
 * GP_ERR_FORMAT, a reason without a place, for a character that no piece, no byte token and no
 * unknown token covers. */
gp_status gp_unigram_encode(const gp_unigram *unigram, gp_unigram_work **work, const char *text,
                            uint32_t length, gp_ids *ids, gp_error *error);

#endif

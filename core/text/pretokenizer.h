/* Pre-tokenization: a list of steps that cut a text into pieces, each tokenized on its own;
 * some rewrite the pieces. */
#ifndef GP_TEXT_PRETOKENIZER_H
#define GP_TEXT_PRETOKENIZER_H

#include "text/pattern.h"
#include "text/text.h"

typedef struct gp_pretokenizer gp_pretokenizer;

gp_status gp_pretokenizer_new(gp_pretokenizer **pretokenizer, gp_error *error);
void gp_pretokenizer_free(gp_pretokenizer *pretokenizer);

/* What becomes of the matches of a pattern (of its non-matches, if inverted). */
typedef enum gp_split_behaviour {
  GP_SPLIT_ISOLATED = 1, /* each is a piece */
  GP_SPLIT_REMOVED = 2,
  GP_SPLIT_MERGED_WITH_PREVIOUS = 3,
  GP_SPLIT_MERGED_WITH_NEXT = 4,
  GP_SPLIT_CONTIGUOUS = 5 /* a run of them is a piece */
} gp_split_behaviour;

typedef enum gp_prepend_scheme {
  GP_PREPEND_ALWAYS = 1,
  GP_PREPEND_FIRST = 2, /* only at the beginning of what the caller passed */
  GP_PREPEND_NEVER = 3
} gp_prepend_scheme;

/* The pattern of GPT-2, for gp_pretokenizer_add_split(). */
#define GP_GPT2_REGEX                                                                            \
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* Each appends a step. Errors: GP_ERR_MEMORY; GP_ERR_FORMAT, a reason without a place.
 * gp_pretokenizer_add_split() takes over `pattern`, also on failure. */
gp_status gp_pretokenizer_add_split(gp_pretokenizer *pretokenizer, gp_pattern *pattern,
                                    gp_split_behaviour behaviour, bool invert, gp_error *reason);
gp_status gp_pretokenizer_add_digits(gp_pretokenizer *pretokenizer, bool individual,
                                     gp_error *reason);
gp_status gp_pretokenizer_add_punctuation(gp_pretokenizer *pretokenizer,
                                          gp_split_behaviour behaviour, gp_error *reason);
/* Cuts at white space, which is dropped. */
gp_status gp_pretokenizer_add_whitespace_split(gp_pretokenizer *pretokenizer, gp_error *reason);
/* A space before each piece that does not begin with one. */
gp_status gp_pretokenizer_add_prefix_space(gp_pretokenizer *pretokenizer, gp_error *reason);
/* Rewrites bytes as characters of GPT-2's alphabet. Only for pipelines in which other steps
 * follow: at the end the vocabulary is decoded to bytes instead (gp_bpe.bytes_alphabet). */
gp_status gp_pretokenizer_add_byte_alphabet(gp_pretokenizer *pretokenizer, gp_error *reason);
bool gp_pretokenizer_has_byte_alphabet(const gp_pretokenizer *pretokenizer);
/* Spaces become `replacement`, a character; with `split`, pieces begin at each of them. */
gp_status gp_pretokenizer_add_metaspace(gp_pretokenizer *pretokenizer, const char *replacement,
                                        size_t replacement_length, gp_prepend_scheme scheme,
                                        bool split, gp_error *reason);

/* Working memory of one thread; made on first use. */
typedef struct gp_pretokenizer_work gp_pretokenizer_work;
void gp_pretokenizer_work_free(gp_pretokenizer_work *work);

/* Runs all steps. *text may lie in *kept afterwards, and *pieces does; both are valid until the
 * next call. No piece is empty. */
gp_status gp_pretokenizer_run(const gp_pretokenizer *pretokenizer, gp_pretokenizer_work **kept,
                              gp_text *text, const gp_pieces **pieces, gp_error *error);

#endif

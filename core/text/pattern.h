/* Patterns of tokenizer files: regular expressions written for Oniguruma (Ruby's syntax), run
 * by PCRE2, and plain strings. */
#ifndef GP_TEXT_PATTERN_H
#define GP_TEXT_PATTERN_H

#include "text/text.h"

typedef struct gp_pattern gp_pattern;

/* Compiles a pattern. What means something else in PCRE2 is translated; what cannot be is
 * GP_ERR_FORMAT with a reason without a place. */
gp_status gp_pattern_new_regex(const char *regex, size_t length, gp_pattern **pattern,
                               gp_error *reason);
gp_status gp_pattern_new_string(const char *string, size_t length, gp_pattern **pattern,
                                gp_error *reason);
void gp_pattern_free(gp_pattern *pattern);

/* The regular expression as it was given, or NULL for a string. */
const char *gp_pattern_regex(const gp_pattern *pattern, size_t *length);

/* Whether the empty string may match. */
bool gp_pattern_matches_empty(const gp_pattern *pattern);

/* Working memory of one thread, for any number of patterns; made on first use. */
typedef struct gp_match_work gp_match_work;
void gp_match_work_free(gp_match_work *work);

/* All matches in a text, in order and none overlapping, as the tokenizers library finds them;
 * replaces what is in `matches`. Matches may be empty. */
gp_status gp_pattern_find_all(const gp_pattern *pattern, gp_match_work **work, const char *text,
                              uint32_t length, gp_pieces *matches, gp_error *error);

#endif

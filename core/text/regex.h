/* From Oniguruma's regular expressions to PCRE2's. */
#ifndef GP_TEXT_REGEX_H
#define GP_TEXT_REGEX_H

#include "greenprint.h"

/* Rewrites a pattern of Ruby's syntax so that PCRE2 (with UTF, UCP and MULTILINE) finds the same
 * matches. *translated is NUL-terminated and to be freed. What is not known to mean the same is
 * GP_ERR_FORMAT with a reason without a place. */
gp_status gp_regex_translate(const char *regex, size_t length, char **translated,
                             size_t *translated_length, gp_error *reason);

#endif

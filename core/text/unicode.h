/* Where Unicode versions differ between the libraries used here and the tokenizers library. */
#ifndef GP_TEXT_UNICODE_H
#define GP_TEXT_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

/* Regular expressions of the tokenizers library know Unicode 16; PCRE2 may know an older one.
 * For a character that came after Unicode 14, an older one of the same general category (for Han,
 * of that script too) and the same length in UTF-8; 0 for any other character. */
uint32_t gp_unicode_stand_in(uint32_t c);

/* The normalisation forms of the tokenizers library are those of Unicode 9. Whether a character
 * that came later takes no part in them, although newer versions decompose or reorder it. */
bool gp_unicode_is_inert(uint32_t c);

#endif

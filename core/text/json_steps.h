/* The normalizer and the pre-tokenizer of a tokenizer.json. */
#ifndef GP_TEXT_JSON_STEPS_H
#define GP_TEXT_JSON_STEPS_H

#include "text/json.h"
#include "text/tokenizer.h"

/* Appends what `at` says, which may be null. Errors are reasons that begin with a path. */
gp_status gp_json_normalizer(const gp_json *at, gp_normalizer *normalizer, gp_error *reason);

/* The same. *byte_level is set where the last step turns bytes into GPT-2's alphabet: that step
 * is left out, for the vocabulary to be decoded instead. */
gp_status gp_json_pretokenizer(const gp_json *at, gp_pretokenizer *pretokenizer, bool *byte_level,
                               gp_error *reason);

#endif

/* How text becomes token ids, as reports say it. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <jansson.h>

#include "greenprint.h"

/* The settings as a line of JSON, to be freed. `tokenizer` may be NULL. NULL without memory. */
char *settings_describe(const gp_tokenizer *tokenizer, unsigned normalize);

/* What settings_describe() said, as fields of a report; NULL without memory. */
json_t *settings_object(const char *text);

/* And for people: the tokenizer's model and digest, the steps of normalization. To be freed;
 * NULL where there was none. */
char *settings_tokenizer(const char *described);
char *settings_normalize(const char *described);

#endif

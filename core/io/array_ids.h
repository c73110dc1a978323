/* Ids out of a row or part of a binary array. */
#ifndef GP_IO_ARRAY_IDS_H
#define GP_IO_ARRAY_IDS_H

#include "io/source.h"
#include "io/tokens.h"

/* Replaces the contents of `tokens` by the ids of the record. */
gp_status gp_array_ids(const gp_record *record, gp_tokens *tokens, gp_error *reason);

#endif

/* What tokens have spent, in a file that outlives the server (SPEC.md section 20). */
#ifndef CLI_SERVE_STATE_FILE_H
#define CLI_SERVE_STATE_FILE_H

#include "greenprint.h"
#include "serve/tokens.h"

typedef struct spending {
  char name[TOKEN_NAME_SIZE];
  uint64_t elements;
} spending;

typedef struct state_file state_file;

/* Opens the state file of a key, for this process alone, and reads what was spent: `spent` gets
 * a list to be freed. A file that is not there is one where nothing was. Returns an exit status,
 * and has said what is wrong. */
int state_file_open(const char *command, const char *path, const char *key_id, state_file **state,
                    spending **spent, size_t *count);

/* Replaces what was written: the file is the old one or the new one at any moment, and the new
 * one on the disk when this returns. Errors: GP_ERR_IO, GP_ERR_MEMORY. */
gp_status state_file_write(state_file *state, const spending *spent, size_t count,
                           gp_error *error);

void state_file_free(state_file *state);

#endif

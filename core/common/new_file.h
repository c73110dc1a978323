/* Writing a file whole or not at all. */
#ifndef GP_COMMON_NEW_FILE_H
#define GP_COMMON_NEW_FILE_H

#include "greenprint.h"

/* Creates the file `path`, mode 0600, with the given bytes. It appears under its name only
 * when it is complete and synced. An existing file, or link, of that name is left alone:
 * GP_ERR_EXISTS. Where the system has files without names (Linux), nothing is left behind
 * whatever ends the process. `what` names the kind of file in messages: "key file". */
gp_status gp_new_file_write(const char *path, const uint8_t *bytes, size_t size, const char *what,
                            gp_error *error);

#endif

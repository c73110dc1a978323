/* Reading small files whole, and files of any size in blocks. Messages begin with the name. */
#ifndef GP_COMMON_READ_FILE_H
#define GP_COMMON_READ_FILE_H

#include "greenprint.h"

/* Reads at most `room` bytes from the beginning into memory of the caller's, which may be locked.
 * *size below `room` means that the file has no more. `what` names the kind of file. GP_ERR_IO.
 */
gp_status gp_read_start(const char *path, const char *what, uint8_t *bytes, size_t room,
                        size_t *size, gp_error *error);

/* Reads a whole file of at most `limit` bytes; the caller frees *bytes. Memory grows with what
 * was read. Errors: GP_ERR_IO, GP_ERR_MEMORY, GP_ERR_FORMAT where it is longer. */
gp_status gp_read_whole(const char *path, const char *what, size_t limit, uint8_t **bytes,
                        size_t *size, gp_error *error);

/* Hands all of a file to `take` in pieces; stops when that fails, with its status. */
typedef gp_status gp_take_block(void *context, const uint8_t *bytes, size_t size,
                                gp_error *error);
gp_status gp_read_blocks(const char *path, const char *what, gp_take_block *take, void *context,
                         gp_error *error);

#endif

/* Writing a file whole or not at all. */
#ifndef GP_COMMON_NEW_FILE_H
#define GP_COMMON_NEW_FILE_H

#include "greenprint.h"

/* A file that is being written and has no name yet. Where the system has files without names
 * (Linux), nothing is left behind whatever ends the process. */
typedef struct gp_new_file gp_new_file;

/* Starts the file `path`, mode 0600. An existing file, or link, of that name is left alone:
 * GP_ERR_EXISTS. `what`, which has to outlive the file, names the kind of file in messages:
 * "key file". */
gp_status gp_new_file_open(const char *path, const char *what, gp_new_file **file,
                           gp_error *error);

gp_status gp_new_file_append(gp_new_file *file, const void *bytes, size_t size, gp_error *error);

/* Gives it mode 0644: everybody may read it. */
void gp_new_file_share(gp_new_file *file);

/* Syncs the file and gives it its name, which again must not exist. */
gp_status gp_new_file_publish(gp_new_file *file, gp_error *error);

/* Releases it; without gp_new_file_publish() nothing is left of it. NULL is ignored. */
void gp_new_file_free(gp_new_file *file);

/* All of it at once. */
gp_status gp_new_file_write(const char *path, const uint8_t *bytes, size_t size, const char *what,
                            gp_error *error);

/* The same, with gp_new_file_share(). */
gp_status gp_new_file_write_shared(const char *path, const uint8_t *bytes, size_t size,
                                   const char *what, gp_error *error);

/* A file for the process's own use that never has a name, in `folder`, mode 0600. */
gp_status gp_scratch_file(const char *folder, int *fd, gp_error *error);

#endif

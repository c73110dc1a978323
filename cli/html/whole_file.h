/* A file that appears under its name whole or not at all. */
#ifndef CLI_HTML_WHOLE_FILE_H
#define CLI_HTML_WHOLE_FILE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct whole_file {
  FILE *stream;
  char *path;      /* where it goes, links followed; NULL when that is written to as it is */
  char *temporary; /* its name meanwhile; or NULL */
} whole_file;

/* Opens a file for writing that whole_file_commit() will put in the place of `path`, with the
 * mode of the file that is there, if one is. What exists and is no regular file, such as a
 * pipe or a device, is written to as it is. False, with errno set, on failure. */
bool whole_file_open(whole_file *file, const char *path);

/* Closes the file and gives it its name. False, with errno set, when anything written was
 * lost; then the name is as it was. */
bool whole_file_commit(whole_file *file);

/* Closes the file and leaves nothing of it. */
void whole_file_abandon(whole_file *file);

#endif

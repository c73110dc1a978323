/* Certificates and their keys, as libmicrohttpd wants them: in memory, with a NUL. */
#ifndef CLI_SERVE_PEM_FILE_H
#define CLI_SERVE_PEM_FILE_H

typedef struct pem_file {
  char *text; /* in locked memory that is wiped when freed; NULL for none */
} pem_file;

/* Returns an exit status, and has said what is wrong. */
int pem_file_read(const char *command, const char *path, pem_file *file);
void pem_file_free(pem_file *file);

#endif

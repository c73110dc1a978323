/* Reports, for machines and for people. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "findings.h"

typedef enum report_form {
  REPORT_TEXT,
  REPORT_BRIEF,      /* the verdict alone */
  REPORT_JSON,       /* one object: SPEC.md section 11 */
  REPORT_JSON_LINES, /* an object for each document, and the report last */
} report_form;

/* Takes note of --json or --json-lines, which exclude each other. */
int report_set_form(const char *command, report_form form, report_form *chosen);

/* Prints the report on standard output, where nothing failed so far; of text the verdict alone
 * where `quiet`. Releases the findings. Returns what the command ends with, and has said what
 * went wrong. */
int report_end(const char *command, int status, report_form form, bool quiet, findings *all);

/* --- report_json.c: false without memory, and then nothing was printed */

bool report_print_json(const findings *all, bool lines);

/* --- report_text.c */

void report_print_text(const findings *all, bool brief);

/* --- report_page.c */

/* Whether the page of --html can be written, where one is wanted (`path` may be NULL): tried
 * before hours of work. Says why not. */
int report_check_page(const char *command, const char *path);

/* The page takes the place of a file of its name: not of one of these that the run needs. They
 * may be NULL, or "-" for standard input. Likewise. */
int report_check_spared(const char *command, const char *path, const char *const *files,
                        size_t n_files);

/* Writes the page. `tokenizer` may be NULL; `tokenizer_name` is that of its file. */
int report_write_page(const char *command, const char *path, const findings *all,
                      const gp_tokenizer *tokenizer, const char *tokenizer_name,
                      unsigned normalize);

#endif

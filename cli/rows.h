/* Rows of a summary on standard output. Labels are dim, so that the values stand out. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

void put_row(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A row with what somebody else may have written; none where `text` is NULL. */
void put_safe_row(const char *label, const char *text);

#endif

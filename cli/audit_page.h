/* What the pages of audits and traces have in common. */
#ifndef CLI_AUDIT_PAGE_H
#define CLI_AUDIT_PAGE_H

#include <stdio.h>

#include "audit_findings.h"

/* What it means, what it rests on, and what it does not show. */
void audit_page_words(FILE *out, const audit_words *words);

/* Counts, key, parameters and inputs. `tenants` is NULL where there is one or none. False
 * without memory. */
bool audit_page_facts(FILE *out, const audit_evidence *evidence, const char *tenants);

/* Cells of a table: pairs, green, z and p. */
void audit_page_result_cells(FILE *out, const gp_audit_result *result);

/* Writes a page with what `put` prints, which is false without memory. Returns an exit status,
 * and has said what went wrong. */
int audit_page_write(const char *command, const char *path,
                     bool (*put)(FILE *out, const void *findings), const void *findings);

#endif

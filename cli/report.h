/* A report, for machines and for people. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "findings.h"

/* The report of SPEC.md section 11 as text, to be freed; NULL without memory. */
char *report_json(const findings *all);

/* Prints the report for people on standard output. */
void report_print(const findings *all);

#endif

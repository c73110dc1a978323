/* A report, for machines and for people. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "findings.h"

/* Prints the report of SPEC.md section 11 on standard output; false without memory, and
 * then nothing was printed. */
bool report_print_json(const findings *all);

/* Prints the report for people on standard output. */
void report_print(const findings *all);

#endif

/* A line on standard error that tells how far long work is. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Starts. `total_bytes` is what there is to read, 0 where nobody knows. Nothing is ever shown
 * when `quiet`, when standard error is no terminal or a dumb one, or while the process is in
 * the background; the line comes after half a second, changes at most ten times a second, and
 * leaves the terminal as it is usable at any moment, should a signal end the process.
 *
 * There is one line, as there is one standard error: one thread at a time. */
void progress_start(uint64_t total_bytes, bool quiet);

/* What was done since the start. Cheap: may be called for every document. */
void progress_update(uint64_t done_bytes, uint64_t tokens);

/* Erases the line, so that something else can be printed; it comes back with the next update.
 * cli_fail() and cli_warn() call it. */
void progress_erase(void);

/* Erases the line and ends. May be called without a start, and again. */
void progress_end(void);

#endif

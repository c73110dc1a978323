/* Filling a caller's gp_error. */
#ifndef GP_COMMON_ERROR_H
#define GP_COMMON_ERROR_H

#include "greenprint.h"

/* Writes status and message into `error` (which may be NULL) and returns status, so
 * that a failing function can end with `return gp_fail(...)`. Too long a message is
 * cut, at a whole UTF-8 character. */
gp_status gp_fail(gp_error *error, gp_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The answer to a NULL that must not be: names the function and the argument. */
gp_status gp_fail_null(gp_error *error, const char *function, const char *argument);

/* The answer to an allocation that failed; `what` completes "out of memory: ". */
gp_status gp_fail_memory(gp_error *error, const char *what);

#endif

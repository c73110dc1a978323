/* Filling a caller's gp_error. */
#ifndef GP_COMMON_ERROR_H
#define GP_COMMON_ERROR_H

#include "greenprint.h"

/* Writes status and message into `error`, which may be NULL. Too long a message is cut, at
 * a whole UTF-8 character. */
void gp_error_set(gp_error *error, gp_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same as an expression that has the value `status`, so that a failing function can end
 * with `return gp_fail(...)`. A macro, since a variadic function cannot be inlined and
 * static analysis would not see that the status is never GP_OK. */
#define gp_fail(error, status, ...) (gp_error_set((error), (status), __VA_ARGS__), (status))

/* The answer to a NULL that must not be: names the function and the argument. */
static inline gp_status gp_fail_null(gp_error *error, const char *function,
                                     const char *argument) {
  return gp_fail(error, GP_ERR_ARGUMENT, "%s: %s must not be NULL", function, argument);
}

/* The answer to an allocation that failed; `what` completes "out of memory: ". */
static inline gp_status gp_fail_memory(gp_error *error, const char *what) {
  return gp_fail(error, GP_ERR_MEMORY, "out of memory: %s", what);
}

/* "what: why", where `number` is errno's; strerror() need not be thread-safe, this is. */
void gp_error_system(gp_error *error, const char *what, int number);

/* The answer to a system call that failed; `what` says what could not be done. */
static inline gp_status gp_fail_system(gp_error *error, const char *what, int number) {
  gp_error_system(error, what, number);
  return GP_ERR_IO;
}

#endif

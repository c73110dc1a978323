/* The server's log: one JSON object a line, and never what was in a request. Thread-safe. */
#ifndef CLI_SERVE_LOG_H
#define CLI_SERVE_LOG_H

#include <stddef.h>

typedef struct serve_log {
  int fd;
} serve_log;

/* Opens a file to append to, mode 0600 where it is made; "-" is standard output. Returns an exit
 * status, and has said what is wrong. */
int serve_log_open(const char *command, const char *path, serve_log *log);
void serve_log_close(serve_log *log);

typedef struct log_request {
  const char *endpoint;
  const char *token; /* its name; NULL for none */
  size_t elements;
  unsigned status;    /* 0 where there was no answer */
  const char *reason; /* of a refusal; NULL for none */
  double seconds;
  int cut; /* whether the connection ended before the answer was sent */
} log_request;
void serve_log_request(const serve_log *log, const log_request *request);

/* {"time": …, "event": event, name: value}; `name` may be NULL. */
void serve_log_event(const serve_log *log, const char *event, const char *name,
                     const char *value);

#endif

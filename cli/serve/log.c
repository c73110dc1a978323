#include "serve/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"

#define TIME_SIZE 40

int serve_log_open(const char *command, const char *path, serve_log *log) {
  if (strcmp(path, "-") == 0) {
    log->fd = STDOUT_FILENO;
    return CLI_OK;
  }
  log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
  return log->fd >= 0
             ? CLI_OK
             : cli_fail(command, "%s: the log cannot be opened: %s", path, strerror(errno));
}

void serve_log_close(serve_log *log) {
  if (log->fd > STDERR_FILENO) {
    (void)close(log->fd);
  }
  log->fd = -1;
}

/* In UTC, to the millisecond. */
static const char *describe_time(char out[TIME_SIZE]) {
  struct timespec now = {0};
  struct tm parts = {0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)gmtime_r(&now.tv_sec, &parts);
  char seconds[TIME_SIZE - 8] = "";
  (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
  (void)snprintf(out, TIME_SIZE, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
  return out;
}

/* Takes the object over. One write, so that lines of threads do not mix; a log that cannot be
 * written is no reason to stop answering. */
static void put(const serve_log *log, json_t *object) {
  char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
  json_decref(object);
  if (text == NULL) {
    return;
  }
  const size_t length = strlen(text);
  text[length] = '\n'; /* in the place of NUL */
  const char *rest = text;
  size_t left = length + 1;
  while (left > 0) {
    const ssize_t written = write(log->fd, rest, left);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      break;
    }
    rest += written;
    left -= (size_t)written;
  }
  free(text);
}

void serve_log_request(const serve_log *log, const log_request *request) {
  char time[TIME_SIZE];
  json_t *object = json_pack("{s:s, s:s, s:s, s:s?, s:I, s:i, s:f}", "time", describe_time(time),
                             "event", "request", "endpoint", request->endpoint, "token",
                             request->token, "elements", (json_int_t)request->elements, "status",
                             (int)request->status, "ms", 1000 * request->seconds);
  if (request->reason != NULL) {
    (void)json_object_set_new(object, "refused", json_string(request->reason));
  }
  if (request->cut) {
    (void)json_object_set_new(object, "cut", json_true());
  }
  put(log, object);
}

void serve_log_event(const serve_log *log, const char *event, const char *name,
                     const char *value) {
  char time[TIME_SIZE];
  json_t *object = json_pack("{s:s, s:s}", "time", describe_time(time), "event", event);
  if (name != NULL) {
    (void)json_object_set_new(object, name, json_string(value));
  }
  put(log, object);
}

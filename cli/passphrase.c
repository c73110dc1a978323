#include "passphrase.h"

#include "cli.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

/* One byte more than the longest that can be right, CR LF included, shows what is longer. */
#define BUFFER_SIZE (GP_PASSPHRASE_MAX + 3)

static int allocate(const char *command, passphrase *result) {
  result->length = 0;
  result->bytes = sodium_malloc(BUFFER_SIZE);
  if (result->bytes == NULL) {
    return cli_fail(command, "out of memory: no locked memory for a passphrase");
  }
  return CLI_OK;
}

void passphrase_free(passphrase *secret) {
  sodium_free(secret->bytes);
  *secret = (passphrase){0};
}

/* Reads until the end or until the buffer is full; false with errno set. */
static bool read_whole(const char *path, passphrase *result) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return false;
  }
  bool done = false;
  while (!done) {
    const ssize_t got = read(fd, result->bytes + result->length, BUFFER_SIZE - result->length);
    if (got < 0 && errno != EINTR) {
      break;
    }
    if (got >= 0) {
      result->length += (size_t)got;
      done = got == 0 || result->length == BUFFER_SIZE;
    }
  }
  const int number = errno;
  (void)close(fd);
  errno = number;
  return done;
}

static void strip_newline(passphrase *result) {
  if (result->length > 0 && result->bytes[result->length - 1] == '\n') {
    result->length--;
    if (result->length > 0 && result->bytes[result->length - 1] == '\r') {
      result->length--;
    }
  }
}

int passphrase_from_file(const char *command, const char *path, passphrase *result) {
  int status = allocate(command, result);
  if (status != CLI_OK) {
    return status;
  }
  if (!read_whole(path, result)) {
    status = cli_fail(command, "%s: the passphrase cannot be read: %s", path, strerror(errno));
  } else {
    strip_newline(result);
    if (result->length == 0) {
      status = cli_fail(command, "%s: the passphrase is empty", path);
    } else if (result->length > GP_PASSPHRASE_MAX) {
      status = cli_fail(command, "%s: the passphrase is longer than %d bytes", path,
                        GP_PASSPHRASE_MAX);
    }
  }
  if (status != CLI_OK) {
    passphrase_free(result);
  }
  return status;
}

int passphrase_from_terminal(const char *command, const char *prompt, passphrase *result) {
  int status = allocate(command, result);
  if (status != CLI_OK) {
    return status;
  }
  switch (terminal_read_secret(prompt, result->bytes, GP_PASSPHRASE_MAX, &result->length)) {
  case TERMINAL_OK:
    if (result->length == 0) {
      status = cli_fail(command, "the passphrase is empty");
    }
    break;
  case TERMINAL_NONE:
    status = cli_fail(command, "there is no terminal to ask for the passphrase; "
                               "name a file that holds it with --passphrase-file");
    break;
  case TERMINAL_TOO_LONG:
    status = cli_fail(command, "the passphrase is longer than %d bytes", GP_PASSPHRASE_MAX);
    break;
  default:
    status = cli_fail(command, "the passphrase cannot be read from the terminal");
    break;
  }
  if (status != CLI_OK) {
    passphrase_free(result);
  }
  return status;
}

int passphrase_from_terminal_twice(const char *command, passphrase *result) {
  int status = passphrase_from_terminal(command, "Passphrase for the new key: ", result);
  if (status != CLI_OK) {
    return status;
  }
  passphrase again = {0};
  status = passphrase_from_terminal(command, "The same passphrase again: ", &again);
  if (status == CLI_OK && (again.length != result->length ||
                           sodium_memcmp(again.bytes, result->bytes, result->length) != 0)) {
    status = cli_fail(command, "the two passphrases differ; no key was made");
  }
  passphrase_free(&again);
  if (status != CLI_OK) {
    passphrase_free(result);
  }
  return status;
}

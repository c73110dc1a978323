#include "serve/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "cli.h"

#define PEM_MAX ((size_t)256 * 1024)

/* Reads until the end or until there is no more room; -1 with errno set. */
static ssize_t read_whole(int fd, char *text, size_t room) {
  size_t size = 0;
  while (size < room) {
    const ssize_t got = read(fd, text + size, room - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return -1;
    }
    if (got == 0) {
      break;
    }
    size += (size_t)got;
  }
  return (ssize_t)size;
}

static int read_text(const char *command, const char *path, int fd, char *text) {
  const ssize_t size = read_whole(fd, text, PEM_MAX);
  if (size < 0) {
    return cli_fail(command, "%s: cannot be read: %s", path, strerror(errno));
  }
  if ((size_t)size == PEM_MAX) {
    return cli_fail(command, "%s: too long for a certificate or a key", path);
  }
  text[size] = '\0';
  return strstr(text, "-----BEGIN ") != NULL
             ? CLI_OK
             : cli_fail(command, "%s: nothing in it is PEM (-----BEGIN ...)", path);
}

int pem_file_read(const char *command, const char *path, pem_file *file) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return cli_fail(command, "%s: cannot be read: %s", path, strerror(errno));
  }
  file->text = sodium_malloc(PEM_MAX);
  const int status = file->text != NULL ? read_text(command, path, fd, file->text)
                                        : cli_fail(command, "out of memory: %s", path);
  (void)close(fd);
  return status;
}

void pem_file_free(pem_file *file) {
  sodium_free(file->text);
  file->text = NULL;
}

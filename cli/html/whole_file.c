#define _XOPEN_SOURCE 700 /* realpath() */

#include "html/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define ANY_MODE (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)
#define ATTEMPTS 100

/* mkstemp() would make a file that nobody else can read; open() heeds the umask. */
static int open_temporary(const char *path, char **temporary) {
  static const char format[] = "%s.%08" PRIx32 ".tmp";
  const size_t size = strlen(path) + sizeof format + 8;
  char *name = malloc(size);
  if (name == NULL) {
    return -1;
  }
  for (int i = 0; i < ATTEMPTS; i++) {
    (void)snprintf(name, size, format, path, randombytes_random());
    const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, ANY_MODE);
    if (fd >= 0) {
      *temporary = name;
      return fd;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  const int reason = errno;
  free(name);
  errno = reason;
  return -1;
}

static int open_file(whole_file *file, const char *path) {
  struct stat existing;
  const bool exists = stat(path, &existing) == 0;
  if (exists && !S_ISREG(existing.st_mode)) {
    return open(path, O_WRONLY | O_CLOEXEC);
  }
  file->path = exists ? realpath(path, NULL) : strdup(path);
  if (file->path == NULL) {
    return -1;
  }
  /* A file that may not be written is not replaced either, though its folder would let us. */
  if (exists && access(path, W_OK) != 0) {
    return -1;
  }
  const int fd = open_temporary(file->path, &file->temporary);
  if (fd >= 0 && exists) {
    (void)fchmod(fd, existing.st_mode & ANY_MODE);
  }
  return fd;
}

static void release(whole_file *file) {
  const int reason = errno;
  if (file->temporary != NULL) {
    (void)unlink(file->temporary);
  }
  free(file->temporary);
  free(file->path);
  *file = (whole_file){0};
  errno = reason;
}

bool whole_file_open(whole_file *file, const char *path) {
  *file = (whole_file){0};
  const int fd = open_file(file, path);
  if (fd >= 0) {
    file->stream = fdopen(fd, "w");
    if (file->stream != NULL) {
      return true;
    }
    (void)close(fd);
  }
  release(file);
  return false;
}

bool whole_file_commit(whole_file *file) {
  errno = 0;
  bool good = fflush(file->stream) == 0 && ferror(file->stream) == 0;
  if (good && file->temporary != NULL) {
    good = fsync(fileno(file->stream)) == 0;
  }
  const int reason = errno;
  if (fclose(file->stream) != 0) {
    good = false;
  } else if (!good) {
    errno = reason;
  }
  if (good && file->temporary != NULL) {
    good = rename(file->temporary, file->path) == 0;
    if (good) {
      free(file->temporary);
      file->temporary = NULL;
    }
  }
  if (!good && errno == 0) {
    errno = EIO; /* an earlier write failed, and its reason is gone */
  }
  release(file);
  return good;
}

void whole_file_abandon(whole_file *file) {
  (void)fclose(file->stream);
  release(file);
}

#ifdef __linux__
#define _GNU_SOURCE /* O_TMPFILE */
#endif

#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/quote.h"

static gp_status write_all(int fd, const uint8_t *bytes, size_t size) {
  while (size > 0) {
    const ssize_t put = write(fd, bytes, size);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      return GP_ERR_IO;
    }
    bytes += put;
    size -= (size_t)put;
  }
  return GP_OK;
}

static gp_status fail_exists(const char *name, const char *what, gp_error *error) {
  return gp_fail(error, GP_ERR_EXISTS,
                 "%s: exists already; a %s is never overwritten: choose another name", name,
                 what);
}

/* The folder that a path names a file in, to be freed; NULL when out of memory. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
}

/* Makes the folder's entry durable; a file system that cannot is not an error. */
static void sync_folder(const char *path) {
  char *folder = folder_of(path);
  const int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
    (void)close(fd);
  }
  free(folder);
}

/* A file that is not written to its name yet. */
typedef struct draft {
  int fd;
  char *temporary; /* its name meanwhile; NULL for a file without one */
} draft;

/* A file without a name vanishes with the process, whatever ends it. -1 where the system
 * has no such files. */
static int open_unnamed(const char *path) {
#ifdef O_TMPFILE
  char *folder = access("/proc/self/fd", X_OK) == 0 ? folder_of(path) : NULL;
  const int fd =
      folder == NULL ? -1 : open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
  free(folder);
  return fd;
#else
  (void)path;
  return -1;
#endif
}

static gp_status open_draft(const char *path, const char *name, const char *what, draft *file,
                            gp_error *error) {
  *file = (draft){.fd = open_unnamed(path)};
  if (file->fd >= 0) {
    return GP_OK;
  }
  static const char suffix[] = ".XXXXXX";
  const size_t size = strlen(path) + sizeof suffix;
  file->temporary = malloc(size);
  if (file->temporary == NULL) {
    return gp_fail_memory(error, "file name");
  }
  (void)snprintf(file->temporary, size, "%s%s", path, suffix);
  file->fd = mkstemp(file->temporary); /* mode 0600 */
  if (file->fd < 0) {
    const int reason = errno;
    free(file->temporary);
    return gp_fail(error, GP_ERR_IO, "%s: cannot create the %s: %s", name, what,
                   strerror(reason));
  }
  return GP_OK;
}

/* Gives the file its name. Links fail when the name exists, which rename() would not. */
static gp_status publish_draft(const draft *file, const char *path, const char *name,
                               const char *what, gp_error *error) {
  int failed = 0;
  if (file->temporary != NULL) {
    failed = link(file->temporary, path);
  } else {
    char self[48];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
    failed = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
  }
  if (failed == 0) {
    sync_folder(path);
    return GP_OK;
  }
  if (errno == EEXIST) {
    return fail_exists(name, what, error);
  }
  return gp_fail(error, GP_ERR_IO, "%s: cannot create the %s: %s", name, what, strerror(errno));
}

static void close_draft(draft *file) {
  (void)close(file->fd);
  if (file->temporary != NULL) {
    (void)unlink(file->temporary);
    free(file->temporary);
  }
}

gp_status gp_new_file_write(const char *path, const uint8_t *bytes, size_t size, const char *what,
                            gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  struct stat existing;
  if (lstat(path, &existing) == 0) {
    return fail_exists(name, what, error);
  }
  draft file;
  gp_status status = open_draft(path, name, what, &file, error);
  if (status != GP_OK) {
    return status;
  }
  if (write_all(file.fd, bytes, size) != GP_OK || fchmod(file.fd, S_IRUSR | S_IWUSR) != 0 ||
      fsync(file.fd) != 0) {
    status =
        gp_fail(error, GP_ERR_IO, "%s: cannot write the %s: %s", name, what, strerror(errno));
  } else {
    status = publish_draft(&file, path, name, what, error);
  }
  close_draft(&file);
  return status;
}

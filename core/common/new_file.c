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

struct gp_new_file {
  int fd;
  char *path;
  char *temporary; /* its name meanwhile; NULL for a file without one */
  const char *what;
  mode_t mode;
  char name[GP_DISPLAY_NAME_SIZE];
};

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

/* A file without a name vanishes with the process, whatever ends it. -1 where the system
 * has no such files. */
static int open_unnamed(const char *folder, int flags) {
#ifdef O_TMPFILE
  return open(folder, O_TMPFILE | flags | O_CLOEXEC, S_IRUSR | S_IWUSR);
#else
  (void)folder;
  (void)flags;
  return -1;
#endif
}

/* "PATH.XXXXXX", to be freed; NULL when out of memory. */
static char *template_of(const char *path) {
  static const char suffix[] = ".XXXXXX";
  const size_t size = strlen(path) + sizeof suffix;
  char *name = malloc(size);
  if (name != NULL) {
    (void)snprintf(name, size, "%s%s", path, suffix);
  }
  return name;
}

static gp_status open_draft(gp_new_file *file, gp_error *error) {
  char *folder = folder_of(file->path);
  if (folder == NULL) {
    return gp_fail_memory(error, "file name");
  }
  /* Such a file gets its name through /proc. */
  file->fd = access("/proc/self/fd", X_OK) == 0 ? open_unnamed(folder, O_WRONLY) : -1;
  free(folder);
  if (file->fd >= 0) {
    return GP_OK;
  }
  file->temporary = template_of(file->path);
  if (file->temporary == NULL) {
    return gp_fail_memory(error, "file name");
  }
  file->fd = mkstemp(file->temporary); /* mode 0600 */
  if (file->fd < 0) {
    const int reason = errno;
    free(file->temporary);
    file->temporary = NULL;
    return gp_fail(error, GP_ERR_IO, "%s: cannot create the %s: %s", file->name, file->what,
                   strerror(reason));
  }
  return GP_OK;
}

gp_status gp_new_file_open(const char *path, const char *what, gp_new_file **file,
                           gp_error *error) {
  gp_new_file *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "file name");
  }
  made->fd = -1;
  made->what = what;
  made->mode = S_IRUSR | S_IWUSR;
  gp_display_name(made->name, path);
  struct stat existing;
  gp_status status = GP_OK;
  if (lstat(path, &existing) == 0) {
    status = fail_exists(made->name, what, error);
  } else {
    made->path = strdup(path);
    status = made->path != NULL ? open_draft(made, error) : gp_fail_memory(error, "file name");
  }
  if (status != GP_OK) {
    gp_new_file_free(made);
    return status;
  }
  *file = made;
  return GP_OK;
}

static gp_status fail_write(const gp_new_file *file, gp_error *error) {
  return gp_fail(error, GP_ERR_IO, "%s: cannot write the %s: %s", file->name, file->what,
                 strerror(errno));
}

gp_status gp_new_file_append(gp_new_file *file, const void *bytes, size_t size, gp_error *error) {
  return write_all(file->fd, bytes, size) == GP_OK ? GP_OK : fail_write(file, error);
}

void gp_new_file_share(gp_new_file *file) {
  file->mode |= S_IRGRP | S_IROTH;
}

/* Links fail when the name exists, which rename() would not. */
gp_status gp_new_file_publish(gp_new_file *file, gp_error *error) {
  if (fchmod(file->fd, file->mode) != 0 || fsync(file->fd) != 0) {
    return fail_write(file, error);
  }
  int failed = 0;
  if (file->temporary != NULL) {
    failed = link(file->temporary, file->path);
  } else {
    char self[48];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
    failed = linkat(AT_FDCWD, self, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW);
  }
  if (failed == 0) {
    sync_folder(file->path);
    return GP_OK;
  }
  if (errno == EEXIST) {
    return fail_exists(file->name, file->what, error);
  }
  return gp_fail(error, GP_ERR_IO, "%s: cannot create the %s: %s", file->name, file->what,
                 strerror(errno));
}

void gp_new_file_free(gp_new_file *file) {
  if (file == NULL) {
    return;
  }
  if (file->fd >= 0) {
    (void)close(file->fd);
  }
  if (file->temporary != NULL) {
    (void)unlink(file->temporary);
    free(file->temporary);
  }
  free(file->path);
  free(file);
}

static gp_status write_file(const char *path, const uint8_t *bytes, size_t size, const char *what,
                            bool shared, gp_error *error) {
  gp_new_file *file = NULL;
  gp_status status = gp_new_file_open(path, what, &file, error);
  if (status == GP_OK && shared) {
    gp_new_file_share(file);
  }
  if (status == GP_OK) {
    status = gp_new_file_append(file, bytes, size, error);
  }
  if (status == GP_OK) {
    status = gp_new_file_publish(file, error);
  }
  gp_new_file_free(file);
  return status;
}

gp_status gp_new_file_write(const char *path, const uint8_t *bytes, size_t size, const char *what,
                            gp_error *error) {
  return write_file(path, bytes, size, what, false, error);
}

gp_status gp_new_file_write_shared(const char *path, const uint8_t *bytes, size_t size,
                                   const char *what, gp_error *error) {
  return write_file(path, bytes, size, what, true, error);
}

gp_status gp_scratch_file(const char *folder, int *fd, gp_error *error) {
  *fd = open_unnamed(folder, O_RDWR);
  if (*fd >= 0) {
    return GP_OK;
  }
  const size_t size = strlen(folder) + sizeof "/greenprint";
  char *path = malloc(size);
  if (path == NULL) {
    return gp_fail_memory(error, "file name");
  }
  (void)snprintf(path, size, "%s/greenprint", folder);
  char *name = template_of(path);
  free(path);
  if (name == NULL) {
    return gp_fail_memory(error, "file name");
  }
  *fd = mkstemp(name);
  const int reason = errno;
  if (*fd >= 0) {
    (void)unlink(name);
  }
  free(name);
  if (*fd < 0) {
    char shown[GP_DISPLAY_NAME_SIZE];
    gp_display_name(shown, folder);
    return gp_fail(error, GP_ERR_IO, "%s: cannot create a scratch file in it: %s", shown,
                   strerror(reason));
  }
  return GP_OK;
}

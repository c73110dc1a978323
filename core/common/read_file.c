#include "common/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/quote.h"

#define BLOCK_SIZE ((size_t)65536)

static gp_status fail_file(const char *path, const char *what, const char *verb, int reason,
                           gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_error why;
  gp_display_name(name, path);
  gp_error_system(&why, what, reason);
  return gp_fail(error, GP_ERR_IO, "%s: cannot %s the %s", name, verb, why.message);
}

static gp_status open_file(const char *path, const char *what, int *fd, gp_error *error) {
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  return *fd >= 0 ? GP_OK : fail_file(path, what, "open", errno, error);
}

/* Fills `bytes` as far as the file goes. */
static gp_status fill(int fd, const char *path, const char *what, uint8_t *bytes, size_t room,
                      size_t *size, gp_error *error) {
  size_t have = 0;
  while (have < room) {
    const ssize_t got = read(fd, bytes + have, room - have);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return fail_file(path, what, "read", errno, error);
    }
    if (got == 0) {
      break;
    }
    have += (size_t)got;
  }
  *size = have;
  return GP_OK;
}

gp_status gp_read_start(const char *path, const char *what, uint8_t *bytes, size_t room,
                        size_t *size, gp_error *error) {
  int fd = -1;
  gp_status status = open_file(path, what, &fd, error);
  if (status == GP_OK) {
    status = fill(fd, path, what, bytes, room, size, error);
    (void)close(fd);
  }
  return status;
}

/* Reads on until the end, or one byte more than `limit`. */
static gp_status read_growing(int fd, const char *path, const char *what, size_t limit,
                              uint8_t **bytes, size_t *size, gp_error *error) {
  size_t room = 0;
  *size = 0;
  while (*size == room && *size <= limit) {
    const size_t wanted = room == 0 ? BLOCK_SIZE : 2 * room;
    const size_t more = wanted <= limit ? wanted : limit + 1;
    uint8_t *grown = realloc(*bytes, more);
    if (grown == NULL) {
      return gp_fail_memory(error, what);
    }
    *bytes = grown;
    room = more;
    size_t got = 0;
    const gp_status status = fill(fd, path, what, *bytes + *size, room - *size, &got, error);
    if (status != GP_OK) {
      return status;
    }
    *size += got;
  }
  return GP_OK;
}

gp_status gp_read_whole(const char *path, const char *what, size_t limit, uint8_t **bytes,
                        size_t *size, gp_error *error) {
  int fd = -1;
  uint8_t *read = NULL;
  size_t n_read = 0;
  gp_status status = open_file(path, what, &fd, error);
  if (status != GP_OK) {
    return status;
  }
  status = read_growing(fd, path, what, limit, &read, &n_read, error);
  (void)close(fd);
  if (status == GP_OK && n_read > limit) {
    char name[GP_DISPLAY_NAME_SIZE];
    gp_display_name(name, path);
    status = gp_fail(error, GP_ERR_FORMAT, "%s: longer than any %s can be (%zu bytes)", name,
                     what, limit);
  }
  if (status != GP_OK) {
    free(read);
    return status;
  }
  *bytes = read;
  *size = n_read;
  return GP_OK;
}

gp_status gp_read_blocks(const char *path, const char *what, gp_take_block *take, void *context,
                         gp_error *error) {
  uint8_t block[BLOCK_SIZE];
  size_t size = BLOCK_SIZE;
  int fd = -1;
  gp_status status = open_file(path, what, &fd, error);
  if (status != GP_OK) {
    return status;
  }
  while (status == GP_OK && size == BLOCK_SIZE) {
    status = fill(fd, path, what, block, BLOCK_SIZE, &size, error);
    if (status == GP_OK) {
      status = take(context, block, size, error);
    }
  }
  (void)close(fd);
  return status;
}

/* Reads a file descriptor, hashes what it reads, and inflates it if it starts as gzip
 * does (RFC 1952). read(2) and zlib's inflate() are used rather than gzread(), which takes
 * a file cut off in the middle for a short one and forgives garbage at the end. */
#include "io/input.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <zlib.h>

#define RAW_SIZE         262144U
#define GZIP_ONLY_WINDOW (15 + 16) /* zlib: the largest window, gzip framing and no other */
#define GZIP_MAGIC_0     0x1FU
#define GZIP_MAGIC_1     0x8BU

struct gp_input {
  int fd;
  bool close_fd;
  bool sniffed;   /* whether `facts.gzip` is known */
  bool raw_ended; /* read(2) has returned 0 */
  bool in_member; /* inside a gzip member */
  bool z_ready;
  z_stream z;
  EVP_MD_CTX *digest;
  gp_input_facts facts;
  size_t raw_begin; /* raw[raw_begin:raw_end] is read and hashed, and not used yet */
  size_t raw_end;
  unsigned char raw[RAW_SIZE];
};

static gp_status open_file(gp_input *input, const char *path, gp_error *reason) {
  if (strcmp(path, "-") == 0) {
    input->fd = STDIN_FILENO;
  } else {
    do {
      input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (input->fd < 0 && errno == EINTR);
    if (input->fd < 0) {
      return gp_fail_system(reason, "cannot be opened", errno);
    }
    input->close_fd = true;
  }
  struct stat facts;
  if (fstat(input->fd, &facts) != 0) {
    return gp_fail_system(reason, "cannot be read", errno);
  }
  if (S_ISDIR(facts.st_mode)) {
    return gp_fail(reason, GP_ERR_IO, "is a directory: name the files in it");
  }
  return GP_OK;
}

gp_status gp_input_open(const char *path, gp_input **input, gp_error *reason) {
  gp_input *opened = calloc(1, sizeof *opened);
  if (opened == NULL) {
    return gp_fail_memory(reason, "an input buffer");
  }
  opened->fd = -1;
  gp_status status = open_file(opened, path, reason);
  if (status != GP_OK) {
    goto cleanup;
  }
  opened->digest = EVP_MD_CTX_new();
  if (opened->digest == NULL || EVP_DigestInit_ex(opened->digest, EVP_sha256(), NULL) != 1) {
    status = gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 is not available from OpenSSL");
    goto cleanup;
  }
  *input = opened;
  return GP_OK;

cleanup:
  gp_input_free(opened);
  return status;
}

void gp_input_free(gp_input *input) {
  if (input == NULL) {
    return;
  }
  if (input->close_fd) {
    (void)close(input->fd);
  }
  if (input->z_ready) {
    (void)inflateEnd(&input->z);
  }
  EVP_MD_CTX_free(input->digest);
  free(input);
}

gp_input_facts gp_input_get_facts(const gp_input *input) {
  return input->facts;
}

static size_t raw_length(const gp_input *input) {
  return input->raw_end - input->raw_begin;
}

/* Waits for a descriptor that somebody else made non-blocking. */
static void wait_readable(int fd) {
  struct pollfd waited = {.fd = fd, .events = POLLIN};
  (void)poll(&waited, 1, -1);
}

/* Reads and hashes bytes of the file; sets raw_ended, and *count to 0, where none are left. */
static gp_status read_raw(gp_input *input, void *out, size_t capacity, size_t *count,
                          gp_error *reason) {
  *count = 0;
  for (;;) {
    const ssize_t got = read(input->fd, out, capacity);
    if (got > 0) {
      if (EVP_DigestUpdate(input->digest, out, (size_t)got) != 1) {
        return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
      }
      input->facts.bytes += (uint64_t)got;
      *count = (size_t)got;
      return GP_OK;
    }
    if (got == 0) {
      input->raw_ended = true;
      if (EVP_DigestFinal_ex(input->digest, input->facts.sha256, NULL) != 1) {
        return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
      }
      return GP_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_readable(input->fd);
    } else if (errno != EINTR) {
      return gp_fail_system(reason, "cannot be read", errno);
    }
  }
}

/* Reads more raw bytes behind those that are left. */
static gp_status fill_raw(gp_input *input, gp_error *reason) {
  memmove(input->raw, input->raw + input->raw_begin, raw_length(input));
  input->raw_end -= input->raw_begin;
  input->raw_begin = 0;
  size_t count = 0;
  const gp_status status =
      read_raw(input, input->raw + input->raw_end, RAW_SIZE - input->raw_end, &count, reason);
  input->raw_end += count;
  return status;
}

/* Whether the raw bytes at hand start a gzip member. A pipe may deliver the two bytes of
 * the magic one at a time. */
static gp_status starts_member(gp_input *input, bool *starts, gp_error *reason) {
  while (raw_length(input) < 2 && !input->raw_ended) {
    const gp_status status = fill_raw(input, reason);
    if (status != GP_OK) {
      return status;
    }
  }
  const unsigned char *raw = input->raw + input->raw_begin;
  *starts = raw_length(input) >= 2 && raw[0] == GZIP_MAGIC_0 && raw[1] == GZIP_MAGIC_1;
  return GP_OK;
}

static gp_status sniff(gp_input *input, gp_error *reason) {
  const gp_status status = starts_member(input, &input->facts.gzip, reason);
  if (status != GP_OK) {
    return status;
  }
  if (input->facts.gzip) {
    if (inflateInit2(&input->z, GZIP_ONLY_WINDOW) != Z_OK) {
      return gp_fail_memory(reason, "gzip decompression");
    }
    input->z_ready = true;
    input->in_member = true;
  }
  input->sniffed = true;
  return GP_OK;
}

/* What sniffing left first; then straight into the caller's buffer. */
static gp_status read_plain(gp_input *input, char *out, size_t capacity, size_t *count,
                            gp_error *reason) {
  if (raw_length(input) == 0) {
    *count = 0;
    return input->raw_ended ? GP_OK : read_raw(input, out, capacity, count, reason);
  }
  const size_t length = raw_length(input) < capacity ? raw_length(input) : capacity;
  memcpy(out, input->raw + input->raw_begin, length);
  input->raw_begin += length;
  *count = length;
  return GP_OK;
}

/* One step of inflate() with what is at hand; moves raw_begin by what it took. */
static int inflate_step(gp_input *input) {
  input->z.next_in = input->raw + input->raw_begin;
  input->z.avail_in = (uInt)raw_length(input);
  const int result = inflate(&input->z, Z_NO_FLUSH);
  input->raw_begin = input->raw_end - input->z.avail_in;
  return result;
}

/* After a member: the next one, or *ended where the file ends as it should. */
static gp_status next_member(gp_input *input, bool *ended, gp_error *reason) {
  bool starts = false;
  const gp_status status = starts_member(input, &starts, reason);
  if (status != GP_OK) {
    return status;
  }
  if (raw_length(input) == 0) {
    *ended = true;
    return GP_OK;
  }
  if (!starts) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the gzip data is followed by bytes that are not gzip: the file is damaged");
  }
  if (inflateReset(&input->z) != Z_OK) {
    return gp_fail_memory(reason, "gzip decompression");
  }
  input->in_member = true;
  return GP_OK;
}

static gp_status fail_inflate(const gp_input *input, int result, gp_error *reason) {
  if (result == Z_MEM_ERROR) {
    return gp_fail_memory(reason, "gzip decompression");
  }
  return gp_fail(reason, GP_ERR_FORMAT, "the gzip data is damaged (%s)",
                 input->z.msg != NULL ? input->z.msg : "no details");
}

static gp_status read_gzip(gp_input *input, char *out, size_t capacity, size_t *count,
                           gp_error *reason) {
  const uInt room = capacity < RAW_SIZE ? (uInt)capacity : RAW_SIZE;
  input->z.next_out = (unsigned char *)out;
  input->z.avail_out = room;
  while (input->z.avail_out == room) {
    if (!input->in_member) {
      bool ended = false;
      const gp_status status = next_member(input, &ended, reason);
      if (status != GP_OK || ended) {
        *count = 0;
        return status;
      }
    }
    const int result = inflate_step(input);
    const bool produced = input->z.avail_out < room;
    if (result == Z_STREAM_END) {
      input->in_member = false;
    } else if (produced) {
      break; /* zlib remembers an error and repeats it when called again */
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return fail_inflate(input, result, reason);
    } else if (input->raw_ended) {
      return gp_fail(reason, GP_ERR_FORMAT, "the gzip data is cut off: the file is incomplete");
    } else {
      const gp_status status = fill_raw(input, reason);
      if (status != GP_OK) {
        return status;
      }
    }
  }
  *count = room - input->z.avail_out;
  return GP_OK;
}

gp_status gp_input_read(gp_input *input, char *out, size_t capacity, size_t *count,
                        gp_error *reason) {
  if (!input->sniffed) {
    const gp_status status = sniff(input, reason);
    if (status != GP_OK) {
      return status;
    }
  }
  return input->facts.gzip ? read_gzip(input, out, capacity, count, reason)
                           : read_plain(input, out, capacity, count, reason);
}

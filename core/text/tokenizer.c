/* Opening a tokenizer file, whatever its format. */
#include "text/tokenizer.h"

#include "common/error.h"
#include "common/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#define GGUF_MAGIC      "GGUF"
#define GGUF_MAGIC_SIZE 4U
#define FIRST_READ      65536U
#define LARGEST_FILE    (UINT32_C(512) << 20)

typedef struct contents {
  char *bytes;
  size_t size;
  size_t capacity;
} contents;

static gp_status open_file(const char *path, int *fd, gp_error *reason) {
  do {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (*fd < 0 && errno == EINTR);
  if (*fd < 0) {
    return gp_fail_system(reason, "cannot be opened", errno);
  }
  struct stat facts;
  if (fstat(*fd, &facts) != 0) {
    return gp_fail_system(reason, "cannot be read", errno);
  }
  if (S_ISDIR(facts.st_mode)) {
    return gp_fail(reason, GP_ERR_IO, "is a directory: name the tokenizer file in it");
  }
  return GP_OK;
}

static gp_status make_room(contents *file, gp_error *reason) {
  if (file->size < file->capacity) {
    return GP_OK;
  }
  if (file->size >= LARGEST_FILE) {
    return gp_fail(reason, GP_ERR_FORMAT, "a tokenizer.json of more than 512 MiB is refused");
  }
  const size_t capacity = file->capacity == 0 ? FIRST_READ : file->capacity * 2;
  char *bytes = realloc(file->bytes, capacity);
  if (bytes == NULL) {
    return gp_fail_memory(reason, "the file is too large");
  }
  file->bytes = bytes;
  file->capacity = capacity;
  return GP_OK;
}

/* Reads a file to its end, or only its beginning if that is GGUF's. */
static gp_status read_file(int fd, contents *file, bool *gguf, gp_error *reason) {
  for (;;) {
    const gp_status status = make_room(file, reason);
    if (status != GP_OK) {
      return status;
    }
    const ssize_t got = read(fd, file->bytes + file->size, file->capacity - file->size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return gp_fail_system(reason, "cannot be read", errno);
    }
    file->size += (size_t)got;
    *gguf =
        file->size >= GGUF_MAGIC_SIZE && memcmp(file->bytes, GGUF_MAGIC, GGUF_MAGIC_SIZE) == 0;
    if (got == 0 || *gguf) {
      return GP_OK;
    }
  }
}

static gp_status read_json(const contents *file, gp_tokenizer *made, gp_error *reason) {
  unsigned int size = 0;
  size_t blanks = 0;
  while (blanks < file->size && strchr(" \t\r\n", file->bytes[blanks]) != NULL &&
         file->bytes[blanks] != '\0') {
    blanks++;
  }
  if (blanks == file->size || file->bytes[blanks] != '{') {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "is neither a GGUF file nor a tokenizer.json: it starts like neither");
  }
  made->info.bytes = file->size;
  if (EVP_Digest(file->bytes, file->size, made->info.sha256, &size, EVP_sha256(), NULL) != 1) {
    return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  return gp_tokenizer_from_json(file->bytes, file->size, made, reason);
}

gp_status gp_tokenizer_open(const char *path, gp_tokenizer **tokenizer, gp_error *error) {
  if (path == NULL || tokenizer == NULL) {
    return gp_fail_null(error, "gp_tokenizer_open", path == NULL ? "path" : "tokenizer");
  }
  contents file = {.bytes = NULL};
  gp_error reason = {0};
  bool gguf = false;
  int fd = -1;
  gp_tokenizer *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a tokenizer");
  }
  gp_status status = open_file(path, &fd, &reason);
  if (status == GP_OK) {
    status = read_file(fd, &file, &gguf, &reason);
  }
  if (status == GP_OK && !gguf) {
    status = read_json(&file, made, &reason);
  }
  if (fd >= 0) {
    (void)close(fd);
  }
  free(file.bytes);
  if (status != GP_OK) {
    char name[GP_DISPLAY_NAME_SIZE];
    gp_display_name(name, path);
    gp_error_set(error, status, "%s: %s", name, reason.message);
  } else if (gguf) {
    status = gp_tokenizer_from_gguf(path, made, error);
  }
  if (status != GP_OK) {
    gp_tokenizer_free(made);
    return status;
  }
  *tokenizer = made;
  return GP_OK;
}

void gp_tokenizer_free(gp_tokenizer *tokenizer) {
  if (tokenizer == NULL) {
    return;
  }
  gp_added_free(tokenizer->added_raw);
  gp_added_free(tokenizer->added_normalized);
  gp_normalizer_free(tokenizer->normalizer);
  gp_pretokenizer_free(tokenizer->pretokenizer);
  gp_bpe_release(&tokenizer->bpe);
  gp_unigram_free(tokenizer->unigram);
  gp_vocab_release(&tokenizer->vocab);
  free(tokenizer);
}

void gp_tokenizer_get_info(const gp_tokenizer *tokenizer, gp_tokenizer_info *info) {
  *info = tokenizer->info;
}

/*
 * What a GGUF file says of a length or a count is believed only as far as the file is long
 * enough for it, and memory is taken only for a string that somebody asks for. So a file that
 * lies costs no more than reading it.
 */
#include "text/gguf.h"

#include "common/bytes.h"
#include "common/error.h"
#include "common/quote.h"
#include "text/vocab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#define BUFFER_SIZE     65536U
#define HEADER_SIZE     24U /* magic, version, number of tensors, number of pairs */
#define ITEM_SIZE_MIN   14U /* length of the key, a byte of it, type, a byte of value */
#define TENSOR_SIZE_MIN 24U /* length of the name, dimensions (none), type, offset */

struct gp_gguf {
  int fd;
  uint64_t size;
  uint64_t left;       /* bytes of the file that are not consumed */
  uint64_t items_left; /* pairs of key and value */
  EVP_MD_CTX *digest;
  gp_vocab keys;     /* those seen so far */
  char *key;         /* the current one, NUL-terminated */
  gp_gguf_item item; /* the current one; its count is what is left to read */
  bool between;      /* an item has been announced */
  char *string;
  size_t string_capacity;
  size_t begin; /* buffer[begin:end] is read and not consumed; buffer[0:begin] not hashed yet */
  size_t end;
  uint8_t buffer[BUFFER_SIZE];
};

const char *gp_gguf_type_name(gp_gguf_type type) {
  switch (type) {
  case GP_GGUF_UINT8:
    return "uint8";
  case GP_GGUF_INT8:
    return "int8";
  case GP_GGUF_UINT16:
    return "uint16";
  case GP_GGUF_INT16:
    return "int16";
  case GP_GGUF_UINT32:
    return "uint32";
  case GP_GGUF_INT32:
    return "int32";
  case GP_GGUF_FLOAT32:
    return "float32";
  case GP_GGUF_BOOL:
    return "bool";
  case GP_GGUF_STRING:
    return "string";
  case GP_GGUF_ARRAY:
    return "array";
  case GP_GGUF_UINT64:
    return "uint64";
  case GP_GGUF_INT64:
    return "int64";
  case GP_GGUF_FLOAT64:
    return "float64";
  }
  return "?";
}

/* The bytes of a value of a type; of a string, of the length before it. 0: no such type. */
static size_t type_size(gp_gguf_type type) {
  switch (type) {
  case GP_GGUF_UINT8:
  case GP_GGUF_INT8:
  case GP_GGUF_BOOL:
    return 1;
  case GP_GGUF_UINT16:
  case GP_GGUF_INT16:
    return 2;
  case GP_GGUF_UINT32:
  case GP_GGUF_INT32:
  case GP_GGUF_FLOAT32:
    return 4;
  case GP_GGUF_STRING:
  case GP_GGUF_UINT64:
  case GP_GGUF_INT64:
  case GP_GGUF_FLOAT64:
    return 8;
  case GP_GGUF_ARRAY:
    break;
  }
  return 0;
}

/* --------------------------------------------------------------------- bytes */

static gp_status hash_consumed(gp_gguf *gguf, gp_error *reason) {
  if (EVP_DigestUpdate(gguf->digest, gguf->buffer, gguf->begin) != 1) {
    return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  memmove(gguf->buffer, gguf->buffer + gguf->begin, gguf->end - gguf->begin);
  gguf->end -= gguf->begin;
  gguf->begin = 0;
  return GP_OK;
}

/* Reads on until a byte is there that is not consumed. */
static gp_status fill(gp_gguf *gguf, gp_error *reason) {
  const gp_status status = hash_consumed(gguf, reason);
  if (status != GP_OK) {
    return status;
  }
  for (;;) {
    const ssize_t got = read(gguf->fd, gguf->buffer + gguf->end, BUFFER_SIZE - gguf->end);
    if (got > 0) {
      gguf->end += (size_t)got;
      return GP_OK;
    }
    if (got == 0) {
      return gp_fail(reason, GP_ERR_FORMAT, "has become shorter while it was read");
    }
    if (errno != EINTR) {
      return gp_fail_system(reason, "cannot be read", errno);
    }
  }
}

/* Consumes `count` bytes, of which the caller knows that the file has them; copies them to
 * `out` unless that is NULL. */
static gp_status take(gp_gguf *gguf, uint64_t count, void *out, gp_error *reason) {
  char *to = out;
  gguf->left -= count;
  while (count > 0) {
    if (gguf->begin == gguf->end) {
      const gp_status status = fill(gguf, reason);
      if (status != GP_OK) {
        return status;
      }
    }
    const size_t ready = gguf->end - gguf->begin;
    const size_t now = count < ready ? (size_t)count : ready;
    if (to != NULL) {
      memcpy(to, gguf->buffer + gguf->begin, now);
      to += now;
    }
    gguf->begin += now;
    count -= now;
  }
  return GP_OK;
}

static gp_status fail_cut_off(const gp_gguf *gguf, gp_error *reason) {
  char key[GP_QUOTE_SIZE];
  if (gguf->key == NULL) {
    return gp_fail(reason, GP_ERR_FORMAT, "ends within the metadata: it is cut off or damaged");
  }
  return gp_fail(reason, GP_ERR_FORMAT,
                 "ends within the metadata, at or after the key %s: it is cut off or damaged",
                 gp_quote(key, gguf->key, strlen(gguf->key)));
}

/* Takes `size` bytes, at most 8, as a little-endian number. */
static gp_status take_number(gp_gguf *gguf, size_t size, uint64_t *number, gp_error *reason) {
  uint8_t bytes[8] = {0};
  if (gguf->left < size) {
    return fail_cut_off(gguf, reason);
  }
  const gp_status status = take(gguf, size, bytes, reason);
  *number = gp_load_le64(bytes);
  return status;
}

/* Takes the length of a string; the file has that many bytes after it. */
static gp_status take_length(gp_gguf *gguf, uint64_t *length, gp_error *reason) {
  const gp_status status = take_number(gguf, 8, length, reason);
  if (status == GP_OK && *length > gguf->left) {
    return fail_cut_off(gguf, reason);
  }
  return status;
}

/* -------------------------------------------------------------------- header */

static gp_status open_file(gp_gguf *gguf, const char *path, gp_error *reason) {
  do {
    gguf->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (gguf->fd < 0 && errno == EINTR);
  if (gguf->fd < 0) {
    return gp_fail_system(reason, "cannot be opened", errno);
  }
  struct stat facts;
  if (fstat(gguf->fd, &facts) != 0) {
    return gp_fail_system(reason, "cannot be read", errno);
  }
  if (!S_ISREG(facts.st_mode)) {
    return gp_fail(reason, GP_ERR_IO, "is no regular file: a GGUF file must be one");
  }
  gguf->size = (uint64_t)facts.st_size;
  gguf->left = gguf->size;
  return GP_OK;
}

static gp_status check_version(uint64_t version, gp_error *reason) {
  if (version == 2 || version == 3) {
    return GP_OK;
  }
  if ((version & 0xFFFF) == 0 && version != 0) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "is a big-endian GGUF file: only little-endian ones are read");
  }
  return gp_fail(reason, GP_ERR_FORMAT,
                 "is a GGUF file of version %llu: only versions 2 and 3 are read",
                 (unsigned long long)version);
}

static gp_status read_header(gp_gguf *gguf, gp_error *reason) {
  uint8_t header[HEADER_SIZE] = {0};
  const size_t size = gguf->left < HEADER_SIZE ? (size_t)gguf->left : HEADER_SIZE;
  gp_status status = take(gguf, size, header, reason);
  if (status != GP_OK) {
    return status;
  }
  if (memcmp(header, "GGUF", 4) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "is no GGUF file: it does not begin with 'GGUF'");
  }
  if (size >= 8) {
    status = check_version(gp_load_le32(header + 4), reason);
  }
  if (status != GP_OK) {
    return status;
  }
  if (size < HEADER_SIZE) {
    return fail_cut_off(gguf, reason);
  }
  const uint64_t tensors = gp_load_le64(header + 8);
  gguf->items_left = gp_load_le64(header + 16);
  if (gguf->items_left > GP_GGUF_KEYS_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "claims %llu keys, more than the limit of %u: it is damaged",
                   (unsigned long long)gguf->items_left, GP_GGUF_KEYS_MAX);
  }
  const uint64_t room = gguf->left;
  if (gguf->items_left > room / ITEM_SIZE_MIN ||
      tensors > (room - gguf->items_left * ITEM_SIZE_MIN) / TENSOR_SIZE_MIN) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "claims %llu keys and %llu tensors, for which it is too short: it is cut off "
                   "or damaged",
                   (unsigned long long)gguf->items_left, (unsigned long long)tensors);
  }
  return GP_OK;
}

gp_status gp_gguf_open(const char *path, gp_gguf **gguf, gp_error *reason) {
  gp_gguf *opened = calloc(1, sizeof *opened);
  if (opened == NULL) {
    return gp_fail_memory(reason, "a buffer for a GGUF file");
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
  status = read_header(opened, reason);
  if (status != GP_OK) {
    goto cleanup;
  }
  *gguf = opened;
  return GP_OK;

cleanup:
  gp_gguf_free(opened);
  return status;
}

void gp_gguf_free(gp_gguf *gguf) {
  if (gguf == NULL) {
    return;
  }
  if (gguf->fd >= 0) {
    (void)close(gguf->fd);
  }
  EVP_MD_CTX_free(gguf->digest);
  gp_vocab_release(&gguf->keys);
  free(gguf->key);
  free(gguf->string);
  free(gguf);
}

/* --------------------------------------------------------------------- items */

static gp_status fail_key(gp_error *reason, const char *key, const char *what) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT, "key %s %s", gp_quote(quoted, key, strlen(key)), what);
}

static gp_status skip_strings(gp_gguf *gguf, gp_error *reason) {
  while (gguf->item.count > 0) {
    uint64_t length = 0;
    gp_status status = take_length(gguf, &length, reason);
    if (status == GP_OK) {
      status = take(gguf, length, NULL, reason);
    }
    if (status != GP_OK) {
      return status;
    }
    gguf->item.count--;
  }
  return GP_OK;
}

static gp_status skip_rest(gp_gguf *gguf, gp_error *reason) {
  if (gguf->item.type == GP_GGUF_STRING) {
    return skip_strings(gguf, reason);
  }
  const uint64_t bytes = gguf->item.count * type_size(gguf->item.type); /* fits: checked */
  gguf->item.count = 0;
  return take(gguf, bytes, NULL, reason);
}

static gp_status read_key(gp_gguf *gguf, gp_error *reason) {
  uint64_t length = 0;
  gp_status status = take_length(gguf, &length, reason);
  if (status != GP_OK) {
    return status;
  }
  if (length == 0 || length > GP_GGUF_KEY_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT, "has a key of %llu bytes: it is damaged",
                   (unsigned long long)length);
  }
  char *key = malloc((size_t)length + 1);
  if (key == NULL) {
    return gp_fail_memory(reason, "a key of a GGUF file");
  }
  free(gguf->key);
  gguf->key = key;
  key[0] = '\0'; /* in case of a failure below */
  status = take(gguf, length, key, reason);
  if (status != GP_OK) {
    return status;
  }
  key[length] = '\0';
  if (memchr(key, '\0', (size_t)length) != NULL) {
    return fail_key(reason, key, "has a NUL in it: the file is damaged");
  }
  if (gp_vocab_find(&gguf->keys, key, (size_t)length) != GP_NO_ID) {
    return fail_key(reason, key, "is there twice: the file is damaged");
  }
  return gp_vocab_add(&gguf->keys, key, (size_t)length, (uint32_t)gguf->keys.count, reason);
}

static gp_status read_type(gp_gguf *gguf, gp_gguf_type *type, gp_error *reason) {
  uint64_t number = 0;
  const gp_status status = take_number(gguf, 4, &number, reason);
  if (status != GP_OK) {
    return status;
  }
  if (number > GP_GGUF_FLOAT64) {
    char quoted[GP_QUOTE_SIZE];
    return gp_fail(reason, GP_ERR_FORMAT, "key %s has the unknown type %llu: the file is damaged",
                   gp_quote(quoted, gguf->key, strlen(gguf->key)), (unsigned long long)number);
  }
  *type = (gp_gguf_type)number;
  return GP_OK;
}

/* Reads the types and the count of the current item, and checks that the file has room. */
static gp_status read_shape(gp_gguf *gguf, gp_error *reason) {
  gp_gguf_item item = {.key = gguf->key, .count = 1};
  gp_status status = read_type(gguf, &item.type, reason);
  if (status == GP_OK && item.type == GP_GGUF_ARRAY) {
    item.is_array = true;
    status = read_type(gguf, &item.type, reason);
    if (status == GP_OK && item.type == GP_GGUF_ARRAY) {
      return fail_key(reason, gguf->key, "holds an array of arrays, which is not read");
    }
    if (status == GP_OK) {
      status = take_number(gguf, 8, &item.count, reason);
    }
  }
  if (status != GP_OK) {
    return status;
  }
  if (item.count > gguf->left / type_size(item.type)) {
    return fail_cut_off(gguf, reason);
  }
  gguf->item = item;
  return GP_OK;
}

gp_status gp_gguf_next(gp_gguf *gguf, gp_gguf_item *item, bool *more, gp_error *reason) {
  if (gguf->between) {
    const gp_status status = skip_rest(gguf, reason);
    if (status != GP_OK) {
      return status;
    }
    gguf->between = false;
  }
  *more = gguf->items_left > 0;
  if (!*more) {
    return GP_OK;
  }
  gp_status status = read_key(gguf, reason);
  if (status == GP_OK) {
    status = read_shape(gguf, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  gguf->items_left--;
  gguf->between = true;
  *item = gguf->item;
  return GP_OK;
}

/* -------------------------------------------------------------------- values */

static gp_status make_room(gp_gguf *gguf, size_t length, gp_error *reason) {
  if (length <= gguf->string_capacity) {
    return GP_OK;
  }
  size_t capacity = 256;
  while (capacity < length) {
    capacity *= 2;
  }
  char *bigger = realloc(gguf->string, capacity);
  if (bigger == NULL) {
    return gp_fail_memory(reason, "a string of a GGUF file");
  }
  gguf->string = bigger;
  gguf->string_capacity = capacity;
  return GP_OK;
}

gp_status gp_gguf_read_string(gp_gguf *gguf, const char **bytes, size_t *length,
                              gp_error *reason) {
  uint64_t claimed = 0;
  gp_status status = take_length(gguf, &claimed, reason);
  if (status != GP_OK) {
    return status;
  }
  if (claimed > GP_GGUF_STRING_MAX) {
    return fail_key(reason, gguf->key, "holds a string of more than 1 MiB");
  }
  status = make_room(gguf, claimed == 0 ? 1 : (size_t)claimed, reason);
  if (status == GP_OK) {
    status = take(gguf, claimed, gguf->string, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  gguf->item.count--;
  *bytes = gguf->string;
  *length = (size_t)claimed;
  return GP_OK;
}

/* A two's complement number of 1, 2, 4 or 8 bytes. */
static int64_t sign_extend(uint64_t number, size_t size) {
  const unsigned shift = 64 - 8 * (unsigned)size;
  const uint64_t sign = UINT64_C(1) << (63 - shift);
  const uint64_t extended = (number ^ sign) - sign;
  int64_t out;
  memcpy(&out, &extended, sizeof out);
  return out;
}

gp_status gp_gguf_read_integer(gp_gguf *gguf, int64_t *number, gp_error *reason) {
  const gp_gguf_type type = gguf->item.type;
  const size_t size = type_size(type);
  uint64_t bits = 0;
  const gp_status status = take_number(gguf, size, &bits, reason);
  if (status != GP_OK) {
    return status;
  }
  if (type == GP_GGUF_BOOL && bits > 1) {
    return fail_key(reason, gguf->key, "holds a bool that is neither 0 nor 1");
  }
  if (type == GP_GGUF_UINT64 && bits > INT64_MAX) {
    return fail_key(reason, gguf->key, "holds a number of 2^63 or more");
  }
  gguf->item.count--;
  const bool is_signed = type == GP_GGUF_INT8 || type == GP_GGUF_INT16 || type == GP_GGUF_INT32 ||
                         type == GP_GGUF_INT64;
  *number = is_signed ? sign_extend(bits, size) : (int64_t)bits;
  return GP_OK;
}

gp_status gp_gguf_read_real(gp_gguf *gguf, double *number, gp_error *reason) {
  const size_t size = type_size(gguf->item.type);
  uint64_t bits = 0;
  const gp_status status = take_number(gguf, size, &bits, reason);
  if (status != GP_OK) {
    return status;
  }
  gguf->item.count--;
  if (size == sizeof(float)) {
    const uint32_t single_bits = (uint32_t)bits;
    float single;
    memcpy(&single, &single_bits, sizeof single);
    *number = (double)single;
  } else {
    memcpy(number, &bits, sizeof *number);
  }
  return GP_OK;
}

gp_status gp_gguf_facts(gp_gguf *gguf, uint64_t *bytes, uint8_t sha256[32], gp_error *reason) {
  const gp_status status = hash_consumed(gguf, reason);
  if (status != GP_OK) {
    return status;
  }
  if (EVP_DigestFinal_ex(gguf->digest, sha256, NULL) != 1) {
    return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  *bytes = gguf->size;
  return GP_OK;
}

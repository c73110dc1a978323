/*
 * Files of weights (SPEC.md section 14): a header, a section for each document, an end.
 *
 * Each of these closes with the SHA-256 of all bytes of the file before it, so damage is found
 * at the end of the document it is in, and a file that lacks its last sections has no end.
 */
#include "verify/weights_file.h"

#include <inttypes.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

enum {
  HEADER_SIZE = 16, /* without the label */
  AT_VERSION = 8,
  AT_KIND = 9,
  AT_TOP = 10,
  AT_LABEL_LENGTH = 11,
  AT_VOCABULARY = 12,
  ENTRY_SIZE = 8, /* token id and number */
  END_SIZE = 16
};

#define FORMAT_VERSION 1

static const uint8_t magic[8] = {0x89, 'G', 'P', 'E', 'X', 'P', '\r', '\n'};

/* ------------------------------------------------------------------ bytes */

static gp_status hash_used(gp_weights_file *file, gp_error *reason) {
  const size_t length = file->begin - file->hashed;
  if (EVP_DigestUpdate(file->digest, file->buffer + file->hashed, length) != 1) {
    return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  file->hashed = file->begin;
  return GP_OK;
}

/* Reads more behind the bytes at hand; *ended where there is no more. */
static gp_status refill(gp_weights_file *file, bool *ended, gp_error *reason) {
  gp_status status = hash_used(file, reason);
  if (status != GP_OK) {
    return status;
  }
  memmove(file->buffer, file->buffer + file->begin, file->end - file->begin);
  file->end -= file->begin;
  file->begin = 0;
  file->hashed = 0;
  size_t count = 0;
  status = file->read(file->source, file->buffer + file->end, GP_WEIGHTS_BUFFER_SIZE - file->end,
                      &count, reason);
  file->end += count;
  *ended = count == 0;
  return status;
}

gp_status gp_weights_file_take(gp_weights_file *file, size_t size, const uint8_t **bytes,
                               gp_error *reason) {
  while (file->end - file->begin < size) {
    bool ended = false;
    const gp_status status = refill(file, &ended, reason);
    if (status != GP_OK) {
      return status;
    }
    if (ended) {
      return gp_fail(reason, GP_ERR_FORMAT, "the file is cut off: write it again");
    }
  }
  *bytes = file->buffer + file->begin;
  file->begin += size;
  return GP_OK;
}

gp_status gp_weights_file_take_checksum(gp_weights_file *file, gp_error *reason) {
  gp_status status = hash_used(file, reason);
  if (status != GP_OK) {
    return status;
  }
  uint8_t wanted[EVP_MAX_MD_SIZE];
  if (EVP_MD_CTX_copy_ex(file->digest_so_far, file->digest) != 1 ||
      EVP_DigestFinal_ex(file->digest_so_far, wanted, NULL) != 1) {
    return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  const uint8_t *found = NULL;
  status = gp_weights_file_take(file, GP_DIGEST_SIZE, &found, reason);
  if (status == GP_OK && memcmp(found, wanted, GP_DIGEST_SIZE) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the checksum is wrong: the file is damaged");
  }
  return status;
}

/* ----------------------------------------------------------------- header */

/* A label has to be fit for a terminal as it is: UTF-8 without control characters. */
static gp_status check_label(const char *label, gp_error *reason) {
  char shown[GP_DISPLAY_NAME_SIZE];
  _Static_assert(GP_EXPECTATIONS_LABEL_SIZE <= GP_DISPLAY_NAME_SIZE, "labels are never cut");
  gp_display_name(shown, label);
  if (strcmp(shown, label) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the label is not UTF-8 or has control characters");
  }
  return GP_OK;
}

static gp_status parse_header(gp_weights_file *file, const uint8_t *header, gp_error *reason) {
  if (header[AT_VERSION] != FORMAT_VERSION) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "has format version %u; this is Greenprint %s, which reads version %d",
                   (unsigned)header[AT_VERSION], GP_VERSION, FORMAT_VERSION);
  }
  if (header[AT_KIND] != file->kind->number) {
    return gp_fail(reason, GP_ERR_VERSION, "holds weights of kind %u, not %s (kind %u)",
                   (unsigned)header[AT_KIND], file->kind->noun, (unsigned)file->kind->number);
  }
  if (header[AT_LABEL_LENGTH] >= GP_EXPECTATIONS_LABEL_SIZE) {
    return gp_fail(reason, GP_ERR_FORMAT, "the label has %u bytes, more than %d",
                   (unsigned)header[AT_LABEL_LENGTH], GP_EXPECTATIONS_LABEL_SIZE - 1);
  }
  file->info.top_k = header[AT_TOP];
  file->info.vocabulary = gp_load_le32(header + AT_VOCABULARY);
  return GP_OK;
}

static gp_status read_header(gp_weights_file *file, gp_error *reason) {
  uint8_t header[HEADER_SIZE] = {0};
  const uint8_t *bytes = NULL;
  gp_status status = gp_weights_file_take(file, sizeof magic, &bytes, reason);
  if (status == GP_ERR_FORMAT || (status == GP_OK && memcmp(bytes, magic, sizeof magic) != 0)) {
    return gp_fail(reason, GP_ERR_FORMAT, "not a Greenprint %s file", file->kind->noun);
  }
  if (status == GP_OK) {
    status = gp_weights_file_take(file, HEADER_SIZE - sizeof magic, &bytes, reason);
  }
  if (status == GP_OK) {
    memcpy(header + sizeof magic, bytes, HEADER_SIZE - sizeof magic);
    status = parse_header(file, header, reason);
  }
  const size_t label_length = header[AT_LABEL_LENGTH];
  if (status == GP_OK) {
    status = gp_weights_file_take(file, label_length, &bytes, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  memcpy(file->info.label, bytes, label_length);
  status = gp_weights_file_take_checksum(file, reason);
  if (status == GP_OK && strlen(file->info.label) != label_length) {
    return gp_fail(reason, GP_ERR_FORMAT, "the label holds a NUL");
  }
  return status == GP_OK ? check_label(file->info.label, reason) : status;
}

static gp_status read_input(void *source, uint8_t *out, size_t capacity, size_t *count,
                            gp_error *reason) {
  return gp_input_read(source, (char *)out, capacity, count, reason);
}

gp_status gp_weights_file_start(gp_weights_file *file, const gp_weights_kind *kind,
                                gp_byte_source *read, void *source, const char *name,
                                gp_error *error) {
  file->kind = kind;
  file->read = read;
  file->source = source;
  gp_display_input(file->name, name);
  file->digest = EVP_MD_CTX_new();
  file->digest_so_far = EVP_MD_CTX_new();
  if (file->digest == NULL || file->digest_so_far == NULL ||
      EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 is not available from OpenSSL");
  }
  gp_error reason;
  gp_status status = GP_OK;
  if (read == NULL) {
    status = gp_input_open(name, &file->input, &reason);
    file->read = read_input;
    file->source = file->input;
  }
  if (status == GP_OK) {
    status = read_header(file, &reason);
  }
  return status == GP_OK ? GP_OK : gp_weights_file_fail(file, status, &reason, error);
}

void gp_weights_file_close(gp_weights_file *file) {
  gp_input_free(file->input);
  EVP_MD_CTX_free(file->digest);
  EVP_MD_CTX_free(file->digest_so_far);
}

/* --------------------------------------------------------------- sections */

gp_status gp_weights_file_expect(const gp_weights_file *file, gp_weights_state wanted,
                                 gp_error *reason) {
  if (file->state == GP_WEIGHTS_FAILED) {
    return gp_fail(reason, GP_ERR_ARGUMENT, "cannot be read on after an error: open it again");
  }
  if (file->state == wanted) {
    return GP_OK;
  }
  return gp_fail(reason, GP_ERR_ARGUMENT,
                 file->state == GP_WEIGHTS_ENDED ? "was read to its end"
                 : file->state == GP_WEIGHTS_INSIDE
                     ? "the document before was not read to its end"
                     : "no document was begun");
}

gp_status gp_weights_file_take_tag(gp_weights_file *file, gp_weights_tag *tag, gp_error *reason) {
  const uint8_t *byte = NULL;
  const gp_status status = gp_weights_file_take(file, 1, &byte, reason);
  if (status != GP_OK) {
    return status;
  }
  if (byte[0] != GP_WEIGHTS_DOCUMENT && byte[0] != GP_WEIGHTS_END) {
    return gp_fail(reason, GP_ERR_FORMAT, "no section begins with 0x%02x: the file is damaged",
                   (unsigned)byte[0]);
  }
  *tag = byte[0] == GP_WEIGHTS_END ? GP_WEIGHTS_END : GP_WEIGHTS_DOCUMENT;
  return GP_OK;
}

gp_status gp_weights_file_fail_id(uint32_t id, const char *what, gp_error *reason) {
  return gp_fail(reason, GP_ERR_FORMAT, "token id %" PRIu32 " %s: the file is damaged", id, what);
}

static gp_status parse_entries(const gp_weights_file *file, const uint8_t *bytes, size_t count,
                               uint32_t *ids, float *values, gp_error *reason) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t id = gp_load_le32(bytes + ENTRY_SIZE * i);
    const uint32_t bits = gp_load_le32(bytes + ENTRY_SIZE * i + 4);
    if (i > 0 && id <= ids[i - 1]) {
      return gp_weights_file_fail_id(id, "does not ascend", reason);
    }
    if (file->info.vocabulary != 0 && id >= file->info.vocabulary) {
      return gp_weights_file_fail_id(id, "is outside the vocabulary", reason);
    }
    ids[i] = id;
    memcpy(&values[i], &bits, sizeof values[i]);
  }
  return GP_OK;
}

gp_status gp_weights_file_take_position(gp_weights_file *file, size_t *count, uint32_t *ids,
                                        float *values, gp_error *reason) {
  gp_status status = gp_weights_file_expect(file, GP_WEIGHTS_INSIDE, reason);
  if (status == GP_OK && file->left == 0) {
    status = gp_fail(reason, GP_ERR_ARGUMENT, "all positions were read");
  }
  const uint8_t *bytes = NULL;
  if (status == GP_OK) {
    status = gp_weights_file_take(file, 1, &bytes, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  *count = bytes[0];
  if (*count > file->info.top_k) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "%zu %s at a position, more than the %" PRIu32
                   " that the header allows: the file is damaged",
                   *count, file->kind->noun, file->info.top_k);
  }
  status = gp_weights_file_take(file, ENTRY_SIZE * *count, &bytes, reason);
  if (status == GP_OK) {
    status = parse_entries(file, bytes, *count, ids, values, reason);
  }
  if (status == GP_OK) {
    file->left--;
    file->info.tokens++;
  }
  return status;
}

gp_status gp_weights_file_take_end(gp_weights_file *file, gp_error *reason) {
  const uint8_t *bytes = NULL;
  gp_status status = gp_weights_file_take(file, END_SIZE, &bytes, reason);
  if (status == GP_OK && (gp_load_le64(bytes) != file->info.documents ||
                          gp_load_le64(bytes + 8) != file->info.tokens)) {
    return gp_fail(reason, GP_ERR_FORMAT, "the counts at the end are wrong: the file is damaged");
  }
  if (status == GP_OK) {
    status = gp_weights_file_take_checksum(file, reason);
  }
  bool ended = false;
  if (status == GP_OK && file->begin == file->end) {
    status = refill(file, &ended, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  if (!ended) {
    return gp_fail(reason, GP_ERR_FORMAT, "something follows the end: the file is damaged");
  }
  file->state = GP_WEIGHTS_ENDED;
  file->info.complete = true;
  if (file->input != NULL) {
    file->info.file = gp_input_get_facts(file->input);
  }
  return GP_OK;
}

gp_status gp_weights_file_fail_document(gp_weights_file *file, gp_status status,
                                        const gp_error *reason, gp_error *error) {
  file->state = GP_WEIGHTS_FAILED;
  return gp_fail(error, status, "%s: document %" PRIu64 ": %s", file->name,
                 file->info.documents + 1, reason->message);
}

gp_status gp_weights_file_fail(gp_weights_file *file, gp_status status, const gp_error *reason,
                               gp_error *error) {
  file->state = GP_WEIGHTS_FAILED;
  return gp_fail(error, status, "%s: %s", file->name, reason->message);
}

/*
 * Expectations files (SPEC.md section 14): a header, a section for each document, an end.
 *
 * Each of these closes with the SHA-256 of all bytes of the file before it, so damage is found
 * at the end of the document it is in, and a file that lacks its last sections has no end.
 */
#include "verify/expectations.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/quote.h"
#include "io/input.h"

enum {
  HEADER_SIZE = 16, /* without the label */
  AT_VERSION = 8,
  AT_KIND = 9,
  AT_TOP = 10,
  AT_LABEL_LENGTH = 11,
  AT_VOCABULARY = 12,
  ENTRY_SIZE = 8, /* token id and probability */
  DOCUMENT_HEAD_SIZE = GP_DIGEST_SIZE + 8,
  END_SIZE = 16
};

#define FORMAT_VERSION    1
#define KIND_EXPECTATIONS 1
#define TAG_DOCUMENT      'D'
#define TAG_END           'E'
#define BUFFER_SIZE       65536U
#define SUM_MAX           1.001 /* probabilities are rounded to float32, and some models' add up badly */

static const uint8_t magic[8] = {0x89, 'G', 'P', 'E', 'X', 'P', '\r', '\n'};

typedef enum file_state {
  FILE_BETWEEN, /* documents */
  FILE_INSIDE,  /* a document */
  FILE_ENDED,
  FILE_FAILED
} file_state;

struct gp_expectations {
  gp_byte_source *read;
  void *source;
  gp_input *input; /* the source, where this reader opened it */
  EVP_MD_CTX *digest;
  EVP_MD_CTX *digest_so_far; /* a copy that can be finished */
  file_state state;
  uint64_t left; /* positions of the document that were not read yet */
  gp_expectations_info info;
  char name[GP_DISPLAY_NAME_SIZE];
  size_t hashed; /* buffer[hashed:begin] was used, but is not in the digest yet */
  size_t begin;  /* buffer[begin:end] was not used yet */
  size_t end;
  uint8_t buffer[BUFFER_SIZE];
};

/* ------------------------------------------------------------------ bytes */

static gp_status hash_used(gp_expectations *file, gp_error *reason) {
  const size_t length = file->begin - file->hashed;
  if (EVP_DigestUpdate(file->digest, file->buffer + file->hashed, length) != 1) {
    return gp_fail(reason, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  file->hashed = file->begin;
  return GP_OK;
}

/* Reads more behind the bytes at hand; *ended where there is no more. */
static gp_status refill(gp_expectations *file, bool *ended, gp_error *reason) {
  gp_status status = hash_used(file, reason);
  if (status != GP_OK) {
    return status;
  }
  memmove(file->buffer, file->buffer + file->begin, file->end - file->begin);
  file->end -= file->begin;
  file->begin = 0;
  file->hashed = 0;
  size_t count = 0;
  status =
      file->read(file->source, file->buffer + file->end, BUFFER_SIZE - file->end, &count, reason);
  file->end += count;
  *ended = count == 0;
  return status;
}

/* Makes `size` bytes available, at most BUFFER_SIZE, and *bytes point to them; they count as
 * used, and stay until the next call. */
static gp_status take(gp_expectations *file, size_t size, const uint8_t **bytes,
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

static gp_status take_checksum(gp_expectations *file, gp_error *reason) {
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
  status = take(file, GP_DIGEST_SIZE, &found, reason);
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

static gp_status parse_header(gp_expectations *file, const uint8_t *header, gp_error *reason) {
  if (header[AT_VERSION] != FORMAT_VERSION) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "has format version %u; this is Greenprint %s, which reads version %d",
                   (unsigned)header[AT_VERSION], GP_VERSION, FORMAT_VERSION);
  }
  if (header[AT_KIND] != KIND_EXPECTATIONS) {
    return gp_fail(reason, GP_ERR_VERSION, "holds weights of kind %u, not expectations (kind %d)",
                   (unsigned)header[AT_KIND], KIND_EXPECTATIONS);
  }
  if (header[AT_LABEL_LENGTH] >= GP_EXPECTATIONS_LABEL_SIZE) {
    return gp_fail(reason, GP_ERR_FORMAT, "the label has %u bytes, more than %d",
                   (unsigned)header[AT_LABEL_LENGTH], GP_EXPECTATIONS_LABEL_SIZE - 1);
  }
  file->info.top_k = header[AT_TOP];
  file->info.vocabulary = gp_load_le32(header + AT_VOCABULARY);
  return GP_OK;
}

static gp_status read_header(gp_expectations *file, gp_error *reason) {
  uint8_t header[HEADER_SIZE] = {0};
  const uint8_t *bytes = NULL;
  gp_status status = take(file, sizeof magic, &bytes, reason);
  if (status == GP_ERR_FORMAT || (status == GP_OK && memcmp(bytes, magic, sizeof magic) != 0)) {
    return gp_fail(reason, GP_ERR_FORMAT, "not a Greenprint expectations file");
  }
  if (status == GP_OK) {
    status = take(file, HEADER_SIZE - sizeof magic, &bytes, reason);
  }
  if (status == GP_OK) {
    memcpy(header + sizeof magic, bytes, HEADER_SIZE - sizeof magic);
    status = parse_header(file, header, reason);
  }
  const size_t label_length = header[AT_LABEL_LENGTH];
  if (status == GP_OK) {
    status = take(file, label_length, &bytes, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  memcpy(file->info.label, bytes, label_length);
  status = take_checksum(file, reason);
  if (status == GP_OK && strlen(file->info.label) != label_length) {
    return gp_fail(reason, GP_ERR_FORMAT, "the label holds a NUL");
  }
  return status == GP_OK ? check_label(file->info.label, reason) : status;
}

/* -------------------------------------------------------------- documents */

static gp_status check_state(const gp_expectations *file, file_state wanted, gp_error *reason) {
  if (file->state == FILE_FAILED) {
    return gp_fail(reason, GP_ERR_ARGUMENT, "cannot be read on after an error: open it again");
  }
  if (file->state == wanted) {
    return GP_OK;
  }
  return gp_fail(reason, GP_ERR_ARGUMENT,
                 file->state == FILE_ENDED    ? "was read to its end"
                 : file->state == FILE_INSIDE ? "the document before was not read to its end"
                                              : "no document was begun");
}

/* Puts the place before a reason; the document is the one that is being read. */
static gp_status place(gp_expectations *file, gp_status status, const gp_error *reason,
                       gp_error *error) {
  file->state = FILE_FAILED;
  return gp_fail(error, status, "%s: document %" PRIu64 ": %s", file->name,
                 file->info.documents + 1, reason->message);
}

static gp_status fail_tag(uint8_t tag, gp_error *reason) {
  return gp_fail(reason, GP_ERR_FORMAT, "no section begins with 0x%02x: the file is damaged",
                 (unsigned)tag);
}

static gp_status begin(gp_expectations *file, const uint8_t sha256[GP_DIGEST_SIZE],
                       uint64_t n_tokens, gp_error *reason) {
  gp_status status = check_state(file, FILE_BETWEEN, reason);
  const uint8_t *bytes = NULL;
  if (status == GP_OK) {
    status = take(file, 1, &bytes, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  if (bytes[0] == TAG_END) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the file has no expectations for it: it was written for fewer documents");
  }
  if (bytes[0] != TAG_DOCUMENT) {
    return fail_tag(bytes[0], reason);
  }
  status = take(file, DOCUMENT_HEAD_SIZE, &bytes, reason);
  if (status != GP_OK) {
    return status;
  }
  const uint64_t n_expected = gp_load_le64(bytes + GP_DIGEST_SIZE);
  if (n_expected != n_tokens) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "was written for %" PRIu64 " tokens, but the text has %" PRIu64
                   ": the file belongs to another text, order or tokenizer",
                   n_expected, n_tokens);
  }
  if (memcmp(bytes, sha256, GP_DIGEST_SIZE) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "was written for other token ids than those of the text: the file belongs to "
                   "another text, order or tokenizer");
  }
  file->left = n_tokens;
  file->state = FILE_INSIDE;
  return GP_OK;
}

gp_status gp_expectations_begin(gp_expectations *file, const uint8_t sha256[GP_DIGEST_SIZE],
                                uint64_t n_tokens, gp_error *error) {
  gp_error reason;
  const gp_status status = begin(file, sha256, n_tokens, &reason);
  return status == GP_OK ? GP_OK : place(file, status, &reason, error);
}

static gp_status fail_id(uint32_t id, const char *what, gp_error *reason) {
  return gp_fail(reason, GP_ERR_FORMAT, "token id %" PRIu32 " %s: the file is damaged", id, what);
}

static gp_status parse_entries(const gp_expectations *file, const uint8_t *bytes,
                               gp_position *position, gp_error *reason) {
  double sum = 0.0;
  for (size_t i = 0; i < position->count; i++) {
    const uint32_t id = gp_load_le32(bytes + ENTRY_SIZE * i);
    const uint32_t bits = gp_load_le32(bytes + ENTRY_SIZE * i + 4);
    float probability;
    memcpy(&probability, &bits, sizeof probability);
    if (i > 0 && id <= position->ids[i - 1]) {
      return fail_id(id, "does not ascend", reason);
    }
    if (file->info.vocabulary != 0 && id >= file->info.vocabulary) {
      return fail_id(id, "is outside the vocabulary", reason);
    }
    if (!(probability > 0.0F && (double)probability <= SUM_MAX)) { /* NaN as well */
      return fail_id(id, "has no probability above 0 and up to 1", reason);
    }
    sum += (double)probability;
    position->ids[i] = id;
    position->probabilities[i] = probability;
  }
  if (sum > SUM_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT, "probabilities add up to %g: the file is damaged", sum);
  }
  return GP_OK;
}

static gp_status next_position(gp_expectations *file, gp_position *position, gp_error *reason) {
  gp_status status = check_state(file, FILE_INSIDE, reason);
  if (status == GP_OK && file->left == 0) {
    status = gp_fail(reason, GP_ERR_ARGUMENT, "all positions were read");
  }
  const uint8_t *bytes = NULL;
  if (status == GP_OK) {
    status = take(file, 1, &bytes, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  position->count = bytes[0];
  if (position->count > file->info.top_k) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "%zu expectations at a position, more than the %" PRIu32
                   " that the header allows: the file is damaged",
                   position->count, file->info.top_k);
  }
  status = take(file, ENTRY_SIZE * position->count, &bytes, reason);
  if (status == GP_OK) {
    status = parse_entries(file, bytes, position, reason);
  }
  if (status == GP_OK) {
    file->left--;
    file->info.tokens++;
  }
  return status;
}

gp_status gp_expectations_position(gp_expectations *file, gp_position *position,
                                   gp_error *error) {
  gp_error reason;
  const gp_status status = next_position(file, position, &reason);
  return status == GP_OK ? GP_OK : place(file, status, &reason, error);
}

gp_status gp_expectations_end(gp_expectations *file, gp_error *error) {
  gp_error reason;
  gp_status status = check_state(file, FILE_INSIDE, &reason);
  if (status == GP_OK && file->left > 0) {
    status = gp_fail(&reason, GP_ERR_ARGUMENT, "not all positions were read");
  }
  if (status == GP_OK) {
    status = take_checksum(file, &reason);
  }
  if (status != GP_OK) {
    return place(file, status, &reason, error);
  }
  file->info.documents++;
  file->state = FILE_BETWEEN;
  return GP_OK;
}

/* The end's own numbers, its checksum, and nothing after it. */
static gp_status read_end(gp_expectations *file, gp_error *reason) {
  const uint8_t *bytes = NULL;
  gp_status status = take(file, END_SIZE, &bytes, reason);
  if (status == GP_OK && (gp_load_le64(bytes) != file->info.documents ||
                          gp_load_le64(bytes + 8) != file->info.tokens)) {
    return gp_fail(reason, GP_ERR_FORMAT, "the counts at the end are wrong: the file is damaged");
  }
  if (status == GP_OK) {
    status = take_checksum(file, reason);
  }
  bool ended = false;
  if (status == GP_OK && file->begin == file->end) {
    status = refill(file, &ended, reason);
  }
  if (status == GP_OK && !ended) {
    return gp_fail(reason, GP_ERR_FORMAT, "something follows the end: the file is damaged");
  }
  return status;
}

static gp_status finish(gp_expectations *file, gp_error *reason) {
  gp_status status = check_state(file, FILE_BETWEEN, reason);
  const uint8_t *tag = NULL;
  if (status == GP_OK) {
    status = take(file, 1, &tag, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  if (tag[0] == TAG_DOCUMENT) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "holds expectations for more documents than the %" PRIu64 " of the text",
                   file->info.documents);
  }
  return tag[0] == TAG_END ? read_end(file, reason) : fail_tag(tag[0], reason);
}

gp_status gp_expectations_finish(gp_expectations *file, gp_error *error) {
  if (file == NULL) {
    return gp_fail_null(error, __func__, "file");
  }
  if (file->state == FILE_ENDED) {
    return GP_OK;
  }
  gp_error reason;
  const gp_status status = finish(file, &reason);
  if (status != GP_OK) {
    file->state = FILE_FAILED;
    return gp_fail(error, status, "%s: %s", file->name, reason.message);
  }
  file->state = FILE_ENDED;
  file->info.complete = true;
  if (file->input != NULL) {
    file->info.file = gp_input_get_facts(file->input);
  }
  return GP_OK;
}

/* ---------------------------------------------------------- opening, facts */

static gp_status new_file(const char *name, gp_expectations **file, gp_error *error) {
  gp_expectations *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a reader of expectations");
  }
  gp_display_input(made->name, name);
  made->digest = EVP_MD_CTX_new();
  made->digest_so_far = EVP_MD_CTX_new();
  if (made->digest == NULL || made->digest_so_far == NULL ||
      EVP_DigestInit_ex(made->digest, EVP_sha256(), NULL) != 1) {
    gp_expectations_free(made);
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 is not available from OpenSSL");
  }
  *file = made;
  return GP_OK;
}

static gp_status read_input(void *source, uint8_t *out, size_t capacity, size_t *count,
                            gp_error *reason) {
  return gp_input_read(source, (char *)out, capacity, count, reason);
}

/* Reads the header; releases the reader where it is refused. */
static gp_status start(gp_expectations *made, gp_expectations **file, gp_error *error) {
  gp_error reason;
  const gp_status status = read_header(made, &reason);
  if (status != GP_OK) {
    (void)gp_fail(error, status, "%s: %s", made->name, reason.message);
    gp_expectations_free(made);
    return status;
  }
  *file = made;
  return GP_OK;
}

gp_status gp_expectations_open_source(gp_byte_source *read, void *source, const char *name,
                                      gp_expectations **file, gp_error *error) {
  gp_expectations *made = NULL;
  const gp_status status = new_file(name, &made, error);
  if (status != GP_OK) {
    return status;
  }
  made->read = read;
  made->source = source;
  return start(made, file, error);
}

gp_status gp_expectations_open(const char *path, gp_expectations **file, gp_error *error) {
  if (path == NULL || file == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "file");
  }
  gp_expectations *made = NULL;
  gp_status status = new_file(path, &made, error);
  if (status != GP_OK) {
    return status;
  }
  gp_error reason;
  status = gp_input_open(path, &made->input, &reason);
  if (status != GP_OK) {
    (void)gp_fail(error, status, "%s: %s", made->name, reason.message);
    gp_expectations_free(made);
    return status;
  }
  made->read = read_input;
  made->source = made->input;
  return start(made, file, error);
}

void gp_expectations_free(gp_expectations *file) {
  if (file == NULL) {
    return;
  }
  gp_input_free(file->input);
  EVP_MD_CTX_free(file->digest);
  EVP_MD_CTX_free(file->digest_so_far);
  free(file);
}

void gp_expectations_get_info(const gp_expectations *file, gp_expectations_info *info) {
  *info = file->info;
}

/* Contexts files, read whole and written whole (SPEC.md section 16). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "audit/contexts.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "io/input.h"

#define VERSION          1U
#define FINGERPRINT_BITS 64U
#define HEADER_SIZE      40U
#define CHECKSUM_SIZE    32U
#define AT_ONCE          8192U /* fingerprints that are hashed or written at a time */

static const uint8_t magic[8] = {0x89, 'G', 'P', 'C', 'T', 'X', '\r', '\n'};

static gp_status fail_digest(gp_error *error) {
  return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
}

static gp_status new_digest(EVP_MD_CTX **digest, gp_error *error) {
  *digest = EVP_MD_CTX_new();
  return *digest != NULL && EVP_DigestInit_ex(*digest, EVP_sha256(), NULL) == 1
             ? GP_OK
             : gp_fail(error, GP_ERR_CRYPTO, "SHA-256 is not available from OpenSSL");
}

/* ------------------------------------------------------------------ reading */

typedef struct reading {
  gp_input *input;
  EVP_MD_CTX *digest;
  uint64_t size; /* of the file */
} reading;

/* The next `size` bytes, which are all there or the file is cut off. */
static gp_status take(reading *from, void *out, size_t size, gp_error *reason) {
  uint8_t *to = out;
  while (size > 0) {
    size_t count = 0;
    const gp_status status = gp_input_read(from->input, (char *)to, size, &count, reason);
    if (status != GP_OK) {
      return status;
    }
    if (count == 0) {
      return gp_fail(reason, GP_ERR_FORMAT, "the file ends too early: it is incomplete");
    }
    to += count;
    size -= count;
  }
  return GP_OK;
}

/* The same, as a part of what the checksum covers. */
static gp_status take_covered(reading *from, void *out, size_t size, gp_error *reason) {
  const gp_status status = take(from, out, size, reason);
  if (status != GP_OK) {
    return status;
  }
  return EVP_DigestUpdate(from->digest, out, size) == 1 ? GP_OK : fail_digest(reason);
}

/* Whether so many different windows can come from so many documents and tokens. */
static bool counts_fit(const gp_contexts_info *info) {
  if (info->documents == 0 || info->tokens < info->context_width) {
    return info->contexts == 0 && (info->documents > 0 || info->tokens == 0);
  }
  return info->contexts <= info->tokens - info->context_width + 1;
}

static gp_status check_counts(const reading *from, const gp_contexts_info *info,
                              gp_error *reason) {
  const uint64_t around = HEADER_SIZE + CHECKSUM_SIZE;
  if (from->size < around || (from->size - around) % 8 != 0 ||
      (from->size - around) / 8 != info->contexts) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "has %" PRIu64 " bytes, which %" PRIu64
                   " contexts do not fill: the file is incomplete or damaged",
                   from->size, info->contexts);
  }
  return counts_fit(info) ? GP_OK
                          : gp_fail(reason, GP_ERR_FORMAT,
                                    "its counts do not fit together: the file is damaged");
}

static gp_status take_header(reading *from, gp_contexts_info *info, gp_error *reason) {
  uint8_t bytes[HEADER_SIZE];
  gp_status status = take_covered(from, bytes, sizeof magic, reason);
  if (gp_input_get_facts(from->input).gzip) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "is gzipped; a contexts file is read as it is: unpack it");
  }
  if (status != GP_OK && status != GP_ERR_FORMAT) {
    return status;
  }
  if (status == GP_ERR_FORMAT || memcmp(bytes, magic, sizeof magic) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "not a Greenprint contexts file");
  }
  status = take_covered(from, bytes + sizeof magic, HEADER_SIZE - sizeof magic, reason);
  if (status != GP_OK) {
    return status;
  }
  if (bytes[8] != VERSION) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "has format version %d; this is Greenprint " GP_VERSION
                   ", which reads version %u",
                   bytes[8], VERSION);
  }
  if (bytes[10] != FINGERPRINT_BITS) {
    return gp_fail(reason, GP_ERR_VERSION, "holds fingerprints of %d bits, not %u", bytes[10],
                   FINGERPRINT_BITS);
  }
  *info = (gp_contexts_info){.context_width = bytes[9],
                             .contexts = gp_load_le64(bytes + 16),
                             .documents = gp_load_le64(bytes + 24),
                             .tokens = gp_load_le64(bytes + 32)};
  if (info->context_width == 0 || info->context_width > GP_CONTEXT_WIDTH_MAX || bytes[11] != 0 ||
      gp_load_le32(bytes + 12) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the header is damaged");
  }
  return check_counts(from, info, reason);
}

/* The size of the file is known to be that of so many fingerprints. */
static gp_status take_fingerprints(reading *from, gp_contexts *contexts, gp_error *reason) {
  if (contexts->info.contexts == 0) {
    return GP_OK;
  }
  const size_t n = (size_t)contexts->info.contexts;
  contexts->fingerprints = contexts->info.contexts <= SIZE_MAX / 8 ? malloc(8 * n) : NULL;
  if (contexts->fingerprints == NULL) {
    return gp_fail_memory(reason, "the contexts");
  }
  uint64_t *const all = contexts->fingerprints;
  for (size_t first = 0; first < n; first += AT_ONCE) {
    const size_t count = n - first < AT_ONCE ? n - first : AT_ONCE;
    const gp_status status = take_covered(from, all + first, 8 * count, reason);
    if (status != GP_OK) {
      return status;
    }
    for (size_t i = first; i < first + count; i++) {
      all[i] = gp_load_le64((const uint8_t *)&all[i]);
      if (i > 0 && all[i] <= all[i - 1]) {
        return gp_fail(reason, GP_ERR_FORMAT,
                       "its fingerprints do not ascend: the file is damaged");
      }
    }
  }
  return GP_OK;
}

static gp_status take_end(reading *from, gp_error *reason) {
  uint8_t computed[CHECKSUM_SIZE];
  uint8_t stored[CHECKSUM_SIZE];
  if (EVP_DigestFinal_ex(from->digest, computed, NULL) != 1) {
    return fail_digest(reason);
  }
  gp_status status = take(from, stored, sizeof stored, reason);
  if (status == GP_OK && CRYPTO_memcmp(computed, stored, sizeof stored) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the checksum does not match: the file is damaged");
  }
  size_t behind = 0;
  if (status == GP_OK) {
    status = gp_input_read(from->input, (char *)stored, 1, &behind, reason);
  }
  if (status == GP_OK && behind > 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "something follows the end: the file is damaged");
  }
  return status;
}

/* A pipe does not say how much is to come. */
static gp_status open_file(const char *path, reading *from, gp_error *reason) {
  struct stat facts;
  const bool found = strcmp(path, "-") != 0 && stat(path, &facts) == 0;
  if (strcmp(path, "-") == 0 || (found && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode))) {
    return gp_fail(reason, GP_ERR_IO, "has to be a regular file: it is read whole");
  }
  gp_status status = gp_input_open(path, &from->input, reason); /* says why it is not found */
  if (status == GP_OK) {
    from->size = found ? (uint64_t)facts.st_size : 0;
    status = new_digest(&from->digest, reason);
  }
  return status;
}

static gp_status load(const char *path, gp_contexts *contexts, gp_error *reason) {
  reading from = {0};
  gp_status status = open_file(path, &from, reason);
  if (status == GP_OK) {
    status = take_header(&from, &contexts->info, reason);
  }
  if (status == GP_OK) {
    status = take_fingerprints(&from, contexts, reason);
  }
  if (status == GP_OK) {
    status = take_end(&from, reason);
  }
  if (status == GP_OK) {
    contexts->info.file = gp_input_get_facts(from.input);
  }
  EVP_MD_CTX_free(from.digest);
  gp_input_free(from.input);
  return status;
}

gp_status gp_contexts_load(const char *path, gp_contexts **contexts, gp_error *error) {
  if (path == NULL || contexts == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "contexts");
  }
  gp_contexts *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "the contexts");
  }
  gp_error reason;
  const gp_status status = load(path, made, &reason);
  if (status != GP_OK) {
    char name[GP_DISPLAY_NAME_SIZE];
    gp_display_input(name, path);
    gp_contexts_free(made);
    return gp_fail(error, status, "%s: %s", name, reason.message);
  }
  *contexts = made;
  return GP_OK;
}

/* ------------------------------------------------------------------ writing */

static gp_status put(gp_new_file *file, EVP_MD_CTX *digest, const uint8_t *bytes, size_t size,
                     gp_error *error) {
  return EVP_DigestUpdate(digest, bytes, size) == 1 ? gp_new_file_append(file, bytes, size, error)
                                                    : fail_digest(error);
}

static gp_status put_header(gp_new_file *file, EVP_MD_CTX *digest, const gp_contexts_info *info,
                            gp_error *error) {
  uint8_t bytes[HEADER_SIZE] = {0};
  memcpy(bytes, magic, sizeof magic);
  bytes[8] = VERSION;
  bytes[9] = (uint8_t)info->context_width;
  bytes[10] = FINGERPRINT_BITS;
  gp_store_le64(bytes + 16, info->contexts);
  gp_store_le64(bytes + 24, info->documents);
  gp_store_le64(bytes + 32, info->tokens);
  return put(file, digest, bytes, sizeof bytes, error);
}

static gp_status put_fingerprints(gp_new_file *file, EVP_MD_CTX *digest,
                                  const gp_contexts *contexts, gp_error *error) {
  const size_t n = (size_t)contexts->info.contexts;
  uint8_t bytes[8 * AT_ONCE];
  gp_status status = GP_OK;
  for (size_t first = 0; first < n && status == GP_OK; first += AT_ONCE) {
    const size_t count = n - first < AT_ONCE ? n - first : AT_ONCE;
    for (size_t i = 0; i < count; i++) {
      gp_store_le64(bytes + 8 * i, contexts->fingerprints[first + i]);
    }
    status = put(file, digest, bytes, 8 * count, error);
  }
  return status;
}

gp_status gp_contexts_write(const gp_contexts *contexts, const char *path, gp_error *error) {
  gp_new_file *file = NULL;
  EVP_MD_CTX *digest = NULL;
  uint8_t checksum[CHECKSUM_SIZE];
  gp_status status = new_digest(&digest, error);
  if (status == GP_OK) {
    status = gp_new_file_open(path, "contexts file", &file, error);
  }
  if (status == GP_OK) {
    status = put_header(file, digest, &contexts->info, error);
  }
  if (status == GP_OK) {
    status = put_fingerprints(file, digest, contexts, error);
  }
  if (status == GP_OK && EVP_DigestFinal_ex(digest, checksum, NULL) != 1) {
    status = fail_digest(error);
  }
  if (status == GP_OK) {
    status = gp_new_file_append(file, checksum, sizeof checksum, error);
  }
  if (status == GP_OK) {
    status = gp_new_file_publish(file, error);
  }
  gp_new_file_free(file);
  EVP_MD_CTX_free(digest);
  return status;
}

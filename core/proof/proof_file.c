#include "proof/proof_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/quote.h"
#include "key/provable.h"

enum {
  AT_VERSION = 8,
  AT_FLAGS = 9,
  AT_RESERVED = 10,
  AT_SCHEME = 12,
  AT_PARAMS = 28,
  AT_ELEMENT = 32,
  AT_TENANT = 64,
  AT_TEXT = 72,
  AT_TOKENIZER = 104,
  AT_DOCUMENTS = 136,
  AT_TOKENS = 144,
  AT_CONTEXTS = 152,
  AT_PROVED = 160
};

#define FORMAT_VERSION 2
#define HAS_TENANT     1 /* flags */
#define IS_BLIND       2

static const uint8_t magic[8] = {0x89, 'G', 'P', 'P', 'R', 'F', '\r', '\n'};

_Static_assert(AT_PROVED + 8 == GP_PROOF_HEADER_SIZE, "header size");

uint32_t gp_proof_sizes(uint64_t contexts) {
  uint32_t sizes = 1; /* all of them */
  for (uint64_t size = GP_PROOF_SAMPLE_MIN; size < contexts && size < UINT64_C(1) << 62;
       size *= 2) {
    sizes++;
  }
  return sizes;
}

uint64_t gp_proof_size(const gp_proof_info *info) {
  const uint64_t proof = GP_VRF_PROOF_SIZE + (info->blind ? GP_VRF_SCALAR_SIZE : 0);
  return GP_PROOF_HEADER_SIZE + info->proved * GP_ELEMENT_SIZE +
         gp_proof_batches(info->proved) * proof + GP_SHA256_SIZE;
}

void gp_proof_encode_header(const gp_proof_info *info, uint8_t header[GP_PROOF_HEADER_SIZE]) {
  memset(header, 0, GP_PROOF_HEADER_SIZE);
  memcpy(header, magic, sizeof magic);
  header[AT_VERSION] = FORMAT_VERSION;
  header[AT_FLAGS] =
      (uint8_t)((info->has_tenant ? HAS_TENANT : 0) | (info->blind ? IS_BLIND : 0));
  gp_scheme_encode(GP_SCHEME_PROVABLE, header + AT_SCHEME);
  gp_params_encode(&info->public_key.params, header + AT_PARAMS);
  memcpy(header + AT_ELEMENT, info->public_key.element, GP_ELEMENT_SIZE);
  gp_store_le64(header + AT_TENANT, info->has_tenant ? info->tenant : 0);
  memcpy(header + AT_TEXT, info->text_sha256, GP_SHA256_SIZE);
  memcpy(header + AT_TOKENIZER, info->tokenizer_sha256, GP_SHA256_SIZE);
  gp_store_le64(header + AT_DOCUMENTS, info->documents);
  gp_store_le64(header + AT_TOKENS, info->tokens);
  gp_store_le64(header + AT_CONTEXTS, info->contexts);
  gp_store_le64(header + AT_PROVED, info->proved);
}

/* ---------------------------------------------------------------- header */

static gp_status fail_form(const gp_proof_reader *reader, const char *what, gp_error *error) {
  return gp_fail(error, GP_ERR_FORMAT, "%s: %s", reader->name, what);
}

static gp_status check_counts(const gp_proof_reader *reader, gp_error *error) {
  const gp_proof_info *info = &reader->info;
  const bool sampled = info->proved != info->contexts;
  if (info->contexts > info->tokens || info->proved > info->contexts ||
      info->contexts >= UINT32_MAX) {
    return fail_form(reader, "the counts of the proof contradict each other", error);
  }
  if (sampled &&
      (info->proved < GP_PROOF_SAMPLE_MIN || (info->proved & (info->proved - 1)) != 0)) {
    return fail_form(reader, "the proof is of a sample of a size that none has", error);
  }
  return GP_OK;
}

static gp_status decode_key(gp_proof_reader *reader, const uint8_t *header, gp_error *error) {
  gp_public_key *key = &reader->info.public_key;
  key->params = gp_params_decode(header + AT_PARAMS);
  memcpy(key->element, header + AT_ELEMENT, GP_ELEMENT_SIZE);
  gp_error inner;
  if (gp_params_check(&key->params, &inner) != GP_OK) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: bad parameters: %s", reader->name, inner.message);
  }
  if (!gp_vrf_is_element(key->element)) {
    return fail_form(reader, "the public key is not an element of ristretto255", error);
  }
  return gp_public_key_finish(key, error);
}

static gp_status decode_header(gp_proof_reader *reader, const uint8_t *header, gp_error *error) {
  gp_proof_info *info = &reader->info;
  gp_scheme scheme = GP_SCHEME_PLAIN;
  if (memcmp(header, magic, sizeof magic) != 0) {
    return fail_form(reader, "not a Greenprint proof", error);
  }
  if (header[AT_VERSION] != FORMAT_VERSION) {
    return gp_fail(error, GP_ERR_VERSION, "%s: proof version %d; this library reads version %d",
                   reader->name, (int)header[AT_VERSION], FORMAT_VERSION);
  }
  gp_status status = gp_scheme_decode(header + AT_SCHEME, reader->name, &scheme, error);
  if (status != GP_OK) {
    return status;
  }
  const uint64_t tenant = gp_load_le64(header + AT_TENANT);
  const unsigned flags = header[AT_FLAGS];
  if (scheme != GP_SCHEME_PROVABLE || flags > (HAS_TENANT | IS_BLIND) ||
      !sodium_is_zero(header + AT_RESERVED, AT_SCHEME - AT_RESERVED) ||
      ((flags & HAS_TENANT) == 0 && tenant != 0)) {
    return fail_form(reader, "the header of the proof contradicts itself", error);
  }
  status = decode_key(reader, header, error);
  info->has_tenant = (flags & HAS_TENANT) != 0;
  info->blind = (flags & IS_BLIND) != 0;
  info->tenant = tenant;
  memcpy(info->text_sha256, header + AT_TEXT, GP_SHA256_SIZE);
  memcpy(info->tokenizer_sha256, header + AT_TOKENIZER, GP_SHA256_SIZE);
  info->documents = gp_load_le64(header + AT_DOCUMENTS);
  info->tokens = gp_load_le64(header + AT_TOKENS);
  info->contexts = gp_load_le64(header + AT_CONTEXTS);
  info->proved = gp_load_le64(header + AT_PROVED);
  info->sizes = info->proved == info->contexts ? 1 : gp_proof_sizes(info->contexts);
  return status == GP_OK ? check_counts(reader, error) : status;
}

/* ---------------------------------------------------------------- reading */

gp_status gp_proof_read(gp_proof_reader *reader, uint8_t *bytes, size_t size, gp_error *error) {
  if (fread(bytes, 1, size, reader->file) != size) {
    if (ferror(reader->file) == 0) {
      return fail_form(reader, "the proof is cut off", error);
    }
    return gp_fail(error, GP_ERR_IO, "%s: cannot read the proof: %s", reader->name,
                   strerror(errno));
  }
  return EVP_DigestUpdate(reader->digest, bytes, size) == 1
             ? GP_OK
             : gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
}

/* Does not wait for somebody to write into a pipe of that name. */
static gp_status open_file(gp_proof_reader *reader, const char *path, gp_error *error) {
  struct stat facts;
  if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) { /* a pipe would be waited for */
    return gp_fail(error, GP_ERR_IO, "%s: a proof has to be a regular file", reader->name);
  }
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return gp_fail(error, GP_ERR_IO, "%s: cannot open the proof: %s", reader->name,
                   strerror(errno));
  }
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    (void)close(fd);
    return gp_fail(error, GP_ERR_IO, "%s: a proof has to be a regular file", reader->name);
  }
  reader->info.file_size = (uint64_t)facts.st_size;
  reader->file = fdopen(fd, "rb");
  if (reader->file == NULL) {
    (void)close(fd);
    return gp_fail_memory(error, "a file to be read");
  }
  return GP_OK;
}

/* A file that is too short for a header may be something else altogether. */
static gp_status read_header(gp_proof_reader *reader, uint8_t header[GP_PROOF_HEADER_SIZE],
                             gp_error *error) {
  if (reader->info.file_size >= GP_PROOF_HEADER_SIZE) {
    return gp_proof_read(reader, header, GP_PROOF_HEADER_SIZE, error);
  }
  const bool begins = fread(header, 1, sizeof magic, reader->file) == sizeof magic &&
                      memcmp(header, magic, sizeof magic) == 0;
  return fail_form(reader, begins ? "the proof is cut off" : "not a Greenprint proof", error);
}

/* Its size has to be what its counts say, before anything is allocated for them. */
static gp_status check_size(const gp_proof_reader *reader, gp_error *error) {
  const gp_proof_info *info = &reader->info;
  const uint64_t size = gp_proof_size(info);
  if (info->file_size != size) {
    return fail_form(reader,
                     info->file_size < size ? "the proof is cut off"
                                            : "the proof has bytes behind its end",
                     error);
  }
  return GP_OK;
}

gp_status gp_proof_open(const char *path, const char *name, gp_proof_reader *reader,
                        gp_error *error) {
  *reader = (gp_proof_reader){.name = name};
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  gp_status status = open_file(reader, path, error);
  if (status != GP_OK) {
    return status;
  }
  reader->digest = EVP_MD_CTX_new();
  uint8_t header[GP_PROOF_HEADER_SIZE];
  if (reader->digest == NULL || EVP_DigestInit_ex(reader->digest, EVP_sha256(), NULL) != 1) {
    status = gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  if (status == GP_OK) {
    status = read_header(reader, header, error);
  }
  if (status == GP_OK) {
    status = decode_header(reader, header, error);
  }
  if (status == GP_OK) {
    status = check_size(reader, error);
  }
  if (status != GP_OK) {
    gp_proof_close(reader);
  }
  return status;
}

gp_status gp_proof_finish(gp_proof_reader *reader, gp_error *error) {
  uint8_t expected[GP_SHA256_SIZE];
  uint8_t checksum[GP_SHA256_SIZE];
  EVP_MD_CTX *before = EVP_MD_CTX_new();
  if (before == NULL || EVP_MD_CTX_copy_ex(before, reader->digest) != 1 ||
      EVP_DigestFinal_ex(before, expected, NULL) != 1) {
    EVP_MD_CTX_free(before);
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  EVP_MD_CTX_free(before);
  gp_status status = gp_proof_read(reader, checksum, sizeof checksum, error);
  if (status != GP_OK) {
    return status;
  }
  if (memcmp(checksum, expected, sizeof checksum) != 0) {
    return fail_form(reader, "the checksum does not match: the proof is damaged; get it again",
                     error);
  }
  if (fgetc(reader->file) != EOF) {
    return fail_form(reader, "the proof has bytes behind its end", error);
  }
  return EVP_DigestFinal_ex(reader->digest, reader->info.file_sha256, NULL) == 1
             ? GP_OK
             : gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
}

void gp_proof_close(gp_proof_reader *reader) {
  if (reader->file != NULL) {
    (void)fclose(reader->file);
  }
  EVP_MD_CTX_free(reader->digest);
  reader->file = NULL;
  reader->digest = NULL;
}

gp_status gp_proof_inspect(const char *path, gp_proof_info *info, gp_error *error) {
  if (path == NULL || info == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "info");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  gp_proof_reader reader;
  gp_status status = gp_proof_open(path, name, &reader, error);
  if (status != GP_OK) {
    return status;
  }
  uint8_t bytes[4096];
  uint64_t left = reader.info.file_size - GP_PROOF_HEADER_SIZE - GP_SHA256_SIZE;
  while (left > 0 && status == GP_OK) {
    const size_t now = left < sizeof bytes ? (size_t)left : sizeof bytes;
    status = gp_proof_read(&reader, bytes, now, error);
    left -= now;
  }
  if (status == GP_OK) {
    status = gp_proof_finish(&reader, error);
  }
  if (status == GP_OK) {
    *info = reader.info;
  }
  gp_proof_close(&reader);
  return status;
}

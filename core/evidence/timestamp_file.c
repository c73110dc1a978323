/* Responses of timestamping authorities, kept with the digest that they are for (SPEC.md 21). */
#include <openssl/err.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "evidence/timestamp.h"

#define VERSION       1
#define AT_HASH       9
#define AT_SIZE       12
#define AT_DIGEST     16
#define HEADER_SIZE   ((size_t)AT_DIGEST + GP_STAMP_DIGEST_MAX)
#define CHECKSUM_SIZE ((size_t)crypto_hash_sha256_BYTES)
#define AROUND        (HEADER_SIZE + CHECKSUM_SIZE)
#define REQUEST_MAX   ((size_t)65536)

static const uint8_t magic[8] = {0x89, 'G', 'P', 'T', 'I', 'M', '\r', '\n'};
static const char kind[] = "timestamp";

static gp_status name_reason(const char *path, const gp_error *reason, gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  gp_error_set(error, reason->status, "%s: %s", name, reason->message);
  return reason->status;
}

/* ------------------------------------------------------------------- reading */

static gp_status check_form(const uint8_t *file, size_t size, gp_error *reason) {
  if (size < sizeof magic || memcmp(file, magic, sizeof magic) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "not a Greenprint timestamp");
  }
  if (size < AROUND) {
    return gp_fail(reason, GP_ERR_FORMAT, "the file ends too early: it is incomplete");
  }
  if (file[8] != VERSION) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "has format version %d; this is Greenprint " GP_VERSION
                   ", which reads version %d",
                   file[8], VERSION);
  }
  uint8_t checksum[CHECKSUM_SIZE];
  (void)crypto_hash_sha256(checksum, file, size - CHECKSUM_SIZE);
  if (memcmp(checksum, file + size - CHECKSUM_SIZE, CHECKSUM_SIZE) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the checksum does not match: the file is damaged");
  }
  return GP_OK;
}

static gp_status decode(const uint8_t *file, size_t size, gp_stamp_digest *digest,
                        TS_RESP **response, gp_error *reason) {
  gp_status status = check_form(file, size, reason);
  if (status != GP_OK) {
    return status;
  }
  const EVP_MD *md = gp_stamp_md((gp_timestamp_hash)file[AT_HASH]);
  if (md == NULL) {
    return gp_fail(reason, GP_ERR_VERSION, "a timestamp over a hash that is not known here");
  }
  digest->hash = (gp_timestamp_hash)file[AT_HASH];
  digest->size = (size_t)EVP_MD_get_size(md);
  memcpy(digest->bytes, file + AT_DIGEST, sizeof digest->bytes);
  if (file[10] != 0 || file[11] != 0 || gp_load_le32(file + AT_SIZE) != size - AROUND ||
      !sodium_is_zero(file + AT_DIGEST + digest->size, GP_STAMP_DIGEST_MAX - digest->size)) {
    return gp_fail(reason, GP_ERR_FORMAT, "the header is damaged");
  }
  TS_RESP *parsed = NULL;
  status = gp_stamp_parse(file + HEADER_SIZE, size - AROUND, &parsed, reason);
  if (status != GP_OK) {
    return status;
  }
  if (gp_stamp_is_for(parsed, digest, reason) != GP_OK) {
    TS_RESP_free(parsed);
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the response in it is for another digest than it says: it was altered");
  }
  *response = parsed;
  return GP_OK;
}

gp_status gp_stamp_load(const char *path, gp_stamp_digest *digest, TS_RESP **response,
                        gp_error *error) {
  uint8_t *file = NULL;
  size_t size = 0;
  gp_error reason;
  gp_status status = gp_read_whole(path, kind, AROUND + GP_RESPONSE_MAX, &file, &size, error);
  if (status == GP_OK) {
    status = decode(file, size, digest, response, &reason);
    status = status == GP_OK ? GP_OK : name_reason(path, &reason, error);
  }
  free(file);
  return status;
}

/* ------------------------------------------------------------------- writing */

static gp_status write_stamp(const char *path, const gp_stamp_digest *digest,
                             const uint8_t *response, size_t size, gp_error *error) {
  uint8_t *file = calloc(1, AROUND + size);
  if (file == NULL) {
    return gp_fail_memory(error, "a timestamp");
  }
  memcpy(file, magic, sizeof magic);
  file[8] = VERSION;
  file[AT_HASH] = (uint8_t)digest->hash;
  gp_store_le32(file + AT_SIZE, (uint32_t)size);
  memcpy(file + AT_DIGEST, digest->bytes, digest->size);
  memcpy(file + HEADER_SIZE, response, size);
  (void)crypto_hash_sha256(file + HEADER_SIZE + size, file, HEADER_SIZE + size);
  const gp_status status = gp_new_file_write_shared(path, file, AROUND + size, kind, error);
  free(file);
  return status;
}

/* Whether the nonce of the response is the one that was asked for. */
static gp_status check_nonce(TS_RESP *response, const TS_REQ *request, gp_error *reason) {
  const ASN1_INTEGER *asked = TS_REQ_get_nonce(request);
  const ASN1_INTEGER *given = TS_TST_INFO_get_nonce(TS_RESP_get_tst_info(response));
  if (asked == NULL || (given != NULL && ASN1_INTEGER_cmp(asked, given) == 0)) {
    return GP_OK;
  }
  return gp_fail(reason, GP_ERR_FORMAT, "it does not answer the request: its nonce is another");
}

static gp_status check_request(const char *path, const char *response_path, TS_RESP *response,
                               gp_error *error) {
  uint8_t *bytes = NULL;
  size_t size = 0;
  gp_error reason;
  gp_status status = gp_read_whole(path, "timestamp request", REQUEST_MAX, &bytes, &size, error);
  if (status != GP_OK) {
    return status;
  }
  const uint8_t *at = bytes;
  TS_REQ *request = d2i_TS_REQ(NULL, &at, (long)size);
  ERR_clear_error();
  if (request == NULL || at != bytes + size) {
    gp_error_set(&reason, GP_ERR_FORMAT, "not a timestamp request (RFC 3161)");
    status = name_reason(path, &reason, error);
  } else if (check_nonce(response, request, &reason) != GP_OK) {
    status = name_reason(response_path, &reason, error);
  }
  TS_REQ_free(request);
  free(bytes);
  return status;
}

static gp_status check_digest(const char *path, const char *response_path, TS_RESP *response,
                              gp_stamp_digest *digest, gp_error *error) {
  gp_timestamp_hash hash;
  gp_error reason;
  if (gp_stamp_hash_of(response, &hash, &reason) != GP_OK) {
    return name_reason(response_path, &reason, error);
  }
  const gp_status status = gp_stamp_hash_file(path, hash, digest, error);
  if (status == GP_OK && gp_stamp_is_for(response, digest, &reason) != GP_OK) {
    return name_reason(response_path, &reason, error);
  }
  return status;
}

gp_status gp_timestamp_attach(const char *path, const char *response, const char *request,
                              const char *stamp, gp_error *error) {
  if (path == NULL || response == NULL || stamp == NULL) {
    return gp_fail_null(error, __func__,
                        path == NULL       ? "path"
                        : response == NULL ? "response"
                                           : "stamp");
  }
  uint8_t *bytes = NULL;
  size_t size = 0;
  TS_RESP *parsed = NULL;
  gp_stamp_digest digest = {0};
  gp_error reason;
  gp_status status =
      gp_read_whole(response, "timestamp response", GP_RESPONSE_MAX, &bytes, &size, error);
  if (status == GP_OK && (status = gp_stamp_parse(bytes, size, &parsed, &reason)) != GP_OK) {
    status = name_reason(response, &reason, error);
  }
  if (status == GP_OK) {
    status = check_digest(path, response, parsed, &digest, error);
  }
  if (status == GP_OK && request != NULL) {
    status = check_request(request, response, parsed, error);
  }
  if (status == GP_OK) {
    status = write_stamp(stamp, &digest, bytes, size, error);
  }
  TS_RESP_free(parsed);
  free(bytes);
  return status;
}

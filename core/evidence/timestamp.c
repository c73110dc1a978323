/* Timestamps of RFC 3161: requests, what a response has to say, and the verdict on one. */
#include "evidence/timestamp.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"

#define NONCE_SIZE    16
#define CLOCKS_DIFFER 300 /* seconds that an authority's clock may be ahead of ours */

static gp_status fail_openssl(gp_error *reason, const char *what) {
  ERR_clear_error();
  return gp_fail(reason, GP_ERR_CRYPTO, "OpenSSL failed: %s", what);
}

/* ------------------------------------------------------------------- hashing */

const EVP_MD *gp_stamp_md(gp_timestamp_hash hash) {
  return hash == GP_TIMESTAMP_SHA256   ? EVP_sha256()
         : hash == GP_TIMESTAMP_SHA512 ? EVP_sha512()
                                       : NULL;
}

static gp_status take_block(void *context, const uint8_t *bytes, size_t size, gp_error *error) {
  return EVP_DigestUpdate(context, bytes, size) == 1 ? GP_OK : fail_openssl(error, "a hash");
}

gp_status gp_stamp_hash_file(const char *path, gp_timestamp_hash hash, gp_stamp_digest *digest,
                             gp_error *error) {
  const EVP_MD *md = gp_stamp_md(hash);
  if (md == NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "unknown hash %d for a timestamp", (int)hash);
  }
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context == NULL || EVP_DigestInit_ex(context, md, NULL) != 1) {
    EVP_MD_CTX_free(context);
    return fail_openssl(error, "a hash");
  }
  gp_status status = gp_read_blocks(path, "file", take_block, context, error);
  unsigned size = 0;
  if (status == GP_OK && EVP_DigestFinal_ex(context, digest->bytes, &size) != 1) {
    status = fail_openssl(error, "a hash");
  }
  EVP_MD_CTX_free(context);
  digest->hash = hash;
  digest->size = size;
  return status;
}

/* ------------------------------------------------------------------ requests */

static TS_MSG_IMPRINT *new_imprint(const gp_stamp_digest *digest) {
  TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
  X509_ALGOR *algorithm = X509_ALGOR_new();
  const int nid = EVP_MD_get_type(gp_stamp_md(digest->hash));
  uint8_t bytes[GP_STAMP_DIGEST_MAX];
  memcpy(bytes, digest->bytes, sizeof bytes); /* OpenSSL's function takes no const */
  if (imprint == NULL || algorithm == NULL ||
      X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) != 1 ||
      TS_MSG_IMPRINT_set_algo(imprint, algorithm) != 1 ||
      TS_MSG_IMPRINT_set_msg(imprint, bytes, (int)digest->size) != 1) {
    TS_MSG_IMPRINT_free(imprint);
    imprint = NULL;
  }
  X509_ALGOR_free(algorithm);
  return imprint;
}

gp_status gp_stamp_new_request(const gp_stamp_digest *digest, TS_REQ **request,
                               gp_error *reason) {
  TS_REQ *made = TS_REQ_new();
  TS_MSG_IMPRINT *imprint = new_imprint(digest);
  const bool done = made != NULL && imprint != NULL && TS_REQ_set_version(made, 1) == 1 &&
                    TS_REQ_set_msg_imprint(made, imprint) == 1 &&
                    TS_REQ_set_cert_req(made, 1) == 1;
  TS_MSG_IMPRINT_free(imprint);
  if (!done) {
    TS_REQ_free(made);
    return fail_openssl(reason, "a timestamp request");
  }
  *request = made;
  return GP_OK;
}

/* The first bit is 0 and the second 1, so that all nonces are positive and of one length. */
static gp_status set_nonce(TS_REQ *request, gp_error *reason) {
  uint8_t bytes[NONCE_SIZE];
  if (RAND_bytes(bytes, sizeof bytes) != 1) {
    return fail_openssl(reason, "random bytes");
  }
  bytes[0] = (uint8_t)((bytes[0] & 0x3FU) | 0x40U);
  BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
  ASN1_INTEGER *nonce = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
  const bool done = nonce != NULL && TS_REQ_set_nonce(request, nonce) == 1;
  ASN1_INTEGER_free(nonce);
  BN_free(number);
  return done ? GP_OK : fail_openssl(reason, "a nonce");
}

gp_status gp_timestamp_request(const char *path, gp_timestamp_hash hash, const char *request,
                               gp_error *error) {
  if (path == NULL || request == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "request");
  }
  gp_stamp_digest digest = {0};
  TS_REQ *made = NULL;
  uint8_t *bytes = NULL;
  int size = 0;
  gp_status status = gp_stamp_hash_file(path, hash, &digest, error);
  if (status == GP_OK) {
    status = gp_stamp_new_request(&digest, &made, error);
  }
  if (status == GP_OK) {
    status = set_nonce(made, error);
  }
  if (status == GP_OK && (size = i2d_TS_REQ(made, &bytes)) <= 0) {
    status = fail_openssl(error, "a timestamp request");
  }
  if (status == GP_OK) {
    status = gp_new_file_write_shared(request, bytes, (size_t)size, "timestamp request", error);
  }
  OPENSSL_free(bytes);
  TS_REQ_free(made);
  return status;
}

/* ----------------------------------------------------------------- responses */

/* The authority's own words, if it has any. */
static gp_status refused(const TS_STATUS_INFO *info, long granted, gp_error *reason) {
  const STACK_OF(ASN1_UTF8STRING) *text = TS_STATUS_INFO_get0_text(info);
  char quoted[GP_QUOTE_SIZE] = "it does not say why";
  if (text != NULL && sk_ASN1_UTF8STRING_num(text) > 0) {
    const ASN1_UTF8STRING *first = sk_ASN1_UTF8STRING_value(text, 0);
    (void)gp_quote(quoted, (const char *)ASN1_STRING_get0_data(first),
                   (size_t)ASN1_STRING_length(first));
  }
  return gp_fail(reason, GP_ERR_FORMAT, "the authority granted no timestamp (status %ld): %s",
                 granted, quoted);
}

gp_status gp_stamp_parse(const uint8_t *bytes, size_t size, TS_RESP **response,
                         gp_error *reason) {
  const uint8_t *at = bytes;
  TS_RESP *parsed = size <= GP_RESPONSE_MAX ? d2i_TS_RESP(NULL, &at, (long)size) : NULL;
  ERR_clear_error();
  if (parsed == NULL) {
    return gp_fail(reason, GP_ERR_FORMAT, "no response of a timestamping authority (RFC 3161)");
  }
  TS_STATUS_INFO *info = TS_RESP_get_status_info(parsed);
  const long granted = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info));
  gp_status status = GP_OK;
  if (at != bytes + size) {
    status = gp_fail(reason, GP_ERR_FORMAT, "something follows the end of the response");
  } else if (granted != TS_STATUS_GRANTED && granted != TS_STATUS_GRANTED_WITH_MODS) {
    status = refused(info, granted, reason);
  } else if (TS_RESP_get_tst_info(parsed) == NULL) {
    status = gp_fail(reason, GP_ERR_FORMAT, "the response holds no timestamp");
  }
  if (status != GP_OK) {
    TS_RESP_free(parsed);
    return status;
  }
  *response = parsed;
  return GP_OK;
}

static TS_TST_INFO *info_of(const TS_RESP *response) {
  return TS_RESP_get_tst_info((TS_RESP *)response);
}

gp_status gp_stamp_hash_of(const TS_RESP *response, gp_timestamp_hash *hash, gp_error *reason) {
  TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info_of(response));
  const X509_ALGOR *algorithm = TS_MSG_IMPRINT_get_algo(imprint);
  const int nid = OBJ_obj2nid(algorithm->algorithm);
  if (nid != NID_sha256 && nid != NID_sha512) {
    return gp_fail(reason, GP_ERR_VERSION,
                   "the timestamp is over neither SHA-256 nor SHA-512 of a file");
  }
  *hash = nid == NID_sha256 ? GP_TIMESTAMP_SHA256 : GP_TIMESTAMP_SHA512;
  return GP_OK;
}

gp_status gp_stamp_is_for(const TS_RESP *response, const gp_stamp_digest *digest,
                          gp_error *reason) {
  gp_timestamp_hash hash;
  const gp_status status = gp_stamp_hash_of(response, &hash, reason);
  if (status != GP_OK) {
    return status;
  }
  TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info_of(response));
  const ASN1_OCTET_STRING *stamped = TS_MSG_IMPRINT_get_msg(imprint);
  const bool same = hash == digest->hash && (size_t)ASN1_STRING_length(stamped) == digest->size &&
                    memcmp(ASN1_STRING_get0_data(stamped), digest->bytes, digest->size) == 0;
  return same ? GP_OK
              : gp_fail(reason, GP_ERR_FORMAT,
                        "the timestamp is for something else than this file as it is now");
}

/* -------------------------------------------------------------------- verdict */

static gp_status name_reason(const char *path, const gp_error *reason, gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  gp_error_set(error, reason->status, "%s: %s", name, reason->message);
  return reason->status;
}

static gp_status check_time(int64_t stamped, gp_error *reason) {
  return stamped <= (int64_t)time(NULL) + CLOCKS_DIFFER
             ? GP_OK
             : gp_fail(
                   reason, GP_ERR_FORMAT,
                   "the timestamp is of a time in the future: it, or this machine's clock, is "
                   "wrong");
}

static void set_accuracy(TS_TST_INFO *info, gp_timestamp_facts *facts) {
  const TS_ACCURACY *accuracy = TS_TST_INFO_get_accuracy(info);
  if (accuracy == NULL) {
    return;
  }
  const ASN1_INTEGER *parts[] = {TS_ACCURACY_get_seconds(accuracy),
                                 TS_ACCURACY_get_millis(accuracy),
                                 TS_ACCURACY_get_micros(accuracy)};
  static const uint64_t units[] = {1000000, 1000, 1};
  facts->has_accuracy = true;
  for (int i = 0; i < 3; i++) {
    uint64_t value = 0;
    if (parts[i] != NULL &&
        (ASN1_INTEGER_get_uint64(&value, parts[i]) != 1 || value > UINT32_MAX)) {
      facts->has_accuracy = false; /* a clock that may be off by an age says nothing */
    }
    facts->accuracy += value * units[i];
  }
  facts->accuracy = facts->has_accuracy ? facts->accuracy : 0;
}

/* One line of UTF-8, cut at a whole character, without control characters. */
static void copy_name(char *out, size_t size, X509 *signer) {
  BIO *memory = BIO_new(BIO_s_mem());
  char *text = NULL;
  gp_error shown = {0};
  if (memory != NULL && X509_NAME_print_ex(memory, X509_get_subject_name(signer), 0,
                                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
    const long length = BIO_get_mem_data(memory, &text);
    gp_error_set(&shown, GP_OK, "%.*s", (int)(length < (long)size ? length : (long)size - 1),
                 length > 0 ? text : "");
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, shown.message);
  (void)snprintf(out, size, "%s", name);
  BIO_free(memory);
}

static gp_status set_facts(const TS_RESP *response, X509 *signer, gp_timestamp_facts *facts,
                           gp_error *reason) {
  TS_TST_INFO *info = info_of(response);
  BIGNUM *serial = ASN1_INTEGER_to_BN(TS_TST_INFO_get_serial(info), NULL);
  char *hex = serial != NULL ? BN_bn2hex(serial) : NULL;
  if (hex == NULL) {
    BN_free(serial);
    return fail_openssl(reason, "a serial number");
  }
  (void)snprintf(facts->serial, sizeof facts->serial, "%s", hex);
  OPENSSL_free(hex);
  BN_free(serial);
  if (OBJ_obj2txt(facts->policy, sizeof facts->policy, TS_TST_INFO_get_policy_id(info), 1) < 0) {
    return fail_openssl(reason, "a policy");
  }
  struct tm parts;
  const time_t seconds = (time_t)facts->seconds;
  if (gmtime_r(&seconds, &parts) == NULL ||
      strftime(facts->time, sizeof facts->time, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "the timestamp's time is none");
  }
  copy_name(facts->authority, sizeof facts->authority, signer);
  set_accuracy(info, facts);
  return GP_OK;
}

static gp_status judge(TS_RESP *response, const gp_stamp_digest *digest,
                       const gp_timestamp_options *options, gp_timestamp_facts *facts,
                       bool *named, gp_error *reason) {
  X509 *signer = NULL;
  facts->hash = digest->hash;
  gp_status status = gp_stamp_is_for(response, digest, reason);
  if (status == GP_OK) {
    status = gp_stamp_seconds(TS_TST_INFO_get_time(info_of(response)), &facts->seconds, reason);
  }
  if (status == GP_OK) {
    status =
        gp_stamp_check_signer(response, digest, options, facts->seconds, &signer, named, reason);
  }
  if (status == GP_OK) {
    status = check_time(facts->seconds, reason);
  }
  if (status == GP_OK) {
    status = set_facts(response, signer, facts, reason);
  }
  X509_free(signer);
  return status;
}

gp_status gp_timestamp_verify(const char *path, const char *stamp,
                              const gp_timestamp_options *options, gp_timestamp_facts *facts,
                              gp_error *error) {
  if (path == NULL || stamp == NULL || options == NULL || facts == NULL ||
      options->authorities == NULL) {
    return gp_fail_null(error, __func__,
                        path == NULL      ? "path"
                        : stamp == NULL   ? "stamp"
                        : options == NULL ? "options"
                        : facts == NULL   ? "facts"
                                          : "options->authorities");
  }
  gp_stamp_digest stored = {0};
  gp_stamp_digest digest = {0};
  gp_timestamp_facts found = {0};
  TS_RESP *response = NULL;
  gp_error reason;
  bool named = false;
  gp_status status = gp_stamp_load(stamp, &stored, &response, error);
  if (status == GP_OK) {
    status = gp_stamp_hash_file(path, stored.hash, &digest, error);
  }
  if (status == GP_OK) {
    status = judge(response, &digest, options, &found, &named, &reason);
    if (status != GP_OK && named) {
      gp_error_set(error, reason.status, "%s", reason.message);
    } else if (status != GP_OK) {
      status = name_reason(stamp, &reason, error);
    }
  }
  TS_RESP_free(response);
  if (status == GP_OK) {
    *facts = found;
  }
  return status;
}

/*
 * Who signed a timestamp, and whether that is to be trusted. OpenSSL checks the signature, that
 * the token names its certificate (RFC 5035), that this is for timestamping and for nothing else,
 * and that it leads to a trusted one; here stand what it is given to trust and as of when, and
 * what it does not look at.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "evidence/timestamp.h"

#define SECURITY_LEVEL 2                 /* of OpenSSL: 112 bits */
#define PEM_MAX        ((size_t)1 << 24) /* bytes of certificates; bundles of systems have 200 kB */

gp_status gp_stamp_seconds(const ASN1_TIME *time, int64_t *seconds, gp_error *reason) {
  int days = 0;
  int rest = 0;
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  const bool done =
      epoch != NULL && time != NULL && ASN1_TIME_diff(&days, &rest, epoch, time) == 1;
  ASN1_TIME_free(epoch);
  ERR_clear_error();
  if (!done) {
    return gp_fail(reason, GP_ERR_FORMAT, "the timestamp's time is none");
  }
  *seconds = (int64_t)days * 86400 + rest;
  return GP_OK;
}

/* -------------------------------------------------------------- certificates */

/* Certificates are never encrypted; without this OpenSSL would ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *data) {
  (void)writing;
  (void)data;
  memset(buffer, 0, (size_t)size);
  return -1;
}

static gp_status fail_file(const char *path, const char *what, gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  ERR_clear_error();
  return gp_fail(error, GP_ERR_FORMAT, "%s: holds no %s in PEM, or a damaged one", name, what);
}

static gp_status open_pem(const char *path, const char *what, uint8_t **bytes, BIO **from,
                          gp_error *error) {
  size_t size = 0;
  const gp_status status = gp_read_whole(path, what, PEM_MAX, bytes, &size, error);
  if (status != GP_OK) {
    return status;
  }
  *from = BIO_new_mem_buf(*bytes, (int)size);
  return *from != NULL ? GP_OK : gp_fail_memory(error, what);
}

/* Whether reading stopped because there was no more. */
static bool at_end(void) {
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return end;
}

static gp_status load_certificates(const char *path, STACK_OF(X509) * *list, gp_error *error) {
  uint8_t *bytes = NULL;
  BIO *from = NULL;
  STACK_OF(X509) *made = sk_X509_new_null();
  gp_status status = made != NULL ? open_pem(path, "file of certificates", &bytes, &from, error)
                                  : gp_fail_memory(error, "certificates");
  X509 *one = NULL;
  while (status == GP_OK && (one = PEM_read_bio_X509(from, NULL, no_passphrase, NULL)) != NULL) {
    if (sk_X509_push(made, one) <= 0) {
      X509_free(one);
      status = gp_fail_memory(error, "certificates");
    }
  }
  if (status == GP_OK && (!at_end() || sk_X509_num(made) == 0)) {
    status = fail_file(path, "certificate", error);
  }
  BIO_free(from);
  free(bytes);
  if (status != GP_OK) {
    sk_X509_pop_free(made, X509_free);
    return status;
  }
  *list = made;
  return GP_OK;
}

static gp_status add_trusted(X509_STORE *store, const char *path, gp_error *error) {
  STACK_OF(X509) *list = NULL;
  gp_status status = load_certificates(path, &list, error);
  for (int i = 0; status == GP_OK && i < sk_X509_num(list); i++) {
    if (X509_STORE_add_cert(store, sk_X509_value(list, i)) != 1) {
      status = gp_fail_memory(error, "certificates");
    }
  }
  sk_X509_pop_free(list, X509_free);
  return status;
}

static gp_status add_revoked(X509_STORE *store, const char *path, gp_error *error) {
  uint8_t *bytes = NULL;
  BIO *from = NULL;
  gp_status status = open_pem(path, "file of revocation lists", &bytes, &from, error);
  size_t count = 0;
  X509_CRL *one = NULL;
  while (status == GP_OK &&
         (one = PEM_read_bio_X509_CRL(from, NULL, no_passphrase, NULL)) != NULL) {
    if (X509_STORE_add_crl(store, one) != 1) {
      status = gp_fail_memory(error, "revocation lists");
    }
    X509_CRL_free(one);
    count++;
  }
  if (status == GP_OK && (!at_end() || count == 0)) {
    status = fail_file(path, "revocation list", error);
  }
  BIO_free(from);
  free(bytes);
  return status;
}

static gp_status set_rules(X509_STORE *store, const gp_timestamp_options *options,
                           int64_t stamped, gp_error *error) {
  X509_VERIFY_PARAM *rules = X509_VERIFY_PARAM_new();
  if (rules == NULL) {
    return gp_fail_memory(error, "certificates");
  }
  X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
  if (options->at_stamp_time) {
    X509_VERIFY_PARAM_set_time(rules, (time_t)stamped);
  }
  unsigned long flags = 0;
  if (options->revoked != NULL) {
    flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  }
  const bool done =
      X509_VERIFY_PARAM_set_flags(rules, flags) == 1 && X509_STORE_set1_param(store, rules) == 1;
  X509_VERIFY_PARAM_free(rules);
  return done ? GP_OK : gp_fail_memory(error, "certificates");
}

static gp_status new_store(const gp_timestamp_options *options, int64_t stamped,
                           X509_STORE **store, gp_error *error) {
  X509_STORE *made = X509_STORE_new();
  if (made == NULL) {
    return gp_fail_memory(error, "certificates");
  }
  gp_status status = set_rules(made, options, stamped, error);
  if (status == GP_OK) {
    status = add_trusted(made, options->authorities, error);
  }
  if (status == GP_OK && options->revoked != NULL) {
    status = add_revoked(made, options->revoked, error);
  }
  if (status != GP_OK) {
    X509_STORE_free(made);
    return status;
  }
  *store = made;
  return GP_OK;
}

/* ---------------------------------------------------------------- the verdict */

/* What OpenSSL put on its list of errors, the most telling one, and what to do about it. */
static gp_status explain(const gp_timestamp_options *options, gp_error *reason) {
  const char *data = NULL;
  int flags = 0;
  const unsigned long code = ERR_peek_last_error_data(&data, &flags);
  const char *why = ERR_reason_error_string(code);
  char detail[160] = "";
  if ((flags & ERR_TXT_STRING) != 0 && data != NULL && *data != '\0') {
    const char *colon = strchr(data, ':');
    (void)snprintf(detail, sizeof detail, ": %s", colon != NULL ? colon + 1 : data);
  }
  const char *expired = X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED);
  const char *hint = "";
  if (strstr(detail, expired) != NULL) {
    hint = options->at_stamp_time ? " (as of the time stamped)"
                                  : " (as of now; it can be judged as of the time stamped)";
  }
  const gp_status status =
      ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ? GP_ERR_MEMORY : GP_ERR_FORMAT;
  gp_error_set(reason, status, "the timestamp does not hold: %s%s%s",
               why != NULL ? why : "OpenSSL does not say why", detail, hint);
  ERR_clear_error();
  return status;
}

/* A request as the stamp should answer it; OpenSSL makes its checks of that. */
static gp_status new_checks(const gp_stamp_digest *digest, const gp_timestamp_options *options,
                            TS_VERIFY_CTX **checks, gp_error *reason) {
  TS_REQ *request = NULL;
  ASN1_OBJECT *policy = NULL;
  gp_status status = gp_stamp_new_request(digest, &request, reason);
  if (status == GP_OK && options->policy != NULL) {
    policy = OBJ_txt2obj(options->policy, 1);
    if (policy == NULL) {
      ERR_clear_error();
      status = gp_fail(reason, GP_ERR_ARGUMENT,
                       "the policy asked for is no object identifier, such as 1.2.3.4");
    } else if (TS_REQ_set_policy_id(request, policy) != 1) {
      status = gp_fail_memory(reason, "a policy");
    }
  }
  if (status == GP_OK) {
    *checks = TS_REQ_to_TS_VERIFY_CTX(request, NULL);
    status = *checks != NULL ? GP_OK : gp_fail_memory(reason, "a timestamp");
  }
  ASN1_OBJECT_free(policy);
  TS_REQ_free(request);
  return status;
}

/* Nobody knows what a critical extension that is not known changes (RFC 3161, section 2.4.2). */
static gp_status check_extensions(TS_TST_INFO *info, gp_error *reason) {
  return TS_TST_INFO_get_ext_by_critical(info, 1, -1) < 0
             ? GP_OK
             : gp_fail(reason, GP_ERR_VERSION,
                       "the timestamp has a critical extension that is not known here");
}

/* The hash that was signed; OpenSSL takes any. */
static gp_status check_hash(PKCS7 *token, gp_error *reason) {
  STACK_OF(PKCS7_SIGNER_INFO) *infos = PKCS7_get_signer_info(token);
  if (infos == NULL || sk_PKCS7_SIGNER_INFO_num(infos) != 1) {
    return gp_fail(reason, GP_ERR_FORMAT, "the timestamp has not exactly one signature");
  }
  const PKCS7_SIGNER_INFO *info = sk_PKCS7_SIGNER_INFO_value(infos, 0);
  switch (OBJ_obj2nid(info->digest_alg->algorithm)) {
  case NID_sha256:
  case NID_sha384:
  case NID_sha512:
  case NID_sha3_256:
  case NID_sha3_384:
  case NID_sha3_512:
    return GP_OK;
  default:
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the timestamp is signed over a hash that is too weak, or not known here");
  }
}

/* Also where it is judged as of now: who signs before or after a certificate is valid does
 * something that the certificate does not vouch for. */
static gp_status check_validity(X509 *signer, int64_t stamped, gp_error *reason) {
  int64_t first = 0;
  int64_t last = 0;
  gp_status status = gp_stamp_seconds(X509_get0_notBefore(signer), &first, reason);
  if (status == GP_OK) {
    status = gp_stamp_seconds(X509_get0_notAfter(signer), &last, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  return stamped >= first && stamped <= last
             ? GP_OK
             : gp_fail(reason, GP_ERR_FORMAT,
                       "the authority's certificate was not valid at the time stamped");
}

static gp_status find_signer(PKCS7 *token, STACK_OF(X509) * untrusted, X509 **signer,
                             gp_error *reason) {
  STACK_OF(X509) *signers = PKCS7_get0_signers(token, untrusted, 0);
  X509 *first = signers != NULL && sk_X509_num(signers) == 1 ? sk_X509_value(signers, 0) : NULL;
  ERR_clear_error();
  if (first == NULL || X509_up_ref(first) != 1) {
    sk_X509_free(signers);
    return gp_fail(reason, GP_ERR_FORMAT, "the certificate that signed is not to be found");
  }
  sk_X509_free(signers);
  *signer = first;
  return GP_OK;
}

/* Takes over `store` and `untrusted`, which may be NULL. */
static gp_status run_checks(TS_RESP *response, TS_VERIFY_CTX *checks, X509_STORE *store,
                            STACK_OF(X509) * untrusted, const gp_timestamp_options *options,
                            gp_error *reason) {
  (void)TS_VERIFY_CTX_add_flags(checks, TS_VFY_SIGNATURE | TS_VFY_VERSION);
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
  (void)TS_VERIFY_CTX_set0_store(checks, store);
  (void)TS_VERIFY_CTX_set0_certs(checks, untrusted);
#else
  (void)TS_VERIFY_CTX_set_store(checks, store);
  (void)TS_VERIFY_CTX_set_certs(checks, untrusted);
#endif
  ERR_clear_error();
  return TS_RESP_verify_response(checks, response) == 1 ? GP_OK : explain(options, reason);
}

/* Checks a response with what `checks`, `store` and `untrusted` hold, all three its own. */
static gp_status check_all(TS_RESP *response, TS_VERIFY_CTX *checks, X509_STORE *store,
                           STACK_OF(X509) * untrusted, const gp_timestamp_options *options,
                           int64_t stamped, X509 **signer, gp_error *reason) {
  PKCS7 *token = TS_RESP_get_token(response);
  X509 *found = NULL;
  gp_status status = run_checks(response, checks, store, untrusted, options, reason);
  if (status == GP_OK) {
    status = check_extensions(TS_RESP_get_tst_info(response), reason);
  }
  if (status == GP_OK) {
    status = check_hash(token, reason);
  }
  if (status == GP_OK) {
    status = find_signer(token, untrusted, &found, reason);
  }
  if (status == GP_OK) {
    status = check_validity(found, stamped, reason);
  }
  if (status != GP_OK) {
    X509_free(found);
    return status;
  }
  *signer = found;
  return GP_OK;
}

gp_status gp_stamp_check_signer(TS_RESP *response, const gp_stamp_digest *digest,
                                const gp_timestamp_options *options, int64_t stamped,
                                X509 **signer, bool *named, gp_error *reason) {
  STACK_OF(X509) *untrusted = NULL;
  X509_STORE *store = NULL;
  TS_VERIFY_CTX *checks = NULL;
  *named = true;
  gp_status status = GP_OK;
  if (options->at_stamp_time && options->revoked != NULL) {
    return gp_fail(reason, GP_ERR_ARGUMENT,
                   "revocation lists say nothing of certificates as of the time stamped: leave "
                   "one of them out");
  }
  if (options->untrusted != NULL) {
    status = load_certificates(options->untrusted, &untrusted, reason);
  }
  if (status == GP_OK) {
    status = new_store(options, stamped, &store, reason);
  }
  if (status == GP_OK) {
    status = new_checks(digest, options, &checks, reason);
  }
  if (status != GP_OK) {
    sk_X509_pop_free(untrusted, X509_free);
    X509_STORE_free(store);
    return status;
  }
  *named = false;
  status = check_all(response, checks, store, untrusted, options, stamped, signer, reason);
  TS_VERIFY_CTX_free(checks);
  return status;
}

/* Timestamps: what the parts share. OpenSSL does the ASN.1 and the CMS. */
#ifndef GP_EVIDENCE_TIMESTAMP_H
#define GP_EVIDENCE_TIMESTAMP_H

#include <openssl/ts.h>
#include <openssl/x509.h>

#include "greenprint.h"

#define GP_STAMP_DIGEST_MAX 64
#define GP_RESPONSE_MAX     ((size_t)1 << 20) /* bytes; those of authorities have some thousands */

/* The hash of a file. */
typedef struct gp_stamp_digest {
  gp_timestamp_hash hash;
  uint8_t bytes[GP_STAMP_DIGEST_MAX];
  size_t size;
} gp_stamp_digest;

/* NULL for a hash that is none. */
const EVP_MD *gp_stamp_md(gp_timestamp_hash hash);

gp_status gp_stamp_hash_file(const char *path, gp_timestamp_hash hash, gp_stamp_digest *digest,
                             gp_error *error);

/* --- timestamp.c: messages without a name */

/* Parses a response that fills all of `bytes` and grants a token. To be freed. */
gp_status gp_stamp_parse(const uint8_t *bytes, size_t size, TS_RESP **response, gp_error *reason);

/* Which hash the token is over; GP_ERR_VERSION for one that is not known here. */
gp_status gp_stamp_hash_of(const TS_RESP *response, gp_timestamp_hash *hash, gp_error *reason);

/* Whether the token is for this digest. */
gp_status gp_stamp_is_for(const TS_RESP *response, const gp_stamp_digest *digest,
                          gp_error *reason);

/* A request for a digest, without a nonce. To be freed. */
gp_status gp_stamp_new_request(const gp_stamp_digest *digest, TS_REQ **request, gp_error *reason);

/* --- timestamp_file.c */

/* Reads the digest and the response of a file of gp_timestamp_attach(). *response is to be freed.
 * Messages begin with its name. */
gp_status gp_stamp_load(const char *path, gp_stamp_digest *digest, TS_RESP **response,
                        gp_error *error);

/* --- stamp_chain.c */

/* Checks policy, signature and certificates; *signer is to be freed. Messages about the stamp
 * have no name, those about files of certificates begin with theirs: *named tells. */
gp_status gp_stamp_check_signer(TS_RESP *response, const gp_stamp_digest *digest,
                                const gp_timestamp_options *options, int64_t stamped,
                                X509 **signer, bool *named, gp_error *reason);

/* Seconds since 1970; GP_ERR_FORMAT where it is no time. */
gp_status gp_stamp_seconds(const ASN1_TIME *time, int64_t *seconds, gp_error *reason);

#endif

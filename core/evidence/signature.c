/*
 * Signatures in the format of minisign (SPEC.md section 21), four lines:
 *
 *   untrusted comment: …
 *   base64 of: algorithm ("ED", or "Ed" of old), number of the key, signature of the file
 *   trusted comment: …
 *   base64 of: signature of the signature above and the trusted comment
 *
 * "ED" signs the BLAKE2b-512 of the file, "Ed" the file itself.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/new_file.h"
#include "common/quote.h"
#include "common/read_file.h"
#include "evidence/minisign.h"

#define HASH_SIZE   ((size_t)64)
#define LARGEST     ((size_t)16384)   /* of a signature as text */
#define LARGEST_OLD ((size_t)1 << 30) /* of a file that is not hashed: minisign's own limit */

typedef struct signature {
  uint8_t head[GP_SIGNED_SIZE];
  gp_line comment;
  uint8_t global[GP_SIGNATURE_SIZE];
} signature;

static gp_status take_block(void *context, const uint8_t *bytes, size_t size, gp_error *error) {
  (void)error;
  (void)crypto_generichash_update(context, bytes, size);
  return GP_OK;
}

static gp_status hash_file(const char *path, uint8_t hash[HASH_SIZE], gp_error *error) {
  crypto_generichash_state state;
  (void)crypto_generichash_init(&state, NULL, 0, HASH_SIZE);
  const gp_status status = gp_read_blocks(path, "file", take_block, &state, error);
  (void)crypto_generichash_final(&state, hash, HASH_SIZE);
  return status;
}

/* What the second signature is about: the first one, and the comment behind it. To be freed. */
static gp_status join(const uint8_t *first, const char *comment, size_t length, uint8_t **joined,
                      gp_error *error) {
  *joined = malloc(GP_SIGNATURE_SIZE + length);
  if (*joined == NULL) {
    return gp_fail_memory(error, "a trusted comment");
  }
  memcpy(*joined, first, GP_SIGNATURE_SIZE);
  memcpy(*joined + GP_SIGNATURE_SIZE, comment, length);
  return GP_OK;
}

/* ------------------------------------------------------------------- signing */

static gp_status check_comment(const char *comment, gp_error *error) {
  const size_t length = strlen(comment);
  if (length > GP_TRUSTED_COMMENT_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the comment has more than %d bytes",
                   GP_TRUSTED_COMMENT_MAX);
  }
  for (const char *c = comment; *c != '\0'; c++) {
    if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "the comment holds a control character: it has to be one line of text");
    }
  }
  return GP_OK;
}

static gp_status write_signature(const uint8_t *head, const char *comment, const uint8_t *global,
                                 const char *path, gp_error *error) {
  char text[GP_TRUSTED_COMMENT_MAX + 512];
  char first[sodium_base64_ENCODED_LEN(GP_SIGNED_SIZE, sodium_base64_VARIANT_ORIGINAL)];
  char second[sodium_base64_ENCODED_LEN(GP_SIGNATURE_SIZE, sodium_base64_VARIANT_ORIGINAL)];
  (void)sodium_bin2base64(first, sizeof first, head, GP_SIGNED_SIZE,
                          sodium_base64_VARIANT_ORIGINAL);
  (void)sodium_bin2base64(second, sizeof second, global, GP_SIGNATURE_SIZE,
                          sodium_base64_VARIANT_ORIGINAL);
  const int size =
      snprintf(text, sizeof text,
               GP_UNTRUSTED "signature from greenprint secret key\n%s\n" GP_TRUSTED "%s\n%s\n",
               first, comment, second);
  return gp_new_file_write_shared(path, (const uint8_t *)text, (size_t)size, "signature", error);
}

gp_status gp_sign_file(const gp_signing_key *key, const char *path, const char *trusted_comment,
                       const char *signature_path, gp_error *error) {
  if (key == NULL || path == NULL || trusted_comment == NULL || signature_path == NULL) {
    return gp_fail_null(error, __func__,
                        key == NULL               ? "key"
                        : path == NULL            ? "path"
                        : trusted_comment == NULL ? "trusted_comment"
                                                  : "signature");
  }
  uint8_t hash[HASH_SIZE];
  uint8_t head[GP_SIGNED_SIZE] = {'E', 'D'};
  uint8_t *const first = head + 2 + GP_NUMBER_SIZE;
  uint8_t global[GP_SIGNATURE_SIZE];
  uint8_t *joined = NULL;
  const size_t length = strlen(trusted_comment);
  gp_status status = check_comment(trusted_comment, error);
  if (status == GP_OK) {
    status = hash_file(path, hash, error);
  }
  if (status == GP_OK) {
    memcpy(head + 2, key->number, GP_NUMBER_SIZE);
    (void)crypto_sign_detached(first, NULL, hash, HASH_SIZE, key->secret);
    status = join(first, trusted_comment, length, &joined, error);
  }
  if (status == GP_OK) {
    (void)crypto_sign_detached(global, NULL, joined, GP_SIGNATURE_SIZE + length, key->secret);
    status = write_signature(head, trusted_comment, global, signature_path, error);
  }
  free(joined);
  return status;
}

/* ----------------------------------------------------------------- verifying */

static gp_status parse(const char *text, size_t size, signature *parsed, gp_error *reason) {
  gp_line lines[4];
  if (!gp_minisign_lines(text, size, lines, 4) || !gp_minisign_prefix(&lines[0], GP_UNTRUSTED) ||
      !gp_minisign_decode(&lines[1], parsed->head, GP_SIGNED_SIZE) ||
      !gp_minisign_prefix(&lines[2], GP_TRUSTED) ||
      !gp_minisign_decode(&lines[3], parsed->global, GP_SIGNATURE_SIZE)) {
    return gp_fail(reason, GP_ERR_FORMAT, "not a signature of minisign's format");
  }
  parsed->comment = lines[2];
  if (parsed->head[0] != 'E' || (parsed->head[1] != 'D' && parsed->head[1] != 'd')) {
    return gp_fail(reason, GP_ERR_VERSION, "a signature of an algorithm that is not known here");
  }
  if (parsed->comment.length >= sizeof((gp_signature_facts *)NULL)->trusted_comment) {
    return gp_fail(reason, GP_ERR_FORMAT, "the trusted comment is too long");
  }
  return GP_OK;
}

static gp_status check_global(const signature *parsed, const gp_signer *signer,
                              gp_error *reason) {
  uint8_t *joined = NULL;
  const gp_status status = join(parsed->head + 2 + GP_NUMBER_SIZE, parsed->comment.text,
                                parsed->comment.length, &joined, reason);
  if (status != GP_OK) {
    return status;
  }
  const bool holds =
      crypto_sign_verify_detached(parsed->global, joined,
                                  GP_SIGNATURE_SIZE + parsed->comment.length, signer->key) == 0;
  free(joined);
  return holds ? GP_OK
               : gp_fail(reason, GP_ERR_FORMAT,
                         "the trusted comment was altered: its signature does not hold");
}

static gp_status check_signer(const signature *parsed, const gp_signer *signer,
                              gp_error *reason) {
  char id[GP_SIGNER_ID_SIZE];
  char expected[GP_SIGNER_ID_SIZE];
  if (memcmp(parsed->head + 2, signer->number, GP_NUMBER_SIZE) == 0) {
    return GP_OK;
  }
  gp_signer_id(parsed->head + 2, id);
  gp_signer_id(signer->number, expected);
  return gp_fail(reason, GP_ERR_FORMAT, "the signature is by key %s, not by %s", id, expected);
}

/* Whether the first signature is one of the file. */
static gp_status check_file(const char *path, const signature *parsed, const gp_signer *signer,
                            bool *holds, gp_error *error) {
  const uint8_t *first = parsed->head + 2 + GP_NUMBER_SIZE;
  uint8_t hash[HASH_SIZE];
  uint8_t *message = hash;
  uint8_t *whole = NULL;
  size_t size = HASH_SIZE;
  gp_status status = GP_OK;
  if (parsed->head[1] == 'D') {
    status = hash_file(path, hash, error);
  } else {
    status =
        gp_read_whole(path, "file with a signature of old", LARGEST_OLD, &whole, &size, error);
    message = whole;
  }
  if (status == GP_OK) {
    *holds = crypto_sign_verify_detached(first, message, size, signer->key) == 0;
  }
  free(whole);
  return status;
}

static gp_status name_reason(const char *path, const gp_error *reason, gp_error *error) {
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  gp_error_set(error, reason->status, "%s: %s", name, reason->message);
  return reason->status;
}

static gp_status verify(const char *path, const char *signature_path, const char *text,
                        size_t size, const gp_signer *signer, gp_signature_facts *facts,
                        gp_error *error) {
  signature parsed;
  gp_error reason;
  gp_status status = parse(text, size, &parsed, &reason);
  if (status == GP_OK) {
    status = check_signer(&parsed, signer, &reason);
  }
  if (status != GP_OK) {
    return name_reason(signature_path, &reason, error);
  }
  bool holds = false;
  status = check_file(path, &parsed, signer, &holds, error);
  if (status != GP_OK) {
    return status;
  }
  if (!holds) {
    gp_error_set(&reason, GP_ERR_FORMAT,
                 "the signature does not hold: the file was altered, or it was not signed with "
                 "this key");
    return name_reason(path, &reason, error);
  }
  status = check_global(&parsed, signer, &reason);
  if (status != GP_OK) {
    return name_reason(signature_path, &reason, error);
  }
  facts->hashed = parsed.head[1] == 'D';
  memcpy(facts->trusted_comment, parsed.comment.text, parsed.comment.length);
  facts->trusted_comment[parsed.comment.length] = '\0';
  return GP_OK;
}

gp_status gp_signature_verify(const char *path, const char *signature_path,
                              const gp_signer *signer, gp_signature_facts *facts,
                              gp_error *error) {
  if (path == NULL || signature_path == NULL || signer == NULL || facts == NULL) {
    return gp_fail_null(error, __func__,
                        path == NULL             ? "path"
                        : signature_path == NULL ? "signature"
                        : signer == NULL         ? "signer"
                                                 : "facts");
  }
  if (sodium_init() < 0) {
    return gp_fail(error, GP_ERR_CRYPTO, "libsodium could not be initialised");
  }
  uint8_t *text = NULL;
  size_t size = 0;
  gp_status status = gp_read_whole(signature_path, "signature", LARGEST, &text, &size, error);
  if (status == GP_OK) {
    status = verify(path, signature_path, (const char *)text, size, signer, facts, error);
  }
  free(text);
  return status;
}

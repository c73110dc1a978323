#include "blind/message.h"

#include <sodium.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

#define MAGIC_SIZE 8
#define VERSION    2
#define AT_VERSION 8
#define AT_ZERO    9
#define AT_COUNT   12
#define AT_KEY_ID  16

#define KEY_ID_SIZE (GP_BLIND_HEADER_SIZE - AT_KEY_ID) /* the commitment's first bytes */

static const uint8_t magics[][MAGIC_SIZE] = {
    [GP_BLIND_REQUEST] = {0x89, 'G', 'P', 'B', 'E', 'Q', '\r', '\n'},
    [GP_BLIND_ANSWER] = {0x89, 'G', 'P', 'B', 'E', 'A', '\r', '\n'},
};

static const char *const names[] = {
    [GP_BLIND_REQUEST] = "blind request",
    [GP_BLIND_ANSWER] = "blind answer",
};

void gp_blind_header_write(gp_blind_kind kind, size_t count,
                           const uint8_t commitment[GP_COMMITMENT_SIZE], uint8_t *out) {
  memset(out, 0, GP_BLIND_HEADER_SIZE);
  memcpy(out, magics[kind], MAGIC_SIZE);
  out[AT_VERSION] = VERSION;
  gp_store_le32(out + AT_COUNT, (uint32_t)count);
  memcpy(out + AT_KEY_ID, commitment, KEY_ID_SIZE);
}

gp_status gp_blind_header_read(gp_blind_kind kind, const uint8_t *message, size_t size,
                               gp_blind_header *header, gp_error *error) {
  const char *name = names[kind];
  const size_t fixed =
      GP_BLIND_HEADER_SIZE + (kind == GP_BLIND_ANSWER ? (size_t)GP_BLIND_PROOF_SIZE : 0);
  if (size < fixed + GP_ELEMENT_SIZE || (size - fixed) % GP_ELEMENT_SIZE != 0) {
    return gp_fail(error, GP_ERR_FORMAT, "%zu bytes are no %s", size, name);
  }
  if (memcmp(message, magics[kind], MAGIC_SIZE) != 0) {
    return gp_fail(error, GP_ERR_FORMAT, "this is no %s: it begins with other bytes", name);
  }
  if (message[AT_VERSION] != VERSION) {
    return gp_fail(error, GP_ERR_VERSION, "the %s has version %u; this library knows version %d",
                   name, (unsigned)message[AT_VERSION], VERSION);
  }
  for (size_t i = AT_ZERO; i < AT_COUNT; i++) {
    if (message[i] != 0) {
      return gp_fail(error, GP_ERR_FORMAT, "byte %zu of the %s is not zero", i, name);
    }
  }
  const size_t count = gp_load_le32(message + AT_COUNT);
  if (count != (size - fixed) / GP_ELEMENT_SIZE || count > GP_BLIND_COUNT_MAX) {
    return gp_fail(error, GP_ERR_FORMAT, "the %s says %zu elements and has %zu (at most %d)",
                   name, count, (size - fixed) / GP_ELEMENT_SIZE, GP_BLIND_COUNT_MAX);
  }
  header->count = count;
  (void)sodium_bin2hex(header->key_id, sizeof header->key_id, message + AT_KEY_ID, KEY_ID_SIZE);
  return GP_OK;
}

gp_status gp_blind_fold(const gp_public_key *key, const uint8_t *secret,
                        const uint8_t (*asked)[GP_ELEMENT_SIZE],
                        const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                        gp_thread_pool *pool, gp_vrf_pair *folded, gp_error *error) {
  uint8_t header[GP_BLIND_HEADER_SIZE + GP_ELEMENT_SIZE];
  const gp_vrf_subject subject = {key->element, header, sizeof header, secret};
  gp_blind_header_write(GP_BLIND_ANSWER, count, key->commitment, header);
  memcpy(header + GP_BLIND_HEADER_SIZE, key->element, GP_ELEMENT_SIZE);
  return gp_vrf_fold(&subject, asked, evaluated, count, pool, folded, error);
}

gp_status gp_blind_request_read(const uint8_t *request, size_t request_size,
                                gp_blind_request *info, gp_error *error) {
  if (request == NULL || info == NULL) {
    return gp_fail_null(error, __func__, request == NULL ? "request" : "info");
  }
  gp_blind_header header;
  const gp_status status =
      gp_blind_header_read(GP_BLIND_REQUEST, request, request_size, &header, error);
  if (status != GP_OK) {
    return status;
  }
  info->count = header.count;
  memcpy(info->key_id, header.key_id, sizeof info->key_id);
  return GP_OK;
}

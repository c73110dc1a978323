/* Keys that nobody ever used (SPEC.md section 17). */
#include <sodium.h>

#include "common/bytes.h"
#include "common/error.h"

gp_status gp_audit_control_key(const gp_params *params,
                               const uint8_t commitment[GP_COMMITMENT_SIZE], uint32_t index,
                               gp_key **key, gp_error *error) {
  if (params == NULL || commitment == NULL || key == NULL) {
    return gp_fail_null(error, __func__,
                        params == NULL       ? "params"
                        : commitment == NULL ? "commitment"
                                             : "key");
  }
  static const char label[] = "greenprint control key";
  uint8_t number[4];
  uint8_t master[GP_MASTER_KEY_SIZE]; /* no secret: anybody can make it again */
  crypto_auth_hmacsha256_state state;
  gp_store_le32(number, index);
  (void)crypto_auth_hmacsha256_init(&state, commitment, GP_COMMITMENT_SIZE);
  (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, sizeof label - 1);
  (void)crypto_auth_hmacsha256_update(&state, number, sizeof number);
  (void)crypto_auth_hmacsha256_final(&state, master);
  return gp_key_from_bytes(params, master, key, error);
}

#include "key/scheme.h"

#include <string.h>

#include "common/error.h"

const char *gp_scheme_id(gp_scheme scheme) {
  return scheme == GP_SCHEME_PROVABLE ? GP_SCHEME_ID_PROVABLE : GP_SCHEME_ID;
}

void gp_scheme_encode(gp_scheme scheme, uint8_t field[GP_SCHEME_FIELD_SIZE]) {
  const char *id = gp_scheme_id(scheme);
  memset(field, 0, GP_SCHEME_FIELD_SIZE);
  for (size_t i = 0; id[i] != '\0'; i++) {
    field[i] = (uint8_t)id[i];
  }
}

gp_status gp_scheme_decode(const uint8_t field[GP_SCHEME_FIELD_SIZE], const char *file,
                           gp_scheme *scheme, gp_error *error) {
  for (gp_scheme known = GP_SCHEME_PLAIN; known <= GP_SCHEME_PROVABLE; known++) {
    uint8_t expected[GP_SCHEME_FIELD_SIZE];
    gp_scheme_encode(known, expected);
    if (memcmp(field, expected, sizeof expected) == 0) {
      *scheme = known;
      return GP_OK;
    }
  }
  char shown[GP_SCHEME_FIELD_SIZE + 1] = {0};
  for (size_t i = 0; i < GP_SCHEME_FIELD_SIZE && field[i] != 0; i++) {
    const uint8_t c = field[i];
    shown[i] = c > 0x20 && c < 0x7F ? (char)c : '?';
  }
  return gp_fail(error, GP_ERR_VERSION, "%s: scheme '%s'; this library has only %s and %s", file,
                 shown, GP_SCHEME_ID, GP_SCHEME_ID_PROVABLE);
}

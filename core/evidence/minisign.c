#include "evidence/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

bool gp_minisign_lines(const char *bytes, size_t size, gp_line *lines, size_t count) {
  const char *const end = bytes + size;
  if (memchr(bytes, '\0', size) != NULL) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (bytes == end) {
      return false;
    }
    const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
    const char *next = stop != NULL ? stop + 1 : end;
    stop = stop != NULL ? stop : end;
    stop -= stop > bytes && stop[-1] == '\r';
    lines[i] = (gp_line){bytes, (size_t)(stop - bytes)};
    bytes = next;
  }
  return bytes == end;
}

bool gp_minisign_prefix(gp_line *line, const char *prefix) {
  const size_t length = strlen(prefix);
  if (line->length < length || memcmp(line->text, prefix, length) != 0) {
    return false;
  }
  line->text += length;
  line->length -= length;
  return true;
}

bool gp_minisign_decode(const gp_line *line, uint8_t *out, size_t size) {
  size_t decoded = 0;
  const char *end = NULL;
  return sodium_base642bin(out, size, line->text, line->length, NULL, &decoded, &end,
                           sodium_base64_VARIANT_ORIGINAL) == 0 &&
         decoded == size && end == line->text + line->length;
}

void gp_signer_id(const uint8_t number[GP_NUMBER_SIZE], char id[GP_SIGNER_ID_SIZE]) {
  for (size_t i = 0; i < GP_NUMBER_SIZE; i++) {
    (void)snprintf(id + 2 * i, GP_SIGNER_ID_SIZE - 2 * i, "%02X", number[GP_NUMBER_SIZE - 1 - i]);
  }
}

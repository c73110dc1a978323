#include "io/text_parts.h"

#define CHARACTER_MAX 4U /* bytes of UTF-8 */

/* Bytes of the UTF-8 character that starts with `lead`, whether or not it goes on so. */
static size_t character_width(unsigned char lead) {
  return lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : lead >= 0xC0U ? 2 : 1;
}

size_t gp_text_part_length(const char *text) {
  for (size_t length = GP_TEXT_PART_MAX; length > 0; length--) {
    if (text[length - 1] == '\n') {
      return length;
    }
  }
  for (size_t back = 1; back < CHARACTER_MAX; back++) {
    const unsigned char byte = (unsigned char)text[GP_TEXT_PART_MAX - back];
    if ((byte & 0xC0U) != 0x80U) {
      return character_width(byte) > back ? GP_TEXT_PART_MAX - back : GP_TEXT_PART_MAX;
    }
  }
  return GP_TEXT_PART_MAX;
}

gp_status gp_text_parts_next(gp_window *window, const char **part, size_t *length,
                             gp_error *reason) {
  const gp_status status = gp_window_fill(window, GP_TEXT_PART_MAX + 1, reason);
  if (status != GP_OK) {
    return status;
  }
  const char *text = gp_window_start(window);
  const size_t available = gp_window_length(window);
  *part = available > 0 ? text : NULL;
  *length = available <= GP_TEXT_PART_MAX ? available : gp_text_part_length(text);
  gp_window_skip(window, *length);
  return GP_OK;
}

/* Field paths and roles as a user may give them: the first line is the path, the second the
 * role (none when it is empty), the rest the file. */
#include "support.h"

#include <string.h>

/* Copies a line, without its end, into `out`; returns what comes after it. */
static const uint8_t *take_line(const uint8_t *data, const uint8_t *end, char *out, size_t room) {
  const uint8_t *stop = memchr(data, '\n', (size_t)(end - data));
  const size_t length = (size_t)((stop == NULL ? end : stop) - data);
  const size_t kept = length < room - 1 ? length : room - 1;
  memcpy(out, data, kept);
  out[kept] = '\0';
  return stop == NULL ? end : stop + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  char field[2048];
  char role[256];
  const uint8_t *end = data + size;
  const uint8_t *rest = take_line(data, end, field, sizeof field);
  rest = take_line(rest, end, role, sizeof role);
  const gp_reader_options options = {
      .format = GP_INPUT_JSONL, .field = field, .role = role[0] == '\0' ? NULL : role};
  const size_t length = (size_t)(end - rest);
  (void)gp_fuzz_read(gp_fuzz_file(rest, length), length, &options);
  return 0;
}

/* gzip around every format. The first byte chooses the format. Half of the mutations are made
 * to what is inside, and packed again, since no other would keep the checksum right. */
#include "support.h"

#include <string.h>

#include <zlib.h>

#define INSIDE_MAX ((size_t)1 << 16)

static const gp_reader_options choices[] = {
    {.format = GP_INPUT_TOKENS},
    {.format = GP_INPUT_JSONL, .field = "text"},
    {.format = GP_INPUT_JSONL,
     .field = "messages",
     .role = "user",
     .normalize = GP_NORMALIZE_ALL},
    {.format = GP_INPUT_TEXT},
    {.format = GP_INPUT_NPY},
    {.format = GP_INPUT_U16},
    {.format = GP_INPUT_U32},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const gp_reader_options *options = &choices[data[0] % (sizeof choices / sizeof *choices)];
  (void)gp_fuzz_read(gp_fuzz_file(data + 1, size - 1), size - 1, options);
  return 0;
}

/* What is in the first member, as far as it can be read; 0 where nothing can. */
static size_t unpack(const uint8_t *packed, size_t size, uint8_t *inside) {
  z_stream z;
  memset(&z, 0, sizeof z);
  if (inflateInit2(&z, 15 + 16) != Z_OK) {
    return 0;
  }
  z.next_in = (Bytef *)(uintptr_t)packed; /* zlib's pointer lacks a const */
  z.avail_in = (uInt)size;
  z.next_out = inside;
  z.avail_out = (uInt)INSIDE_MAX;
  (void)inflate(&z, Z_FINISH);
  const size_t length = INSIDE_MAX - z.avail_out;
  (void)inflateEnd(&z);
  return length;
}

/* Returns 0 where it does not fit. */
static size_t pack(const uint8_t *inside, size_t length, int level, uint8_t *out, size_t room) {
  z_stream z;
  memset(&z, 0, sizeof z);
  if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return 0;
  }
  z.next_in = (Bytef *)(uintptr_t)inside;
  z.avail_in = (uInt)length;
  z.next_out = out;
  z.avail_out = (uInt)room;
  const int result = deflate(&z, Z_FINISH);
  const size_t size = room - z.avail_out;
  (void)deflateEnd(&z);
  return result == Z_STREAM_END ? size : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  static uint8_t inside[INSIDE_MAX];
  if (seed % 2 == 0 || size < 2 || max_size < 2) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  size_t length = unpack(data + 1, size - 1, inside);
  length = LLVMFuzzerMutate(inside, length, INSIDE_MAX);
  const size_t packed = pack(inside, length, (int)(seed / 2 % 10), data + 1, max_size - 1);
  return packed == 0 ? LLVMFuzzerMutate(data, size, max_size) : packed + 1;
}

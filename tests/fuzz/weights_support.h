/* Files of weights (SPEC.md section 14), with what no mutation would hit put right. */
#ifndef GP_FUZZ_WEIGHTS_SUPPORT_H
#define GP_FUZZ_WEIGHTS_SUPPORT_H

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum {
  WEIGHTS_DIGEST_SIZE = crypto_hash_sha256_BYTES,
  WEIGHTS_HEADER_SIZE = 16, /* without the label */
  WEIGHTS_AT_LABEL_LENGTH = 11,
  WEIGHTS_ENTRY_SIZE = 8,
  WEIGHTS_END_SIZE = 16
};

/* Puts right what stands before the positions of the document whose number this is, `at` being
 * behind its tag, and steps over it; false where that cannot be. *n is the number of positions.
 */
typedef bool weights_repair_head(uint8_t *file, size_t size, size_t *at, size_t number,
                                 uint64_t *n);

/* Steps over `length` bytes; false where there are not so many. */
static inline bool weights_step(size_t size, size_t *at, uint64_t length) {
  if (size - *at < length) {
    return false;
  }
  *at += (size_t)length;
  return true;
}

static inline bool weights_put_checksum(uint8_t *file, size_t size, size_t *at) {
  const size_t covered = *at;
  return weights_step(size, at, WEIGHTS_DIGEST_SIZE) &&
         crypto_hash_sha256(file + covered, file, covered) == 0;
}

static inline bool weights_repair_document(uint8_t *file, size_t size, size_t *at, size_t number,
                                           weights_repair_head *head) {
  uint64_t n = 0;
  if (!weights_step(size, at, 1) || !head(file, size, at, number, &n)) {
    return false;
  }
  for (uint64_t i = 0; i < n; i++) {
    if (*at == size || !weights_step(size, at, 1 + WEIGHTS_ENTRY_SIZE * (uint64_t)file[*at])) {
      return false;
    }
  }
  return weights_put_checksum(file, size, at);
}

/* Puts all checksums right, as far as the file goes on. */
static inline void weights_repair(uint8_t *file, size_t size, weights_repair_head *head) {
  size_t at = 0;
  if (size < WEIGHTS_HEADER_SIZE ||
      !weights_step(size, &at, WEIGHTS_HEADER_SIZE + (uint64_t)file[WEIGHTS_AT_LABEL_LENGTH]) ||
      !weights_put_checksum(file, size, &at)) {
    return;
  }
  for (size_t number = 0; at < size && file[at] == 'D'; number++) {
    if (!weights_repair_document(file, size, &at, number, head)) {
      return;
    }
  }
  if (at < size && file[at] == 'E' && weights_step(size, &at, 1 + WEIGHTS_END_SIZE)) {
    (void)weights_put_checksum(file, size, &at);
  }
}

/* Has a file read as it comes, and repaired. */
static inline void weights_read_both(const uint8_t *data, size_t size, weights_repair_head *head,
                                     void (*read)(const uint8_t *data, size_t size)) {
  read(data, size);
  uint8_t *file = malloc(size + 1);
  gp_fuzz_require(file != NULL, "memory for a copy");
  memcpy(file, data, size);
  weights_repair(file, size, head);
  read(file, size);
  free(file);
}

#endif

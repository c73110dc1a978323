/* Files of weights made in memory, for tests. */
#ifndef GP_TEST_EXPECTATIONS_SUPPORT_H
#define GP_TEST_EXPECTATIONS_SUPPORT_H

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "support.h"
#include "verify/expectations.h"
#include "verify/model_weights.h"

/* A file as it grows. */
typedef struct image {
  uint8_t *bytes;
  size_t size;
  uint64_t documents;
  uint64_t tokens;
} image;

static inline void put(image *file, const void *bytes, size_t size) {
  file->bytes = realloc(file->bytes, file->size + size + 1);
  assert_non_null(file->bytes);
  if (size > 0) {
    memcpy(file->bytes + file->size, bytes, size);
  }
  file->size += size;
}

static inline void put_u8(image *file, uint8_t x) {
  put(file, &x, 1);
}

static inline void put_u32(image *file, uint32_t x) {
  uint8_t bytes[4];
  gp_store_le32(bytes, x);
  put(file, bytes, 4);
}

static inline void put_u64(image *file, uint64_t x) {
  uint8_t bytes[8];
  gp_store_le64(bytes, x);
  put(file, bytes, 8);
}

static inline void put_entry(image *file, uint32_t id, float probability) {
  uint32_t bits;
  memcpy(&bits, &probability, sizeof bits);
  put_u32(file, id);
  put_u32(file, bits);
}

static inline void put_checksum(image *file) {
  uint8_t sha256[32];
  crypto_hash_sha256(sha256, file->bytes, file->size);
  put(file, sha256, 32);
}

static inline void put_header_of(image *file, uint8_t kind, const char *label,
                                 uint32_t vocabulary, uint8_t top_k) {
  put(file, "\x89GPEXP\r\n\x01", 9);
  put_u8(file, kind);
  put_u8(file, top_k);
  put_u8(file, (uint8_t)strlen(label));
  put_u32(file, vocabulary);
  put(file, label, strlen(label));
  put_checksum(file);
}

static inline void put_header(image *file, const char *label, uint32_t vocabulary,
                              uint8_t top_k) {
  put_header_of(file, 1, label, vocabulary, top_k);
}

static inline void tokens_digest(const uint32_t *tokens, size_t n, uint8_t sha256[32]) {
  image bytes = {0};
  put(&bytes, "", 0);
  for (size_t i = 0; i < n; i++) {
    put_u32(&bytes, tokens[i]);
  }
  crypto_hash_sha256(sha256, bytes.bytes, bytes.size);
  free(bytes.bytes);
}

/* The head of a document's section; the positions and put_checksum() come next. */
static inline void put_document(image *file, const uint32_t *tokens, size_t n) {
  uint8_t sha256[32];
  tokens_digest(tokens, n, sha256);
  put_u8(file, 'D');
  put(file, sha256, 32);
  put_u64(file, n);
  file->documents++;
  file->tokens += n;
}

/* The same in a file of model weights. */
static inline void put_model_document(image *file, const uint32_t *tokens, size_t n) {
  put_u8(file, 'D');
  put_u64(file, n);
  for (size_t i = 0; i < n; i++) {
    put_u32(file, tokens[i]);
  }
  file->documents++;
  file->tokens += n;
}

static inline void put_end(image *file) {
  put_u8(file, 'E');
  put_u64(file, file->documents);
  put_u64(file, file->tokens);
  put_checksum(file);
}

/* At most `top` random expectations, for ids that are multiples of `stride`, each at most `apart`
 * of these beyond the one before. */
static inline void make_position(gp_position *position, size_t top, uint32_t apart,
                                 uint32_t stride, uint64_t *random) {
  position->count = next_random(random) % (top + 1);
  uint32_t id = 0;
  for (size_t i = 0; i < position->count; i++) {
    id += (uint32_t)(next_random(random) % apart + 1) * stride;
    position->ids[i] = id;
    position->probabilities[i] = (float)(next_random(random) % 1000 + 1) / (1000.0F * (float)top);
  }
}

/* A document's whole section, with what was expected at its positions. */
static inline void put_expected(image *file, const uint32_t *tokens, const gp_position *expected,
                                size_t n) {
  put_document(file, tokens, n);
  for (size_t i = 0; i < n; i++) {
    put_u8(file, (uint8_t)expected[i].count);
    for (size_t j = 0; j < expected[i].count; j++) {
      put_entry(file, expected[i].ids[j], expected[i].probabilities[j]);
    }
  }
  put_checksum(file);
}

/* A byte source over an image, `step` bytes at a time at most. */
typedef struct image_source {
  const uint8_t *bytes;
  size_t size;
  size_t at;
  size_t step;
} image_source;

static inline gp_status read_image(void *source, uint8_t *out, size_t capacity, size_t *count,
                                   gp_error *reason) {
  (void)reason;
  image_source *from = source;
  size_t n = from->size - from->at;
  n = n < capacity ? n : capacity;
  n = n < from->step ? n : from->step;
  if (n > 0) {
    memcpy(out, from->bytes + from->at, n);
  }
  from->at += n;
  *count = n;
  return GP_OK;
}

#endif

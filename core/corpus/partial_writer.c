#include "corpus/partial.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/new_file.h"
#include "corpus/partial_format.h"
#include "key/params.h"

#define BUFFER_SIZE    65536U
#define INPUT_NAME_MAX 65535U

struct gp_partial_writer {
  gp_new_file *file;
  EVP_MD_CTX *digest;
  bool documents;
  const uint8_t *mask;
  size_t used;
  uint8_t buffer[BUFFER_SIZE];
};

const char *gp_partial_difference(const gp_partial_header *a, const gp_partial_header *b) {
  if (a->scheme != b->scheme) {
    return "scheme";
  }
  if (memcmp(a->commitment, b->commitment, sizeof a->commitment) != 0) {
    return "key";
  }
  uint8_t params[2][GP_PARAMS_SIZE];
  gp_params_encode(&a->params, params[0]);
  gp_params_encode(&b->params, params[1]);
  if (memcmp(params[0], params[1], GP_PARAMS_SIZE) != 0) {
    return "parameters";
  }
  if (a->has_tenant != b->has_tenant || a->tenant != b->tenant) {
    return "tenant";
  }
  if (a->documents != b->documents) {
    return "choice of counting documents one by one (--per-document)";
  }
  if (strcmp(a->settings, b->settings) != 0) {
    return "way of reading the inputs (tokenizer, normalization)";
  }
  return NULL;
}

static gp_status flush(gp_partial_writer *writer, gp_error *error) {
  const size_t used = writer->used;
  writer->used = 0;
  if (EVP_DigestUpdate(writer->digest, writer->buffer, used) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  return gp_new_file_append(writer->file, writer->buffer, used, error);
}

static gp_status put(gp_partial_writer *writer, const void *bytes, size_t size, gp_error *error) {
  const uint8_t *from = bytes;
  while (size > 0) {
    if (writer->used == BUFFER_SIZE) {
      const gp_status status = flush(writer, error);
      if (status != GP_OK) {
        return status;
      }
    }
    const size_t room = BUFFER_SIZE - writer->used;
    const size_t part = size < room ? size : room;
    memcpy(writer->buffer + writer->used, from, part);
    writer->used += part;
    from += part;
    size -= part;
  }
  return GP_OK;
}

/* Seven bits a byte, the least significant first, the high bit set in all but the last. */
static size_t encode_varint(uint8_t out[GP_VARINT_MAX], uint64_t value) {
  size_t size = 0;
  while (value >= 0x80) {
    out[size++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out[size++] = (uint8_t)value;
  return size;
}

/* A coin that may have been seen before does no harm: a merge counts each once. */
static bool is_written(uint8_t flags) {
  return (flags & (GP_COIN_FRESH | GP_COIN_LATE)) != 0;
}

gp_status gp_partial_create(const char *path, const gp_partial_header *header,
                            const uint8_t mask[GP_ID_SIZE], gp_partial_writer **writer,
                            gp_error *error) {
  gp_partial_writer *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a partial file");
  }
  made->documents = header->documents;
  made->mask = mask;
  const size_t settings = strlen(header->settings);
  uint8_t bytes[GP_PARTIAL_HEADER_SIZE] = {0};
  memcpy(bytes, gp_partial_magic, sizeof gp_partial_magic);
  bytes[8] = GP_PARTIAL_VERSION;
  bytes[9] = (uint8_t)((header->has_tenant ? GP_PARTIAL_HAS_TENANT : 0) |
                       (header->documents ? GP_PARTIAL_HAS_DOCUMENTS : 0));
  gp_scheme_encode(header->scheme, bytes + 12);
  gp_params_encode(&header->params, bytes + 28);
  memcpy(bytes + 32, header->commitment, GP_COMMITMENT_SIZE);
  gp_store_le64(bytes + 64, header->has_tenant ? header->tenant : 0);
  gp_store_le32(bytes + 72, (uint32_t)settings);
  made->digest = EVP_MD_CTX_new();
  gp_status status = GP_OK;
  if (made->digest == NULL || EVP_DigestInit_ex(made->digest, EVP_sha256(), NULL) != 1) {
    status = gp_fail(error, GP_ERR_CRYPTO, "SHA-256 is not available from OpenSSL");
  }
  if (status == GP_OK) {
    status = gp_new_file_open(path, "partial file", &made->file, error);
  }
  if (status == GP_OK) {
    status = put(made, bytes, sizeof bytes, error);
  }
  if (status == GP_OK) {
    status = put(made, header->settings, settings, error);
  }
  if (status != GP_OK) {
    gp_partial_writer_free(made);
    return status;
  }
  *writer = made;
  return GP_OK;
}

void gp_partial_writer_free(gp_partial_writer *writer) {
  if (writer == NULL) {
    return;
  }
  EVP_MD_CTX_free(writer->digest);
  gp_new_file_free(writer->file);
  free(writer);
}

gp_status gp_partial_begin_input(gp_partial_writer *writer, const char *name,
                                 gp_input_format format, gp_error *error) {
  size_t length = strlen(name);
  length = length < INPUT_NAME_MAX ? length : INPUT_NAME_MAX;
  const uint8_t head[] = {GP_PARTIAL_TAG_INPUT, (uint8_t)format, (uint8_t)length,
                          (uint8_t)(length >> 8)};
  const gp_status status = put(writer, head, sizeof head, error);
  return status != GP_OK ? status : put(writer, name, length, error);
}

gp_status gp_partial_end_input(gp_partial_writer *writer, const gp_corpus_input_facts *facts,
                               gp_error *error) {
  uint8_t bytes[1 + 8 + 32 + 1 + GP_VARINT_MAX] = {GP_PARTIAL_TAG_FACTS};
  gp_store_le64(bytes + 1, facts->file.bytes);
  memcpy(bytes + 9, facts->file.sha256, sizeof facts->file.sha256);
  bytes[41] = facts->file.gzip;
  const size_t size = 42 + encode_varint(bytes + 42, facts->bad);
  return put(writer, bytes, size, error);
}

static gp_status put_colours(gp_partial_writer *writer, const uint8_t *flags, size_t count,
                             gp_error *error) {
  uint8_t byte = 0;
  size_t bits = 0;
  gp_status status = GP_OK;
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    if (!is_written(flags[i])) {
      continue;
    }
    const unsigned green = (flags[i] & GP_COIN_GREEN) != 0;
    byte = (uint8_t)(byte | green << (bits % 8));
    if (++bits % 8 == 0) {
      status = put(writer, &byte, 1, error);
      byte = 0;
    }
  }
  return status == GP_OK && bits % 8 != 0 ? put(writer, &byte, 1, error) : status;
}

gp_status gp_partial_put_document(gp_partial_writer *writer, const gp_batch_document *document,
                                  const uint8_t (*ids)[GP_ID_SIZE], const uint8_t *flags,
                                  size_t count, gp_error *error) {
  uint64_t fresh = 0;
  for (size_t i = 0; i < count; i++) {
    fresh += is_written(flags[i]);
  }
  uint8_t head[1 + 6 * GP_VARINT_MAX] = {GP_PARTIAL_TAG_DOCUMENT};
  size_t size = 1;
  size += encode_varint(head + size, document->line);
  size += encode_varint(head + size, document->tokens);
  size += encode_varint(head + size, document->windows);
  if (writer->documents) {
    size += encode_varint(head + size, document->alone.scored);
    size += encode_varint(head + size, document->alone.green);
  }
  size += encode_varint(head + size, fresh);
  gp_status status = put(writer, head, size, error);
  if (status == GP_OK) {
    status = put_colours(writer, flags, count, error);
  }
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    if (is_written(flags[i])) {
      uint8_t id[GP_ID_SIZE];
      memcpy(id, ids[i], sizeof id);
      gp_partial_mask(id, writer->mask);
      status = put(writer, id, sizeof id, error);
    }
  }
  return status;
}

gp_status gp_partial_publish(gp_partial_writer *writer, gp_error *error) {
  const uint8_t tag = GP_PARTIAL_TAG_END;
  gp_status status = put(writer, &tag, 1, error);
  if (status == GP_OK) {
    status = flush(writer, error);
  }
  uint8_t checksum[GP_PARTIAL_CHECKSUM_SIZE];
  if (status == GP_OK && EVP_DigestFinal_ex(writer->digest, checksum, NULL) != 1) {
    status = gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  if (status == GP_OK) {
    status = gp_new_file_append(writer->file, checksum, sizeof checksum, error);
  }
  return status != GP_OK ? status : gp_new_file_publish(writer->file, error);
}

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/array.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/quote.h"
#include "corpus/partial.h"
#include "corpus/partial_format.h"
#include "io/input.h"
#include "key/params.h"

#define BUFFER_SIZE 65536U
#define AT_ONCE     4096U /* so that a count that lies cannot ask for much */

struct gp_partial_reader {
  gp_input *input;
  EVP_MD_CTX *digest;
  bool documents;
  uint32_t context_width;
  bool in_input;
  uint64_t coins;      /* listed so far */
  uint64_t green;      /* green ones among them */
  const uint8_t *mask; /* 16 bytes that are XORed into ids */
  uint8_t *colours;    /* of the document that is being read */
  size_t colours_capacity;
  size_t begin; /* buffer[begin:end] is read and not used yet */
  size_t end;
  size_t hashed;   /* buffer[:hashed] is in the digest */
  uint64_t before; /* bytes of the file before the buffer */
  char name[GP_DISPLAY_NAME_SIZE];
  uint8_t buffer[BUFFER_SIZE];
};

static uint64_t offset_of(const gp_partial_reader *reader) {
  return reader->before + reader->begin;
}

uint64_t gp_partial_position(const gp_partial_reader *reader) {
  return gp_input_get_facts(reader->input).bytes;
}

static gp_status fail_damaged(const gp_partial_reader *reader, const char *what,
                              gp_error *error) {
  return gp_fail(error, GP_ERR_FORMAT, "%s: byte %" PRIu64 ": %s: the partial file is damaged",
                 reader->name, offset_of(reader), what);
}

static gp_status hash_used(gp_partial_reader *reader, gp_error *error) {
  if (EVP_DigestUpdate(reader->digest, reader->buffer + reader->hashed,
                       reader->begin - reader->hashed) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  reader->hashed = reader->begin;
  return GP_OK;
}

/* Refills the empty buffer; it stays empty at the end of the file. */
static gp_status refill(gp_partial_reader *reader, gp_error *error) {
  gp_status status = hash_used(reader, error);
  if (status != GP_OK) {
    return status;
  }
  reader->before += reader->end;
  reader->begin = 0;
  reader->end = 0;
  reader->hashed = 0;
  gp_error reason;
  status =
      gp_input_read(reader->input, (char *)reader->buffer, BUFFER_SIZE, &reader->end, &reason);
  return status == GP_OK ? GP_OK : gp_fail(error, status, "%s: %s", reader->name, reason.message);
}

static gp_status get(gp_partial_reader *reader, void *out, size_t size, gp_error *error) {
  uint8_t *to = out;
  while (size > 0) {
    if (reader->begin == reader->end) {
      const gp_status status = refill(reader, error);
      if (status != GP_OK) {
        return status;
      }
      if (reader->end == 0) {
        return fail_damaged(reader, "the file ends too early", error);
      }
    }
    const size_t left = reader->end - reader->begin;
    const size_t part = size < left ? size : left;
    memcpy(to, reader->buffer + reader->begin, part);
    reader->begin += part;
    to += part;
    size -= part;
  }
  return GP_OK;
}

static gp_status get_varint(gp_partial_reader *reader, uint64_t *value, gp_error *error) {
  *value = 0;
  for (unsigned shift = 0; shift < 7 * GP_VARINT_MAX; shift += 7) {
    uint8_t byte = 0;
    const gp_status status = get(reader, &byte, 1, error);
    if (status != GP_OK) {
      return status;
    }
    const uint64_t bits = byte & 0x7FU;
    if (shift == 63 && bits > 1) {
      break;
    }
    *value |= bits << shift;
    if (byte < 0x80) {
      return byte == 0 && shift > 0 ? fail_damaged(reader, "a number is too long", error) : GP_OK;
    }
  }
  return fail_damaged(reader, "a number exceeds 64 bits", error);
}

static gp_status check_header(const gp_partial_reader *reader,
                              const uint8_t bytes[GP_PARTIAL_HEADER_SIZE], gp_scheme *scheme,
                              gp_error *error) {
  if (memcmp(bytes, gp_partial_magic, sizeof gp_partial_magic) != 0) {
    return gp_fail(error, GP_ERR_FORMAT, "%s: not a partial file of greenprint verify --partial",
                   reader->name);
  }
  if (bytes[8] != GP_PARTIAL_VERSION) {
    return gp_fail(error, GP_ERR_VERSION,
                   "%s: a partial file of version %d; this greenprint reads version %d",
                   reader->name, bytes[8], GP_PARTIAL_VERSION);
  }
  const gp_status status = gp_scheme_decode(bytes + 12, reader->name, scheme, error);
  if (status != GP_OK) {
    return status;
  }
  const bool known_flags = bytes[9] <= (GP_PARTIAL_HAS_TENANT | GP_PARTIAL_HAS_DOCUMENTS);
  return known_flags && bytes[10] == 0 && bytes[11] == 0
             ? GP_OK
             : fail_damaged(reader, "the header has unknown flags", error);
}

static gp_status decode_header(gp_partial_reader *reader,
                               const uint8_t bytes[GP_PARTIAL_HEADER_SIZE],
                               gp_partial_header *header, gp_error *error) {
  gp_scheme scheme = GP_SCHEME_PLAIN;
  gp_status status = check_header(reader, bytes, &scheme, error);
  if (status != GP_OK) {
    return status;
  }
  *header = (gp_partial_header){
      .scheme = scheme,
      .params = gp_params_decode(bytes + 28),
      .has_tenant = (bytes[9] & GP_PARTIAL_HAS_TENANT) != 0,
      .tenant = gp_load_le64(bytes + 64),
      .documents = (bytes[9] & GP_PARTIAL_HAS_DOCUMENTS) != 0,
  };
  memcpy(header->commitment, bytes + 32, GP_COMMITMENT_SIZE);
  gp_error reason;
  if (gp_params_check(&header->params, &reason) != GP_OK) {
    return fail_damaged(reader, reason.message, error);
  }
  const uint32_t length = gp_load_le32(bytes + 72);
  if (length > GP_SETTINGS_MAX) {
    return fail_damaged(reader, "the settings are too long", error);
  }
  header->settings = calloc(length + 1U, 1);
  if (header->settings == NULL) {
    return gp_fail_memory(error, "a partial file");
  }
  status = get(reader, header->settings, length, error);
  if (status == GP_OK && strlen(header->settings) != length) {
    status = fail_damaged(reader, "the settings hold a NUL", error);
  }
  if (status != GP_OK) {
    free(header->settings);
    header->settings = NULL;
  }
  return status;
}

gp_status gp_partial_open(const char *path, const uint8_t mask[GP_ID_SIZE],
                          gp_partial_reader **reader, gp_partial_header *header,
                          gp_error *error) {
  gp_partial_reader *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a partial file");
  }
  gp_display_input(made->name, path);
  gp_error reason;
  gp_status status = gp_input_open(path, &made->input, &reason);
  if (status != GP_OK) {
    status = gp_fail(error, status, "%s: %s", made->name, reason.message);
  }
  made->digest = EVP_MD_CTX_new();
  if (status == GP_OK &&
      (made->digest == NULL || EVP_DigestInit_ex(made->digest, EVP_sha256(), NULL) != 1)) {
    status = gp_fail(error, GP_ERR_CRYPTO, "SHA-256 is not available from OpenSSL");
  }
  uint8_t bytes[GP_PARTIAL_HEADER_SIZE];
  if (status == GP_OK) {
    status = get(made, bytes, sizeof bytes, error);
  }
  if (status == GP_OK) {
    status = decode_header(made, bytes, header, error);
  }
  if (status != GP_OK) {
    gp_partial_reader_free(made);
    return status;
  }
  made->mask = mask;
  made->documents = header->documents;
  made->context_width = header->params.context_width;
  *reader = made;
  return GP_OK;
}

void gp_partial_reader_free(gp_partial_reader *reader) {
  if (reader == NULL) {
    return;
  }
  gp_input_free(reader->input);
  EVP_MD_CTX_free(reader->digest);
  free(reader->colours);
  free(reader);
}

static gp_status get_input(gp_partial_reader *reader, gp_partial_item *item, gp_error *error) {
  uint8_t head[3];
  gp_status status = get(reader, head, sizeof head, error);
  if (status != GP_OK) {
    return status;
  }
  if (reader->in_input || head[0] < GP_INPUT_TOKENS || head[0] > GP_INPUT_U32) {
    return fail_damaged(reader, "an input begins where none can", error);
  }
  const size_t length = (size_t)head[1] | (size_t)head[2] << 8;
  char *name = calloc(length + 1, 1);
  if (name == NULL) {
    return gp_fail_memory(error, "the name of an input");
  }
  status = get(reader, name, length, error);
  if (status == GP_OK && strlen(name) != length) {
    status = fail_damaged(reader, "the name of an input holds a NUL", error);
  }
  if (status != GP_OK) {
    free(name);
    return status;
  }
  reader->in_input = true;
  item->event = GP_PARTIAL_INPUT;
  item->name = name;
  item->facts.format = (gp_input_format)head[0];
  return GP_OK;
}

static gp_status get_facts(gp_partial_reader *reader, gp_partial_item *item, gp_error *error) {
  uint8_t bytes[8 + 32 + 1];
  gp_status status = get(reader, bytes, sizeof bytes, error);
  if (status == GP_OK) {
    status = get_varint(reader, &item->facts.bad, error);
  }
  if (status != GP_OK) {
    return status;
  }
  if (!reader->in_input || bytes[40] > 1) {
    return fail_damaged(reader, "an input ends where none can", error);
  }
  reader->in_input = false;
  item->event = GP_PARTIAL_FACTS;
  item->facts.file.bytes = gp_load_le64(bytes);
  memcpy(item->facts.file.sha256, bytes + 8, sizeof item->facts.file.sha256);
  item->facts.file.gzip = bytes[40] == 1;
  return GP_OK;
}

/* The colours of `count` coins, a bit each, into the reader. */
static gp_status get_colours(gp_partial_reader *reader, uint64_t count, gp_error *error) {
  const size_t size = (size_t)((count + 7) / 8);
  for (size_t done = 0; done < size;) {
    const size_t part = size - done < AT_ONCE ? size - done : AT_ONCE;
    uint8_t *grown = gp_array_reserve(reader->colours, &reader->colours_capacity, done + part, 1);
    if (grown == NULL) {
      return gp_fail_memory(error, "the colours of a document");
    }
    reader->colours = grown;
    const gp_status status = get(reader, reader->colours + done, part, error);
    if (status != GP_OK) {
      return status;
    }
    done += part;
  }
  if (count % 8 != 0 && reader->colours[size - 1] >> (count % 8) != 0) {
    return fail_damaged(reader, "unused bits are set", error);
  }
  return GP_OK;
}

/* `count` colours and then as many ids. Memory for coins grows only as ids turn out to be
 * there: until then a coin has cost the file one bit, or, compressed, nearly nothing. */
static gp_status get_coins(gp_partial_reader *reader, uint64_t count, gp_batch_coins *coins,
                           uint32_t number, gp_error *error) {
  uint8_t ids[GP_COIN_CHUNK][GP_ID_SIZE];
  uint8_t flags[GP_COIN_CHUNK];
  gp_status status = get_colours(reader, count, error);
  for (uint64_t first = 0; first < count && status == GP_OK; first += GP_COIN_CHUNK) {
    const size_t part = count - first < GP_COIN_CHUNK ? (size_t)(count - first) : GP_COIN_CHUNK;
    status = get(reader, ids[0], part * GP_ID_SIZE, error);
    for (size_t i = 0; i < part && status == GP_OK; i++) {
      gp_partial_mask(ids[i], reader->mask);
      const uint64_t at = first + i;
      const bool green = ((unsigned)reader->colours[at / 8] >> (at % 8) & 1U) != 0;
      flags[i] = green ? GP_COIN_GREEN : 0;
      reader->green += green;
    }
    if (status == GP_OK) {
      status = gp_batch_add_coins(coins, (const uint8_t(*)[GP_ID_SIZE])ids, flags, part, number,
                                  error);
      reader->coins += part;
    }
  }
  return status;
}

static gp_status get_document(gp_partial_reader *reader, gp_partial_item *item,
                              gp_batch_coins *coins, uint32_t number, gp_error *error) {
  gp_batch_document *document = &item->document;
  uint64_t *const numbers[] = {&document->line, &document->tokens, &document->windows,
                               &document->alone.scored, &document->alone.green};
  const size_t n_numbers = reader->documents ? 5 : 3;
  gp_status status = GP_OK;
  for (size_t i = 0; i < n_numbers && status == GP_OK; i++) {
    status = get_varint(reader, numbers[i], error);
  }
  uint64_t count = 0;
  if (status == GP_OK) {
    status = get_varint(reader, &count, error);
  }
  if (status != GP_OK) {
    return status;
  }
  const uint64_t width = reader->context_width;
  const uint64_t windows = document->tokens > width ? document->tokens - width : 0;
  if (!reader->in_input || document->windows != windows || count > windows ||
      document->alone.scored > windows || document->alone.green > document->alone.scored ||
      document->tokens > UINT32_MAX) {
    return fail_damaged(reader, "the counts of a document do not fit together", error);
  }
  item->event = GP_PARTIAL_DOCUMENT;
  status = get_coins(reader, count, coins, number, error);
  /* What a document has was listed with it or before. */
  if (status == GP_OK &&
      (document->alone.scored > reader->coins || document->alone.green > reader->green)) {
    status = fail_damaged(reader, "the counts of a document exceed its pairs", error);
  }
  return status;
}

static gp_status get_end(gp_partial_reader *reader, gp_partial_item *item, gp_error *error) {
  uint8_t computed[GP_PARTIAL_CHECKSUM_SIZE];
  uint8_t stored[GP_PARTIAL_CHECKSUM_SIZE];
  gp_status status = hash_used(reader, error);
  if (status != GP_OK) {
    return status;
  }
  if (EVP_DigestFinal_ex(reader->digest, computed, NULL) != 1 ||
      EVP_DigestInit_ex(reader->digest, EVP_sha256(), NULL) != 1) {
    return gp_fail(error, GP_ERR_CRYPTO, "SHA-256 failed in OpenSSL");
  }
  status = get(reader, stored, sizeof stored, error);
  if (status != GP_OK) {
    return status;
  }
  if (reader->in_input || CRYPTO_memcmp(computed, stored, sizeof stored) != 0) {
    return fail_damaged(reader, "the checksum does not match", error);
  }
  if (reader->begin == reader->end) {
    status = refill(reader, error);
  }
  if (status == GP_OK && reader->begin != reader->end) {
    return fail_damaged(reader, "something follows the end", error);
  }
  item->event = GP_PARTIAL_END;
  return status;
}

gp_status gp_partial_next(gp_partial_reader *reader, gp_partial_item *item, gp_batch_coins *coins,
                          uint32_t number, gp_error *error) {
  memset(item, 0, sizeof *item);
  uint8_t tag = 0;
  const gp_status status = get(reader, &tag, 1, error);
  if (status != GP_OK) {
    return status;
  }
  switch (tag) {
  case GP_PARTIAL_TAG_INPUT:
    return get_input(reader, item, error);
  case GP_PARTIAL_TAG_DOCUMENT:
    return get_document(reader, item, coins, number, error);
  case GP_PARTIAL_TAG_FACTS:
    return get_facts(reader, item, error);
  case GP_PARTIAL_TAG_END:
    return get_end(reader, item, error);
  default:
    return fail_damaged(reader, "an unknown record", error);
  }
}

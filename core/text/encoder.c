/*
 * The way of a text: what is not UTF-8 is replaced; added tokens are taken out; each stretch
 * between them is normalised, and added tokens that are meant to match there are taken out of
 * it; the rest is cut into pieces, and the model turns each piece into tokens.
 *
 * Natural text has few distinct pieces, so the tokens of short ones are remembered.
 */
#include "text/tokenizer.h"

#include "common/error.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

/* A remembered piece fills a cache line; longer pieces, and those of more tokens, are not
 * remembered. A piece has one place, and the later piece takes it. */
#define CACHED_BYTES   32U
#define CACHED_TOKENS  5U
#define CACHE_LOG2     16U
#define CACHE_CAPACITY (UINT32_C(1) << CACHE_LOG2)

typedef struct cached_piece {
  uint32_t ids[CACHED_TOKENS];
  uint32_t tag; /* more bits of the hash */
  uint8_t ends[CACHED_TOKENS];
  uint8_t n_tokens;
  uint8_t length; /* 0: nothing is here */
  uint8_t unused;
  char bytes[CACHED_BYTES];
} cached_piece;

struct gp_encoder {
  const gp_tokenizer *tokenizer;
  cached_piece *cache;
  gp_text_buffer repaired; /* the text with its ill-formed parts replaced */
  gp_added_spans raw_spans;
  gp_added_spans spans;
  gp_normalizer_work *normalizer;
  gp_pretokenizer_work *pretokenizer;
  gp_bpe_work *bpe;
  gp_unigram_work *unigram;
  gp_ids out;
  size_t *ends;
  size_t ends_capacity;
};

gp_status gp_encoder_new(const gp_tokenizer *tokenizer, gp_encoder **encoder, gp_error *error) {
  if (tokenizer == NULL || encoder == NULL) {
    return gp_fail_null(error, "gp_encoder_new", tokenizer == NULL ? "tokenizer" : "encoder");
  }
  gp_encoder *made = calloc(1, sizeof *made);
  if (made != NULL) {
    made->tokenizer = tokenizer;
    made->cache = calloc(CACHE_CAPACITY, sizeof *made->cache);
  }
  if (made == NULL || made->cache == NULL) {
    gp_encoder_free(made);
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  *encoder = made;
  return GP_OK;
}

void gp_encoder_free(gp_encoder *encoder) {
  if (encoder == NULL) {
    return;
  }
  free(encoder->cache);
  gp_text_buffer_release(&encoder->repaired);
  gp_added_spans_release(&encoder->raw_spans);
  gp_added_spans_release(&encoder->spans);
  gp_normalizer_work_free(encoder->normalizer);
  gp_pretokenizer_work_free(encoder->pretokenizer);
  gp_bpe_work_free(encoder->bpe);
  gp_unigram_work_free(encoder->unigram);
  gp_ids_release(&encoder->out);
  free(encoder->ends);
  free(encoder);
}

/* ------------------------------------------------------------------- pieces */

static gp_status run_model(gp_encoder *encoder, const char *bytes, uint32_t length,
                           gp_error *error) {
  const gp_tokenizer *tokenizer = encoder->tokenizer;
  return tokenizer->unigram != NULL
             ? gp_unigram_encode(tokenizer->unigram, &encoder->unigram, bytes, length,
                                 &encoder->out, error)
             : gp_bpe_encode(&tokenizer->bpe, &encoder->bpe, bytes, length, &encoder->out, error);
}

static void remember(cached_piece *place, uint32_t tag, const char *bytes, uint32_t length,
                     const uint32_t *ids, const uint32_t *ends, size_t n_tokens) {
  place->tag = tag;
  place->length = (uint8_t)length;
  place->n_tokens = (uint8_t)n_tokens;
  memcpy(place->bytes, bytes, length);
  for (size_t i = 0; i < n_tokens; i++) {
    place->ids[i] = ids[i];
    place->ends[i] = (uint8_t)ends[i];
  }
}

/* Appends the tokens of a piece, their ends counted from it. */
static gp_status encode_piece(gp_encoder *encoder, const char *bytes, uint32_t length,
                              gp_error *error) {
  if (length > CACHED_BYTES) {
    return run_model(encoder, bytes, length, error);
  }
  gp_ids *out = &encoder->out;
  const uint64_t hash = gp_hash_bytes(bytes, length);
  const uint32_t tag = (uint32_t)(hash >> 32);
  cached_piece *place = &encoder->cache[hash & (CACHE_CAPACITY - 1)];
  gp_status status = gp_ids_reserve(out, CACHED_TOKENS, error);
  if (status != GP_OK) {
    return status;
  }
  if (place->length == length && place->tag == tag && memcmp(place->bytes, bytes, length) == 0) {
    for (size_t i = 0; i < place->n_tokens; i++) {
      gp_ids_push(out, place->ids[i], place->ends[i]);
    }
    return GP_OK;
  }
  const size_t before = out->count;
  status = run_model(encoder, bytes, length, error);
  const size_t n_tokens = out->count - before;
  if (status == GP_OK && n_tokens <= CACHED_TOKENS) {
    remember(place, tag, bytes, length, out->ids + before, out->ends + before, n_tokens);
  }
  return status;
}

static bool is_mark(const char *bytes) {
  return memcmp(bytes, GP_MARK, GP_MARK_SIZE) == 0;
}

/* The end of the part of a piece that may be tokenized by itself (gp_bpe.cuts_at_mark). */
static uint32_t cut_at_mark(const gp_bpe *bpe, const char *bytes, uint32_t length) {
  for (uint32_t i = 1; i + GP_MARK_SIZE <= length; i++) {
    const char *at = memchr(bytes + i, (unsigned char)GP_MARK[0], length - i);
    if (at == NULL) {
      break;
    }
    i = (uint32_t)(at - bytes);
    if (length - i >= GP_MARK_SIZE && is_mark(at) &&
        !(i >= GP_MARK_SIZE && is_mark(at - GP_MARK_SIZE)) &&
        !bpe->joins_mark[(unsigned char)at[-1]]) {
      return i;
    }
  }
  return length;
}

static gp_status encode_pieces(gp_encoder *encoder, const gp_text *text, const gp_pieces *pieces,
                               gp_error *error) {
  const gp_tokenizer *tokenizer = encoder->tokenizer;
  const bool cuts = tokenizer->unigram == NULL && tokenizer->bpe.cuts_at_mark;
  gp_ids *out = &encoder->out;
  for (size_t i = 0; i < pieces->count; i++) {
    const gp_piece piece = pieces->items[i];
    for (uint32_t begin = piece.begin; begin < piece.end;) {
      const char *bytes = text->bytes + begin;
      const uint32_t rest = piece.end - begin;
      const uint32_t length = cuts ? cut_at_mark(&tokenizer->bpe, bytes, rest) : rest;
      const size_t before = out->count;
      const gp_status status = encode_piece(encoder, bytes, length, error);
      if (status != GP_OK) {
        return status;
      }
      for (size_t t = before; t < out->count; t++) {
        out->ends[t] = gp_text_end(text, begin + out->ends[t]);
      }
      begin += length;
    }
  }
  return GP_OK;
}

/* ------------------------------------------------------------------ stretches */

static gp_text slice(const gp_text *text, uint32_t begin, uint32_t end) {
  return (gp_text){.bytes = text->bytes + begin,
                   .ends = text->ends == NULL ? NULL : text->ends + begin,
                   .length = end - begin,
                   .begin = gp_text_end(text, begin)};
}

static gp_status push_added(gp_encoder *encoder, const gp_text *text, const gp_added_span *span,
                            gp_error *error) {
  const gp_status status = gp_ids_reserve(&encoder->out, 1, error);
  if (status == GP_OK) {
    gp_ids_push(&encoder->out, span->id, gp_text_end(text, span->end));
  }
  return status;
}

/* A stretch of normalised text without added tokens. */
static gp_status encode_stretch(gp_encoder *encoder, gp_text text, gp_error *error) {
  const gp_pieces *pieces = NULL;
  const gp_status status = gp_pretokenizer_run(encoder->tokenizer->pretokenizer,
                                               &encoder->pretokenizer, &text, &pieces, error);
  return status == GP_OK ? encode_pieces(encoder, &text, pieces, error) : status;
}

/* A stretch of text that holds none of the added tokens that are found in raw text. */
static gp_status encode_raw_stretch(gp_encoder *encoder, gp_text text, gp_error *error) {
  const gp_tokenizer *tokenizer = encoder->tokenizer;
  gp_status status = gp_normalizer_run(tokenizer->normalizer, &encoder->normalizer, &text, error);
  if (status == GP_OK) {
    status = gp_added_find(tokenizer->added_normalized, text.bytes, text.length, &encoder->spans,
                           error);
  }
  for (size_t i = 0; status == GP_OK && i < encoder->spans.count; i++) {
    const gp_added_span *span = &encoder->spans.items[i];
    status = span->id == GP_NO_ID
                 ? encode_stretch(encoder, slice(&text, span->begin, span->end), error)
                 : push_added(encoder, &text, span, error);
  }
  return status;
}

/* ------------------------------------------------------------------- the whole */

/* Replaces each maximal ill-formed part by U+FFFD; text that has none is left where it is. */
static gp_status repair(gp_encoder *encoder, gp_text *text, gp_error *error) {
  const uint32_t length = text->length;
  gp_text_buffer *repaired = &encoder->repaired;
  gp_status status = GP_OK;
  uint32_t valid = (uint32_t)gp_utf8_valid_prefix(text->bytes, length);
  if (valid == length) {
    return GP_OK;
  }
  repaired->length = 0;
  for (uint32_t i = 0; status == GP_OK;) {
    status = gp_text_buffer_copy(repaired, text, i, i + valid, error);
    i += valid;
    if (status != GP_OK || i == length) {
      break;
    }
    i += (uint32_t)gp_utf8_ill_formed(text->bytes + i, length - i);
    status = gp_text_buffer_put(repaired, "\xEF\xBF\xBD", 3, i, error);
    valid = (uint32_t)gp_utf8_valid_prefix(text->bytes + i, length - i);
  }
  if (status == GP_OK) {
    *text = (gp_text){
        .bytes = repaired->bytes, .ends = repaired->ends, .length = (uint32_t)repaired->length};
  }
  return status;
}

static gp_status encode_text(gp_encoder *encoder, gp_text text, gp_error *error) {
  gp_status status = repair(encoder, &text, error);
  if (status == GP_OK) {
    status = gp_added_find(encoder->tokenizer->added_raw, text.bytes, text.length,
                           &encoder->raw_spans, error);
  }
  for (size_t i = 0; status == GP_OK && i < encoder->raw_spans.count; i++) {
    const gp_added_span *span = &encoder->raw_spans.items[i];
    status = span->id == GP_NO_ID
                 ? encode_raw_stretch(encoder, slice(&text, span->begin, span->end), error)
                 : push_added(encoder, &text, span, error);
  }
  return status;
}

/* The ends as the caller wants them. A token that a model puts down late (bpe.c) must not make
 * them go back. */
static gp_status export_ends(gp_encoder *encoder, gp_error *error) {
  const gp_ids *out = &encoder->out;
  if (encoder->ends_capacity < out->count + 1) {
    size_t *ends = realloc(encoder->ends, (out->capacity + 1) * sizeof *ends);
    if (ends == NULL) {
      return gp_fail_memory(error, "too many tokens");
    }
    encoder->ends = ends;
    encoder->ends_capacity = out->capacity + 1;
  }
  size_t last = 0;
  for (size_t i = 0; i < out->count; i++) {
    last = out->ends[i] > last ? out->ends[i] : last;
    encoder->ends[i] = last;
  }
  return GP_OK;
}

gp_status gp_encoder_encode(gp_encoder *encoder, const char *text, size_t n_bytes,
                            const uint32_t **tokens, const size_t **ends, size_t *n_tokens,
                            gp_error *error) {
  if (encoder == NULL || (text == NULL && n_bytes > 0) || tokens == NULL || n_tokens == NULL) {
    return gp_fail_null(error, "gp_encoder_encode",
                        encoder == NULL    ? "encoder"
                        : tokens == NULL   ? "tokens"
                        : n_tokens == NULL ? "n_tokens"
                                           : "text");
  }
  if (n_bytes >= UINT32_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "gp_encoder_encode: a text has less than 4 GiB: pass it in parts");
  }
  encoder->out.count = 0;
  gp_status status = gp_ids_reserve(&encoder->out, 1, error); /* so that there is an array */
  if (status == GP_OK && n_bytes > 0) {
    const gp_text whole = {.bytes = text, .length = (uint32_t)n_bytes};
    status = encode_text(encoder, whole, error);
  }
  if (status == GP_OK && ends != NULL) {
    status = export_ends(encoder, error);
  }
  if (status != GP_OK) {
    return status;
  }
  *tokens = encoder->out.ids;
  *n_tokens = encoder->out.count;
  if (ends != NULL) {
    *ends = encoder->ends;
  }
  return GP_OK;
}

/*
 * Builds a tokenizer from the vocabulary in a GGUF file (SPEC.md section 13). The three kinds of
 * tokenizer.ggml.model that are read become the stages that a tokenizer.json would ask for:
 *
 *   gpt2     byte-level BPE: cut by tokenizer.ggml.pre, then merges over bytes
 *   llama    SentencePiece BPE: spaces marked, then any two symbols that together are a piece
 *            merge, the best score first; a character that is no piece becomes its bytes
 *   gemma4   the same with merges instead of scores
 *   t5       SentencePiece unigram
 */
#include "text/tokenizer.h"

#include "common/error.h"
#include "common/quote.h"
#include "text/alphabet.h"
#include "text/gguf_fields.h"
#include "text/gguf_pre.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a piece as it is written. */
#define WRITTEN_MAX 4096U
/* The same where merges are found by cutting a piece everywhere: a limit to what that costs. */
#define PIECE_MAX 512U

#define BYTE_VALUES 256U

typedef struct builder {
  const gp_gguf_fields *fields;
  gp_tokenizer *made;
  gp_error *reason;
} builder;

static bool equals(const gp_gguf_strings *field, const char *text) {
  size_t length = 0;
  const char *bytes = gp_gguf_string(field, 0, &length);
  return strlen(text) == length && memcmp(bytes, text, length) == 0;
}

/* The start of a message about an entry of an array. */
static gp_status fail_entry(const builder *b, const char *field, size_t entry,
                            const gp_error *why) {
  return gp_fail(b->reason, why->status, "tokenizer.ggml.%s, entry %zu: %s", field, entry,
                 why->message);
}

static gp_status fail_length(const builder *b, size_t token, size_t length, size_t most) {
  return gp_fail(
      b->reason, GP_ERR_FORMAT,
      "tokenizer.ggml.tokens, entry %zu: %zu bytes, more than the %zu that are possible", token,
      length, most);
}

/* -------------------------------------------------------------- vocabulary */

static gp_status add_piece(const builder *b, const char *bytes, size_t length, size_t token) {
  gp_error why = {0};
  if (gp_vocab_add(&b->made->vocab, bytes, length, (uint32_t)token, &why) != GP_OK) {
    return fail_entry(b, "tokens", token, &why);
  }
  return GP_OK;
}

static gp_status finish_vocabulary(const builder *b) {
  b->made->info.vocabulary = b->fields->tokens.count;
  return gp_vocab_finish(&b->made->vocab, b->reason);
}

/* Phi-3's special tokens take the white space after them along, but for these. */
static bool takes_blanks(const builder *b, const gp_added_token *token) {
  static const char *const plain[] = {"<unk>", "<s>", "<|endoftext|>"};
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    if (strlen(plain[i]) == token->length && memcmp(plain[i], token->bytes, token->length) == 0) {
      return false;
    }
  }
  return b->fields->is_phi3;
}

/* Tokens that end a turn, by their text: llama.cpp takes them for control tokens whatever their
 * type says. In Gemma 4 "</s>" is a tag of HTML. */
static bool ends_turn(const builder *b, const char *bytes, size_t length) {
  static const char *const names[] = {
      "<|eot_id|>",
      "<|im_end|>",
      "<|end|>",
      "<|return|>",
      "<|call|>",
      "<|flush|>",
      "<|calls|>",
      "<end_of_turn>",
      "<|endoftext|>",
      "</s>",
      "<|eom_id|>",
      "<EOT>",
      "_<EOT>",
      "[EOT]",
      "[EOS]",
      "<|end_of_text|>",
      "<end_of_utterance>",
      "<eos>",
      "<turn|>",
      "<|tool_response>",
      "<\357\275\234end\342\226\201of\342\226\201sentence\357\275\234>",
      "[e~[",
      "<|channel|>",
      "<|message|>",
      "<|start|>",
      "<|constrain|>"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strlen(names[i]) == length && memcmp(names[i], bytes, length) == 0) {
      return strcmp(names[i], "</s>") != 0 || !equals(&b->fields->model, "gemma4");
    }
  }
  return false;
}

/* Tokens that are found in the text before anything else is done to it: control, unknown and
 * user-defined ones, as llama.cpp does when it is told to parse special tokens. */
static gp_status add_special(const builder *b) {
  gp_status status = gp_added_new(&b->made->added_raw, b->reason);
  for (size_t i = 0; status == GP_OK && i < b->fields->tokens.count; i++) {
    const gp_gguf_token_type type = gp_gguf_type_of(b->fields, i);
    gp_added_token token = {.id = (uint32_t)i, .ascii = true};
    token.bytes = gp_gguf_string(&b->fields->tokens, i, &token.length);
    if (type != GP_GGUF_TOKEN_CONTROL && type != GP_GGUF_TOKEN_UNKNOWN &&
        type != GP_GGUF_TOKEN_USER_DEFINED && !ends_turn(b, token.bytes, token.length)) {
      continue;
    }
    token.rstrip = takes_blanks(b, &token);
    gp_error why = {0};
    if (token.length > 0 && gp_added_add(b->made->added_raw, &token, &why) != GP_OK) {
      status = fail_entry(b, "tokens", i, &why);
    }
  }
  return status;
}

/* The pieces as they are written, of the types that can come out of the model. */
static gp_status add_pieces(const builder *b) {
  gp_status status = GP_OK;
  for (size_t i = 0; status == GP_OK && i < b->fields->tokens.count; i++) {
    const gp_gguf_token_type type = gp_gguf_type_of(b->fields, i);
    if (type != GP_GGUF_TOKEN_NORMAL && type != GP_GGUF_TOKEN_UNUSED &&
        type != GP_GGUF_TOKEN_UNDEFINED) {
      continue;
    }
    size_t length = 0;
    const char *bytes = gp_gguf_string(&b->fields->tokens, i, &length);
    if (length > PIECE_MAX) {
      return fail_length(b, i, length, PIECE_MAX);
    }
    if (length > 0) {
      status = add_piece(b, bytes, length, i);
    }
  }
  return status == GP_OK ? finish_vocabulary(b) : status;
}

/* The value of a hexadecimal digit as it stands in "<0x0A>", or -1. */
static int digit_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that a token such as "<0x0A>" stands for, or -1. */
static int byte_of(const char *bytes, size_t length) {
  if (length != 6 || memcmp(bytes, "<0x", 3) != 0 || bytes[5] != '>') {
    return -1;
  }
  const int high = digit_value(bytes[3]);
  const int low = digit_value(bytes[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Fills ids[] with the byte tokens; there are all of them, or none and *found is false. */
static gp_status find_bytes(const builder *b, uint32_t ids[BYTE_VALUES], bool *found) {
  size_t count = 0;
  for (size_t i = 0; i < b->fields->tokens.count; i++) {
    if (gp_gguf_type_of(b->fields, i) != GP_GGUF_TOKEN_BYTE) {
      continue;
    }
    size_t length = 0;
    const char *bytes = gp_gguf_string(&b->fields->tokens, i, &length);
    const int byte = byte_of(bytes, length);
    if (byte < 0 || ids[byte] != GP_NO_ID) {
      char quoted[GP_QUOTE_SIZE];
      return gp_fail(b->reason, GP_ERR_FORMAT,
                     "tokenizer.ggml.tokens, entry %zu: %s is no new byte token, as "
                     "tokenizer.ggml.token_type says",
                     i, gp_quote(quoted, bytes, length));
    }
    ids[byte] = (uint32_t)i;
    count++;
  }
  if (count != 0 && count != BYTE_VALUES) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "tokenizer.ggml.token_type has %zu byte tokens: all 256 or none are possible",
                   count);
  }
  *found = count != 0;
  return GP_OK;
}

/* What stands for a character that no piece covers. */
static bool find_unknown(const gp_gguf_fields *fields, uint32_t *unknown) {
  if (fields->has_unknown) {
    *unknown = fields->unknown;
    return true;
  }
  for (size_t i = 0; i < fields->tokens.count; i++) {
    if (gp_gguf_type_of(fields, i) == GP_GGUF_TOKEN_UNKNOWN) {
      *unknown = (uint32_t)i;
      return true;
    }
  }
  return false;
}

/* ------------------------------------------------------------------ merges */

/* The ids of the halves of an entry "left right" and of both together. */
static gp_status find_merge(const builder *b, size_t entry, uint32_t *left, uint32_t *right,
                            uint32_t *merged) {
  const gp_vocab *vocab = &b->made->vocab;
  char quoted[GP_QUOTE_SIZE];
  size_t length = 0;
  const char *written = gp_gguf_string(&b->fields->merges, entry, &length);
  const char *blank = length < 3 ? NULL : memchr(written + 1, ' ', length - 2);
  if (blank == NULL || length > (size_t)WRITTEN_MAX) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "tokenizer.ggml.merges, entry %zu: %s is not two pieces and a space", entry,
                   gp_quote(quoted, written, length));
  }
  char joined[WRITTEN_MAX];
  size_t cut = (size_t)(blank - written);
  size_t rest = length - cut - 1;
  bool known = true;
  if (b->made->bpe.bytes_alphabet) {
    known = gp_alphabet_decode(written, cut, joined, &cut) &&
            gp_alphabet_decode(blank + 1, rest, joined + cut, &rest);
  } else {
    memcpy(joined, written, cut);
    memcpy(joined + cut, blank + 1, rest);
  }
  if (known) {
    *left = gp_vocab_find(vocab, joined, cut);
    *right = gp_vocab_find(vocab, joined + cut, rest);
    *merged = gp_vocab_find(vocab, joined, cut + rest);
    known = *left != GP_NO_ID && *right != GP_NO_ID && *merged != GP_NO_ID;
  }
  if (!known) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "tokenizer.ggml.merges, entry %zu: %s names a piece that "
                   "tokenizer.ggml.tokens lacks",
                   entry, gp_quote(quoted, written, length));
  }
  return GP_OK;
}

/* Of two entries for one pair the first counts, in llama.cpp; in gp_bpe_add() it is the last. */
static gp_status add_merges(const builder *b) {
  if (!b->fields->has_merges) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "has no key tokenizer.ggml.merges: the file is damaged");
  }
  for (size_t i = b->fields->merges.count; i-- > 0;) {
    uint32_t left = 0;
    uint32_t right = 0;
    uint32_t merged = 0;
    gp_status status = find_merge(b, i, &left, &right, &merged);
    if (status == GP_OK) {
      status = gp_bpe_add(&b->made->bpe, left, right, (uint32_t)i, merged, b->reason);
    }
    if (status != GP_OK) {
      return status;
    }
  }
  return GP_OK;
}

static int compare_down(const void *left, const void *right) {
  const double a = *(const double *)left;
  const double b = *(const double *)right;
  return (a < b) - (a > b);
}

/* How many of the distinct scores, sorted downwards, are above `score`. */
static uint32_t rank_of(const double *sorted, size_t count, double score) {
  size_t low = 0;
  size_t high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (sorted[middle] > score) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return (uint32_t)low;
}

/* All ways to put a piece together from two. */
static gp_status add_splits(const builder *b, const gp_vocab_piece *piece, uint32_t rank) {
  const gp_vocab *vocab = &b->made->vocab;
  const char *bytes = vocab->bytes + piece->offset;
  gp_status status = GP_OK;
  for (size_t cut = 1; status == GP_OK && cut < piece->length; cut++) {
    if (((unsigned char)bytes[cut] & 0xC0U) == 0x80U) {
      continue; /* within a character */
    }
    const uint32_t left = gp_vocab_find(vocab, bytes, cut);
    if (left == GP_NO_ID) {
      continue;
    }
    const uint32_t right = gp_vocab_find(vocab, bytes + cut, piece->length - cut);
    if (right != GP_NO_ID) {
      status = gp_bpe_add(&b->made->bpe, left, right, rank, piece->id, b->reason);
    }
  }
  return status;
}

/* A pair merges if both together are a piece, the pair of the best score first and the
 * leftmost among equals: merges whose ranks are those of the scores. */
static gp_status add_merges_by_score(const builder *b) {
  const gp_vocab *vocab = &b->made->vocab;
  if (b->fields->scores == NULL) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "has no key tokenizer.ggml.scores: the file is damaged");
  }
  double *sorted = malloc((vocab->count + 1) * sizeof *sorted);
  if (sorted == NULL) {
    return gp_fail_memory(b->reason, "the scores of a vocabulary");
  }
  for (size_t i = 0; i < vocab->count; i++) {
    sorted[i] = b->fields->scores[vocab->pieces[i].id];
  }
  qsort(sorted, vocab->count, sizeof *sorted, compare_down);
  gp_status status = GP_OK;
  for (size_t i = 0; status == GP_OK && i < vocab->count; i++) {
    const gp_vocab_piece piece = vocab->pieces[i];
    status = add_splits(b, &piece, rank_of(sorted, vocab->count, b->fields->scores[piece.id]));
  }
  free(sorted);
  return status;
}

/* ------------------------------------------------------------ byte-level BPE */

static gp_status add_byte_pieces(const builder *b) {
  for (size_t i = 0; i < b->fields->tokens.count; i++) {
    char decoded[WRITTEN_MAX];
    size_t length = 0;
    const char *written = gp_gguf_string(&b->fields->tokens, i, &length);
    if (length > WRITTEN_MAX) {
      return fail_length(b, i, length, WRITTEN_MAX);
    }
    /* What is not of the alphabet cannot come out of merging bytes. */
    if (length == 0 || !gp_alphabet_decode(written, length, decoded, &length)) {
      continue;
    }
    const gp_status status = add_piece(b, decoded, length, i);
    if (status != GP_OK) {
      return status;
    }
  }
  return finish_vocabulary(b);
}

static gp_status add_cuts(const builder *b) {
  char quoted[GP_QUOTE_SIZE];
  size_t length = 0;
  if (b->fields->pre.count == 0) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "has no key tokenizer.ggml.pre: how its text is cut before merging is not "
                   "known; convert the model again");
  }
  const char *name = gp_gguf_string(&b->fields->pre, 0, &length);
  const gp_gguf_pre *pre = gp_gguf_pre_find(name, length);
  if (pre == NULL) {
    return gp_fail(b->reason, GP_ERR_FORMAT, "tokenizer.ggml.pre is %s, which is not implemented",
                   gp_quote(quoted, name, length));
  }
  b->made->bpe.ignore_merges = pre->ignore_merges;
  const gp_status status = gp_pretokenizer_new(&b->made->pretokenizer, b->reason);
  return status == GP_OK ? gp_gguf_pre_add(pre, b->made->pretokenizer, b->reason) : status;
}

static gp_status build_byte_level(const builder *b) {
  b->made->bpe.bytes_alphabet = true;
  b->made->bpe.dropped_part = true; /* as llama.cpp has it; the tokenizers library drops first */
  gp_status status = add_cuts(b);
  if (status == GP_OK) {
    status = add_byte_pieces(b);
  }
  return status == GP_OK ? add_merges(b) : status;
}

/* ------------------------------------------------------------- SentencePiece */

static gp_status replace(const builder *b, const char *regex, const char *with) {
  gp_pattern *pattern = NULL;
  const gp_status status = gp_pattern_new_regex(regex, strlen(regex), &pattern, b->reason);
  return status == GP_OK ? gp_normalizer_add_replace(b->made->normalizer, pattern, with,
                                                     strlen(with), b->reason)
                         : status;
}

/* Spaces become marks; with `prefix` one more stands before a stretch. */
static gp_status mark_spaces(const builder *b, bool prefix) {
  gp_status status = GP_OK;
  if (b->made->normalizer == NULL) {
    status = gp_normalizer_new(&b->made->normalizer, b->reason);
  }
  if (status == GP_OK && prefix) {
    status = gp_normalizer_add_prepend(b->made->normalizer, GP_MARK, GP_MARK_SIZE, b->reason);
  }
  gp_pattern *space = NULL;
  if (status == GP_OK) {
    status = gp_pattern_new_string(" ", 1, &space, b->reason);
  }
  return status == GP_OK ? gp_normalizer_add_replace(b->made->normalizer, space, GP_MARK,
                                                     GP_MARK_SIZE, b->reason)
                         : status;
}

static gp_status build_marked_bpe(const builder *b, bool by_score) {
  const bool prefix = b->fields->has_space_prefix ? b->fields->space_prefix : by_score;
  if (b->fields->remove_extra_spaces) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "tokenizer.ggml.remove_extra_whitespaces is true, which is not implemented "
                   "for this model");
  }
  gp_bpe *bpe = &b->made->bpe;
  gp_status status = mark_spaces(b, prefix);
  if (status == GP_OK) {
    status = add_pieces(b);
  }
  if (status == GP_OK) {
    status = find_bytes(b, bpe->byte_ids, &bpe->byte_fallback);
  }
  bpe->has_unknown = find_unknown(b->fields, &bpe->unknown);
  bpe->fuse_unknown = true;
  if (status == GP_OK && !bpe->byte_fallback && !bpe->has_unknown) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "tokenizer.ggml.token_type has neither byte tokens nor an unknown token: "
                   "what becomes of other characters is not known");
  }
  if (status != GP_OK) {
    return status;
  }
  return by_score ? add_merges_by_score(b) : add_merges(b);
}

/* Whether the mark of a space stands only at the beginning of pieces, so that a text may be cut
 * there. */
static bool begins_words(const gp_vocab *vocab) {
  for (size_t i = 0; i < vocab->count; i++) {
    const char *bytes = vocab->bytes + vocab->pieces[i].offset;
    for (size_t j = 1; j + GP_MARK_SIZE <= vocab->pieces[i].length; j++) {
      if (memcmp(bytes + j, GP_MARK, GP_MARK_SIZE) == 0) {
        return false;
      }
    }
  }
  return gp_vocab_find(vocab, GP_MARK, GP_MARK_SIZE) != GP_NO_ID;
}

/* What SentencePiece does to a text: the character map, then spaces. Cutting at marks lets the
 * encoder remember words. */
static gp_status add_unigram_steps(const builder *b) {
  const gp_gguf_fields *fields = b->fields;
  gp_status status = gp_normalizer_new(&b->made->normalizer, b->reason);
  if (status == GP_OK && fields->charsmap_size > 0) {
    status = gp_normalizer_add_charsmap(b->made->normalizer, fields->charsmap,
                                        fields->charsmap_size, GP_CHARSMAP_LONGEST, b->reason);
  }
  if (status == GP_OK && fields->remove_extra_spaces) {
    status = replace(b, " {2,}", " ");
    if (status == GP_OK) {
      status = replace(b, "\\A | \\z", "");
    }
  }
  if (status == GP_OK) {
    status = mark_spaces(b, fields->remove_extra_spaces || !fields->has_space_prefix ||
                                fields->space_prefix);
  }
  if (status != GP_OK || !begins_words(&b->made->vocab)) {
    return status;
  }
  status = gp_pretokenizer_new(&b->made->pretokenizer, b->reason);
  return status == GP_OK
             ? gp_pretokenizer_add_metaspace(b->made->pretokenizer, GP_MARK, GP_MARK_SIZE,
                                             GP_PREPEND_NEVER, true, b->reason)
             : status;
}

static gp_status build_unigram(const builder *b) {
  gp_unigram_options options = {.has_unknown = false};
  if (b->fields->scores == NULL) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "has no key tokenizer.ggml.scores: the file is damaged");
  }
  gp_status status = find_bytes(b, b->made->bpe.byte_ids, &options.byte_fallback);
  if (status == GP_OK && options.byte_fallback) {
    return gp_fail(b->reason, GP_ERR_FORMAT,
                   "tokenizer.ggml.token_type has byte tokens, which are not implemented for the "
                   "model t5");
  }
  options.has_unknown = find_unknown(b->fields, &options.unknown);
  if (status == GP_OK) {
    status = add_pieces(b);
  }
  if (status == GP_OK) {
    status = add_unigram_steps(b);
  }
  return status == GP_OK ? gp_unigram_new(&b->made->vocab, b->fields->scores, &options,
                                          &b->made->unigram, b->reason)
                         : status;
}

/* --------------------------------------------------------------------- model */

static gp_status build_model(const builder *b) {
  const gp_gguf_strings *model = &b->fields->model;
  const char *kind = "SentencePiece BPE";
  gp_status status = GP_OK;
  if (equals(model, "gpt2")) {
    kind = "byte-level BPE";
    status = build_byte_level(b);
  } else if (equals(model, "llama")) {
    status = build_marked_bpe(b, true);
  } else if (equals(model, "gemma4")) {
    status = build_marked_bpe(b, false);
  } else if (equals(model, "t5")) {
    kind = "unigram";
    status = build_unigram(b);
  } else {
    char quoted[GP_QUOTE_SIZE];
    size_t length = 0;
    const char *name = gp_gguf_string(model, 0, &length);
    return gp_fail(
        b->reason, GP_ERR_FORMAT,
        "tokenizer.ggml.model is %s, which is not implemented: gpt2, llama, gemma4 and "
        "t5 are",
        gp_quote(quoted, name, length));
  }
  (void)snprintf(b->made->info.model, sizeof b->made->info.model, "%s", kind);
  return status;
}

static gp_status build(const builder *b) {
  gp_bpe *bpe = &b->made->bpe;
  bpe->vocab = &b->made->vocab;
  for (size_t i = 0; i < BYTE_VALUES; i++) {
    bpe->byte_ids[i] = GP_NO_ID;
  }
  b->made->info.bytes = b->fields->file_bytes;
  memcpy(b->made->info.sha256, b->fields->sha256, sizeof b->made->info.sha256);
  gp_status status = build_model(b);
  if (status == GP_OK) {
    gp_bpe_finish(bpe);
    status = add_special(b);
  }
  return status;
}

gp_status gp_tokenizer_from_gguf(const char *path, gp_tokenizer *made, gp_error *error) {
  gp_gguf_fields fields = {.types = NULL};
  gp_error reason = {0};
  gp_status status = gp_gguf_fields_read(path, &fields, &reason);
  if (status == GP_OK) {
    const builder b = {.fields = &fields, .made = made, .reason = &reason};
    status = build(&b);
  }
  gp_gguf_fields_release(&fields);
  if (status != GP_OK) {
    char name[GP_DISPLAY_NAME_SIZE];
    gp_display_name(name, path);
    return gp_fail(error, status, "%s: %s", name, reason.message);
  }
  return GP_OK;
}

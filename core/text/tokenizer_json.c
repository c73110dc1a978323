/* A Hugging Face tokenizer.json: added tokens, normalizer, pre-tokenizer and model. What comes
 * after the model (post-processor, decoder) has no say in the ids of a text. */
#include "text/tokenizer.h"

#include "common/error.h"
#include "common/quote.h"
#include "text/alphabet.h"
#include "text/json.h"
#include "text/json_steps.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ the model */

/* The pieces as the file has them, and what they are for. */
typedef struct reader {
  gp_tokenizer *made;
  gp_vocab raw;
  bool byte_level; /* pieces are written in GPT-2's alphabet */
  gp_error *reason;
} reader;

static gp_status place(const gp_json *at, gp_status status, const gp_error *inner,
                       gp_error *reason) {
  return status == GP_OK ? GP_OK : gp_fail(reason, status, "%s: %s", at->path, inner->message);
}

static gp_status fail_piece(const gp_json *at, const char *piece, size_t length, const char *what,
                            gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT, "%s: %s %s", at->path, gp_quote(quoted, piece, length),
                 what);
}

static gp_status read_vocabulary(const gp_json *model, reader *r) {
  const gp_json at = gp_json_field(model, "vocab");
  if (!json_is_object(at.value)) {
    return gp_json_fail(&at, r->reason, "an object of pieces and ids expected");
  }
  gp_error inner = {0};
  const char *piece;
  const json_t *id;
  json_object_foreach(at.value, piece, id) {
    const json_int_t value = json_integer_value(id);
    if (!json_is_integer(id) || value < 0 || value >= (json_int_t)GP_ID_MAX) {
      char quoted[GP_QUOTE_SIZE];
      return gp_fail(r->reason, GP_ERR_FORMAT,
                     "%s: the id of %s must be an integer from 0 to %" PRIu32, at.path,
                     gp_quote(quoted, piece, strlen(piece)), GP_ID_MAX - 1);
    }
    const gp_status status =
        piece[0] == '\0' ? GP_OK /* an empty piece is never met */
                         : gp_vocab_add(&r->raw, piece, strlen(piece), (uint32_t)value, &inner);
    if (status != GP_OK) {
      return place(&at, status, &inner, r->reason);
    }
  }
  return place(&at, gp_vocab_finish(&r->raw, &inner), &inner, r->reason);
}

/* The id of a piece that a field names. */
static gp_status find_piece(const gp_json *at, const reader *r, const char *piece, size_t length,
                            uint32_t *id) {
  *id = gp_vocab_find(&r->raw, piece, length);
  return *id == GP_NO_ID ? fail_piece(at, piece, length, "is not in the vocabulary", r->reason)
                         : GP_OK;
}

/* "a b", or ["a", "b"]. Older files begin with a line "#version: ...". */
static gp_status merge_parts(const gp_json *at, const char *parts[2], size_t lengths[2],
                             bool *skip, gp_error *reason) {
  *skip = false;
  if (json_is_string(at->value)) {
    const char *line = json_string_value(at->value);
    const size_t length = json_string_length(at->value);
    const char *blank = memchr(line, ' ', length);
    if (length >= 8 && memcmp(line, "#version", 8) == 0) {
      *skip = true;
      return GP_OK;
    }
    if (blank != NULL) {
      parts[0] = line;
      lengths[0] = (size_t)(blank - line);
      parts[1] = blank + 1;
      lengths[1] = length - lengths[0] - 1;
      if (memchr(parts[1], ' ', lengths[1]) == NULL) {
        return GP_OK;
      }
    }
  } else if (json_is_array(at->value) && json_array_size(at->value) == 2) {
    for (size_t i = 0; i < 2; i++) {
      const json_t *part = json_array_get(at->value, i);
      parts[i] = json_string_value(part);
      lengths[i] = json_string_length(part);
    }
    if (parts[0] != NULL && parts[1] != NULL) {
      return GP_OK;
    }
  }
  return gp_json_fail(at, reason, "a merge is \"a b\" or [\"a\", \"b\"]");
}

static gp_status read_merge(const gp_json *at, reader *r, uint32_t rank, char **joined,
                            size_t *capacity) {
  const char *parts[2] = {NULL, NULL};
  size_t lengths[2] = {0, 0};
  uint32_t ids[3] = {0};
  bool skip = false;
  gp_status status = merge_parts(at, parts, lengths, &skip, r->reason);
  if (status != GP_OK || skip || parts[0] == NULL || parts[1] == NULL) {
    return status;
  }
  const size_t length = lengths[0] + lengths[1];
  if (*joined == NULL || length > *capacity) {
    char *longer = realloc(*joined, length * 2 + 1);
    if (longer == NULL) {
      return gp_fail_memory(r->reason, "a merge");
    }
    *joined = longer;
    *capacity = length * 2;
  }
  for (size_t i = 0; i < 2 && status == GP_OK; i++) {
    status = find_piece(at, r, parts[i], lengths[i], &ids[i]);
  }
  if (status == GP_OK) {
    memcpy(*joined, parts[0], lengths[0]);
    memcpy(*joined + lengths[0], parts[1], lengths[1]);
    status = find_piece(at, r, *joined, length, &ids[2]);
  }
  return status == GP_OK ? gp_bpe_add(&r->made->bpe, ids[0], ids[1], rank, ids[2], r->reason)
                         : status;
}

static gp_status read_merges(const gp_json *model, reader *r) {
  gp_json list;
  char *joined = NULL;
  size_t capacity = 0;
  gp_status status = gp_json_array(model, "merges", &list, r->reason);
  for (size_t i = 0; status == GP_OK && i < json_array_size(list.value); i++) {
    if (i >= UINT32_MAX) {
      status = gp_json_fail(&list, r->reason, "too many merges");
      break;
    }
    gp_json item = {.value = json_array_get(list.value, i)};
    (void)snprintf(item.path, sizeof item.path, "%.60s[%zu]", list.path, i);
    status = read_merge(&item, r, (uint32_t)i, &joined, &capacity);
  }
  free(joined);
  return status;
}

/* The vocabulary as text meets it. Pieces that are not of the alphabet can never be met. */
static gp_status decode_vocabulary(const gp_json *at, reader *r) {
  if (!r->byte_level) {
    r->made->vocab = r->raw;
    memset(&r->raw, 0, sizeof r->raw);
    return GP_OK;
  }
  char *bytes = NULL;
  size_t capacity = 0;
  gp_status status = GP_OK;
  gp_error inner = {0};
  for (size_t i = 0; i < r->raw.count && status == GP_OK; i++) {
    const gp_vocab_piece *piece = &r->raw.pieces[i];
    size_t length = 0;
    if (piece->length > capacity) {
      char *longer = realloc(bytes, (size_t)piece->length * 2);
      if (longer == NULL) {
        status = gp_fail_memory(&inner, "the vocabulary");
        break;
      }
      bytes = longer;
      capacity = (size_t)piece->length * 2;
    }
    if (gp_alphabet_decode(r->raw.bytes + piece->offset, piece->length, bytes, &length)) {
      status = gp_vocab_add(&r->made->vocab, bytes, length, piece->id, &inner);
    }
  }
  if (status == GP_OK) {
    status = gp_vocab_finish(&r->made->vocab, &inner);
  }
  free(bytes);
  return place(at, status, &inner, r->reason);
}

/* Where bytes are the alphabet, falling back on bytes only makes sense if none is missing. */
static gp_status read_byte_fallback(const gp_json *model, reader *r, bool *fallback,
                                    uint32_t ids[256]) {
  const gp_status status = gp_json_bool(model, "byte_fallback", false, fallback, r->reason);
  for (unsigned byte = 0; byte < 256; byte++) {
    char piece[8];
    (void)snprintf(piece, sizeof piece, "<0x%02X>", byte);
    ids[byte] = gp_vocab_find(&r->raw, piece, 6);
  }
  return status;
}

static gp_status read_unknown(const gp_json *model, reader *r) {
  gp_bpe *bpe = &r->made->bpe;
  const gp_json at = gp_json_field(model, "unk_token");
  if (gp_json_is_nothing(&at)) {
    return GP_OK;
  }
  if (!json_is_string(at.value)) {
    return gp_json_fail(&at, r->reason, "a string expected");
  }
  bpe->has_unknown = true;
  return find_piece(&at, r, json_string_value(at.value), json_string_length(at.value),
                    &bpe->unknown);
}

static gp_status read_bpe_options(const gp_json *model, reader *r) {
  static const char *const names[] = {"type",     "vocab",         "merges",        "unk_token",
                                      "fuse_unk", "byte_fallback", "ignore_merges", NULL};
  gp_bpe *bpe = &r->made->bpe;
  static const char *const unsupported[] = {"dropout", "continuing_subword_prefix",
                                            "end_of_word_suffix"};
  gp_status status = GP_OK;
  for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported && status == GP_OK; i++) {
    status = gp_json_unsupported(model, unsupported[i], r->reason);
  }
  if (status == GP_OK) {
    status = gp_json_only(model, names, r->reason);
  }
  if (status == GP_OK) {
    status = gp_json_bool(model, "ignore_merges", false, &bpe->ignore_merges, r->reason);
  }
  if (status == GP_OK) {
    status = gp_json_bool(model, "fuse_unk", false, &bpe->fuse_unknown, r->reason);
  }
  if (status == GP_OK) {
    status = read_byte_fallback(model, r, &bpe->byte_fallback, bpe->byte_ids);
  }
  return status == GP_OK ? read_unknown(model, r) : status;
}

static gp_status check_byte_level(const gp_json *model, const reader *r) {
  const gp_bpe *bpe = &r->made->bpe;
  const gp_json at = gp_json_field(model, "byte_fallback");
  for (unsigned byte = 0; bpe->byte_fallback && byte < 256; byte++) {
    if (bpe->first[byte] == GP_NO_ID) {
      return gp_json_fail(&at, r->reason,
                          "not supported with a byte-level vocabulary that lacks bytes");
    }
  }
  return GP_OK;
}

static gp_status read_bpe(const gp_json *model, reader *r) {
  gp_bpe *bpe = &r->made->bpe;
  const gp_json vocabulary = gp_json_field(model, "vocab");
  gp_status status = read_vocabulary(model, r);
  if (status == GP_OK) {
    status = read_bpe_options(model, r);
  }
  if (status == GP_OK) {
    status = read_merges(model, r);
  }
  r->made->info.vocabulary = r->raw.n_ids;
  if (status == GP_OK) {
    status = decode_vocabulary(&vocabulary, r);
  }
  if (status != GP_OK) {
    return status;
  }
  bpe->vocab = &r->made->vocab;
  bpe->bytes_alphabet = r->byte_level;
  gp_bpe_finish(bpe);
  const bool of_bytes = r->byte_level || gp_pretokenizer_has_byte_alphabet(r->made->pretokenizer);
  (void)snprintf(r->made->info.model, sizeof r->made->info.model, "%s",
                 of_bytes ? "byte-level BPE" : "SentencePiece BPE");
  return r->byte_level ? check_byte_level(model, r) : GP_OK;
}

static gp_status read_scored_piece(const gp_json *at, reader *r, uint32_t id, double *score) {
  const json_t *piece = json_array_get(at->value, 0);
  const json_t *value = json_array_get(at->value, 1);
  if (json_array_size(at->value) != 2 || !json_is_string(piece) || !json_is_number(value) ||
      !isfinite(json_number_value(value))) {
    return gp_json_fail(at, r->reason, "[piece, score] expected");
  }
  *score = json_number_value(value);
  if (json_string_length(piece) == 0) {
    return GP_OK;
  }
  gp_error inner = {0};
  return place(
      at, gp_vocab_add(&r->raw, json_string_value(piece), json_string_length(piece), id, &inner),
      &inner, r->reason);
}

static gp_status read_scores(const gp_json *model, reader *r, double **scores) {
  gp_json list;
  gp_status status = gp_json_array(model, "vocab", &list, r->reason);
  if (status != GP_OK) {
    return status;
  }
  const size_t count = json_array_size(list.value);
  if (count == 0 || count > GP_ID_MAX) {
    return gp_json_fail(&list, r->reason, "this number of pieces is refused");
  }
  *scores = malloc(count * sizeof **scores);
  if (*scores == NULL) {
    return gp_fail_memory(r->reason, "the vocabulary");
  }
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    gp_json item = {.value = json_array_get(list.value, i)};
    (void)snprintf(item.path, sizeof item.path, "%.60s[%zu]", list.path, i);
    status = read_scored_piece(&item, r, (uint32_t)i, *scores + i);
  }
  gp_error inner = {0};
  return status == GP_OK ? place(&list, gp_vocab_finish(&r->raw, &inner), &inner, r->reason)
                         : status;
}

static gp_status read_unknown_id(const gp_json *model, const reader *r,
                                 gp_unigram_options *options) {
  const gp_json at = gp_json_field(model, "unk_id");
  if (gp_json_is_nothing(&at)) {
    return GP_OK;
  }
  const json_int_t id = json_integer_value(at.value);
  if (!json_is_integer(at.value) || id < 0 || id >= (json_int_t)r->made->vocab.n_ids) {
    return gp_json_fail(&at, r->reason, "an id of the vocabulary expected");
  }
  options->has_unknown = true;
  options->unknown = (uint32_t)id;
  return GP_OK;
}

static gp_status read_unigram(const gp_json *model, reader *r) {
  static const char *const names[] = {"type", "vocab", "unk_id", "byte_fallback", NULL};
  gp_tokenizer *made = r->made;
  gp_unigram_options options = {.has_unknown = false};
  double *scores = NULL;
  gp_status status = gp_json_only(model, names, r->reason);
  if (status == GP_OK) {
    status = read_scores(model, r, &scores);
  }
  if (status == GP_OK) {
    status = read_byte_fallback(model, r, &options.byte_fallback, options.byte_ids);
  }
  made->vocab = r->raw;
  memset(&r->raw, 0, sizeof r->raw);
  made->info.vocabulary = made->vocab.n_ids;
  (void)snprintf(made->info.model, sizeof made->info.model, "unigram");
  if (status == GP_OK) {
    status = read_unknown_id(model, r, &options);
  }
  if (status == GP_OK) {
    status = gp_unigram_new(&made->vocab, scores, &options, &made->unigram, r->reason);
  }
  free(scores);
  return status;
}

/* Files from before 2021 do not name the type of their model. */
static gp_status read_model(const gp_json *root, reader *r) {
  const gp_json model = gp_json_field(root, "model");
  const gp_json named = gp_json_field(&model, "type");
  const char *type = NULL;
  if (!json_is_object(model.value)) {
    return gp_json_fail(&model, r->reason, "an object expected");
  }
  if (named.value == NULL && json_object_get(model.value, "merges") != NULL) {
    type = "BPE";
  } else {
    const gp_status status = gp_json_type(&model, &type, r->reason);
    if (status != GP_OK) {
      return status;
    }
  }
  if (strcmp(type, "BPE") == 0) {
    return read_bpe(&model, r);
  }
  if (strcmp(type, "Unigram") != 0) {
    return fail_piece(&named, type, strlen(type), "is not supported: BPE and Unigram are",
                      r->reason);
  }
  if (r->byte_level) { /* the library maps bytes to characters there, and so does this */
    r->byte_level = false;
    const gp_status status = gp_pretokenizer_add_byte_alphabet(r->made->pretokenizer, r->reason);
    if (status != GP_OK) {
      return status;
    }
  }
  return read_unigram(&model, r);
}

/* ---------------------------------------------------------------- added tokens */

typedef struct added_token {
  const char *content;
  size_t length;
  uint32_t id;
  bool single_word;
  bool lstrip;
  bool rstrip;
  bool normalized;
  bool special;
} added_token;

static gp_status read_added_token(const gp_json *at, added_token *token, gp_error *reason) {
  static const char *const names[] = {"id",     "content",    "single_word", "lstrip",
                                      "rstrip", "normalized", "special",     NULL};
  const struct {
    const char *name;
    bool *value;
  } flags[] = {{"single_word", &token->single_word},
               {"lstrip", &token->lstrip},
               {"rstrip", &token->rstrip},
               {"normalized", &token->normalized},
               {"special", &token->special}};
  const gp_json id = gp_json_field(at, "id");
  const json_int_t value = json_integer_value(id.value);
  if (!json_is_object(at->value)) {
    return gp_json_fail(at, reason, "an object expected");
  }
  if (!json_is_integer(id.value) || value < 0 || value >= (json_int_t)GP_ID_MAX) {
    return gp_json_fail(&id, reason, "an integer from 0 to 16777215 expected");
  }
  token->id = (uint32_t)value;
  gp_status status = gp_json_only(at, names, reason);
  if (status == GP_OK) {
    status = gp_json_string(at, "content", &token->content, &token->length, reason);
  }
  for (size_t i = 0; i < sizeof flags / sizeof *flags && status == GP_OK; i++) {
    status = gp_json_bool(at, flags[i].name, false, flags[i].value, reason);
  }
  return status;
}

/* The library numbers added tokens itself: by the model's vocabulary, or else after the largest
 * id so far. A file that says otherwise would be read in two ways. */
typedef struct numbering {
  uint32_t model_size; /* pieces of the model */
  bool any;
  uint32_t largest;
  gp_vocab seen;
} numbering;

static uint32_t number_of(const reader *r, const numbering *n, const added_token *token) {
  const gp_vocab *vocab = r->raw.count > 0 ? &r->raw : &r->made->vocab;
  const uint32_t id = gp_vocab_find(vocab, token->content, token->length);
  if (id != GP_NO_ID) {
    return id;
  }
  return n->any && n->largest >= n->model_size ? n->largest + 1 : n->model_size;
}

static gp_status add_normalized(const gp_json *at, reader *r, const added_token *token,
                                gp_added_token *added) {
  gp_normalizer_work *work = NULL;
  gp_text text = {.bytes = token->content, .length = (uint32_t)token->length};
  gp_error inner = {0};
  gp_status status = gp_normalizer_run(r->made->normalizer, &work, &text, &inner);
  added->bytes = text.bytes;
  added->length = text.length;
  if (status == GP_OK) {
    status = gp_added_add(r->made->added_normalized, added, &inner);
  }
  gp_normalizer_work_free(work);
  return place(at, status, &inner, r->reason);
}

static gp_status add_token(const gp_json *at, reader *r, numbering *n, const added_token *token) {
  gp_error inner = {0};
  const uint32_t expected = number_of(r, n, token);
  if (expected != token->id) {
    char quoted[GP_QUOTE_SIZE];
    return gp_fail(r->reason, GP_ERR_FORMAT,
                   "%s: token %s has id %" PRIu32 ", but the model and the tokens before it give "
                   "it %" PRIu32,
                   at->path, gp_quote(quoted, token->content, token->length), token->id,
                   expected);
  }
  n->largest = n->any && n->largest > token->id ? n->largest : token->id;
  n->any = true;
  gp_tokenizer *made = r->made;
  if (token->id >= made->info.vocabulary) {
    made->info.vocabulary = (size_t)token->id + 1;
  }
  gp_added_token added = {.bytes = token->content,
                          .length = token->length,
                          .id = token->id,
                          .single_word = token->single_word,
                          .lstrip = token->lstrip,
                          .rstrip = token->rstrip};
  if (token->length > UINT16_MAX) {
    return gp_json_fail(at, r->reason, "the token is too long");
  }
  gp_status status = gp_vocab_add(&n->seen, token->content, token->length, token->id, &inner);
  if (status == GP_OK && token->normalized) {
    return add_normalized(at, r, token, &added);
  }
  if (status == GP_OK) {
    status = gp_added_add(made->added_raw, &added, &inner);
  }
  return place(at, status, &inner, r->reason);
}

/* Two passes only matter where two normalised tokens become the same string: special tokens
 * come first then. */
static gp_status read_added_tokens(const gp_json *root, reader *r) {
  const gp_json list = gp_json_field(root, "added_tokens");
  numbering n = {.model_size =
                     (uint32_t)(r->raw.count > 0 ? r->raw.count : r->made->vocab.count)};
  gp_status status = GP_OK;
  if (!gp_json_is_nothing(&list) && !json_is_array(list.value)) {
    return gp_json_fail(&list, r->reason, "an array expected");
  }
  for (size_t i = 0; i < json_array_size(list.value) && status == GP_OK; i++) {
    const gp_json item = gp_json_item(&list, i);
    added_token token = {.content = NULL};
    status = read_added_token(&item, &token, r->reason);
    if (status == GP_OK && token.length > 0) {
      status = add_token(&item, r, &n, &token);
    }
  }
  gp_vocab_release(&n.seen);
  return status;
}

/* ------------------------------------------------------------------- the whole */

static gp_status read_root(const gp_json *root, reader *r) {
  static const char *const names[] = {"version", "added_tokens",   "normalizer", "pre_tokenizer",
                                      "model",   "post_processor", "decoder",    NULL};
  static const char *const changing[] = {"truncation", "padding"};
  gp_tokenizer *made = r->made;
  if (!json_is_object(root->value)) {
    return gp_json_fail(root, r->reason, "an object expected");
  }
  gp_status status = GP_OK;
  for (size_t i = 0; i < 2 && status == GP_OK; i++) {
    status = gp_json_unsupported(root, changing[i], r->reason);
  }
  if (status == GP_OK) {
    status = gp_json_only(root, names, r->reason);
  }
  const gp_json normalizer = gp_json_field(root, "normalizer");
  const gp_json pretokenizer = gp_json_field(root, "pre_tokenizer");
  if (status == GP_OK) {
    status = gp_normalizer_new(&made->normalizer, r->reason);
  }
  if (status == GP_OK) {
    status = gp_json_normalizer(&normalizer, made->normalizer, r->reason);
  }
  if (status == GP_OK) {
    status = gp_pretokenizer_new(&made->pretokenizer, r->reason);
  }
  if (status == GP_OK) {
    status = gp_json_pretokenizer(&pretokenizer, made->pretokenizer, &r->byte_level, r->reason);
  }
  return status == GP_OK ? read_model(root, r) : status;
}

gp_status gp_tokenizer_from_json(const char *json, size_t size, gp_tokenizer *made,
                                 gp_error *reason) {
  json_t *value = NULL;
  gp_status status = gp_json_parse(json, size, &value, reason);
  if (status != GP_OK) {
    return status;
  }
  const gp_json root = {.value = value};
  reader r = {.made = made, .reason = reason};
  if (json_is_object(value) && json_object_get(value, "model") == NULL) {
    status = gp_fail(reason, GP_ERR_FORMAT,
                     "no \"model\": this is neither a tokenizer.json nor a GGUF file");
  } else {
    status = read_root(&root, &r);
  }
  if (status == GP_OK) {
    status = gp_added_new(&made->added_raw, reason);
  }
  if (status == GP_OK) {
    status = gp_added_new(&made->added_normalized, reason);
  }
  if (status == GP_OK) {
    status = read_added_tokens(&root, &r);
  }
  gp_vocab_release(&r.raw);
  json_decref(value);
  return status;
}

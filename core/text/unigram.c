/*
 * best[i], the largest sum of scores of any way to cut text[0:i] into pieces, is the largest
 * best[j] + score(text[j:i]) over the pieces that end at i [Viterbi 1967; Kudo 2018]. All
 * pieces that begin at j are found by one walk down a trie. A character that is no piece by
 * itself may be passed as unknown, for 10 less than the lowest score of all.
 *
 * Equal sums: of two ways to reach i the one whose last piece is longer stays, since it was met
 * first and only a larger sum replaces it. Sums are added from left to right in doubles. That
 * is how the tokenizers library (0.23) computes them, so that ties and roundings agree.
 */
#include "text/unigram.h"

#include "common/error.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0
#define BYTE_VALUES     256
#define SCORE_MAX       1e200 /* sums of scores stay finite */
#define PIECE_MAX       1024U /* bytes: what a place in a text may cost */

/*
 * The trie, its nodes numbered level by level, so that the children of a node stand side by
 * side in the order of their bytes: those of node i are first[i] to first[i + 1] - 1.
 */
typedef struct trie {
  uint32_t *first; /* n_nodes + 1 of them */
  uint32_t *id;    /* of the piece that ends here, or GP_NO_ID */
  uint8_t *byte;   /* that leads from the parent to here */
  size_t n_nodes;
} trie;

struct gp_unigram {
  gp_unigram_options options;
  const gp_vocab *vocab;
  double *scores;
  double unknown_score;
  size_t longest; /* bytes of the longest piece */
  trie pieces;
  uint32_t roots[BYTE_VALUES]; /* children of the root, which has no parent: 0 for none */
};

struct gp_unigram_work {
  uint32_t *last; /* last[i]: the piece that ends at i on the best way there */
  size_t capacity;
  double *best; /* best[i % window] */
  size_t window;
};

/* ---------------------------------------------------------------------- trie */

typedef struct key {
  const char *bytes;
  size_t length;
  uint32_t id;
} key;

static int compare_keys(const void *left, const void *right) {
  const key *a = left;
  const key *b = right;
  const size_t common = a->length < b->length ? a->length : b->length;
  const int order = memcmp(a->bytes, b->bytes, common);
  if (order != 0) {
    return order;
  }
  return (a->length > b->length) - (a->length < b->length);
}

static size_t common_prefix(const key *a, const key *b) {
  const size_t most = a->length < b->length ? a->length : b->length;
  size_t i = 0;
  while (i < most && a->bytes[i] == b->bytes[i]) {
    i++;
  }
  return i;
}

/* One node for the root and one for each byte of a key that the key before does not share. */
static size_t count_nodes(const key *keys, size_t n_keys) {
  size_t count = 1;
  for (size_t i = 0; i < n_keys; i++) {
    count += keys[i].length - (i == 0 ? 0 : common_prefix(&keys[i - 1], &keys[i]));
  }
  return count;
}

/* The sorted keys below a node: keys[begin:end], which share their first bytes. */
typedef struct range {
  uint32_t begin;
  uint32_t end;
} range;

/* Appends the children of a node of a given depth. */
static void add_children(trie *made, range *ranges, uint32_t node, size_t depth,
                         const key *keys) {
  range rest = ranges[node];
  if (keys[rest.begin].length == depth) { /* the shortest comes first */
    made->id[node] = keys[rest.begin].id;
    rest.begin++;
  }
  while (rest.begin < rest.end) {
    const char byte = keys[rest.begin].bytes[depth];
    range child = {.begin = rest.begin, .end = rest.begin};
    while (child.end < rest.end && keys[child.end].bytes[depth] == byte) {
      child.end++;
    }
    made->byte[made->n_nodes] = (uint8_t)byte;
    ranges[made->n_nodes++] = child;
    rest.begin = child.end;
  }
}

static void fill_trie(trie *made, range *ranges, const key *keys, size_t n_keys) {
  ranges[0] = (range){.begin = 0, .end = (uint32_t)n_keys};
  made->n_nodes = 1;
  size_t level_end = 1;
  size_t depth = 0;
  for (uint32_t node = 0; node < made->n_nodes; node++) {
    if (node == level_end) {
      level_end = made->n_nodes;
      depth++;
    }
    made->first[node] = (uint32_t)made->n_nodes;
    made->id[node] = GP_NO_ID;
    add_children(made, ranges, node, depth, keys);
  }
  made->first[made->n_nodes] = (uint32_t)made->n_nodes;
}

static void release_trie(trie *made) {
  free(made->first);
  free(made->id);
  free(made->byte);
}

/* Builds the trie of sorted keys, at least one. */
static gp_status build_trie(trie *made, const key *keys, size_t n_keys, gp_error *error) {
  const size_t count = count_nodes(keys, n_keys);
  if (count >= UINT32_MAX) {
    return gp_fail(error, GP_ERR_FORMAT, "the pieces of the vocabulary are too long");
  }
  range *ranges = malloc(count * sizeof *ranges);
  made->first = malloc((count + 1) * sizeof *made->first);
  made->id = malloc(count * sizeof *made->id);
  made->byte = malloc(count);
  if (ranges == NULL || made->first == NULL || made->id == NULL || made->byte == NULL) {
    free(ranges);
    return gp_fail_memory(error, "the trie of a vocabulary");
  }
  fill_trie(made, ranges, keys, n_keys);
  free(ranges);
  return GP_OK;
}

/* The child of a node that is not the root, or 0. */
static inline uint32_t child_of(const trie *pieces, uint32_t node, uint8_t byte) {
  uint32_t low = pieces->first[node];
  uint32_t high = pieces->first[node + 1];
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (pieces->byte[middle] < byte) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < pieces->first[node + 1] && pieces->byte[low] == byte ? low : 0;
}

/* --------------------------------------------------------------------- model */

/* Collects the pieces that have scores, and the lowest score. */
static gp_status collect(gp_unigram *made, key *keys, size_t *n_keys, gp_error *error) {
  const gp_vocab *vocab = made->vocab;
  double lowest = DBL_MAX;
  size_t count = 0;
  for (size_t i = 0; i < vocab->count; i++) {
    const gp_vocab_piece *piece = &vocab->pieces[i];
    const double score = made->scores[piece->id];
    if (isnan(score)) {
      continue;
    }
    if (piece->length > PIECE_MAX) {
      return gp_fail(error, GP_ERR_FORMAT, "token %u has more than %u bytes", piece->id,
                     PIECE_MAX);
    }
    if (fabs(score) > SCORE_MAX) {
      return gp_fail(error, GP_ERR_FORMAT, "the score of token %u is out of range", piece->id);
    }
    keys[count++] = (key){vocab->bytes + piece->offset, piece->length, piece->id};
    lowest = score < lowest ? score : lowest;
    made->longest = piece->length > made->longest ? piece->length : made->longest;
  }
  made->unknown_score = (count == 0 ? 0.0 : lowest) - UNKNOWN_PENALTY;
  *n_keys = count;
  return GP_OK;
}

static gp_status index_pieces(gp_unigram *made, gp_error *error) {
  key *keys = malloc((made->vocab->count + 1) * sizeof *keys);
  if (keys == NULL) {
    return gp_fail_memory(error, "the pieces of a vocabulary");
  }
  size_t n_keys = 0;
  gp_status status = collect(made, keys, &n_keys, error);
  if (status == GP_OK && n_keys > 0) {
    qsort(keys, n_keys, sizeof *keys, compare_keys);
    status = build_trie(&made->pieces, keys, n_keys, error);
  }
  free(keys);
  if (status == GP_OK && n_keys > 0) {
    for (uint32_t child = 1; child < made->pieces.first[1]; child++) {
      made->roots[made->pieces.byte[child]] = child;
    }
  }
  return status;
}

gp_status gp_unigram_new(const gp_vocab *vocab, const double *scores,
                         const gp_unigram_options *options, gp_unigram **unigram,
                         gp_error *error) {
  gp_unigram *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a unigram model");
  }
  made->options = *options;
  made->vocab = vocab;
  gp_status status = GP_OK;
  made->scores = malloc(((size_t)vocab->n_ids + 1) * sizeof *made->scores);
  if (made->scores == NULL) {
    status = gp_fail_memory(error, "the scores of a vocabulary");
    goto cleanup;
  }
  if (vocab->n_ids > 0) {
    memcpy(made->scores, scores, vocab->n_ids * sizeof *made->scores);
  }
  status = index_pieces(made, error);
  if (status != GP_OK) {
    goto cleanup;
  }
  *unigram = made;
  return GP_OK;

cleanup:
  gp_unigram_free(made);
  return status;
}

void gp_unigram_free(gp_unigram *unigram) {
  if (unigram == NULL) {
    return;
  }
  release_trie(&unigram->pieces);
  free(unigram->scores);
  free(unigram);
}

/* ------------------------------------------------------------------- forward */

void gp_unigram_work_free(gp_unigram_work *work) {
  if (work == NULL) {
    return;
  }
  free(work->last);
  free(work->best);
  free(work);
}

/* Sums are kept for as many places as a piece can reach ahead, a power of two. */
static gp_status make_window(const gp_unigram *unigram, gp_unigram_work *work, gp_error *error) {
  size_t window = 8; /* a character is at most 4 bytes */
  while (window <= unigram->longest) {
    window *= 2;
  }
  if (work->window >= window) {
    return GP_OK;
  }
  double *best = malloc(window * sizeof *best);
  if (best == NULL) {
    return gp_fail_memory(error, "the sums of a unigram model");
  }
  free(work->best);
  work->best = best;
  work->window = window;
  return GP_OK;
}

static gp_status make_room(gp_unigram_work *work, size_t places, gp_error *error) {
  if (places <= work->capacity) {
    return GP_OK;
  }
  size_t capacity = work->capacity < 256 ? 256 : work->capacity;
  while (capacity < places) {
    capacity += capacity / 2;
  }
  uint32_t *last =
      capacity <= SIZE_MAX / sizeof *last ? realloc(work->last, capacity * sizeof *last) : NULL;
  if (last == NULL) {
    return gp_fail_memory(error, "the pieces of a text");
  }
  work->last = last;
  work->capacity = capacity;
  return GP_OK;
}

static gp_status prepare(const gp_unigram *unigram, gp_unigram_work **work, size_t length,
                         gp_error *error) {
  if (*work == NULL) {
    *work = calloc(1, sizeof **work);
    if (*work == NULL) {
      return gp_fail_memory(error, "the work of a unigram model");
    }
  }
  const gp_status status = make_window(unigram, *work, error);
  return status == GP_OK ? make_room(*work, length + 1, error) : status;
}

static inline uint32_t character_length(uint8_t lead) {
  return lead < 0x80U ? 1 : lead < 0xE0U ? 2 : lead < 0xF0U ? 3 : 4;
}

/* One more way to place `to`, whose sum is `sum`. -DBL_MAX marks a place not reached yet; no
 * sum of a text that fits in memory comes near it. */
static inline void offer(const gp_unigram_work *work, uint32_t to, uint32_t piece, double sum) {
  double *best = &work->best[to & (work->window - 1)];
  if (sum > *best) {
    *best = sum;
    work->last[to] = piece;
  }
}

/* All ways on from one place, of which the best sum is known. */
static void extend(const gp_unigram *unigram, const gp_unigram_work *work, const uint8_t *text,
                   uint32_t length, uint32_t from, uint32_t width) {
  const trie *pieces = &unigram->pieces;
  const double sum = work->best[from & (work->window - 1)];
  bool whole_character = false;
  uint32_t at = from + 1;
  for (uint32_t node = unigram->roots[text[from]]; node != 0;
       node = child_of(pieces, node, text[at++])) {
    const uint32_t id = pieces->id[node];
    if (id != GP_NO_ID) {
      offer(work, at, id, sum + unigram->scores[id]);
      whole_character = whole_character || at - from == width;
    }
    if (at == length) {
      break;
    }
  }
  if (!whole_character) {
    offer(work, from + width, GP_NO_ID, sum + unigram->unknown_score);
  }
}

/* Fills last[1:length + 1] at the places where characters end. */
static void find_best(const gp_unigram *unigram, const gp_unigram_work *work, const uint8_t *text,
                      uint32_t length) {
  const size_t mask = work->window - 1;
  for (size_t i = 0; i < work->window; i++) {
    work->best[i] = -DBL_MAX;
  }
  work->best[0] = 0.0;
  uint32_t from = 0;
  while (from < length) {
    const uint32_t lead = character_length(text[from]);
    const uint32_t width = lead < length - from ? lead : length - from;
    extend(unigram, work, text, length, from, width);
    for (uint32_t i = 0; i < width; i++) { /* these places come into use again */
      work->best[(from + i) & mask] = -DBL_MAX;
    }
    from += width;
  }
}

/* ------------------------------------------------------------------ backward */

/* Where the piece that ends at `end` begins. */
static uint32_t begin_of(const gp_unigram *unigram, const gp_unigram_work *work,
                         const uint8_t *text, uint32_t end) {
  const uint32_t id = work->last[end];
  size_t length = 0;
  if (id != GP_NO_ID) {
    (void)gp_vocab_bytes(unigram->vocab, id, &length);
    return end - (uint32_t)length;
  }
  do {
    end--;
  } while (end > 0 && (text[end] & 0xC0U) == 0x80U);
  return end;
}

static bool is_unknown(const gp_unigram *unigram, uint32_t id) {
  return id == GP_NO_ID || (unigram->options.has_unknown && id == unigram->options.unknown);
}

static bool has_bytes(const gp_unigram *unigram, const uint8_t *text, uint32_t begin,
                      uint32_t end) {
  if (!unigram->options.byte_fallback) {
    return false;
  }
  while (begin < end && unigram->options.byte_ids[text[begin]] != GP_NO_ID) {
    begin++;
  }
  return begin == end;
}

/* Appends a run of unknown characters, last token first: the piece that it is after all, its
 * bytes, or the unknown token. */
static gp_status put_unknown(const gp_unigram *unigram, const uint8_t *text, uint32_t begin,
                             uint32_t end, gp_ids *ids, gp_error *error) {
  gp_status status = GP_OK;
  const uint32_t whole = gp_vocab_find(unigram->vocab, (const char *)text + begin, end - begin);
  if (whole == GP_NO_ID && has_bytes(unigram, text, begin, end)) {
    status = gp_ids_reserve(ids, end - begin, error);
    for (uint32_t i = end; status == GP_OK && i > begin; i--) {
      gp_ids_push(ids, unigram->options.byte_ids[text[i - 1]], i);
    }
    return status;
  }
  if (whole == GP_NO_ID && !unigram->options.has_unknown) {
    return gp_fail(error, GP_ERR_FORMAT,
                   "the text has a character that the vocabulary lacks, and the tokenizer has "
                   "no unknown token");
  }
  status = gp_ids_reserve(ids, 1, error);
  if (status == GP_OK) {
    gp_ids_push(ids, whole != GP_NO_ID ? whole : unigram->options.unknown, end);
  }
  return status;
}

/* Follows the best way back from the end, appending the last token first. */
static gp_status put_backward(const gp_unigram *unigram, const gp_unigram_work *work,
                              const uint8_t *text, uint32_t length, gp_ids *ids,
                              gp_error *error) {
  uint32_t end = length;
  while (end > 0) {
    const uint32_t id = work->last[end];
    uint32_t begin = begin_of(unigram, work, text, end);
    gp_status status = GP_OK;
    if (is_unknown(unigram, id)) {
      /* Without an unknown token there is nothing to make one of: each stands alone. */
      while (unigram->options.has_unknown && begin > 0 &&
             is_unknown(unigram, work->last[begin])) {
        begin = begin_of(unigram, work, text, begin);
      }
      status = put_unknown(unigram, text, begin, end, ids, error);
    } else {
      status = gp_ids_reserve(ids, 1, error);
      if (status == GP_OK) {
        gp_ids_push(ids, id, end);
      }
    }
    if (status != GP_OK) {
      return status;
    }
    end = begin;
  }
  return GP_OK;
}

static void reverse(uint32_t *items, size_t count) {
  for (size_t i = 0; i < count / 2; i++) {
    const uint32_t item = items[i];
    items[i] = items[count - 1 - i];
    items[count - 1 - i] = item;
  }
}

gp_status gp_unigram_encode(const gp_unigram *unigram, gp_unigram_work **work, const char *text,
                            uint32_t length, gp_ids *ids, gp_error *error) {
  if (length == 0) {
    return GP_OK;
  }
  gp_status status = prepare(unigram, work, length, error);
  if (status != GP_OK) {
    return status;
  }
  const size_t before = ids->count;
  find_best(unigram, *work, (const uint8_t *)text, length);
  status = put_backward(unigram, *work, (const uint8_t *)text, length, ids, error);
  if (status != GP_OK) {
    ids->count = before;
    return status;
  }
  reverse(ids->ids + before, ids->count - before);
  reverse(ids->ends + before, ids->count - before);
  return GP_OK;
}

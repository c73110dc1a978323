#include "text/bpe.h"

#include "common/error.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#define EMPTY_PAIR UINT64_MAX
#define NO_RANK    UINT32_MAX
/* Up to so many symbols, looking at all pairs for the best one is faster than a heap. */
#define SHORT_PIECE 40U
/* Working memory beyond this many symbols is given back after use. */
#define KEPT_SYMBOLS (UINT32_C(1) << 20)
/* As for the vocabulary: longer runs in the table of merges are somebody's making. */
#define LONGEST_RUN 2048U

/* ------------------------------------------------------------------- merges */

static uint64_t pair_of(uint32_t left, uint32_t right) {
  return (uint64_t)left << 32 | right;
}

static size_t slot_of(uint64_t pair, size_t n_slots) {
  uint64_t hash = pair * UINT64_C(0x9E3779B97F4A7C15);
  hash ^= hash >> 32;
  hash *= UINT64_C(0x6A09E667F3BCC909);
  return (size_t)(hash >> 20) & (n_slots - 1);
}

static const gp_merge *find_merge(const gp_bpe *bpe, uint32_t left, uint32_t right) {
  const uint64_t pair = pair_of(left, right);
  size_t i = slot_of(pair, bpe->n_slots);
  while (bpe->merges[i].pair != EMPTY_PAIR) {
    if (bpe->merges[i].pair == pair) {
      return &bpe->merges[i];
    }
    i = (i + 1) & (bpe->n_slots - 1);
  }
  return NULL;
}

/* Returns how far from its place the merge had to go. */
static size_t put(gp_merge *merges, size_t n_slots, gp_merge merge, size_t *count) {
  const size_t place = slot_of(merge.pair, n_slots);
  size_t i = place;
  while (merges[i].pair != EMPTY_PAIR && merges[i].pair != merge.pair) {
    i = (i + 1) & (n_slots - 1);
  }
  *count += merges[i].pair == EMPTY_PAIR;
  merges[i] = merge;
  return (i - place) & (n_slots - 1);
}

static gp_status grow(gp_bpe *bpe, gp_error *error) {
  const size_t n_slots = bpe->n_slots == 0 ? 256 : bpe->n_slots * 2;
  gp_merge *merges =
      n_slots > SIZE_MAX / sizeof *merges ? NULL : malloc(n_slots * sizeof *merges);
  if (merges == NULL) {
    return gp_fail_memory(error, "too many merges");
  }
  for (size_t i = 0; i < n_slots; i++) {
    merges[i] = (gp_merge){.pair = EMPTY_PAIR};
  }
  size_t count = 0;
  for (size_t i = 0; i < bpe->n_slots; i++) {
    if (bpe->merges[i].pair != EMPTY_PAIR) {
      (void)put(merges, n_slots, bpe->merges[i], &count);
    }
  }
  free(bpe->merges);
  bpe->merges = merges;
  bpe->n_slots = n_slots;
  return GP_OK;
}

gp_status gp_bpe_add(gp_bpe *bpe, uint32_t left, uint32_t right, uint32_t rank, uint32_t merged,
                     gp_error *error) {
  if ((bpe->n_merges + 1) * 2 > bpe->n_slots) {
    const gp_status status = grow(bpe, error);
    if (status != GP_OK) {
      return status;
    }
  }
  const gp_merge merge = {.pair = pair_of(left, right), .rank = rank, .merged = merged};
  if (put(bpe->merges, bpe->n_slots, merge, &bpe->n_merges) > LONGEST_RUN) {
    return gp_fail(error, GP_ERR_FORMAT, "too many merges have the hash of one");
  }
  return GP_OK;
}

static bool starts_with_mark(const char *bytes, size_t length) {
  return length >= GP_MARK_SIZE && memcmp(bytes, GP_MARK, GP_MARK_SIZE) == 0;
}

static bool ends_with_mark(const char *bytes, size_t length) {
  return length >= GP_MARK_SIZE &&
         memcmp(bytes + length - GP_MARK_SIZE, GP_MARK, GP_MARK_SIZE) == 0;
}

/* Whether a token may stand for text other than its own piece. */
static bool stands_for_other(const gp_bpe *bpe, uint32_t id) {
  bool found = bpe->has_unknown && id == bpe->unknown;
  for (unsigned byte = 0; bpe->byte_fallback && byte < 256; byte++) {
    found = found || bpe->byte_ids[byte] == id;
  }
  return found;
}

/* Notes the bytes before marks that some merge joins to them. */
static void note_joins(gp_bpe *bpe) {
  for (size_t i = 0; i < bpe->n_slots; i++) {
    const uint64_t pair = bpe->merges[i].pair;
    size_t left_length = 0;
    size_t right_length = 0;
    if (pair == EMPTY_PAIR) {
      continue;
    }
    const char *left = gp_vocab_bytes(bpe->vocab, (uint32_t)(pair >> 32), &left_length);
    const char *right = gp_vocab_bytes(bpe->vocab, (uint32_t)pair, &right_length);
    if (left == NULL || right == NULL) {
      bpe->cuts_at_mark = false;
    } else if (starts_with_mark(right, right_length) && !ends_with_mark(left, left_length)) {
      bpe->joins_mark[(unsigned char)left[left_length - 1]] = true;
      bpe->cuts_at_mark = bpe->cuts_at_mark && !stands_for_other(bpe, (uint32_t)(pair >> 32));
    }
  }
}

void gp_bpe_finish(gp_bpe *bpe) {
  for (unsigned byte = 0; byte < 256; byte++) {
    const char piece = (char)byte;
    bpe->first[byte] = gp_vocab_find(bpe->vocab, &piece, 1);
  }
  bpe->cuts_at_mark = !bpe->bytes_alphabet && !bpe->ignore_merges &&
                      gp_vocab_find(bpe->vocab, GP_MARK, GP_MARK_SIZE) != GP_NO_ID;
  note_joins(bpe);
}

void gp_bpe_release(gp_bpe *bpe) {
  free(bpe->merges);
  bpe->merges = NULL;
  bpe->n_merges = 0;
  bpe->n_slots = 0;
}

/* ------------------------------------------------------------------ symbols */

/* Symbols are columns of arrays, so that the scan for the lowest rank reads only ranks. A
 * symbol that was merged into its left neighbour is skipped by the links. */
struct gp_bpe_work {
  uint32_t *ids;
  uint32_t *ends;
  uint32_t *ranks; /* of the pair of this symbol and the next; NO_RANK for none */
  uint32_t *next;  /* only for long pieces */
  uint32_t *previous;
  uint64_t *heap; /* rank << 32 | symbol, the smallest first; two for each symbol */
  size_t heap_count;
  uint32_t count;
  uint32_t capacity;
};

static void release_columns(gp_bpe_work *work) {
  free(work->ids);
  free(work->ends);
  free(work->ranks);
  free(work->next);
  free(work->previous);
  free(work->heap);
  memset(work, 0, sizeof *work);
}

void gp_bpe_work_free(gp_bpe_work *work) {
  if (work != NULL) {
    release_columns(work);
    free(work);
  }
}

static gp_status prepare(gp_bpe_work **kept, uint32_t capacity, gp_error *error) {
  if (*kept == NULL && (*kept = calloc(1, sizeof **kept)) == NULL) {
    return gp_fail_memory(error, "a tokenizer's working memory");
  }
  gp_bpe_work *work = *kept;
  work->count = 0;
  if (capacity <= work->capacity) {
    return GP_OK;
  }
  const size_t count = capacity < 1024 ? 1024 : (size_t)capacity + 1;
  release_columns(work);
  work->ids = malloc(count * sizeof *work->ids);
  work->ends = malloc(count * sizeof *work->ends);
  work->ranks = malloc(count * sizeof *work->ranks);
  work->next = malloc(count * sizeof *work->next);
  work->previous = malloc(count * sizeof *work->previous);
  work->heap = malloc(2 * count * sizeof *work->heap);
  if (work->ids == NULL || work->ends == NULL || work->ranks == NULL || work->next == NULL ||
      work->previous == NULL || work->heap == NULL) {
    release_columns(work);
    return gp_fail_memory(error, "a word is too long");
  }
  work->capacity = (uint32_t)(count - 1);
  return GP_OK;
}

static void push_symbol(gp_bpe_work *work, uint32_t id, uint32_t end) {
  work->ids[work->count] = id;
  work->ends[work->count++] = end;
}

/* Unknown characters that wait to become a token. */
typedef struct waiting {
  bool any;
  uint32_t end;
} waiting;

/* Symbols of a character that is no piece. That a waiting unknown token is not put down before
 * byte tokens, and so comes after them, is how the tokenizers library has it. */
static void push_unknown(const gp_bpe *bpe, gp_bpe_work *work, const char *text, uint32_t begin,
                         uint32_t width, waiting *unknown) {
  if (bpe->byte_fallback) {
    bool all = true;
    for (uint32_t i = 0; i < width; i++) {
      all = all && bpe->byte_ids[(unsigned char)text[begin + i]] != GP_NO_ID;
    }
    if (all) {
      for (uint32_t i = 0; i < width; i++) {
        push_symbol(work, bpe->byte_ids[(unsigned char)text[begin + i]], begin + i + 1);
      }
      return;
    }
  }
  if (!bpe->has_unknown) {
    if (bpe->dropped_part) {
      push_symbol(work, GP_NO_ID, begin + width);
    }
    return;
  }
  if (unknown->any && !bpe->fuse_unknown) {
    push_symbol(work, bpe->unknown, unknown->end);
  }
  unknown->any = true;
  unknown->end = begin + width;
}

static void push_characters(const gp_bpe *bpe, gp_bpe_work *work, const char *text,
                            uint32_t length) {
  waiting unknown = {.any = false};
  for (uint32_t i = 0; i < length;) {
    const unsigned char lead = (unsigned char)text[i];
    const uint32_t width = bpe->bytes_alphabet ? 1 : gp_utf8_width(lead);
    const uint32_t id =
        width == 1 ? bpe->first[lead] : gp_vocab_find(bpe->vocab, text + i, width);
    if (id == GP_NO_ID) {
      push_unknown(bpe, work, text, i, width, &unknown);
    } else {
      if (unknown.any) {
        push_symbol(work, bpe->unknown, unknown.end);
        unknown.any = false;
      }
      push_symbol(work, id, i + width);
    }
    i += width;
  }
  if (unknown.any) {
    push_symbol(work, bpe->unknown, unknown.end);
  }
}

/* ------------------------------------------------------------------ merging */

static uint32_t rank_of(const gp_bpe *bpe, uint32_t left, uint32_t right) {
  const gp_merge *merge = find_merge(bpe, left, right);
  return merge == NULL ? NO_RANK : merge->rank;
}

static void merge_short(const gp_bpe *bpe, gp_bpe_work *work) {
  uint32_t *ids = work->ids;
  uint32_t *ends = work->ends;
  uint32_t *ranks = work->ranks;
  uint32_t n = work->count;
  for (uint32_t i = 0; i + 1 < n; i++) {
    ranks[i] = rank_of(bpe, ids[i], ids[i + 1]);
  }
  while (n > 1) {
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < n; i++) {
      best = ranks[i] < ranks[best] ? i : best;
    }
    if (ranks[best] == NO_RANK) {
      break;
    }
    ids[best] = find_merge(bpe, ids[best], ids[best + 1])->merged;
    ends[best] = ends[best + 1];
    const uint32_t tail = n - best - 2;
    memmove(ids + best + 1, ids + best + 2, tail * sizeof *ids);
    memmove(ends + best + 1, ends + best + 2, tail * sizeof *ends);
    if (tail > 0) {
      memmove(ranks + best + 1, ranks + best + 2, (tail - 1) * sizeof *ranks);
      ranks[best] = rank_of(bpe, ids[best], ids[best + 1]);
    }
    n--;
    if (best > 0) {
      ranks[best - 1] = rank_of(bpe, ids[best - 1], ids[best]);
    }
  }
  work->count = n;
}

static void heap_push(gp_bpe_work *work, uint64_t item) {
  uint64_t *heap = work->heap;
  size_t i = work->heap_count++;
  while (i > 0 && heap[(i - 1) / 2] > item) {
    heap[i] = heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap[i] = item;
}

static uint64_t heap_pop(gp_bpe_work *work) {
  uint64_t *heap = work->heap;
  const uint64_t top = heap[0];
  const uint64_t last = heap[--work->heap_count];
  size_t i = 0;
  for (size_t child = 1; child < work->heap_count; child = 2 * i + 1) {
    child += child + 1 < work->heap_count && heap[child + 1] < heap[child];
    if (heap[child] >= last) {
      break;
    }
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = last;
  return top;
}

/* Looks a pair up afresh and queues it. What was queued for its left symbol before is out of
 * date, and recognised by its rank. */
static void queue_pair(const gp_bpe *bpe, gp_bpe_work *work, uint32_t left) {
  const uint32_t right = work->next[left];
  work->ranks[left] =
      right == work->count ? NO_RANK : rank_of(bpe, work->ids[left], work->ids[right]);
  if (work->ranks[left] != NO_RANK) {
    heap_push(work, (uint64_t)work->ranks[left] << 32 | left);
  }
}

/* Each merge takes one entry out of the heap and puts at most two in, and there are fewer than
 * `count` merges, so that the heap never holds more than two entries for each symbol. */
static void merge_long(const gp_bpe *bpe, gp_bpe_work *work) {
  const uint32_t n = work->count;
  work->heap_count = 0;
  for (uint32_t i = 0; i < n; i++) {
    work->next[i] = i + 1;
    work->previous[i] = i - 1; /* of the first: UINT32_MAX, not looked at */
  }
  for (uint32_t i = 0; i < n; i++) {
    queue_pair(bpe, work, i);
  }
  while (work->heap_count > 0) {
    const uint64_t top = heap_pop(work);
    const uint32_t left = (uint32_t)top;
    if (work->ranks[left] != (uint32_t)(top >> 32)) {
      continue;
    }
    const uint32_t right = work->next[left];
    work->ids[left] = find_merge(bpe, work->ids[left], work->ids[right])->merged;
    work->ends[left] = work->ends[right];
    work->ranks[right] = NO_RANK;
    work->next[left] = work->next[right];
    if (work->next[right] < n) {
      work->previous[work->next[right]] = left;
    }
    queue_pair(bpe, work, left);
    if (left > 0) {
      queue_pair(bpe, work, work->previous[left]);
    }
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n; i = work->next[i]) {
    work->ids[kept] = work->ids[i];
    work->ends[kept++] = work->ends[i];
  }
  work->count = kept;
}

/* Takes out what only kept its neighbours apart. */
static void drop_gaps(gp_bpe_work *work) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < work->count; i++) {
    if (work->ids[i] != GP_NO_ID) {
      work->ids[kept] = work->ids[i];
      work->ends[kept++] = work->ends[i];
    }
  }
  work->count = kept;
}

gp_status gp_bpe_encode(const gp_bpe *bpe, gp_bpe_work **kept, const char *text, uint32_t length,
                        gp_ids *ids, gp_error *error) {
  gp_status status = gp_ids_reserve(ids, length < 64 ? 64 : 1, error);
  if (status != GP_OK) {
    return status;
  }
  if (bpe->ignore_merges) {
    const uint32_t whole = gp_vocab_find(bpe->vocab, text, length);
    if (whole != GP_NO_ID) {
      gp_ids_push(ids, whole, length);
      return GP_OK;
    }
  }
  status = prepare(kept, length, error);
  if (status != GP_OK) {
    return status;
  }
  gp_bpe_work *work = *kept;
  push_characters(bpe, work, text, length);
  if (bpe->n_merges > 0 && work->count <= SHORT_PIECE) {
    merge_short(bpe, work);
  } else if (bpe->n_merges > 0) {
    merge_long(bpe, work);
  }
  if (bpe->dropped_part) {
    drop_gaps(work);
  }
  status = gp_ids_reserve(ids, work->count, error);
  if (status == GP_OK && work->count > 0) {
    memcpy(ids->ids + ids->count, work->ids, work->count * sizeof *ids->ids);
    memcpy(ids->ends + ids->count, work->ends, work->count * sizeof *ids->ends);
    ids->count += work->count;
  }
  if (work->capacity > KEPT_SYMBOLS) {
    release_columns(work);
  }
  return status;
}

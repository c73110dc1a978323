/*
 * Fingerprints gather in a buffer, which is sorted, freed of repeats and merged into those that
 * are sorted already whenever it is full. The merge goes from the largest to the smallest, into
 * room that was added behind the sorted ones, so it needs no second copy of them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/contexts.h"
#include "common/array.h"
#include "common/error.h"
#include "common/quote.h"

#define BUFFER_MAX ((size_t)1 << 24) /* fingerprints: 128 MiB */
#define DIGITS     256U

struct gp_contexts_builder {
  gp_contexts set; /* those that are sorted, and counts of all that was added */
  uint64_t *buffer;
  size_t buffered;
  size_t capacity;
  size_t buffer_max; /* full with so many */
};

gp_status gp_contexts_builder_make(uint32_t context_width, size_t buffer_max,
                                   gp_contexts_builder **builder, gp_error *error) {
  if (context_width == 0 || context_width > GP_CONTEXT_WIDTH_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "the context width is %" PRIu32 ", not 1 to %d: without a context there is "
                   "nothing to collect",
                   context_width, GP_CONTEXT_WIDTH_MAX);
  }
  gp_contexts_builder *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "the contexts");
  }
  made->set.info.context_width = context_width;
  made->buffer_max = buffer_max;
  *builder = made;
  return GP_OK;
}

gp_status gp_contexts_builder_new(uint32_t context_width, gp_contexts_builder **builder,
                                  gp_error *error) {
  return builder != NULL ? gp_contexts_builder_make(context_width, BUFFER_MAX, builder, error)
                         : gp_fail_null(error, __func__, "builder");
}

void gp_contexts_builder_free(gp_contexts_builder *builder) {
  if (builder != NULL) {
    free(builder->set.fingerprints);
    free(builder->buffer);
    free(builder);
  }
}

/* ------------------------------------------------------------- sorting, merging */

/* Stable, by the byte at `shift`. */
static void sort_by_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned shift) {
  size_t ends[DIGITS] = {0};
  for (size_t i = 0; i < n; i++) {
    ends[from[i] >> shift & (DIGITS - 1)]++;
  }
  size_t before = 0;
  for (size_t digit = 0; digit < DIGITS; digit++) {
    const size_t count = ends[digit];
    ends[digit] = before;
    before += count;
  }
  for (size_t i = 0; i < n; i++) {
    to[ends[from[i] >> shift & (DIGITS - 1)]++] = from[i];
  }
}

/* Eight passes, so what was sorted ends where it began. */
static void radix_sort(uint64_t *items, uint64_t *scratch, size_t n) {
  for (unsigned shift = 0; shift < 64; shift += 16) {
    sort_by_digit(items, scratch, n, shift);
    sort_by_digit(scratch, items, n, shift + 8);
  }
}

/* Returns how many different ones there are. */
static size_t drop_repeats(uint64_t *items, size_t n) {
  size_t kept = n > 0;
  for (size_t i = 1; i < n; i++) {
    if (items[i] != items[i - 1]) {
      items[kept++] = items[i];
    }
  }
  return kept;
}

/* How many of the `n` strictly ascending items are not in the set. */
static size_t count_new(const gp_contexts *set, const uint64_t *items, size_t n) {
  const uint64_t *all = set->fingerprints;
  const size_t n_all = (size_t)set->info.contexts;
  size_t count = 0;
  for (size_t i = 0, j = 0; i < n; i++) {
    while (j < n_all && all[j] < items[i]) {
      j++;
    }
    count += j == n_all || all[j] != items[i];
  }
  return count;
}

/* Merges `n` strictly ascending items into the set. */
static gp_status merge(gp_contexts *set, const uint64_t *items, size_t n, gp_error *error) {
  const size_t n_new = count_new(set, items, n);
  size_t left = (size_t)set->info.contexts;
  if (n_new == 0) {
    return GP_OK;
  }
  size_t at = left + n_new; /* from there on all is merged; [0, left) and items[0, n) are not */
  uint64_t *all = at >= left && at <= SIZE_MAX / sizeof *all
                      ? realloc(set->fingerprints, at * sizeof *all)
                      : NULL;
  if (all == NULL) {
    return gp_fail_memory(error, "too many contexts");
  }
  set->fingerprints = all;
  set->info.contexts = at;
  while (n > 0) {
    if (left > 0 && all[left - 1] >= items[n - 1]) {
      n -= all[left - 1] == items[n - 1];
      all[--at] = all[--left];
    } else {
      all[--at] = items[--n];
    }
  }
  return GP_OK;
}

static gp_status flush(gp_contexts_builder *builder, gp_error *error) {
  if (builder->buffered == 0) {
    return GP_OK;
  }
  uint64_t *scratch = malloc(builder->buffered * sizeof *scratch);
  if (scratch == NULL) {
    return gp_fail_memory(error, "sorting the contexts");
  }
  radix_sort(builder->buffer, scratch, builder->buffered);
  free(scratch);
  builder->buffered = drop_repeats(builder->buffer, builder->buffered);
  const gp_status status = merge(&builder->set, builder->buffer, builder->buffered, error);
  if (status == GP_OK) {
    builder->buffered = 0;
  }
  return status;
}

/* ------------------------------------------------------------------- adding */

static gp_status check_width(const gp_contexts_builder *builder, const char *path,
                             const gp_contexts_info *info, gp_error *error) {
  if (info->context_width == builder->set.info.context_width) {
    return GP_OK;
  }
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  return gp_fail(error, GP_ERR_ARGUMENT,
                 "%s: its contexts have %" PRIu32 " tokens, those to be merged with have %" PRIu32
                 ": build both with one context width",
                 name, info->context_width, builder->set.info.context_width);
}

/* Sums of counts from files could exceed what a count holds. */
static gp_status add_counts(gp_contexts_builder *builder, uint64_t documents, uint64_t tokens,
                            gp_error *error) {
  gp_contexts_info *info = &builder->set.info;
  if (documents > UINT64_MAX - info->documents || tokens > UINT64_MAX - info->tokens) {
    return gp_fail(error, GP_ERR_ARGUMENT, "the documents or tokens are more than 2^64 - 1");
  }
  info->documents += documents;
  info->tokens += tokens;
  return GP_OK;
}

gp_status gp_contexts_builder_add(gp_contexts_builder *builder, const uint32_t *tokens,
                                  size_t n_tokens, gp_error *error) {
  if (builder == NULL || (tokens == NULL && n_tokens > 0)) {
    return gp_fail_null(error, __func__, builder == NULL ? "builder" : "tokens");
  }
  const uint32_t width = builder->set.info.context_width;
  /* The last window too: that the document ended behind it was decided in the light of its
   * coins (SPEC.md section 17). */
  const size_t windows = n_tokens >= width ? n_tokens - width + 1 : 0;
  gp_status status = add_counts(builder, 1, n_tokens, error);
  for (size_t first = 0; first < windows && status == GP_OK;) {
    if (builder->buffered == builder->buffer_max) {
      status = flush(builder, error);
      continue;
    }
    const size_t free_room = builder->buffer_max - builder->buffered;
    const size_t count = windows - first < free_room ? windows - first : free_room;
    uint64_t *grown = gp_array_reserve(builder->buffer, &builder->capacity,
                                       builder->buffered + count, sizeof *grown);
    if (grown == NULL) {
      return gp_fail_memory(error, "a buffer of contexts");
    }
    builder->buffer = grown;
    for (size_t i = 0; i < count; i++) {
      grown[builder->buffered++] = gp_context_fingerprint(tokens + first + i, width);
    }
    first += count;
  }
  return status;
}

gp_status gp_contexts_builder_merge(gp_contexts_builder *builder, const char *path,
                                    gp_error *error) {
  if (builder == NULL || path == NULL) {
    return gp_fail_null(error, __func__, builder == NULL ? "builder" : "path");
  }
  gp_contexts *other = NULL;
  gp_status status = gp_contexts_load(path, &other, error);
  if (status != GP_OK) {
    return status;
  }
  status = check_width(builder, path, &other->info, error);
  if (status == GP_OK) {
    status = add_counts(builder, other->info.documents, other->info.tokens, error);
  }
  if (status == GP_OK) {
    status = merge(&builder->set, other->fingerprints, (size_t)other->info.contexts, error);
  }
  gp_contexts_free(other);
  return status;
}

gp_status gp_contexts_builder_save(gp_contexts_builder *builder, const char *path,
                                   gp_error *error) {
  if (builder == NULL || path == NULL) {
    return gp_fail_null(error, __func__, builder == NULL ? "builder" : "path");
  }
  const gp_status status = flush(builder, error);
  return status == GP_OK ? gp_contexts_write(&builder->set, path, error) : status;
}

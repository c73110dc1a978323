/*
 * Following the rows of a generation loop.
 *
 * What a row may be told apart by is its ids alone, so the ids of the last call are kept. The
 * common step appends an id to each row: then all that happens is one comparison with what is
 * kept, and one new id a row. Where rows moved, as beams do, the earlier rows are sorted and
 * each row looks up the one that it goes on with. The session of an earlier row serves the
 * first row that goes on with all of it; any other row gets an empty session and the contexts
 * of its generated part anew, in bulk.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/error.h"
#include "embed/session.h"

#define NO_ROW SIZE_MAX

/* Windows that are seen in one go: enough for bulk calls, few enough for the stack. */
#define WINDOWS_AT_ONCE ((size_t)512)

/* A row of the last call, or one of an earlier call whose memory is kept. */
typedef struct kept_row {
  int64_t *ids;
  size_t capacity;
  gp_session *session; /* never NULL between calls */
  gp_session *next;    /* what `session` is about to become */
  size_t parent;       /* the row of the call before that it goes on with, or NO_ROW */
  size_t sorted;       /* which row stands at this place in sorted order */
  bool fresh;          /* whether its session is empty and has contexts to see */
} kept_row;

struct gp_generation {
  const gp_watermark *watermark;
  size_t width;
  gp_generation_options options;
  bool follows; /* whether calls depend on those before */
  kept_row *kept;
  size_t kept_capacity;
  size_t n_kept; /* at least n_rows */
  bool begun;
  size_t n_rows; /* of the last call, and how long they were */
  size_t length;
  size_t prompt;
  gp_row *rows; /* for the caller, with room for as many windows */
  size_t rows_capacity;
  uint32_t *windows;
  size_t windows_capacity;
};

/* The ids of a call. */
typedef struct id_matrix {
  const int64_t *ids;
  size_t n_rows;
  size_t length;
  size_t stride;
} id_matrix;

static const int64_t *row_of(const id_matrix *matrix, size_t row) {
  return matrix->length == 0 ? NULL : matrix->ids + row * matrix->stride;
}

gp_generation_options gp_generation_options_default(void) {
  const gp_generation_options options = {.expected_tokens = 1024};
  return options;
}

gp_status gp_generation_new(const gp_watermark *watermark, const gp_generation_options *options,
                            gp_generation **generation, gp_error *error) {
  if (watermark == NULL || generation == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "generation");
  }
  gp_generation *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "generation");
  }
  made->watermark = watermark;
  made->width = gp_watermark_params(watermark).context_width;
  made->options = options == NULL ? gp_generation_options_default() : *options;
  made->follows = made->width > 0 && !made->options.mark_repeated;
  *generation = made;
  return GP_OK;
}

void gp_generation_free(gp_generation *generation) {
  if (generation == NULL) {
    return;
  }
  for (size_t i = 0; i < generation->n_kept; i++) {
    free(generation->kept[i].ids);
    gp_session_free(generation->kept[i].session);
  }
  free(generation->kept);
  free(generation->rows);
  free(generation->windows);
  free(generation);
}

void gp_generation_reset(gp_generation *generation) {
  if (generation != NULL) {
    generation->begun = false;
  }
}

/* ----------------------------------------------------------------- memory */

static gp_status reserve_windows(gp_generation *generation, size_t n_rows, gp_error *error) {
  if (n_rows > SIZE_MAX / GP_CONTEXT_WIDTH_MAX) {
    return gp_fail_memory(error, "rows of a generation");
  }
  gp_row *rows =
      gp_array_reserve(generation->rows, &generation->rows_capacity, n_rows, sizeof *rows);
  if (rows == NULL) {
    return gp_fail_memory(error, "rows of a generation");
  }
  generation->rows = rows;
  uint32_t *windows = gp_array_reserve(generation->windows, &generation->windows_capacity,
                                       n_rows * generation->width, sizeof *windows);
  if (windows == NULL) {
    return gp_fail_memory(error, "windows of a generation");
  }
  generation->windows = windows;
  return GP_OK;
}

static gp_status reserve_kept(gp_generation *generation, size_t n_rows, gp_error *error) {
  if (n_rows <= generation->n_kept) {
    return GP_OK;
  }
  kept_row *kept =
      gp_array_reserve(generation->kept, &generation->kept_capacity, n_rows, sizeof *kept);
  if (kept == NULL) {
    return gp_fail_memory(error, "rows of a generation");
  }
  generation->kept = kept;
  while (generation->n_kept < n_rows) {
    kept_row row = {0};
    const gp_status status =
        gp_session_new(generation->options.expected_tokens, &row.session, error);
    if (status != GP_OK) {
      return status;
    }
    kept[generation->n_kept++] = row;
  }
  return GP_OK;
}

/* ------------------------------------------------------------ finding rows */

/* Orders heads of one length from their ends on, in stretches that double: rows with one
 * beginning, such as beams, differ near the end. */
static int compare_heads(const int64_t *a, const int64_t *b, size_t length) {
  for (size_t step = 16; length > 0; step *= 2) {
    const size_t n = length < step ? length : step;
    length -= n;
    const int order = memcmp(a + length, b + length, n * sizeof *a);
    if (order != 0) {
      return order;
    }
  }
  return 0;
}

/* The first of `n` sorted places whose row is not below `head`. */
static size_t lower_bound(const kept_row *kept, size_t n, const int64_t *head, size_t length) {
  size_t first = 0;
  while (n > 0) {
    const size_t half = n / 2;
    if (compare_heads(kept[kept[first + half].sorted].ids, head, length) < 0) {
      first += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return first;
}

/* Sorts by insertion: rows are few, what costs is comparing them. */
static void sort_rows(kept_row *kept, size_t n, size_t length) {
  for (size_t row = 0; row < n; row++) {
    const size_t place = lower_bound(kept, row, kept[row].ids, length);
    for (size_t i = row; i > place; i--) {
      kept[i].sorted = kept[i - 1].sorted;
    }
    kept[place].sorted = row;
  }
}

static size_t look_up(const kept_row *kept, size_t n, const int64_t *head, size_t length) {
  const size_t place = lower_bound(kept, n, head, length);
  if (place == n || compare_heads(kept[kept[place].sorted].ids, head, length) != 0) {
    return NO_ROW;
  }
  return kept[place].sorted;
}

/* Finds the row that each row goes on with; false where this is a new generation. */
static bool find_parents(gp_generation *generation, const id_matrix *matrix) {
  if (!generation->begun || matrix->length <= generation->prompt ||
      matrix->length - 1 > generation->length) {
    return false;
  }
  const size_t length = matrix->length - 1;
  kept_row *kept = generation->kept;
  bool sorted = false;
  for (size_t i = 0; i < matrix->n_rows; i++) {
    const int64_t *head = row_of(matrix, i);
    kept[i].parent = i;
    if (i < generation->n_rows && compare_heads(kept[i].ids, head, length) == 0) {
      continue;
    }
    if (!sorted) {
      sort_rows(kept, generation->n_rows, length);
      sorted = true;
    }
    kept[i].parent = look_up(kept, generation->n_rows, head, length);
    if (kept[i].parent == NO_ROW) {
      return false;
    }
  }
  return true;
}

/* ----------------------------------------------------------- keeping ids */

static gp_status check_ids(const int64_t *ids, size_t first, size_t end, size_t row,
                           gp_error *error) {
  for (size_t i = first; i < end; i++) {
    if (ids[i] < 0 || ids[i] > (int64_t)UINT32_MAX) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "ids: row %zu holds %lld, which is %s; token ids are from 0 to 2^32 - 1",
                     row, (long long)ids[i], ids[i] < 0 ? "negative" : "above 2^32 - 1");
    }
  }
  return GP_OK;
}

/* Keeps the ids of a row from `first` on; those before are there. */
static gp_status keep_ids(kept_row *row, const int64_t *ids, size_t first, size_t length,
                          size_t room, gp_error *error) {
  int64_t *kept = gp_array_reserve(row->ids, &row->capacity, room, sizeof *kept);
  if (kept == NULL) {
    return gp_fail_memory(error, "ids of a generation");
  }
  row->ids = kept;
  if (length > first) {
    memcpy(kept + first, ids + first, (length - first) * sizeof *kept);
  }
  return GP_OK;
}

/* Checks and keeps all ids, of which only the last are new in rows that go on. */
static gp_status keep_matrix(gp_generation *generation, const id_matrix *matrix, bool goes_on,
                             gp_error *error) {
  const size_t length = matrix->length;
  const size_t more = generation->options.expected_tokens;
  const size_t room = goes_on || more > SIZE_MAX - length ? length : length + more;
  gp_status status = GP_OK;
  for (size_t i = 0; i < matrix->n_rows && status == GP_OK; i++) {
    const int64_t *ids = row_of(matrix, i);
    kept_row *row = &generation->kept[i];
    status = check_ids(ids, goes_on ? length - 1 : 0, length, i, error);
    if (status == GP_OK) {
      const size_t first = goes_on && row->parent == i ? length - 1 : 0;
      status = keep_ids(row, ids, first, length, room, error);
    }
  }
  return status;
}

/* --------------------------------------------------------------- sessions */

/* Gives each row a session: that of its parent where `inherit`, unless a row before has it, or
 * else one that nobody wants, emptied. */
static void hand_on_sessions(gp_generation *generation, size_t n_rows, bool inherit) {
  kept_row *kept = generation->kept;
  const size_t n_kept = generation->n_kept;
  for (size_t i = 0; i < n_kept; i++) {
    kept[i].next = NULL;
    if (inherit && i < n_rows) {
      kept_row *parent = &kept[kept[i].parent];
      kept[i].next = parent->session;
      parent->session = NULL;
    }
  }
  size_t spare = 0;
  for (size_t i = 0; i < n_kept; i++) {
    kept[i].fresh = kept[i].next == NULL;
    if (kept[i].fresh) {
      while (kept[spare].session == NULL) {
        spare++;
      }
      kept[i].next = kept[spare].session;
      kept[spare].session = NULL;
      gp_session_reset(kept[i].next);
    }
  }
  for (size_t i = 0; i < n_kept; i++) {
    kept[i].session = kept[i].next;
  }
}

/* Where the padding of a row ends. */
static size_t first_real(const gp_generation *generation, const int64_t *ids, size_t length) {
  size_t start = 0;
  while (generation->options.has_pad && start < length &&
         ids[start] == (int64_t)generation->options.pad) {
    start++;
  }
  return start;
}

/* Lets the session of a row see the contexts from the end of the prompt to the last step. */
static gp_status see_again(const gp_generation *generation, size_t row, gp_error *error) {
  const size_t width = generation->width;
  const int64_t *ids = generation->kept[row].ids;
  const size_t start = first_real(generation, ids, generation->length);
  if (start >= generation->length || generation->length - start <= width) {
    return GP_OK;
  }
  const size_t end = generation->length - width; /* of where windows start */
  size_t at = generation->prompt > start + width ? generation->prompt - width : start;
  gp_status status = GP_OK;
  while (at < end && status == GP_OK) {
    uint32_t tokens[WINDOWS_AT_ONCE + GP_CONTEXT_WIDTH_MAX];
    const size_t n = end - at < WINDOWS_AT_ONCE ? end - at : WINDOWS_AT_ONCE;
    for (size_t i = 0; i < n + width - 1; i++) {
      tokens[i] = (uint32_t)ids[at + i];
    }
    status =
        gp_session_see(generation->watermark, generation->kept[row].session, tokens, n, error);
    at += n;
  }
  return status;
}

/* Makes the matrix what is kept, and the sessions those of its rows. */
static gp_status follow(gp_generation *generation, const id_matrix *matrix, gp_error *error) {
  gp_status status = reserve_kept(generation, matrix->n_rows, error);
  if (status != GP_OK) {
    return status;
  }
  const bool goes_on = find_parents(generation, matrix);
  status = keep_matrix(generation, matrix, goes_on, error);
  if (status != GP_OK) {
    return status;
  }
  hand_on_sessions(generation, matrix->n_rows,
                   goes_on && matrix->length - 1 == generation->length);
  generation->begun = true;
  generation->n_rows = matrix->n_rows;
  generation->length = matrix->length;
  if (!goes_on) {
    generation->prompt = matrix->length;
    return GP_OK;
  }
  for (size_t i = 0; i < matrix->n_rows && status == GP_OK; i++) {
    if (generation->kept[i].fresh) {
      status = see_again(generation, i, error);
    }
  }
  return status;
}

/* ---------------------------------------------------------------- windows */

/* How many ids of context the last position of a row has, up to the width. */
static size_t window_size(const gp_generation *generation, const int64_t *ids, size_t length) {
  const size_t width = generation->width;
  const size_t start = length > width ? length - width : 0;
  if (start < length && generation->options.has_pad &&
      ids[start] == (int64_t)generation->options.pad) {
    const size_t real = first_real(generation, ids, length);
    return length - (real > start ? real : start); /* padding may reach into the window */
  }
  return length - start;
}

static gp_status make_windows(gp_generation *generation, const id_matrix *matrix,
                              gp_error *error) {
  const size_t length = matrix->length;
  gp_status status = GP_OK;
  for (size_t i = 0; i < matrix->n_rows && status == GP_OK; i++) {
    const int64_t *ids = row_of(matrix, i);
    uint32_t *window = generation->windows + i * generation->width;
    const size_t n = window_size(generation, ids, length);
    for (size_t j = 0; j < n; j++) {
      window[j] = (uint32_t)ids[length - n + j];
    }
    generation->rows[i] = (gp_row){.tokens = window, .n_tokens = n};
    if (generation->follows) {
      generation->rows[i].session = generation->kept[i].session;
    } else {
      status = check_ids(ids, length - n, length, i, error);
    }
  }
  return status;
}

static gp_status check_matrix(const id_matrix *matrix, gp_error *error) {
  if (matrix->n_rows == 0 || matrix->length == 0) {
    return GP_OK;
  }
  if (matrix->ids == NULL) {
    return gp_fail_null(error, "gp_generation_next", "ids");
  }
  if ((uintptr_t)matrix->ids % _Alignof(int64_t) != 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "ids: not aligned to %zu bytes", _Alignof(int64_t));
  }
  const size_t elements = SIZE_MAX / sizeof(int64_t);
  if (matrix->length > elements ||
      matrix->stride > (elements - matrix->length) / matrix->n_rows) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "ids: %zu rows of %zu that start %zu elements apart exceed the address space",
                   matrix->n_rows, matrix->length, matrix->stride);
  }
  return GP_OK;
}

gp_status gp_generation_next(gp_generation *generation, const int64_t *ids, size_t n_rows,
                             size_t length, size_t stride, const gp_row **rows, gp_error *error) {
  if (generation == NULL || rows == NULL) {
    return gp_fail_null(error, __func__, generation == NULL ? "generation" : "rows");
  }
  const id_matrix matrix = {.ids = ids, .n_rows = n_rows, .length = length, .stride = stride};
  gp_status status = check_matrix(&matrix, error);
  if (status == GP_OK) {
    status = reserve_windows(generation, n_rows, error);
  }
  if (status == GP_OK && generation->follows) {
    status = follow(generation, &matrix, error);
  }
  if (status == GP_OK) {
    status = make_windows(generation, &matrix, error);
  }
  if (status != GP_OK) {
    gp_generation_reset(generation);
    return status;
  }
  *rows = generation->rows;
  return GP_OK;
}

gp_status gp_generation_bias(gp_generation *generation, const gp_generation_step *step,
                             gp_error *error) {
  if (step == NULL) {
    return gp_fail_null(error, __func__, "step");
  }
  const gp_row *rows = NULL;
  gp_status status = gp_generation_next(generation, step->ids, step->n_rows, step->length,
                                        step->ids_stride, &rows, error);
  if (status == GP_OK) {
    status = gp_bias_batch_parallel(generation->watermark, generation->options.threads,
                                    step->dtype, step->logits, step->n_rows, step->vocabulary,
                                    step->stride, rows, error);
    if (status != GP_OK) {
      gp_generation_reset(generation);
    }
  }
  return status;
}

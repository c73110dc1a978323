/*
 * Biasing rows of logits (SPEC.md section 6): first all nonces of a batch, in order; then the
 * rows, in any order and by any number of threads.
 *
 * Where there is a fused kernel it takes the groups of tokens that are all fair game. Groups
 * with a never-biased token among them, and all groups where there is no such kernel, go
 * through masks.
 */
#include "common/error.h"
#include "common/thread_pool.h"
#include "embed/rows.h"

/* A batch of more bytes than this is taken to come from memory and not from a cache. */
#define FAR_BYTES ((size_t)1 << 20)

/* Clean groups in a row that are worth a call of the fused kernel. */
#define WORTHWHILE 16

/* A batch whose arguments were checked. */
typedef struct bias_job {
  const gp_watermark *watermark;
  const gp_format_kernels *kernels;
  size_t element_size;
  unsigned char *logits;
  size_t vocabulary;
  size_t stride; /* bytes */
  bool far;
} bias_job;

/* ----------------------------------------------------------------- one row */

typedef struct masked_row {
  gp_kernel *kernel;
  const gp_boost *boost;
  unsigned char *logits;
  size_t element_size;
} masked_row;

static void bias_stretch(void *state, const uint8_t *mask, size_t first, size_t count) {
  const masked_row *row = state;
  row->kernel(row->boost, mask, count, row->logits + first * row->element_size);
}

/* The token where the next stretch to go through masks begins and ends: around groups with
 * never-biased tokens that lie close together. Both are the vocabulary where there are none. */
static void find_masked(const gp_watermark *watermark, size_t from, size_t vocabulary,
                        size_t *begin, size_t *end) {
  const uint32_t *spared = watermark->never_biased;
  size_t next = gp_first_spared(watermark, from);
  *begin = *end = vocabulary;
  for (; next < watermark->n_never_biased && spared[next] < vocabulary; next++) {
    const size_t group = spared[next] - spared[next] % GP_GROUP_TOKENS;
    if (*begin == vocabulary) {
      *begin = group;
    } else if (group > *end + (size_t)WORTHWHILE * GP_GROUP_TOKENS) {
      return;
    }
    *end = group + GP_GROUP_TOKENS < vocabulary ? group + GP_GROUP_TOKENS : vocabulary;
  }
}

static gp_status bias_row(const bias_job *job, gp_prf_lane *lane, const gp_boost *boost,
                          const uint8_t *nonce, unsigned char *logits, gp_error *error) {
  const gp_watermark *watermark = job->watermark;
  const gp_prf *prf = &watermark->prf;
  masked_row masked = {job->kernels->masked, boost, logits, job->element_size};
  if (job->kernels->fused == NULL) {
    return gp_for_each_stretch(watermark, lane, nonce, 0, job->vocabulary, bias_stretch, &masked,
                               error);
  }
  const gp_green_list list = {prf->mask, nonce, prf->params.gamma_log2_den,
                              prf->params.gamma_num};
  gp_status status = GP_OK;
  for (size_t first = 0; first < job->vocabulary && status == GP_OK;) {
    size_t begin = 0;
    size_t end = 0;
    find_masked(watermark, first, job->vocabulary, &begin, &end);
    if (begin > first) {
      job->kernels->fused(boost, &list, first / GP_GROUP_TOKENS, begin - first, job->far,
                          logits + first * job->element_size);
    }
    if (end > begin) {
      status =
          gp_for_each_stretch(watermark, lane, nonce, begin, end, bias_stretch, &masked, error);
    }
    first = end;
  }
  return status;
}

/* --------------------------------------------------------------- many rows */

/* Some rows of a batch, prepared, to be shared among threads. */
typedef struct bias_part {
  const bias_job *job;
  size_t first;
  const gp_prepared_row *prepared;
} bias_part;

static gp_status bias_prepared(const bias_part *part, gp_prf_lane *lane, size_t i,
                               gp_error *error) {
  const bias_job *job = part->job;
  const gp_prepared_row *row = &part->prepared[i];
  if (row->biased == 0) {
    return GP_OK;
  }
  unsigned char *logits = job->logits + (part->first + i) * job->stride;
  const gp_boost *boost = job->watermark->boost;
  gp_boost own;
  if (row->delta != boost->delta) {
    gp_boost_init(&own, row->delta);
    boost = &own;
  }
  return bias_row(job, lane, boost, row->nonce, logits, error);
}

/* Whether rows go through fused kernels alone, which need no lane. */
static bool all_fused(const bias_job *job) {
  return job->kernels->fused != NULL && job->watermark->n_never_biased == 0;
}

/* What each thread of a pool does. */
static gp_status bias_shared(void *state, gp_work_queue *queue, gp_error *error) {
  const bias_part *part = state;
  const gp_watermark *watermark = part->job->watermark;
  size_t i = 0;
  if (all_fused(part->job)) {
    while (gp_work_next(queue, &i)) {
      (void)bias_prepared(part, NULL, i, NULL); /* cannot fail */
    }
    return GP_OK;
  }
  gp_pool_ticket ticket;
  gp_status status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status = bias_prepared(part, ticket.lane, i, error);
  }
  gp_pool_give_back(&ticket);
  return status;
}

static gp_status bias_batch(const bias_job *job, gp_thread_pool *pool, const gp_row *rows,
                            size_t n_rows, gp_error *error) {
  const gp_watermark *watermark = job->watermark;
  gp_pool_ticket ticket;
  gp_status status = gp_pool_take(watermark->lanes, &watermark->prf, &ticket, error);
  if (status != GP_OK) {
    return status;
  }
  for (size_t done = 0; done < n_rows && status == GP_OK; done += GP_PRF_BATCH) {
    gp_prepared_row prepared[GP_PRF_BATCH];
    const size_t now = n_rows - done < GP_PRF_BATCH ? n_rows - done : GP_PRF_BATCH;
    bias_part part = {job, done, prepared};
    status = gp_prepare_checked(watermark, ticket.lane, pool, rows + done, now, prepared, error);
    if (status == GP_OK && pool != NULL && now > 1) {
      status = gp_thread_pool_run(pool, now, bias_shared, &part, error);
      continue;
    }
    for (size_t i = 0; i < now && status == GP_OK; i++) {
      status = bias_prepared(&part, ticket.lane, i, error);
    }
  }
  gp_pool_give_back(&ticket);
  return status;
}

/* --------------------------------------------------------------- arguments */

static gp_status choose_format(bias_job *job, gp_dtype dtype, gp_error *error) {
  const gp_kernels *kernels = job->watermark->kernels;
  switch (dtype) {
  case GP_FLOAT32:
    job->kernels = &kernels->float32;
    job->element_size = sizeof(float);
    return GP_OK;
  case GP_FLOAT16:
    job->kernels = &kernels->float16;
    job->element_size = sizeof(uint16_t);
    return GP_OK;
  case GP_BFLOAT16:
    job->kernels = &kernels->bfloat16;
    job->element_size = sizeof(uint16_t);
    return GP_OK;
  }
  return gp_fail(error, GP_ERR_ARGUMENT, "dtype: %d is not float32, float16 or bfloat16",
                 (int)dtype);
}

static gp_status check_shape(const bias_job *job, size_t n_rows, size_t stride,
                             const gp_row *rows, gp_error *error) {
  if (job->logits == NULL || rows == NULL) {
    return gp_fail_null(error, "gp_bias", job->logits == NULL ? "logits" : "rows");
  }
  const gp_status status = gp_check_vocabulary(job->vocabulary, error);
  if (status != GP_OK) {
    return status;
  }
  if (stride < job->vocabulary) {
    return gp_fail(error, GP_ERR_ARGUMENT, "stride: %zu is below the vocabulary of %zu", stride,
                   job->vocabulary);
  }
  if (stride > SIZE_MAX / job->element_size / n_rows) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "stride: %zu rows of %zu elements exceed the address space", n_rows, stride);
  }
  if ((uintptr_t)job->logits % job->element_size != 0) {
    return gp_fail(error, GP_ERR_ARGUMENT, "logits: not aligned to %zu bytes", job->element_size);
  }
  return gp_check_rows(rows, n_rows, error);
}

gp_status gp_bias_batch_parallel(const gp_watermark *watermark, gp_thread_pool *pool,
                                 gp_dtype dtype, void *logits, size_t n_rows, size_t vocabulary,
                                 size_t stride, const gp_row *rows, gp_error *error) {
  if (watermark == NULL) {
    return gp_fail_null(error, "gp_bias", "watermark");
  }
  bias_job job = {.watermark = watermark, .logits = logits, .vocabulary = vocabulary};
  gp_status status = choose_format(&job, dtype, error);
  if (status == GP_OK && n_rows > 0) {
    status = check_shape(&job, n_rows, stride, rows, error);
  }
  if (status != GP_OK || n_rows == 0) {
    return status;
  }
  job.stride = stride * job.element_size;
  job.far = n_rows > 1 && n_rows * vocabulary > FAR_BYTES / job.element_size;
  return bias_batch(&job, pool, rows, n_rows, error);
}

gp_status gp_bias_batch(const gp_watermark *watermark, gp_dtype dtype, void *logits,
                        size_t n_rows, size_t vocabulary, size_t stride, const gp_row *rows,
                        gp_error *error) {
  return gp_bias_batch_parallel(watermark, NULL, dtype, logits, n_rows, vocabulary, stride, rows,
                                error);
}

gp_status gp_bias(const gp_watermark *watermark, gp_dtype dtype, void *logits, size_t vocabulary,
                  const gp_row *row, gp_error *error) {
  if (row == NULL) {
    return gp_fail_null(error, __func__, "row");
  }
  return gp_bias_batch(watermark, dtype, logits, 1, vocabulary, vocabulary, row, error);
}

/* Marking rows, against adding a constant to them. */
#include <stdlib.h>

#include "bench.h"
#include "constants.h"

enum {
  BATCH_ROWS = 64,
  THREADS = 2,
  IN_CACHE = 1000000 /* logits, at least, that one timed run marks */
};

/* Rows marked from memory are taken in turn from so much of it, so that none is left in a cache
 * from the last time. */
#define RING_BYTES ((size_t)256 << 20)

static const size_t vocabularies[] = {50257, 128256, 151936, 262144};
enum {
  VOCABULARIES = sizeof vocabularies / sizeof *vocabularies
};

typedef struct number_format {
  gp_dtype dtype;
  const char *name;
  size_t size;
} number_format;

static const number_format formats[] = {
    {GP_FLOAT32, "float32", 4}, {GP_BFLOAT16, "bfloat16", 2}, {GP_FLOAT16, "float16", 2}};
enum {
  FORMATS = sizeof formats / sizeof *formats
};

/* What both sides work on. */
typedef struct marking {
  gp_watermark *watermark;
  gp_dtype dtype;
  size_t vocabulary;
  size_t repeats;       /* rows in cache: calls in a run */
  unsigned char *first; /* of the logits */
  size_t step;          /* bytes from one batch to the next; 0 for a row in cache */
  size_t batches;
  size_t next;
  uint32_t token; /* counts up, so that each row has another context */
  bench_add *add;
  float constant;
  gp_thread_pool *pool;
} marking;

/* Logits like those of a model: a few units around zero. */
static void fill(const number_format *format, void *logits, size_t n) {
  uint64_t state = 7;
  for (size_t i = 0; i < n; i++) {
    const uint64_t random = bench_random(&state);
    const float x = (float)(random >> 40) * 0x1p-20F - 8.0F;
    if (format->dtype == GP_FLOAT32) {
      ((float *)logits)[i] = x;
    } else if (format->dtype == GP_FLOAT16) {
      ((uint16_t *)logits)[i] = bench_float16_round(x);
    } else {
      ((uint16_t *)logits)[i] = (uint16_t)(bench_bits_of(x) >> 16);
    }
  }
}

static void mark_row(void *state) {
  marking *work = state;
  for (size_t i = 0; i < work->repeats; i++) {
    gp_error error;
    const uint32_t tokens[] = {work->token++, 7};
    const gp_row row = {.tokens = tokens, .n_tokens = 2};
    bench_check(
        gp_bias(work->watermark, work->dtype, work->first, work->vocabulary, &row, &error),
        &error);
  }
}

static void add_to_row(void *state) {
  const marking *work = state;
  for (size_t i = 0; i < work->repeats; i++) {
    work->add(work->first, work->vocabulary, work->constant);
  }
}

static unsigned char *next_batch(marking *work) {
  unsigned char *batch = work->first + work->next * work->step;
  work->next = (work->next + 1) % work->batches;
  return batch;
}

/* What the rows of a batch continue. */
typedef struct batch_rows {
  uint32_t tokens[BATCH_ROWS][2];
  gp_row rows[BATCH_ROWS];
} batch_rows;

static void prepare_rows(marking *work, batch_rows *batch) {
  for (size_t i = 0; i < BATCH_ROWS; i++) {
    batch->tokens[i][0] = work->token++;
    batch->tokens[i][1] = 7;
    batch->rows[i] = (gp_row){.tokens = batch->tokens[i], .n_tokens = 2};
  }
}

static void mark_batch(void *state) {
  marking *work = state;
  gp_error error;
  batch_rows batch;
  prepare_rows(work, &batch);
  bench_check(gp_bias_batch(work->watermark, work->dtype, next_batch(work), BATCH_ROWS,
                            work->vocabulary, work->vocabulary, batch.rows, &error),
              &error);
}

static void mark_batch_in_parallel(void *state) {
  marking *work = state;
  gp_error error;
  batch_rows batch;
  prepare_rows(work, &batch);
  bench_check(gp_bias_batch_parallel(work->watermark, work->pool, work->dtype, next_batch(work),
                                     BATCH_ROWS, work->vocabulary, work->vocabulary, batch.rows,
                                     &error),
              &error);
}

static void add_to_batch(void *state) {
  marking *work = state;
  work->add(next_batch(work), BATCH_ROWS * work->vocabulary, work->constant);
}

/* ------------------------------------------------------------------- cases */

static gp_watermark *watermark_of(uint32_t k) {
  gp_error error;
  gp_watermark *watermark = NULL;
  gp_key *key = bench_key(k);
  bench_check(gp_watermark_new(key, NULL, &watermark, &error), &error);
  gp_key_free(key);
  return watermark;
}

/* Where a green token gets 2, the constant that keeps logits where they are on the average. */
static float constant_for(uint32_t k) {
  return -2.0F / (float)(1U << k);
}

static size_t vocabularies_in(const bench_run *run) {
  return run->options.quick ? 1 : VOCABULARIES;
}

static void bench_row(bench_run *run, const number_format *format, uint32_t k,
                      size_t vocabulary) {
  marking work = {
      .watermark = watermark_of(k),
      .dtype = format->dtype,
      .vocabulary = vocabulary,
      .repeats = IN_CACHE / vocabulary + 1,
      .first = bench_allocate(vocabulary * format->size),
      .add = bench_adder(run->set, format->dtype),
      .constant = constant_for(k),
  };
  fill(format, work.first, vocabulary);
  const bench_label label = {
      .group = "row",
      .name = "gp_bias",
      .against = "adding a constant",
      .unit = "row",
      .units = (double)work.repeats,
      .dtype = format->name,
      .gamma_log2_den = k,
      .vocabulary = vocabulary,
      .rows = 1,
  };
  const bench_side ours = {.run = mark_row, .work = &work};
  const bench_side constant = {.run = add_to_row, .work = &work};
  bench_case(run, &label, &ours, &constant);
  free(work.first);
  gp_watermark_free(work.watermark);
}

void bench_rows(bench_run *run) {
  for (size_t i = 0; i < FORMATS; i++) {
    for (uint32_t k = 1; k <= 3; k++) {
      for (size_t j = 0; j < vocabularies_in(run); j++) {
        bench_row(run, &formats[i], k, vocabularies[j]);
      }
    }
  }
}

static marking start_batches(const bench_run *run, const number_format *format, uint32_t k,
                             size_t vocabulary, unsigned char *ring, size_t ring_bytes) {
  marking work = {
      .watermark = watermark_of(k),
      .dtype = format->dtype,
      .vocabulary = vocabulary,
      .first = ring,
      .step = BATCH_ROWS * vocabulary * format->size,
      .add = bench_adder(run->set, format->dtype),
      .constant = constant_for(k),
  };
  work.batches = ring_bytes / work.step;
  return work;
}

/* Memory for batches; in a quick run, for one of the smallest. */
static size_t ring_bytes(const bench_run *run) {
  return run->options.quick ? BATCH_ROWS * vocabularies[0] * sizeof(float) : RING_BYTES;
}

void bench_batches(bench_run *run) {
  const size_t bytes = ring_bytes(run);
  unsigned char *ring = bench_allocate(bytes);
  for (size_t i = 0; i < FORMATS; i++) {
    fill(&formats[i], ring, bytes / formats[i].size);
    for (uint32_t k = 1; k <= 3; k++) {
      for (size_t j = 0; j < vocabularies_in(run); j++) {
        marking work = start_batches(run, &formats[i], k, vocabularies[j], ring, bytes);
        const bench_label label = {
            .group = "batch",
            .name = "gp_bias_batch",
            .against = "adding a constant",
            .unit = "row",
            .units = BATCH_ROWS,
            .dtype = formats[i].name,
            .gamma_log2_den = k,
            .vocabulary = vocabularies[j],
            .rows = BATCH_ROWS,
        };
        const bench_side ours = {.run = mark_batch, .work = &work};
        const bench_side constant = {.run = add_to_batch, .work = &work};
        bench_case(run, &label, &ours, &constant);
        gp_watermark_free(work.watermark);
      }
    }
  }
  free(ring);
}

static void bench_pool(bench_run *run, const number_format *format, unsigned char *ring,
                       size_t bytes) {
  const size_t vocabulary = run->options.quick ? vocabularies[0] : 128256;
  gp_error error;
  marking work = start_batches(run, format, 2, vocabulary, ring, bytes);
  fill(format, ring, bytes / format->size);
  bench_check(gp_thread_pool_new(THREADS, &work.pool, &error), &error);
  const bench_label label = {
      .group = "threads",
      .name = "gp_bias_batch_parallel",
      .against = "one thread",
      .unit = "row",
      .units = BATCH_ROWS,
      .dtype = format->name,
      .gamma_log2_den = 2,
      .vocabulary = vocabulary,
      .rows = BATCH_ROWS,
      .threads = THREADS,
  };
  const bench_side ours = {.run = mark_batch_in_parallel, .work = &work};
  const bench_side alone = {.run = mark_batch, .work = &work};
  bench_case(run, &label, &ours, &alone);
  gp_thread_pool_free(work.pool);
  gp_watermark_free(work.watermark);
}

void bench_threads(bench_run *run) {
  const size_t bytes = ring_bytes(run);
  unsigned char *ring = bench_allocate(bytes);
  bench_unpin();
  bench_pool(run, &formats[0], ring, bytes);
  bench_pool(run, &formats[1], ring, bytes);
  (void)bench_pin(run->options.core);
  free(ring);
}

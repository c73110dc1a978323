#include "vrf/nonces.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/thread_pool.h"
#include "vrf/input.h"
#include "vrf/nonce_cache.h"
#include "vrf/vrf.h"

/* Contexts that are looked up before those that were not found are computed. */
#define BATCH 512

struct gp_nonces {
  atomic_size_t references;
  /* Computed: */
  uint8_t *secret; /* sodium_malloc, read-only; NULL for a list */
  gp_nonce_cache *cache;
  _Atomic(gp_nonce_table *) table; /* NULL until there is one; then it stays */
  /* Listed: */
  gp_tuples contexts;
  uint8_t (*list)[GP_NONCE_SIZE];
  bool has_tenant;
  uint64_t tenant;
  bool sampled;
};

/* ---------------------------------------------------------------- life */

static gp_status allocate(gp_nonces **nonces, gp_error *error) {
  gp_nonces *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "nonces");
  }
  atomic_init(&made->references, 1);
  atomic_init(&made->table, NULL);
  *nonces = made;
  return GP_OK;
}

gp_status gp_nonces_of_secret(const uint8_t secret[GP_ELEMENT_SIZE], gp_nonces **nonces,
                              gp_error *error) {
  gp_nonces *made = NULL;
  gp_status status = allocate(&made, error);
  if (status != GP_OK) {
    return status;
  }
  made->secret = sodium_malloc(GP_VRF_SCALAR_SIZE);
  if (made->secret == NULL) {
    status = gp_fail_memory(error, "locked memory for a key");
  } else {
    memcpy(made->secret, secret, GP_VRF_SCALAR_SIZE);
    status = gp_nonce_cache_new(&made->cache, error);
  }
  if (status == GP_OK && sodium_mprotect_readonly(made->secret) != 0) {
    status = gp_fail(error, GP_ERR_MEMORY, "the key's memory could not be write-protected");
  }
  if (status != GP_OK) {
    gp_nonces_release(made);
    return status;
  }
  *nonces = made;
  return GP_OK;
}

gp_status gp_nonces_of_list(gp_tuples *contexts, uint8_t (*list)[GP_NONCE_SIZE],
                            const uint64_t *tenant, bool sampled, gp_nonces **nonces,
                            gp_error *error) {
  gp_nonces *made = NULL;
  const gp_status status = allocate(&made, error);
  if (status != GP_OK) {
    gp_tuples_release(contexts);
    free(list);
    return status;
  }
  made->contexts = *contexts;
  *contexts = (gp_tuples){.width = made->contexts.width};
  made->list = list;
  made->has_tenant = tenant != NULL;
  made->tenant = tenant != NULL ? *tenant : 0;
  made->sampled = sampled;
  *nonces = made;
  return GP_OK;
}

const uint8_t *gp_nonces_secret(const gp_nonces *nonces) {
  return nonces->secret;
}

bool gp_nonces_sampled(const gp_nonces *nonces) {
  return nonces->sampled;
}

gp_nonce_cache_counts gp_nonces_counts(const gp_nonces *nonces) {
  return nonces->cache != NULL ? gp_nonce_cache_count(nonces->cache) : (gp_nonce_cache_counts){0};
}

gp_nonces *gp_nonces_retain(gp_nonces *nonces) {
  (void)atomic_fetch_add_explicit(&nonces->references, 1, memory_order_relaxed);
  return nonces;
}

void gp_nonces_release(gp_nonces *nonces) {
  if (nonces == NULL ||
      atomic_fetch_sub_explicit(&nonces->references, 1, memory_order_acq_rel) > 1) {
    return;
  }
  sodium_free(nonces->secret); /* wipes */
  gp_nonce_cache_free(nonces->cache);
  gp_nonce_table_free(atomic_load_explicit(&nonces->table, memory_order_relaxed));
  gp_tuples_release(&nonces->contexts);
  free(nonces->list);
  free(nonces);
}

/* --------------------------------------------------------------- a list */

static gp_status check_tenant(const gp_nonces *nonces, const uint64_t *tenant, gp_error *error) {
  if ((tenant != NULL) != nonces->has_tenant || (tenant != NULL && *tenant != nonces->tenant)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "the nonces of these contexts are known for another tenant, or none");
  }
  return GP_OK;
}

static gp_status find_listed(const gp_nonces *nonces, const gp_nonce_request *requests,
                             size_t count, uint8_t (*blocks)[GP_NONCE_BLOCK], uint8_t *known,
                             gp_error *error) {
  for (size_t i = 0; i < count; i++) {
    const gp_status status = check_tenant(nonces, requests[i].tenant, error);
    if (status != GP_OK) {
      return status;
    }
    const uint32_t number = gp_tuples_find(&nonces->contexts, requests[i].ids);
    if (number == GP_TUPLES_NONE && (known == NULL || !nonces->sampled)) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "a context whose nonce is not known: the text is not the one that nonces "
                     "were proved for");
    }
    if (number != GP_TUPLES_NONE) {
      memcpy(blocks[i], nonces->list[number], GP_NONCE_SIZE);
    }
    if (known != NULL) {
      known[i] = number != GP_TUPLES_NONE;
    }
  }
  return GP_OK;
}

/* ------------------------------------------------------------- computed */

static gp_status compute(const gp_nonces *nonces, const uint8_t *input, size_t size,
                         uint8_t nonce[GP_NONCE_SIZE], gp_error *error) {
  uint8_t element[GP_ELEMENT_SIZE];
  uint8_t evaluated[GP_ELEMENT_SIZE];
  uint8_t output[GP_VRF_OUTPUT_SIZE];
  gp_status status = gp_vrf_hash_to_group(GP_VRF_VOPRF, input, size, element, error);
  if (status == GP_OK) {
    status = gp_vrf_evaluate(nonces->secret, element, evaluated, error);
  }
  if (status == GP_OK) {
    status = gp_vrf_output(input, size, evaluated, output, error);
  }
  if (status == GP_OK) {
    memcpy(nonce, output, GP_NONCE_SIZE);
  }
  sodium_memzero(evaluated, sizeof evaluated);
  sodium_memzero(output, sizeof output);
  return status;
}

/* ------------------------------------------------------------- a table */

void gp_nonce_table_free(gp_nonce_table *table) {
  if (table != NULL) {
    sodium_free(table->nonces); /* wipes */
    free(table);
  }
}

bool gp_nonces_take_table(gp_nonces *nonces, gp_nonce_table *table) {
  gp_nonce_table *none = NULL;
  return atomic_compare_exchange_strong(&nonces->table, &none, table);
}

/* Whether the table, which may be NULL, has the nonce of a context; then it is copied. */
static bool is_in_table(const gp_nonce_table *table, const gp_nonce_request *request,
                        size_t width, uint8_t *nonce) {
  if (table == NULL || width > 1 || (request->tenant != NULL) != table->has_tenant ||
      (request->tenant != NULL && *request->tenant != table->tenant)) {
    return false;
  }
  const uint32_t number = width == 0 ? 0 : request->ids[0];
  if (number >= table->count) {
    return false;
  }
  memcpy(nonce, table->nonces[number], GP_NONCE_SIZE);
  return true;
}

/* A part of a table that is being filled. */
typedef struct filling {
  const gp_nonces *nonces;
  const gp_nonce_table *table;
  size_t width;
  size_t first;
} filling;

static gp_status fill_shared(void *state, gp_work_queue *queue, gp_error *error) {
  const filling *part = state;
  const gp_nonce_table *table = part->table;
  gp_status status = GP_OK;
  for (size_t i = 0; status == GP_OK && gp_work_next(queue, &i);) {
    const uint32_t id = (uint32_t)(part->first + i);
    uint8_t input[GP_CONTEXT_INPUT_MAX];
    const size_t size =
        gp_context_input(table->has_tenant ? &table->tenant : NULL, &id, part->width, input);
    status = compute(part->nonces, input, size, table->nonces[id], error);
  }
  return status;
}

gp_status gp_nonces_fill_table(gp_nonces *nonces, const gp_nonce_table *table, size_t width,
                               size_t first, size_t count, gp_thread_pool *pool,
                               gp_error *error) {
  filling part = {nonces, table, width, first};
  return gp_thread_pool_run(pool, count, fill_shared, &part, error);
}

/* ------------------------------------------------------------- a batch */

/* Contexts of one batch that the cache did not have. */
typedef struct misses {
  gp_nonces *nonces;
  const gp_nonce_request *requests;
  size_t width;
  uint8_t (*blocks)[GP_NONCE_BLOCK];
  uint16_t which[BATCH];
  size_t count;
} misses;

static gp_status compute_miss(const misses *missed, size_t i, gp_error *error) {
  gp_nonces *nonces = missed->nonces;
  const size_t place = missed->which[i];
  const gp_nonce_request *request = &missed->requests[place];
  uint8_t input[GP_CONTEXT_INPUT_MAX];
  const size_t size = gp_context_input(request->tenant, request->ids, missed->width, input);
  const gp_nonce_tag tag = gp_nonce_cache_tag(nonces->cache, input, size);
  /* The same context may stand twice in a batch. */
  if (i > 0 && gp_nonce_cache_find(nonces->cache, &tag, missed->blocks[place])) {
    return GP_OK;
  }
  const gp_status status = compute(nonces, input, size, missed->blocks[place], error);
  if (status == GP_OK) {
    gp_nonce_cache_put(nonces->cache, &tag, missed->blocks[place]);
  }
  return status;
}

static gp_status compute_shared(void *state, gp_work_queue *queue, gp_error *error) {
  gp_status status = GP_OK;
  for (size_t i = 0; status == GP_OK && gp_work_next(queue, &i);) {
    status = compute_miss(state, i, error);
  }
  return status;
}

static gp_status compute_batch(misses *missed, size_t count, gp_thread_pool *pool,
                               gp_error *error) {
  gp_nonces *nonces = missed->nonces;
  const gp_nonce_table *table = atomic_load_explicit(&nonces->table, memory_order_acquire);
  for (size_t i = 0; i < count; i++) {
    const gp_nonce_request *request = &missed->requests[i];
    if (is_in_table(table, request, missed->width, missed->blocks[i])) {
      continue;
    }
    uint8_t input[GP_CONTEXT_INPUT_MAX];
    const size_t size = gp_context_input(request->tenant, request->ids, missed->width, input);
    const gp_nonce_tag tag = gp_nonce_cache_tag(nonces->cache, input, size);
    if (!gp_nonce_cache_find(nonces->cache, &tag, missed->blocks[i])) {
      missed->which[missed->count++] = (uint16_t)i;
    }
  }
  return missed->count > 0
             ? gp_thread_pool_run(pool, missed->count, compute_shared, missed, error)
             : GP_OK;
}

gp_status gp_nonces_find(gp_nonces *nonces, const gp_nonce_request *requests, size_t width,
                         size_t count, gp_thread_pool *pool, uint8_t (*blocks)[GP_NONCE_BLOCK],
                         uint8_t *known, gp_error *error) {
  memset(blocks, 0, count * sizeof *blocks);
  if (nonces->secret == NULL) {
    return find_listed(nonces, requests, count, blocks, known, error);
  }
  gp_status status = GP_OK;
  for (size_t done = 0; done < count && status == GP_OK; done += BATCH) {
    const size_t now = count - done < BATCH ? count - done : BATCH;
    misses missed; /* not cleared: where nothing is missed that would take the most time */
    missed.nonces = nonces;
    missed.requests = requests + done;
    missed.width = width;
    missed.blocks = blocks + done;
    missed.count = 0;
    status = compute_batch(&missed, now, pool, error);
  }
  if (known != NULL) {
    memset(known, 1, count);
  }
  return status;
}

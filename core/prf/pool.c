#include "prf/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

gp_pool *gp_pool_new(void) {
  gp_pool *pool = aligned_alloc(_Alignof(gp_pool), sizeof *pool);
  if (pool == NULL) {
    return NULL;
  }
  memset(pool, 0, sizeof *pool);
  for (size_t i = 0; i < GP_POOL_SLOTS; i++) {
    atomic_flag_clear(&pool->slots[i].taken);
  }
  return pool;
}

void gp_pool_free(gp_pool *pool) {
  if (pool == NULL) {
    return;
  }
  for (size_t i = 0; i < GP_POOL_SLOTS; i++) {
    gp_prf_lane_release(&pool->slots[i].lane);
  }
  free(pool);
}

/* Where a thread starts to look: always the same place, so that it finds the lane that it
 * used before and threads seldom meet. */
static size_t home_slot(void) {
  const pthread_t self = pthread_self();
  unsigned char bytes[sizeof self];
  memcpy(bytes, &self, sizeof self);
  uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
  for (size_t i = 0; i < sizeof bytes; i++) {
    hash = (hash ^ bytes[i]) * UINT32_C(16777619);
  }
  return (hash ^ hash >> 16) % GP_POOL_SLOTS;
}

gp_status gp_pool_take(gp_pool *pool, const gp_prf *prf, gp_pool_ticket *ticket,
                       gp_error *error) {
  const size_t home = home_slot();
  for (size_t i = 0; i < GP_POOL_SLOTS; i++) {
    gp_pool_slot *slot = &pool->slots[(home + i) % GP_POOL_SLOTS];
    if (atomic_flag_test_and_set_explicit(&slot->taken, memory_order_acquire)) {
      continue;
    }
    if (!slot->made) {
      const gp_status status = gp_prf_lane_init(&slot->lane, prf, error);
      if (status != GP_OK) {
        atomic_flag_clear_explicit(&slot->taken, memory_order_release);
        return status;
      }
      slot->made = true;
    }
    ticket->slot = slot;
    ticket->lane = &slot->lane;
    return GP_OK;
  }
  ticket->slot = NULL;
  ticket->lane = &ticket->own;
  return gp_prf_lane_init(&ticket->own, prf, error);
}

void gp_pool_give_back(gp_pool_ticket *ticket) {
  if (ticket->slot == NULL) {
    gp_prf_lane_release(&ticket->own);
  } else {
    atomic_flag_clear_explicit(&ticket->slot->taken, memory_order_release);
  }
}

/* Lanes for callers that come from any thread without warning. */
#ifndef GP_PRF_POOL_H
#define GP_PRF_POOL_H

#include <stdatomic.h>

#include "prf/prf.h"

#define GP_POOL_SLOTS 64

typedef struct gp_pool_slot {
  _Alignas(64) atomic_flag taken; /* a cache line each, so that threads do not disturb */
  bool made;                      /* guarded by `taken`, like the lane */
  gp_prf_lane lane;
} gp_pool_slot;

typedef struct gp_pool {
  gp_pool_slot slots[GP_POOL_SLOTS];
} gp_pool;

/* What a caller holds between taking a lane and giving it back. */
typedef struct gp_pool_ticket {
  gp_prf_lane *lane;
  gp_pool_slot *slot; /* NULL: the lane is `own` */
  gp_prf_lane own;
} gp_pool_ticket;

/* An empty pool; NULL when out of memory. */
gp_pool *gp_pool_new(void);
void gp_pool_free(gp_pool *pool);

/* Takes a free lane without ever waiting. A slot's lane is made on its first use and
 * kept; when all slots are taken, the caller gets a lane of its own. The ticket must not
 * be moved. */
gp_status gp_pool_take(gp_pool *pool, const gp_prf *prf, gp_pool_ticket *ticket, gp_error *error);
void gp_pool_give_back(gp_pool_ticket *ticket);

#endif

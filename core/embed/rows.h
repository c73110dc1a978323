/* What is to be done for rows, before anything is added to them. */
#ifndef GP_EMBED_ROWS_H
#define GP_EMBED_ROWS_H

#include "embed/watermark.h"

/* Refuses rows that are wrong in themselves. */
gp_status gp_check_rows(const gp_row *rows, size_t n_rows, gp_error *error);

/* Prepares rows that were checked, at most GP_PRF_BATCH. `pool`, which may be NULL, helps with
 * nonces that take long, those of provable keys. */
gp_status gp_prepare_checked(const gp_watermark *watermark, gp_prf_lane *lane,
                             gp_thread_pool *pool, const gp_row *rows, size_t n_rows,
                             gp_prepared_row *prepared, gp_error *error);

#endif

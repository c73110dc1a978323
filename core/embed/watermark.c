/* Watermarks: what a key, a strength and a tenant come to, made once (SPEC.md section 6). */
#include "embed/watermark.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

gp_watermark_options gp_watermark_options_default(void) {
  const gp_watermark_options options = {.delta = 2.0F};
  return options;
}

static int compare_ids(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a;
  const uint32_t y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

gp_status gp_check_delta(float delta, gp_error *error) {
  if (!(delta >= 0.0F && delta <= GP_DELTA_MAX)) { /* NaN fails too */
    return gp_fail(error, GP_ERR_ARGUMENT, "delta: must be 0 to %g, not %g", (double)GP_DELTA_MAX,
                   (double)delta);
  }
  return GP_OK;
}

static gp_status check_never_biased(const gp_watermark_options *options, gp_error *error) {
  if (options->n_never_biased > 0 && options->never_biased == NULL) {
    return gp_fail(error, GP_ERR_ARGUMENT, "never_biased: NULL, but n_never_biased is %zu",
                   options->n_never_biased);
  }
  if (options->n_never_biased > SIZE_MAX / sizeof(uint32_t)) {
    return gp_fail_memory(error, "list of token ids that are never biased");
  }
  return GP_OK;
}

static gp_status copy_never_biased(gp_watermark *watermark, const gp_watermark_options *options,
                                   gp_error *error) {
  const size_t n = options->n_never_biased;
  if (n == 0) {
    return GP_OK;
  }
  watermark->never_biased = malloc(n * sizeof *watermark->never_biased);
  if (watermark->never_biased == NULL) {
    return gp_fail_memory(error, "list of token ids that are never biased");
  }
  memcpy(watermark->never_biased, options->never_biased, n * sizeof *watermark->never_biased);
  qsort(watermark->never_biased, n, sizeof *watermark->never_biased, compare_ids);
  watermark->n_never_biased = n;
  return GP_OK;
}

gp_status gp_watermark_new(const gp_key *key, const gp_watermark_options *options,
                           gp_watermark **watermark, gp_error *error) {
  if (key == NULL || watermark == NULL) {
    return gp_fail_null(error, __func__, key == NULL ? "key" : "watermark");
  }
  const gp_watermark_options defaults = gp_watermark_options_default();
  options = options == NULL ? &defaults : options;
  gp_status status = gp_check_delta(options->delta, error);
  if (status == GP_OK) {
    status = check_never_biased(options, error);
  }
  if (status != GP_OK) {
    return status;
  }
  gp_watermark *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "watermark");
  }
  made->lanes = gp_pool_new();
  if (made->lanes == NULL) {
    gp_watermark_free(made);
    return gp_fail_memory(error, "watermark");
  }
  made->boost = aligned_alloc(_Alignof(gp_boost), sizeof *made->boost);
  if (made->boost == NULL) {
    gp_watermark_free(made);
    return gp_fail_memory(error, "watermark");
  }
  gp_boost_init(made->boost, options->delta + 0.0F); /* -0.0 becomes 0.0 */
  status = gp_prf_init(&made->prf, key, options->has_tenant ? &options->tenant : NULL, error);
  if (status == GP_OK) {
    status = gp_prf_refuse_sample(&made->prf, error);
  }
  if (status == GP_OK) {
    made->kernels = gp_kernels_for(made->prf.cpu);
    status = copy_never_biased(made, options, error);
  }
  if (status != GP_OK) {
    gp_watermark_free(made);
    return status;
  }
  *watermark = made;
  return GP_OK;
}

void gp_watermark_free(gp_watermark *watermark) {
  if (watermark == NULL) {
    return;
  }
  gp_pool_free(watermark->lanes);
  gp_prf_release(&watermark->prf);
  free(watermark->boost);
  free(watermark->never_biased);
  free(watermark);
}

gp_params gp_watermark_params(const gp_watermark *watermark) {
  return watermark->prf.params;
}

size_t gp_watermark_never_biased(const gp_watermark *watermark, const uint32_t **ids) {
  *ids = watermark->never_biased;
  return watermark->n_never_biased;
}

gp_status gp_watermark_mask_keys(const gp_watermark *watermark, gp_device_keys *keys,
                                 gp_error *error) {
  if (watermark == NULL || keys == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "keys");
  }
  *keys = (gp_device_keys){.delta = watermark->boost->delta};
  memcpy(keys->mask, watermark->prf.mask->round_keys, GP_ROUND_KEYS_SIZE);
  return GP_OK;
}

gp_status gp_watermark_device_keys(const gp_watermark *watermark, gp_device_keys *keys,
                                   gp_error *error) {
  if (watermark == NULL || keys == NULL) {
    return gp_fail_null(error, __func__, watermark == NULL ? "watermark" : "keys");
  }
  const gp_prf *prf = &watermark->prf;
  if (prf->nonces != NULL) {
    return gp_fail(
        error, GP_ERR_ARGUMENT,
        "a provable key's nonces are not made of AES: let gp_prepare_rows() make them");
  }
  const gp_status status = gp_watermark_mask_keys(watermark, keys, error);
  if (status != GP_OK) {
    return status;
  }
  memcpy(keys->context, prf->context->round_keys, GP_ROUND_KEYS_SIZE);
  if (prf->order != NULL) {
    memcpy(keys->order, prf->order->round_keys, GP_ROUND_KEYS_SIZE);
  }
  memcpy(keys->tweak, prf->tweak, GP_NONCE_SIZE);
  return GP_OK;
}

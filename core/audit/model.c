/* The evidence of an open model: sums of its weights (SPEC.md section 17). */
#include <math.h>

#include "audit/audit.h"
#include "common/error.h"
#include "verify/model_weights.h"

/* What may come behind a window. */
static gp_status add_position(gp_audit *audit, const uint32_t *window,
                              const gp_model_weights_position *position, gp_error *error) {
  uint32_t number = 0;
  gp_status status = GP_OK;
  if (position->count > 0) {
    status = gp_tuples_add(&audit->windows, window, &number, error);
  }
  for (size_t i = 0; i < position->count && status == GP_OK; i++) {
    const double units = (double)position->weights[i] * (double)GP_AUDIT_UNIT;
    status = gp_audit_coin(audit, number, position->ids[i], 0, llrint(units), error);
  }
  return status;
}

static gp_status add_document(gp_audit *audit, gp_model_weights *file, const uint32_t *tokens,
                              size_t n_tokens, gp_error *error) {
  const size_t width = audit->windows.width;
  gp_model_weights_position position;
  gp_status status = GP_OK;
  for (size_t i = 0; i < n_tokens && status == GP_OK; i++) {
    status = gp_model_weights_position_next(file, &position, error);
    if (i >= width && status == GP_OK) {
      audit->positions++;
      status = add_position(audit, tokens + i - width, &position, error);
    }
  }
  audit->documents++;
  audit->tokens += n_tokens;
  return status;
}

gp_status gp_audit_add_model(gp_audit *audit, gp_model_weights *file, gp_error *error) {
  if (audit == NULL || file == NULL) {
    return gp_fail_null(error, __func__, audit == NULL ? "audit" : "file");
  }
  gp_status status = gp_model_weights_check_new(file, error);
  if (status == GP_OK) {
    status = gp_audit_begin(audit, GP_AUDIT_MODEL, error);
  }
  if (status != GP_OK) {
    return status;
  }
  audit->failed = true;
  bool more = true;
  while (more && status == GP_OK) {
    const uint32_t *tokens = NULL;
    size_t n_tokens = 0;
    status = gp_model_weights_next(file, &tokens, &n_tokens, &more, error);
    if (status == GP_OK && more) {
      status = add_document(audit, file, tokens, n_tokens, error);
    }
  }
  audit->failed = status != GP_OK;
  return status;
}

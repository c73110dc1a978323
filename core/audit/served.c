/* Which contexts of an audit are among those served. */
#include <stdlib.h>

#include "audit/audit.h"
#include "common/error.h"

gp_status gp_audit_set_served(gp_audit *audit, const gp_contexts *served, gp_error *error) {
  if (audit == NULL || served == NULL) {
    return gp_fail_null(error, __func__, audit == NULL ? "audit" : "served");
  }
  if (audit->failed) {
    return gp_fail(error, GP_ERR_ARGUMENT, "audit: an earlier document failed; begin anew");
  }
  if (!gp_audit_has_contexts(audit)) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "served contexts: with seeding '%s' a context is no window; they need 'hash'",
                   gp_seeding_name(audit->params.seeding));
  }
  gp_contexts_info info;
  gp_contexts_get_info(served, &info);
  if (info.context_width != audit->params.context_width) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "served contexts: of %u tokens, but the key's have %u: build them with that",
                   info.context_width, audit->params.context_width);
  }
  uint8_t *flags = malloc(audit->windows.count + 1);
  if (flags == NULL) {
    return gp_fail_memory(error, "which contexts were served");
  }
  for (size_t i = 0; i < audit->windows.count; i++) {
    flags[i] = gp_contexts_have(served, audit->windows.ids + i * audit->windows.width);
  }
  free(audit->served);
  audit->served = flags;
  return GP_OK;
}

/* The JSON report of a trace: SPEC.md section 11 says what its fields are and mean. */
#include <jansson.h>

#include "audit_findings.h"
#include "json_parts.h"

static json_t *tenant_object(const trace_findings *all, const trace_tenant *tenant) {
  const gp_verifier_options id = {.has_tenant = true, .tenant = tenant->id};
  json_t *served = all->evidence.options->served_by != NULL
                       ? json_integer((json_int_t)tenant->served_contexts)
                       : json_null();
  return json_pack("{s:o, s:b, s:f, s:f, s:o, s:o, s:o}", "tenant", json_tenant(&id), "found",
                   tenant->found ? 1 : 0, "log10_p_holm", tenant->log10_p_holm,
                   "log10_p_corrected", tenant->log10_p_corrected, "served_contexts", served,
                   "root", audit_json_result(&tenant->root), "distinct",
                   audit_json_result(&tenant->distinct));
}

static json_t *tenants_array(const trace_findings *all) {
  json_t *array = json_array();
  for (size_t i = 0; i < all->n_listed; i++) {
    if (!json_append(array, tenant_object(all, &all->tenants[i]))) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

bool trace_print_json(const trace_findings *all) {
  char sha256[2 * sizeof all->list_sha256 + 1];
  json_hex(sha256, sizeof sha256, all->list_sha256, sizeof all->list_sha256);
  json_t *report = audit_json_evidence(&all->evidence, "trace_version");
  const bool done =
      report != NULL &&
      json_extend(report, json_pack("{s:s, s:{s:s, s:s}, s:I, s:s, s:I, s:o}", "verdict",
                                    all->n_found > 0 ? "found" : "not_found", "verdict_by",
                                    "test", "root", "contexts",
                                    audit_contexts_name(all->evidence.options->served_by != NULL),
                                    "tenants_tried", (json_int_t)all->list.count,
                                    "tenants_sha256", sha256, "tenants_found",
                                    (json_int_t)all->n_found, "tenants", tenants_array(all)));
  if (!done) {
    json_decref(report);
    return false;
  }
  return audit_json_print(report);
}

/* The tests of a trace: one for each tenant. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "audit_findings.h"
#include "report.h"

#define TENANTS_AT_ONCE 4096
#define FOUND_LISTED    1000
#define OTHERS_LISTED   10
#define ID_SIZE         24

void trace_findings_free(trace_findings *all) {
  evidence_free(&all->evidence);
  tenants_free(&all->list);
  free(all->tenants);
  *all = (trace_findings){0};
}

static void hash_list(trace_findings *all) {
  crypto_hash_sha256_state state;
  (void)crypto_hash_sha256_init(&state);
  for (size_t i = 0; i < all->list.count; i++) {
    char id[ID_SIZE];
    const int length = snprintf(id, sizeof id, "%" PRIu64 "\n", all->list.ids[i]);
    (void)crypto_hash_sha256_update(&state, (const unsigned char *)id,
                                    (unsigned long long)length);
  }
  (void)crypto_hash_sha256_final(&state, all->list_sha256);
}

/* Tests tenants[0] to tenants[count - 1], count at most TENANTS_AT_ONCE. */
static gp_status test_some(const audit_evidence *evidence, const gp_audit_test *test,
                           bool distinct, trace_tenant *tenants, size_t count, gp_error *error) {
  gp_audit_candidate *candidates = calloc(count, sizeof *candidates);
  gp_audit_result *results = calloc(count, sizeof *results);
  gp_status status = GP_ERR_MEMORY;
  if (candidates == NULL || results == NULL) {
    (void)snprintf(error->message, sizeof error->message, "out of memory: the tenants");
  } else {
    for (size_t i = 0; i < count; i++) {
      candidates[i] = (gp_audit_candidate){
          .key = evidence->key, .options = {.has_tenant = true, .tenant = tenants[i].id}};
    }
    status =
        gp_audit_test_many(test, candidates, count, evidence->options->threads, results, error);
  }
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    *(distinct ? &tenants[i].distinct : &tenants[i].root) = results[i];
  }
  free(candidates);
  free(results);
  return status;
}

static gp_status test_tenants(const audit_evidence *evidence, gp_audit_statistic statistic,
                              bool served, trace_tenant *tenants, size_t count, gp_error *error) {
  gp_audit_test *test = NULL;
  gp_status status = gp_audit_test_new(evidence->audit, statistic, served, &test, error);
  for (size_t first = 0; first < count && status == GP_OK; first += TENANTS_AT_ONCE) {
    const size_t left = count - first;
    status = test_some(evidence, test, statistic == GP_AUDIT_DISTINCT, tenants + first,
                       left < TENANTS_AT_ONCE ? left : TENANTS_AT_ONCE, error);
  }
  gp_audit_test_free(test);
  return status;
}

/* ---------------------------------------------------------------------- served sets */

/* DIR/ID.gpc, to be freed. */
static char *served_path(const audit_options *options, uint64_t tenant) {
  const size_t size = strlen(options->served_by) + ID_SIZE + 8;
  char *path = malloc(size);
  if (path != NULL) {
    (void)snprintf(path, size, "%s/%" PRIu64 ".gpc", options->served_by, tenant);
  }
  return path;
}

int trace_check_served(const audit_options *options, const tenant_list *tenants) {
  struct stat facts;
  if (options->served_by == NULL) {
    return CLI_OK;
  }
  if (stat(options->served_by, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    return cli_fail(options->command,
                    "--served-by %s is no folder: name the one with the tenants' sets, ID.gpc",
                    options->served_by);
  }
  for (size_t i = 0; i < tenants->count; i++) {
    char *path = served_path(options, tenants->ids[i]);
    if (path == NULL) {
      return cli_fail(options->command, "out of memory: --served-by");
    }
    const char *const needed = path;
    const int status =
        stat(path, &facts) == 0
            ? report_check_spared(options->command, options->html, &needed, 1)
            : cli_fail(options->command,
                       "--served-by: tenant %" PRIu64 " has no %s: name only tenants that were "
                       "served anything, and make their sets with greenprint contexts",
                       tenants->ids[i], path);
    free(path);
    if (status != CLI_OK) {
      return status;
    }
  }
  return CLI_OK;
}

static int test_served_tenant(audit_evidence *evidence, trace_tenant *tenant) {
  const char *command = evidence->options->command;
  char *path = served_path(evidence->options, tenant->id);
  if (path == NULL) {
    return cli_fail(command, "out of memory: --served-by");
  }
  gp_error error;
  const int status = evidence_set_served(evidence, path);
  free(path);
  if (status != CLI_OK) {
    return status;
  }
  tenant->served_contexts = evidence->counts.served_contexts;
  if (test_tenants(evidence, GP_AUDIT_ROOT, true, tenant, 1, &error) != GP_OK ||
      test_tenants(evidence, GP_AUDIT_DISTINCT, true, tenant, 1, &error) != GP_OK) {
    return cli_fail(command, "%s", error.message);
  }
  return CLI_OK;
}

/* ------------------------------------------------------------------------ judgement */

static int by_p(const void *a, const void *b) {
  const trace_tenant *x = a;
  const trace_tenant *y = b;
  if (x->root.log10_p != y->root.log10_p) {
    return x->root.log10_p < y->root.log10_p ? -1 : 1;
  }
  if (x->root.z != y->root.z) {
    return x->root.z > y->root.z ? -1 : 1;
  }
  return x->id < y->id ? -1 : x->id > y->id;
}

static gp_status correct(trace_findings *all, gp_error *error) {
  const size_t count = all->list.count;
  double *log10_p = calloc(2 * count, sizeof *log10_p);
  if (log10_p == NULL) {
    (void)snprintf(error->message, sizeof error->message, "out of memory: the tenants");
    return GP_ERR_MEMORY;
  }
  for (size_t i = 0; i < count; i++) {
    log10_p[i] = all->tenants[i].root.log10_p;
  }
  const gp_status status = gp_holm(log10_p, count, log10_p + count, error);
  const double log10_alpha = log10(all->evidence.options->alpha);
  for (size_t i = 0; i < count && status == GP_OK; i++) {
    trace_tenant *tenant = &all->tenants[i];
    tenant->log10_p_holm = log10_p[count + i];
    tenant->log10_p_corrected = evidence_correct(&all->evidence, tenant->log10_p_holm);
    tenant->found = tenant->log10_p_corrected <= log10_alpha;
    all->n_found += tenant->found;
  }
  free(log10_p);
  return status;
}

static gp_status judge(trace_findings *all, gp_error *error) {
  const size_t count = all->list.count;
  qsort(all->tenants, count, sizeof *all->tenants, by_p);
  const gp_status status = correct(all, error);
  const size_t listed =
      (all->n_found < FOUND_LISTED ? all->n_found : FOUND_LISTED) + OTHERS_LISTED;
  all->n_listed = listed < count ? listed : count;
  if (status != GP_OK || all->evidence.options->served_by != NULL) {
    return status;
  }
  return test_tenants(&all->evidence, GP_AUDIT_DISTINCT, false, all->tenants, all->n_listed,
                      error);
}

static int test_all(trace_findings *all) {
  audit_evidence *evidence = &all->evidence;
  gp_error error;
  if (evidence->options->served_by == NULL) {
    return test_tenants(evidence, GP_AUDIT_ROOT, false, all->tenants, all->list.count, &error) ==
                   GP_OK
               ? CLI_OK
               : cli_fail(evidence->options->command, "%s", error.message);
  }
  int status = CLI_OK;
  for (size_t i = 0; i < all->list.count && status == CLI_OK; i++) {
    status = test_served_tenant(evidence, &all->tenants[i]);
  }
  return status;
}

int trace_run_tests(trace_findings *all) {
  const audit_options *options = all->evidence.options;
  gp_error error;
  hash_list(all);
  all->tenants = calloc(all->list.count, sizeof *all->tenants);
  if (all->tenants == NULL) {
    return cli_fail(options->command, "out of memory: the tenants");
  }
  for (size_t i = 0; i < all->list.count; i++) {
    all->tenants[i].id = all->list.ids[i];
  }
  int status = test_all(all);
  if (status == CLI_OK && judge(all, &error) != GP_OK) {
    status = cli_fail(options->command, "%s", error.message);
  }
  return status;
}

/* Benjamini-Hochberg and Holm in logarithms, so that p = 1e-5000 keeps its place (SPEC.md
 * sections 8 and 17). */
#include <math.h>
#include <stdlib.h>

#include "common/error.h"

typedef struct ranked {
  double log10_p;
  size_t index;
} ranked;

static int largest_first(const void *left, const void *right) {
  const double a = ((const ranked *)left)->log10_p;
  const double b = ((const ranked *)right)->log10_p;
  return (a < b) - (a > b);
}

static gp_status check_all(const double *log10_p, size_t n, gp_error *error) {
  for (size_t i = 0; i < n; i++) {
    if (!(log10_p[i] <= 0.0)) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "log10_p[%zu]: must be a number that is at most 0, not %g", i, log10_p[i]);
    }
  }
  return GP_OK;
}

/* All of them, the largest first, to be freed. */
static gp_status sort_p(const double *log10_p, size_t n, ranked **sorted, gp_error *error) {
  const gp_status status = check_all(log10_p, n, error);
  if (status != GP_OK) {
    return status;
  }
  ranked *order = n <= SIZE_MAX / sizeof *order ? malloc(n * sizeof *order) : NULL;
  if (order == NULL) {
    return gp_fail_memory(error, "sorting p-values");
  }
  for (size_t i = 0; i < n; i++) {
    order[i] = (ranked){.log10_p = log10_p[i], .index = i};
  }
  qsort(order, n, sizeof *order, largest_first);
  *sorted = order;
  return GP_OK;
}

gp_status gp_benjamini_hochberg(const double *log10_p, size_t n, double *log10_q,
                                gp_error *error) {
  if (n == 0) {
    return GP_OK;
  }
  if (log10_p == NULL || log10_q == NULL) {
    return gp_fail_null(error, __func__, log10_p == NULL ? "log10_p" : "log10_q");
  }
  ranked *order = NULL;
  const gp_status status = sort_p(log10_p, n, &order, error);
  if (status != GP_OK) {
    return status;
  }
  double smallest = 0.0;
  for (size_t i = 0; i < n; i++) {
    const double rank = (double)(n - i); /* among the ascending p-values, from 1 */
    smallest = fmin(smallest, order[i].log10_p + log10((double)n / rank));
    log10_q[order[i].index] = smallest;
  }
  free(order);
  return GP_OK;
}

gp_status gp_holm(const double *log10_p, size_t n, double *log10_adjusted, gp_error *error) {
  if (n == 0) {
    return GP_OK;
  }
  if (log10_p == NULL || log10_adjusted == NULL) {
    return gp_fail_null(error, __func__, log10_p == NULL ? "log10_p" : "log10_adjusted");
  }
  ranked *order = NULL;
  const gp_status status = sort_p(log10_p, n, &order, error);
  if (status != GP_OK) {
    return status;
  }
  double largest = -INFINITY;
  for (size_t i = n; i-- > 0;) { /* the i-th largest is tested against i + 1 hypotheses */
    largest = fmax(largest, fmin(0.0, order[i].log10_p + log10((double)i + 1.0)));
    log10_adjusted[order[i].index] = largest;
  }
  free(order);
  return GP_OK;
}

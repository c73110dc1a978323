/* The null distribution of a weighted sum of coins, prepared for many keys. */
#ifndef GP_AUDIT_NULL_LAW_H
#define GP_AUDIT_NULL_LAW_H

#include "greenprint.h"

#define GP_NULL_GRID_MAX 512 /* places at which the Chernoff bound is taken */
#define GP_NULL_MIXTURE  21  /* members of the e-value's mixture */

typedef struct gp_null_node {
  double weight;
  double coins; /* how many have this weight, not always a whole number */
} gp_null_node;

typedef struct gp_null_law {
  double p;      /* gamma */
  double q;      /* 1 - gamma */
  double sigma;  /* standard deviation of T */
  int64_t total; /* sum of all weights, in units */
  gp_null_node *nodes;
  size_t n_nodes;
  size_t n_grid;
  double grid[GP_NULL_GRID_MAX];   /* t, ascending */
  double bounds[GP_NULL_GRID_MAX]; /* at least K(t); only where tabulated */
  bool tabulated;
  double places[GP_NULL_MIXTURE];  /* t */
  double mixture[GP_NULL_MIXTURE]; /* at least K(t) */
} gp_null_law;

/* The law of n coins with these weights (in units of 2^-30, of which the magnitudes add up to
 * at most 2^61). The mixture has the scale sigma_all, or that of these coins where it is 0.
 * `tabulate` for many keys. What comes out does not depend on the order of the weights.
 * Errors: GP_ERR_MEMORY. */
gp_status gp_null_law_make(gp_null_law *law, const int64_t *weights, size_t n,
                           const gp_params *params, double sigma_all, bool tabulate,
                           gp_error *error);
void gp_null_law_release(gp_null_law *law);

/* The standard deviation of a sum of coins with these weights. */
double gp_null_sigma(const int64_t *weights, size_t n, const gp_params *params);

/* T, where the green weights add up to `green_sum` units. */
double gp_null_statistic(const gp_null_law *law, int64_t green_sum, const gp_params *params);

/* log10 of the Chernoff bound for T, at the best place of the grid; never below that of the
 * exact tail. */
double gp_null_log10_p(const gp_null_law *law, double statistic);

/* log10 of the e-value; never above the exact one. */
double gp_null_log10_e(const gp_null_law *law, double statistic);

#endif

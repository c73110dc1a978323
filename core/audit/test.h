/* The inside of a gp_audit_test, and what a key makes of it. */
#ifndef GP_AUDIT_TEST_H
#define GP_AUDIT_TEST_H

#include "audit/audit.h"
#include "audit/null_law.h"
#include "prf/prf.h"
#include "verify/coin_weights.h"

/* Coins stand by their windows: those of one window follow each other, and windows have numbers
 * without gaps. So any 512 coins in a row have at most 512 windows, in a row too. */
struct gp_audit_test {
  const gp_audit *audit;
  gp_audit_statistic statistic;
  bool served_only;
  bool merges;       /* whether contexts may coincide under a key: seeding `min` */
  size_t n;          /* coins */
  uint32_t *tokens;  /* of each coin */
  uint32_t *windows; /* of each coin: the number of its window here */
  uint32_t *sources; /* of each window here: its number in the audit */
  size_t n_windows;
  int64_t *weights; /* in units; where contexts may coincide: what they are made of, to be
                       summed before gp_audit_weight() */
  gp_null_law law;  /* where no contexts coincide */
};

/* The weight in units of a coin that stands with this: the number of occurrences for `distinct`
 * and `root`, and otherwise the sum of what was added, in units. */
int64_t gp_audit_weight(gp_audit_statistic statistic, int64_t what);

/* The coins as one key sees them. */
typedef struct gp_trial {
  const gp_audit_test *test;
  gp_prf prf;
  gp_prf_lane lane;
  const gp_null_law *law;
  const int64_t *weights;
  size_t n;
  gp_coin_weights merged; /* these three where contexts may coincide */
  int64_t *merged_weights;
  gp_null_law merged_law;
} gp_trial;

gp_status gp_trial_begin(gp_trial *trial, const gp_audit_test *test, const gp_key *key,
                         const gp_verifier_options *options, gp_error *error);
void gp_trial_end(gp_trial *trial);

/* Tosses all coins; `colours` (may be NULL) gets those of each. `result` gets all but
 * log10_p_saddlepoint, which is NaN. */
gp_status gp_trial_run(gp_trial *trial, uint8_t *colours, gp_audit_result *result,
                       gp_error *error);

#endif

/* The inside of a gp_audit: coins with what occurred and what was expected (SPEC.md section 17).
 */
#ifndef GP_AUDIT_AUDIT_H
#define GP_AUDIT_AUDIT_H

#include "common/tuples.h"

/* Weights are whole multiples of 2^-30, so that adding is exact in any order. */
#define GP_AUDIT_UNIT (INT64_C(1) << 30)

typedef enum gp_audit_kind {
  GP_AUDIT_EMPTY = 0,
  GP_AUDIT_ANSWERS = 1,
  GP_AUDIT_EXPECTED_ANSWERS = 2, /* each with what a reference model expected */
  GP_AUDIT_MODEL = 3
} gp_audit_kind;

struct gp_audit {
  gp_params params;
  gp_audit_kind kind;
  bool failed;        /* a document was added in part */
  gp_tuples windows;  /* of h ids */
  gp_tuples coins;    /* number of the window, token */
  uint32_t *occurred; /* of each coin: how often */
  int64_t *sums;      /* of each coin: minus what was expected, or the model's weights; units */
  size_t capacity;    /* of the last two */
  uint64_t weighed;   /* sum of the magnitudes of all that was added, in units */
  gp_tuples prompt;   /* what occurs in the prompt of the answer that is added */
  uint8_t *served;    /* of each window: whether it is in the served set; NULL: nobody asked */
  uint64_t documents;
  uint64_t tokens;
  uint64_t positions;
  uint64_t in_prompt;
  uint64_t n_occurred; /* coins that did */
};

/* The checks before something of a kind is added, and what it undoes. */
gp_status gp_audit_begin(gp_audit *audit, gp_audit_kind kind, gp_error *error);

/* Adds to what stands with a coin, `window` being the h ids before the token. */
gp_status gp_audit_coin(gp_audit *audit, uint32_t window, uint32_t token, uint32_t occurred,
                        int64_t units, gp_error *error);

/* Whether the scheme knows contexts of its windows without the key. */
static inline bool gp_audit_has_contexts(const gp_audit *audit) {
  return audit->params.seeding == GP_SEEDING_HASH;
}

#endif

/*
 * Evidence, collected without a key (SPEC.md section 17).
 *
 * A context is known by its window, the h ids themselves, and a coin by the number of its
 * window and its token. What a key makes of that, contexts that coincide under seeding `min`
 * included, is the business of a test.
 */
#include "audit/audit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "verify/expectations.h"
#include "verify/tokens_digest.h"

#define CAPACITY_MIN ((size_t)256)
#define WEIGHED_MAX                                                                              \
  (UINT64_C(1) << 61) /* units: no sum of weights, or of their roots (Cauchy and                 \
                          Schwarz), overflows */

const char *gp_audit_statistic_name(gp_audit_statistic statistic) {
  switch (statistic) {
  case GP_AUDIT_DISTINCT:
    return "distinct";
  case GP_AUDIT_ROOT:
    return "root";
  case GP_AUDIT_REFERENCE:
    return "reference";
  case GP_AUDIT_OPEN:
    return "open";
  case GP_AUDIT_OPEN_ROOT:
    return "open-root";
  default:
    return "?";
  }
}

gp_status gp_audit_new(const gp_params *params, gp_audit **audit, gp_error *error) {
  if (params == NULL || audit == NULL) {
    return gp_fail_null(error, __func__, params == NULL ? "params" : "audit");
  }
  gp_status status = gp_params_check(params, error);
  if (status != GP_OK) {
    return status;
  }
  gp_audit *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "audit");
  }
  made->params = *params;
  const size_t width = params->context_width;
  status = gp_tuples_init(&made->windows, width, error);
  if (status == GP_OK) {
    status = gp_tuples_init(&made->coins, 2, error);
  }
  if (status == GP_OK) { /* where the context is always the same, the tokens count */
    status = gp_tuples_init(&made->prompt, width > 0 ? width : 1, error);
  }
  if (status != GP_OK) {
    gp_audit_free(made);
    return status;
  }
  *audit = made;
  return GP_OK;
}

void gp_audit_free(gp_audit *audit) {
  if (audit == NULL) {
    return;
  }
  gp_tuples_release(&audit->windows);
  gp_tuples_release(&audit->coins);
  gp_tuples_release(&audit->prompt);
  free(audit->occurred);
  free(audit->sums);
  free(audit->served);
  free(audit);
}

gp_status gp_audit_begin(gp_audit *audit, gp_audit_kind kind, gp_error *error) {
  if (audit->failed) {
    return gp_fail(error, GP_ERR_ARGUMENT, "audit: an earlier document failed; begin anew");
  }
  if (audit->kind != GP_AUDIT_EMPTY && audit->kind != kind) {
    if (kind == GP_AUDIT_MODEL || audit->kind == GP_AUDIT_MODEL) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "audit: answers and model weights are not tested together");
    }
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "audit: either all answers come with expectations, or none");
  }
  audit->kind = kind;
  free(audit->served); /* it would not know the windows to come */
  audit->served = NULL;
  return GP_OK;
}

/* Room for what stands with one more coin. */
static gp_status reserve(gp_audit *audit, gp_error *error) {
  if (audit->coins.count < audit->capacity) {
    return GP_OK;
  }
  const size_t capacity = audit->capacity == 0 ? CAPACITY_MIN : 2 * audit->capacity;
  if (capacity > SIZE_MAX / sizeof *audit->sums) {
    return gp_fail_memory(error, "the weights of coins");
  }
  uint32_t *occurred = realloc(audit->occurred, capacity * sizeof *occurred);
  if (occurred == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  audit->occurred = occurred;
  int64_t *sums = realloc(audit->sums, capacity * sizeof *sums);
  if (sums == NULL) {
    return gp_fail_memory(error, "the weights of coins");
  }
  audit->sums = sums;
  audit->capacity = capacity;
  return GP_OK;
}

gp_status gp_audit_coin(gp_audit *audit, uint32_t window, uint32_t token, uint32_t occurred,
                        int64_t units, gp_error *error) {
  audit->weighed += (uint64_t)(units < 0 ? -units : units) + occurred * (uint64_t)GP_AUDIT_UNIT;
  if (audit->weighed > WEIGHED_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "audit: more than 2^31 tokens, or as much weight, to be weighed at once");
  }
  const uint32_t pair[2] = {window, token};
  const size_t before = audit->coins.count;
  uint32_t coin = 0;
  gp_status status = reserve(audit, error);
  if (status == GP_OK) {
    status = gp_tuples_add(&audit->coins, pair, &coin, error);
  }
  if (status != GP_OK) {
    return status;
  }
  if (audit->coins.count > before) {
    audit->occurred[coin] = 0;
    audit->sums[coin] = 0;
  }
  audit->n_occurred += occurred > 0 && audit->occurred[coin] == 0;
  audit->occurred[coin] += occurred;
  audit->sums[coin] += units;
  return GP_OK;
}

/* Notes what occurs in a prompt: its windows, or its tokens where a window is empty. */
static gp_status read_prompt(gp_audit *audit, const uint32_t *prompt, size_t n_prompt,
                             gp_error *error) {
  gp_tuples_clear(&audit->prompt);
  const size_t width = audit->prompt.width;
  gp_status status = GP_OK;
  uint32_t number = 0;
  for (size_t i = 0; i + width <= n_prompt && status == GP_OK; i++) {
    status = gp_tuples_add(&audit->prompt, prompt + i, &number, error);
  }
  return status;
}

static bool is_in_prompt(const gp_audit *audit, const uint32_t *window, const uint32_t *token) {
  const uint32_t *sought = audit->windows.width > 0 ? window : token;
  return gp_tuples_find(&audit->prompt, sought) != GP_TUPLES_NONE;
}

/* A token that is scored, and what was expected in its place (NULL for nothing). */
static gp_status add_token(gp_audit *audit, const uint32_t *window, uint32_t token,
                           const gp_position *expected, gp_error *error) {
  uint32_t number = 0;
  gp_status status = gp_tuples_add(&audit->windows, window, &number, error);
  if (status == GP_OK) {
    status = gp_audit_coin(audit, number, token, 1, 0, error);
  }
  for (size_t i = 0; expected != NULL && i < expected->count && status == GP_OK; i++) {
    const double units = (double)expected->probabilities[i] * (double)GP_AUDIT_UNIT;
    status = gp_audit_coin(audit, number, expected->ids[i], 0, -llrint(units), error);
  }
  return status;
}

static gp_status add_answer(gp_audit *audit, const uint32_t *tokens, size_t n_tokens,
                            gp_expectations *expectations, gp_error *error) {
  const size_t width = audit->windows.width;
  gp_position expected;
  gp_status status = GP_OK;
  for (size_t i = 0; i < n_tokens && status == GP_OK; i++) {
    if (expectations != NULL) {
      status = gp_expectations_position(expectations, &expected, error);
    }
    if (i < width || status != GP_OK) {
      continue;
    }
    audit->positions++;
    if (is_in_prompt(audit, tokens + i - width, tokens + i)) {
      audit->in_prompt++;
      continue;
    }
    status = add_token(audit, tokens + i - width, tokens[i],
                       expectations != NULL ? &expected : NULL, error);
  }
  return status;
}

gp_status gp_audit_add(gp_audit *audit, const uint32_t *prompt, size_t n_prompt,
                       const uint32_t *tokens, size_t n_tokens, gp_expectations *expectations,
                       gp_error *error) {
  if (audit == NULL || (prompt == NULL && n_prompt > 0) || (tokens == NULL && n_tokens > 0)) {
    return gp_fail_null(error, __func__,
                        audit == NULL                    ? "audit"
                        : prompt == NULL && n_prompt > 0 ? "prompt"
                                                         : "tokens");
  }
  gp_status status = gp_audit_begin(
      audit, expectations != NULL ? GP_AUDIT_EXPECTED_ANSWERS : GP_AUDIT_ANSWERS, error);
  if (status != GP_OK) {
    return status;
  }
  audit->failed = true;
  status = read_prompt(audit, prompt, n_prompt, error);
  if (status == GP_OK && expectations != NULL) {
    uint8_t sha256[GP_DIGEST_SIZE];
    status = gp_tokens_digest(tokens, n_tokens, sha256, error);
    if (status == GP_OK) {
      status = gp_expectations_begin(expectations, sha256, n_tokens, error);
    }
  }
  if (status == GP_OK) {
    status = add_answer(audit, tokens, n_tokens, expectations, error);
  }
  if (status == GP_OK && expectations != NULL) {
    status = gp_expectations_end(expectations, error);
  }
  if (status != GP_OK) {
    return status;
  }
  audit->failed = false;
  audit->documents++;
  audit->tokens += n_tokens;
  return GP_OK;
}

/* How many contexts, and coins of them, are in the served set. */
static void count_served(const gp_audit *audit, gp_audit_counts *counts) {
  for (size_t i = 0; i < audit->windows.count; i++) {
    counts->served_contexts += audit->served[i];
  }
  for (size_t i = 0; i < audit->coins.count; i++) {
    const bool tested = audit->kind == GP_AUDIT_MODEL || audit->occurred[i] > 0;
    counts->served_coins += tested && audit->served[audit->coins.ids[2 * i]];
  }
}

void gp_audit_get_counts(const gp_audit *audit, gp_audit_counts *counts) {
  const uint64_t all = audit->coins.count;
  const uint64_t coins = audit->kind == GP_AUDIT_MODEL ? all : audit->n_occurred;
  *counts = (gp_audit_counts){.documents = audit->documents,
                              .tokens = audit->tokens,
                              .positions = audit->positions,
                              .in_prompt = audit->in_prompt,
                              .contexts = audit->windows.count,
                              .coins = coins,
                              .expected = all - coins,
                              .has_served = audit->served != NULL};
  if (audit->served != NULL) {
    count_served(audit, counts);
  }
}

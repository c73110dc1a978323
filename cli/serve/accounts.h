/* What each token may still ask for, now and altogether. Thread-safe. */
#ifndef CLI_SERVE_ACCOUNTS_H
#define CLI_SERVE_ACCOUNTS_H

#include "greenprint.h"
#include "serve/tokens.h"

typedef struct accounts accounts;

/* Reads tokens and state. `largest` is the number of elements of the largest request. */
int accounts_open(const char *command, const char *tokens_path, const char *state_path,
                  const char *key_id, size_t largest, accounts **made);

/* Writes to the state exactly what was spent, and releases. NULL is ignored. GP_ERR_IO where it
 * cannot be written: then the file says that more was spent. */
gp_status accounts_close(accounts *all, gp_error *error);

#define NO_ACCOUNT SIZE_MAX

/* The account of a presented token, or NO_ACCOUNT. */
size_t accounts_find(const accounts *all, const char *presented);

const char *accounts_name(const accounts *all, size_t i);

typedef struct account_facts {
  uint64_t rate;
  uint64_t budget;
  uint64_t left;
} account_facts;
account_facts accounts_facts(accounts *all, size_t i);

typedef enum spending_result {
  SPENT,
  OVER_BUDGET,
  OVER_RATE,  /* *wait says for how many seconds */
  NOT_WRITTEN /* the state, with *error */
} spending_result;

/* Takes `elements`, at most `largest`, from the rate and the budget; on the disk before this
 * returns. */
spending_result accounts_spend(accounts *all, size_t i, size_t elements, unsigned *wait,
                               gp_error *error);

/* Gives back to the budget what was not evaluated; the rate was used. */
void accounts_refund(accounts *all, size_t i, size_t elements);

#endif

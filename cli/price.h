/*
 * What p pays for besides what a command tries by itself: all keys that were committed to
 * beforehand, and tests like this one that could have been made.
 */
#ifndef CLI_PRICE_H
#define CLI_PRICE_H

#include <jansson.h>

#include "committed.h"

typedef struct price_options {
  const char *committed; /* a proof that the key is in a set, or the set; may be NULL */
  const char *root;      /* that this has to have, in hexadecimal digits; may be NULL */
  uint64_t tests;        /* 0: not said */
} price_options;

/* What getopt_long() returns for them. */
enum {
  PRICE_COMMITTED = CLI_OPTIONS_MAX - 16,
  PRICE_ROOT,
  PRICE_TESTS
};

#define PRICE_OPTIONS                                                                            \
  {"committed", required_argument, NULL, PRICE_COMMITTED},                                       \
      {"root", required_argument, NULL, PRICE_ROOT}, {                                           \
    "tests", required_argument, NULL, PRICE_TESTS                                                \
  }

static inline bool price_is_option(int option) {
  return option >= PRICE_COMMITTED && option <= PRICE_TESTS;
}

/* Takes note of one of these options, whose value is in optarg, or says what is wrong with it. */
int price_set_option(const char *command, int option, price_options *options);

/* The options as they were read. */
typedef struct price {
  committed committed;
  uint64_t tests; /* 1 if nothing was said */
} price;

/* Reads the file of --committed. `by_document`: documents are judged one by one, for which
 * neither keys nor tests are paid. Returns an exit status, and has said what is wrong;
 * price_close() in any case. */
int price_open(const char *command, const price_options *options, bool by_document, price *read);
void price_close(price *read);

/* Makes out the bill for so many keys, tenants (one, and not `has_tenant`, where there are none)
 * and sizes of a sample. False if it is beyond 2^63 - 1. */
bool price_sum(const price *read, uint64_t keys, uint64_t tenants, bool has_tenant,
               uint64_t sizes, cli_bill *bill);

#define PRICE_COMMITTED_SIZE 160

/* "among 7 keys, root 8b2e…". Returns `out`. */
const char *price_describe_committed(char out[PRICE_COMMITTED_SIZE], const committed *keys);

/* The row of a report for people; none without a commitment. */
void price_put_row(const committed *keys);

/* The fields of a report: SPEC.md section 11. NULL without memory. */
json_t *price_json(const committed *keys, const cli_bill *bill);

#endif

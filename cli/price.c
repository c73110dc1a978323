#include "price.h"

#include <getopt.h>
#include <inttypes.h>

#include "json_parts.h"
#include "rows.h"

static int set_tests(const char *command, const char *text, uint64_t *tests) {
  return cli_parse_number(text, INT64_MAX, tests) && *tests > 0
             ? CLI_OK
             : cli_fail(command, "--tests %s is not a number from 1 to 2^63 - 1", text);
}

int price_set_option(const char *command, int option, price_options *options) {
  switch (option) {
  case PRICE_COMMITTED:
    options->committed = optarg;
    return CLI_OK;
  case PRICE_ROOT:
    options->root = optarg;
    return CLI_OK;
  default:
    return set_tests(command, optarg, &options->tests);
  }
}

int price_open(const char *command, const price_options *options, bool by_document, price *read) {
  const char *file = options->committed;
  *read = (price){.tests = options->tests > 0 ? options->tests : 1};
  if (options->root != NULL && file == NULL) {
    return cli_fail(command, "--root is that of the file of --committed: name that as well");
  }
  int status = file != NULL ? committed_open(command, file, &read->committed) : CLI_OK;
  if (status == CLI_OK && options->root != NULL) {
    status = committed_check_root(command, file, options->root, read->committed.root);
    read->committed.as_given = status == CLI_OK;
  }
  if (status == CLI_OK && by_document && (read->committed.keys > 1 || read->tests > 1)) {
    return cli_fail(command, "--per-document and --json-lines do not go with %s",
                    read->tests > 1 ? "--tests" : "--committed of more than one key");
  }
  return status;
}

void price_close(price *read) {
  committed_close(&read->committed);
}

bool price_sum(const price *read, uint64_t keys, uint64_t tenants, bool has_tenant,
               uint64_t sizes, cli_bill *bill) {
  const uint64_t n = read->committed.keys;
  *bill = (cli_bill){.committed = n > 0,
                     .keys = n > keys ? n : keys,
                     .tenants = tenants,
                     .sizes = sizes,
                     .tests = read->tests,
                     .other_tenants = has_tenant && tenants == 1 && read->tests == 1};
  return !__builtin_mul_overflow(bill->keys, bill->tenants, &bill->times) &&
         !__builtin_mul_overflow(bill->times, bill->sizes, &bill->times) &&
         !__builtin_mul_overflow(bill->times, bill->tests, &bill->times) &&
         bill->times <= INT64_MAX;
}

/* ---------------------------------------------------------------------------- reporting */

const char *price_describe_committed(char out[PRICE_COMMITTED_SIZE], const committed *keys) {
  char root[2 * GP_ROOT_SIZE + 1];
  json_hex(root, sizeof root, keys->root, sizeof keys->root);
  (void)snprintf(out, PRICE_COMMITTED_SIZE, "among %" PRIu64 " key%s, root %s%s", keys->keys,
                 cli_plural(keys->keys), root,
                 keys->as_given ? ", as given" : ": compare it with the published one");
  return out;
}

void price_put_row(const committed *keys) {
  char text[PRICE_COMMITTED_SIZE];
  if (keys->file != NULL) {
    put_row("committed", "%s", price_describe_committed(text, keys));
  }
}

json_t *price_json(const committed *keys, const cli_bill *bill) {
  char root[2 * GP_ROOT_SIZE + 1];
  json_hex(root, sizeof root, keys->root, sizeof keys->root);
  json_t *set = keys->file != NULL
                    ? json_pack("{s:s, s:I, s:I}", "root", root, "tree_size",
                                (json_int_t)keys->keys, "p_times", (json_int_t)bill->times)
                    : json_null();
  return json_pack("{s:o, s:I, s:I}", "committed", set, "tests_possible", (json_int_t)bill->tests,
                   "p_times", (json_int_t)bill->times);
}

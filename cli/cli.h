/* What the commands of greenprint share. */
#ifndef CLI_H
#define CLI_H

#include <stdint.h>
#include <stdio.h>

#include "greenprint.h"

/* Exit statuses. CLI_NOT_FOUND is of those alone that look for a mark. */
enum {
  CLI_OK = 0,
  CLI_NOT_FOUND = 1,
  CLI_TROUBLE = 2
};

/* The commands, one file each. argv[0] is the command's name. They return an exit
 * status, and have said on standard error what went wrong. */
int cli_keygen(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_prove(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_precompute(int argc, char **argv);
int cli_merge(int argc, char **argv);
int cli_contexts(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_commit(int argc, char **argv);
int cli_sign(int argc, char **argv);
int cli_timestamp(int argc, char **argv);
int cli_version(int argc, char **argv);

#define CLI_KEYS_MAX 1000 /* that one command tries */

/* --- console.c */

/* Prints "greenprint COMMAND: message" on standard error and returns CLI_TROUBLE.
 * `command` may be NULL. Control characters (of a file name, say) become '?'. */
int cli_fail(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same as a warning: the command goes on. */
void cli_warn(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Warns when group or others can read a key file. */
void cli_warn_if_readable(const char *command, const char *path);

/* Whether a key file is a regular one. A pipe has given its key when it was read once, and a
 * second look might wait forever. */
bool cli_can_be_read_again(const char *path);

/* Prints text with its control characters, those that change the direction of writing
 * included, as '?'. */
void cli_put_safe(FILE *out, const char *text);

/* Writes out what was printed. CLI_OK, or CLI_TROUBLE with a message if it is lost. */
int cli_flush(const char *command);

/* --- options.c */

/* Values that getopt_long() returns for options that have no letter. */
enum {
  CLI_LONG_OPTION = 256
};

/* The answer to getopt_long() having returned '?' or ':'. */
int cli_bad_option(const char *command, int returned, char **argv);

#define CLI_OPTIONS_MAX 512 /* what getopt_long() returns is less */

/* Reads decimal digits, nothing else; false when they are none or exceed `largest`. */
bool cli_parse_number(const char *text, uint64_t largest, uint64_t *value);

/* Reads a number between 0 and 1, both exclusive, such as an alpha; says what is wrong. */
int cli_parse_probability(const char *command, const char *option, const char *text,
                          double *value);

/* Reads "1234", "64K", "10M", "2G" or "1T" (powers of 1024). */
bool cli_parse_size(const char *text, uint64_t *value);

/* The values of --tenant, --jobs and --max-memory, which mean the same wherever they stand; say
 * what is wrong. */
int cli_parse_tenant(const char *command, const char *text, gp_verifier_options *tenant);
int cli_parse_jobs(const char *command, const char *text, unsigned *threads);
int cli_parse_memory(const char *command, const char *text, uint64_t *bytes);

/* The values of --normalize (NULL where it has none) and --format, likewise. */
int cli_parse_normalize(const char *command, const char *text, unsigned *normalize);
int cli_parse_format(const char *command, const char *text, gp_input_format *format);

/* The value of --partial, which goes to a file. */
int cli_check_partial(const char *command, const char *path);

/* Reads all options by getopt_long(): hands each to `set`, and refuses one with a value that is
 * given twice, but for the letter `many` (0 for none). Ends early when `set` fails or sets *help.
 */
struct option;
int cli_each_option(const char *command, int argc, char **argv, const char *letters,
                    const struct option *known, int many, bool seen[CLI_OPTIONS_MAX],
                    int (*set)(int option, char **argv, void *options), void *options,
                    const bool *help);

/* What makes a regular noun agree with a number: "" or "s". */
static inline const char *cli_plural(uint64_t number) {
  return number == 1 ? "" : "s";
}

/* --- describe.c */

#define CLI_PARAMS_SIZE 64
#define CLI_P_SIZE      32

/* What a proof shows: "1234 contexts, by the holder of key ...". */
#define CLI_PROVED_SIZE 160
const char *cli_describe_proof(char out[CLI_PROVED_SIZE], const gp_proof_info *proof);

/* "hash, context width 2, gamma 1/4". Returns `out`. */
const char *cli_describe_params(char out[CLI_PARAMS_SIZE], const gp_params *params);

/* A p-value from its decimal logarithm with two digits, rounded up, such as "3.1e-412" or
 * "0.52". Returns `out`. */
const char *cli_describe_p(char out[CLI_P_SIZE], double log10_p);

/* What p is multiplied with. */
typedef struct cli_bill {
  bool committed;     /* to `keys` */
  uint64_t keys;      /* that were tried; that were committed to, where that is known */
  uint64_t tenants;   /* tried */
  uint64_t sizes;     /* that a sample could have had */
  uint64_t tests;     /* like this one that could have been made */
  bool other_tenants; /* there are such as were neither tried nor paid for */
  uint64_t times;     /* the product of all these numbers */
} cli_bill;

#define CLI_BILL_SIZE 192

/* "p times 168000: 7 keys committed to, 24000 tests". Returns `out`. */
const char *cli_describe_bill(char out[CLI_BILL_SIZE], const cli_bill *bill);

/* Whom or what a probability is for, where it is not for one test alone, to stand at the end of
 * a sentence: ", for any of the keys committed to", or nothing. Returns `out`. */
const char *cli_describe_any(char out[CLI_BILL_SIZE], const cli_bill *bill);

#define CLI_MEANING_SIZE 512

/* What a verdict rests on. */
typedef struct cli_evidence {
  bool found;
  bool weighted; /* by a reference model */
  const char *key_id;
  gp_params params;
  double alpha;
  cli_bill bill;
  uint64_t scored;
  double log10_p; /* that decides: corrected for what was tried */
} cli_evidence;

/* What a verdict means, in sentences for people, without line breaks. Returns `out`. */
const char *cli_describe_meaning(char out[CLI_MEANING_SIZE], const cli_evidence *evidence);

/* Prints text in lines of at most `width` bytes (words that are longer stay whole). */
void cli_put_wrapped(FILE *out, const char *text, size_t width);

#endif

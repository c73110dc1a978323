/* Everything that a report of `audit` or `trace` says. */
#ifndef CLI_AUDIT_FINDINGS_H
#define CLI_AUDIT_FINDINGS_H

#include <jansson.h>

#include "audit_evidence.h"
#include "cli.h"
#include "tenants.h"

/* A test of a key beside the same test of keys that nobody ever used. */
typedef struct audit_controls {
  double z_least;
  double z_median;
  double z_greatest;
  uint64_t at_or_above; /* controls whose T is that of the key or greater */
  double rank_p;        /* (1 + at_or_above) / (1 + controls) */
  double log10_p_least;
  uint64_t small;       /* controls whose p is at most 1/128 */
  double log10_p_small; /* of so many of them, or more, by chance: exact */
} audit_controls;

typedef struct audit_test_findings {
  gp_audit_statistic statistic;
  bool served; /* over served contexts alone: then a rank among controls has no meaning */
  gp_audit_result result;
  audit_controls controls;
} audit_test_findings;

#define AUDIT_TESTS_MAX 6

typedef struct audit_findings {
  audit_evidence evidence;
  audit_test_findings tests[AUDIT_TESTS_MAX];
  size_t n_tests;
  size_t verdict;           /* index of the test that decides, which the options alone choose */
  double log10_p_corrected; /* of that test, for all that it pays for */
  bool found;
  bool has_anytime;       /* answers were tested, and p pays for nothing else */
  double anytime_log10_e; /* for whoever asks on until it is enough (SPEC.md section 8) */
  size_t n_controls;
  bool controls_fit; /* none of the tests gives too many controls a small p */
  double *z;         /* of the controls in the verdict's test, by index */
  double *log10_p;
} audit_findings;

/* Below this the controls do not look as they should. */
#define AUDIT_CONTROLS_LEAST_P 1e-4

/* The threshold of audit_controls.small: 1 / 2^7. */
#define AUDIT_SMALL_LOG2_DEN 7

/* Runs all tests. Returns an exit status, and has said what went wrong. */
int audit_run_tests(audit_findings *all);
void audit_findings_free(audit_findings *all);

/* A tenant that was tried. */
typedef struct trace_tenant {
  uint64_t id;
  bool found;
  gp_audit_result root;
  gp_audit_result distinct; /* of those that are listed, and with served sets */
  double log10_p_holm;      /* corrected for the tenants */
  double log10_p_corrected; /* and for all that it pays for besides */
  uint64_t served_contexts; /* with served sets: those of the tenant's contexts that are tested */
} trace_tenant;

typedef struct trace_findings {
  audit_evidence evidence;
  tenant_list list;
  uint8_t list_sha256[32]; /* of the ids in decimal, ascending, a newline after each */
  trace_tenant *tenants;   /* all of them, the best first */
  size_t n_listed;         /* so many of the first are listed */
  size_t n_found;
} trace_findings;

/* Looks for all served sets before any work is done, and runs all tests. Likewise. */
int trace_check_served(const audit_options *options, const tenant_list *tenants);
int trace_run_tests(trace_findings *all);
void trace_findings_free(trace_findings *all);

/* --- audit_words.c: what a report says in sentences */

#define AUDIT_WORDS_SIZE  640
#define AUDIT_LIMITS_MAX  5
#define AUDIT_ASSUMED_MAX 4

typedef struct audit_words {
  char verdict[128]; /* "Found: the mark of key … in what the model has learned." without it */
  char meaning[AUDIT_WORDS_SIZE];
  char decided[AUDIT_WORDS_SIZE]; /* which test decides, and what the others are */
  /* These are empty where there is nothing to say. */
  char broken[AUDIT_WORDS_SIZE]; /* why the verdict must not be relied on: to stand below it */
  char anytime[AUDIT_WORDS_SIZE];
  char controls[AUDIT_WORDS_SIZE];
  char assumed[AUDIT_ASSUMED_MAX][AUDIT_WORDS_SIZE];
  size_t n_assumed;
  const char *limits[AUDIT_LIMITS_MAX]; /* what was not shown; static */
  size_t n_limits;
} audit_words;

void audit_find_words(const audit_findings *all, audit_words *words);
void trace_find_words(const trace_findings *all, audit_words *words);

/* "all" or "served": the contexts that a test is over. */
const char *audit_contexts_name(bool served);

/* --- audit_text.c, audit_json.c, audit_page.c, and the same of trace */

void audit_print_text(const audit_findings *all, bool brief);
void trace_print_text(const trace_findings *all, bool brief);

/* What both have in common: rows about key and inputs, and the last paragraphs. */
void audit_print_evidence(const audit_evidence *evidence, const char *tenants);
void audit_print_words(const audit_words *words);

/* False without memory, and then nothing was printed. */
bool audit_print_json(const audit_findings *all);
bool trace_print_json(const trace_findings *all);

/* What both have in common: fields about key and inputs. NULL without memory. */
json_t *audit_json_evidence(const audit_evidence *evidence, const char *version_field);

/* The fields of a result. NULL without memory. */
json_t *audit_json_result(const gp_audit_result *result);

/* Prints an object, which is released, and may be NULL. False without memory. */
bool audit_json_print(json_t *report);

/* Write the page. Return an exit status, and have said what went wrong. */
int audit_write_page(const audit_findings *all, const char *path);
int trace_write_page(const trace_findings *all, const char *path);

#endif

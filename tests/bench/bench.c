/*
 * What marking and scoring cost, as ratios within one run.
 *
 * Each measurement runs two sides by turns on one core: ours, and what cannot be done without.
 * Marking a row is compared with adding a constant to the same row with the same instruction set,
 * scoring with the bare AES blocks, the table of pairs with the memory it has to visit. See
 * measure.h for how, and docs/performance.md for what came out.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "constants.h"

static const char usage[] =
    "usage: bench_greenprint [--json FILE] [--only GROUP] [--seconds S] [--patience P]\n"
    "                        [--core N] [--quick]\n"
    "\n"
    "  --json FILE   write the results there too\n"
    "  --only GROUP  row, batch, threads, score, table, trace, provable, proof\n"
    "                or tail\n"
    "  --seconds S   for each comparison; default 0.4\n"
    "  --patience P  up to P times as long where the core is not quiet; default 6, 1 is once\n"
    "  --core N      run on this core; default: the last one\n"
    "  --quick       see whether everything runs; the figures are worth nothing\n"
    "\n"
    "GREENPRINT_CPU=portable|avx2|avx512|vaes|neon chooses the library's instruction set.\n";

/* A number from `least` to `most`. */
static double parse_number(const char *option, const char *text, double least, double most) {
  char *end = NULL;
  const double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    char why[128];
    (void)snprintf(why, sizeof why, "'%.32s' is not a number from %g to %g", text, least, most);
    bench_fail(option, why);
  }
  return value;
}

static int parse_core(const char *text) {
  char *end = NULL;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0 || value < 0 || value > INT_MAX) {
    char why[128];
    (void)snprintf(why, sizeof why, "'%.32s' is not the number of a core: 0, 1 ...", text);
    bench_fail("--core", why);
  }
  return (int)value;
}

static void show_usage(bool asked) {
  (void)fputs(usage, asked ? stdout : stderr);
  exit(asked ? 0 : 2);
}

static bench_options parse(int argc, char **argv) {
  static const struct option known[] = {
      {"json", required_argument, NULL, 'j'},    {"only", required_argument, NULL, 'o'},
      {"seconds", required_argument, NULL, 's'}, {"patience", required_argument, NULL, 'p'},
      {"core", required_argument, NULL, 'c'},    {"quick", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
  };
  bench_options options = {.seconds = 0.4, .patience = 6.0, .core = -1};
  int option = 0;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
    switch (option) {
    case 'j':
      options.json = optarg;
      break;
    case 'o':
      options.only = optarg;
      break;
    case 's':
      options.seconds = parse_number("--seconds", optarg, 0.001, 3600.0);
      break;
    case 'p':
      options.patience = parse_number("--patience", optarg, 1.0, 100.0);
      break;
    case 'c':
      options.core = parse_core(optarg);
      break;
    case 'q':
      options.quick = true;
      break;
    default:
      show_usage(option == 'h');
    }
  }
  if (optind < argc) {
    show_usage(false);
  }
  return options;
}

typedef struct group {
  const char *name;
  const char *title;
  void (*run)(bench_run *run);
  bool once; /* takes long, and waits for memory, which no neighbour slows down much */
} group;

static const group groups[] = {
    {"row", "Marking one row, in cache, against adding a constant to it", bench_rows, false},
    {"batch", "Marking 64 rows, from memory, against adding a constant to them", bench_batches,
     false},
    {"threads", "Marking 64 rows on two threads, against one thread", bench_threads, true},
    {"score", "Scoring, against the AES blocks that it takes", bench_scoring, false},
    {"table", "The table of pairs, against the memory that it has to visit", bench_table, true},
    {"trace", "Tracing many tenants, against the AES blocks that it takes", bench_tracing, false},
    {"provable", "Nonces of provable keys, against the group operations in them", bench_nonces,
     false},
    {"proof", "Proofs of many nonces, and checking them", bench_proofs, true},
    {"tail", "Exact p-values", bench_p_values, true},
};

enum {
  GROUPS = sizeof groups / sizeof *groups
};

static bool is_wanted(const bench_options *options, const group *one) {
  return options->only == NULL || strcmp(options->only, one->name) == 0;
}

/* What would only be seen when all is measured. */
static void check_first(const bench_options *options) {
  bool any = false;
  for (size_t i = 0; i < GROUPS; i++) {
    any = any || is_wanted(options, &groups[i]);
  }
  if (!any) {
    bench_fail(options->only, "there is no group of that name; --help lists them");
  }
  if (options->json == NULL) {
    return;
  }
  FILE *file = fopen(options->json, "a"); /* which leaves alone what is in it */
  if (file == NULL || fclose(file) != 0) {
    bench_fail(options->json, strerror(errno));
  }
}

static void run_groups(bench_run *run) {
  for (size_t pass = 0; pass < run->passes; pass++) {
    for (size_t i = 0; i < GROUPS; i++) {
      const group *one = &groups[i];
      const bool again = pass > 0;
      if (!is_wanted(&run->options, one) || (again && one->once) ||
          (again && !bench_start_again(run, one->name))) {
        continue;
      }
      printf("\n%s%s\n", one->title, again ? ", again: too few rounds were quiet" : "");
      one->run(run);
    }
  }
}

static json_t *describe_quiet(const bench_options *options) {
  return json_pack("{s:f, s:i, s:f, s:f}", "limit", BENCH_QUIET, "enough", (int)BENCH_ENOUGH,
                   "patience", options->patience, "least_cost", bench_probe_least());
}

int main(int argc, char **argv) {
  bench_run run = {.options = parse(argc, argv), .results = json_array(), .passes = 1};
  if (!run.options.quick && run.options.patience >= BENCH_PASSES) {
    run.passes = BENCH_PASSES;
  }
  check_first(&run.options);
  const int core = bench_pin(run.options.core);
  run.options.core = core;
  bench_check_adders();
  bench_probe_calibrate(run.options.quick ? 0.001 : 0.2);
  run.set = bench_library_set();
  json_t *machine = bench_machine(core);
  printf("libgreenprint %s, kernels: %s, core %d\n", gp_version(), run.set, core);
  run_groups(&run);
  bench_finish_cases(&run);
  json_t *all =
      json_pack("{s:s, s:s, s:b, s:f, s:o, s:o, s:o}", "version", gp_version(), "cpu", run.set,
                "quick", run.options.quick, "seconds", run.options.seconds, "quiet",
                describe_quiet(&run.options), "machine", machine, "results", run.results);
  if (all == NULL) {
    bench_fail("results", "out of memory");
  }
  if (run.options.json != NULL && json_dump_file(all, run.options.json, JSON_INDENT(1)) != 0) {
    bench_fail(run.options.json, "cannot be written");
  }
  json_decref(all);
  return 0;
}

/*
 * What marking and scoring cost, as ratios within one run.
 *
 * Each measurement runs two sides by turns on one core: ours, and what cannot be done without.
 * Marking a row is compared with adding a constant to the same row with the same instruction set,
 * scoring with the bare AES blocks, the table of pairs with the memory it has to visit. See
 * measure.h for how, and docs/performance.md for what came out.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "constants.h"

static const char usage[] =
    "usage: bench_greenprint [--json FILE] [--only GROUP] [--seconds S] [--core N] [--quick]\n"
    "\n"
    "  --json FILE   write the results there too\n"
    "  --only GROUP  row, batch, threads, score, table, trace or tail\n"
    "  --seconds S   for each comparison; default 0.4\n"
    "  --core N      run on this core; default: the last one\n"
    "  --quick       see whether everything runs; the figures are worth nothing\n"
    "\n"
    "GREENPRINT_CPU=portable|avx2|avx512|neon chooses the library's instruction set.\n";

static bench_options parse(int argc, char **argv) {
  static const struct option known[] = {
      {"json", required_argument, NULL, 'j'},
      {"only", required_argument, NULL, 'o'},
      {"seconds", required_argument, NULL, 's'},
      {"core", required_argument, NULL, 'c'},
      {"quick", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  bench_options options = {.seconds = 0.4, .core = -1};
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
      options.seconds = strtod(optarg, NULL);
      break;
    case 'c':
      options.core = (int)strtol(optarg, NULL, 10);
      break;
    case 'q':
      options.quick = true;
      break;
    default:
      (void)fputs(usage, option == 'h' ? stdout : stderr);
      exit(option == 'h' ? 0 : 2);
    }
  }
  if (optind < argc) {
    (void)fputs(usage, stderr);
    exit(2);
  }
  return options;
}

typedef struct group {
  const char *name;
  const char *title;
  void (*run)(bench_run *run);
} group;

static const group groups[] = {
    {"row", "Marking one row, in cache, against adding a constant to it", bench_rows},
    {"batch", "Marking 64 rows, from memory, against adding a constant to them", bench_batches},
    {"threads", "Marking 64 rows on two threads, against one thread", bench_threads},
    {"score", "Scoring, against the AES blocks that it takes", bench_scoring},
    {"table", "The table of pairs, against the memory that it has to visit", bench_table},
    {"trace", "Tracing many tenants, against the AES blocks that it takes", bench_tracing},
    {"tail", "Exact p-values", bench_p_values},
};

static bool run_groups(bench_run *run) {
  bool any = false;
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    if (run->options.only == NULL || strcmp(run->options.only, groups[i].name) == 0) {
      printf("\n%s\n", groups[i].title);
      groups[i].run(run);
      any = true;
    }
  }
  return any;
}

int main(int argc, char **argv) {
  bench_run run = {.options = parse(argc, argv), .results = json_array()};
  run.options.seconds = run.options.quick ? 0.0 : run.options.seconds;
  const int core = bench_pin(run.options.core);
  run.options.core = core;
  bench_check_adders();
  run.set = bench_library_set();
  json_t *machine = bench_machine(core);
  printf("libgreenprint %s, kernels: %s, core %d\n", gp_version(), run.set, core);
  if (!run_groups(&run)) {
    bench_fail(run.options.only, "there is no group of that name");
  }
  json_t *all = json_pack("{s:s, s:s, s:b, s:f, s:o, s:o}", "version", gp_version(), "cpu",
                          run.set, "quick", run.options.quick, "seconds", run.options.seconds,
                          "machine", machine, "results", run.results);
  if (all == NULL) {
    bench_fail("results", "out of memory");
  }
  if (run.options.json != NULL && json_dump_file(all, run.options.json, JSON_INDENT(1)) != 0) {
    bench_fail(run.options.json, "cannot be written");
  }
  json_decref(all);
  return 0;
}

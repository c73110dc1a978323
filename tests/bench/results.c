/* Results: a line for people, an object for the program that writes docs/performance.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static bench_effort effort_of(const bench_run *run) {
  const bench_effort quick = {.patience = 1.0, .rounds_min = 2, .rounds_max = 2};
  const double patience = run->options.patience / (double)run->passes;
  const bench_effort whole = {.seconds = run->options.seconds,
                              .patience = patience,
                              .rounds_min = BENCH_ENOUGH,
                              .rounds_max = 4001};
  return run->options.quick ? quick : whole;
}

static void set(json_t *object, const char *name, json_t *value) {
  if (json_object_set_new(object, name, value) != 0) {
    bench_fail("results", "out of memory");
  }
}

static void set_count(json_t *object, const char *name, size_t value) {
  if (value != 0) {
    set(object, name, json_integer((json_int_t)value));
  }
}

static json_t *describe(const bench_label *label) {
  json_t *object = json_object();
  set(object, "group", json_string(label->group));
  set(object, "name", json_string(label->name));
  if (label->against != NULL) {
    set(object, "against", json_string(label->against));
  }
  if (label->dtype != NULL) {
    set(object, "dtype", json_string(label->dtype));
  }
  set_count(object, "gamma_log2_den", label->gamma_log2_den);
  set_count(object, "vocabulary", label->vocabulary);
  set_count(object, "rows", label->rows);
  set_count(object, "threads", label->threads);
  set_count(object, "tenants", label->tenants);
  set_count(object, "bytes", label->bytes);
  return object;
}

/* The name and what sets it apart from its neighbours. */
static void print_label(const bench_label *label) {
  char text[96];
  char more[64] = "";
  if (label->vocabulary != 0) {
    (void)snprintf(more, sizeof more, ", %zu", label->vocabulary);
  }
  if (label->gamma_log2_den != 0) {
    const size_t used = strlen(more);
    (void)snprintf(more + used, sizeof more - used, ", gamma 1/%u", 1U << label->gamma_log2_den);
  }
  if (label->bytes != 0) {
    const size_t used = strlen(more);
    (void)snprintf(more + used, sizeof more - used, ", %zu MiB", label->bytes >> 20);
  }
  (void)snprintf(text, sizeof text, "%s%s%s%s", label->name, label->dtype == NULL ? "" : ", ",
                 label->dtype == NULL ? "" : label->dtype, more);
  printf("  %-58s", text);
}

/* Seconds of `units` pieces of work, in a unit that suits them. */
static void print_time(const bench_label *label, double seconds) {
  const double each = seconds / label->units;
  if (each < 1e-6) {
    printf(" %8.2f ns", each * 1e9);
  } else {
    printf(" %8.2f us", each * 1e6);
  }
}

/* What is shown: the quiet rounds, where there are enough of them, or else all. */
static bench_result shown(const bench_result *quiet, const bench_result *all) {
  return quiet->rounds >= BENCH_ENOUGH ? *quiet : *all;
}

static bench_kept *next_kept(bench_run *run, const bench_label *label) {
  if (run->next < run->n_kept) {
    return &run->kept[run->next++];
  }
  json_t *object = describe(label);
  set(object, "unit", json_string(label->unit));
  set(object, "units", json_real(label->units));
  bench_kept *kept = realloc(run->kept, (run->n_kept + 1) * sizeof *kept);
  if (kept == NULL || json_array_append_new(run->results, object) != 0) {
    bench_fail("results", "out of memory");
  }
  run->kept = kept;
  run->kept[run->n_kept] = (bench_kept){.group = label->group, .result = object};
  run->next = ++run->n_kept;
  return &run->kept[run->n_kept - 1];
}

/* The cost up to which a probe was quiet; no probe costs 0, so where none ended undisturbed, no
 * round was quiet. */
static double quiet_limit(void) {
  const double least = bench_probe_least();
  return isfinite(least) ? BENCH_QUIET * least : 0.0;
}

static bool wants_more(const bench_rounds *rounds) {
  const bool probed = rounds->probes != NULL;
  return rounds->n == 0 || (probed && bench_count_quiet(rounds, quiet_limit()) < BENCH_ENOUGH);
}

bool bench_start_again(bench_run *run, const char *group) {
  bool any = false;
  for (size_t i = run->n_kept; i > 0; i--) {
    if (strcmp(run->kept[i - 1].group, group) == 0) {
      any = any || wants_more(&run->kept[i - 1].rounds);
      run->next = i - 1;
    }
  }
  return any;
}

static void print_rounds(const bench_label *label, const bench_rounds *rounds) {
  const bench_result all = bench_summarise(rounds, INFINITY);
  const bench_result quiet = bench_summarise(rounds, quiet_limit());
  const bench_result best = shown(&quiet, &all);
  print_label(label);
  print_time(label, best.ours.median);
  print_time(label, best.against.median);
  printf("   %5.2f times (%.2f to %.2f)", best.ratio, best.ratio_p10, best.ratio_p90);
  if (rounds->probes != NULL) {
    const double share = (double)quiet.rounds / (double)all.rounds;
    printf("  %3.0f %% quiet; all: %.2f", 100.0 * share, all.ratio);
  }
  printf("  %s\n", label->against);
  (void)fflush(stdout);
}

void bench_case(bench_run *run, const bench_label *label, const bench_side *ours,
                const bench_side *against) {
  bench_kept *kept = next_kept(run, label);
  if (!wants_more(&kept->rounds)) {
    return;
  }
  bench_effort effort = effort_of(run);
  effort.wall = label->threads > 1;
  bench_compare(&effort, ours, against, &kept->rounds);
  print_rounds(label, &kept->rounds);
}

static void set_figures(json_t *object, const bench_result *result) {
  set(object, "seconds", json_real(result->ours.median));
  set(object, "seconds_least", json_real(result->ours.least));
  set(object, "against_seconds", json_real(result->against.median));
  set(object, "against_seconds_least", json_real(result->against.least));
  set(object, "ratio", json_real(result->ratio));
  set(object, "ratio_p10", json_real(result->ratio_p10));
  set(object, "ratio_p90", json_real(result->ratio_p90));
  set(object, "ratio_of_least", json_real(result->ratio_of_least));
}

static void finish_case(bench_kept *kept, double limit) {
  const bench_result all = bench_summarise(&kept->rounds, INFINITY);
  const bench_result quiet = bench_summarise(&kept->rounds, limit);
  const bench_result best = shown(&quiet, &all);
  const bool is_quiet = quiet.rounds >= BENCH_ENOUGH;
  set(kept->result, "rounds", json_integer((json_int_t)all.rounds));
  set_figures(kept->result, &best);
  json_t *of_all = json_object();
  set_figures(of_all, &all);
  set(kept->result, "all", of_all);
  if (kept->rounds.probes != NULL) {
    set(kept->result, "shown", json_string(is_quiet ? "quiet" : "all"));
    set(kept->result, "quiet_rounds", json_integer((json_int_t)quiet.rounds));
  }
  if (quiet.rounds > 0) {
    json_t *of_quiet = json_object();
    set_figures(of_quiet, &quiet);
    set(kept->result, "quiet", of_quiet);
  }
}

void bench_finish_cases(bench_run *run) {
  const double limit = quiet_limit();
  for (size_t i = 0; i < run->n_kept; i++) {
    finish_case(&run->kept[i], limit);
    bench_rounds_free(&run->kept[i].rounds);
  }
  free(run->kept);
  run->kept = NULL;
  run->n_kept = 0;
}

void bench_number(bench_run *run, const bench_label *label, double value, const char *unit) {
  print_label(label);
  printf(" %8.2f %s\n", value, unit);
  (void)fflush(stdout);
  json_t *object = describe(label);
  set(object, "value", json_real(value));
  set(object, "unit", json_string(unit));
  if (json_array_append_new(run->results, object) != 0) {
    bench_fail("results", "out of memory");
  }
}

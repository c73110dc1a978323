/* Results: a line for people, an object for the program that writes docs/performance.md. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

bench_effort bench_effort_of(const bench_run *run, size_t rounds_min) {
  const bench_effort quick = {.seconds = 0.0, .rounds_min = 2, .rounds_max = 2};
  const bench_effort whole = {
      .seconds = run->options.seconds, .rounds_min = rounds_min, .rounds_max = 4001};
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
  if (each < 1e-9) {
    printf(" %8.2f us", seconds * 1e6);
  } else if (each < 1e-6) {
    printf(" %8.2f ns", each * 1e9);
  } else {
    printf(" %8.2f us", each * 1e6);
  }
}

bench_result bench_case(bench_run *run, const bench_label *label, const bench_side *ours,
                        const bench_side *against) {
  bench_effort effort = bench_effort_of(run, 15);
  effort.wall = label->threads > 1;
  bench_result result;
  bench_compare(&effort, ours, against, &result);
  print_label(label);
  print_time(label, result.ours.median);
  print_time(label, result.against.median);
  printf("   %5.2f times (%.2f to %.2f; least %.2f)  %s\n", result.ratio, result.ratio_p10,
         result.ratio_p90, result.ratio_of_least, label->against);
  (void)fflush(stdout);

  json_t *object = describe(label);
  set(object, "unit", json_string(label->unit));
  set(object, "units", json_real(label->units));
  set(object, "rounds", json_integer((json_int_t)result.rounds));
  set(object, "seconds", json_real(result.ours.median));
  set(object, "seconds_least", json_real(result.ours.least));
  set(object, "against_seconds", json_real(result.against.median));
  set(object, "against_seconds_least", json_real(result.against.least));
  set(object, "ratio", json_real(result.ratio));
  set(object, "ratio_p10", json_real(result.ratio_p10));
  set(object, "ratio_p90", json_real(result.ratio_p90));
  set(object, "ratio_of_least", json_real(result.ratio_of_least));
  if (json_array_append_new(run->results, object) != 0) {
    bench_fail("results", "out of memory");
  }
  return result;
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

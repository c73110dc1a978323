/*
 * Where a document is marked (SPEC.md section 8). The p-value of a segment of l coins among N
 * is multiplied by (N - l + 1) l H_N, so that those of all segments together keep the
 * false-alarm rate. Whatever search finds a segment, its p-value is valid; a poor search
 * only misses.
 *
 * The search: for each of a grid of green rates theta, the log-likelihood ratio of theta
 * against gamma is a walk that rises at a green coin and falls at a red one. The segments that
 * maximise the sum of (rise - penalty) are the climbs between the turning points of that walk,
 * where a turn counts once it has gone back by the penalty; one pass finds them. To these
 * comes the largest climb of all. Among all candidates, a set of disjoint ones with the
 * smallest product of corrected p-values is chosen (weighted interval scheduling), and their
 * ends are moved to where the corrected p-value is smallest.
 *
 * Only green coins can begin or end a candidate, so everything here is counted in them.
 */
#include <math.h>
#include <stdlib.h>

#include "common/error.h"
#include "key/params.h"
#include "verify/binomial.h"

#define REACH  64  /* green coins that an end may be moved at a time */
#define ROUNDS 8   /* of moving both ends */
#define SLACK  2.0 /* log10: what moving the ends may gain a candidate that is kept for it */

static const double pi = 3.14159265358979323846;

typedef struct green_coin {
  size_t token; /* index in the document */
  size_t coin;  /* index among its coins */
} green_coin;

/* From the green coin `first` to the green coin `last`, both inclusive. */
typedef struct candidate {
  size_t first;
  size_t last;
  double log10_p;
  double log10_price;
} candidate;

typedef struct search {
  green_coin *greens;
  size_t n_greens;
  size_t coins;
  uint32_t gamma_num;
  uint32_t gamma_log2_den;
  double gamma;
  double log10_alpha;
  double log_harmonic; /* log H_N */
  candidate *candidates;
  size_t n_candidates;
  size_t room;
} search;

static size_t length(const search *s, size_t first, size_t last) {
  return s->greens[last].coin - s->greens[first].coin + 1;
}

/* log H_n, to rounding. */
static double log_harmonic(size_t n) {
  if (n < 32) {
    double sum = 0.0;
    for (size_t i = n; i >= 1; i--) {
      sum += 1.0 / (double)i;
    }
    return log(sum);
  }
  const double x = (double)n;
  return log(log(x) + 0.57721566490153286061 +
             (0.5 - (1.0 / 12 - (1.0 / 120 - 1.0 / 252 / (x * x)) / (x * x)) / x) / x);
}

/* log of what the p-value of a segment of l coins is multiplied by. */
static double log_price(const search *s, size_t l) {
  return log((double)l) + log((double)(s->coins - l + 1)) + s->log_harmonic;
}

/* Minus the log of the corrected p-value, by the leading terms of its expansion; the search
 * compares by it, and no more. */
static double worth(const search *s, size_t first, size_t last) {
  const size_t l = length(s, first, last);
  const double x = (double)(last - first + 1);
  const double red = (double)l - x;
  const double rate = x / (double)l;
  if (rate <= s->gamma) {
    return -INFINITY;
  }
  const double divergence =
      x * log(rate / s->gamma) + (red > 0.0 ? red * log((1.0 - rate) / (1.0 - s->gamma)) : 0.0);
  const double spread = fmax(2.0 * pi * red * rate, 1.0);
  return divergence + 0.5 * log(spread) + log((rate - s->gamma) / (rate * (1.0 - s->gamma))) -
         log_price(s, l);
}

/* ------------------------------------------------------------------ search */

static gp_status keep(search *s, size_t first, size_t last, gp_error *error) {
  if (worth(s, first, last) < -GP_LN10 * (s->log10_alpha + SLACK)) {
    return GP_OK;
  }
  if (s->n_candidates == s->room) {
    const size_t room = s->room == 0 ? 64 : 2 * s->room;
    candidate *larger =
        room <= SIZE_MAX / sizeof *larger ? realloc(s->candidates, room * sizeof *larger) : NULL;
    if (larger == NULL) {
      return gp_fail_memory(error, "candidates for segments");
    }
    s->candidates = larger;
    s->room = room;
  }
  s->candidates[s->n_candidates++] = (candidate){.first = first, .last = last};
  return GP_OK;
}

/* The climbs of the walk for a green rate of theta, and the largest climb of all. */
static gp_status find_climbs(search *s, double theta, gp_error *error) {
  const double rise = log(theta / s->gamma);
  const double fall = -log((1.0 - theta) / (1.0 - s->gamma));
  const double penalty = log((double)s->coins + 1.0);
  double height = 0.0;
  double low = 0.0;  /* of the walk since the last climb, */
  size_t first = 0;  /* the green coin after it, */
  double high = 0.0; /* and the top of the climb that is going on, */
  size_t last = 0;   /* which this green coin reaches */
  bool climbing = false;
  double level = 0.0; /* above the lowest point that is worth starting from */
  size_t start = 0;
  double best = 0.0;
  size_t best_first = 0;
  size_t best_last = 0;
  for (size_t i = 0; i < s->n_greens; i++) {
    const size_t reds = i == 0 ? 0 : s->greens[i].coin - s->greens[i - 1].coin - 1;
    const double drop = (double)reds * fall;
    height -= drop;
    level -= drop;
    if (level <= 0.0) {
      level = 0.0;
      start = i;
    }
    if (climbing && height < high - penalty) {
      const gp_status status = keep(s, first, last, error);
      if (status != GP_OK) {
        return status;
      }
      climbing = false;
      low = height;
      first = i;
    }
    if (!climbing && height <= low) {
      low = height;
      first = i;
    }
    height += rise;
    level += rise;
    if (level > best) {
      best = level;
      best_first = start;
      best_last = i;
    }
    if ((climbing && height > high) || (!climbing && height > low + penalty)) {
      climbing = true;
      high = height;
      last = i;
    }
  }
  const gp_status status = climbing ? keep(s, first, last, error) : GP_OK;
  return status == GP_OK && best > 0.0 ? keep(s, best_first, best_last, error) : status;
}

/* Green rates by their log odds ratio to gamma, as a logit bias would shift them. */
static gp_status find_candidates(search *s, gp_error *error) {
  static const double shifts[] = {0.3, 0.6, 0.9, 1.3, 1.7, 2.2, 3.0, 4.5, 7.0};
  for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
    const double odds = exp(shifts[i]) * s->gamma / (1.0 - s->gamma);
    const gp_status status = find_climbs(s, odds / (1.0 + odds), error);
    if (status != GP_OK) {
      return status;
    }
  }
  return GP_OK;
}

/* ------------------------------------------------------------------ choice */

/* Fills in the p-value and its price. */
static gp_status evaluate(const search *s, candidate *c, gp_error *error) {
  const size_t l = length(s, c->first, c->last);
  c->log10_price = log_price(s, l) / GP_LN10;
  return gp_log10_binomial_tail(l, c->last - c->first + 1, s->gamma_num, s->gamma_log2_den,
                                &c->log10_p, error);
}

static double corrected(const candidate *c) {
  return fmin(c->log10_p + c->log10_price, 0.0);
}

static int by_end(const void *left, const void *right) {
  const candidate *a = left;
  const candidate *b = right;
  return (a->last > b->last) - (a->last < b->last);
}

static int by_evidence(const void *left, const void *right) {
  const candidate *a = left;
  const candidate *b = right;
  const double p = corrected(a);
  const double q = corrected(b);
  return p != q ? (p > q) - (p < q) : (a->first > b->first) - (a->first < b->first);
}

/* How many of the first n candidates, which are sorted by end, end before `first`. */
static size_t ending_before(const candidate *candidates, size_t n, size_t first) {
  size_t low = 0;
  size_t high = n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (candidates[middle].last < first) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* What a candidate adds to the logarithm of the product. One that is not significant, and may
 * become so only when its ends are moved, never displaces one that is. */
static double gain(const search *s, const candidate *c) {
  const double log10_p = c->log10_p + c->log10_price;
  return log10_p <= s->log10_alpha ? -log10_p : -1e-9 * log10_p;
}

/* Leaves the disjoint candidates whose corrected p-values have the smallest product, in the
 * order of the document. */
static gp_status choose_disjoint(search *s, gp_error *error) {
  candidate *const all = s->candidates;
  const size_t n = s->n_candidates;
  qsort(all, n, sizeof *all, by_end);
  double *best = n < SIZE_MAX / sizeof *best ? malloc((n + 1) * sizeof *best) : NULL;
  if (best == NULL) {
    return gp_fail_memory(error, "choosing segments");
  }
  best[0] = 0.0; /* best[i]: what is gained among the first i */
  for (size_t i = 0; i < n; i++) {
    best[i + 1] = fmax(best[i], gain(s, &all[i]) + best[ending_before(all, i, all[i].first)]);
  }
  size_t chosen = n; /* the chosen ones gather at the end of the array */
  for (size_t i = n; i > 0;) {
    if (best[i] <= best[i - 1]) {
      i--;
      continue;
    }
    const candidate taken = all[i - 1];
    i = ending_before(all, i - 1, taken.first);
    all[--chosen] = taken;
  }
  free(best);
  s->n_candidates = n - chosen;
  for (size_t i = 0; i < s->n_candidates; i++) {
    all[i] = all[chosen + i];
  }
  return GP_OK;
}

/* ------------------------------------------------------------------- ends */

/* Moves both ends within [lowest, highest] to where the worth is largest nearby. */
static void move_ends(const search *s, candidate *c, size_t lowest, size_t highest) {
  double best = worth(s, c->first, c->last);
  for (int round = 0; round < ROUNDS; round++) {
    const candidate before = *c;
    const size_t from = before.first - lowest > REACH ? before.first - REACH : lowest;
    for (size_t i = from; i <= before.last && i <= before.first + REACH; i++) {
      const double now = worth(s, i, before.last);
      if (now > best) {
        best = now;
        c->first = i;
      }
    }
    const size_t to = highest - before.last > REACH ? before.last + REACH : highest;
    const size_t back = before.last - c->first > REACH ? before.last - REACH : c->first;
    for (size_t i = back; i <= to; i++) {
      const double now = worth(s, c->first, i);
      if (now > best) {
        best = now;
        c->last = i;
      }
    }
    if (c->first == before.first && c->last == before.last) {
      return;
    }
  }
}

/* Moves the ends of all, none into another, and drops what is not significant. */
static gp_status finish(search *s, gp_error *error) {
  size_t kept = 0;
  for (size_t i = 0; i < s->n_candidates; i++) {
    const size_t lowest = i == 0 ? 0 : s->candidates[i - 1].last + 1;
    const size_t highest =
        i + 1 == s->n_candidates ? s->n_greens - 1 : s->candidates[i + 1].first - 1;
    candidate moved = s->candidates[i];
    move_ends(s, &moved, lowest, highest);
    const gp_status status = evaluate(s, &moved, error);
    if (status != GP_OK) {
      return status;
    }
    if (corrected(&moved) < corrected(&s->candidates[i])) {
      s->candidates[i] = moved;
    }
  }
  for (size_t i = 0; i < s->n_candidates; i++) {
    if (corrected(&s->candidates[i]) <= s->log10_alpha && corrected(&s->candidates[i]) < 0.0) {
      s->candidates[kept++] = s->candidates[i];
    }
  }
  s->n_candidates = kept;
  qsort(s->candidates, kept, sizeof *s->candidates, by_evidence);
  return GP_OK;
}

/* ------------------------------------------------------------------- input */

static gp_status read_colours(search *s, const uint8_t *colours, size_t n_tokens,
                              gp_error *error) {
  for (size_t i = 0; i < n_tokens; i++) {
    if (colours[i] > GP_COLOUR_AGAIN_GREEN) {
      return gp_fail(error, GP_ERR_ARGUMENT, "colours[%zu]: %u is no gp_colour", i, colours[i]);
    }
    s->coins += colours[i] == GP_COLOUR_RED || colours[i] == GP_COLOUR_GREEN;
    s->n_greens += colours[i] == GP_COLOUR_GREEN;
  }
  if (s->n_greens == 0) {
    return GP_OK;
  }
  s->greens = s->n_greens <= SIZE_MAX / sizeof *s->greens
                  ? malloc(s->n_greens * sizeof *s->greens)
                  : NULL;
  if (s->greens == NULL) {
    return gp_fail_memory(error, "green coins of a document");
  }
  size_t coin = 0;
  size_t green = 0;
  for (size_t i = 0; i < n_tokens; i++) {
    if (colours[i] == GP_COLOUR_GREEN) {
      s->greens[green++] = (green_coin){.token = i, .coin = coin};
    }
    coin += colours[i] == GP_COLOUR_RED || colours[i] == GP_COLOUR_GREEN;
  }
  s->log_harmonic = log_harmonic(s->coins);
  return GP_OK;
}

static gp_status locate(search *s, gp_error *error) {
  gp_status status = find_candidates(s, error);
  for (size_t i = 0; status == GP_OK && i < s->n_candidates; i++) {
    status = evaluate(s, &s->candidates[i], error);
  }
  if (status == GP_OK && s->n_candidates > 0) {
    status = choose_disjoint(s, error);
  }
  return status == GP_OK && s->n_candidates > 0 ? finish(s, error) : status;
}

static gp_segment as_segment(const search *s, const candidate *c) {
  return (gp_segment){.first = s->greens[c->first].token,
                      .end = s->greens[c->last].token + 1,
                      .scored = length(s, c->first, c->last),
                      .green = c->last - c->first + 1,
                      .log10_p = c->log10_p,
                      .log10_p_corrected = corrected(c)};
}

gp_status gp_locate(const uint8_t *colours, size_t n_tokens, uint32_t gamma_num,
                    uint32_t gamma_log2_den, double log10_alpha, gp_segment *segments,
                    size_t capacity, size_t *n_segments, gp_error *error) {
  if ((colours == NULL && n_tokens > 0) || (segments == NULL && capacity > 0) ||
      n_segments == NULL) {
    const bool no_segments = segments == NULL && capacity > 0;
    return gp_fail_null(error, __func__,
                        n_segments == NULL ? "n_segments"
                        : no_segments      ? "segments"
                                           : "colours");
  }
  if (!(log10_alpha <= 0.0)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "log10_alpha: must be at most 0, not %g", log10_alpha);
  }
  gp_status status = gp_gamma_check(gamma_num, gamma_log2_den, error);
  if (status != GP_OK) {
    return status;
  }
  search s = {.gamma_num = gamma_num,
              .gamma_log2_den = gamma_log2_den,
              .gamma = (double)gamma_num / (1U << gamma_log2_den),
              .log10_alpha = log10_alpha};
  status = read_colours(&s, colours, n_tokens, error);
  if (status == GP_OK && s.n_greens > 0) {
    status = locate(&s, error);
  }
  if (status == GP_OK) {
    *n_segments = s.n_candidates < capacity ? s.n_candidates : capacity;
    for (size_t i = 0; i < *n_segments; i++) {
      segments[i] = as_segment(&s, &s.candidates[i]);
    }
  }
  free(s.candidates);
  free(s.greens);
  return status;
}

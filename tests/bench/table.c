/*
 * The table of pairs, against the memory that it has to visit.
 *
 * A new pair goes to a slot that nobody could foresee. A program that waits for each slot before
 * it asks for the next pays the latency of memory, measured here by a chain of loads each of
 * which says where the next one goes. One that asks ahead pays what is left when many requests
 * are under way, measured by reading and writing 16 bytes at random places that are known in
 * advance. Both walk through as much memory as the table takes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "common/idset.h"

enum {
  LINE = 64,     /* bytes that memory gives at once */
  AT_ONCE = 512, /* pairs in one call, as the verifier does */
  AHEAD = 32     /* visits between a prefetch and its use */
};

typedef struct table {
  gp_idset set;
  uint8_t (*ids)[GP_ID_SIZE]; /* all different */
  size_t count;
  uint8_t *memory; /* as much as the set has */
  size_t bytes;
  size_t place; /* where the chain stands */
} table;

static void insert_all(void *state) {
  table *work = state;
  uint8_t is_new[AT_ONCE];
  for (size_t i = 0; i < work->count; i += AT_ONCE) {
    gp_idset_insert_all(&work->set, (const uint8_t(*)[GP_ID_SIZE])work->ids + i, AT_ONCE, is_new);
  }
}

static void clear_set(void *state) {
  gp_idset_clear(&((table *)state)->set);
}

static void follow_chain(void *state) {
  table *work = state;
  size_t place = work->place;
  for (size_t i = 0; i < work->count; i++) {
    memcpy(&place, work->memory + place, sizeof place);
  }
  work->place = place;
  bench_use(place);
}

static size_t place_of(const table *work, size_t i) {
  return (size_t)(gp_load_le64(work->ids[i]) & (work->bytes - 1)) / GP_ID_SIZE * GP_ID_SIZE;
}

static void visit_all(void *state) {
  table *work = state;
  for (size_t i = 0; i < work->count; i++) {
    const size_t ahead = i + AHEAD < work->count ? i + AHEAD : i;
    __builtin_prefetch(work->memory + place_of(work, ahead), 1);
    uint8_t *slot = work->memory + place_of(work, i);
    gp_store_words(slot, gp_xor_words(gp_load_words(slot), gp_load_words(work->ids[i])));
  }
}

/* One cycle through all lines, in random order [Sattolo 1986]; each line says where the next is.
 */
static void make_chain(table *work) {
  const size_t lines = work->bytes / LINE;
  uint32_t *order = bench_allocate(lines * sizeof *order);
  uint64_t state = 11;
  for (size_t i = 0; i < lines; i++) {
    order[i] = (uint32_t)i;
  }
  for (size_t i = lines - 1; i > 0; i--) {
    const size_t j = (size_t)(bench_random(&state) % i);
    const uint32_t kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  for (size_t i = 0; i < lines; i++) {
    const size_t next = (size_t)order[(i + 1) % lines] * LINE;
    memcpy(work->memory + (size_t)order[i] * LINE, &next, sizeof next);
  }
  work->place = 0;
  free(order);
}

static void bench_size(bench_run *run, size_t count) {
  gp_error error;
  table work = {.count = count, .ids = bench_allocate(count * GP_ID_SIZE)};
  uint64_t state = 5;
  for (size_t i = 0; i < count; i++) {
    for (size_t half = 0; half < 2; half++) {
      gp_store_le64(work.ids[i] + 8 * half, bench_random(&state));
    }
  }
  bench_check(gp_idset_reserve(&work.set, count, &error), &error);
  work.bytes = work.set.capacity * GP_ID_SIZE;
  work.memory = bench_allocate(work.bytes);
  bench_label label = {
      .group = "table",
      .name = "a new pair",
      .against = "a random visit, asked for ahead",
      .unit = "pair",
      .units = (double)count,
      .bytes = work.bytes,
  };
  const bench_side ours = {.run = insert_all, .before = clear_set, .work = &work};
  const bench_side visits = {.run = visit_all, .work = &work};
  bench_case(run, &label, &ours, &visits);
  make_chain(&work);
  const bench_side chain = {.run = follow_chain, .work = &work};
  label.against = "a load that waits for the one before";
  bench_case(run, &label, &ours, &chain);
  gp_idset_release(&work.set);
  free(work.memory);
  free(work.ids);
}

void bench_table(bench_run *run) {
  bench_size(run, (size_t)1 << 16);
  if (!run->options.quick) {
    bench_size(run, (size_t)1 << 20);
    bench_size(run, (size_t)5 << 20);
  }
}

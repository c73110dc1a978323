/*
 * Rates are token buckets that hold a second's worth, or one largest request where that is more,
 * so that any request can be had by waiting.
 *
 * Budgets are written ahead: the file says what may have been spent, up to one largest request
 * more than was. So a flood of small requests does not wait for the disk each time, and a
 * process that is killed has given nothing back.
 */
#include "serve/accounts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "serve/clock.h"
#include "serve/state_file.h"

typedef struct account {
  uint64_t spent;
  size_t entry;  /* of the state */
  double level;  /* elements that may be asked for now */
  double filled; /* when that was so */
} account;

struct accounts {
  token_list tokens;
  account *items; /* as many */
  state_file *state;
  spending *entries; /* what the file says; names without tokens are kept */
  size_t n_entries;
  size_t largest;
  pthread_mutex_t mutex;
};

static double capacity_of(const accounts *all, size_t i) {
  const double rate = (double)all->tokens.items[i].rate;
  return rate > (double)all->largest ? rate : (double)all->largest;
}

/* Gives every token an entry in what will be written. */
static bool match_entries(accounts *all) {
  spending *grown = realloc(all->entries, (all->n_entries + all->tokens.count) * sizeof *grown);
  if (grown == NULL) {
    return false;
  }
  all->entries = grown;
  for (size_t i = 0; i < all->tokens.count; i++) {
    const char *name = all->tokens.items[i].name;
    size_t entry = 0;
    while (entry < all->n_entries && strcmp(all->entries[entry].name, name) != 0) {
      entry++;
    }
    if (entry == all->n_entries) {
      all->entries[all->n_entries] = (spending){0};
      memcpy(all->entries[all->n_entries++].name, name, TOKEN_NAME_SIZE);
    }
    all->items[i] = (account){.spent = all->entries[entry].elements,
                              .entry = entry,
                              .level = capacity_of(all, i),
                              .filled = clock_now()};
  }
  return true;
}

static void release(accounts *all) {
  tokens_free(&all->tokens);
  free(all->items);
  free(all->entries);
  state_file_free(all->state);
  (void)pthread_mutex_destroy(&all->mutex);
  free(all);
}

int accounts_open(const char *command, const char *tokens_path, const char *state_path,
                  const char *key_id, size_t largest, accounts **made) {
  accounts *all = calloc(1, sizeof *all);
  if (all == NULL) {
    return cli_fail(command, "out of memory: the accounts of tokens");
  }
  all->largest = largest;
  (void)pthread_mutex_init(&all->mutex, NULL);
  int status = tokens_read(command, tokens_path, &all->tokens);
  if (status == CLI_OK) {
    status =
        state_file_open(command, state_path, key_id, &all->state, &all->entries, &all->n_entries);
  }
  if (status == CLI_OK) {
    all->items = calloc(all->tokens.count, sizeof *all->items);
    if (all->items == NULL || !match_entries(all)) {
      status = cli_fail(command, "out of memory: the accounts of tokens");
    }
  }
  /* A folder that cannot be written to is found out now, not by the first who asks. */
  gp_error error;
  if (status == CLI_OK &&
      state_file_write(all->state, all->entries, all->n_entries, &error) != GP_OK) {
    status = cli_fail(command, "%s", error.message);
  }
  if (status != CLI_OK) {
    release(all);
    return status;
  }
  *made = all;
  return CLI_OK;
}

gp_status accounts_close(accounts *all, gp_error *error) {
  if (all == NULL) {
    return GP_OK;
  }
  for (size_t i = 0; i < all->tokens.count; i++) {
    all->entries[all->items[i].entry].elements = all->items[i].spent;
  }
  const gp_status status = state_file_write(all->state, all->entries, all->n_entries, error);
  release(all);
  return status;
}

size_t accounts_find(const accounts *all, const char *presented) {
  const size_t found = tokens_find(&all->tokens, presented);
  return found < all->tokens.count ? found : NO_ACCOUNT;
}

const char *accounts_name(const accounts *all, size_t i) {
  return all->tokens.items[i].name;
}

/* A budget may have been made smaller than what was spent of it. */
static uint64_t left_of(const accounts *all, size_t i) {
  const uint64_t budget = all->tokens.items[i].budget;
  const uint64_t spent = all->items[i].spent;
  return budget > spent ? budget - spent : 0;
}

account_facts accounts_facts(accounts *all, size_t i) {
  (void)pthread_mutex_lock(&all->mutex);
  const account_facts facts = {.rate = all->tokens.items[i].rate,
                               .budget = all->tokens.items[i].budget,
                               .left = left_of(all, i)};
  (void)pthread_mutex_unlock(&all->mutex);
  return facts;
}

/* Whether there is enough in the bucket, or for how many seconds it is to be filled. */
static bool in_bucket(const accounts *all, size_t i, size_t elements, unsigned *wait) {
  account *item = &all->items[i];
  const double rate = (double)all->tokens.items[i].rate;
  const double most = capacity_of(all, i);
  const double now = clock_now();
  item->level += rate * (now - item->filled);
  item->level = item->level < most ? item->level : most;
  item->filled = now;
  if (item->level >= (double)elements) {
    return true;
  }
  const double seconds = ((double)elements - item->level) / rate;
  *wait = seconds < 86400 ? (unsigned)seconds + 1 : 86400;
  return false;
}

static gp_status write_ahead(accounts *all, size_t i, uint64_t spent, gp_error *error) {
  spending *entry = &all->entries[all->items[i].entry];
  if (entry->elements >= spent) {
    return GP_OK;
  }
  const uint64_t before = entry->elements;
  const uint64_t budget = all->tokens.items[i].budget;
  const uint64_t ahead = all->items[i].spent + all->largest;
  entry->elements = ahead < budget ? ahead : budget;
  const gp_status status = state_file_write(all->state, all->entries, all->n_entries, error);
  if (status != GP_OK) {
    entry->elements = before;
  }
  return status;
}

static spending_result spend(accounts *all, size_t i, size_t elements, unsigned *wait,
                             gp_error *error) {
  if (left_of(all, i) < elements) {
    return OVER_BUDGET;
  }
  if (!in_bucket(all, i, elements, wait)) {
    return OVER_RATE;
  }
  if (write_ahead(all, i, all->items[i].spent + elements, error) != GP_OK) {
    return NOT_WRITTEN;
  }
  all->items[i].spent += elements;
  all->items[i].level -= (double)elements;
  return SPENT;
}

spending_result accounts_spend(accounts *all, size_t i, size_t elements, unsigned *wait,
                               gp_error *error) {
  (void)pthread_mutex_lock(&all->mutex);
  const spending_result result = spend(all, i, elements, wait, error);
  (void)pthread_mutex_unlock(&all->mutex);
  return result;
}

void accounts_refund(accounts *all, size_t i, size_t elements) {
  (void)pthread_mutex_lock(&all->mutex);
  all->items[i].spent -= elements;
  (void)pthread_mutex_unlock(&all->mutex);
}

/* greenprint verify: looks for the mark of a key in text or token ids. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"
#include "keys.h"
#include "reading.h"
#include "report.h"
#include "scan.h"
#include "settings.h"
#include "tenants.h"
#include "verify_options.h"

static const char name[] = "verify";

/* What a run needs, and has to release. */
typedef struct verify_run {
  const verify_options *options;
  gp_key *keys[VERIFY_KEYS_MAX];
  size_t n_keys;
  price price;
  tenant_list tenants;
  gp_tokenizer *tokenizer;
  char *settings;
  named_inputs names;
  gp_corpus_input *inputs;
} verify_run;

static int set_inputs(verify_run *run) {
  const verify_options *options = run->options;
  return reading_find(name, &options->reading, options->files, options->n_files, &run->names,
                      &run->inputs);
}

static int set_tokenizer(verify_run *run) {
  gp_error error;
  if (run->options->reading.tokenizer != NULL &&
      gp_tokenizer_open(run->options->reading.tokenizer, &run->tokenizer, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  run->settings = settings_describe(run->tokenizer, run->options->reading.normalize);
  return run->settings != NULL ? CLI_OK : cli_fail(name, "out of memory: the report");
}

static int set_tenants(verify_run *run) {
  const verify_options *options = run->options;
  if (options->tenants != NULL) {
    return tenants_read(name, options->tenants, &run->tenants);
  }
  if (!options->tenant.has_tenant) {
    return CLI_OK;
  }
  run->tenants.ids = malloc(sizeof *run->tenants.ids);
  if (run->tenants.ids == NULL) {
    return cli_fail(name, "out of memory: --tenant");
  }
  run->tenants.ids[0] = options->tenant.tenant;
  run->tenants.count = 1;
  return CLI_OK;
}

/* The same key twice would be paid for twice. */
static int check_twice(const verify_run *run, const gp_key *key, const char *path) {
  char id[GP_KEY_ID_STRING_SIZE];
  char other[GP_KEY_ID_STRING_SIZE];
  gp_key_id(key, id);
  for (size_t i = 0; i + 1 < run->n_keys; i++) {
    gp_key_id(run->keys[i], other);
    if (strcmp(id, other) == 0) {
      return cli_fail(name, "%s: key %s is named twice", path, id);
    }
  }
  return CLI_OK;
}

/* The server's, for these files. */
static int set_blind_key(verify_run *run) {
  const verify_options *options = run->options;
  blind_options blind = options->blind;
  blind.server.threads = options->threads;
  blind.server.quiet = options->quiet;
  const int status =
      blind_key_open(name, &blind, &options->reading, options->files, options->n_files,
                     &options->tenant, options->quiet, &run->keys[0]);
  run->n_keys = status == CLI_OK ? 1 : 0;
  return status;
}

static int set_keys(verify_run *run) {
  const verify_options *options = run->options;
  int status = CLI_OK;
  if (options->blind.server.url != NULL) {
    return set_blind_key(run);
  }
  for (size_t i = 0; i < options->n_keys && status == CLI_OK; i++) {
    status = key_open(name, options->keys[i], options->passphrase_file, &run->keys[i]);
    if (status == CLI_OK) {
      run->n_keys++;
      status = check_twice(run, run->keys[i], options->keys[i]);
    }
  }
  return status == CLI_OK ? key_use_table(name, options->table, run->keys[0]) : status;
}

/* The p-values of documents by themselves are those of one key. */
static int set_price(verify_run *run) {
  const verify_options *options = run->options;
  const bool blind = options->blind.server.url != NULL;
  const bool by_document = options->per_document || options->form == REPORT_JSON_LINES;
  int status = price_open(name, &options->price, by_document, &run->price);
  for (size_t i = 0; i < run->n_keys && status == CLI_OK; i++) {
    uint8_t commitment[GP_COMMITMENT_SIZE];
    gp_key_commitment(run->keys[i], commitment);
    status =
        committed_covers(name, &run->price.committed, commitment,
                         blind ? options->blind.public_file : options->keys[i], run->n_keys > 1);
  }
  return status;
}

static int check_page(const verify_run *run) {
  const verify_options *options = run->options;
  const char *page = options->html;
  const char *const known[] = {options->reading.tokenizer,
                               options->weights,
                               options->tenants,
                               options->partial,
                               options->passphrase_file,
                               options->table,
                               options->price.committed,
                               options->blind.public_file,
                               options->blind.server.token_file,
                               options->blind.server.ca_file};
  int status = report_check_page(name, page);
  if (status == CLI_OK) {
    status = report_check_spared(name, page, known, sizeof known / sizeof known[0]);
  }
  if (status == CLI_OK) {
    status = report_check_spared(name, page, options->keys, options->n_keys);
  }
  if (status == CLI_OK) {
    status =
        report_check_spared(name, page, (const char *const *)run->names.names, run->names.count);
  }
  return status;
}

static int run_and_report(verify_run *run) {
  const verify_options *options = run->options;
  const scan_plan plan = {
      .command = name,
      .keys = run->keys,
      .n_keys = run->n_keys,
      .tenants = run->tenants.ids,
      .n_tenants = run->tenants.count,
      .price = &run->price,
      .tokenizer = run->tokenizer,
      .settings = run->settings,
      .inputs = run->inputs,
      .n_inputs = run->names.count,
      .partial = options->partial,
      .weights = options->weights,
      .threads = options->threads,
      .max_memory = options->max_memory,
      .skip_bad = options->reading.skip_bad,
      .per_document = options->per_document || options->form == REPORT_JSON_LINES,
      .locate = options->locate,
      .show = options->html != NULL,
      .no_progress = options->quiet,
      .alpha = options->alpha,
  };
  findings all = {0};
  int status = scan(&plan, &all);
  if (status == CLI_OK && options->html != NULL) {
    status = report_write_page(name, options->html, &all, run->tokenizer,
                               options->reading.tokenizer, options->reading.normalize);
  }
  return report_end(name, status, options->form, options->quiet, &all);
}

static void release(verify_run *run) {
  for (size_t i = 0; i < run->n_keys; i++) {
    gp_key_free(run->keys[i]);
  }
  price_close(&run->price);
  tenants_free(&run->tenants);
  gp_tokenizer_free(run->tokenizer);
  free(run->settings);
  free(run->inputs);
  inputs_free(&run->names);
}

int cli_verify(int argc, char **argv) {
  static verify_options options;
  int status = verify_parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(verify_help, stdout);
    return cli_flush(name);
  }
  static verify_run run;
  run.options = &options;
  status = set_inputs(&run);
  if (status == CLI_OK) {
    status = check_page(&run);
  }
  if (status == CLI_OK) {
    status = set_tokenizer(&run);
  }
  if (status == CLI_OK) {
    status = set_tenants(&run);
  }
  if (status == CLI_OK) {
    status = set_keys(&run);
  }
  if (status == CLI_OK) {
    status = set_price(&run);
  }
  if (status == CLI_OK) {
    status = run_and_report(&run);
  }
  release(&run);
  return status;
}

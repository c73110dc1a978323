/* Reads logs and collects their contexts. */
#include "contexts.h"

#include <inttypes.h>

#include "documents.h"

static const char name[] = "contexts";

#define WIDTH_USUAL 2U

typedef struct building {
  const contexts_options *options;
  gp_contexts_builder *builder;
  documents read;
  uint32_t width;
} building;

static int set_width(building *run) {
  const contexts_options *options = run->options;
  run->width = options->width > 0 ? (uint32_t)options->width : WIDTH_USUAL;
  if (options->key == NULL) {
    return CLI_OK;
  }
  gp_error error;
  gp_key_info info;
  if (gp_key_inspect(options->key, &info, &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  run->width = info.params.context_width;
  if (info.params.seeding == GP_SEEDING_FIXED) {
    return cli_fail(name,
                    "%s: the key's seeding is fixed: one green list for everything, and no "
                    "contexts to tell apart",
                    options->key);
  }
  if (info.params.seeding == GP_SEEDING_MIN) {
    return cli_fail(
        name,
        "%s: the key's seeding is min: no audit could use the set, since windows that "
        "differ may be one context",
        options->key);
  }
  return CLI_OK;
}

static gp_status add(void *user, const uint32_t *tokens, size_t n_tokens, gp_error *error) {
  const building *run = user;
  return gp_contexts_builder_add(run->builder, tokens, n_tokens, error);
}

static int add_inputs(building *run) {
  const int status = documents_each(&run->read, run->options->quiet, add, run);
  if (status != CLI_OK) {
    return status;
  }
  return run->read.longest >= run->width
             ? CLI_OK
             : cli_fail(name, "no document has %" PRIu32 " tokens: there is no context in them",
                        run->width);
}

static int prepare(building *run) {
  const contexts_options *options = run->options;
  gp_error error;
  int status = set_width(run);
  if (status == CLI_OK) {
    status =
        documents_open(&run->read, name, &options->reading, options->files, options->n_files);
  }
  if (status == CLI_OK && gp_contexts_builder_new(run->width, &run->builder, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  }
  return status;
}

int contexts_build(const contexts_options *options, uint64_t *bad) {
  building run = {.options = options};
  gp_error error;
  int status = prepare(&run);
  if (status == CLI_OK) {
    status = add_inputs(&run);
  }
  if (status == CLI_OK &&
      gp_contexts_builder_save(run.builder, options->output, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  }
  gp_contexts_builder_free(run.builder);
  *bad = run.read.bad;
  documents_close(&run.read);
  return status;
}

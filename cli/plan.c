/* greenprint plan: how many tokens are needed. */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"
#include "keys.h"

#include <jansson.h>

static const char name[] = "plan";

static const char help[] =
    "Usage: greenprint plan [OPTION...]                     from an assumed entropy\n"
    "       greenprint plan -k THROWAWAY [OPTION...] FILE...  from marked texts\n"
    "\n"
    "Says how many tokens are needed to find a mark: for usual alphas and powers, or for\n"
    "those given. The share of green tokens is measured in FILEs that were marked with a\n"
    "throw-away key, or given, or expected of a model of that entropy.\n"
    "\n"
    "      --gamma G          green fraction without -k: 1/4\n"
    "      --delta D          bias, divided by the temperature: 2\n"
    "      --entropy BITS     mean entropy of the next token at that temperature: 3\n"
    "      --rate R           the share of green tokens, instead of these two\n"
    "      --distinct R       share of tokens whose pair is new: measured with -k, else 1\n"
    "      --alpha A          one threshold instead of several\n"
    "      --power P          one probability of finding the mark instead of several\n"
    "  -k, --key KEYFILE      the key that marked FILEs, which hold token ids as for verify\n"
    "      --tenant ID        and its tenant\n"
    "      --passphrase-file FILE\n"
    "      --json             the table as JSON\n"
    "  -h, --help             show this help\n"
    "\n"
    "Exit status: 0 done, 2 an error.\n";

typedef struct plan_options {
  bool help;
  bool json;
  gp_params params;
  double delta;
  double entropy;
  double rate;     /* 0: not given */
  double distinct; /* 0: not given */
  double alpha;    /* 0: several */
  double power;    /* 0: several */
  const char *key;
  const char *passphrase_file;
  gp_verifier_options tenant;
  char **files;
  int n_files;
} plan_options;

/* Where the green rate comes from. */
typedef struct plan_basis {
  double rate;
  double distinct;
  bool measured;
  gp_result sample;
} plan_basis;

enum {
  GAMMA = CLI_LONG_OPTION,
  DELTA,
  ENTROPY,
  RATE,
  DISTINCT,
  ALPHA,
  POWER,
  PASSPHRASE_FILE,
  TENANT,
  JSON
};

/* A decimal number; -1 where it is none. */
static double decimal_of(const char *text) {
  char *end = NULL;
  const bool decimal = *text != '\0' && strspn(text, "0123456789.eE+-") == strlen(text);
  const double value = decimal ? strtod(text, &end) : -1;
  return decimal && *end == '\0' && isfinite(value) ? value : -1;
}

static int parse_real(const char *option, const char *text, double *value) {
  *value = decimal_of(text);
  return *value >= 0
             ? CLI_OK
             : cli_fail(name, "%s %s is not a number from 0 on, such as 2.5", option, text);
}

static int parse_share(const char *option, const char *text, double *value) {
  *value = decimal_of(text);
  return *value > 0 && *value <= 1
             ? CLI_OK
             : cli_fail(name, "%s %s is not a number above 0 and at most 1, such as 0.4", option,
                        text);
}

static int set_option(int option, char **argv, void *data) {
  plan_options *options = data;
  gp_error error;
  switch (option) {
  case GAMMA:
    return gp_params_set_gamma(&options->params, optarg, &error) == GP_OK
               ? CLI_OK
               : cli_fail(name, "--gamma: %s", error.message);
  case DELTA:
    return parse_real("--delta", optarg, &options->delta);
  case ENTROPY:
    return parse_real("--entropy", optarg, &options->entropy);
  case RATE:
    return parse_share("--rate", optarg, &options->rate);
  case DISTINCT:
    return parse_share("--distinct", optarg, &options->distinct);
  case ALPHA:
    return cli_parse_probability(name, "--alpha", optarg, &options->alpha);
  case POWER:
    return cli_parse_probability(name, "--power", optarg, &options->power);
  case 'k':
    options->key = optarg;
    return CLI_OK;
  case PASSPHRASE_FILE:
    options->passphrase_file = optarg;
    return CLI_OK;
  case TENANT:
    return cli_parse_tenant(name, optarg, &options->tenant);
  case JSON:
    options->json = true;
    return CLI_OK;
  case 'h':
    options->help = true;
    return CLI_OK;
  default:
    return cli_bad_option(name, option, argv);
  }
}

static int parse_options(int argc, char **argv, plan_options *options) {
  static const struct option known[] = {
      {"gamma", required_argument, NULL, GAMMA},
      {"delta", required_argument, NULL, DELTA},
      {"entropy", required_argument, NULL, ENTROPY},
      {"rate", required_argument, NULL, RATE},
      {"distinct", required_argument, NULL, DISTINCT},
      {"alpha", required_argument, NULL, ALPHA},
      {"power", required_argument, NULL, POWER},
      {"key", required_argument, NULL, 'k'},
      {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
      {"tenant", required_argument, NULL, TENANT},
      {"json", no_argument, NULL, JSON},
      {"help", no_argument, NULL, 'h'},
      {0},
  };
  bool seen[CLI_OPTIONS_MAX] = {false};
  const int status = cli_each_option(name, argc, argv, ":k:h", known, 0, seen, set_option,
                                     options, &options->help);
  if (status != CLI_OK || options->help) {
    return status;
  }
  const bool assumed = seen[DELTA] || seen[ENTROPY];
  if (options->key != NULL && (seen[GAMMA] || seen[RATE] || assumed)) {
    return cli_fail(name,
                    "gamma and the green rate are those of the key and its texts: leave out "
                    "--gamma, --rate, --delta and --entropy");
  }
  if (seen[RATE] && assumed) {
    return cli_fail(name, "--rate takes the place of --delta and --entropy");
  }
  if (options->key == NULL && (seen[TENANT] || seen[PASSPHRASE_FILE])) {
    return cli_fail(name, "--tenant and --passphrase-file are for the key of -k");
  }
  options->files = argv + optind;
  options->n_files = argc - optind;
  if (options->key == NULL && options->n_files > 0) {
    return cli_fail(name, "name the throw-away key that marked the files with -k KEYFILE");
  }
  if (options->key != NULL && options->n_files == 0) {
    return cli_fail(name, "name the files that were marked with the key");
  }
  return CLI_OK;
}

/* Counts the sample. */
static int measure(const plan_options *options, const gp_key *key, gp_result *sample) {
  gp_error error;
  gp_corpus *corpus = NULL;
  const gp_corpus_options run = {.keys = &key,
                                 .n_keys = 1,
                                 .tenants = &options->tenant.tenant,
                                 .n_tenants = options->tenant.has_tenant ? 1 : 0};
  gp_corpus_input *inputs = calloc((size_t)options->n_files + 1, sizeof *inputs);
  if (inputs == NULL) {
    return cli_fail(name, "out of memory: too many files");
  }
  for (int i = 0; i < options->n_files; i++) {
    const gp_input_format format = input_format_of_name(options->files[i], false);
    inputs[i] = (gp_corpus_input){
        options->files[i],
        {.format = format, .field = format == GP_INPUT_JSONL ? "tokens" : NULL}};
  }
  gp_status status = gp_corpus_new(&run, &corpus, &error);
  if (status == GP_OK) {
    status = gp_corpus_run(corpus, inputs, (size_t)options->n_files, NULL, &error);
  }
  if (status == GP_OK) {
    gp_corpus_get_result(corpus, 0, sample);
  }
  gp_corpus_free(corpus);
  free(inputs);
  return status == GP_OK ? CLI_OK : cli_fail(name, "%s", error.message);
}

#define SAMPLE_MIN 50 /* tokens; the share of fewer says too little */

static int from_sample(plan_options *options, plan_basis *basis) {
  gp_key *key = NULL;
  int status = key_open(name, options->key, options->passphrase_file, &key);
  if (status != CLI_OK) {
    return status;
  }
  options->params = gp_key_params(key);
  status = measure(options, key, &basis->sample);
  gp_key_free(key);
  if (status != CLI_OK) {
    return status;
  }
  const gp_result *sample = &basis->sample;
  if (sample->scored < SAMPLE_MIN) {
    return cli_fail(
        name, "the sample is too small to plan with: %" PRIu64 " pairs scored; give %d or more",
        sample->scored, SAMPLE_MIN);
  }
  basis->measured = true;
  basis->rate = (double)sample->green / (double)sample->scored;
  const double gamma = gp_params_gamma(&options->params);
  const double chance = sqrt(gamma * (1 - gamma) / (double)sample->scored);
  if (basis->rate > gamma && basis->rate < gamma + 2 * chance) {
    return cli_fail(name,
                    "the sample is too small to plan with: %" PRIu64 " of %" PRIu64
                    " green is within two standard errors of gamma = %g; give more text",
                    sample->green, sample->scored, gamma);
  }
  basis->distinct = (double)sample->scored / (double)(sample->scored + sample->repeated);
  return CLI_OK;
}

static int set_basis(plan_options *options, plan_basis *basis) {
  gp_error error;
  int status = CLI_OK;
  basis->distinct = 1;
  if (options->key != NULL) {
    status = from_sample(options, basis);
  } else if (options->rate > 0) {
    basis->rate = options->rate;
  } else if (gp_plan_green_rate(&options->params, options->delta, options->entropy, &basis->rate,
                                &error) != GP_OK) {
    return cli_fail(name, "%s", error.message);
  }
  if (options->distinct > 0) {
    basis->distinct = options->distinct;
  }
  if (status == CLI_OK && basis->rate <= gp_params_gamma(&options->params)) {
    return cli_fail(name,
                    "a green rate of %.4g does not exceed gamma, %.4g: no number of tokens "
                    "is enough",
                    basis->rate, gp_params_gamma(&options->params));
  }
  return status;
}

#define ALPHAS 4
#define POWERS 3

typedef struct plan_table {
  size_t n_alphas;
  size_t n_powers;
  double alphas[ALPHAS];
  double powers[POWERS];
  gp_plan plans[ALPHAS][POWERS];
} plan_table;

static int fill(const plan_options *options, const plan_basis *basis, plan_table *table) {
  *table = (plan_table){.n_alphas = ALPHAS,
                        .n_powers = POWERS,
                        .alphas = {1e-3, 1e-6, 1e-9, 1e-12},
                        .powers = {0.5, 0.9, 0.99}};
  if (options->alpha > 0) {
    table->n_alphas = 1;
    table->alphas[0] = options->alpha;
  }
  if (options->power > 0) {
    table->n_powers = 1;
    table->powers[0] = options->power;
  }
  gp_error error;
  for (size_t i = 0; i < table->n_alphas; i++) {
    for (size_t j = 0; j < table->n_powers; j++) {
      if (gp_plan_tokens(&options->params, basis->rate, log10(table->alphas[i]), table->powers[j],
                         basis->distinct, &table->plans[i][j], &error) != GP_OK) {
        return cli_fail(name, "%s", error.message);
      }
    }
  }
  return CLI_OK;
}

static void print_basis(const plan_options *options, const plan_basis *basis) {
  (void)printf("gamma %g, %.4g of the tokens green", gp_params_gamma(&options->params),
               basis->rate);
  if (basis->measured) {
    const double n = (double)basis->sample.scored;
    (void)printf(" (measured: %" PRIu64 " of %" PRIu64
                 ", standard error %.2g),\n%.4g of the pairs "
                 "new\n\n",
                 basis->sample.green, basis->sample.scored,
                 sqrt(basis->rate * (1 - basis->rate) / n), basis->distinct);
  } else if (options->rate > 0) {
    (void)printf(" (given), %.4g of the pairs new\n\n", basis->distinct);
  } else {
    (void)printf(" (expected for delta %g\nand %g bits), %.4g of the pairs new\n\n",
                 options->delta, options->entropy, basis->distinct);
  }
}

static void print_table(const plan_options *options, const plan_basis *basis,
                        const plan_table *table) {
  print_basis(options, basis);
  (void)printf("%10s", "alpha");
  for (size_t j = 0; j < table->n_powers; j++) {
    (void)printf("   power %-5g", table->powers[j]);
  }
  (void)fputc('\n', stdout);
  for (size_t i = 0; i < table->n_alphas; i++) {
    (void)printf("%10g", table->alphas[i]);
    for (size_t j = 0; j < table->n_powers; j++) {
      (void)printf("%14" PRIu64, table->plans[i][j].tokens);
    }
    (void)fputc('\n', stdout);
  }
  (void)puts(
      "\nTokens in all, pairs counted once; the first tokens of each document, as many as\n"
      "the context is wide, come on top. The power is exact if every new pair is green\n"
      "with the same probability, independently; real texts differ from one another.");
}

static json_t *rows(const plan_table *table) {
  json_t *array = json_array();
  for (size_t i = 0; i < table->n_alphas; i++) {
    for (size_t j = 0; j < table->n_powers; j++) {
      const gp_plan *plan = &table->plans[i][j];
      (void)json_array_append_new(
          array, json_pack("{s:f, s:f, s:I, s:I, s:I, s:f}", "alpha", table->alphas[i],
                           "power_wanted", table->powers[j], "tokens", (json_int_t)plan->tokens,
                           "coins", (json_int_t)plan->coins, "green", (json_int_t)plan->green,
                           "power", plan->power));
    }
  }
  return array;
}

static int print_json(const plan_options *options, const plan_basis *basis,
                      const plan_table *table) {
  json_t *report =
      json_pack("{s:i, s:f, s:f, s:f, s:s, s:o}", "plan_version", 1, "gamma",
                gp_params_gamma(&options->params), "green_rate", basis->rate, "distinct_share",
                basis->distinct, "green_rate_from",
                basis->measured ? "sample" : (options->rate > 0 ? "given" : "entropy"), "plans",
                rows(table));
  char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(report);
  if (text == NULL) {
    return cli_fail(name, "out of memory: the table");
  }
  (void)puts(text);
  free(text);
  return CLI_OK;
}

int cli_plan(int argc, char **argv) {
  plan_options options = {.params = gp_params_default(), .delta = 2, .entropy = 3};
  int status = parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  plan_basis basis = {0};
  plan_table table;
  status = set_basis(&options, &basis);
  if (status == CLI_OK) {
    status = fill(&options, &basis, &table);
  }
  if (status == CLI_OK && options.json) {
    status = print_json(&options, &basis, &table);
  } else if (status == CLI_OK) {
    print_table(&options, &basis, &table);
  }
  return status == CLI_OK ? cli_flush(name) : status;
}

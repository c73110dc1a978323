/* Parameters and p-values in words for people. */
#include "cli.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *cli_describe_params(char out[CLI_PARAMS_SIZE], const gp_params *params) {
  (void)snprintf(out, CLI_PARAMS_SIZE, "%s, context width %" PRIu32 ", gamma %" PRIu32 "/%u",
                 gp_seeding_name(params->seeding), params->context_width, params->gamma_num,
                 1U << params->gamma_log2_den);
  return out;
}

const char *cli_describe_proof(char out[CLI_PROVED_SIZE], const gp_proof_info *proof) {
  char of[48] = "";
  if (proof->proved < proof->contexts) {
    (void)snprintf(of, sizeof of, "a sample of %" PRIu64 " of ", proof->proved);
  }
  (void)snprintf(out, CLI_PROVED_SIZE, "%s%" PRIu64 " contexts, %sby the holder of key %s", of,
                 proof->contexts, proof->blind ? "evaluated blindly " : "", proof->public_key.id);
  return out;
}

#define ROUNDING 1e-9 /* what pow() may be off in a number that is exact with two digits */

const char *cli_describe_p(char out[CLI_P_SIZE], double log10_p) {
  /* Two digits, rounded up: a bound stays one. */
  double exponent = floor(log10_p);
  double mantissa = ceil(10 * pow(10, log10_p - exponent) - ROUNDING) / 10;
  if (log10_p >= -3) {
    (void)snprintf(out, CLI_P_SIZE, "%.2g", mantissa * pow(10, exponent));
    return out;
  }
  if (mantissa >= 10) {
    mantissa = 1;
    exponent += 1;
  }
  (void)snprintf(out, CLI_P_SIZE, "%.1fe%.0f", mantissa, exponent);
  return out;
}

static void add_number(char out[CLI_BILL_SIZE], uint64_t number, const char *what) {
  const size_t length = strlen(out);
  if (number > 1) {
    (void)snprintf(out + length, CLI_BILL_SIZE - length, "%s %" PRIu64 " %s",
                   out[length - 1] == ':' ? "" : ",", number, what);
  }
}

const char *cli_describe_bill(char out[CLI_BILL_SIZE], const cli_bill *bill) {
  (void)snprintf(out, CLI_BILL_SIZE, "p times %" PRIu64 "%s", bill->times,
                 bill->times > 1 ? ":" : "");
  add_number(out, bill->keys, bill->committed ? "keys committed to" : "keys tried");
  add_number(out, bill->tenants, "tenants tried");
  add_number(out, bill->sizes, "sizes of a sample");
  add_number(out, bill->tests, "tests");
  if (bill->other_tenants) {
    const size_t length = strlen(out);
    (void)snprintf(out + length, CLI_BILL_SIZE - length, ", but not the other tenants");
  }
  return out;
}

static void add_any(char out[CLI_BILL_SIZE], bool is_so, const char *what) {
  const size_t length = strlen(out);
  if (is_so) {
    (void)snprintf(out + length, CLI_BILL_SIZE - length, "%s %s",
                   length == 0 ? ", for any of the" : " and any of the", what);
  }
}

const char *cli_describe_any(char out[CLI_BILL_SIZE], const cli_bill *bill) {
  out[0] = '\0';
  add_any(out, bill->keys > 1 && bill->committed, "keys committed to");
  add_any(out, bill->keys > 1 && !bill->committed, "keys tried");
  add_any(out, bill->tenants > 1, "tenants tried");
  add_any(out, bill->sizes > 1, "sizes that the sample could have had");
  add_any(out, bill->tests > 1, "tests that could have been made");
  return out;
}

/* Alpha may have been anything, so chance is named as well, with what p says about it. */
static void describe_found(char out[CLI_MEANING_SIZE], const cli_evidence *evidence) {
  char p[CLI_P_SIZE];
  char any[CLI_BILL_SIZE];
  const char *chance = evidence->weighted
                           ? "so large a sum, or a larger one, with probability at "
                             "most"
                           : "as many green tokens, or more, with probability";
  (void)snprintf(out, CLI_MEANING_SIZE,
                 "Either the text was written under the influence of key %s, or by something "
                 "trained on such text, or it is chance: text written without the key has "
                 "%s %s%s.",
                 evidence->key_id, chance, cli_describe_p(p, evidence->log10_p),
                 cli_describe_any(any, &evidence->bill));
}

const char *cli_describe_meaning(char out[CLI_MEANING_SIZE], const cli_evidence *evidence) {
  const uint64_t times = evidence->bill.times;
  const double price = times > 1 ? log10((double)times) : 0;
  const double smallest =
      (double)evidence->scored * log10(gp_params_gamma(&evidence->params)) + price;
  if (evidence->found) {
    describe_found(out, evidence);
  } else if (evidence->scored == 0) {
    (void)snprintf(out, CLI_MEANING_SIZE,
                   "Nothing was scored: no document has more than %" PRIu32 " tokens.",
                   evidence->params.context_width);
  } else if (!evidence->weighted && smallest > log10(evidence->alpha)) {
    (void)snprintf(out, CLI_MEANING_SIZE,
                   "The text is too short: with so few pairs scored, no text reaches alpha.");
  } else {
    (void)snprintf(out, CLI_MEANING_SIZE,
                   "The evidence does not reach alpha. That is not proof of absence.");
  }
  return out;
}

void cli_put_wrapped(FILE *out, const char *text, size_t width) {
  size_t column = 0;
  while (*text != '\0') {
    const size_t word = strcspn(text, " ");
    if (column > 0) {
      const bool fits = column + 1 + word <= width;
      (void)fputc(fits ? ' ' : '\n', out);
      column = fits ? column + 1 : 0;
    }
    (void)fwrite(text, 1, word, out);
    column += word;
    text += word;
    text += strspn(text, " ");
  }
  (void)fputc('\n', out);
}

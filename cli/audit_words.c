/* What audits and traces say in sentences: what was shown, by which test, under which
 * assumptions, and what was not shown. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "audit_findings.h"

const char *audit_contexts_name(bool served) {
  return served ? "served" : "all";
}

/* ---------------------------------------------------------------------- assumptions */

static char *next_assumption(audit_words *words) {
  return words->assumed[words->n_assumed++];
}

static void assume_about_prompts(const audit_evidence *evidence, audit_words *words) {
  if (evidence->options->prompts == NULL) {
    (void)snprintf(next_assumption(words), AUDIT_WORDS_SIZE,
                   "It is assumed that the prompts did not depend on the key: a model that goes "
                   "on with marked text from its prompt may seem to have learned it. Where the "
                   "prompts are known, --prompts leaves out what occurs in them.");
    return;
  }
  (void)snprintf(next_assumption(words), AUDIT_WORDS_SIZE,
                 "%" PRIu64 " of %" PRIu64 " positions were left out because their context "
                 "occurs in the prompt of their own answer, so that marked text in a prompt is "
                 "not taken for something that the model has learned. Beyond that it is assumed "
                 "that the prompts were chosen without the key.",
                 evidence->counts.in_prompt, evidence->counts.positions);
}

static void assume_about_answers(const audit_evidence *evidence, audit_words *words) {
  assume_about_prompts(evidence, words);
  (void)snprintf(next_assumption(words), AUDIT_WORDS_SIZE,
                 "It is assumed that the answers are the model's own, all of those that were "
                 "asked for: nothing with the key in it answered in its place, and none was "
                 "chosen by its colours.");
  if (evidence->has_label) {
    (void)snprintf(next_assumption(words), AUDIT_WORDS_SIZE,
                   "It is assumed that the reference model (%s) never saw text marked under the "
                   "key.",
                   evidence->label);
  }
}

static void assume_about_weights(audit_words *words) {
  (void)snprintf(next_assumption(words), AUDIT_WORDS_SIZE,
                 "It is assumed that the text that the model read for this audit was chosen "
                 "without the key, such as public text from before there was the key.");
  (void)snprintf(next_assumption(words), AUDIT_WORDS_SIZE,
                 "It is assumed that the reference model, where there was one, never saw text "
                 "marked under the key.");
}

static void assume_about_served(audit_words *words) {
  (void)snprintf(
      next_assumption(words), AUDIT_WORDS_SIZE,
      "Which contexts were served depends on the key. So p over these is one over an "
      "e-value, which allows for that (SPEC.md section 17), where the logs were whole: "
      "each prompt and its answer one document.");
}

/* --------------------------------------------------------------------------- limits */

static void set_limits(bool found, audit_words *words) {
  static const char *const of_found[] = {
      "Who trained the model, and whether they knew that the text was marked.",
      "How marked text got into the training: it may have been asked from the marked model, "
      "bought, or found on public pages.",
      "How much of the training text was marked. Neither p nor z measures that.",
      "That the model is innocent with probability p: p is how often a model that had nothing "
      "to do with the key gives so much evidence.",
  };
  static const char *const of_absent[] = {
      "That the model was never trained on marked text. Little of it leaves few traces, and "
      "further training, paraphrase and a wide context weaken them.",
  };
  static const char of_choice[] =
      "Anything about a key, answers or a test that were chosen after looking. If several "
      "were tried, p has to be multiplied by their number.";
  const size_t count = found ? sizeof of_found / sizeof of_found[0] : 1;
  for (size_t i = 0; i < count; i++) {
    words->limits[words->n_limits++] = found ? of_found[i] : of_absent[i];
  }
  words->limits[words->n_limits++] = of_choice;
}

/* -------------------------------------------------------------- nothing to be tested */

/* Why no coin is left. */
static void describe_nothing(const audit_evidence *evidence, audit_words *words) {
  const gp_audit_counts *counts = &evidence->counts;
  const bool open = evidence->options->open;
  char *out = words->meaning;
  if (counts->positions == 0) {
    const uint32_t width = evidence->params.context_width;
    (void)snprintf(out, AUDIT_WORDS_SIZE,
                   "Nothing was tested: no %s has more than %" PRIu32 " token%s.",
                   open ? "document" : "answer", width, cli_plural(width));
  } else if (counts->in_prompt == counts->positions) {
    (void)snprintf(out, AUDIT_WORDS_SIZE,
                   "Nothing was tested: --prompts left out all positions, as each context occurs "
                   "in the prompt of its own answer. Does that field hold the prompt alone, "
                   "without the answer?");
  } else if (counts->coins == 0) {
    (void)snprintf(out, AUDIT_WORDS_SIZE,
                   "Nothing was tested: the files hold no weight for any position.");
  } else {
    (void)snprintf(out, AUDIT_WORDS_SIZE, "Nothing was tested: %s.",
                   evidence->options->served != NULL && counts->served_contexts == 0
                       ? "no context that was served occurs"
                       : "all weights that count are 0");
  }
}

/* ---------------------------------------------------------------------------- audit */

static void describe_found(const audit_findings *all, audit_words *words) {
  char p[CLI_P_SIZE];
  char any[CLI_BILL_SIZE];
  const audit_test_findings *verdict = &all->tests[all->verdict];
  (void)snprintf(words->meaning, AUDIT_WORDS_SIZE,
                 "Either the model was trained, at least in part, on text marked under key %s, "
                 "whoever did it and however it got there, or it is chance: a model that had "
                 "nothing to do with the key gives %s with probability at most %s%s.",
                 all->evidence.key_id,
                 verdict->served ? "evidence so strong" : "so large a sum, or a larger one,",
                 cli_describe_p(p, all->log10_p_corrected),
                 cli_describe_any(any, &all->evidence.bill));
}

static void describe_absent(const audit_findings *all, audit_words *words) {
  const audit_test_findings *verdict = &all->tests[all->verdict];
  if (verdict->result.coins == 0) {
    describe_nothing(&all->evidence, words);
    return;
  }
  (void)snprintf(words->meaning, AUDIT_WORDS_SIZE,
                 "The evidence does not reach alpha. That is not proof of absence.");
}

static void describe_decision(const audit_findings *all, audit_words *words) {
  const audit_test_findings *verdict = &all->tests[all->verdict];
  (void)snprintf(
      words->decided, AUDIT_WORDS_SIZE,
      "The verdict goes by the test \"%s\" over %s, which the options had chosen before "
      "anything was counted.%s",
      gp_audit_statistic_name(verdict->statistic),
      verdict->served ? "the contexts that were served" : "all contexts",
      all->n_tests > 1 ? " The other tests are for information: the smallest p of "
                         "several is not a p-value."
                       : "");
}

static void describe_anytime(const audit_findings *all, audit_words *words) {
  char p[CLI_P_SIZE];
  if (!all->has_anytime || all->evidence.counts.coins == 0) {
    return;
  }
  (void)snprintf(words->anytime, AUDIT_WORDS_SIZE,
                 "Whoever asks on until the evidence is enough may go by the anytime p instead, "
                 "if that was decided before: %s, one over an e-value of the pairs as they first "
                 "occurred, after the last answer (log10 e %.2f; SPEC.md section 8). As long as "
                 "answers are only added, all of them and under the same options, it reaches "
                 "%g with probability at most %g, however often one looks, in a model that had "
                 "nothing to do with the key. The verdict and the exit status go by p.",
                 cli_describe_p(p, fmin(0.0, -all->anytime_log10_e)), all->anytime_log10_e,
                 all->evidence.options->alpha, all->evidence.options->alpha);
}

/* Names the test in which it shows most. */
static void describe_broken(const audit_findings *all, audit_words *words) {
  const audit_test_findings *worst = &all->tests[0];
  for (size_t i = 1; i < all->n_tests; i++) {
    if (all->tests[i].controls.log10_p_small < worst->controls.log10_p_small) {
      worst = &all->tests[i];
    }
  }
  (void)snprintf(words->broken, AUDIT_WORDS_SIZE,
                 "Something is wrong with this audit, and its verdict must not be relied on: in "
                 "the test \"%s\" over %s contexts p is at most 1/128 for %" PRIu64
                 " of %zu control keys, which nobody ever used. That is more than chance allows.",
                 gp_audit_statistic_name(worst->statistic), audit_contexts_name(worst->served),
                 worst->controls.small, all->n_controls);
}

static void describe_controls(const audit_findings *all, audit_words *words) {
  const audit_test_findings *verdict = &all->tests[all->verdict];
  const audit_controls *controls = &verdict->controls;
  const double expected = (double)all->n_controls / (1 << AUDIT_SMALL_LOG2_DEN);
  if (!all->controls_fit) {
    describe_broken(all, words);
  }
  if (all->n_controls == 0) {
    (void)snprintf(words->controls, AUDIT_WORDS_SIZE, "No control keys were tried.");
  } else if (verdict->result.coins > 0) {
    (void)snprintf(
        words->controls, AUDIT_WORDS_SIZE,
        "Beside the key, %zu control key%s that nobody ever used went through the same tests. In "
        "the verdict's test their z goes from %.2f to %.2f, and that of the key is %.2f. p is at "
        "most 1/128 for %" PRIu64 " of them, and about %.*f or fewer are to be expected%s.",
        all->n_controls, cli_plural(all->n_controls), controls->z_least, controls->z_greatest,
        verdict->result.z, controls->small, expected < 100.0 ? 1 : 0, expected,
        all->controls_fit ? ": they look as they should" : "");
  }
}

void audit_find_words(const audit_findings *all, audit_words *words) {
  const audit_evidence *evidence = &all->evidence;
  *words = (audit_words){0};
  (void)snprintf(words->verdict, sizeof words->verdict, "in %s",
                 evidence->options->open ? "what the model holds for likely"
                                         : "the model's answers");
  if (all->found) {
    describe_found(all, words);
  } else {
    describe_absent(all, words);
  }
  describe_decision(all, words);
  describe_anytime(all, words);
  describe_controls(all, words);
  if (evidence->options->open) {
    assume_about_weights(words);
  } else {
    assume_about_answers(evidence, words);
  }
  if (evidence->options->served != NULL) {
    assume_about_served(words);
  }
  set_limits(all->found, words);
}

/* ---------------------------------------------------------------------------- trace */

void trace_find_words(const trace_findings *all, audit_words *words) {
  char bill[CLI_BILL_SIZE];
  const audit_evidence *evidence = &all->evidence;
  const bool served = evidence->options->served_by != NULL;
  *words = (audit_words){0};
  if (all->n_found > 0) {
    (void)snprintf(
        words->meaning, AUDIT_WORDS_SIZE,
        "Either the model was trained, at least in part, on text marked under key %s "
        "for each tenant that is listed as found, whoever did it and however it got "
        "there, or it is chance: with probability at most %g any tenant is found whose "
        "marked text the model had nothing to do with.",
        evidence->key_id, evidence->options->alpha);
  } else if (evidence->counts.coins == 0) {
    describe_nothing(evidence, words);
  } else {
    (void)snprintf(words->meaning, AUDIT_WORDS_SIZE,
                   "The evidence does not reach alpha for any tenant. That is not proof of "
                   "absence.");
  }
  (void)snprintf(words->decided, AUDIT_WORDS_SIZE,
                 "The verdict goes by the test \"root\" over %s, and by its p corrected for the "
                 "number of tenants, %zu (Holm)%s%s. The test \"distinct\" is for information.",
                 served ? "the contexts that each tenant was served" : "all contexts",
                 all->list.count, evidence->bill.times > 1 ? "; " : "",
                 evidence->bill.times > 1 ? cli_describe_bill(bill, &evidence->bill) : "");
  assume_about_answers(evidence, words);
  if (served) {
    assume_about_served(words);
  }
  set_limits(all->n_found > 0, words);
}

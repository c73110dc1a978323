/* The parameters that travel with a key (SPEC.md section 2). */
#include "key/params.h"

#include <string.h>

#include "common/error.h"

gp_params gp_params_default(void) {
  const gp_params params = {
      .seeding = GP_SEEDING_HASH, .context_width = 2, .gamma_num = 1, .gamma_log2_den = 2};
  return params;
}

const char *gp_seeding_name(gp_seeding seeding) {
  switch (seeding) {
  case GP_SEEDING_HASH:
    return "hash";
  case GP_SEEDING_MIN:
    return "min";
  case GP_SEEDING_FIXED:
    return "fixed";
  }
  return "?";
}

double gp_params_gamma(const gp_params *params) {
  return (double)params->gamma_num / (double)(UINT32_C(1) << params->gamma_log2_den);
}

gp_status gp_gamma_check(uint32_t num, uint32_t log2_den, gp_error *error) {
  if (log2_den < 1 || log2_den > GP_GAMMA_LOG2_DEN_MAX) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "gamma: the denominator must be 2^k with k from 1 to %d, not k = %u",
                   GP_GAMMA_LOG2_DEN_MAX, (unsigned)log2_den);
  }
  if (num % 2 == 0 || num >= UINT32_C(1) << log2_den) {
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "gamma: the numerator must be odd and below the denominator, not %u/%u",
                   (unsigned)num, 1U << log2_den);
  }
  return GP_OK;
}

gp_status gp_params_check(const gp_params *params, gp_error *error) {
  if (params == NULL) {
    return gp_fail_null(error, __func__, "params");
  }
  const uint32_t h = params->context_width;
  switch (params->seeding) {
  case GP_SEEDING_HASH:
  case GP_SEEDING_MIN:
    if (h == 0) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "context width: 0 is one green list for everything, the easiest to "
                     "steal; if that is wanted, ask for the seeding scheme 'fixed'");
    }
    if (h > GP_CONTEXT_WIDTH_MAX) {
      return gp_fail(error, GP_ERR_ARGUMENT, "context width: must be 1 to %d, not %u",
                     GP_CONTEXT_WIDTH_MAX, (unsigned)h);
    }
    break;
  case GP_SEEDING_FIXED:
    if (h != 0) {
      return gp_fail(error, GP_ERR_ARGUMENT,
                     "context width: the seeding scheme 'fixed' has no context, so the width "
                     "must be 0, not %u",
                     (unsigned)h);
    }
    break;
  default:
    return gp_fail(error, GP_ERR_ARGUMENT, "seeding: unknown scheme %d", (int)params->seeding);
  }
  return gp_gamma_check(params->gamma_num, params->gamma_log2_den, error);
}

gp_status gp_params_set_seeding(gp_params *params, const char *text, gp_error *error) {
  if (params == NULL || text == NULL) {
    return gp_fail_null(error, __func__, params == NULL ? "params" : "text");
  }
  for (int seeding = GP_SEEDING_HASH; seeding <= GP_SEEDING_FIXED; seeding++) {
    if (strcmp(text, gp_seeding_name((gp_seeding)seeding)) == 0) {
      params->seeding = (gp_seeding)seeding;
      return GP_OK;
    }
  }
  return gp_fail(error, GP_ERR_ARGUMENT, "seeding: '%.40s' is not hash, min or fixed", text);
}

gp_status gp_params_set_profile(gp_params *params, const char *text, gp_error *error) {
  static const struct {
    const char *name;
    gp_params params;
  } profiles[] = {{"provenance", {GP_SEEDING_HASH, 2, 1, 2}},
                  {"distill", {GP_SEEDING_HASH, 1, 1, 2}}};
  if (params == NULL || text == NULL) {
    return gp_fail_null(error, __func__, params == NULL ? "params" : "text");
  }
  for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
    if (strcmp(text, profiles[i].name) == 0) {
      *params = profiles[i].params;
      return GP_OK;
    }
  }
  return gp_fail(error, GP_ERR_ARGUMENT, "profile: '%.40s' is not provenance or distill", text);
}

/* Reads up to nine digits; returns how many there were, and -1 for more. */
static int read_digits(const char **text, uint64_t *value) {
  int digits = 0;
  while (**text >= '0' && **text <= '9') {
    if (++digits > 9) {
      return -1;
    }
    *value = *value * 10 + (uint64_t)(**text - '0');
    (*text)++;
  }
  return digits;
}

/* Reads "A/B", "0.B" or "A" as a fraction. */
static bool read_fraction(const char *text, uint64_t *num, uint64_t *den) {
  *num = 0;
  *den = 0;
  const int before = read_digits(&text, num);
  if (before < 0) {
    return false;
  }
  if (*text == '/') {
    text++;
    return before > 0 && read_digits(&text, den) > 0 && *text == '\0' && *den > 0;
  }
  if (*text == '\0') {
    *den = 1;
    return before > 0;
  }
  if (*text != '.' || *num > 0) {
    return false;
  }
  text++;
  const int after = read_digits(&text, num);
  *den = 1;
  for (int i = 0; i < after; i++) {
    *den *= 10;
  }
  return after > 0 && *text == '\0';
}

/* Brings num / 256 to lowest terms. */
static void reduce(uint64_t num, gp_params *params) {
  uint32_t log2_den = GP_GAMMA_LOG2_DEN_MAX;
  while (num % 2 == 0 && log2_den > 0) {
    num /= 2;
    log2_den--;
  }
  params->gamma_num = (uint32_t)num;
  params->gamma_log2_den = log2_den;
}

gp_status gp_params_set_gamma(gp_params *params, const char *text, gp_error *error) {
  if (params == NULL || text == NULL) {
    return gp_fail_null(error, __func__, params == NULL ? "params" : "text");
  }
  uint64_t num = 0;
  uint64_t den = 0;
  if (!read_fraction(text, &num, &den)) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gamma: '%.40s' is not a fraction such as 1/4 or 0.25",
                   text);
  }
  if (num == 0 || num >= den) {
    return gp_fail(error, GP_ERR_ARGUMENT, "gamma: '%.40s' is not between 0 and 1", text);
  }
  const uint64_t scaled = num * 256;
  if (scaled % den != 0) {
    uint64_t nearest = (scaled + den / 2) / den;
    nearest = nearest < 1 ? 1 : nearest > 255 ? 255 : nearest;
    gp_params near = {0};
    reduce(nearest, &near);
    return gp_fail(error, GP_ERR_ARGUMENT,
                   "gamma: '%.40s' is not g/2^k with k up to %d; the nearest that is: %u/%u",
                   text, GP_GAMMA_LOG2_DEN_MAX, (unsigned)near.gamma_num,
                   1U << near.gamma_log2_den);
  }
  reduce(scaled / den, params);
  return GP_OK;
}

void gp_params_encode(const gp_params *params, uint8_t out[GP_PARAMS_SIZE]) {
  out[0] = (uint8_t)params->seeding;
  out[1] = (uint8_t)params->context_width;
  out[2] = (uint8_t)params->gamma_num;
  out[3] = (uint8_t)params->gamma_log2_den;
}

gp_params gp_params_decode(const uint8_t in[GP_PARAMS_SIZE]) {
  const gp_params params = {.seeding = (gp_seeding)in[0],
                            .context_width = in[1],
                            .gamma_num = in[2],
                            .gamma_log2_den = in[3]};
  return params;
}

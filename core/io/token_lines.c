/* Decimal ids separated by blanks. Whatever else stands there is refused rather than
 * skipped: a token lost or made up shifts no sum, but it makes a report irreproducible. */
#include "io/token_lines.h"

#include "common/error.h"
#include "common/quote.h"

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static gp_status fail_word(const char *word, size_t length, const char *why, gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT, "%s %s", gp_quote(quoted, word, length), why);
}

static gp_status parse_word(const char *word, size_t length, uint32_t *id, gp_error *reason) {
  uint64_t value = 0;
  bool too_large = false;
  for (size_t i = 0; i < length; i++) {
    if (!is_digit(word[i])) {
      return fail_word(word, length,
                       word[0] == '{' ? "is not a token id: is this JSON Lines?"
                                      : "is not a token id: digits expected",
                       reason);
    }
    if (!too_large) {
      value = 10 * value + (uint64_t)(word[i] - '0');
      too_large = value > UINT32_MAX;
    }
  }
  if (too_large) {
    return fail_word(word, length, "is too large for a token id: at most 4294967295", reason);
  }
  *id = (uint32_t)value;
  return GP_OK;
}

gp_status gp_token_line_parse(const char *line, size_t length, gp_tokens *tokens,
                              gp_error *reason) {
  tokens->count = 0;
  size_t at = 0;
  for (;;) {
    while (at < length && is_blank(line[at])) {
      at++;
    }
    if (at == length) {
      break;
    }
    const size_t start = at;
    while (at < length && !is_blank(line[at])) {
      at++;
    }
    uint32_t id = 0;
    gp_status status = parse_word(line + start, at - start, &id, reason);
    if (status == GP_OK) {
      status = gp_tokens_push(tokens, id, reason);
    }
    if (status != GP_OK) {
      return status;
    }
  }
  if (tokens->count == 0) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the line is empty: each line holds a document of one token or more");
  }
  return GP_OK;
}

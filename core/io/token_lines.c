/* Decimal ids separated by blanks. Whatever else stands there is refused rather than
 * skipped: a token lost or made up shifts no sum, but it makes a report irreproducible.
 * Nearly all words are one to seven digits and one blank behind them: those are taken fast. */
#include "io/token_lines.h"

#include "common/error.h"
#include "common/quote.h"
#include "io/digits.h"

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

static const char *why_no_id(const char *word, size_t length) {
  const char first = (char)(word[0] | 0x20); /* small letters of ASCII from capital ones */
  if (word[0] == '{') {
    return "is not a token id: is this JSON Lines?";
  }
  return length > 1 && first >= 'a' && first <= 'z'
             ? "is not a token id: is this text? It takes a tokenizer to read (--tokenizer)"
             : "is not a token id: digits expected";
}

static gp_status parse_word(const char *word, size_t length, uint32_t *id, gp_error *reason) {
  uint64_t value = 0;
  bool too_large = false;
  for (size_t i = 0; i < length; i++) {
    if (!is_digit(word[i])) {
      return fail_word(word, length, why_no_id(word, length), reason);
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

/* Takes words of the usual kind and stops before another, or near the end of the line;
 * returns where. There is room for all of them. */
static size_t take_usual_words(const char *line, size_t length, size_t at, gp_tokens *tokens) {
  uint32_t *next = tokens->ids + tokens->count;
  const uint32_t *end = tokens->ids + tokens->capacity;
  while (length - at >= GP_DIGITS_MAX && next < end) {
    const uint64_t digits = gp_load_digits(line + at);
    const unsigned count = gp_count_digits(digits);
    if (count == 0 || count == GP_DIGITS_MAX || !is_blank(line[at + count])) {
      break;
    }
    *next++ = gp_sum_digits(digits, count);
    at += count + 1U;
  }
  tokens->count = (size_t)(next - tokens->ids);
  return at;
}

gp_status gp_token_line_parse(const char *line, size_t length, gp_tokens *tokens,
                              gp_error *reason) {
  tokens->count = 0;
  size_t at = 0;
  for (;;) {
    at = take_usual_words(line, length, at, tokens);
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
    at += at < length; /* the blank behind it */
  }
  if (tokens->count == 0) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "the line is empty: each line holds a document of one token or more");
  }
  return GP_OK;
}

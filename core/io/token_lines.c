/* Decimal ids separated by blanks. Whatever else stands there is refused rather than
 * skipped: a token lost or made up shifts no sum, but it makes a report irreproducible.
 *
 * Nearly all words are one to seven digits and one blank behind them. Eight bytes that hold
 * such a word are taken as one number, and its digits are added up in pairs, pairs of pairs
 * and halves, without a branch for each digit: the lengths of random ids are hard to predict,
 * and a wrong guess costs a processor more than the sum. */
#include "io/token_lines.h"

#include "common/bytes.h"
#include "common/error.h"
#include "common/quote.h"

#define WORD_BYTES 8U

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

/* How many of eight characters, the first in the lowest byte, are digits before the first that
 * is none. Where `zeros` has the digits as 0 to 9, adding 0x76 sets the high bit of all other
 * bytes; a carry out of one disturbs only those after it. */
static inline unsigned count_digits(uint64_t zeros) {
  const uint64_t others =
      ((zeros + UINT64_C(0x7676767676767676)) | zeros) & UINT64_C(0x8080808080808080);
  return others == 0 ? WORD_BYTES : (unsigned)__builtin_ctzll(others) / 8U;
}

/* The number that 1 to 7 digits at the start of `zeros` are. */
static inline uint32_t sum_digits(uint64_t zeros, unsigned count) {
  uint64_t sum = zeros << 8U * (WORD_BYTES - count); /* zeros in front; drops what follows */
  sum = (sum * 10 + (sum >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
  sum = (sum * 100 + (sum >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
  sum = sum * 10000 + (sum >> 32);
  return (uint32_t)sum;
}

/* Takes words of the usual kind and stops before another, or near the end of the line;
 * returns where. There is room for all of them. */
static size_t take_usual_words(const char *line, size_t length, size_t at, gp_tokens *tokens) {
  uint32_t *next = tokens->ids + tokens->count;
  const uint32_t *end = tokens->ids + tokens->capacity;
  while (length - at >= WORD_BYTES && next < end) {
    const uint64_t zeros =
        gp_load_le64((const uint8_t *)line + at) ^ UINT64_C(0x3030303030303030);
    const unsigned count = count_digits(zeros);
    if (count == 0 || count == WORD_BYTES || !is_blank(line[at + count])) {
      break;
    }
    *next++ = sum_digits(zeros, count);
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

/*
 * Tokenizer files hold regular expressions that the tokenizers library hands to Oniguruma, which
 * reads them as Ruby does. PCRE2 reads most of it alike. What it reads differently is spelled
 * out here:
 *
 *   \s       White_Space; PCRE2 adds U+180E
 *   \w \b    Alphabetic, marks, decimal digits, connectors; PCRE2 has letters, numbers and "_"
 *   \d       decimal digits in both
 *   \v       U+000B; in PCRE2 all vertical space
 *   \p{Han}  a script; PCRE2 takes it for the script's extensions
 *   x{1,3}+  repeated; in PCRE2 possessive
 *
 * Anything not named in this file is refused: a tokenization that is wrong in rare places is
 * worse than none.
 */
#include "text/regex.h"

#include "common/error.h"
#include "common/quote.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATTERN 65536U
#define MAX_NESTING 100U

#define SPACE                                                                                    \
  "\\t-\\r\\x20\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}"   \
  "\\x{3000}"
#define NO_SPACE                                                                                 \
  "\\x00-\\x08\\x0E-\\x1F\\x21-\\x{84}\\x{86}-\\x{9F}\\x{A1}-\\x{167F}\\x{1681}-\\x{1FFF}"       \
  "\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-"       \
  "\\x{10FFFF}"
#define WORD             "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD_BOUNDARY    "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))"
#define NO_WORD_BOUNDARY "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))"

typedef struct translator {
  const char *in;
  size_t length;
  size_t at;
  char *out;
  size_t used;
  size_t capacity;
  size_t atom; /* where in `out` the last atom began; SIZE_MAX where a quantifier cannot stand */
  size_t groups[MAX_NESTING];
  size_t depth;
  gp_error *reason;
} translator;

static gp_status put(translator *t, const char *text, size_t length) {
  if (length > t->capacity - t->used) {
    const size_t capacity = t->capacity * 2 + length + 256;
    char *out = realloc(t->out, capacity);
    if (out == NULL) {
      return gp_fail_memory(t->reason, "a regular expression is too long");
    }
    t->out = out;
    t->capacity = capacity;
  }
  memcpy(t->out + t->used, text, length);
  t->used += length;
  return GP_OK;
}

static gp_status put_string(translator *t, const char *text) {
  return put(t, text, strlen(text));
}

/* Puts in[at:at + length] down as it is. */
static gp_status pass(translator *t, size_t length) {
  const gp_status status = put(t, t->in + t->at, length);
  t->at += length;
  return status;
}

static gp_status refuse(const translator *t, const char *what) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(t->reason, GP_ERR_FORMAT, "%s in a regular expression is not supported, at %s",
                 what, gp_quote(quoted, t->in + t->at, t->length - t->at));
}

/* The character `offset` places ahead; NUL beyond the end. */
static char peek(const translator *t, size_t offset) {
  return offset < t->length - t->at ? t->in[t->at + offset] : '\0';
}

static bool starts(const translator *t, const char *text) {
  const size_t length = strlen(text);
  return length <= t->length - t->at && memcmp(t->in + t->at, text, length) == 0;
}

/* ------------------------------------------------------------------ escapes */

static bool is_binary_property(const char *name, size_t length) {
  static const char *const names[] = {"Alphabetic", "White_Space", "Uppercase",
                                      "Lowercase",  "Ideographic", "Emoji"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
      return true;
    }
  }
  return false;
}

/* \p{...}: general categories have one or two letters; other names are scripts. */
static gp_status property(translator *t) {
  const char *close = peek(t, 2) == '{' ? memchr(t->in + t->at, '}', t->length - t->at) : NULL;
  if (close == NULL) {
    return refuse(t, "a property without braces");
  }
  const char *name = t->in + t->at + 3;
  const size_t length = (size_t)(close - name);
  for (size_t i = 0; i < length; i++) {
    if (!isalpha((unsigned char)name[i]) && name[i] != '_' && !(i == 0 && name[i] == '^')) {
      return refuse(t, "this property");
    }
  }
  const bool category = length - (length > 0 && name[0] == '^') <= 2;
  if (length == 0 || category || is_binary_property(name, length)) {
    return pass(t, length + 4);
  }
  gp_status status = pass(t, 3);
  if (status == GP_OK) {
    status = put_string(t, "sc:");
  }
  return status == GP_OK ? pass(t, length + 1) : status;
}

/* \xHH, \x{H...} and \uHHHH. */
static gp_status code_point(translator *t) {
  const bool braces = peek(t, 1) == 'x' && peek(t, 2) == '{';
  const size_t wanted = peek(t, 1) == 'u' ? 4 : 2;
  const size_t start = braces ? 3 : 2;
  size_t digits = 0;
  while (isxdigit((unsigned char)peek(t, start + digits)) && digits < 8) {
    digits++;
  }
  if (braces) {
    return digits == 0 || peek(t, start + digits) != '}' ? refuse(t, "this code point")
                                                         : pass(t, start + digits + 1);
  }
  if (digits < wanted || (wanted == 2 && peek(t, 2) > '7')) {
    return refuse(t, "this code point");
  }
  gp_status status = put_string(t, "\\x{");
  if (status == GP_OK) {
    status = put(t, t->in + t->at + 2, wanted);
  }
  t->at += wanted + 2;
  return status == GP_OK ? put_string(t, "}") : status;
}

/* What an escape of one letter stands for; NULL if it may not stand here. */
static const char *expansion(char letter, bool in_class) {
  switch (letter) {
  case 's':
    return in_class ? SPACE : "[" SPACE "]";
  case 'S':
    return in_class ? NO_SPACE : "[^" SPACE "]";
  case 'w':
    return in_class ? WORD : "[" WORD "]";
  case 'W':
    return in_class ? NULL : "[^" WORD "]";
  case 'd':
    return "\\p{Nd}";
  case 'D':
    return "\\P{Nd}";
  case 'n':
    return "\\n";
  case 'r':
    return "\\r";
  case 't':
    return "\\t";
  case 'f':
    return "\\f";
  case 'v':
    return "\\x0B";
  case 'b':
    return in_class ? NULL : WORD_BOUNDARY;
  case 'B':
    return in_class ? NULL : NO_WORD_BOUNDARY;
  case 'A':
    return in_class ? NULL : "\\A";
  case 'z':
    return in_class ? NULL : "\\z";
  default:
    return NULL;
  }
}

static gp_status escape(translator *t, bool in_class) {
  const char letter = peek(t, 1);
  if (letter == 'p' || letter == 'P') {
    return property(t);
  }
  if (letter == 'x' || letter == 'u') {
    return code_point(t);
  }
  if ((unsigned char)letter < 0x80 && ispunct((unsigned char)letter)) {
    return pass(t, 2);
  }
  const char *text = expansion(letter, in_class);
  if (text == NULL) {
    return refuse(t, "this escape");
  }
  t->at += 2;
  return put_string(t, text);
}

/* --------------------------------------------------- classes and quantifiers */

static gp_status character_class(translator *t) {
  gp_status status = pass(t, peek(t, 1) == '^' ? 2 : 1);
  if (status == GP_OK && peek(t, 0) == ']') {
    return refuse(t, "a class that begins with ]");
  }
  while (status == GP_OK && t->at < t->length && peek(t, 0) != ']') {
    if (peek(t, 0) == '[') {
      return refuse(t, "[ in a class");
    }
    if (starts(t, "&&")) {
      return refuse(t, "&& in a class");
    }
    status = peek(t, 0) == '\\' ? escape(t, true) : pass(t, 1);
  }
  if (status == GP_OK && t->at == t->length) {
    return gp_fail(t->reason, GP_ERR_FORMAT, "a regular expression ends inside a class");
  }
  return status == GP_OK ? pass(t, 1) : status;
}

/* The length of "{2}", "{2,}" or "{2,3}" at hand; 0 for anything else. */
static size_t interval(const translator *t, bool *exact) {
  size_t i = 1;
  while (isdigit((unsigned char)peek(t, i))) {
    i++;
  }
  if (i == 1) {
    return 0;
  }
  *exact = peek(t, i) == '}';
  if (peek(t, i) == ',') {
    i++;
    while (isdigit((unsigned char)peek(t, i))) {
      i++;
    }
  }
  return peek(t, i) == '}' ? i + 1 : 0;
}

/* Turns the last atom, with its quantifier, into a group. */
static gp_status wrap_atom(translator *t) {
  gp_status status = put_string(t, "(?:"); /* makes room */
  if (status == GP_OK) {
    memmove(t->out + t->atom + 3, t->out + t->atom, t->used - 3 - t->atom);
    memcpy(t->out + t->atom, "(?:", 3);
    status = put_string(t, ")");
  }
  return status;
}

static gp_status quantifier(translator *t) {
  if (t->atom == SIZE_MAX) {
    return refuse(t, "a quantifier here");
  }
  if (peek(t, 0) != '{') {
    gp_status status = pass(t, peek(t, 1) == '+' || peek(t, 1) == '?' ? 2 : 1);
    t->atom = SIZE_MAX;
    return status;
  }
  bool exact = false;
  const size_t length = interval(t, &exact);
  if (length == 0 || (exact && peek(t, length) == '?')) {
    return refuse(t, "this use of {");
  }
  gp_status status = pass(t, length);
  if (status == GP_OK && peek(t, 0) == '?') {
    status = pass(t, 1);
  } else if (status == GP_OK && peek(t, 0) == '+') {
    status = wrap_atom(t);
    if (status == GP_OK) {
      status = pass(t, 1);
    }
  }
  t->atom = SIZE_MAX;
  return status;
}

/* ------------------------------------------------------------------- groups */

static gp_status open_group(translator *t) {
  static const char *const known[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"};
  if (t->depth == MAX_NESTING) {
    return refuse(t, "nesting so deep");
  }
  size_t length = peek(t, 1) == '?' || peek(t, 1) == '*' ? 0 : 1;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    length = starts(t, known[i]) ? strlen(known[i]) : length;
  }
  if (length == 0) {
    /* Elsewhere Ruby takes what follows, alternatives included, for a group of its own. */
    if (t->at == 0 && starts(t, "(?i)")) {
      return pass(t, 4);
    }
    return refuse(t, "this kind of group");
  }
  t->groups[t->depth++] = t->used;
  t->atom = SIZE_MAX;
  return length == 1 ? (t->at++, put_string(t, "(?:")) : pass(t, length);
}

static gp_status close_group(translator *t) {
  if (t->depth == 0) {
    return refuse(t, ") without (");
  }
  t->atom = t->groups[--t->depth];
  return pass(t, 1);
}

static gp_status step(translator *t) {
  switch (peek(t, 0)) {
  case '(':
    return open_group(t);
  case ')':
    return close_group(t);
  case '|':
    t->atom = SIZE_MAX;
    return pass(t, 1);
  case '*':
  case '+':
  case '?':
  case '{':
    return quantifier(t);
  case '[':
    t->atom = t->used;
    return character_class(t);
  case '\\':
    t->atom = t->used;
    return escape(t, false);
  default: {
    size_t length = 1;
    while (((unsigned char)peek(t, length) & 0xC0U) == 0x80U) {
      length++;
    }
    t->atom = t->used;
    return pass(t, length);
  }
  }
}

gp_status gp_regex_translate(const char *regex, size_t length, char **translated,
                             size_t *translated_length, gp_error *reason) {
  translator t = {.in = regex, .length = length, .atom = SIZE_MAX, .reason = reason};
  if (length > MAX_PATTERN) {
    return gp_fail(reason, GP_ERR_FORMAT, "a regular expression of %zu bytes is refused", length);
  }
  gp_status status = GP_OK;
  while (status == GP_OK && t.at < t.length) {
    status = step(&t);
  }
  if (status == GP_OK && t.depth > 0) {
    status = refuse(&t, "( without )");
  }
  if (status == GP_OK) {
    status = put(&t, "", 1);
  }
  if (status != GP_OK) {
    free(t.out);
    return status;
  }
  *translated = t.out;
  *translated_length = t.used - 1;
  return GP_OK;
}

/* jansson makes objects of all that a line holds: some 40 bytes and several calls for each
 * token id, which is what reading would spend its time on. This scanner checks a line as
 * strictly, in place, and keeps only what the field holds. What it does not know for certain
 * to be right it leaves to jansson: keys with escapes, objects with many keys, deep nesting,
 * very long numbers, content in parts, and everything that is an error. So it decides nothing
 * and needs no messages, and each function returns whether it can go on. */
#include "io/json_scan.h"

#include "common/bytes.h"
#include "io/digits.h"
#include "io/field.h"

#include <string.h>

#define DEPTH_MAX   32U
#define KEYS_MAX    128U /* in all objects that are open at one place */
#define STEPS_MAX   8U
#define INTEGER_MAX 18U /* digits that always fit in 64 bits, signed */
#define ONES        UINT64_C(0x0101010101010101)
#define HIGHS       UINT64_C(0x8080808080808080)

/* The inside of a string. */
typedef struct piece {
  const char *start;
  size_t length;
  bool escaped;
} piece;

typedef struct scanner {
  const char *at;
  const char *end;
  const gp_reader_options *options;
  gp_documents *documents;
  gp_status status; /* GP_ERR_MEMORY once memory has run out */
  gp_error *reason;
  bool found; /* whether the field was there */
  unsigned depth;
  size_t n_keys;
  piece keys[KEYS_MAX]; /* of the open objects, outermost first */
  size_t n_steps;
  char names[STEPS_MAX][GP_FIELD_MAX / STEPS_MAX];
} scanner;

static void skip_blanks(scanner *scan) {
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r')) {
    scan->at++;
  }
}

/* The next character behind blanks; NUL, which is none of JSON's, at the end. */
static char peek(scanner *scan) {
  skip_blanks(scan);
  return scan->at < scan->end ? *scan->at : '\0';
}

static bool take(scanner *scan, char c) {
  if (peek(scan) != c) {
    return false;
  }
  scan->at++;
  return true;
}

static bool keep(scanner *scan, gp_status status) {
  scan->status = status;
  return status == GP_OK;
}

/* --------------------------------------------------------------- strings */

/* Whether some of eight characters end a string, escape, or are no printable ASCII. */
static bool any_special(uint64_t characters) {
  const uint64_t quotes = characters ^ (ONES * '"');
  const uint64_t escapes = characters ^ (ONES * '\\');
  return ((characters | (characters - ONES * 0x20) | (quotes - ONES) | (escapes - ONES)) &
          HIGHS) != 0;
}

/* Passes over a character of two bytes or more [RFC 3629]. */
static bool skip_character(scanner *scan) {
  const unsigned char *bytes = (const unsigned char *)scan->at;
  const unsigned char lead = bytes[0];
  const size_t width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (lead < 0xC2 || lead > 0xF4 || (size_t)(scan->end - scan->at) < width || bytes[1] < lowest ||
      bytes[1] > highest) {
    return false;
  }
  for (size_t i = 2; i < width; i++) {
    if ((bytes[i] & 0xC0U) != 0x80U) {
      return false;
    }
  }
  scan->at += width;
  return true;
}

/* Four hexadecimal digits; more than 16 bits where they are none. */
static uint32_t hexadecimal(const char *digits) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; i++) {
    const char c = digits[i];
    const char letter = (char)(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value << 4 | (uint32_t)(c - '0');
    } else if (letter >= 'a' && letter <= 'f') {
      value = value << 4 | (uint32_t)(letter - 'a' + 10);
    } else {
      return UINT32_MAX;
    }
  }
  return value;
}

/* Reads an escape; *point is what it stands for. A surrogate has to have its pair. */
static bool take_escape(const char **at, const char *end, uint32_t *point) {
  static const char letters[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  const size_t left = (size_t)(end - *at);
  const char *found = left >= 2 && (*at)[1] != '\0' ? strchr(letters, (*at)[1]) : NULL;
  if (found != NULL) {
    *point = (uint32_t)meanings[found - letters];
    *at += 2;
    return true;
  }
  *point = left >= 6 && (*at)[1] == 'u' ? hexadecimal(*at + 2) : UINT32_MAX;
  if (*point >= 0xD800 && *point <= 0xDBFF) {
    const uint32_t low =
        left >= 12 && (*at)[6] == '\\' && (*at)[7] == 'u' ? hexadecimal(*at + 8) : UINT32_MAX;
    if (low < 0xDC00 || low > 0xDFFF) {
      return false;
    }
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    *at += 12;
    return true;
  }
  if (*point > 0xFFFF || (*point >= 0xDC00 && *point <= 0xDFFF)) {
    return false;
  }
  *at += 6;
  return true;
}

static bool scan_string(scanner *scan, piece *string) {
  uint32_t point = 0;
  if (!take(scan, '"')) {
    return false;
  }
  *string = (piece){.start = scan->at};
  while (scan->at < scan->end) {
    while (scan->end - scan->at >= 8 && !any_special(gp_load_le64((const uint8_t *)scan->at))) {
      scan->at += 8;
    }
    if (scan->at == scan->end) {
      return false;
    }
    const unsigned char c = (unsigned char)*scan->at;
    if (c == '"') {
      string->length = (size_t)(scan->at - string->start);
      scan->at++;
      return true;
    }
    if (c == '\\') {
      string->escaped = true;
      if (!take_escape(&scan->at, scan->end, &point)) {
        return false;
      }
    } else if (c >= 0x80) {
      if (!skip_character(scan)) {
        return false;
      }
    } else if (c < 0x20) {
      return false;
    } else {
      scan->at++;
    }
  }
  return false;
}

static size_t encode(uint32_t point, char *out) {
  if (point < 0x80) {
    out[0] = (char)point;
    return 1;
  }
  const size_t width = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = width; i-- > 1;) {
    out[i] = (char)(0x80U | (point & 0x3FU));
    point >>= 6;
  }
  out[0] = (char)(leads[width] | point);
  return width;
}

/* What a string with escapes stands for, in documents->joined. It never gets longer. */
static bool unescape(scanner *scan, const piece *string) {
  gp_text *joined = &scan->documents->joined;
  const char *at = string->start;
  const char *end = at + string->length;
  joined->count = 0;
  if (!keep(scan, gp_text_reserve(joined, string->length, scan->reason))) {
    return false;
  }
  while (at < end) {
    const char *escape = memchr(at, '\\', (size_t)(end - at));
    const size_t plain = (size_t)((escape != NULL ? escape : end) - at);
    memcpy(joined->data + joined->count, at, plain);
    joined->count += plain;
    at += plain;
    uint32_t point = 0;
    if (at < end && !take_escape(&at, end, &point)) {
      return false;
    }
    if (escape != NULL) {
      joined->count += encode(point, joined->data + joined->count);
    }
  }
  return true;
}

static bool add_text(scanner *scan, const piece *string) {
  const unsigned normalize = scan->options->normalize;
  if (string->escaped) {
    return unescape(scan, string) &&
           keep(scan,
                gp_documents_add_text(scan->documents, scan->documents->joined.data,
                                      scan->documents->joined.count, normalize, scan->reason));
  }
  return keep(scan, gp_documents_add_text(scan->documents, string->start, string->length,
                                          normalize, scan->reason));
}

/* --------------------------------------------------------- other values */

static size_t skip_digits(scanner *scan) {
  const char *start = scan->at;
  while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
    scan->at++;
  }
  return (size_t)(scan->at - start);
}

static bool next_is(const scanner *scan, char c) {
  return scan->at < scan->end && *scan->at == c;
}

/* A number that cannot be out of range: up to 18 digits before the point, and an exponent of
 * up to two. */
static bool skip_number(scanner *scan) {
  scan->at += next_is(scan, '-');
  const bool zero = next_is(scan, '0');
  const size_t digits = skip_digits(scan);
  if (digits == 0 || digits > INTEGER_MAX || (zero && digits > 1)) {
    return false;
  }
  if (next_is(scan, '.')) {
    scan->at++;
    const size_t decimals = skip_digits(scan);
    if (decimals == 0) {
      return false;
    }
  }
  if (next_is(scan, 'e') || next_is(scan, 'E')) {
    scan->at++;
    scan->at += next_is(scan, '+') || next_is(scan, '-');
    const size_t exponent = skip_digits(scan);
    return exponent > 0 && exponent <= 2;
  }
  return true;
}

static bool skip_word(scanner *scan, const char *word) {
  const size_t length = strlen(word);
  if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0) {
    return false;
  }
  scan->at += length;
  return true;
}

/* The next key of an object whose keys begin at keys[first]; *more = false at its end. */
static bool next_key(scanner *scan, size_t first, piece *key, bool *more) {
  const bool is_first = scan->n_keys == first;
  if (take(scan, '}')) {
    *more = false;
    scan->n_keys = first;
    return true;
  }
  if (!is_first && !take(scan, ',')) {
    return false;
  }
  if (!scan_string(scan, key) || key->escaped || !take(scan, ':') || scan->n_keys == KEYS_MAX) {
    return false;
  }
  for (size_t i = first; i < scan->n_keys; i++) {
    if (scan->keys[i].length == key->length &&
        memcmp(scan->keys[i].start, key->start, key->length) == 0) {
      return false;
    }
  }
  scan->keys[scan->n_keys++] = *key;
  *more = true;
  return true;
}

/* Whether there is another entry of an array that was entered; `index` are behind. */
static bool next_entry(scanner *scan, size_t index, bool *more) {
  *more = !take(scan, ']');
  return !*more || index == 0 || take(scan, ',');
}

static bool skip_value(scanner *scan);

static bool skip_object(scanner *scan) {
  const size_t first = scan->n_keys;
  piece key;
  bool more = false;
  do {
    if (!next_key(scan, first, &key, &more) || (more && !skip_value(scan))) {
      return false;
    }
  } while (more);
  return true;
}

static bool skip_array(scanner *scan) {
  bool more = true;
  for (size_t i = 0; more; i++) {
    if (!next_entry(scan, i, &more) || (more && !skip_value(scan))) {
      return false;
    }
  }
  return true;
}

/* Steps into an object or array. */
static bool enter(scanner *scan) {
  scan->at++;
  return ++scan->depth <= DEPTH_MAX;
}

static bool skip_value(scanner *scan) {
  piece string;
  bool good = false;
  switch (peek(scan)) {
  case '{':
    good = enter(scan) && skip_object(scan);
    scan->depth--;
    return good;
  case '[':
    good = enter(scan) && skip_array(scan);
    scan->depth--;
    return good;
  case '"':
    return scan_string(scan, &string);
  case 't':
    return skip_word(scan, "true");
  case 'f':
    return skip_word(scan, "false");
  case 'n':
    return skip_word(scan, "null");
  default:
    return skip_number(scan);
  }
}

/* ------------------------------------------------------------- the field */

static bool scan_id(scanner *scan, uint32_t *id) {
  skip_blanks(scan);
  if (scan->end - scan->at < (ptrdiff_t)GP_DIGITS_MAX) {
    return false; /* the line ends with the array: leave its last ids to the slow loop */
  }
  const uint64_t digits = gp_load_digits(scan->at);
  const unsigned count = gp_count_digits(digits);
  if (count == 0 || count == GP_DIGITS_MAX || (count > 1 && *scan->at == '0')) {
    return false;
  }
  *id = gp_sum_digits(digits, count);
  scan->at += count;
  return true;
}

/* The same digit by digit, for large ids and at the end of the line. */
static bool scan_any_id(scanner *scan, uint32_t *id) {
  uint64_t value = 0;
  skip_blanks(scan);
  const char *start = scan->at;
  const size_t digits = skip_digits(scan);
  if (digits == 0 || digits > 10 || (digits > 1 && *start == '0')) {
    return false;
  }
  for (size_t i = 0; i < digits; i++) {
    value = 10 * value + (uint64_t)(start[i] - '0');
  }
  *id = (uint32_t)value;
  return value <= UINT32_MAX;
}

/* What follows an id is a comma or the end; a point or an exponent is neither. */
static bool scan_ids(scanner *scan) {
  gp_tokens *tokens = &scan->documents->tokens;
  scan->at++;
  if (take(scan, ']')) {
    return true;
  }
  for (;;) {
    uint32_t id = 0;
    if (!scan_id(scan, &id) && !scan_any_id(scan, &id)) {
      return false;
    }
    if (!keep(scan, gp_tokens_push(tokens, id, scan->reason))) {
      return false;
    }
    if (!take(scan, ',')) {
      return take(scan, ']');
    }
  }
}

static bool equals(const piece *key, const char *name) {
  return strlen(name) == key->length && memcmp(name, key->start, key->length) == 0;
}

static bool scan_message(scanner *scan) {
  const size_t first = scan->n_keys;
  piece key;
  piece role = {0};
  piece content = {0};
  bool is_null = false;
  bool more = false;
  if (peek(scan) != '{') {
    return false;
  }
  scan->at++;
  do {
    if (!next_key(scan, first, &key, &more)) {
      return false;
    }
    bool good = true;
    if (more && equals(&key, "role")) {
      good = scan_string(scan, &role);
    } else if (more && equals(&key, "content") && peek(scan) == '"') {
      good = scan_string(scan, &content);
    } else if (more) {
      is_null = is_null || (equals(&key, "content") && peek(scan) == 'n');
      good = skip_value(scan);
    }
    if (!good) {
      return false;
    }
  } while (more);
  if (role.start == NULL || role.escaped) {
    return false;
  }
  if (!equals(&role, scan->options->role)) {
    return true;
  }
  return content.start != NULL ? add_text(scan, &content) : is_null;
}

static bool scan_messages(scanner *scan) {
  bool more = true;
  scan->documents->is_text = true;
  scan->at++;
  for (size_t i = 0; more; i++) {
    if (!next_entry(scan, i, &more) || (more && !scan_message(scan))) {
      return false;
    }
  }
  return true;
}

/* The value that the field leads to. */
static bool scan_found(scanner *scan) {
  piece string;
  const char c = peek(scan);
  scan->found = true;
  if (scan->options->role != NULL) {
    return c == '[' && scan_messages(scan);
  }
  if (c == '[') {
    return scan_ids(scan);
  }
  return c == '"' && scan_string(scan, &string) && add_text(scan, &string);
}

static bool scan_step(scanner *scan, size_t step);

static bool scan_object(scanner *scan, size_t step) {
  const size_t first = scan->n_keys;
  piece key;
  bool more = false;
  do {
    if (!next_key(scan, first, &key, &more)) {
      return false;
    }
    if (more && !(equals(&key, scan->names[step]) ? scan_step(scan, step + 1) //
                                                  : skip_value(scan))) {
      return false;
    }
  } while (more);
  return true;
}

static bool scan_array(scanner *scan, size_t step) {
  size_t index = 0;
  bool more = true;
  if (!gp_field_index(scan->names[step], &index)) {
    return false;
  }
  for (size_t i = 0; more; i++) {
    if (!next_entry(scan, i, &more) ||
        (more && !(i == index ? scan_step(scan, step + 1) : skip_value(scan)))) {
      return false;
    }
  }
  return true;
}

/* The value that the first `step` steps lead to. */
static bool scan_step(scanner *scan, size_t step) {
  if (step == scan->n_steps) {
    return scan_found(scan);
  }
  const char c = peek(scan);
  if (c != '{' && c != '[') {
    return false;
  }
  const bool good = enter(scan) && (c == '{' ? scan_object(scan, step) : scan_array(scan, step));
  scan->depth--;
  return good;
}

static bool split_field(scanner *scan, const char *field) {
  char step[GP_FIELD_MAX];
  while (field != NULL) {
    field = gp_field_step(field, step);
    const size_t size = strlen(step) + 1;
    if (scan->n_steps == STEPS_MAX || size > sizeof scan->names[0]) {
      return false;
    }
    memcpy(scan->names[scan->n_steps++], step, size);
  }
  return true;
}

gp_status gp_json_scan(const char *line, size_t length, const gp_reader_options *options,
                       gp_documents *documents, bool *done, gp_error *reason) {
  scanner scan;
  scan.at = line;
  scan.end = line + length;
  scan.options = options;
  scan.documents = documents;
  scan.status = GP_OK;
  scan.reason = reason;
  scan.found = false;
  scan.depth = 0;
  scan.n_keys = 0;
  scan.n_steps = 0;
  if (split_field(&scan, options->field) && peek(&scan) == '{' && scan_step(&scan, 0) &&
      scan.found) {
    skip_blanks(&scan);
    *done = scan.at == scan.end;
  }
  return scan.status;
}

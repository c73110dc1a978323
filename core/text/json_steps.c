#include "text/json_steps.h"

#include "common/error.h"
#include "common/quote.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define MAX_DEPTH 16U /* of sequences in sequences */

/* "Whitespace" is \w+|[^\w\s]+ in Rust, where \w has the two joiners. */
#define WORD             "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}"
#define WHITESPACE_REGEX "[" WORD "]+|[^" WORD "\\s]+"

static gp_status fail_type(const gp_json *at, const char *what, const char *type,
                           gp_error *reason) {
  char quoted[GP_QUOTE_SIZE];
  return gp_fail(reason, GP_ERR_FORMAT, "%s.type: %s %s is not supported", at->path, what,
                 gp_quote(quoted, type, strlen(type)));
}

/* Puts the path before a reason that has none. */
static gp_status place(const gp_json *at, gp_status status, const gp_error *inner,
                       gp_error *reason) {
  return status == GP_OK ? GP_OK : gp_fail(reason, status, "%s: %s", at->path, inner->message);
}

/* {"String": "..."} or {"Regex": "..."}; a plain string too in some files. */
static gp_status read_pattern(const gp_json *object, gp_pattern **pattern, gp_error *reason) {
  gp_error inner = {0};
  const gp_json at = gp_json_field(object, "pattern");
  if (json_is_object(at.value) && json_object_size(at.value) == 1) {
    const json_t *string = json_object_get(at.value, "String");
    const json_t *regex = json_object_get(at.value, "Regex");
    if (json_is_string(string)) {
      return place(&at,
                   gp_pattern_new_string(json_string_value(string), json_string_length(string),
                                         pattern, &inner),
                   &inner, reason);
    }
    if (json_is_string(regex)) {
      return place(&at,
                   gp_pattern_new_regex(json_string_value(regex), json_string_length(regex),
                                        pattern, &inner),
                   &inner, reason);
    }
  }
  return gp_json_fail(&at, reason, "{\"String\": ...} or {\"Regex\": ...} expected");
}

/* -------------------------------------------------------------- normalizers */

static gp_status read_strip(const gp_json *at, gp_normalizer *normalizer, gp_error *reason) {
  static const char *const names[] = {"type", "strip_left", "strip_right", NULL};
  bool left = true;
  bool right = true;
  gp_status status = gp_json_only(at, names, reason);
  if (status == GP_OK) {
    status = gp_json_bool(at, "strip_left", true, &left, reason);
  }
  if (status == GP_OK) {
    status = gp_json_bool(at, "strip_right", true, &right, reason);
  }
  return status == GP_OK ? gp_normalizer_add_strip(normalizer, left, right, reason) : status;
}

static gp_status read_prepend(const gp_json *at, gp_normalizer *normalizer, gp_error *reason) {
  static const char *const names[] = {"type", "prepend", NULL};
  const char *bytes = NULL;
  size_t length = 0;
  gp_status status = gp_json_only(at, names, reason);
  if (status == GP_OK) {
    status = gp_json_string(at, "prepend", &bytes, &length, reason);
  }
  return status == GP_OK ? gp_normalizer_add_prepend(normalizer, bytes, length, reason) : status;
}

static gp_status read_replace(const gp_json *at, gp_normalizer *normalizer, gp_error *reason) {
  static const char *const names[] = {"type", "pattern", "content", NULL};
  const char *with = NULL;
  size_t length = 0;
  gp_pattern *pattern = NULL;
  gp_status status = gp_json_only(at, names, reason);
  if (status == GP_OK) {
    status = gp_json_string(at, "content", &with, &length, reason);
  }
  if (status == GP_OK) {
    status = read_pattern(at, &pattern, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  gp_error inner = {0};
  status = gp_normalizer_add_replace(normalizer, pattern, with, length, &inner);
  return place(at, status, &inner, reason);
}

static gp_status read_precompiled(const gp_json *at, gp_normalizer *normalizer,
                                  gp_error *reason) {
  static const char *const names[] = {"type", "precompiled_charsmap", NULL};
  const gp_json map = gp_json_field(at, "precompiled_charsmap");
  gp_status status = gp_json_only(at, names, reason);
  if (status != GP_OK || gp_json_is_nothing(&map) || json_string_length(map.value) == 0) {
    return status;
  }
  const size_t length = json_string_length(map.value);
  if (!json_is_string(map.value) || length % 4 != 0 || length > (size_t)INT32_MAX) {
    return gp_json_fail(&map, reason, "base64 expected");
  }
  char *bytes = malloc(length);
  if (bytes == NULL) {
    return gp_fail_memory(reason, "a normalizer");
  }
  const char *text = json_string_value(map.value);
  const int size =
      EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text, (int)length);
  if (size < 0) {
    status = gp_json_fail(&map, reason, "base64 expected");
  } else {
    gp_error inner = {0};
    const size_t padding = (text[length - 1] == '=') + (size_t)(text[length - 2] == '=');
    status = place(&map,
                   gp_normalizer_add_charsmap(normalizer, bytes, (size_t)size - padding,
                                              GP_CHARSMAP_CLUSTERS, &inner),
                   &inner, reason);
  }
  free(bytes);
  return status;
}

static bool form_of(const char *type, gp_form *form) {
  static const struct {
    const char *type;
    gp_form form;
  } forms[] = {
      {"NFC", GP_FORM_NFC}, {"NFD", GP_FORM_NFD}, {"NFKC", GP_FORM_NFKC}, {"NFKD", GP_FORM_NFKD}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    if (strcmp(type, forms[i].type) == 0) {
      *form = forms[i].form;
      return true;
    }
  }
  return false;
}

static gp_status read_plain_normalizer(const gp_json *at, const char *type,
                                       gp_normalizer *normalizer, gp_error *reason) {
  static const char *const names[] = {"type", NULL};
  gp_form form = GP_FORM_NFC;
  const bool is_form = form_of(type, &form);
  const bool is_lowercase = strcmp(type, "Lowercase") == 0;
  if (!is_form && !is_lowercase && strcmp(type, "StripAccents") != 0) {
    return fail_type(at, "the normalizer", type, reason);
  }
  const gp_status status = gp_json_only(at, names, reason);
  if (status != GP_OK) {
    return status;
  }
  return is_form        ? gp_normalizer_add_form(normalizer, form, reason)
         : is_lowercase ? gp_normalizer_add_lowercase(normalizer, reason)
                        : gp_normalizer_add_strip_accents(normalizer, reason);
}

static gp_status read_normalizer(const gp_json *at, gp_normalizer *normalizer, unsigned depth,
                                 gp_error *reason);

static gp_status read_normalizers(const gp_json *at, gp_normalizer *normalizer, unsigned depth,
                                  gp_error *reason) {
  static const char *const names[] = {"type", "normalizers", NULL};
  gp_json list;
  gp_status status = gp_json_only(at, names, reason);
  if (status == GP_OK) {
    status = gp_json_array(at, "normalizers", &list, reason);
  }
  for (size_t i = 0; status == GP_OK && i < json_array_size(list.value); i++) {
    const gp_json item = gp_json_item(&list, i);
    status = read_normalizer(&item, normalizer, depth + 1, reason);
  }
  return status;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MAX_DEPTH */
static gp_status read_normalizer(const gp_json *at, gp_normalizer *normalizer, unsigned depth,
                                 gp_error *reason) {
  const char *type = NULL;
  if (depth > MAX_DEPTH) {
    return gp_json_fail(at, reason, "nested too deeply");
  }
  const gp_status status = gp_json_type(at, &type, reason);
  if (status != GP_OK) {
    return status;
  }
  if (strcmp(type, "Sequence") == 0) {
    return read_normalizers(at, normalizer, depth, reason);
  }
  if (strcmp(type, "Strip") == 0) {
    return read_strip(at, normalizer, reason);
  }
  if (strcmp(type, "Prepend") == 0) {
    return read_prepend(at, normalizer, reason);
  }
  if (strcmp(type, "Replace") == 0) {
    return read_replace(at, normalizer, reason);
  }
  if (strcmp(type, "Precompiled") == 0) {
    return read_precompiled(at, normalizer, reason);
  }
  return read_plain_normalizer(at, type, normalizer, reason);
}

gp_status gp_json_normalizer(const gp_json *at, gp_normalizer *normalizer, gp_error *reason) {
  return gp_json_is_nothing(at) ? GP_OK : read_normalizer(at, normalizer, 0, reason);
}

/* ----------------------------------------------------------- pre-tokenizers */

/* What has been read so far; the byte alphabet waits to see whether anything follows. */
typedef struct pipeline {
  gp_pretokenizer *steps;
  bool alphabet;
  gp_error *reason;
} pipeline;

static gp_status read_behaviour(const gp_json *object, gp_split_behaviour *behaviour,
                                gp_error *reason) {
  static const struct {
    const char *name;
    gp_split_behaviour behaviour;
  } known[] = {{"Isolated", GP_SPLIT_ISOLATED},
               {"Removed", GP_SPLIT_REMOVED},
               {"MergedWithPrevious", GP_SPLIT_MERGED_WITH_PREVIOUS},
               {"MergedWithNext", GP_SPLIT_MERGED_WITH_NEXT},
               {"Contiguous", GP_SPLIT_CONTIGUOUS}};
  const gp_json at = gp_json_field(object, "behavior");
  const char *name = json_string_value(at.value);
  for (size_t i = 0; name != NULL && i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i].name) == 0) {
      *behaviour = known[i].behaviour;
      return GP_OK;
    }
  }
  return gp_json_fail(&at, reason, "not a behaviour that is supported");
}

static gp_status read_split(const gp_json *at, pipeline *p) {
  static const char *const names[] = {"type", "pattern", "behavior", "invert", NULL};
  gp_split_behaviour behaviour = GP_SPLIT_ISOLATED;
  bool invert = false;
  gp_pattern *pattern = NULL;
  gp_status status = gp_json_only(at, names, p->reason);
  if (status == GP_OK) {
    status = read_behaviour(at, &behaviour, p->reason);
  }
  if (status == GP_OK) {
    status = gp_json_bool(at, "invert", false, &invert, p->reason);
  }
  if (status == GP_OK) {
    status = read_pattern(at, &pattern, p->reason);
  }
  return status == GP_OK
             ? gp_pretokenizer_add_split(p->steps, pattern, behaviour, invert, p->reason)
             : status;
}

static gp_status add_regex(pipeline *p, const char *regex, gp_split_behaviour behaviour,
                           bool invert) {
  gp_pattern *pattern = NULL;
  const gp_status status = gp_pattern_new_regex(regex, strlen(regex), &pattern, p->reason);
  return status == GP_OK
             ? gp_pretokenizer_add_split(p->steps, pattern, behaviour, invert, p->reason)
             : status;
}

static gp_status read_byte_level(const gp_json *at, pipeline *p) {
  static const char *const names[] = {"type", "add_prefix_space", "trim_offsets", "use_regex",
                                      NULL};
  bool prefix = true;
  bool regex = true;
  gp_status status = gp_json_only(at, names, p->reason);
  if (status == GP_OK) {
    status = gp_json_bool(at, "add_prefix_space", true, &prefix, p->reason);
  }
  if (status == GP_OK) {
    status = gp_json_bool(at, "use_regex", true, &regex, p->reason);
  }
  if (status == GP_OK && prefix) {
    status = gp_pretokenizer_add_prefix_space(p->steps, p->reason);
  }
  if (status == GP_OK && regex) {
    status = add_regex(p, GP_GPT2_REGEX, GP_SPLIT_ISOLATED, false);
  }
  p->alphabet = true;
  return status;
}

static gp_status read_digits(const gp_json *at, pipeline *p) {
  static const char *const names[] = {"type", "individual_digits", NULL};
  bool individual = false;
  gp_status status = gp_json_only(at, names, p->reason);
  if (status == GP_OK) {
    status = gp_json_bool(at, "individual_digits", false, &individual, p->reason);
  }
  return status == GP_OK ? gp_pretokenizer_add_digits(p->steps, individual, p->reason) : status;
}

static gp_status read_punctuation(const gp_json *at, pipeline *p) {
  static const char *const names[] = {"type", "behavior", NULL};
  gp_split_behaviour behaviour = GP_SPLIT_ISOLATED;
  const gp_json field = gp_json_field(at, "behavior");
  gp_status status = gp_json_only(at, names, p->reason);
  if (status == GP_OK && field.value != NULL) {
    status = read_behaviour(at, &behaviour, p->reason);
  }
  return status == GP_OK ? gp_pretokenizer_add_punctuation(p->steps, behaviour, p->reason)
                         : status;
}

/* Older files have add_prefix_space (then always, or never) instead of prepend_scheme. */
static gp_status read_scheme(const gp_json *at, gp_prepend_scheme *scheme, gp_error *reason) {
  bool prefix = true;
  const gp_json field = gp_json_field(at, "prepend_scheme");
  const gp_status status = gp_json_bool(at, "add_prefix_space", true, &prefix, reason);
  *scheme = GP_PREPEND_ALWAYS;
  if (status != GP_OK) {
    return status;
  }
  const gp_json old = gp_json_field(at, "add_prefix_space");
  if (gp_json_is_nothing(&field)) {
    *scheme = prefix ? GP_PREPEND_ALWAYS : GP_PREPEND_NEVER;
    return GP_OK;
  }
  const char *name = json_string_value(field.value);
  if (name != NULL && strcmp(name, "first") == 0) {
    *scheme = GP_PREPEND_FIRST;
  } else if (name != NULL && strcmp(name, "never") == 0) {
    *scheme = GP_PREPEND_NEVER;
  } else if (name == NULL || strcmp(name, "always") != 0) {
    return gp_json_fail(&field, reason, "\"always\", \"first\" or \"never\" expected");
  }
  if (!gp_json_is_nothing(&old) && !prefix && *scheme != GP_PREPEND_NEVER) {
    return gp_json_fail(&field, reason, "contradicts add_prefix_space");
  }
  return GP_OK;
}

static gp_status read_metaspace(const gp_json *at, pipeline *p) {
  static const char *const names[] = {
      "type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep", NULL};
  const char *replacement = NULL;
  size_t length = 0;
  bool split = true;
  gp_prepend_scheme scheme = GP_PREPEND_ALWAYS;
  gp_status status = gp_json_only(at, names, p->reason);
  if (status == GP_OK) {
    status = gp_json_string(at, "replacement", &replacement, &length, p->reason);
  }
  if (status == GP_OK) {
    status = gp_json_bool(at, "split", true, &split, p->reason);
  }
  if (status == GP_OK) {
    status = read_scheme(at, &scheme, p->reason);
  }
  return status == GP_OK ? gp_pretokenizer_add_metaspace(p->steps, replacement, length, scheme,
                                                         split, p->reason)
                         : status;
}

static gp_status read_pretokenizer(const gp_json *at, pipeline *p, unsigned depth);

static gp_status read_pretokenizers(const gp_json *at, pipeline *p, unsigned depth) {
  static const char *const names[] = {"type", "pretokenizers", NULL};
  gp_json list;
  gp_status status = gp_json_only(at, names, p->reason);
  if (status == GP_OK) {
    status = gp_json_array(at, "pretokenizers", &list, p->reason);
  }
  for (size_t i = 0; status == GP_OK && i < json_array_size(list.value); i++) {
    const gp_json item = gp_json_item(&list, i);
    status = read_pretokenizer(&item, p, depth + 1);
  }
  return status;
}

static gp_status read_one(const gp_json *at, const char *type, pipeline *p) {
  static const struct {
    const char *type;
    gp_status (*read)(const gp_json *at, pipeline *p);
  } known[] = {{"ByteLevel", read_byte_level},
               {"Split", read_split},
               {"Digits", read_digits},
               {"Punctuation", read_punctuation},
               {"Metaspace", read_metaspace}};
  static const char *const names[] = {"type", NULL};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(type, known[i].type) == 0) {
      return known[i].read(at, p);
    }
  }
  const bool whitespace = strcmp(type, "Whitespace") == 0;
  if (!whitespace && strcmp(type, "WhitespaceSplit") != 0) {
    return fail_type(at, "the pre-tokenizer", type, p->reason);
  }
  const gp_status status = gp_json_only(at, names, p->reason);
  if (status != GP_OK) {
    return status;
  }
  return whitespace ? add_regex(p, WHITESPACE_REGEX, GP_SPLIT_REMOVED, true)
                    : gp_pretokenizer_add_whitespace_split(p->steps, p->reason);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MAX_DEPTH */
static gp_status read_pretokenizer(const gp_json *at, pipeline *p, unsigned depth) {
  const char *type = NULL;
  if (depth > MAX_DEPTH) {
    return gp_json_fail(at, p->reason, "nested too deeply");
  }
  gp_status status = gp_json_type(at, &type, p->reason);
  if (status != GP_OK) {
    return status;
  }
  if (strcmp(type, "Sequence") == 0) {
    return read_pretokenizers(at, p, depth);
  }
  if (p->alphabet) {
    status = gp_pretokenizer_add_byte_alphabet(p->steps, p->reason);
    p->alphabet = false;
  }
  return status == GP_OK ? read_one(at, type, p) : status;
}

gp_status gp_json_pretokenizer(const gp_json *at, gp_pretokenizer *pretokenizer, bool *byte_level,
                               gp_error *reason) {
  pipeline p = {.steps = pretokenizer, .reason = reason};
  const gp_status status = gp_json_is_nothing(at) ? GP_OK : read_pretokenizer(at, &p, 0);
  *byte_level = p.alphabet;
  return status;
}

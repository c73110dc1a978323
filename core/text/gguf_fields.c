#include "text/gguf_fields.h"

#include "common/error.h"
#include "common/quote.h"
#include "text/gguf.h"
#include "text/vocab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "tokenizer.ggml."

/* Memory for an array grows with what has been read of it, to this factor. */
#define FIRST_CAPACITY 64U

/* ------------------------------------------------------------------- arrays */

/* Makes room in *items for one more of `size` bytes each. */
static gp_status grow(void **items, size_t count, size_t *capacity, size_t size,
                      gp_error *reason) {
  if (count < *capacity) {
    return GP_OK;
  }
  const size_t bigger = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
  void *moved = bigger <= SIZE_MAX / size ? realloc(*items, bigger * size) : NULL;
  if (moved == NULL) {
    return gp_fail_memory(reason, "the vocabulary of a GGUF file");
  }
  *items = moved;
  *capacity = bigger;
  return GP_OK;
}

static gp_status put_string(gp_gguf_strings *strings, const char *bytes, size_t length,
                            gp_error *reason) {
  void *ends = strings->ends;
  gp_status status =
      grow(&ends, strings->count, &strings->capacity, sizeof *strings->ends, reason);
  strings->ends = ends;
  void *all = strings->bytes;
  while (status == GP_OK && strings->bytes_capacity - strings->used < length) {
    status = grow(&all, strings->bytes_capacity, &strings->bytes_capacity, 1, reason);
    strings->bytes = all;
  }
  if (status != GP_OK) {
    return status;
  }
  if (length > 0) {
    memcpy(strings->bytes + strings->used, bytes, length);
  }
  strings->used += length;
  strings->ends[strings->count++] = strings->used;
  return GP_OK;
}

const char *gp_gguf_string(const gp_gguf_strings *strings, size_t i, size_t *length) {
  const size_t begin = i == 0 ? 0 : strings->ends[i - 1];
  *length = strings->ends[i] - begin;
  return strings->bytes == NULL ? "" : strings->bytes + begin;
}

static void release_strings(gp_gguf_strings *strings) {
  free(strings->bytes);
  free(strings->ends);
  *strings = (gp_gguf_strings){.bytes = NULL};
}

void gp_gguf_fields_release(gp_gguf_fields *fields) {
  release_strings(&fields->model);
  release_strings(&fields->pre);
  release_strings(&fields->tokens);
  release_strings(&fields->merges);
  free(fields->types);
  free(fields->scores);
  free(fields->charsmap);
  *fields = (gp_gguf_fields){.types = NULL};
}

gp_gguf_token_type gp_gguf_type_of(const gp_gguf_fields *fields, size_t token) {
  return fields->types == NULL ? GP_GGUF_TOKEN_NORMAL : (gp_gguf_token_type)fields->types[token];
}

/* -------------------------------------------------------------------- values */

typedef struct source {
  gp_gguf *gguf;
  gp_gguf_item item;
  gp_gguf_fields *fields;
  gp_error *reason;
} source;

static gp_status fail_item(const source *from, const char *expected) {
  return gp_fail(from->reason, GP_ERR_FORMAT, "%s is %s%s, not %s: the file is damaged",
                 from->item.key, from->item.is_array ? "an array of " : "a ",
                 gp_gguf_type_name(from->item.type), expected);
}

static gp_status read_strings(source *from, gp_gguf_strings *strings) {
  gp_status status = GP_OK;
  for (uint64_t i = 0; status == GP_OK && i < from->item.count; i++) {
    const char *bytes = NULL;
    size_t length = 0;
    status = gp_gguf_read_string(from->gguf, &bytes, &length, from->reason);
    if (status == GP_OK) {
      status = put_string(strings, bytes, length, from->reason);
    }
  }
  return status;
}

static gp_status read_text(source *from, gp_gguf_strings *strings) {
  if (from->item.is_array || from->item.type != GP_GGUF_STRING) {
    return fail_item(from, "a string");
  }
  return read_strings(from, strings);
}

static gp_status read_model(source *from) {
  return read_text(from, &from->fields->model);
}

static gp_status read_pre(source *from) {
  return read_text(from, &from->fields->pre);
}

static gp_status read_tokens(source *from) {
  if (!from->item.is_array || from->item.type != GP_GGUF_STRING) {
    return fail_item(from, "an array of strings");
  }
  if (from->item.count == 0 || from->item.count > GP_ID_MAX) {
    return gp_fail(from->reason, GP_ERR_FORMAT, "%s has %llu entries: 1 to %u are possible",
                   from->item.key, (unsigned long long)from->item.count, GP_ID_MAX);
  }
  return read_strings(from, &from->fields->tokens);
}

static gp_status read_merges(source *from) {
  if (!from->item.is_array || from->item.type != GP_GGUF_STRING) {
    return fail_item(from, "an array of strings");
  }
  if (from->item.count >= UINT32_MAX) {
    return gp_fail(from->reason, GP_ERR_FORMAT, "%s has too many entries", from->item.key);
  }
  from->fields->has_merges = true;
  return read_strings(from, &from->fields->merges);
}

static gp_status read_types(source *from) {
  if (!from->item.is_array || from->item.type != GP_GGUF_INT32) {
    return fail_item(from, "an array of int32");
  }
  gp_gguf_fields *fields = from->fields;
  size_t capacity = 0;
  for (uint64_t i = 0; i < from->item.count; i++) {
    int64_t type = 0;
    void *items = fields->types;
    gp_status status =
        grow(&items, fields->n_types, &capacity, sizeof *fields->types, from->reason);
    fields->types = items;
    if (status == GP_OK) {
      status = gp_gguf_read_integer(from->gguf, &type, from->reason);
    }
    if (status != GP_OK) {
      return status;
    }
    if (type < GP_GGUF_TOKEN_UNDEFINED || type > GP_GGUF_TOKEN_BYTE) {
      return gp_fail(from->reason, GP_ERR_FORMAT, "%s has the unknown type %lld at entry %llu",
                     from->item.key, (long long)type, (unsigned long long)i);
    }
    fields->types[fields->n_types++] = (uint8_t)type;
  }
  return GP_OK;
}

static gp_status read_scores(source *from) {
  const bool real = from->item.type == GP_GGUF_FLOAT32;
  if (!from->item.is_array || (!real && from->item.type != GP_GGUF_INT32)) {
    return fail_item(from, "an array of float32");
  }
  gp_gguf_fields *fields = from->fields;
  size_t capacity = 0;
  for (uint64_t i = 0; i < from->item.count; i++) {
    int64_t integer = 0;
    double score = 0.0;
    void *items = fields->scores;
    gp_status status =
        grow(&items, fields->n_scores, &capacity, sizeof *fields->scores, from->reason);
    fields->scores = items;
    if (status == GP_OK && real) {
      status = gp_gguf_read_real(from->gguf, &score, from->reason);
    } else if (status == GP_OK) {
      status = gp_gguf_read_integer(from->gguf, &integer, from->reason);
      score = (double)integer;
    }
    if (status != GP_OK) {
      return status;
    }
    if (!isfinite(score)) {
      return gp_fail(from->reason, GP_ERR_FORMAT, "%s is not finite at entry %llu",
                     from->item.key, (unsigned long long)i);
    }
    fields->scores[fields->n_scores++] = score;
  }
  return GP_OK;
}

static gp_status read_charsmap(source *from) {
  if (!from->item.is_array ||
      (from->item.type != GP_GGUF_UINT8 && from->item.type != GP_GGUF_INT8)) {
    return fail_item(from, "an array of uint8");
  }
  gp_gguf_fields *fields = from->fields;
  size_t capacity = 0;
  for (uint64_t i = 0; i < from->item.count; i++) {
    int64_t byte = 0;
    void *items = fields->charsmap;
    gp_status status = grow(&items, fields->charsmap_size, &capacity, 1, from->reason);
    fields->charsmap = items;
    if (status == GP_OK) {
      status = gp_gguf_read_integer(from->gguf, &byte, from->reason);
    }
    if (status != GP_OK) {
      return status;
    }
    fields->charsmap[fields->charsmap_size++] = (char)(unsigned char)(byte & 0xFF);
  }
  return GP_OK;
}

static gp_status read_flag(source *from, bool *flag) {
  if (from->item.is_array || from->item.type != GP_GGUF_BOOL) {
    return fail_item(from, "a bool");
  }
  int64_t number = 0;
  const gp_status status = gp_gguf_read_integer(from->gguf, &number, from->reason);
  *flag = number != 0;
  return status;
}

static gp_status read_space_prefix(source *from) {
  from->fields->has_space_prefix = true;
  return read_flag(from, &from->fields->space_prefix);
}

static gp_status read_extra_spaces(source *from) {
  return read_flag(from, &from->fields->remove_extra_spaces);
}

/* A flag for something that is not done here. */
static gp_status refuse_if_set(source *from) {
  bool set = false;
  const gp_status status = read_flag(from, &set);
  if (status == GP_OK && set) {
    return gp_fail(from->reason, GP_ERR_FORMAT, "%s is true, which is not implemented",
                   from->item.key);
  }
  return status;
}

static gp_status read_unknown(source *from) {
  if (from->item.is_array || from->item.type != GP_GGUF_UINT32) {
    return fail_item(from, "a uint32");
  }
  int64_t id = 0;
  const gp_status status = gp_gguf_read_integer(from->gguf, &id, from->reason);
  from->fields->has_unknown = true;
  from->fields->unknown = (uint32_t)id;
  return status;
}

/* Whether a name has "phi-3" or "phi3" in it, in any case. */
static bool names_phi3(const char *name, size_t length) {
  for (size_t i = 0; i + 4 <= length; i++) {
    const bool phi =
        (name[i] | 0x20) == 'p' && (name[i + 1] | 0x20) == 'h' && (name[i + 2] | 0x20) == 'i';
    const bool dash = phi && name[i + 3] == '-' && i + 4 < length;
    if (phi && name[i + (dash ? 4 : 3)] == '3') {
      return true;
    }
  }
  return false;
}

/* Only looked at, so that a name of another type is no error. */
static gp_status read_name(source *from) {
  if (from->item.is_array || from->item.type != GP_GGUF_STRING) {
    return GP_OK;
  }
  const char *bytes = NULL;
  size_t length = 0;
  const gp_status status = gp_gguf_read_string(from->gguf, &bytes, &length, from->reason);
  from->fields->is_phi3 = status == GP_OK && names_phi3(bytes, length);
  return status;
}

/* ---------------------------------------------------------------------- keys */

static const struct handler {
  const char *name;
  gp_status (*read)(source *from);
} handlers[] = {
    {"add_space_prefix", read_space_prefix},
    {"merges", read_merges},
    {"model", read_model},
    {"normalizer.lowercase", refuse_if_set},
    {"normalizer.strip_accents", refuse_if_set},
    {"pre", read_pre},
    {"precompiled_charsmap", read_charsmap},
    {"remove_extra_whitespaces", read_extra_spaces},
    {"scores", read_scores},
    {"token_type", read_types},
    {"tokens", read_tokens},
    {"unknown_token_id", read_unknown},
};

/* Reads the value of a key that matters; others are skipped by gp_gguf_next(). */
static gp_status read_item(source *from) {
  if (strcmp(from->item.key, "general.name") == 0) {
    return read_name(from);
  }
  if (strncmp(from->item.key, PREFIX, strlen(PREFIX)) != 0) {
    return GP_OK;
  }
  const char *name = from->item.key + strlen(PREFIX);
  for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
    if (strcmp(handlers[i].name, name) == 0) {
      return handlers[i].read(from);
    }
  }
  return GP_OK;
}

static gp_status check_counts(const gp_gguf_fields *fields, gp_error *reason) {
  if (fields->model.count == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "has no key " PREFIX "model: no vocabulary is in it");
  }
  const size_t count = fields->tokens.count;
  if (count == 0) {
    return gp_fail(reason, GP_ERR_FORMAT, "has no key " PREFIX "tokens: no vocabulary is in it");
  }
  if (fields->types != NULL && fields->n_types != count) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   PREFIX "token_type has %zu entries for %zu tokens: the file is damaged",
                   fields->n_types, count);
  }
  if (fields->scores != NULL && fields->n_scores != count) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   PREFIX "scores has %zu entries for %zu tokens: the file is damaged",
                   fields->n_scores, count);
  }
  if (fields->has_unknown && fields->unknown >= count) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   PREFIX "unknown_token_id is %u, but there are %zu tokens: the file is damaged",
                   fields->unknown, count);
  }
  return GP_OK;
}

gp_status gp_gguf_fields_read(const char *path, gp_gguf_fields *fields, gp_error *reason) {
  source from = {.fields = fields, .reason = reason};
  gp_status status = gp_gguf_open(path, &from.gguf, reason);
  if (status != GP_OK) {
    return status;
  }
  for (;;) {
    bool more = false;
    status = gp_gguf_next(from.gguf, &from.item, &more, reason);
    if (status != GP_OK || !more) {
      break;
    }
    status = read_item(&from);
    if (status != GP_OK) {
      break;
    }
  }
  if (status == GP_OK) {
    status = gp_gguf_facts(from.gguf, &fields->file_bytes, fields->sha256, reason);
  }
  if (status == GP_OK) {
    status = check_counts(fields, reason);
  }
  gp_gguf_free(from.gguf);
  return status;
}

/*
 * A map is a number of bytes (32 bits, little-endian), so many bytes of a double-array trie in
 * darts-clone's layout, and replacements that end in NUL. The trie's values are offsets among
 * the replacements.
 *
 * A unit of the trie is 32 bits: bits 0-7 and 31 are the label by which it was reached, bit 8
 * says that a value follows, and bits 10-30, shifted left by 8 if bit 9 is set, are XORed with
 * the unit's index to reach its children. A value is a unit with bit 31 set.
 *
 * SentencePiece, and llama.cpp after it, replace the longest key at each place of the text. The
 * tokenizers library takes the text a grapheme cluster at a time: a short cluster is replaced as
 * a whole by what its shortest prefix in the trie maps to; otherwise its characters are looked
 * up one by one.
 */
#include "text/charsmap.h"

#include "common/bytes.h"
#include "common/error.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define HEADER_SIZE   4U
#define LONGEST_WHOLE 5U   /* bytes of a cluster that is looked up as a whole */
#define LONGEST_KEY   256U /* bytes: a damaged trie must not be walked through a whole text */
#define VALUE_MASK    0x7FFFFFFFU
#define LABEL_MASK    0x800000FFU
#define HAS_VALUE(u)  (((u) >> 8 & 1U) != 0)

struct gp_charsmap {
  uint32_t *units;
  size_t n_units;
  gp_charsmap_rule rule;
  char *replacements; /* ends in a NUL of ours */
  size_t size;
};

void gp_charsmap_free(gp_charsmap *charsmap) {
  if (charsmap != NULL) {
    free(charsmap->units);
    free(charsmap->replacements);
    free(charsmap);
  }
}

gp_status gp_charsmap_new(const char *map, size_t size, gp_charsmap_rule rule,
                          gp_charsmap **charsmap, gp_error *reason) {
  const uint8_t *bytes = (const uint8_t *)map;
  const size_t trie = size >= HEADER_SIZE ? gp_load_le32(bytes) : 0;
  if (size < HEADER_SIZE || trie % 4 != 0 || trie == 0 || trie > size - HEADER_SIZE) {
    return gp_fail(reason, GP_ERR_FORMAT, "the compiled character map is damaged");
  }
  const size_t rest = size - HEADER_SIZE - trie;
  const char *replacements = map + HEADER_SIZE + trie;
  if (gp_utf8_valid_prefix(replacements, rest) != rest) {
    return gp_fail(reason, GP_ERR_FORMAT, "the compiled character map is not UTF-8");
  }
  gp_charsmap *made = calloc(1, sizeof *made);
  if (made != NULL) {
    made->n_units = trie / 4;
    made->rule = rule;
    made->units = malloc(trie);
    made->size = rest;
    made->replacements = malloc(rest + 1);
  }
  if (made == NULL || made->units == NULL || made->replacements == NULL) {
    gp_charsmap_free(made);
    return gp_fail_memory(reason, "the compiled character map");
  }
  for (size_t i = 0; i < made->n_units; i++) {
    made->units[i] = gp_load_le32(bytes + HEADER_SIZE + 4 * i);
  }
  memcpy(made->replacements, replacements, rest);
  made->replacements[rest] = '\0';
  *charsmap = made;
  return GP_OK;
}

static size_t children_of(uint32_t unit) {
  return (size_t)(unit >> 10) << ((unit & (1U << 9)) >> 6);
}

/* The replacement that a value says, or NULL where it points nowhere sensible. */
static const char *replacement_at(const gp_charsmap *charsmap, size_t node) {
  const size_t offset = node < charsmap->n_units ? charsmap->units[node] & VALUE_MASK : SIZE_MAX;
  return offset < charsmap->size &&
                 ((unsigned char)charsmap->replacements[offset] & 0xC0U) != 0x80U
             ? charsmap->replacements + offset
             : NULL;
}

/* What the shortest prefix of `text` in the trie maps to, or the longest; NULL for none. *used
 * is that prefix's length. */
static const char *find(const gp_charsmap *charsmap, const char *text, uint32_t length,
                        bool longest, uint32_t *used) {
  const char *found = NULL;
  size_t node = children_of(charsmap->units[0]);
  for (uint32_t i = 0; i < length && text[i] != '\0'; i++) {
    node ^= (unsigned char)text[i];
    if (node >= charsmap->n_units ||
        (charsmap->units[node] & LABEL_MASK) != (unsigned char)text[i]) {
      break;
    }
    const uint32_t unit = charsmap->units[node];
    node ^= children_of(unit);
    if (HAS_VALUE(unit)) {
      found = replacement_at(charsmap, node);
      *used = i + 1;
      if (!longest) {
        break;
      }
    }
  }
  return found;
}

static gp_status run_character(const gp_charsmap *charsmap, const gp_text *text, uint32_t begin,
                               uint32_t end, gp_text_buffer *out, gp_error *error) {
  uint32_t used = 0;
  const char *replacement = find(charsmap, text->bytes + begin, end - begin, false, &used);
  if (replacement == NULL) {
    return gp_text_buffer_copy(out, text, begin, end, error);
  }
  return gp_text_buffer_put(out, replacement, strlen(replacement), gp_text_end(text, end), error);
}

static gp_status run_cluster(const gp_charsmap *charsmap, const gp_text *text, uint32_t begin,
                             uint32_t end, gp_text_buffer *out, gp_error *error) {
  uint32_t used = 0;
  if (end - begin <= LONGEST_WHOLE &&
      find(charsmap, text->bytes + begin, end - begin, false, &used) != NULL) {
    return run_character(charsmap, text, begin, end, out, error);
  }
  gp_status status = GP_OK;
  while (begin < end && status == GP_OK) {
    const uint32_t next = begin + gp_utf8_width((unsigned char)text->bytes[begin]);
    status = run_character(charsmap, text, begin, next, out, error);
    begin = next;
  }
  return status;
}

/* A key is whole characters, or it would take a part of one along: those are not used. */
static bool ends_character(const gp_text *text, uint32_t end) {
  return end >= text->length || ((unsigned char)text->bytes[end] & 0xC0U) != 0x80U;
}

static gp_status run_longest(const gp_charsmap *charsmap, const gp_text *text,
                             gp_text_buffer *out, gp_error *error) {
  gp_status status = GP_OK;
  for (uint32_t begin = 0; begin < text->length && status == GP_OK;) {
    uint32_t used = 0;
    const uint32_t rest = text->length - begin;
    const char *found =
        find(charsmap, text->bytes + begin, rest < LONGEST_KEY ? rest : LONGEST_KEY, true, &used);
    uint32_t end = begin + used;
    if (found == NULL || !ends_character(text, end)) {
      end = begin + gp_utf8_width((unsigned char)text->bytes[begin]);
      status = gp_text_buffer_copy(out, text, begin, end, error);
    } else {
      status = gp_text_buffer_put(out, found, strlen(found), gp_text_end(text, end), error);
    }
    begin = end;
  }
  return status;
}

gp_status gp_charsmap_run(const gp_charsmap *charsmap, const gp_text *text, gp_text_buffer *out,
                          gp_error *error) {
  if (charsmap->rule == GP_CHARSMAP_LONGEST) {
    return run_longest(charsmap, text, out, error);
  }
  gp_status status = GP_OK;
  uint32_t begin = 0;
  uint32_t width = 0;
  utf8proc_int32_t state = 0;
  while (begin < text->length && status == GP_OK) {
    uint32_t before = gp_utf8_decode(text->bytes + begin, &width);
    uint32_t end = begin + width;
    while (end < text->length) {
      const uint32_t c = gp_utf8_decode(text->bytes + end, &width);
      if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)c,
                                           &state)) {
        break;
      }
      before = c;
      end += width;
    }
    status = run_cluster(charsmap, text, begin, end, out, error);
    begin = end;
  }
  return status;
}

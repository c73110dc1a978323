/* Finds added tokens with a trie of their bytes. Its edges lie in one hash table, from a node
 * and a byte to the next node. */
#include "text/added.h"

#include "common/error.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define LONGEST_TOKEN 1024U /* so that no text takes more than so many steps a byte */
#define NO_TOKEN      UINT32_MAX

typedef struct edge {
  uint32_t node;
  uint32_t next; /* 0 is an empty slot: nothing leads to the root */
  unsigned char byte;
} edge;

typedef struct token {
  uint32_t id;
  bool single_word;
  bool lstrip;
  bool rstrip;
  bool ascii;
} token;

struct gp_added {
  edge *edges;
  size_t n_edges;
  size_t n_slots;
  uint32_t *ends; /* for each node the index of the token that ends there, or NO_TOKEN */
  size_t n_nodes;
  size_t node_capacity;
  token *tokens;
  size_t n_tokens;
  size_t token_capacity;
  bool begins[256]; /* first bytes of tokens */
};

gp_status gp_added_new(gp_added **added, gp_error *error) {
  gp_added *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "the added tokens");
  }
  *added = made;
  return GP_OK;
}

void gp_added_free(gp_added *added) {
  if (added != NULL) {
    free(added->edges);
    free(added->ends);
    free(added->tokens);
    free(added);
  }
}

static size_t slot_of(uint32_t node, unsigned char byte, size_t n_slots) {
  const uint64_t hash = ((uint64_t)node << 8 | byte) * UINT64_C(0x9E3779B97F4A7C15);
  return (size_t)(hash >> 32) & (n_slots - 1);
}

static edge *find_edge(edge *edges, size_t n_slots, uint32_t node, unsigned char byte) {
  size_t i = slot_of(node, byte, n_slots);
  while (edges[i].next != 0 && (edges[i].node != node || edges[i].byte != byte)) {
    i = (i + 1) & (n_slots - 1);
  }
  return &edges[i];
}

static bool grow_edges(gp_added *added) {
  const size_t n_slots = added->n_slots == 0 ? 256 : added->n_slots * 2;
  edge *edges = calloc(n_slots, sizeof *edges);
  if (edges == NULL) {
    return false;
  }
  for (size_t i = 0; i < added->n_slots; i++) {
    const edge *old = &added->edges[i];
    if (old->next != 0) {
      *find_edge(edges, n_slots, old->node, old->byte) = *old;
    }
  }
  free(added->edges);
  added->edges = edges;
  added->n_slots = n_slots;
  return true;
}

/* Room for a token of `length` bytes, and the root. */
static bool make_room(gp_added *added, size_t length) {
  while ((added->n_edges + length) * 2 > added->n_slots) {
    if (!grow_edges(added)) {
      return false;
    }
  }
  if (added->n_nodes + length + 1 > added->node_capacity) {
    const size_t capacity = added->node_capacity * 2 + length + 64;
    uint32_t *ends = realloc(added->ends, capacity * sizeof *ends);
    if (ends == NULL) {
      return false;
    }
    added->ends = ends;
    added->node_capacity = capacity;
  }
  if (added->n_nodes == 0) {
    added->ends[added->n_nodes++] = NO_TOKEN;
  }
  if (added->n_tokens == added->token_capacity) {
    const size_t capacity = added->token_capacity * 2 + 16;
    token *tokens = realloc(added->tokens, capacity * sizeof *tokens);
    if (tokens == NULL) {
      return false;
    }
    added->tokens = tokens;
    added->token_capacity = capacity;
  }
  return true;
}

gp_status gp_added_add(gp_added *added, const gp_added_token *wanted, gp_error *reason) {
  if (wanted->length == 0 || wanted->length > LONGEST_TOKEN) {
    return gp_fail(reason, GP_ERR_FORMAT, "an added token of %zu bytes is refused: 1 to %u",
                   wanted->length, LONGEST_TOKEN);
  }
  if (!make_room(added, wanted->length)) {
    return gp_fail_memory(reason, "too many added tokens");
  }
  uint32_t node = 0;
  for (size_t i = 0; i < wanted->length; i++) {
    const unsigned char byte = (unsigned char)wanted->bytes[i];
    edge *step = find_edge(added->edges, added->n_slots, node, byte);
    if (step->next == 0) {
      *step = (edge){.node = node, .next = (uint32_t)added->n_nodes, .byte = byte};
      added->n_edges++;
      added->ends[added->n_nodes++] = NO_TOKEN;
    }
    node = step->next;
  }
  if (added->ends[node] == NO_TOKEN) {
    added->ends[node] = (uint32_t)added->n_tokens;
    added->tokens[added->n_tokens++] = (token){.id = wanted->id,
                                               .single_word = wanted->single_word,
                                               .lstrip = wanted->lstrip,
                                               .rstrip = wanted->rstrip,
                                               .ascii = wanted->ascii};
    added->begins[(unsigned char)wanted->bytes[0]] = true;
  }
  return GP_OK;
}

/* The longest token at the start of `text`, or NULL. */
static const token *longest(const gp_added *added, const char *text, uint32_t length,
                            uint32_t *matched) {
  uint32_t found = NO_TOKEN;
  uint32_t node = 0;
  for (uint32_t i = 0; i < length; i++) {
    node = find_edge(added->edges, added->n_slots, node, (unsigned char)text[i])->next;
    if (node == 0) {
      break;
    }
    if (added->ends[node] != NO_TOKEN) {
      found = added->ends[node];
      *matched = i + 1;
    }
  }
  return found == NO_TOKEN ? NULL : &added->tokens[found];
}

/* Characters of words, as \w: alphabetic, marks, decimal digits, connectors and the two
 * joiners. utf8proc knows no Other_Alphabetic; its members that are neither letters, marks nor
 * letter numbers are the circled and squared Latin letters. */
static bool is_word(uint32_t c) {
  switch (utf8proc_category((utf8proc_int32_t)c)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) ||
           (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
           (c >= 0x1F170 && c <= 0x1F189);
  }
}

static bool stands_alone(const char *text, uint32_t length, uint32_t begin, uint32_t end) {
  uint32_t width = 0;
  if (begin > 0 && is_word(gp_utf8_decode(text + gp_utf8_before(text, begin), &width))) {
    return false;
  }
  return end == length || !is_word(gp_utf8_decode(text + end, &width));
}

static bool is_blank(uint32_t c, bool ascii) {
  return gp_is_white_space(c) && (!ascii || c < 0x80);
}

static uint32_t strip_left(const char *text, uint32_t begin, uint32_t lowest, bool ascii) {
  while (begin > lowest) {
    const uint32_t before = gp_utf8_before(text, begin);
    uint32_t width = 0;
    if (!is_blank(gp_utf8_decode(text + before, &width), ascii)) {
      break;
    }
    begin = before;
  }
  return begin;
}

static uint32_t strip_right(const char *text, uint32_t length, uint32_t end, bool ascii) {
  while (end < length) {
    uint32_t width = 0;
    if (!is_blank(gp_utf8_decode(text + end, &width), ascii)) {
      break;
    }
    end += width;
  }
  return end;
}

static gp_status push(gp_added_spans *spans, uint32_t begin, uint32_t end, uint32_t id,
                      gp_error *error) {
  if (spans->count == spans->capacity) {
    const size_t capacity = spans->capacity * 2 + 16;
    gp_added_span *items = capacity > SIZE_MAX / sizeof *items
                               ? NULL
                               : realloc(spans->items, capacity * sizeof *items);
    if (items == NULL) {
      return gp_fail_memory(error, "too many added tokens in a text");
    }
    spans->items = items;
    spans->capacity = capacity;
  }
  spans->items[spans->count++] = (gp_added_span){.begin = begin, .end = end, .id = id};
  return GP_OK;
}

gp_status gp_added_find(const gp_added *added, const char *text, uint32_t length,
                        gp_added_spans *spans, gp_error *error) {
  gp_status status = GP_OK;
  uint32_t done = 0; /* everything before is in a span */
  spans->count = 0;
  for (uint32_t i = 0; added != NULL && added->n_tokens > 0 && i < length;) {
    uint32_t matched = 0;
    const token *found = added->begins[(unsigned char)text[i]]
                             ? longest(added, text + i, length - i, &matched)
                             : NULL;
    if (found == NULL) {
      i++;
      continue;
    }
    uint32_t start = i;
    uint32_t stop = i + matched;
    i = stop;
    if (found->single_word && !stands_alone(text, length, start, stop)) {
      continue;
    }
    start = found->lstrip ? strip_left(text, start, done, found->ascii) : start;
    stop = found->rstrip ? strip_right(text, length, stop, found->ascii) : stop;
    if (done < start) {
      status = push(spans, done, start, GP_NO_ID, error);
    }
    if (status == GP_OK) {
      status = push(spans, start, stop, found->id, error);
    }
    if (status != GP_OK) {
      return status;
    }
    done = stop; /* as the library: back, where the token before had taken white space */
  }
  return done < length ? push(spans, done, length, GP_NO_ID, error) : GP_OK;
}

void gp_added_spans_release(gp_added_spans *spans) {
  free(spans->items);
  memset(spans, 0, sizeof *spans);
}

/* What the names in a GGUF file's tokenizer.ggml.pre stand for. */
#ifndef GP_TEXT_GGUF_PRE_H
#define GP_TEXT_GGUF_PRE_H

#include "text/pretokenizer.h"

#define GP_GGUF_PRE_STEPS_MAX 6

typedef struct gp_gguf_pre {
  const char *name;
  bool ignore_merges; /* a stretch that is a piece of the vocabulary is not merged from bytes */
  const char *patterns[GP_GGUF_PRE_STEPS_MAX]; /* cut one after another, matches on their own;
                                                  unused ones are NULL */
} gp_gguf_pre;

/* The entry of a name, or NULL for one that is not known here. */
const gp_gguf_pre *gp_gguf_pre_find(const char *name, size_t length);

/* Adds the steps of an entry. */
gp_status gp_gguf_pre_add(const gp_gguf_pre *pre, gp_pretokenizer *pretokenizer,
                          gp_error *reason);

#endif

/* The inside of a tokenizer: what a file's contents become, whatever its format. */
#ifndef GP_TEXT_TOKENIZER_H
#define GP_TEXT_TOKENIZER_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/unigram.h"
#include "text/vocab.h"

/* In the order of their work. A stage that is NULL does nothing. Everything is owned and
 * released by gp_tokenizer_free(). */
struct gp_tokenizer {
  gp_added *added_raw;        /* found in the text as it came */
  gp_normalizer *normalizer;  /* runs over each stretch between them */
  gp_added *added_normalized; /* found in what that makes */
  gp_pretokenizer *pretokenizer;
  gp_vocab vocab; /* the model's pieces as it meets them in text: for byte-level BPE raw bytes */
  gp_bpe bpe;     /* used when `unigram` is NULL; bpe.vocab = &vocab */
  gp_unigram *unigram;
  gp_tokenizer_info info;
};

/* Fills *made, which is all zero, from a GGUF file; info too. On failure what is there already
 * is released by the caller. Messages name the file. */
gp_status gp_tokenizer_from_gguf(const char *path, gp_tokenizer *made, gp_error *error);

/* The same from a tokenizer.json, `json` being the file's bytes; info is filled by the caller
 * but for model and vocabulary. Messages are reasons without the file's name. */
gp_status gp_tokenizer_from_json(const char *json, size_t size, gp_tokenizer *made,
                                 gp_error *reason);

#endif

/* Byte-pair encoding: a piece of text becomes symbols, and pairs of neighbours are merged, the
 * pair of lowest rank first and the leftmost among equals, until none can be. */
#ifndef GP_TEXT_BPE_H
#define GP_TEXT_BPE_H

#include "text/text.h"
#include "text/vocab.h"

/* What SentencePiece puts where a space was: U+2581. */
#define GP_MARK      "\xE2\x96\x81"
#define GP_MARK_SIZE 3U

typedef struct gp_merge {
  uint64_t pair; /* left id << 32 | right id; UINT64_MAX is empty */
  uint32_t rank;
  uint32_t merged;
} gp_merge;

/* All zero is a model without merges. The rules apply in the order of the fields: */
typedef struct gp_bpe {
  const gp_vocab *vocab; /* pieces as the text shows them; raw bytes where `bytes_alphabet` */
  bool ignore_merges;    /* a text that is a piece as a whole is that token */
  bool bytes_alphabet;   /* the first symbols are bytes, not characters */
  bool byte_fallback;    /* a character that is no piece becomes the tokens of its bytes */
  bool has_unknown;      /* ... or else this token; without one it is dropped */
  bool fuse_unknown;     /* a run of unknown characters is one token */
  bool dropped_part;     /* what is dropped still stands between its neighbours for merges */
  uint32_t unknown;
  uint32_t byte_ids[256]; /* of "<0x00>" to "<0xFF>", for byte_fallback; GP_NO_ID: none */
  uint32_t first[256];    /* made by gp_bpe_finish(): ids of the pieces of one byte */
  /* Made by gp_bpe_finish(). With `cuts_at_mark` a text may be cut before a GP_MARK that stands
   * after another character without changing its tokens, except after the bytes in
   * `joins_mark`: some merge joins what ends with them to a mark. */
  bool cuts_at_mark;
  bool joins_mark[256];
  gp_merge *merges;
  size_t n_merges;
  size_t n_slots;
} gp_bpe;

/* Adds a merge; for a pair that is there already the later one counts. */
gp_status gp_bpe_add(gp_bpe *bpe, uint32_t left, uint32_t right, uint32_t rank, uint32_t merged,
                     gp_error *error);

/* To be called once everything is set. */
void gp_bpe_finish(gp_bpe *bpe);

void gp_bpe_release(gp_bpe *bpe);

/* Working memory of one thread; all zero to begin with. */
typedef struct gp_bpe_work gp_bpe_work;
void gp_bpe_work_free(gp_bpe_work *work);

/* Tokenizes one piece of text, appending to `ids` with ends counted from `text`. *kept is made
 * when it is NULL. Time is O(n log n). */
gp_status gp_bpe_encode(const gp_bpe *bpe, gp_bpe_work **kept, const char *text, uint32_t length,
                        gp_ids *ids, gp_error *error);

#endif

/* The documents of one record. */
#ifndef GP_IO_DOCUMENTS_H
#define GP_IO_DOCUMENTS_H

#include "io/normalize_text.h"
#include "io/tokens.h"

/* A text within gp_documents.text. */
typedef struct gp_span {
  size_t begin;
  size_t length;
} gp_span;

typedef struct gp_documents {
  bool is_text;
  gp_tokens tokens; /* of the one document there is, where it is not text */
  gp_text text;
  gp_span *spans; /* the documents, where they are text */
  size_t n_spans;
  size_t spans_capacity;
  gp_text joined; /* the parts of a message's content */
  gp_normalizer normalizer;
} gp_documents;

gp_status gp_documents_new(gp_documents *documents, gp_error *reason);
void gp_documents_release(gp_documents *documents);

/* Forgets all documents; keeps the memory. */
void gp_documents_clear(gp_documents *documents);

/* Adds a text, normalized as the GP_NORMALIZE_ flags say. */
gp_status gp_documents_add_text(gp_documents *documents, const char *bytes, size_t length,
                                unsigned normalize, gp_error *reason);

#endif

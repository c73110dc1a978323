/* Everything that a report of `verify` or `merge` says. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include "price.h"

/* A document as if it stood alone. There may be many millions, so what follows from the
 * rest, z, is not kept. */
typedef struct document_findings {
  size_t input; /* index */
  uint64_t line;
  uint64_t tokens;
  uint64_t scored;
  uint64_t repeated;
  uint64_t green;
  double log10_p;
  double log10_q; /* Benjamini-Hochberg over all documents */
} document_findings;

/* A located segment, with p-values corrected for all segments of all documents. */
typedef struct segment_findings {
  size_t document; /* index, from 0 */
  size_t input;
  uint64_t line;
  gp_segment segment;
  bool has_bytes; /* the input is text */
  size_t first_byte;
  size_t end_byte;
} segment_findings;

/* A document kept whole, for the page. */
typedef struct shown_document {
  size_t number;               /* index among all documents */
  gp_corpus_document document; /* what it points to is owned, in one block behind `tokens` */
  void *block;
} shown_document;

/* A key and tenant that were tried. */
typedef struct candidate_findings {
  size_t index;
  const char *scheme;
  gp_params params;
  char key_id[GP_KEY_ID_STRING_SIZE];
  uint8_t commitment[GP_COMMITMENT_SIZE];
  gp_verifier_options tenant;
  gp_result result;
  double log10_p_corrected; /* for all that could have been tried */
} candidate_findings;

/* The test with a reference model. */
typedef struct weighted_findings {
  gp_expectations_info model;
  gp_weigher_counts counts;
  gp_weighted_result result;
  double log10_p_corrected; /* for all that could have been tried */
} weighted_findings;

typedef struct findings {
  gp_corpus *corpus; /* owns names and settings */
  gp_corpus_info info;
  double alpha;
  bool found;
  candidate_findings best;
  const gp_proof_info *proof; /* that it rests on; NULL: the key was there */
  size_t n_candidates;        /* tried */
  const committed *committed;
  cli_bill bill;
  candidate_findings *candidates; /* with several: those found, or the best; best first */
  size_t n_found;
  gp_corpus_evidence evidence; /* with one candidate */
  bool per_document;           /* documents are reported one by one */
  document_findings *documents;
  size_t n_documents;
  size_t documents_capacity;
  bool located;
  segment_findings *segments; /* the best first */
  size_t n_segments;
  size_t segments_capacity;
  shown_document *shown;
  size_t n_shown;
  size_t shown_capacity;
  size_t shown_tokens;
  bool weighted;
  weighted_findings weights;
  uint64_t bad; /* lines left out */
} findings;

void findings_free(findings *all);

/* What the verdict rests on, to be put into words. */
cli_evidence findings_evidence(const findings *all);

#endif

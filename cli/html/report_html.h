/* The HTML report: one page that needs nothing else, for people (SPEC.md section 11). */
#ifndef CLI_HTML_REPORT_HTML_H
#define CLI_HTML_REPORT_HTML_H

#include "greenprint.h"

/* The most tokens that are drawn: of a document, and of all. Located segments are drawn
 * beyond that; where they are very long, their ends. */
#define HTML_TOKENS_PER_DOCUMENT 20000
#define HTML_TOKENS              100000

/* The most documents that are listed and drawn, and segments listed and drawn of each. */
#define HTML_DOCUMENTS 1000
#define HTML_SEGMENTS  200

typedef struct html_input {
  const char *name;   /* as it was given; any bytes */
  const char *format; /* "tokens", "jsonl" … */
  bool gzip;
  uint64_t bytes;
  uint8_t sha256[32];
  uint64_t documents;
  uint64_t tokens;
} html_input;

/* The running test after `documents` documents. */
typedef struct html_point {
  uint64_t documents;
  uint64_t scored;
  uint64_t green;
  double log10_e;
} html_point;

/* A document that is shown. */
typedef struct html_document {
  size_t number; /* in the run, from 0; rising */
  size_t input;  /* index into `inputs` */
  uint64_t line;
  const uint32_t *tokens;
  size_t n_tokens;
  const uint8_t *colours; /* a gp_colour for each token */
  const char *text;       /* any bytes; NULL where there are only ids */
  size_t n_bytes;
  const size_t *ends; /* where there is text: the offset in it of the byte after each token */
  gp_result alone;    /* of this document by itself */
  bool has_q;
  double log10_q;             /* Benjamini-Hochberg, over all documents of the run */
  const gp_segment *segments; /* the best first, none overlapping another */
  size_t n_segments;
} html_document;

/* Something else to be said in the table of the test, such as a second test's p-value. */
typedef struct html_row {
  const char *label;
  const char *value;
} html_row;

/* All strings may be hostile: they are shown as text. What a pointer may be NULL for is said. */
typedef struct html_report {
  const char *key_id;
  uint8_t commitment[GP_COMMITMENT_SIZE];
  const char *scheme;
  gp_params params;
  bool has_tenant;
  uint64_t tenant;
  const char *tenants; /* where there were several, in words; NULL: see `tenant` */
  double alpha;
  bool found;
  gp_result result;    /* of everything */
  double log10_e;      /* after the last document */
  double log10_e_max;  /* the largest after any document */
  bool corrected;      /* p pays for more than one test, which the anytime p does not */
  const char *meaning; /* NULL: cli_describe_meaning() */

  const char *tokenizer;           /* file name; NULL where the inputs were token ids */
  const char *tokenizer_model;     /* "byte-level BPE"; may be NULL */
  const uint8_t *tokenizer_sha256; /* 32 bytes; may be NULL */
  const char *normalization;       /* what was done to the text first; NULL for nothing */
  bool located;                    /* whether segments were looked for */

  const html_input *inputs;
  size_t n_inputs;
  const html_point *points; /* in order; may be a selection; not needed for one document */
  size_t n_points;
  const html_document *documents; /* the first ones, in order */
  size_t n_documents;             /* result.documents when all are here */
  const html_row *rows;
  size_t n_rows;
} html_report;

/* Writes the page to the file `path`, which appears whole or not at all, and replaces a file
 * that has that name. What is no regular file, such as a pipe, is written to as it is.
 * `command` stands in messages. CLI_OK, or CLI_TROUBLE with a message on standard error. */
int report_write_html(const char *command, const char *path, const html_report *report);

#endif

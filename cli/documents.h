/* Reading the documents of a command's inputs one after the other, as token ids. */
#ifndef CLI_DOCUMENTS_H
#define CLI_DOCUMENTS_H

#include "reading.h"

/* What is done with each document. Messages get the name of the input in front by themselves
 * where they are about it; `take`'s are passed on as they are. */
typedef gp_status take_document(void *user, const uint32_t *tokens, size_t n_tokens,
                                gp_error *error);

typedef struct documents {
  const char *command;
  const reading_options *reading;
  gp_tokenizer *tokenizer; /* NULL: ids only */
  gp_encoder *encoder;
  named_inputs names;
  gp_corpus_input *inputs; /* names.count */
  gp_input_facts *facts;   /* of each, once it was read */
  uint64_t documents;
  uint64_t tokens;
  uint64_t longest; /* of the documents, in tokens */
  uint64_t bytes;   /* of the inputs that were read */
  uint64_t bad;     /* lines left out */
  bool mute;        /* they are warned of elsewhere */
} documents;

/* Finds the inputs and opens the tokenizer. Returns an exit status, and has said what is wrong;
 * documents_close() in any case. `reading` has to outlive it. */
int documents_open(documents *all, const char *command, const reading_options *reading,
                   char **files, size_t n_files);
void documents_close(documents *all);

/* Refuses inputs that cannot be read a second time; `why`, which may be empty, says what wants
 * it. Likewise. */
int documents_check_again(const documents *all, const char *why);

/* Hands every document to `take`, with a progress line unless `quiet`. That there is none at all
 * is an error. Returns an exit status, and has said what went wrong. */
int documents_each(documents *all, bool quiet, take_document *take, void *user);

#endif

/* Feeds of a run. */
#ifndef GP_CORPUS_FEED_H
#define GP_CORPUS_FEED_H

#include "corpus/corpus.h"

/* Records of the inputs of corpus->work, which stand in corpus->inputs too. */
gp_status gp_feed_files_new(gp_corpus *corpus, gp_feed **feed, gp_error *error);
void gp_feed_files_free(gp_feed *feed);

/* Documents and coins of partial files; adds their inputs to corpus->inputs. The first file
 * is open, with its header in the corpus; the others have to agree with it. */
gp_status gp_feed_partials_new(gp_corpus *corpus, const char *const *paths, size_t n_paths,
                               gp_feed **feed, gp_error *error);
void gp_feed_partials_free(gp_feed *feed);

#endif

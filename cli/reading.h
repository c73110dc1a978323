/* How a command reads documents: the options for that, and the inputs they make of names. */
#ifndef CLI_READING_H
#define CLI_READING_H

#include "cli.h"
#include "inputs.h"

typedef struct reading_options {
  const char *tokenizer; /* NULL: ids only */
  unsigned normalize;
  gp_input_format format;
  const char *field; /* NULL: as the format wants it */
  const char *role;
  bool has_format;
  bool recursive;
  bool skip_bad;
} reading_options;

/* What getopt_long() returns for the options that say how to read, beside 't' and 'r'; commands
 * have long options of their own below. */
enum {
  READING_NORMALIZE = CLI_OPTIONS_MAX - 8,
  READING_FORMAT,
  READING_FIELD,
  READING_ROLE,
  READING_SKIP_BAD
};

/* For the table of getopt_long(): those of every command that reads, and the others. */
#define READING_OPTIONS                                                                          \
  {"tokenizer", required_argument, NULL, 't'},                                                   \
      {"normalize", optional_argument, NULL, READING_NORMALIZE},                                 \
      {"format", required_argument, NULL, READING_FORMAT},                                       \
      {"field", required_argument, NULL, READING_FIELD}, {                                       \
    "role", required_argument, NULL, READING_ROLE                                                \
  }
#define READING_MORE_OPTIONS                                                                     \
  {"recursive", no_argument, NULL, 'r'}, {                                                       \
    "skip-bad", no_argument, NULL, READING_SKIP_BAD                                              \
  }

/* Takes note of an option, whose value is in optarg, or says what is wrong with it. What is none
 * of these is an unknown one: cli_bad_option(). */
int reading_set_option(const char *command, int option, char **argv, reading_options *options);

/* What goes with what; says what does not. */
int reading_check(const char *command, const reading_options *options);

/* The inputs that are meant, standard input where there are no files: their names, and as many
 * inputs, to be freed in any case. Says what is wrong. */
int reading_find(const char *command, const reading_options *options, char **files,
                 size_t n_files, named_inputs *names, gp_corpus_input **inputs);

/* The bytes of all inputs for a progress bar; 0 where one is no regular file. */
uint64_t reading_total_bytes(const gp_corpus_input *inputs, size_t n_inputs);

/* Warns of a line that was left out, as long as there are few, and counts it. */
void reading_left_out(const char *command, const char *message, uint64_t *bad);

#endif

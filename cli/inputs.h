/* What a command reads: files as they were named, and the files in folders. */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include "greenprint.h"

typedef struct named_inputs {
  char **names;
  size_t count;
  size_t capacity;
} named_inputs;

/* What the end of a name says, before an additional .gz: .tokens, .jsonl, .ndjson, .npy, .u16 or
 * .u32; everything else is text where there is a tokenizer, and a token file where there is
 * none. */
gp_input_format input_format_of_name(const char *name, bool has_tokenizer);

/* Adds `name` or, where `recursive` and it is a folder, all regular files in it and below, in
 * the bytewise order of their paths: hidden ones too, and links to regular files, but links to
 * folders are not followed. Anything else in a folder (a socket, say) is left out; a folder
 * without a file is an error. Returns CLI_OK, or CLI_TROUBLE after saying why. */
int inputs_add(const char *command, const char *name, bool recursive, named_inputs *inputs);

/* Whether two names are of one file, or would be; either may be NULL, and `input` may be "-",
 * standard input. */
bool inputs_same_file(const char *name, const char *input);

/* Whether a descriptor is open on the regular file of this name. */
bool inputs_is_open_as(const char *name, int descriptor);

void inputs_free(named_inputs *inputs);

#endif

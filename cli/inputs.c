/* Nothing in a folder is left out because of its name, or because it could not be looked at:
 * a report has to be about all of what was handed in. */
#include "inputs.h"

#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 100 /* folders within folders: each holds a descriptor while it is listed */

void inputs_free(named_inputs *inputs) {
  for (size_t i = 0; i < inputs->count; i++) {
    free(inputs->names[i]);
  }
  free(inputs->names);
  *inputs = (named_inputs){0};
}

/* Whether `name` has `suffix` before its byte `length`. */
static bool ends_with(const char *name, size_t length, const char *suffix) {
  const size_t suffix_length = strlen(suffix);
  return length >= suffix_length &&
         memcmp(name + length - suffix_length, suffix, suffix_length) == 0;
}

gp_input_format input_format_of_name(const char *name, bool has_tokenizer) {
  static const struct {
    const char *suffix;
    gp_input_format format;
  } suffixes[] = {
      {".tokens", GP_INPUT_TOKENS}, {".jsonl", GP_INPUT_JSONL}, {".ndjson", GP_INPUT_JSONL},
      {".npy", GP_INPUT_NPY},       {".u16", GP_INPUT_U16},     {".u32", GP_INPUT_U32},
  };
  size_t length = strlen(name);
  if (ends_with(name, length, ".gz")) {
    length -= strlen(".gz");
  }
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
    if (ends_with(name, length, suffixes[i].suffix)) {
      return suffixes[i].format;
    }
  }
  return has_tokenizer ? GP_INPUT_TEXT : GP_INPUT_TOKENS;
}

static int out_of_memory(const char *command) {
  return cli_fail(command, "out of memory: too many files");
}

/* Takes over `name`, which may be NULL: memory has run out then. */
static int add_name(const char *command, char *name, named_inputs *inputs) {
  if (name == NULL) {
    return out_of_memory(command);
  }
  if (inputs->count == inputs->capacity) {
    const size_t capacity = inputs->capacity > 0 ? 2 * inputs->capacity : 16;
    char **grown = capacity <= SIZE_MAX / sizeof *grown
                       ? realloc(inputs->names, capacity * sizeof *grown)
                       : NULL;
    if (grown == NULL) {
      free(name);
      return out_of_memory(command);
    }
    inputs->names = grown;
    inputs->capacity = capacity;
  }
  inputs->names[inputs->count++] = name;
  return CLI_OK;
}

/* FOLDER/ENTRY, to be freed; NULL where memory has run out. */
static char *join(const char *folder, const char *entry) {
  const size_t length = strlen(folder);
  const char *separator = ends_with(folder, length, "/") ? "" : "/";
  const size_t size = length + strlen(entry) + 2;
  char *path = malloc(size);
  if (path != NULL) {
    (void)snprintf(path, size, "%s%s%s", folder, separator, entry);
  }
  return path;
}

static int add_folder(const char *command, const char *folder, int depth, named_inputs *inputs);

/* Adds what is at `path`, which is taken over. */
static int add_path(const char *command, char *path, int depth, named_inputs *inputs) {
  if (path == NULL) {
    return out_of_memory(command);
  }
  struct stat facts;
  int status = CLI_OK;
  if (lstat(path, &facts) != 0) {
    status = cli_fail(command, "%s: cannot be looked at: %s", path, strerror(errno));
  } else if (S_ISDIR(facts.st_mode)) {
    status = add_folder(command, path, depth + 1, inputs);
  } else if (stat(path, &facts) != 0) {
    status = cli_fail(command, "%s: the link cannot be followed: %s", path, strerror(errno));
  } else if (S_ISREG(facts.st_mode) && facts.st_size > 0) {
    return add_name(command, path, inputs);
  }
  free(path);
  return status;
}

static int add_entries(const char *command, const char *folder, DIR *listing, int depth,
                       named_inputs *inputs) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(listing);
    if (entry == NULL) {
      return errno == 0 ? CLI_OK
                        : cli_fail(command, "%s: the folder cannot be read: %s", folder,
                                   strerror(errno));
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    const int status = add_path(command, join(folder, entry->d_name), depth, inputs);
    if (status != CLI_OK) {
      return status;
    }
  }
}

static int add_folder(const char *command, const char *folder, int depth, named_inputs *inputs) {
  if (depth > DEPTH_MAX) {
    return cli_fail(command, "%s: folders are nested deeper than %d", folder, DEPTH_MAX);
  }
  DIR *listing = opendir(folder);
  if (listing == NULL) {
    return cli_fail(command, "%s: the folder cannot be opened: %s", folder, strerror(errno));
  }
  const int status = add_entries(command, folder, listing, depth, inputs);
  (void)closedir(listing);
  return status;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool is_folder(const char *name) {
  struct stat facts;
  return strcmp(name, "-") != 0 && stat(name, &facts) == 0 && S_ISDIR(facts.st_mode);
}

int inputs_add(const char *command, const char *name, bool recursive, named_inputs *inputs) {
  if (!recursive || !is_folder(name)) {
    return add_name(command, strdup(name), inputs);
  }
  const size_t before = inputs->count;
  const int status = add_folder(command, name, 1, inputs);
  if (status != CLI_OK) {
    return status;
  }
  if (inputs->count == before) {
    return cli_fail(command, "%s: the folder holds no file", name);
  }
  qsort(inputs->names + before, inputs->count - before, sizeof *inputs->names, compare_names);
  return CLI_OK;
}

static bool are_same(const struct stat *x, const struct stat *y) {
  return x->st_dev == y->st_dev && x->st_ino == y->st_ino && S_ISREG(x->st_mode);
}

bool inputs_is_open_as(const char *name, int descriptor) {
  struct stat x;
  struct stat y;
  return stat(name, &x) == 0 && fstat(descriptor, &y) == 0 && are_same(&x, &y);
}

bool inputs_same_file(const char *name, const char *input) {
  struct stat x;
  struct stat y;
  if (name == NULL || input == NULL) {
    return false;
  }
  if (strcmp(input, "-") == 0) {
    return inputs_is_open_as(name, STDIN_FILENO);
  }
  return strcmp(name, input) == 0 ||
         (stat(name, &x) == 0 && stat(input, &y) == 0 && are_same(&x, &y));
}

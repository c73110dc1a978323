#include "serve/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static const char first_line[] = "greenprint-serve-state 1\n";

struct state_file {
  char *path;
  char *draft; /* what is written before it is renamed */
  char *folder;
  int lock; /* descriptor of the file that is locked, since the state's own is replaced */
  char key_id[GP_KEY_ID_STRING_SIZE];
};

/* "PATH" and a suffix, to be freed; NULL when out of memory. */
static char *with_suffix(const char *path, const char *suffix) {
  const size_t size = strlen(path) + strlen(suffix) + 1;
  char *name = malloc(size);
  if (name != NULL) {
    (void)snprintf(name, size, "%s%s", path, suffix);
  }
  return name;
}

static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
}

/* ------------------------------------------------------------------------------ reading */

/* A number, then the end of the line. */
static bool read_number(char *text, uint64_t *value) {
  char *end = strchr(text, '\n');
  if (end == NULL) {
    return false;
  }
  *end = '\0';
  return cli_parse_number(text, UINT64_MAX, value);
}

static bool read_spending(char *line, spending *entry) {
  static const char word[] = "spent ";
  if (strncmp(line, word, sizeof word - 1) != 0) {
    return false;
  }
  char *name = line + sizeof word - 1;
  char *blank = strchr(name, ' ');
  if (blank == NULL || !token_is_name(name, (size_t)(blank - name))) {
    return false;
  }
  memcpy(entry->name, name, (size_t)(blank - name));
  entry->name[blank - name] = '\0';
  return read_number(blank + 1, &entry->elements);
}

static bool read_header(FILE *file, char **line, size_t *capacity, char *key_id) {
  static const char word[] = "key ";
  const size_t digits = GP_KEY_ID_STRING_SIZE - 1;
  if (getline(line, capacity, file) < 0 || strcmp(*line, first_line) != 0 ||
      getline(line, capacity, file) < 0 || strncmp(*line, word, sizeof word - 1) != 0 ||
      strspn(*line + sizeof word - 1, "0123456789abcdef") != digits ||
      strcmp(*line + sizeof word - 1 + digits, "\n") != 0) {
    return false;
  }
  memcpy(key_id, *line + sizeof word - 1, digits);
  key_id[digits] = '\0';
  return true;
}

/* Reads entries until the end: false for what is none, *memory where there is no room. */
static bool read_entries(FILE *file, char **line, size_t *capacity, spending **spent,
                         size_t *count, bool *memory) {
  size_t room = 0;
  while (getline(line, capacity, file) >= 0) {
    if (*count == room) {
      room = 2 * room + 16;
      spending *grown = realloc(*spent, room * sizeof *grown);
      if (grown == NULL) {
        *memory = true;
        return false;
      }
      *spent = grown;
    }
    if (!read_spending(*line, &(*spent)[*count])) {
      return false;
    }
    for (size_t i = 0; i < *count; i++) {
      if (strcmp((*spent)[i].name, (*spent)[*count].name) == 0) {
        return false;
      }
    }
    (*count)++;
  }
  return ferror(file) == 0;
}

static int read_state(const char *command, const char *path, const char *key_id, spending **spent,
                      size_t *count) {
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return errno == ENOENT
               ? CLI_OK
               : cli_fail(command, "%s: the state cannot be read: %s", path, strerror(errno));
  }
  char found[GP_KEY_ID_STRING_SIZE] = "";
  char *line = NULL;
  size_t capacity = 0;
  bool memory = false;
  int status = CLI_OK;
  if (!read_header(file, &line, &capacity, found)) {
    status =
        cli_fail(command, "%s: this is no state file of greenprint serve, or is damaged", path);
  } else if (strcmp(found, key_id) != 0) {
    status = cli_fail(command, "%s: the state is of key %s, and the key is %s: name another file",
                      path, found, key_id);
  } else if (!read_entries(file, &line, &capacity, spent, count, &memory)) {
    status = memory ? cli_fail(command, "out of memory: the state")
                    : cli_fail(command, "%s: line %zu of the state is damaged", path, *count + 3);
  }
  free(line);
  (void)fclose(file);
  return status;
}

/* ------------------------------------------------------------------------------ opening */

static int take_lock(const char *command, const char *path, state_file *state) {
  char *name = with_suffix(path, ".lock");
  if (name == NULL) {
    return cli_fail(command, "out of memory: the state");
  }
  int status = CLI_OK;
  const struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  state->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (state->lock < 0) {
    status =
        cli_fail(command, "%s: the state's lock cannot be opened: %s", name, strerror(errno));
  } else if (fcntl(state->lock, F_SETLK, &lock) != 0) {
    status = cli_fail(command, "%s: another greenprint serve has this state", path);
  }
  free(name);
  return status;
}

int state_file_open(const char *command, const char *path, const char *key_id, state_file **state,
                    spending **spent, size_t *count) {
  state_file *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return cli_fail(command, "out of memory: the state");
  }
  made->lock = -1;
  made->path = strdup(path);
  made->draft = with_suffix(path, ".new");
  made->folder = folder_of(path);
  (void)snprintf(made->key_id, sizeof made->key_id, "%s", key_id);
  int status = CLI_OK;
  if (made->path == NULL || made->draft == NULL || made->folder == NULL) {
    status = cli_fail(command, "out of memory: the state");
  }
  if (status == CLI_OK) {
    status = take_lock(command, path, made);
  }
  *spent = NULL;
  *count = 0;
  if (status == CLI_OK) {
    status = read_state(command, path, key_id, spent, count);
  }
  if (status != CLI_OK) {
    free(*spent);
    *spent = NULL;
    state_file_free(made);
    return status;
  }
  *state = made;
  return CLI_OK;
}

void state_file_free(state_file *state) {
  if (state == NULL) {
    return;
  }
  if (state->lock >= 0) {
    (void)close(
        state->lock); /* and with it the lock; its file stays, lest two processes have one */
  }
  free(state->path);
  free(state->draft);
  free(state->folder);
  free(state);
}

/* ------------------------------------------------------------------------------ writing */

static gp_status fail(const state_file *state, int number, gp_error *error) {
  error->status = GP_ERR_IO;
  (void)snprintf(error->message, sizeof error->message, "%s: the state cannot be written: %s",
                 state->path, strerror(number));
  return GP_ERR_IO;
}

static bool write_draft(const state_file *state, const spending *spent, size_t count) {
  const int fd = open(state->draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                      S_IRUSR | S_IWUSR);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (file == NULL) {
    if (fd >= 0) {
      (void)close(fd);
    }
    return false;
  }
  bool written = fprintf(file, "%skey %s\n", first_line, state->key_id) > 0;
  for (size_t i = 0; i < count && written; i++) {
    written = fprintf(file, "spent %s %" PRIu64 "\n", spent[i].name, spent[i].elements) > 0;
  }
  written = written && fflush(file) == 0 && fsync(fd) == 0;
  const int number = errno;
  const bool closed = fclose(file) == 0;
  errno = written ? errno : number;
  return written && closed;
}

static void sync_folder(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
    (void)close(fd);
  }
}

gp_status state_file_write(state_file *state, const spending *spent, size_t count,
                           gp_error *error) {
  if (!write_draft(state, spent, count) || rename(state->draft, state->path) != 0) {
    return fail(state, errno, error);
  }
  sync_folder(state->folder);
  return GP_OK;
}
